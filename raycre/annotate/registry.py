"""The annotations by name: those that come with raycre, a row each, and those of installed packages.

A package of a user's own adds an annotation by an entry point of the group `raycre.annotations` that names
its declaration (`raycre.annotate.declaration.Annotation`). Looking up names imports none of them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from raycre.errors import ConfigError, near
from raycre.packages import Installed, check_name, origin

if TYPE_CHECKING:
    from raycre.annotate.declaration import Annotation

BUILT_IN = {
    name: f"raycre.annotate.{name}"
    for name in (
        "motifs", "decoded", "conservation", "methylation", "contacts", "variants", "eqtls", "genes", "marks",
        "overlap", "repeats", "listed", "dual", "sources", "ldsc", "snpsea", "great", "values",
    )
}  # fmt: skip
"""The annotations that come with raycre, and the modules that declare them."""

WRITTEN_OF_ALL = ("groups", "scores", "bins")  # tables of every annotation, behind its name

INSTALLED = Installed("raycre.annotations", "an annotation")


def annotation_names() -> tuple[str, ...]:
    """Return the name of every annotation: raycre's own, then installed ones by the alphabet."""
    return INSTALLED.names(BUILT_IN)


@cache
def find_annotation(name: str) -> Annotation:
    """Return the declaration of an annotation.

    Raises:
        ConfigError: no such annotation; of a package, one that cannot be imported, is none, or has a name
            that cannot be.
    """
    point = INSTALLED.find(name, BUILT_IN)
    if name in BUILT_IN:
        built_in: Annotation = import_module(BUILT_IN[name]).ANNOTATION
        return built_in
    if point is None:
        known = annotation_names()
        raise ConfigError(f"no such annotation{near(name, known)}; there are {', '.join(known)}", value=name)
    from raycre.annotate.declaration import Annotation

    declared = INSTALLED.load(point, Annotation)
    check_name(point)
    for table in declared.tables:
        if not table.startswith(f"{name}_") or table.removeprefix(f"{name}_") in WRITTEN_OF_ALL:
            raise ConfigError(
                f"{origin(point)} declares a table of this name; call it {name}_ and more, but none of "
                f"{', '.join(WRITTEN_OF_ALL)}, which raycre writes itself",
                value=table,
            )
    return declared


def table_of_annotations() -> str:
    """Return the table of docs/annotate.md: what each annotation takes and where the papers have it."""
    from raycre.options import taken_by

    lines = ["| annotation | what a region is given | takes | in the papers |", "|---|---|---|---|"]
    for name in BUILT_IN:
        each = find_annotation(name)
        takes = ", ".join(f"`{t.metavar}`" for t in taken_by(each) if t.takes) or "–"
        lines.append(f"| `{name}` | {each.summary} | {takes} | {each.paper or '–'} |")
    return "\n".join(lines)


def table_of_rules() -> str:
    """Return the table of decisions of docs/annotate.md."""
    lines = ["| annotation | what is decided | what raycre does | other readings |", "|---|---|---|---|"]
    for name in BUILT_IN:
        for rule in find_annotation(name).rules:
            lines.append(f"| `{name}` | {rule.question} | {rule.taken} | {rule.otherwise or '–'} |")
    return "\n".join(lines)
