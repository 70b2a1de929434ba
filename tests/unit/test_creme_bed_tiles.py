"""Tiles from genomic intervals: where they come to lie in the input, and which are left out and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.creme.bed_tiles import read_tile_bed, tiles_from_bed
from raycre.creme.settings import Settings
from raycre.creme.tiles import to_genomic, window_offset
from raycre.errors import AssemblyError, ChromosomeError, ConfigError, RegionError
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_window
from raycre.genome.sequence import reverse_complement

L, SIZE = 100, 10  # the TSS tile is 45-55


def regions(*rows: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["chrom", "start", "end"])


# The window of a + gene with its TSS at 1,000 is 950-1,050, its TSS tile 995-1,005.
BED = regions(
    ("chr1", 950, 960),  # the first bases of the window
    ("chr1", 1_040, 1_050),  # the last ones
    ("chr1", 985, 995),  # touches the TSS tile
    ("chr1", 990, 996),  # a base over it
    ("chr1", 949, 960),  # a base out on the left
    ("chr1", 1_045, 1_051),  # a base out on the right
    ("chr1", 940, 950),  # touches the window
    ("chr2", 960, 970),
    ("chr1", 950, 960),  # again
)


def test_tiles_of_a_plus_gene_and_counts_of_what_is_left_out() -> None:
    found = tiles_from_bed(BED, "chr1", 1_000, "+", L, SIZE)
    assert found.tiles == ((0, 10), (35, 45), (90, 100))
    assert found[1:] == (2, 2, 1, 1)


def test_tiles_of_a_minus_gene_are_mirrored() -> None:
    # The window of a - gene with its TSS base at 999 is the same 950-1,050, read backwards.
    found = tiles_from_bed(BED, "chr1", 999, "-", L, SIZE)
    assert found.tiles == ((0, 10), (55, 65), (90, 100))
    assert found[1:] == (2, 2, 1, 1)


@given(
    start=st.integers(0, 2_000),
    length=st.integers(1, 300),
    tss=st.integers(0, 2_000),
    strand=st.sampled_from("+-"),
    seq_len=st.integers(2, 400),
)
def test_to_input_undoes_to_genomic(start: int, length: int, tss: int, strand: str, seq_len: int) -> None:
    ends = np.array([start]), np.array([start + length])
    ((first, last),) = window_offset(*ends, tss, strand, seq_len).tolist()
    assert to_genomic((first, last), tss, strand, seq_len) == (start, start + length)


@pytest.mark.parametrize("strand", "+-")
def test_a_tile_holds_the_bases_of_its_interval(tmp_path: Path, strand: str) -> None:
    file = tmp_path / "g.fa"
    letters = "".join(np.random.default_rng(0).choice(list("ACGT"), 400))
    file.write_text(f">chr1\n{letters}\n")
    bed = regions(("chr1", 160, 173))
    with Fasta(file) as fasta:
        ((start, end),) = tiles_from_bed(bed, "chr1", 200, strand, L, SIZE).tiles
        tile = read_window(fasta, "chr1", 200, strand, L)[start:end]
        interval = fasta.read("chr1", 160, 173)
    np.testing.assert_array_equal(tile, interval if strand == "+" else reverse_complement(interval))


def test_tiles_of_a_bed_are_tiles_of_a_run() -> None:
    tiles = tiles_from_bed(BED, "chr1", 1_000, "+", L, SIZE).tiles
    assert Settings(seq_len=L, tile_size=SIZE, tiles=tiles, n_shuffles={}).tiles == tiles


def test_no_interval_in_the_window_gives_no_tile() -> None:
    found = tiles_from_bed(BED, "chr3", 1_000, "+", L, SIZE)
    assert found.tiles == ()
    assert found.n_elsewhere == len(BED)


def test_window_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        tiles_from_bed(BED, "chr1", 1_000, "+", L, L + 1)
    with pytest.raises(RegionError, match="strand"):
        tiles_from_bed(BED, "chr1", 1_000, ".", L, SIZE)


def test_bed_of_another_assembly_is_refused_whole(tmp_path: Path) -> None:
    bed = tmp_path / "tiles.bed"
    bed.write_text("chr1\t10\t20\nchr2\t90\t101\nchr2\t95\t110\n")
    with pytest.raises(AssemblyError, match=r"2 of 3 rows.*lift") as caught:
        read_tile_bed(bed, {"chr1": 100, "chr2": 100})
    assert caught.value.line == 2
    with pytest.raises(ChromosomeError, match=r"'chr2'.*it has '2'"):
        read_tile_bed(bed, {"chr1": 100, "2": 200})
    assert read_tile_bed(bed, {"chr1": 100, "chr2": 110})["end"].tolist() == [20, 101, 110]


def test_real_hg19_peaks_are_refused_against_hg38(shared: Path) -> None:
    # Elements of a whole genome reach where the other assembly ends before.
    bed = shared / "data" / "hg19" / "blacklist_v2.bed.gz"
    table = pd.read_csv(shared / "data" / "hg38" / "hg38.chrom.sizes", sep="\t", header=None, index_col=0)
    sizes = {str(name): int(length) for name, length in table[1].items()}
    with pytest.raises(AssemblyError, match="of another assembly"):
        read_tile_bed(bed, sizes)
