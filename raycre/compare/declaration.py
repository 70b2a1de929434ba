"""What a comparison says of itself. A comparison is one file that ends with its declaration, `COMPARISON`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from raycre.genome.fasta import Fasta
from raycre.options import chain_option as chain_option
from raycre.options import file as file
from raycre.options import files as files
from raycre.options import option as option

CALLED = ("enhancer", "silencer")  # calls that are compared where none are named

Need = Literal["sizes", "genome", "model"]


class Compared(Protocol):
    """A finished CREME run, as a comparison is handed it.

    Attributes:
        table: the tiles of one test on one track, columns of `tiles.TestedTiles`.
        track_id: of that track.
    """

    @property
    def table(self) -> pd.DataFrame: ...

    @property
    def track_id(self) -> int: ...

    def sizes(self) -> tuple[Mapping[str, int], str]:
        """Return bp of each chromosome, and the file that says so; a comparison that needs "sizes"."""
        ...

    def genome(self) -> Fasta:
        """Open the run's FASTA; a comparison that needs "genome" or "model"."""
        ...

    def model(self, *, gpu: bool) -> tuple[Any, Any]:
        """Load the run's model in float32; a comparison that needs "model".

        Returns:
            The `backbones.contract.Backbone` and its torch device.
        """
        ...

    def write_part(self, table: str, number: int, rows: pd.DataFrame) -> None:
        """Write a part of a table that is too long to be returned whole."""
        ...

    def write_text(self, name: str, lines: Iterable[str]) -> str:
        """Write a text file into the comparison's own folder; return its path."""
        ...

    def progress(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show how many of `total` are done."""
        ...


class ComparisonResult(NamedTuple):
    """What a comparison has come to.

    facts: ready for JSON; they are printed.
    tables: rows by the name of their table, in the order in which they are written.
    """

    facts: dict[str, Any]
    tables: Mapping[str, pd.DataFrame] = {}


@dataclass(frozen=True)
class Comparison:
    """A comparison of a finished CREME run with other data.

    Attributes:
        name: on the command line.
        summary: one line for people: what is compared, and what comes of it.
        options: a frozen dataclass of the files and options it takes, made with `option`, `file` and
            `files`. Values that cannot be raise ConfigError in its `__post_init__`.
        compare: (run, options) -> what it has come to. It raises InputError before it writes anything.
        test: whose effects and calls are compared, where --test does not say.
        needs: "sizes" (lengths of chromosomes), "genome" (its sequence) or "model" (and the genome).
        calls: of the tiles that are read, from the options; None reads all.
        tables: schema of each table, by name: the comparison's own name, or that with _MORE after it.
        figure: row of `figures.comparisons.FIGURES` that draws it in the report.
        drawn: the tables that the figure needs; by default all.
        subject: what tiles are compared with, in the words of the figure; by default the name.
    """

    name: str
    summary: str
    options: type
    compare: Callable[[Compared, Any], ComparisonResult]
    test: str = "sufficiency"
    needs: tuple[Need, ...] = ()
    calls: Callable[[Any], frozenset[str] | None] = lambda options: None
    tables: Mapping[str, pa.Schema] = field(default_factory=dict)
    figure: str = "table"
    drawn: tuple[str, ...] = ()
    subject: str = ""


def groups_option() -> Any:
    """Declare `groups`: the calls that are compared."""
    return option(CALLED, "Calls, with commas between.")


def seed_option() -> Any:
    """Declare `seed`."""
    return option(0, "Seed of what is drawn.", least=0)


def json_rows(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON, where NaN and infinity are null."""

    def plain(value: object) -> object:
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return [{str(key): plain(value) for key, value in row.items()} for row in rows.to_dict("records")]
