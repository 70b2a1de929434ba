"""Intervals of one assembly on another, by a chain file: the categories of UCSC's liftOver.

pyliftover reads the chains. What becomes of an interval is decided here, as UCSC publishes it.
An interval is `deleted` where no chain has any of its bases, `partially_deleted` where one chain has some and
`split` where several have some, none of them `min_match` of its bases; `duplicated` where several chains have
that share, and `mapped` where one has. A mapped interval goes from its first to its last mapped base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import AssemblyError, FormatError
from raycre.genome.chromosomes import assembly_of
from raycre.genome.lift_settings import MAX_LENGTH_CHANGE, MIN_MATCH
from raycre.genome.overlaps import bases_before
from raycre.genome.textfile import read_text, require_file, took

if TYPE_CHECKING:
    from pyliftover.chainfile import LiftOverChain

CATEGORIES = ("mapped", "deleted", "partially_deleted", "split", "duplicated")  # UCSC's
LENGTH_CHANGED = "length_changed"  # mapped, and dropped all the same


class Chain(NamedTuple):
    """Aligned blocks of one stretch of two assemblies.

    blocks: int64 (n, 2), start and end on the source chromosome, ascending and disjoint.
    target_start: int64 (n,), where each block begins on the target's strand.
    """

    blocks: NDArray[np.int64]
    target_start: NDArray[np.int64]
    target: str
    target_size: int
    strand: str

    def target_of(self, block: NDArray[np.int64], position: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where positions of the source, each in its block, are on the target's forward strand."""
        place: NDArray[np.int64] = self.target_start[block] + position - self.blocks[block, 0]
        return place if self.strand == "+" else self.target_size - 1 - place


@dataclass(frozen=True, eq=False)
class Chains:
    """A chain file.

    Attributes:
        path: the file.
        of: chains by source chromosome.
        source_sizes, target_sizes: bp of each chromosome that the file names.
    """

    path: Path
    of: Mapping[str, tuple[Chain, ...]]
    source_sizes: Mapping[str, int]
    target_sizes: Mapping[str, int]

    def check_target(self, sizes: Mapping[str, int]) -> None:
        """Refuse a chain that leads to another assembly than these chromosomes are of.

        Raises:
            AssemblyError: lengths disagree, or no chromosome is in both.
        """
        self._check("leads to", self.target_sizes, sizes)

    def check_source_sizes(self, sizes: Mapping[str, int]) -> None:
        """Refuse a chain that comes from another assembly than these chromosomes; as `check_target`."""
        self._check("comes from", self.source_sizes, sizes)

    def _check(self, way: str, own: Mapping[str, int], sizes: Mapping[str, int]) -> None:
        common = [name for name in own if name in sizes]
        found = assembly_of(own)
        hint = f"; the chain {way} {found}" if found else ""
        if not common:
            raise AssemblyError(
                f"the chain {way} {', '.join(list(own)[:5])}, none of which is a chromosome of the genome"
                f"{hint}; give the chain between the two assemblies",
                path=self.path,
            )
        for name in common:
            if own[name] != sizes[name]:
                raise AssemblyError(
                    f"the chain {way} a {name} of {own[name]:,} bp, and the genome's has {sizes[name]:,}"
                    f"{hint}; give the chain between the two assemblies",
                    path=self.path,
                    value=name,
                )

    def check_source(self, assembly: str) -> None:
        """Refuse a chain that comes from a known assembly of another name.

        Raises:
            AssemblyError: it does.
        """
        found = assembly_of(self.source_sizes)
        if found is not None and assembly.lower() not in found.lower().split("/"):
            raise AssemblyError(
                f"the chain comes from {found}, not from {assembly}; give the chain between the two",
                path=self.path,
                value=assembly,
            )


class _Lines:
    """Lines of a text for pyliftover, which reads them one by one; counts them."""

    def __init__(self, text: bytes) -> None:
        self._lines = iter(text.split(b"\n"))
        self.number, self.last, self.ended = 0, b"", False

    def readline(self) -> bytes:
        self.last = next(self._lines, b"\0")
        if self.last == b"\0":
            self.ended, self.last = True, b""
            return b""
        self.number += 1
        return self.last + b"\n"


