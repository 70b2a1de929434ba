"""Tiles from a list of genomic intervals (peaks, say) in place of a row of equal ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from raycre.creme.tiles import Interval, tss_tile, window_offset
from raycre.errors import AssemblyError
from raycre.genome.intervals import sizes_of
from raycre.genome.lifting import UNLIFTED, Lifting
from raycre.genome.regions import read_regions


class BedTiles(NamedTuple):
    """Tiles of one gene, and what became of the other intervals.

    Attributes:
        tiles: 0-based half-open in the model input, ascending, each once; may overlap one another, as the
            intervals do.
        n_elsewhere: intervals that share no base with the window: no loss, they belong to other genes.
        n_past_window: intervals partly in the window; a tile cut short would no longer be the element.
        n_over_tss: intervals that overlap the TSS tile, which no test may change.
        n_repeated: intervals that an earlier one has said.
    """

    tiles: tuple[Interval, ...]
    n_elsewhere: int
    n_past_window: int
    n_over_tss: int
    n_repeated: int


def read_tile_bed(path: str | Path, sizes: Mapping[str, int], lifting: Lifting = UNLIFTED) -> pd.DataFrame:
    """Read intervals that must lie on the genome of the run; the columns are those of `read_regions`.

    A BED does not name its assembly. One of another shows where it leaves a chromosome, and there every
    other row is doubtful too, so such a file is refused whole and no row of it is dropped. Where the lengths
    happen to hold all of its rows nothing can tell.

    Args:
        path: BED, narrowPeak or Parquet.
        sizes: bp of each chromosome of the FASTA.
        lifting: from the assembly of the intervals; those that are not mapped are left out and counted.

    Raises:
        AssemblyError: an interval past the end of its chromosome.
        ChromosomeError: a chromosome that the FASTA does not have.
        InputError: else as `read_regions`.
    """
    lifting.check(target=sizes)
    table = read_regions(path).table
    if lifting.chains is not None:
        return lifting.rows(Path(path).name, table)
    past = sizes_of(table["chrom"], sizes)
    past = np.where(past < 0, 0, table["end"].to_numpy() - past)
    if (past > 0).any():
        row = int(np.argmax(past > 0))
        chrom, start, end, line = table[["chrom", "start", "end", "line"]].iloc[row]
        raise AssemblyError(
            f"ends {past[row]:,} bp past {chrom} ({sizes[chrom]:,}) of the FASTA; {(past > 0).sum():,} of "
            f"{len(table):,} rows leave theirs. Tiles of another assembly would lie on the wrong bases: "
            "give the chain between the two (creme.chain), or lift the file over",
            path=path,
            line=int(line),
            value=f"{chrom}:{start:,}-{end:,}",
        )
    return read_regions(path, sizes=sizes).table  # refuses what is on no chromosome of the FASTA


def tiles_from_bed(
    regions: pd.DataFrame, chrom: str, tss: int, strand: str, seq_len: int, tile_size: int
) -> BedTiles:
    """Turn the intervals in the window of a gene into its tiles; the strand of an interval does not matter.

    Args:
        regions: chrom, start, end, 0-based half-open (`read_tile_bed`).
        chrom, tss, strand: of the gene; `tss` is its 0-based TSS base.
        seq_len: model input in bp.
        tile_size: bp of the TSS tile.

    Raises:
        RegionError: a strand that is neither + nor -.
        ConfigError: a TSS tile that the input cannot hold.
    """
    here = regions[(regions["chrom"] == chrom).to_numpy()]
    placed = window_offset(here["start"].to_numpy(), here["end"].to_numpy(), tss, strand, seq_len)
    placed = placed[(placed[:, 0] < seq_len) & (placed[:, 1] > 0)]
    n_elsewhere = len(regions) - len(placed)
    whole = placed[(placed[:, 0] >= 0) & (placed[:, 1] <= seq_len)]
    tss_start, tss_end = tss_tile(seq_len, tile_size)
    free = whole[(whole[:, 1] <= tss_start) | (whole[:, 0] >= tss_end)]
    tiles = sorted({(start, end) for start, end in free.tolist()})
    return BedTiles(
        tiles=tuple(tiles),
        n_elsewhere=n_elsewhere,
        n_past_window=len(placed) - len(whole),
        n_over_tss=len(whole) - len(free),
        n_repeated=len(free) - len(tiles),
    )
