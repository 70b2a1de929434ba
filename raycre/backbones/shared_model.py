"""A model as a few bytes and its tensors as plain arrays, so that processes of a node can share the arrays.

The object store keeps arrays once a node and hands every process the same memory; torch tensors it would copy
for each. Only the driver of a run serialises, so unpickling runs no code from elsewhere.
"""

from __future__ import annotations

import io
import pickle
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raycre.backbones.contract import Backbone


@dataclass(frozen=True)
class SharedModel:
    """A model whose tensors are arrays.

    Attributes:
        skeleton: the model without its tensors.
        arrays: bytes of the tensors, uint8 each, in the order in which the skeleton asks for them.
    """

    skeleton: bytes
    arrays: tuple[NDArray[np.uint8], ...]


def serialise(model: Backbone) -> SharedModel | None:
    """Take a model on the CPU apart without copying its tensors; None for one that must not be shared.

    Replicas of such a model load it by themselves.
    """
    if not model.shares_weights:
        return None
    file, buffers = io.BytesIO(), list[pickle.PickleBuffer]()
    _Pickler(file, protocol=5, buffer_callback=buffers.append).dump(model)
    return SharedModel(file.getvalue(), tuple(np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers))


def restore(shared: SharedModel) -> Backbone:
    """Put a model together whose tensors lie where the shared arrays do; they are read-only."""
    model: Backbone = pickle.loads(shared.skeleton, buffers=shared.arrays)
    return model


class _Pickler(pickle.Pickler):
    """Leaves the memory of tensors to `buffer_callback`, as pickle does with arrays' alone."""

    def reducer_override(self, value: Any) -> Any:
        """See `pickle.Pickler`."""
        if type(value) is not Tensor or value.device.type != "cpu" or value.requires_grad:
            return NotImplemented  # parameters come again as the tensors that they hold
        return _as_tensor, (value.contiguous().numpy(),)


def _as_tensor(array: NDArray[Any]) -> Tensor:
    with warnings.catch_warnings():
        # Replicas only read: `Backbone.shares_weights` says so.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array)
