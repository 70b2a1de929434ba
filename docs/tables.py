"""The tables of the documentation that code makes: `python docs/tables.py` writes them anew where they stand.

A table is found in its page by its first line and, where several tables begin so, by the rows that it shares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from raycre.annotate import registry as annotations
from raycre.annotate.groups import GROUP_TESTS
from raycre.annotate.scores import SCORE_BINS, SCORES
from raycre.backbones.registry import table_of_backbones
from raycre.compare import registry
from raycre.create.model.declaration import table_of_models
from raycre.create.training import presets
from raycre.creme.tests import table_of_tests
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
    return changed


if __name__ == "__main__":
    sys.exit(main())
