"""Sequences of called tiles and of matched backgrounds as FASTA, for motif discovery (XSTREME: --p, --n).

Tiles are written as the model read them, in the gene's direction. How a sequence is shuffled is given.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import ConfigError
from raycre.genome.fasta import Fasta
from raycre.genome.overlaps import covered_bases
from raycre.genome.sequence import N_CODE, decode, reverse_complement

Shuffle = Callable[[NDArray[np.uint8], Mapping[str, Any]], NDArray[np.uint8]]
"""codes (length,) and the tile's row -> a shuffle of the codes, the same for the same row."""

WIDTH = 60  # letters a line
MOST_GC_APART = 0.02  # of tile and background; ours
_AT_ONCE = 1 << 24  # bases read at once: 16 MiB


class Matched(NamedTuple):
    """Background tiles, one for each tile that has one.

    table: rows of the candidates, in the order of their tiles.
    n_unmatched: tiles for which no candidate of their length is near enough in GC.
    """

    table: pd.DataFrame
    n_unmatched: int


def read_codes(fasta: Fasta, table: pd.DataFrame) -> Iterator[NDArray[np.uint8]]:
    """Yield the codes of each tile in the gene's direction, uint8 (length,), in order.

    Raises:
        ChromosomeError, RegionError, FormatError: as `Fasta.read`.
    """
    chrom, start, end = (table[c].to_numpy() for c in ("chrom", "start", "end"))
    minus = (table["strand"] == "-").to_numpy()
    longest = int((end - start).max(initial=1))
    for first in range(0, len(table), max(1, _AT_ONCE // longest)):
        rows = range(first, min(first + max(1, _AT_ONCE // longest), len(table)))
        part = slice(rows.start, rows.stop)
        block = fasta.read_many(chrom[part], start[part], longest)  # past a chromosome's end there is N
        for i, row in enumerate(rows):
            if end[row] > fasta.sizes[chrom[row]] or start[row] < 0:
                fasta.read(chrom[row], int(start[row]), int(end[row]))  # names the tile that leaves it
            codes = block[i, : end[row] - start[row]]
            yield reverse_complement(codes) if minus[row] else codes


def read_shuffled(fasta: Fasta, table: pd.DataFrame, shuffle: Shuffle) -> Iterator[NDArray[np.uint8]]:
    """Yield a shuffle of each tile, as `read_codes`."""
    for row, codes in zip(table.to_dict("records"), read_codes(fasta, table), strict=True):
        yield shuffle(codes, {str(key): value for key, value in row.items()})


def gc_of(sequences: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Return the share of C and G among A, C, G and T: float64 (n,); NaN where all is N."""
    shares = []
    for codes in sequences:
        counts = np.bincount(codes, minlength=N_CODE + 1)[:N_CODE]
        shares.append((counts[1] + counts[2]) / counts.sum() if counts.sum() else np.nan)
    return np.array(shares, dtype=np.float64)


def match_background(
    tiles: pd.DataFrame,
    tiles_gc: NDArray[np.float64],
    others: pd.DataFrame,
    others_gc: NDArray[np.float64],
    avoid: pd.DataFrame,
) -> Matched:
    """Give each tile the candidate of its length that is nearest in GC, each candidate once.

    Candidates that share a base with any of `avoid` are left out, as are repeats of an interval and those
    that are all N. Tiles choose in order, so the caller puts the strongest first.

    Args:
        tiles, others: chrom, start, end.
        tiles_gc, others_gc: float64 (n,) of each.
        avoid: chrom, start, end: all called tiles, since windows of genes overlap.
    """
    free = others.assign(gc=others_gc, row=np.arange(len(others)))
    free = free[(covered_bases(free, avoid) == 0) & np.isfinite(others_gc)]
    free = free.drop_duplicates(["chrom", "start", "end"])
    by_length: dict[int, list[tuple[float, int]]] = {}
    for gc, row, length in zip(free["gc"], free["row"], free["end"] - free["start"], strict=True):
        by_length.setdefault(int(length), []).append((float(gc), int(row)))
    for of_length in by_length.values():
        of_length.sort()
    chosen, n_unmatched = [], 0
    for gc, length in zip(tiles_gc, tiles["end"] - tiles["start"], strict=True):
        of_length = by_length.get(int(length), [])
        at = bisect_left(of_length, (float(gc), -1))
        near = [i for i in (at - 1, at) if 0 <= i < len(of_length)]
        best = min(near, key=lambda i: abs(of_length[i][0] - gc), default=None)
        if best is None or not abs(of_length[best][0] - gc) <= MOST_GC_APART:
            n_unmatched += 1
        else:
            chosen.append(of_length.pop(best)[1])
    return Matched(others.iloc[chosen].reset_index(drop=True), n_unmatched)


def fasta_text(table: pd.DataFrame, sequences: Iterable[NDArray[np.uint8]], what: str) -> Iterator[str]:
    """Yield FASTA records: `>GENE|chrom:start-end(strand)|WHAT effect=…`, coordinates 0-based half-open.

    The name, up to the blank, has what a motif tool carries into its results.

    Args:
        table: gene_name, gene_id, chrom, start, end, strand, effect.
        sequences: codes of each, in order.
        what: the group, for example "enhancer" or "enhancer-shuffled".

    Raises:
        ConfigError: two records of one name.
    """
    seen: set[str] = set()
    for row, codes in zip(table.to_dict("records"), sequences, strict=True):
        gene = row["gene_name"] if isinstance(row["gene_name"], str) else row["gene_id"]
        place = f"{row['chrom']}:{row['start']}-{row['end']}({row['strand']})"
        name = f"{str(gene).replace(' ', '_')}|{place}|{what}"
        if name in seen:
            name = f"{name}|{row['gene_id']}@{row['tss']}"
        if name in seen:
            raise ConfigError("two tiles have this name; a run has each tile of a gene once", value=name)
        seen.add(name)
        letters = decode(codes)
        lines = (letters[i : i + WIDTH] for i in range(0, len(letters), WIDTH))
        yield f">{name} effect={row['effect']:.6g} distance={row['distance']}\n" + "\n".join(lines) + "\n"
