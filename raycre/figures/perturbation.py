"""A CREME run's part of the report: figures by name, each drawn of the tests that name it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from raycre.creme.tests import find_test, in_order, names_of_tests
from raycre.errors import ConfigError, near
from raycre.figures.blocks import Block, Note
from raycre.figures.choices import read_choices
from raycre.figures.effects import read_effects
from raycre.figures.elements import read_elements
from raycre.figures.finetiles import read_finetiles
from raycre.figures.placements import read_placements
from raycre.figures.rows import read_rows
from raycre.figures.searches import read_searches
from raycre.figures.swaps import read_swaps

FIGURES: dict[str, Callable[[Path, Sequence[str]], list[Block]]] = {
    "tiles": read_effects,
    "swaps": read_swaps,
    "searches": read_searches,
    "placements": read_placements,
    "finetiles": read_finetiles,
    "rows": read_rows,
}
"""What draws a test, by the name in its declaration (`Test.figure`), in the order of the page."""

DEFAULT_FIGURE = "rows"  # of a test whose figure is not known here


def read_perturbation(run: Path) -> list[Block]:
    """Read a CREME run and return its part of the report.

    Raises:
        FormatError: a damaged part.
    """
    tests, notes = drawn_by_figure(run)
    first, *others = FIGURES
    return [
        *read_choices(run),
        *notes,
        *FIGURES[first](run, tests[first]),
        *read_elements(run),
        *(block for name in others for block in FIGURES[name](run, tests[name])),
    ]


def drawn_by_figure(run: Path) -> tuple[dict[str, list[str]], list[Note]]:
    """Return the tests of a run by the figure that draws them, and what a person should know of that.

    A test whose package is not installed here is drawn by the figure of any rows.
    """
    tests: dict[str, list[str]] = {name: [] for name in FIGURES}
    notes: list[Note] = []
    here = in_order(path.name.removeprefix("test=") for path in run.glob("effects/test=*"))
    for test in here:
        figure: str | None = DEFAULT_FIGURE
        if test in names_of_tests():
            try:
                figure = find_test(test).figure
            except ConfigError as error:
                notes.append(Note(f"The test {test} cannot be read: {error.message}"))
        if figure is not None and figure not in FIGURES:
            there = f"there are {', '.join(FIGURES)}{near(figure, FIGURES) or '.'}"
            notes.append(
                Note(f"The test {test} names the figure {figure!r}; {there} It is drawn by {DEFAULT_FIGURE}.")
            )
            figure = DEFAULT_FIGURE
        if figure is not None:
            tests[figure].append(test)
    return tests, notes
