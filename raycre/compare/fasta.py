"""Sequences of called tiles and of matched backgrounds as FASTA, for motif discovery (XSTREME: --p, --n).

Tiles are written as the model read them, in the gene's direction.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.compare.declaration import (
    CALLED,
    Compared,
    Comparison,
    ComparisonResult,
    groups_option,
    option,
    seed_option,
)
from raycre.creme.shuffle import dinucleotide_shuffle, seed_of
from raycre.errors import ConfigError, near
from raycre.genome.fasta import Fasta
from raycre.genome.overlaps import covered_bases
from raycre.genome.sequence import N_CODE, decode, reverse_complement

Shuffle = Callable[[NDArray[np.uint8], Mapping[str, Any]], NDArray[np.uint8]]
"""codes (length,) and the tile's row -> a shuffle of the codes, the same for the same row."""

BACKGROUNDS = ("shuffled", "matched")
LINE = 60  # letters
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
        lines = (letters[i : i + LINE] for i in range(0, len(letters), LINE))
        yield f">{name} effect={row['effect']:.6g} distance={row['distance']}\n" + "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Options:
    """Groups of tiles, and the backgrounds that are written beside each."""

    groups: tuple[str, ...] = groups_option()
    backgrounds: tuple[str, ...] = option(
        BACKGROUNDS, "shuffled, matched (by GC and length), both with a comma, or none.", none="none"
    )
    seed: int = seed_option()

    def __post_init__(self) -> None:
        for name in self.backgrounds:
            if name not in BACKGROUNDS:
                raise ConfigError(
                    f"backgrounds are {' and '.join(BACKGROUNDS)}{near(name, BACKGROUNDS)}", value=name
                )


def export_fasta(run: Compared, options: Options) -> ComparisonResult:
    """Write the tiles of each group, and a file for each background; a group without tiles is left out."""
    genome, table = run.genome(), run.table
    others, called = table[table["call"] == "neither"], table[table["call"].isin(CALLED)]
    others_gc = gc_of(read_codes(genome, others)) if "matched" in options.backgrounds else None
    written: list[dict[str, Any]] = []
    for group in options.groups:
        size = table.loc[table["call"] == group, "effect"].abs()
        strongest_first = size.sort_values(ascending=False, kind="stable").index
        tiles = table.loc[strongest_first]  # the strongest choose first
        if tiles.empty:
            written.append({"file": None, "group": group, "background": None, "sequences": 0, "unmatched": 0})
            continue
        sets: list[tuple[str | None, pd.DataFrame, Iterable[NDArray[np.uint8]], int]]
        sets = [(None, tiles, read_codes(genome, tiles), 0)]
        if "shuffled" in options.backgrounds:
            sets.append(("shuffled", tiles, read_shuffled(genome, tiles, _seeded(options.seed)), 0))
        if others_gc is not None:
            gc = gc_of(read_codes(genome, tiles))
            matched, n_unmatched = match_background(tiles, gc, others, others_gc, called)
            sets.append(("matched", matched, read_codes(genome, matched), n_unmatched))
        for background, rows, sequences, n_unmatched in sets:
            what = group if background is None else f"{group}-{background}"
            path = run.write_text(f"{what}.fa", fasta_text(rows, sequences, what))
            written.append({"file": path, "group": group, "background": background,
                            "sequences": len(rows), "unmatched": n_unmatched})  # fmt: skip
    return ComparisonResult({"seed": options.seed, "fasta": written})


def _seeded(seed: int) -> Shuffle:
    """A dinucleotide shuffle whose seed is of the tile itself, not of its place in a table."""

    def shuffle(codes: NDArray[np.uint8], row: Mapping[str, Any]) -> NDArray[np.uint8]:
        gene = f"{row['gene_id']}@{row['chrom']}:{row['tss']}{row['strand']}"
        return dinucleotide_shuffle(codes, seed_of(seed, gene, row["offset_start"], row["offset_end"], 0))

    return shuffle


COMPARISON = Comparison(
    name="fasta",
    summary="Write called tiles and backgrounds as FASTA, for XSTREME (--p and --n) and the like.",
    options=Options,
    compare=export_fasta,
    needs=("genome",),
)
