"""What a backbone says of itself before it is loaded: one row of the registry, or one of a user's package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raycre.backbones.contract import Backbone


@dataclass(frozen=True)
class Declaration:
    """A backbone.

    Attributes:
        name: in configurations (`model.backbone`).
        loader: a callable of the keyword arguments weights (str or None), head, track_table (Path or None)
            and its own settings, that returns a `Backbone`; or where to find it, "module:function", so that
            PyTorch is not imported before a model is loaded.
        settings: the settings that it alone has, with the values that they take.
        tables: whose published track tables describe its outputs; None: it brings its own.
        packed: bytes that a replica on a CPU lays out anew for each byte of weights.
        working: bytes that a pass of one sequence needs there for each byte of weights. Both were measured at
            full size (benchmarks/RESULTS.md); a replica asks for memory by them.
        preset: what of CREME's published settings fits it, by name (`creme.presets.PRESETS`).
        reads, output, published: for docs: its input, its output, the weights that load as they are.
    """

    name: str
    loader: str | Callable[..., Backbone]
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tables: str | None = None
    packed: float = 0.0
    working: float = 2.0
    preset: str = "enformer"
    reads: str = ""
    output: str = ""
    published: str = ""

    def find_loader(self) -> Callable[..., Backbone]:
        """Return the loader itself."""
        if not isinstance(self.loader, str):
            return self.loader
        module, _, function = self.loader.partition(":")
        found: Callable[..., Backbone] = getattr(import_module(module), function)
        return found