def read_chains(path: str | Path) -> Chains:
    """Read a chain file of UCSC's, plain or compressed.

    Raises:
        MissingInputError: no such file.
        FormatError: not a chain file, truncated, or a chain whose numbers do not fit together; line is named.
    """
    path = require_file(path)
    lines = _Lines(read_text(path, "a chain file").rstrip(b"\n"))
    of: dict[str, list[Chain]] = {}
    source_sizes: dict[str, int] = {}
    target_sizes: dict[str, int] = {}
    while not lines.ended:
        header = lines.readline()
        if not header.strip() or header.startswith(b"#"):
            continue
        number = lines.number
        if not header.startswith(b"chain "):
            raise FormatError(
                "a line that is of no chain; a chain file has `chain SCORE NAME SIZE …` lines, each with its "
                "blocks below",
                path=path,
                line=number,
                value=_text(header),
            )
        chain = _read_chain(header, lines, path)
        for name, size, sizes in (
            (chain.source_name, chain.source_size, source_sizes),
            (chain.target_name, chain.target_size, target_sizes),
        ):
            if sizes.setdefault(name, size) != size:
                raise FormatError(
                    f"{name} has {size:,} bp here, {sizes[name]:,} in an earlier chain; get the file again",
                    path=path,
                    line=number,
                    value=_text(header),
                )
        blocks = np.array(chain.blocks, dtype=np.int64).reshape(-1, 3)
        inside = 0 <= chain.source_start <= chain.source_end <= chain.source_size
        inside &= 0 <= chain.target_start <= chain.target_end <= chain.target_size
        if not inside or (np.diff(blocks[:, 0]) < 0).any() or (blocks[:, 1] < blocks[:, 0]).any():
            raise FormatError(
                "the chain leaves its chromosomes, or its blocks go backwards; get the file again",
                path=path,
                line=number,
                value=_text(header),
            )
        of.setdefault(chain.source_name, []).append(
            Chain(
                np.ascontiguousarray(blocks[:, :2]),
                np.ascontiguousarray(blocks[:, 2]),
                chain.target_name,
                chain.target_size,
                chain.target_strand,
            )
        )
    if not of:
        raise FormatError("no chain in the file; get it again", path=path)
    n = sum(map(len, of.values()))
    found = [assembly_of(sizes) or "an unknown assembly" for sizes in (source_sizes, target_sizes)]
    took(path, f"{n:,} chains read, from {found[0]} to {found[1]}")
    return Chains(path, {name: tuple(each) for name, each in of.items()}, source_sizes, target_sizes)


def _read_chain(header: bytes, lines: _Lines, path: Path) -> LiftOverChain:
    from pyliftover.chainfile import LiftOverChain

    number = lines.number
    fields = header.split()
    if len(fields) not in (12, 13):
        raise FormatError(
            f"a chain's first line has 12 or 13 fields, this one {len(fields)}",
            path=path,
            line=number,
            value=_text(header),
        )
    try:
        return LiftOverChain(header, lines)
    except Exception as error:  # pyliftover raises Exception itself, and ValueError for what is no number
        if lines.ended:
            raise FormatError(
                "the file ends within the chain of this line: it was cut off after line "
                f"{lines.number}; get it again",
                path=path,
                line=number,
                value=_text(header),
            ) from error
        raise FormatError(
            f"the chain of line {number} is damaged ({_reason(error)}); get the file again",
            path=path,
            line=lines.number,
            value=_text(lines.last),
        ) from error


def _reason(error: Exception) -> str:
    return str(error).partition(" (chain")[0].partition(". (")[0]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()[:60]


def lift(table: pd.DataFrame, chains: Chains, *, min_match: float = MIN_MATCH) -> pd.DataFrame:
    """Say what becomes of intervals on the other assembly.

    Args:
        table: chrom, start, end, and summit (int64, 0-based base of the chromosome, -1 for none) where there
            are any; in any order.
        chains: from the table's assembly.
        min_match: share of its bases that one chain must have.

    Returns:
        In the order and with the index of `table`: status (of `CATEGORIES`), mapped_fraction (the best
        chain's share), and new_chrom, new_start, new_end, new_strand, new_summit: ".", -1, -1, ".", -1 of
        what is not mapped. new_summit is where the summit itself is mapped, by one block alone and into the
        new interval, else -1.
    """
    n = len(table)
    start, end = (table[column].to_numpy(np.int64) for column in ("start", "end"))
    any_, good, most = (np.zeros(n, dtype=np.int64) for _ in range(3))
    new_start, new_end = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    new_chrom, new_strand = np.full(n, ".", dtype=object), np.full(n, ".", dtype=object)
    for chain, rows in _chains_over(chains, table["chrom"], start, end):
        low, high = start[rows], end[rows]
        bases = bases_before(chain.blocks, high) - bases_before(chain.blocks, low)
        rows, low, high, bases = (each[bases > 0] for each in (rows, low, high, bases))
        any_[rows] += 1
        most[rows] = np.maximum(most[rows], bases)
        enough = bases / (high - low) >= min_match
        good[rows[enough]] += 1
        rows, low, high = rows[enough], low[enough], high[enough]
        first = np.searchsorted(chain.blocks[:, 1], low, side="right")
        last = np.searchsorted(chain.blocks[:, 0], high, side="left") - 1
        ends = np.stack(
            [
                chain.target_of(first, np.maximum(low, chain.blocks[first, 0])),
                chain.target_of(last, np.minimum(high, chain.blocks[last, 1]) - 1),
            ]
        )
        new_start[rows], new_end[rows] = ends.min(axis=0), ends.max(axis=0) + 1
        new_chrom[rows], new_strand[rows] = chain.target, chain.strand
    status = np.select(
        [any_ == 0, (good == 0) & (any_ == 1), good == 0, good > 1], list(CATEGORIES[1:]), CATEGORIES[0]
    )
    lost = status != "mapped"
    new_start[lost], new_end[lost], new_chrom[lost], new_strand[lost] = -1, -1, ".", "."
    found = pd.DataFrame(
        {
            "status": status.astype(object),
            "mapped_fraction": most / np.maximum(end - start, 1),
            "new_chrom": new_chrom,
            "new_start": new_start,
            "new_end": new_end,
            "new_strand": new_strand,
        },
        index=table.index,
    )
    summit = table["summit"].to_numpy(np.int64) if "summit" in table else np.full(n, -1, dtype=np.int64)
    return found.assign(new_summit=_lift_summits(table["chrom"], summit, chains, found))


