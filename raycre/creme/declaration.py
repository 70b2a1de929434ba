"""What a perturbation test says of itself. A test is one file that ends with its declaration, `TEST`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from raycre.creme.perturbation import Perturbation
from raycre.creme.rows import Predicted, Row
from raycre.creme.settings import Settings


@dataclass(frozen=True)
class Adaptive:
    """A search: it chooses passes by earlier ones, so one replica follows it through a gene, step by step.

    Attributes:
        group: tests of one group share what they choose, and are followed together.
        each_way: each way of a search (`Settings.searches`) is followed by itself.
    """

    group: str
    each_way: bool = False


@dataclass(frozen=True)
class Test:
    """A perturbation test.

    A test is run by asking it for passes and predicting them, again and again until it asks for none that is
    not known. One that searches looks at what is known to choose what it needs next, and declares that it
    is `adaptive`; any other names all of its passes at once.

    Attributes:
        name: in configurations, on the command line and in the column `test`.
        summary: one line for people: what is done, and what is asked.
        perturbations: (settings, predictions) -> every sequence that the test reads, as often as it reads it,
            as far as `predictions` lets it see. With none these are the sequences that need no earlier
            answer. What is returned follows from the arguments alone, and what was returned for less is
            returned for more.
        effects: (settings, predictions) -> the rows, once `perturbations` asks for nothing that is not known.
        shuffles: of a tile, or of the whole input; None for a test without any.
        shuffles_of: the same in other presets than the paper's for Enformer, by name (`presets.PRESETS`).
        needs: tests whose passes and numbers of shuffles it reads as well.
        tiled: it changes or inserts other tiles than that of the TSS.
        per_tile: it gives one effect for each of these tiles, at the tile's own place.
        swaps: it reads the wild types of the genes in `settings.partners`, too.
        adaptive: of a test that chooses passes by earlier ones; None for any other.
        pipeline: `tests: pipeline` runs it, of the tests that come with raycre.
        figure: row of the table of figures that draws it (`figures.perturbation.FIGURES`); None: nothing.
        row: what a row of its effects is about, for docs.
        metrics: its formulas and what they are of, for docs.
        calls: the values of `call`, for docs; empty where there are none.
        columns: what else is to be said of its rows' columns, for docs.
    """

    __test__: ClassVar[bool] = False  # for pytest, which takes a class of this name for its own

    name: str
    summary: str
    perturbations: Callable[[Settings, Predicted], list[Perturbation]]
    effects: Callable[[Settings, Predicted], list[Row]]
    shuffles: int | None = None
    shuffles_of: Mapping[str, int] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    tiled: bool = True
    per_tile: bool = False
    swaps: bool = False
    adaptive: Adaptive | None = None
    pipeline: bool = True
    figure: str | None = "rows"
    row: str = ""
    metrics: str = ""
    calls: str = ""
    columns: str = ""
