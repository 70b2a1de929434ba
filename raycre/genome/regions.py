"""Tables of genomic intervals: reading, resizing, labels, overlaps.

Definitions, for everything in raycre:
- An interval is (chrom, start, end), 0-based half-open int64: it holds the bases start … end - 1.
- Its midpoint is base (start + end) // 2; of a region of even length, the first base of the right half.
- Two intervals overlap by min(ends) - max(starts) bp, if that is positive; touching is no overlap.
- A region of width w round a base c is [c - w // 2, c - w // 2 + w).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import LabelError, RegionError, near
from raycre.genome.classes import CLASSES
from raycre.genome.intervals import Outside, check_possible, inside, place, sizes_of, unknown_chromosome
from raycre.genome.overlaps import overlapping
from raycre.genome.region_files import read_bed, read_parquet
from raycre.genome.textfile import require_file

_PARQUET_MAGIC = b"PAR1"


class Regions(NamedTuple):
    """A table of regions, and how many rows were read and dropped to make it.

    table: chrom (str), start, end (int64), name (str or None), strand ("+", "-", "."), source (str),
        summit (int64, 0-based base of the chromosome, -1 if none), line (int64, 1-based line or row of
        the file); after `read_labels` also label (int64, position in `CLASSES`).
    n_repeated: those of the dropped that said again what an earlier row says (`read_labels` only).
    n_of_class: rows read of each of `CLASSES`, where labels were read.
    """

    table: pd.DataFrame
    n_read: int
    n_dropped: int
    n_repeated: int = 0
    n_of_class: tuple[int, ...] = ()


def read_regions(
    path: str | Path,
    *,
    sizes: Mapping[str, int] | None = None,
    outside: Outside = "error",
    labels: bool = False,
) -> Regions:
    """Read BED (3 columns or more, plain or gzip), narrowPeak or Parquet, in file order.

    A file of ten columns whose first row fits narrowPeak is narrowPeak, whatever its name: ENCODE calls
    it .bed.gz. Parquet has chrom, start, end and may have name, label, strand, source, summit.

    Args:
        path: the file.
        sizes: bp of each chromosome; without it only the intervals themselves are checked.
        outside: what to do with rows on an unknown chromosome or past its end: an error, or drop and count.
        labels: also make `label` from the name column (BED) or the label column (Parquet).

    Raises:
        MissingInputError: no such file.
        FormatError: empty, truncated, binary, fewer than 3 columns, a coordinate that is no integer.
        RegionError: negative start, end <= start, a summit outside its peak, past the chromosome's end.
        ChromosomeError: a chromosome that `sizes` does not have.
        LabelError: with `labels`, a class that is not one of `CLASSES`.
    """
    path = require_file(path)
    with path.open("rb") as file:
        is_parquet = file.read(4) == _PARQUET_MAGIC
    table = read_parquet(path) if is_parquet else read_bed(path)
    start, end, line = (table[c].to_numpy() for c in ("start", "end", "line"))
    check_possible(table["chrom"], start, end, line, path)
    _check_summits(table, path)
    if labels:
        table["label"] = _label_codes(table, path)
    of_class = np.bincount(table["label"], minlength=len(CLASSES)).tolist() if labels else ()
    table = table.drop(columns="class")
    n_read = len(table)
    if sizes is not None:
        kept = inside(table["chrom"], start, end, line, path, sizes=sizes, outside=outside)
        table = table[kept].reset_index(drop=True)
    return Regions(table, n_read, n_read - len(table), n_of_class=tuple(of_class))


def read_labels(
    path: str | Path, *, sizes: Mapping[str, int] | None = None, outside: Outside = "error"
) -> Regions:
    """Read regions with their class; an interval that is repeated with its class is dropped and counted.

    Raises:
        LabelError: a class that is not one of `CLASSES`.
        InputError: as `read_regions`.
    """
    table, n_read, n_outside, _, of_class = read_regions(path, sizes=sizes, outside=outside, labels=True)
    table = table.drop_duplicates(["chrom", "start", "end", "label"])
    n_dropped = n_read - len(table)
    return Regions(table.reset_index(drop=True), n_read, n_dropped, n_dropped - n_outside, of_class)


def resize(table: pd.DataFrame, width: int, sizes: Mapping[str, int]) -> Regions:
    """Give every region `width` bp, round its summit where it has one, else round its midpoint.

    Windows that leave their chromosome are dropped and counted.

    Raises:
        RegionError: a width below 1.
        ChromosomeError: a chromosome that `sizes` does not have.
    """
    if width < 1:
        raise RegionError("a region's width must be at least 1 bp", value=width)
    length = sizes_of(table["chrom"], sizes)
    if (length < 0).any():
        raise unknown_chromosome(str(table["chrom"].iloc[int(np.argmin(length))]), sizes)
    summit = table["summit"].to_numpy()
    centre = np.where(summit >= 0, summit, (table["start"].to_numpy() + table["end"].to_numpy()) // 2)
    start = centre - width // 2
    kept = (start >= 0) & (start + width <= length)
    resized = table.assign(start=start, end=start + width)[kept].reset_index(drop=True)
    return Regions(resized, len(table), int((~kept).sum()))


def check_classes_apart(table: pd.DataFrame, path: str | Path) -> None:
    """Refuse regions of one width that overlap a region of another class.

    CREATE, Methods, keeps such regions out of its data (`genome.class_overlaps`): their shared bases would
    have to be both classes. Overlaps within a class are left to the folds.

    Args:
        table: with label and line; all regions of one width.
        path: its file.

    Raises:
        LabelError: both lines of the first pair, and how many pairs of neighbours there are.
    """
    chrom, _ = pd.factorize(table["chrom"])
    start, end, label, line = (table[c].to_numpy() for c in ("start", "end", "label", "line"))
    order = np.lexsort((start, chrom))
    here, after = order[:-1], order[1:]
    # Of two that overlap, all between them in this order overlap the next one; where the classes differ,
    # they differ between two neighbours on the way.
    mixed = (chrom[here] == chrom[after]) & (start[after] < end[here]) & (label[here] != label[after])
    if not mixed.any():
        return
    pairs = np.sort(np.stack([here[mixed], after[mixed]]), axis=0)  # by row: the order of the file
    first, second = pairs[:, np.argmin(pairs[1])]
    here_class, other_class = (CLASSES[label[row]] for row in (second, first))
    shared = end[first] - start[first] - abs(start[second] - start[first])
    raise LabelError(
        f"this window of {here_class} shares {shared:,} bp with that of {other_class} on line {line[first]}, "
        f"the first of {len(pairs[0]):,} such pair(s) of neighbours; keep one region of each, or let "
        "inputs.overlaps: drop leave out both",
        path=path,
        line=int(line[second]),
        value=place(str(table["chrom"].iloc[second]), start[second], end[second]),
    )


def drop_overlapping(table: pd.DataFrame, other: pd.DataFrame, *, min_overlap: int = 1) -> Regions:
    """Drop the regions of `table` that overlap a region of `other` by `min_overlap` bp or more."""
    kept = ~overlapping(table, other, min_overlap=min_overlap)
    return Regions(table[kept].reset_index(drop=True), len(table), int((~kept).sum()))


def _check_summits(table: pd.DataFrame, path: Path) -> None:
    start, end, summit = (table[c].to_numpy() for c in ("start", "end", "summit"))
    bad = (summit >= 0) & ((summit < start) | (summit >= end))
    if bad.any():
        row = int(np.argmax(bad))
        raise RegionError(
            f"the summit, base {summit[row]:,}, is outside its peak {start[row]:,}-{end[row]:,}; "
            "correct the line",
            path=path,
            line=int(table["line"].iloc[row]),
        )


def _label_codes(table: pd.DataFrame, path: Path) -> NDArray[np.int64]:
    """Return positions in `CLASSES`, int64 (n,)."""
    codes, names = pd.factorize(table["class"], use_na_sentinel=False)
    position = np.array([CLASSES.index(n) if n in CLASSES else -1 for n in names], dtype=np.int64)
    label = position[codes]
    if (label < 0).any():
        row = int(np.argmin(label))
        value = table["class"].iloc[row]
        if pd.isna(value):
            raise LabelError(
                "no class; column 4 of BED, or the Parquet column label, must be one of "
                f"{', '.join(CLASSES)}",
                path=path,
                line=int(table["line"].iloc[row]),
            )
        raise LabelError(
            f"not a class{near(value, CLASSES)}; the classes are {', '.join(CLASSES)}",
            path=path,
            line=int(table["line"].iloc[row]),
            value=value,
        )
    return label
