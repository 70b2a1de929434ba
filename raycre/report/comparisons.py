"""Which comparisons of a CREME run the page draws: declared ones that have left their tables in it."""

from __future__ import annotations

from pathlib import Path

from raycre.compare.registry import comparison_names, find_comparison
from raycre.errors import ConfigError, near
from raycre.figures.blocks import Block, Note
from raycre.figures.comparisons import DEFAULT, FIGURES, Drawing, read_comparisons


def read_compared(run: Path) -> list[Block]:
    """Return the part of the page about the comparisons in a run's summary; nothing where there are none.

    Raises:
        FormatError: a damaged table.
    """
    left = sorted(path.stem.removeprefix("compare_") for path in run.glob("summary/compare_*.parquet"))
    if not left:
        return []
    drawings, notes, declared = [], [], set()
    for name in comparison_names():
        try:
            comparison = find_comparison(name)
        except ConfigError as error:
            notes.append(Note(f"The comparison {name} cannot be read: {error.message}"))
            continue
        figure = comparison.figure
        if figure not in FIGURES:
            named = f"the figure {figure!r}{near(figure, FIGURES)}; there are {', '.join(FIGURES)}"
            notes.append(Note(f"The comparison {name} names {named}. It is drawn by {DEFAULT}."))
            figure = DEFAULT
        tables = comparison.drawn or tuple(comparison.tables)
        drawings.append(Drawing(name, figure, comparison.subject or name, tables))
        declared |= set(comparison.tables)
    unknown = [f"compare_{table}" for table in left if table not in declared]
    if unknown:
        notes.append(Note(f"Not drawn, of comparisons that are not installed here: {', '.join(unknown)}."))
    return [*read_comparisons(run, drawings), *notes]