def _lift_summits(
    chrom: pd.Series, summit: NDArray[np.int64], chains: Chains, lifted: pd.DataFrame
) -> NDArray[np.int64]:
    """Return where each summit is, int64 (n,); -1 of one that no block has, or several, or another place."""
    n_blocks = np.zeros(len(summit), dtype=np.int64)
    place, on = np.full(len(summit), -1, dtype=np.int64), np.full(len(summit), "", dtype=object)
    known = np.where(summit >= 0, summit, -2)  # no chain begins before 0
    for chain, rows in _chains_over(chains, chrom, known, known + 1):
        block = np.searchsorted(chain.blocks[:, 1], known[rows], side="right")
        block = np.minimum(block, len(chain.blocks) - 1)
        held = (chain.blocks[block, 0] <= known[rows]) & (known[rows] < chain.blocks[block, 1])
        rows, block = rows[held], block[held]
        n_blocks[rows] += 1
        place[rows], on[rows] = chain.target_of(block, known[rows]), chain.target
    start, end = lifted["new_start"].to_numpy(), lifted["new_end"].to_numpy()
    good = (n_blocks == 1) & (on == lifted["new_chrom"].to_numpy()) & (start <= place) & (place < end)
    return np.where(good, place, -1)


def _chains_over(
    chains: Chains, chrom: pd.Series, start: NDArray[np.int64], end: NDArray[np.int64]
) -> Iterator[tuple[Chain, NDArray[np.int64]]]:
    """Yield every chain that reaches over intervals, and the rows of these."""
    codes, names = pd.factorize(chrom)
    order = np.lexsort((start, codes))
    edges = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for code, name in enumerate(names):
        rows = order[edges[code] : edges[code + 1]]
        begins = start[rows]
        longest = int((end[rows] - begins).max(initial=0))
        for chain in chains.of.get(str(name), ()):
            first, last = int(chain.blocks[0, 0]), int(chain.blocks[-1, 1])
            near = slice(
                int(np.searchsorted(begins, first - longest, side="right")),
                int(np.searchsorted(begins, last, side="left")),
            )
            if near.start < near.stop:
                over = rows[near]
                over = over[end[over] > first]
                if len(over):
                    yield chain, over


class LiftedRegions(NamedTuple):
    """Regions on another assembly.

    table: those that are left, at their new places.
    counts: rows by `CATEGORIES` and `LENGTH_CHANGED`; a row is in one of them.
    lost: status of those that are not left, and where they were: chrom, start, end, name, line, status.
    """

    table: pd.DataFrame
    counts: dict[str, int]
    lost: pd.DataFrame


def lift_regions(
    table: pd.DataFrame,
    chains: Chains,
    *,
    min_match: float = MIN_MATCH,
    max_length_change: float | None = MAX_LENGTH_CHANGE,
) -> LiftedRegions:
    """Put regions on another assembly; what is not mapped is left out and counted.

    Args:
        table: chrom, start, end, and where there: strand, summit; other columns stay as they are.
        chains: from the table's assembly.
        min_match: as in `lift`.
        max_length_change: share of its length by which a region may grow or shrink; null: by any.
    """
    found = lift(table, chains, min_match=min_match)
    status, width = found["status"].to_numpy(), (table["end"] - table["start"]).to_numpy()
    change = np.abs((found["new_end"] - found["new_start"]).to_numpy() - width)
    if max_length_change is not None:
        status = np.where((status == "mapped") & (change > max_length_change * width), LENGTH_CHANGED, status)
    kept = status == "mapped"
    lifted = table.assign(
        chrom=found["new_chrom"].astype(str), start=found["new_start"], end=found["new_end"]
    )
    if "summit" in table:
        lifted["summit"] = found["new_summit"]
    if "strand" in table:
        turned = table["strand"].map({"+": "-", "-": "+"}).fillna(table["strand"])
        lifted["strand"] = table["strand"].where(found["new_strand"] != "-", turned)
    columns = [name for name in ("chrom", "start", "end", "name", "line") if name in table]
    names = (*CATEGORIES, LENGTH_CHANGED)
    return LiftedRegions(
        lifted[kept].reset_index(drop=True),
        {name: int((status == name).sum()) for name in names},
        table.loc[~kept, columns].assign(status=status[~kept]).reset_index(drop=True),
    )
