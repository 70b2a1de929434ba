"""Where tensors live in a worker: on its GPU when it was given one, else on the CPU.

A GPU is one of CUDA's (AMD's builds of torch call theirs so, too), or else the one of a Mac, by MPS.
"""

from __future__ import annotations

import ctypes
import os
import sys

import pyarrow as pa
import torch

from raycre.errors import RaycreError


def prepare(threads: int, gpus: float, *, tf32: bool = False) -> torch.device:
    """Set this process to a fixed number of threads and to reproducible kernels; return its device.

    float32 means float32 on a GPU, too, unless TF32 is asked for.

    Raises:
        RaycreError: a GPU was asked for and torch sees none; TF32 was, and the GPU is a Mac's.
    """
    torch.set_num_threads(threads)
    keep_memory()
    if not gpus:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        return _mps(tf32)
    os.environ.setdefault(
        "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
    )  # else matrix products may differ between runs
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return torch.device("cuda")


def gpu_names() -> list[str]:
    """Return the names of the GPUs that torch sees, none started."""
    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return cuda or ["MPS, the GPU of this Mac"] * torch.backends.mps.is_available()


def _mps(tf32: bool) -> torch.device:
    if not torch.backends.mps.is_available():
        remedy = (
            "MPS needs a Mac with Apple silicon, macOS 14 or later and torch for arm64"
            if sys.platform == "darwin"
            else "install a CUDA build of torch"
        )
        raise RaycreError(f"resources ask for a GPU, but torch sees none here; {remedy}")
    if tf32:
        raise RaycreError(
            "model.dtype tf32 is of NVIDIA's GPUs, and this is a Mac's; take bfloat16 or float32"
        )
    return torch.device("mps")


def keep_memory() -> None:
    """Let the C library keep freed megabytes for the next layer, instead of asking the system each time.

    Otherwise a quarter of the time of Enformer's convolutions goes into giving pages back and clearing them.
    Only glibc has these knobs (M_TRIM_THRESHOLD -1 and M_MMAP_THRESHOLD -3 in malloc.h).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(-3, 1 << 30)
        mallopt(-1, (1 << 31) - 1)


def release_memory() -> None:
    """Give memory that is free in this process back to the system, where its libraries know how to.

    A driver holds all regions while it plans, and for the hours after that it needs none of them.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
