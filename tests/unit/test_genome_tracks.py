"""bigWig and bedGraph signals: values, gaps, edges and assemblies."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.errors import AssemblyError, ChromosomeError
from raycre.genome.fasta import Fasta
from raycre.genome.tracks import Track, mean_of

SIZES = {"chr1": 100, "chr2": 50, "chrM": 16}
INTERVALS = [("chr1", 10, 12, 1.5), ("chr1", 12, 15, 4.0), ("chr1", 98, 100, 2.0), ("chr2", 0, 1, 8.0)]


def write_bigwig(path: Path, intervals: list[tuple[str, int, int, float]], sizes: dict[str, int]) -> Path:
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        chroms, starts, ends, values = (list(column) for column in zip(*intervals, strict=True))
        file.addEntries(chroms, starts, ends=ends, values=[float(v) for v in values])
    return path


def write_track(folder: Path, kind: str) -> Path:
    if kind == "bigwig":
        return write_bigwig(folder / "signal.of.no.known.suffix", INTERVALS, {"chr1": 100, "chr2": 50})
    rows = "".join("\t".join(map(str, row)) + "\n" for row in reversed(INTERVALS))  # unsorted on purpose
    text = b"track type=bedGraph\n" + rows.encode()
    file = folder / ("signal.bedgraph.gz" if kind == "gzip" else "signal.bedgraph")
    file.write_bytes(gzip.compress(text) if kind == "gzip" else text)
    return file


@pytest.fixture(params=["bigwig", "bedgraph", "gzip"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_track(tmp_path, request.param)


def test_windows_hold_the_values_of_their_bases_in_input_order(path: Path) -> None:
    with Track(path, SIZES) as track:
        values = track.read_many(["chr2", "chr1", "chr1"], np.array([0, 9, 11]), 5)
    assert values.tolist() == [[8, 0, 0, 0, 0], [0, 1.5, 1.5, 4, 4], [1.5, 4, 4, 4, 0]]
    assert values.dtype == np.float32


def test_bases_outside_the_chromosome_are_zero(path: Path) -> None:
    with Track(path, SIZES) as track:
        assert track.read_many(["chr1", "chr2"], np.array([97, -2]), 5).tolist() == [
            [0, 2, 2, 0, 0],
            [0, 0, 8, 0, 0],
        ]
        assert track.read_many(["chr1"], np.array([500]), 3).tolist() == [[0, 0, 0]]


def test_a_chromosome_that_the_track_lacks_is_zero_and_named(path: Path) -> None:
    with Track(path, SIZES) as track:
        assert track.absent == ("chrM",)
        assert track.read_many(["chrM"], np.array([0]), 4).tolist() == [[0, 0, 0, 0]]


def test_a_chromosome_that_the_genome_lacks_is_an_error(path: Path) -> None:
    with Track(path, SIZES) as track, pytest.raises(ChromosomeError, match=r"'1'.*it has 'chr1'"):
        track.read_many(["1"], np.array([0]), 4)


def test_a_track_travels_to_another_process_by_its_path(path: Path) -> None:
    with Track(path, SIZES) as track, pickle.loads(pickle.dumps(track)) as other:
        assert other.read_many(["chr1"], np.array([10]), 2).tolist() == [[1.5, 1.5]]


def test_replicates_are_averaged(tmp_path: Path) -> None:
    first = write_bigwig(tmp_path / "1.bw", [("chr1", 0, 2, 1.0)], {"chr1": 100})
    second = write_bigwig(tmp_path / "2.bw", [("chr1", 1, 3, 2.0)], {"chr1": 100})
    third = write_bigwig(tmp_path / "3.bw", [("chr1", 0, 1, 5.0)], {"chr1": 100})
    with Track(first, SIZES) as a, Track(second, SIZES) as b, Track(third, SIZES) as c:
        mean = mean_of([a, b, c], ["chr1"], np.array([0]), 4)
    assert mean.tolist() == [[2.0, 1.0, pytest.approx(2 / 3), 0.0]]
    assert mean.dtype == np.float32


def test_assemblies_that_differ_name_both_lengths(tmp_path: Path) -> None:
    path = write_bigwig(tmp_path / "hg19.bw", INTERVALS, {"chr1": 100, "chr2": 50})
    with pytest.raises(AssemblyError, match=r"hg19\.bw: chr2 has 50 bp here and 51 bp in hg38\.fa"):
        Track(path, {"chr1": 100, "chr2": 51}, sizes_from="hg38.fa")


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 6), st.integers(0, 9)), min_size=1, max_size=12),
    st.lists(st.integers(-20, 110), min_size=1, max_size=8),
    st.integers(1, 30),
)
@settings(max_examples=60)
def test_both_formats_give_the_values_base_by_base(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, int, int]],
    starts: list[int],
    length: int,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    signal = np.zeros(200, dtype=np.float32)  # bases -50 … 149
    intervals: list[tuple[str, int, int, float]] = []
    at = 0
    for gap, width, value in steps:
        intervals.append(("chr1", at + gap, at + gap + width, value))
        at += gap + width
        signal[50 + at - width : 50 + at] = value
    signal[150:] = 0
    bigwig = write_bigwig(folder / "property.bw", intervals, {"chr1": 150})
    bedgraph = folder / "property.bedgraph"
    bedgraph.write_text("".join("\t".join(map(str, row)) + "\n" for row in intervals))
    padded = np.pad(signal, 100)
    expected = np.stack([padded[150 + s : 150 + s + length] for s in starts])
    for path in (bigwig, bedgraph):
        with Track(path, {"chr1": 150}) as track:
            assert np.array_equal(track.read_many(["chr1"] * len(starts), np.array(starts), length), expected)


def test_real_bigwig_gives_what_single_reads_give(shared: Path) -> None:
    path = shared / "data/hg19/K562_H3K27ac_chr9_4m_6m.bw"
    start = np.random.default_rng(0).integers(3_990_000, 6_010_000, 200)
    with pyBigWig.open(str(path)) as peer, Track(path, peer.chroms()) as track:
        values = track.read_many(["chr9"] * 200, start, 1000)
        single = [np.nan_to_num(peer.values("chr9", s, s + 1000, numpy=True)) for s in start.tolist()]
    assert np.array_equal(values, np.stack(single))
    assert values.max() > 1


def test_real_bedgraph_holds_its_counts(shared: Path) -> None:
    path = shared / "data/hg38/K562_DNase_chr22_counts.bedgraph"
    with Track(path, {"chr22": 50_818_468}) as track:
        values = track.read_many(["chr22"], np.array([10_711_999]), 503)[0]
    assert values.tolist() == [0, *[3] * 500, 0, 0]  # line 3: chr22 10712000 10712500 3


def test_a_bigwig_of_the_other_assembly_in_the_wrong_folder_is_found(shared: Path) -> None:
    path = shared / "data/hg38/K562_H3K4me3_chr9_4m_6m.bw"
    with pytest.raises(AssemblyError, match="chr9 has 138,394,717 bp here and 141,213,431 bp in the FASTA"):
        Track(path, {"chr9": 141_213_431})  # hg19


def test_a_fasta_piece_does_not_pass_for_the_assembly(shared: Path) -> None:
    with Fasta(shared / "data/hg38/chr1_1m.fa.gz") as fasta:
        path = shared / "data/hg38/phastCons_chr1_10417_177417.derived.bw"
        with pytest.raises(AssemblyError, match=r"248,956,422 bp here and 1,000,000 bp in chr1_1m\.fa\.gz"):
            Track(path, fasta.sizes, sizes_from=fasta.path.name)
