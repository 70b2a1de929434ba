"""A backbone that a process was given as an object, such as one whose class stands in a notebook."""

from __future__ import annotations

import inspect
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Any

import torch

from raycre.backbones.contract import Backbone
from raycre.backbones.declaration import Declaration
from raycre.backbones.registry import BACKBONES, INSTALLED
from raycre.errors import ConfigError

_SAID = ("training", "weights_sha256")  # attributes that are no part of what a model computes
_PLAIN = (bool, int, float, str, bytes, type(None))


class Loaded:
    """The loader of a model that is there: gives a copy of it as it was when it was handed over."""

    def __init__(self, model: Backbone) -> None:
        self.model = model

    def __call__(self, *, weights: str | None, head: str, track_table: Path | None) -> Backbone:
        """Return the copy.

        Raises:
            ConfigError: weights or a table, which the model has already.
        """
        for key, given in (("weights", weights), ("track_table", track_table)):
            if given is not None:
                raise ConfigError(
                    f"{self.model.name} is an object that has its own; set model.{key} to null (None)",
                    value=given,
                )
        return deepcopy(self.model)


def hand_over(model: Backbone) -> str:
    """Let this process, and workers of its runs, find a model by its name; return the name.

    A run that it predicts is known by its parameters and buffers, plain attributes, and the text of its
    classes: `weights_sha256` of the copy is the hash over them.

    Raises:
        ConfigError: a name that cannot be one, or that raycre has.
    """
    mine = deepcopy(model).cpu()
    mine.weights_sha256 = digest_of(mine)
    INSTALLED.hand_over(mine.name, Declaration(mine.name, Loaded(mine)), BACKBONES)
    return mine.name


def digest_of(model: torch.nn.Module) -> str:
    """Return the hash of what a model computes with: tensors, plain attributes, the text of its classes."""
    told = sha256()
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        told.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        told.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    for name, module in model.named_modules():
        plain = {k: v for k, v in vars(module).items() if k[:1] != "_" and k not in _SAID and _is_plain(v)}
        told.update(f"{name} {sorted(plain.items())!r}\n".encode())
    for kind in dict.fromkeys(type(module) for module in model.modules()):
        told.update(_text_of(kind))
    return told.hexdigest()


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_plain(one) for one in value)
    return isinstance(value, _PLAIN)


def _text_of(kind: type) -> bytes:
    """Return the text of a class; what its functions were compiled to where the text is not to be had."""
    if kind.__module__.partition(".")[0] == "torch":
        return f"{kind.__module__}.{kind.__qualname__}\n".encode()
    try:
        return inspect.getsource(kind).encode()
    except (OSError, TypeError):  # typed into an interpreter
        codes = [(name, f.__code__) for name, f in sorted(vars(kind).items()) if isinstance(f, FunctionType)]
        return repr(
            [(name, c.co_code, c.co_names, _is_plain(c.co_consts) and c.co_consts) for name, c in codes]
        ).encode()
