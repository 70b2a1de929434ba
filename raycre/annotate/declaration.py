"""What an annotation says of itself. An annotation is a file that ends with its declaration, `ANNOTATION`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from raycre.genome.fasta import Fasta
from raycre.options import chain_option as chain_option
from raycre.options import file as file
from raycre.options import files as files
from raycre.options import option as option
from raycre.store.fields import INT, TEXT, schema_of

Need = Literal["genome", "groups", "decoded", "values"]
Compare = Literal["values", "share"]
KINDS = ("original", "reconstructed", "zeroed")  # input, decoded, decoded without the major feature
DECODED = schema_of(
    ("fold", INT, "fold that decoded the region"),
    ("code", INT, "major feature of the region's class in that fold"),
    ("n_pieces", INT, "pieces of its embedding that are the major feature; 0: nothing is zeroed"),
    *((f"sequence_{kind}", TEXT, f"bases of the region, {kind}") for kind in KINDS),
)


class PartWorker(Protocol):
    """Works on parts of the regions, in whatever process it is made."""

    def __call__(self, genome: Fasta | None, part: pd.DataFrame, first: int) -> Mapping[str, pd.DataFrame]:
        """Return the rows of each table.

        Args:
            genome: the open FASTA; None without one.
            part: region_id, chrom, start, end, name, strand, group of some regions.
            first: the region_id of the first of them.
        """
        ...


class Annotatable(Protocol):
    """Regions, as an annotation is handed them.

    Attributes:
        table: chrom, start, end (0-based half-open), name, strand, group (None where a region has none), and
            whatever columns their source had beside these (probabilities, source).
    """

    @property
    def table(self) -> pd.DataFrame: ...

    @property
    def sizes(self) -> Mapping[str, int] | None:
        """Bp of each chromosome of the regions' genome; None where none is named."""
        ...

    def genome(self) -> Fasta:
        """Open the FASTA; an annotation that needs "genome"."""
        ...

    def read_calls(self, path: Path, *, other_assembly: bool = False) -> pd.DataFrame:
        """Read other regions as these were: a file, or the folder of a run; columns as in `table`.

        With `other_assembly` they need not lie on the regions' genome.
        """
        ...

    def do_parts(
        self,
        kind: type,
        arguments: tuple[object, ...],
        size: int,
        tables: Sequence[str],
        more: pa.Schema | None = None,
    ) -> None:
        """Have the regions worked on part by part, here or on a cluster, and written; done parts stay.

        Args:
            kind: class of a `PartWorker`; one is made in each process.
            arguments: of its constructor; small, since they travel.
            size: regions of a part.
            tables: what each part is written to; the last says that it is done.
            more: further columns of `table` that the parts are handed.
        """
        ...

    def read_part(self, table: str, number: int, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read one of the parts that `do_parts` has left."""
        ...

    def write_text(self, name: str, lines: Iterable[str]) -> None:
        """Write a text file into the results' folder, packed where the name ends in .gz."""
        ...

    def progress(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show how many of `total` are done: what it returns is called with how many are so far."""
        ...


class Column(NamedTuple):
    """A column of the table that is keyed by region.

    name, kind, meaning: as in a schema.
    values: (n,), in the order of the regions; NaN or None where a region has no value.
    compare: how groups of regions are compared in it: their values by the rank-sum test, or the share of
        regions above 0 by Fisher's exact test; None: not at all.
    """

    name: str
    kind: pa.DataType
    meaning: str
    values: Any
    compare: Compare | None = None


class GroupValues(NamedTuple):
    """Values that groups are compared in: (n,) of all regions, as a `Column` has them."""

    name: str
    values: Any
    compare: Compare


class Annotated(NamedTuple):
    """What an annotation has come to.

    columns: keyed by region, in the order in which they are written.
    facts: ready for JSON; they are printed and kept in run.json.
    tables: further tables by name.
    measured: further values that groups are compared in, made one after another; none is a column.
    groups: (n,) groups that the annotation itself has found, which are compared in place of the regions' own.
    pairs: which of these are compared, the one that is expected to be the greater first.
    logos: name of a motif -> float64 (width, 4), frequencies of A, C, G, T; the logos of the first ones are
        drawn, and where motifs are compared those of the smallest p.
    """

    columns: tuple[Column, ...]
    facts: Mapping[str, Any] = {}
    tables: Mapping[str, pd.DataFrame] = {}
    measured: Iterable[GroupValues] = ()
    groups: Any = None
    pairs: tuple[tuple[str, str], ...] = ()
    logos: Mapping[str, Any] = {}

    def compared(self) -> Iterator[GroupValues]:
        """Yield everything that groups are compared in."""
        for column in self.columns:
            if column.compare is not None:
                yield GroupValues(column.name, column.values, column.compare)
        yield from self.measured


class Rule(NamedTuple):
    """A decision where several readings are possible, for the documentation.

    question: what is decided. taken: the default. otherwise: the setting that gives another reading; empty
    where there is none.
    """

    question: str
    taken: str
    otherwise: str = ""


@dataclass(frozen=True)
class Annotation:
    """An annotation of regions.

    Attributes:
        name: on the command line.
        summary: one line for people: what a region is given, and from what.
        options: a frozen dataclass of the files and options it takes, made with `option`, `file` and
            `files`. Values that cannot be raise ConfigError in its `__post_init__`.
        annotate: (regions, options) -> what it has come to. It raises InputError before it writes anything.
        needs: "genome" (the sequence), "groups" (it is about groups, so a region without one is refused),
            "decoded" (the regions are those that a training has decoded: columns `DECODED`, too), "values"
            (regions of a table keep its columns of numbers).
        tables: schema of each further table, by name: the annotation's own name with _MORE after it.
        rules: its decisions.
        paper: where the paper says what is done.
        cost: (number of regions, their bases, options) -> what a dry run says of the work.
    """

    name: str
    summary: str
    options: type
    annotate: Callable[[Annotatable, Any], Annotated]
    needs: tuple[Need, ...] = ()
    tables: Mapping[str, pa.Schema] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    paper: str = ""
    cost: Callable[[int, int, Any], Mapping[str, Any]] = lambda regions, bases, options: {}


def absent(n: int) -> Any:
    """Return float64 (n,) without any value."""
    return np.full(n, np.nan)
