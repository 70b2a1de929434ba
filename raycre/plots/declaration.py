"""What a figure of a paper says of itself: which table it is drawn from, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from raycre.plots.runs import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw: TypeAlias = "Callable[[Figure, pd.DataFrame, Choice], str]"


@dataclass(frozen=True)
class Choice:
    """What a person chooses of a figure.

    Attributes:
        names: genes, marks, motifs, traits or settings to draw; empty: the figure's own choice.
        of: one class, way of a search or metric, where the figure is about one; "": the figure's own.
        data: name and path of files that no run holds: what other programs have written, motifs.
    """

    names: tuple[str, ...] = ()
    of: str = ""
    data: tuple[tuple[str, Path], ...] = ()

    def which(self, default: str) -> str:
        """Return `of`, or what the figure takes by default."""
        return self.of or default


@dataclass(frozen=True)
class PaperFigure:
    """A figure that is drawn from runs.

    Attributes:
        name: on the command line, `creme-2a`.
        title: a few words, with which its caption begins.
        shows: one line for people: what is drawn.
        paper: the panels that it is.
        needs: the runs and tables that it is drawn from, for people.
        table: (runs, choice) -> what is drawn, one row a point. It raises MissingInputError where the runs
            lack it. The rows are written beside the figure.
        draw: (empty figure of its size, rows, choice) -> the caption: what is shown, n, and the test.
        also: further names, of panels that are this figure of other runs (another cell line).
        height: inches at one column; a figure of two columns is as high.
        columns: 1 or 2 of a page, where a person does not say.
        of: the values that `Choice.of` takes, the default first; empty: it takes none.
        names: what `Choice.names` are, for people; "": it takes none.
        data: what `Choice.data` are, for people; "": it takes none.
        runs: False for a figure of `data` alone.
    """

    name: str
    title: str
    shows: str
    paper: str
    needs: str
    table: Callable[[Runs, Choice], pd.DataFrame]
    draw: Draw
    also: tuple[str, ...] = ()
    height: float = 2.2
    columns: int = 1
    of: tuple[str, ...] = ()
    names: str = ""
    data: str = ""
    runs: bool = True
