"""Where tensors live in a worker: on its GPU when it was given one, else on the CPU. Knows no model."""

from __future__ import annotations

import ctypes
import os
import sys

import torch

from raycre.errors import RaycreError


def prepare(threads: int, gpus: float, *, tf32: bool = False) -> torch.device:
    """Set this process to a fixed number of threads and to reproducible kernels; return its device.

    float32 means float32 on a GPU, too, unless TF32 is asked for.

    Raises:
        RaycreError: a GPU was asked for and torch sees none.
    """
    torch.set_num_threads(threads)
    keep_memory()
    if not gpus:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise RaycreError("resources ask for a GPU, but torch sees none here; install a CUDA build of torch")
    os.environ.setdefault(
        "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
    )  # else matrix products may differ between runs
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return torch.device("cuda")


def keep_memory() -> None:
    """Let the C library keep freed megabytes for the next layer, instead of asking the system each time.

    Otherwise a quarter of the time of Enformer's convolutions goes into giving pages back and clearing them.
    Only glibc has these knobs (M_TRIM_THRESHOLD -1 and M_MMAP_THRESHOLD -3 in malloc.h).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(-3, 1 << 30)
        mallopt(-1, (1 << 31) - 1)
