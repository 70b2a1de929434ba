"""What is asked of every interval that comes from a file: it can exist, and it lies on the genome.

Shared by regions, loops and tracks. It reads no file; it knows rows only by their line numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import ChromosomeError, RegionError
from raycre.genome.chromosomes import other_style

Outside = Literal["error", "drop"]


def place(chrom: str, start: int, end: int) -> str:
    """Write an interval as people read it: `chr1:1,000-2,000` (still 0-based half-open)."""
    return f"{chrom}:{start:,}-{end:,}"


def unknown_chromosome(
    chrom: str,
    known: Iterable[str],
    *,
    path: str | Path | None = None,
    line: int | None = None,
    reference: str = "the FASTA",
    remedy: str = "",
) -> ChromosomeError:
    """Make the error for a name that `reference` does not have.

    Another name is offered only where it is the same chromosome in another style: chr2 is not for chr20.

    Args:
        remedy: what else can be done, where the name is no other style of a known one.
    """
    names = list(known)
    other = other_style(chrom, names)
    if other is not None:
        hint = f"; it has {other!r}: the names differ in style only, rename them in one of the two files"
    else:
        hint = f"; it has {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
        hint += f"; {remedy}" if remedy else ""
    return ChromosomeError(f"no such chromosome in {reference}{hint}", path=path, line=line, value=chrom)


def sizes_of(chrom: pd.Series, sizes: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the length of each row's chromosome, int64 (n,); -1 where `sizes` does not have it."""
    codes, names = pd.factorize(chrom)
    lengths = np.array([sizes.get(name, -1) for name in names], dtype=np.int64)
    return lengths[codes] if len(names) else np.empty(0, dtype=np.int64)


def check_possible(
    chrom: pd.Series,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    line: NDArray[np.int64],
    path: str | Path,
    *,
    empty_ok: bool = False,
) -> None:
    """Refuse intervals that no genome can hold.

    Raises:
        RegionError: negative start, or end <= start (end < start where `empty_ok`), with the first line.
    """
    negative = start < 0
    reversed_ = end < start if empty_ok else end <= start
    bad = negative | reversed_
    if bad.any():
        row = int(np.argmax(bad))
        shown = f"{chrom.iloc[row]}:{start[row]}-{end[row]}"
        what = "the start is negative" if negative[row] else "the end is not past the start"
        raise RegionError(
            f"{what}; coordinates are 0-based half-open, correct or remove the line",
            path=path,
            line=int(line[row]),
            value=shown,
        )


def inside(
    chrom: pd.Series,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    line: NDArray[np.int64],
    path: str | Path,
    *,
    sizes: Mapping[str, int],
    outside: Outside | None,
) -> NDArray[np.bool_]:
    """Return bool (n,): rows on a known chromosome that end within it.

    With `outside="drop"` the others are only marked, unless nothing would be left: then the two
    files do not belong together, and the first row's error is raised as with `outside="error"`. None is an
    error, too, of a file whose rows no setting drops.

    Raises:
        ChromosomeError: a chromosome that `sizes` does not have.
        RegionError: an end past the chromosome's.
    """
    length = sizes_of(chrom, sizes)
    kept = (length >= 0) & (end <= length)
    if kept.all() or (outside == "drop" and kept.any()):
        return kept
    row = int(np.argmin(kept))
    name = str(chrom.iloc[row])
    remedy = ""
    if outside is not None and kept.any():
        n = int((~kept).sum())
        remedy = (
            f"inputs.outside: drop leaves out and counts what is off the FASTA, {n:,} of {len(kept):,} rows"
        )
    if length[row] < 0:
        raise unknown_chromosome(name, sizes, path=path, line=int(line[row]), remedy=remedy)
    raise RegionError(
        f"ends {end[row] - length[row]:,} bp past {name} ({length[row]:,}) of the FASTA; "
        f"check that both files are of one assembly; {remedy or 'else drop the line'}",
        path=path,
        line=int(line[row]),
        value=place(name, start[row], end[row]),
    )


def on_known_chromosomes(
    table: pd.DataFrame, path: str | Path, sizes: Mapping[str, int]
) -> NDArray[np.bool_]:
    """Return bool (n,): rows on a chromosome that `sizes` has; for files that may cover more of the genome.

    Args:
        table: chrom, start, end, line.
        path: its file.
        sizes: bp of each chromosome.

    Raises:
        ChromosomeError: no row is.
        RegionError: a row that ends past its chromosome: a file of another assembly.
    """
    length = sizes_of(table["chrom"], sizes)
    known = length >= 0
    wrong = table[known & (table["end"].to_numpy() > length)] if known.any() else table
    if len(wrong):
        chrom, start, end, line = (wrong[c].iloc[:1] for c in ("chrom", "start", "end", "line"))
        inside(chrom, start.to_numpy(), end.to_numpy(), line.to_numpy(), path, sizes=sizes, outside=None)
    return known
