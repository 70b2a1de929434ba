"""What code makes of its declarations: `python docs/tables.py` writes it anew where it stands.

Tables of the documentation, and `raycre/cli/built_in.py`, from which the command line's help is made without
importing what it is about.

A table is found in its page by its first line and, where several tables begin so, by the rows that it shares.
"""

from __future__ import annotations

import sys
from dataclasses import MISSING
from pathlib import Path
from typing import Any, get_origin

from raycre.annotate import registry as annotations
from raycre.annotate.groups import GROUP_TESTS
from raycre.annotate.scores import SCORE_BINS, SCORES
from raycre.backbones.registry import table_of_backbones
from raycre.cli.declared import Declared, declared_of
from raycre.compare import registry
from raycre.create.model.declaration import table_of_models
from raycre.create.training import presets
from raycre.creme.tests import TESTS, table_of_tests
from raycre.export.formats import table_of_formats
from raycre.plots.registry import table_of_figures
from raycre.store.fields import table_of_fields
from raycre.store.schemas import (
    CANDIDATES,
    EFFECTS,
    ELEMENTS,
    LABELS,
    LABELS_DROPPED,
    LIFT_COUNTS,
    LIFT_LOST,
    PREDICTIONS,
    STEP_COUNTS,
)

PREPARED = (LABELS, CANDIDATES, LABELS_DROPPED, STEP_COUNTS, LIFT_COUNTS, LIFT_LOST)
ROOT = Path(__file__).resolve().parents[1]


def tables() -> list[tuple[str, str]]:
    """Return (page, table) of every table that code makes; a page is a path from the root."""
    compared = [
        schema for name in registry.BUILT_IN for schema in registry.find_comparison(name).tables.values()
    ]
    annotated = [
        schema
        for name in annotations.BUILT_IN
        for schema in annotations.find_annotation(name).tables.values()
    ]
    return [
        ("README.md", table_of_fields(PREDICTIONS)),
        ("README.md", table_of_fields(EFFECTS)),
        ("docs/create.md", table_of_models()),
        ("docs/create.md", presets.table_of_differences()),
        ("docs/creme.md", table_of_tests()),
        ("docs/creme.md", table_of_fields(ELEMENTS)),
        ("docs/backbones.md", table_of_backbones()),
        ("docs/compare.md", registry.table_of_comparisons()),
        *(("docs/prepare.md", table_of_fields(schema)) for schema in PREPARED),
        ("docs/export.md", table_of_formats()),
        *(("docs/compare.md", table_of_fields(schema)) for schema in compared),
        ("docs/annotate.md", annotations.table_of_annotations()),
        ("docs/annotate.md", table_of_fields(GROUP_TESTS)),
        ("docs/annotate.md", table_of_fields(SCORES)),
        ("docs/annotate.md", table_of_fields(SCORE_BINS)),
        *(("docs/annotate.md", table_of_fields(schema)) for schema in annotated),
        ("docs/annotate.md", annotations.table_of_rules()),
        ("docs/figures.md", table_of_figures()),
    ]


def written_into(text: str, table: str) -> str:
    """Return the text of a page with the table in place of its earlier form.

    Raises:
        ValueError: the page has no table that begins so and shares a row's first cell with it.
    """
    lines, wanted = text.split("\n"), table.split("\n")
    cells = {*map(_first_cell, wanted[2:])}
    best, best_alike = (0, 0), 0.0
    for start, line in enumerate(lines):
        if line != wanted[0]:
            continue
        end = start
        while end < len(lines) and lines[end].startswith("|"):
            end += 1
        here = {_first_cell(row) for row in lines[start + 2 : end]}
        alike = len(here & cells) / max(len(here | cells), 1)
        if alike > best_alike:
            best, best_alike = (start, end), alike
    if not best_alike:
        raise ValueError(f"no table begins with {wanted[0]!r} and has its rows; write its first lines there")
    return "\n".join([*lines[: best[0]], *wanted, *lines[best[1] :]])


BUILT_IN = "raycre/cli/built_in.py"
_HEAD = '''"""Comparisons, annotations and tests that come with raycre, as the command line's help needs them.

`python docs/tables.py` writes this file from their declarations.
"""
# fmt: off
# ruff: noqa: E501

from __future__ import annotations

import collections.abc
import pathlib
import typing
from dataclasses import MISSING

from raycre.cli.declared import Declared
from raycre.options import Taken
'''


def built_in() -> str:
    """Return the text of raycre/cli/built_in.py."""
    comparisons = [declared_of(registry.find_comparison(name)) for name in registry.BUILT_IN]
    annotated = [declared_of(annotations.find_annotation(name)) for name in annotations.BUILT_IN]
    tests = "".join(f"    {name!r}: {test.summary!r},\n" for name, test in TESTS.items())
    return (
        f"{_HEAD}\nCOMPARISONS = {{\n{_literals(comparisons)}}}\n"
        f"\nANNOTATIONS = {{\n{_literals(annotated)}}}\n\nTESTS = {{\n{tests}}}\n"
    )


def _literals(declared: list[Declared]) -> str:
    """Lines of Python that make these declarations, by name."""
    lines = []
    for each in declared:
        lines.append(f"    {each.name!r}: Declared(\n        {each.name!r}, {each.summary!r}, (\n")
        lines += [f"            Taken({', '.join(map(_literal, taken))}),\n" for taken in each.taken]
        lines.append(f"        ), {each.needs!r}, {each.test!r},\n    ),\n")
    return "".join(lines)


def _literal(value: Any) -> str:
    """An expression for a value or a type."""
    if value is MISSING:
        return "MISSING"
    if isinstance(value, Path):
        return "pathlib.Path()" if value == Path() else f"pathlib.Path({str(value)!r})"
    if isinstance(value, type) and get_origin(value) is None:
        return value.__name__ if value.__module__ == "builtins" else "pathlib.Path"
    return repr(value)


def _first_cell(row: str) -> str:
    return row.split("|")[1].strip()


def main() -> int:
    """Write all tables; return 1 where a page changed."""
    changed = 0
    for page, table in tables():
        path = ROOT / page
        before = path.read_text()
        after = written_into(before, table)
        if after != before:
            path.write_text(after)
            print(f"{page}: {table.splitlines()[0]}")
            changed = 1
    module = ROOT / BUILT_IN
    if module.read_text() != built_in():
        module.write_text(built_in())
        print(BUILT_IN)
        changed = 1
    return changed


if __name__ == "__main__":
    sys.exit(main())
