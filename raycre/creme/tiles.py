"""Where the tiles of a model input lie, and where they lie on the genome."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raycre.errors import ConfigError, RegionError

Interval: TypeAlias = tuple[int, int]
"""0-based half-open [start, end)."""


def tss_tile(seq_len: int, tile_size: int) -> Interval:
    """Return the tile centred on the TSS base, which is base `seq_len // 2` of the input.

    Args:
        seq_len: input length in bp.
        tile_size: bp.

    Returns:
        0-based half-open (start, end) in the model input.

    Raises:
        ConfigError: a tile of no length, or one that the input cannot hold.
    """
    start = seq_len // 2 - tile_size // 2
    if tile_size < 1 or start < 0 or start + tile_size > seq_len:
        raise ConfigError(
            f"a tile of {tile_size:,} bp does not fit an input of {seq_len:,} bp; set creme.tile_size "
            f"between 1 and {seq_len:,}",
            value=tile_size,
        )
    return start, start + tile_size


def context_tiles(seq_len: int, tile_size: int, compat: str = "fixed") -> NDArray[np.int64]:
    """Lay as many whole tiles as fit on both sides of the TSS tile, edge to edge (CREME Methods, "Creme").

    Args:
        seq_len: input length in bp.
        tile_size: bp, of the TSS tile and of every other.
        compat: "reference" leaves out a last tile that ends exactly at the end of the input, as the authors'
            code does (DIVERGENCES 7); "fixed" keeps it.

    Returns:
        int64 (n, 2), 0-based half-open in the model input, ascending, without the TSS tile. n may be 0.

    Raises:
        ConfigError: as `tss_tile`.
    """
    start, end = tss_tile(seq_len, tile_size)
    n_left, n_right = start // tile_size, (seq_len - end) // tile_size
    if compat == "reference" and n_right and end + n_right * tile_size == seq_len:
        n_right -= 1
    left = start - tile_size * np.arange(n_left, 0, -1, dtype=np.int64)
    right = end + tile_size * np.arange(n_right, dtype=np.int64)
    starts = np.concatenate([left, right])
    return np.stack([starts, starts + tile_size], axis=1)


def to_genomic(tile: Interval, tss: int, strand: str, seq_len: int) -> Interval:
    """Carry an interval of the model input to the genome.

    The input of a + gene is genomic [tss - L//2, tss - L//2 + L). That of a - gene is the reverse complement
    of the window that ends at tss + 1 + L//2, so that the TSS base is base L//2 of the input on both strands.

    Args:
        tile: 0-based half-open in the model input.
        tss: 0-based genomic position of the TSS base (on - the last base of the gene's interval).
        strand: "+" or "-".
        seq_len: L, bp.

    Returns:
        0-based half-open genomic (start, end), start < end on both strands; negative where the window begins
        before the chromosome does, which whoever cuts the window must refuse.

    Raises:
        RegionError: another strand.
    """
    start, end = tile
    if strand == "+":
        first = tss - seq_len // 2
        return first + start, first + end
    if strand == "-":
        last = tss + 1 + seq_len // 2
        return last - end, last - start
    raise RegionError('a gene lies on strand "+" or "-"; give one of them in the annotation', value=strand)


def window_offset(
    start: NDArray[np.int64], end: NDArray[np.int64], tss: int, strand: str, seq_len: int
) -> NDArray[np.int64]:
    """Carry intervals of the genome to the model input: `to_genomic` the other way round.

    Args:
        start, end: int64 (n,), 0-based half-open on the gene's chromosome.
        tss, strand, seq_len: as in `to_genomic`.

    Returns:
        int64 (n, 2), 0-based half-open in the model input; outside [0, seq_len) where the interval leaves
        the window.

    Raises:
        RegionError: another strand.
    """
    first, last = to_genomic((0, seq_len), tss, strand, seq_len)
    if strand == "-":
        return np.stack([last - end, last - start], axis=1)
    return np.stack([start - first, end - first], axis=1)


def overlap(a: Interval, b: Interval) -> bool:
    """Tell whether two intervals share a base."""
    return a[0] < b[1] and b[0] < a[1]


def distance(tile: Interval, tss: Interval) -> int:
    """Return bp from the start of the TSS tile to the start of `tile`, negative upstream of the gene.

    Start to start in the orientation of the gene, as CREME's tables (DIVERGENCES 10), though not floored to
    kb; for tiles of one size that is also the distance of the centres.

    Args:
        tile: 0-based half-open in the model input.
        tss: the TSS tile, likewise.
    """
    return tile[0] - tss[0]
