"""Names of backbones, without loading any: those of this package and of the entry-point group."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points

from raycre.errors import ConfigError, near

ENTRY_POINTS = "raycre.backbones"

TABLES: dict[str, str | None] = {
    "borzoi": "borzoi",
    "enformer": "enformer",
    "flashzoi": "borzoi",  # trained on Borzoi's targets
    "planted": None,
}
"""Backbones of this package, by name, and whose published track tables describe their outputs.

None: the model brings its own, as do those of entry points.
"""


def unknown_backbone(name: str) -> ConfigError:
    """Make the error for a name that is not registered."""
    every = list(known())
    return ConfigError(f"no such backbone{near(name, every)}; there are {', '.join(every)}", value=name)


def further() -> dict[str, EntryPoint]:
    """Backbones that installed packages register, by name."""
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def known() -> Iterator[str]:
    """Every registered backbone's name, in order."""
    yield from sorted({*TABLES, *further()})
