"""A device that has no float64, as MPS: tensors on torch's `meta` device stand for those on a Mac's GPU.

They have shapes and no numbers: what is copied to the CPU is 0, a single value that is asked for is 0.5
or true.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

DEVICE = "meta"


class WithoutFloat64(TorchDispatchMode):
    """Refuses, as MPS does, every operation that would leave float64 numbers on the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See `TorchDispatchMode`."""
        kwargs = kwargs or {}
        if func is torch.ops.aten._local_scalar_dense.default and args[0].device.type == DEVICE:
            return args[0].dtype.is_floating_point * 0.5 or 1
        if func is torch.ops.aten.bincount.default and args[0].device.type == DEVICE:
            return torch.zeros(args[2], dtype=torch.int64, device=DEVICE)
        if (
            func is torch.ops.aten._to_copy.default
            and torch.device(kwargs.get("device") or DEVICE).type == "cpu"
        ):
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        out = func(*args, **kwargs)
        for each in tree_leaves(out):
            if isinstance(each, torch.Tensor) and (each.device.type, each.dtype) == (DEVICE, torch.float64):
                raise TypeError(f"{func}: Cannot convert a MPS Tensor to float64 dtype")
        return out
