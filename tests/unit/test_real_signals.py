"""Readers of openness and loops on real signal files, in the coordinates of their own assembly.

No such file covers a FASTA piece of the shared data, so chromosome sizes come from the *.chrom.sizes
files. Expected values were taken from the files with pyBigWig and awk, not with raycre.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.errors import AssemblyError, ChromosomeError
from raycre.genome.loops import Loops, read_loops
from raycre.genome.tracks import Track, mean_of

ASSEMBLIES = ("hg19", "hg38")


@pytest.fixture(scope="module")
def sizes(shared: Path) -> dict[str, dict[str, int]]:
    """Bp of every chromosome, by assembly."""
    tables = {a: shared / f"data/{a}/{a}.chrom.sizes" for a in ASSEMBLIES}
    return {a: dict(pd.read_csv(p, sep="\t", header=None).itertuples(index=False)) for a, p in tables.items()}


@pytest.mark.parametrize(
    ("file", "assembly", "chrom", "lengths"),
    [
        ("hg19/K562_H3K27ac_chr9_4m_6m.bw", "hg19", "chr9", ("141,213,431", "138,394,717")),
        ("hg19/K562_RNA_chr9_4m_6m.bw", "hg19", "chr9", ("141,213,431", "138,394,717")),
        # Its companions are hg19 and so was its folder; the header says otherwise.
        ("hg38/K562_H3K4me3_chr9_4m_6m.bw", "hg38", "chr9", ("138,394,717", "141,213,431")),
        ("hg38/GM12878_H3K27me3_chr21.bw", "hg38", "chr21", ("46,709,983", "48,129,895")),
    ],
)
def test_a_bigwig_opens_with_its_own_assembly_and_names_both_lengths_with_the_other(
    shared: Path,
    sizes: dict[str, dict[str, int]],
    file: str,
    assembly: str,
    chrom: str,
    lengths: tuple[str, str],
) -> None:
    path = shared / "data" / file
    with Track(path, sizes[assembly]) as track:
        assert set(sizes[assembly]) - set(track.absent) == {chrom}
    other = ASSEMBLIES[1 - ASSEMBLIES.index(assembly)]
    message = rf"{path.name}: {chrom} has {lengths[0]} bp here and {lengths[1]} bp in {other}"
    with pytest.raises(AssemblyError, match=message):
        Track(path, sizes[other], sizes_from=other)


@pytest.mark.parametrize(
    ("file", "chrom", "start", "expected"),
    [
        # Intervals 3,998,732-4,004,573 of 0, -4,004,583 of 1.16495, -4,004,638 of 1.09607.
        ("hg19/K562_H3K27ac_chr9_4m_6m.bw", "chr9", 4_004_571, [0, 0, *[1.16495] * 10, 1.09607]),
        # The highest peak of the file: 218.616 on one base.
        ("hg19/K562_RNA_chr9_4m_6m.bw", "chr9", 4_860_330, [212.031, 218.616]),
        # The last interval of chr21 is 46,680,998-46,709,983 of 0; the one before is of 0.4893.
        ("hg38/GM12878_H3K27me3_chr21.bw", "chr21", 46_680_996, [0.4893, 0.4893, 0, 0]),
        ("hg38/GM12878_H3K27me3_chr21.bw", "chr21", 46_709_982, [0, 0]),  # the second base is past the end
    ],
)
def test_a_bigwig_gives_the_values_of_its_intervals(
    shared: Path, sizes: dict[str, dict[str, int]], file: str, chrom: str, start: int, expected: list[float]
) -> None:
    with Track(shared / "data" / file, sizes[file[:4]]) as track:
        values = track.read_many([chrom], np.array([start]), len(expected))[0]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_a_bigwig_of_contig_6_is_told_from_chr6_and_reads_once_the_names_agree(
    shared: Path, sizes: dict[str, dict[str, int]]
) -> None:
    path = shared / "data/hg38/macrophage_chr6_aipt_A.bw"
    with pytest.raises(ChromosomeError, match=r"aipt_A\.bw: '6'.*it has 'chr6': the names differ in style"):
        Track(path, sizes["hg38"])
    with Track(path, {"6": sizes["hg38"]["chr6"]}) as track:
        values = track.read_many(["6"], np.array([125_781_215]), 2)[0]
    np.testing.assert_allclose(values, [0.00874, 0.01749], rtol=1e-4)


@pytest.mark.parametrize(
    ("kind", "total", "highest"), [("DNase", 277_975, 2_422), ("H3K27ac", 52_971, 1_238)]
)
def test_every_element_of_a_bedgraph_reads_back_its_count(
    shared: Path, sizes: dict[str, dict[str, int]], kind: str, total: int, highest: int
) -> None:
    path = shared / f"data/hg38/K562_{kind}_chr22_counts.bedgraph"
    rows = pd.read_csv(path, sep="\t", header=None, names=["chrom", "start", "end", "count"])
    with Track(path, sizes["hg38"]) as track:
        first, last = (
            track.read_many(rows["chrom"], base.to_numpy(np.int64), 1)[:, 0]
            for base in (rows["start"], rows["end"] - 1)
        )
    assert (first.sum(), first.max()) == (total, highest)
    assert first.tolist() == last.tolist() == rows["count"].tolist()


def test_two_real_tracks_are_averaged_base_by_base(shared: Path, sizes: dict[str, dict[str, int]]) -> None:
    dnase, acetylation = (
        Track(shared / f"data/hg38/K562_{kind}_chr22_counts.bedgraph", sizes["hg38"])
        for kind in ("DNase", "H3K27ac")
    )
    # chr22 10,712,000-10,712,500 holds 3 in the one and 5 in the other.
    mean = mean_of([dnase, acetylation], ["chr22", "chr22"], np.array([10_711_999, 10_712_499]), 2)
    assert mean.tolist() == [[0, 4], [4, 0]]


@pytest.mark.parametrize(
    ("file", "chrom", "start", "expected"),
    [
        # Anchors 9,900,000 … 10,340,000-10,350,000 and, twice, 10,340,000-10,345,000.
        ("hg19/GM12878_H3K27ac_hichip", "chr20", 10_339_999, [0, 3]),
        ("hg19/GM12878_H3K27ac_hichip", "chr20", 10_344_999, [3, 1]),
        # Anchors 54,729,949-880, 54,730,376-896, 54,730,491-731,025, 54,730,989-732,272.
        ("hg19/K562_CTCF_chiapet", "chr12", 54_730_490, [2, 3]),
        ("hg19/K562_CTCF_chiapet", "chr12", 54_730_879, [3, 2]),
        ("hg19/K562_CTCF_chiapet", "chr12", 54_731_024, [2, 1]),
        # Of the 14 loops, three have an anchor at 4,760,000-4,765,000, and three lie over 4,985,000.
        ("hg19/K562_loops_chr9_4m_6m", "chr9", 4_764_999, [3, 0]),
        ("hg19/K562_loops_chr9_4m_6m", "chr9", 4_984_999, [2, 3]),
        ("hg19/GM12878_pcHiC", "chr1", 810_000, [3, 3]),
        ("hg38/K562_ABC_links_chr22", "chr22", 16_592_810, [4, 1]),  # zero-length anchors: one base
    ],
)
def test_loops_without_a_count_column_count_one_each(
    shared: Path, sizes: dict[str, dict[str, int]], file: str, chrom: str, start: int, expected: list[int]
) -> None:
    loops = read_loops(shared / f"data/{file}.bedpe", sizes[file[:4]])
    counts = loops.counts([chrom], np.array([start]), len(expected))[0]
    assert counts.tolist() == expected
    assert counts.dtype == np.int64


def test_the_scores_of_a_count_column_add_up_over_a_base(
    shared: Path, sizes: dict[str, dict[str, int]]
) -> None:
    loops = read_loops(shared / "data/hg19/GM12878_pcHiC.bedpe", sizes["hg19"], count_column=7)
    # chr1:810,000-820,000 is an anchor of three contacts: 5.34 + 5.66 + 6.56.
    assert _at(loops, "chr1", 809_999, 2) == [0, 17.56]
    # chr1:840,000-850,000 of eleven, the first of which is counted above too.
    assert _at(loops, "chr1", 845_000, 1) == [75.49]


def test_scores_of_links_pile_up_on_the_one_base_of_a_zero_length_anchor(
    shared: Path, sizes: dict[str, dict[str, int]]
) -> None:
    loops = read_loops(shared / "data/hg38/K562_ABC_links_chr22.bedpe", sizes["hg38"], count_column=8)
    # 0.077423 + 0.063911 + 1.0 + 0.028027; the promoter's own element, of score 1, is also beside it.
    assert _at(loops, "chr22", 16_592_809, 3) == [1.0, 1.169361, 1.0]


def test_genome_wide_loops_on_one_chromosome_are_kept_where_they_fit_and_the_rest_is_counted(
    shared: Path, sizes: dict[str, dict[str, int]]
) -> None:
    path = shared / "data/hg19/GM12878_H3K27ac_hichip.bedpe"
    chr20 = {"chr20": sizes["hg19"]["chr20"]}
    with pytest.raises(ChromosomeError, match=r"hichip\.bedpe:1: 'chr10'"):
        read_loops(path, chr20)
    loops = read_loops(path, chr20, outside="drop")
    assert (loops.n_read, loops.n_read - loops.n_dropped) == (6_396, 159)
    assert _at(loops, "chr20", 10_344_999, 2) == [3, 1]


def _at(loops: Loops, chrom: str, start: int, length: int) -> list[float]:
    return loops.counts([chrom], np.array([start]), length)[0].tolist()
