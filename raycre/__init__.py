"""raycre: CREATE and CREME on Ray, genome-scale and restartable.

From Python a function for each verb (`raycre.train`, `raycre.predict`, `raycre.creme`, …), `raycre.open_run`
for what a run has written, and the backbones as functions of arrays (`raycre.enformer`, …); see
docs/python.md. Each is imported when it is first asked for.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from raycre.verbs import VERBS, find

__version__ = "0.2.0"

_NAMES = {
    "open_run": "raycre.api.runs:open_run",
    "connected": "raycre.engine.cluster:connected",
    "model": "raycre.api.models:model",
    **{name: f"raycre.api.models:{name}" for name in ("enformer", "borzoi", "flashzoi", "planted")},
}
__all__ = ["__version__", *VERBS, *_NAMES]


class _CallableModule(ModuleType):
    """A part of raycre that has the name of a verb: `raycre.creme` is the package, and may be called."""

    def __call__(self, *given: Any, **named: Any) -> Any:
        return _verb(self.__name__.rpartition(".")[2])(*given, **named)

    def __reduce__(self) -> tuple[Any, ...]:
        return import_module, (self.__name__,)


class _Raycre(ModuleType):
    """The package itself; what is imported into it under a verb's name may be called as the verb."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in VERBS and type(value) is ModuleType:
            value.__class__ = _CallableModule
        super().__setattr__(name, value)


def _verb(name: str) -> Any:
    return import_module("raycre.api.verbs").function_of(VERBS[name])


def __getattr__(name: str) -> Any:
    if name in VERBS:
        if find_spec(f"raycre.{name}") is None:
            return _verb(name)
        return import_module(f"raycre.{name}")
    if name in _NAMES:
        return find(_NAMES[name])
    close = get_close_matches(name, __all__, n=1)
    hint = f"; did you mean {close[0]}?" if close and not name.startswith("_") else ""
    raise AttributeError(f"module 'raycre' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Raycre
