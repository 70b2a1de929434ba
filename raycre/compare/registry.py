"""The comparisons by name: those that come with raycre, a row each, and those of installed packages.

A package of a user's own adds a comparison by an entry point of the group `raycre.comparisons` that names
its declaration (`raycre.compare.declaration.Comparison`). Looking up names imports none of them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from raycre.errors import ConfigError, near
from raycre.packages import Installed, check_name, origin

if TYPE_CHECKING:
    from raycre.compare.declaration import Comparison

BUILT_IN = {
    name: f"raycre.compare.{name}"
    for name in ("marks", "overlap", "repeats", "crispri", "fasta", "saliency", "pruning", "profiles")
}
"""The comparisons that come with raycre, and the modules that declare them."""

INSTALLED = Installed("raycre.comparisons", "a comparison")


def comparison_names() -> tuple[str, ...]:
    """Return the name of every comparison: raycre's own, then installed ones by the alphabet."""
    return INSTALLED.names(BUILT_IN)


@cache
def find_comparison(name: str) -> Comparison:
    """Return the declaration of a comparison.

    Raises:
        ConfigError: no such comparison; of a package, one that cannot be imported, is none, or has a name
            that cannot be.
    """
    point = INSTALLED.find(name, BUILT_IN)
    if name in BUILT_IN:
        built_in: Comparison = import_module(BUILT_IN[name]).COMPARISON
        return built_in
    if point is None:
        raise ConfigError(
            f"no such comparison{near(name, comparison_names())}; there are {', '.join(comparison_names())}",
            value=name,
        )
    from raycre.compare.declaration import Comparison

    declared = INSTALLED.load(point, Comparison)
    check_name(point)
    for table in declared.tables:
        if table != name and not table.startswith(f"{name}_"):
            raise ConfigError(
                f"{origin(point)} declares a table of this name; call it {name}, or {name}_ and more",
                value=table,
            )
    return declared


def table_of_comparisons() -> str:
    """Return the table of docs/compare.md: what each comparison takes and writes."""
    from raycre.options import taken_by

    lines = ["| comparison | what it does | takes | tables |", "|---|---|---|---|"]
    for name in BUILT_IN:
        each = find_comparison(name)
        takes = ", ".join(f"`{t.metavar}`" for t in taken_by(each) if t.takes) or "–"
        tables = ", ".join(f"`compare_{table}`" for table in each.tables) or "–"
        lines.append(f"| `{name}` | {each.summary} | {takes} | {tables} |")
    return "\n".join(lines)
