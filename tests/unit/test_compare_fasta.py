"""FASTA of tiles: strands, names, shuffles that keep dinucleotides, backgrounds of like GC and length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.compare.fasta import fasta_text, gc_of, match_background, read_codes
from raycre.errors import ConfigError, RegionError
from raycre.genome.fasta import Fasta
from raycre.genome.sequence import decode
from tests.sequences import encode


def tiles(*rows: tuple[str, int, int, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["chrom", "start", "end", "strand"])
    return table.assign(gene_name="A", gene_id="A.1", tss=50, effect=0.5, distance=-100)


@pytest.fixture
def fasta(tmp_path: Path) -> Fasta:
    path = tmp_path / "g.fa"
    path.write_text(">chr1\nAACCGGTTNACGTACGTTTT\n>chr2\nGGGGCCCC\n")
    return Fasta(path)


def test_sequences_are_in_the_genes_direction_whatever_their_lengths(fasta: Fasta) -> None:
    wanted = tiles(("chr1", 0, 6, "+"), ("chr1", 6, 12, "-"), ("chr2", 0, 8, "+"), ("chr2", 0, 3, "-"))
    found = [decode(codes) for codes in read_codes(fasta, wanted)]
    assert found == ["AACCGG", "CGTNAA", "GGGGCCCC", "CCC"]
    assert gc_of(map(encode, found)).tolist() == pytest.approx([4 / 6, 2 / 5, 1, 1])
    assert np.isnan(gc_of([encode("NN")]))[0]


def test_a_tile_past_its_chromosome_is_an_error(fasta: Fasta) -> None:
    with pytest.raises(RegionError, match="ends 1 bp past chr2"):
        list(read_codes(fasta, tiles(("chr2", 0, 9, "+"))))


def test_records_name_gene_place_and_effect_and_no_two_are_alike() -> None:
    two = tiles(("chr1", 0, 70, "+"), ("chr1", 0, 70, "+"))
    two.loc[1, "gene_id"] = "A.2"
    text = "".join(fasta_text(two, [encode("A" * 70)] * 2, "enhancer"))
    assert text.splitlines() == [
        ">A|chr1:0-70(+)|enhancer effect=0.5 distance=-100",
        "A" * 60,
        "A" * 10,
        ">A|chr1:0-70(+)|enhancer|A.2@50 effect=0.5 distance=-100",
        "A" * 60,
        "A" * 10,
    ]
    same = tiles(*[("chr1", 0, 2, "+")] * 3)
    with pytest.raises(ConfigError, match="two tiles have this name"):
        list(fasta_text(same, [encode("AC")] * 3, "enhancer"))


def test_backgrounds_are_nearest_in_gc_of_one_length_apart_from_called_tiles_and_used_once() -> None:
    ours = tiles(("chr1", 0, 10, "+"), ("chr1", 20, 30, "+"), ("chr1", 50, 55, "+"), ("chr1", 60, 70, "+"))
    others = tiles(
        ("chr1", 5, 15, "+"),  # overlaps a called tile
        ("chr1", 100, 110, "+"),
        ("chr1", 100, 110, "-"),  # the same place for another gene
        ("chr1", 200, 210, "+"),
        ("chr1", 300, 305, "+"),
        ("chr1", 400, 410, "+"),
    )
    found = match_background(
        ours, np.array([0.50, 0.50, 0.40, 0.70]), others, np.array([0.5, 0.51, 0.51, 0.485, 0.41, 0.6]), ours
    )
    assert found.table["start"].tolist() == [100, 200, 300]
    assert found.n_unmatched == 1  # 0.6 is not near enough to 0.7
