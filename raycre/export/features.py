"""What every format is made of: coloured intervals, values along the genome, arcs, and tables.

Coordinates are 0-based half-open. Rows are sorted by chromosome (by its bytes, as `sort -k1,1 -k2,2n` has
them), start and end, which is what bigBed, bigWig and bedtools ask for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from raycre.errors import ChromosomeError
from raycre.figures import canvas
from raycre.genome.chromosomes import other_style

COLOURS: Mapping[str, tuple[int, int, int]] = {  # those of the report and of figures
    name: (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))
    for name, colour in canvas.COLOURS.items()
}
UNKNOWN = COLOURS["neither"]
LONGEST_NAME = 255  # characters of an item's name in a bigBed


@dataclass(frozen=True)
class Intervals:
    """Coloured intervals: one track of a browser.

    Attributes:
        name: of the file; short, label: for people, in few words and in all.
        rows: chrom, start, end, name, score (0-1000), strand, colour ("r,g,b").
    """

    name: str
    short: str
    label: str
    rows: pd.DataFrame


@dataclass(frozen=True)
class Signal:
    """Values along the genome: one track of a browser. `rows`: chrom, start, end, value (float32)."""

    name: str
    short: str
    label: str
    rows: pd.DataFrame
    colour: tuple[int, int, int] = UNKNOWN


@dataclass(frozen=True)
class Arcs:
    """Tiles tied to the TSS of a gene.

    `rows`: chrom, start, end (of the tile), tss (0-based base), gene, tile_name, name, score, value (effect),
    strand (of the gene), call, test, track, colour.
    """

    name: str
    short: str
    label: str
    rows: pd.DataFrame


@dataclass
class Features:
    """What a run offers to the formats; each is read when a format asks for it.

    Attributes:
        name: of the run.
        sizes: bp of each chromosome; empty where the FASTA is not at hand and nobody says.
        assembly: as people call it: UCSC's name, or "".
        fasta: path of the FASTA, or "".
        intervals, signals, arcs: make the tracks.
        tables: name -> its pieces, whole tables as the run has them.
        left_out: what was not written, or not whole, by what it is; grows as tracks are made.
    """

    name: str
    sizes: Mapping[str, int]
    assembly: str
    fasta: str
    intervals: Callable[[], Iterable[Intervals]]
    signals: Callable[[], Iterable[Signal]]
    arcs: Callable[[], Iterable[Arcs]]
    tables: Mapping[str, Callable[[], Iterator[pa.Table]]]
    left_out: dict[str, int] = field(default_factory=dict)


def sorted_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort by chromosome, start and end; equal ones keep their order."""
    return rows.sort_values(["chrom", "start", "end"], kind="stable", ignore_index=True)


def clip(rows: pd.DataFrame, sizes: Mapping[str, int], left_out: dict[str, int]) -> pd.DataFrame:
    """Cut intervals at their chromosome's ends; what lies outside, or on a chromosome without a length, goes.

    Args:
        rows: chrom, start, end, and more.
        sizes: bp of each chromosome; empty: nothing is cut.
        left_out: counts what was cut and what went.

    Raises:
        ChromosomeError: none of the chromosomes has a length.
    """
    if not sizes or rows.empty:
        return rows
    length = rows["chrom"].map(sizes)
    start, end = (
        rows["start"].clip(lower=0),
        rows["end"].where(length.isna(), np.minimum(rows["end"], length.fillna(0))),
    )
    keep = length.notna() & (start < end)
    if length.isna().all():
        name = str(rows["chrom"].iloc[0])
        other = other_style(name, sizes)
        hint = (
            f"; it has {other!r}, the same in another style: rename them" if other else "; give this genome's"
        )
        raise ChromosomeError(f"the lengths have none of the run's chromosomes{hint}", value=name)
    cut = keep & ((start != rows["start"]) | (end != rows["end"]))
    for what, n in (("intervals outside their chromosome left out", int((~keep).sum())),
                    ("intervals cut at a chromosome's end", int(cut.sum()))):  # fmt: skip
        if n:
            left_out[what] = n
    return rows.assign(start=start.astype(np.int64), end=end.astype(np.int64))[keep]


def apart(rows: pd.DataFrame) -> pd.DataFrame:
    """Return values along the genome that no longer overlap: where several lie over a base, their mean.

    Args:
        rows: chrom, start, end, value; rows without a value are left out.

    Returns:
        Sorted, without overlaps; value is float32.
    """
    rows = sorted_rows(rows[rows["value"].notna()][["chrom", "start", "end", "value"]])
    found = [_apart(chrom, group) for chrom, group in rows.groupby("chrom", sort=True)]
    if not found:
        return rows.astype({"value": np.float32})
    return pd.concat(found, ignore_index=True)


def _apart(chrom: object, rows: pd.DataFrame) -> pd.DataFrame:
    start, end = rows["start"].to_numpy(np.int64), rows["end"].to_numpy(np.int64)
    value = rows["value"].to_numpy(np.float64)
    if (start[1:] >= end[:-1]).all():
        return pd.DataFrame({"chrom": chrom, "start": start, "end": end, "value": value.astype(np.float32)})
    edges = np.unique(np.concatenate([start, end]))
    first, last = np.searchsorted(edges, start), np.searchsorted(edges, end)
    n = last - first  # pieces that each interval covers
    piece = np.repeat(first, n) + np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    total, count = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1, dtype=np.int64)
    np.add.at(total, piece, np.repeat(value, n))
    np.add.at(count, piece, 1)
    covered = count > 0
    mean = (total[covered] / count[covered]).astype(np.float32)
    return pd.DataFrame(
        {"chrom": chrom, "start": edges[:-1][covered], "end": edges[1:][covered], "value": mean}
    )


def colour_of(call: object) -> str:
    """Return the colour of a class or call as "r,g,b"."""
    return ",".join(map(str, COLOURS.get(str(call), UNKNOWN)))


def item_name(text: object) -> str:
    """Return a name that every format takes: no blanks, not too long, never empty."""
    return re.sub(r"\s+", "_", str(text).strip())[:LONGEST_NAME] or "."


def file_name(*parts: object) -> str:
    """Return a file's name made of parts: letters, digits, - and _ with dots between."""
    return ".".join(
        re.sub(r"[^A-Za-z0-9_-]+", "_", str(part)).strip("_") or "x" for part in parts if part != ""
    )
