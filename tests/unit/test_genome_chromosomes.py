"""Chromosomes that a signal file lacks are counted, or refused where the file has them by another name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyBigWig
import pytest

from raycre.errors import AssemblyError, ChromosomeError, FormatError
from raycre.genome.chromosomes import assembly_of, other_style, plain_name
from raycre.genome.fasta import Letters
from raycre.genome.features import SignalPaths, Signals, loops_format
from raycre.genome.tracks import Track

SIZES = {"chr1": 5_000, "chr2": 5_000, "chrX": 5_000}
REGIONS = pd.DataFrame({"chrom": ["chr1", "chr2", "chr2", "chrX"], "start": [0, 0, 900, 50]})
REGIONS = REGIONS.assign(end=REGIONS["start"] + 1_000)


@pytest.mark.parametrize(
    ("names", "plain"),
    [
        (("chr1", "1", "Chr1", "CHR1", "chr01", "01", "chromosome1", "NC_000001.10", "CM000663.2"), "1"),
        (("chr22", "22", "NC_000022.11", "NC_060946.1"), "22"),
        (("chrX", "X", "x", "NC_000023.10", "NC_000086.8", "CM001013.3"), "x"),
        (("chrY", "Y", "NC_000024.10", "NC_000087.8"), "y"),
        (("chrM", "chrMT", "MT", "M", "NC_012920.1"), "mt"),
        (("NC_000067.6", "CM000994.2"), "1"),
        (("chrII", "II"), "ii"),
        (("chr1_KI270706v1_random",), "1_ki270706v1_random"),
        (("NC_001133.9",), "nc_001133.9"),  # yeast: not known, so itself
    ],
)
def test_names_of_one_chromosome_are_one_without_their_style(names: tuple[str, ...], plain: str) -> None:
    assert {plain_name(name) for name in names} == {plain}


def test_another_style_is_no_name_that_is_there() -> None:
    assert other_style("chr1", ["chr2", "1"]) == "1"
    assert other_style("chr1", ["chr1", "chr11"]) is None


def test_assemblies_are_told_by_their_lengths() -> None:
    assert assembly_of({"chr1": 249_250_621, "chrX": 155_270_560}) == "hg19/GRCh37"
    assert assembly_of({"9": 138_394_717}) == "hg38/GRCh38"
    assert assembly_of({"NC_000067.6": 195_471_971}) == "mm10/GRCm38"
    assert assembly_of({"chr1": 249_250_621, "chr2": 242_193_529}) is None  # of two
    assert assembly_of({"chr1": 1_000_000, "chr7": None}) is None


def test_a_track_of_another_assembly_is_named_with_it(tmp_path: Path) -> None:
    path = bigwig(tmp_path / "s.bw", {"chr1": 248_956_422})
    expected = r"here and 249,250,621 bp in the FASTA \(this is hg38/GRCh38, that is hg19/GRCh37\); use"
    with pytest.raises(AssemblyError, match=expected):
        Track(path, {"chr1": 249_250_621})


def bigwig(path: Path, sizes: dict[str, int], on: str | None = "", zooms: int = 10) -> Path:
    """Three values on one chromosome, the first where none is named; None writes a header only."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()), maxZooms=zooms)
        if on is not None:
            chrom = on or next(iter(sizes))
            file.addEntries([chrom] * 3, [0, 10, 4_000], ends=[5, 15, 4_005], values=[1.0, 2.0, 3.0])
    return path


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "g.fa"
    path.write_text("".join(f">{name}\n{'ACGTT' * (n // 5)}\n" for name, n in SIZES.items()))
    return path


def missing(signals: Signals) -> list[tuple[str, dict[str, int]]]:
    return [(found.key, found.regions) for found in signals.without_data(REGIONS)]


@pytest.mark.parametrize("zooms", [10, 0])
def test_regions_where_a_bigwig_has_no_data_are_counted(tmp_path: Path, fasta: Path, zooms: int) -> None:
    part = bigwig(tmp_path / "part.bw", {"chr1": 5_000, "chr2": 5_000}, zooms=zooms)  # nothing on chr2
    whole = tmp_path / "whole.bedGraph"
    whole.write_text("".join(f"{name}\t0\t10\t1\n" for name in SIZES))
    signals = Signals(SignalPaths(fasta, (whole, part)))
    assert missing(signals) == [("inputs.openness[1]", {"chrX": 1, "chr2": 2})]
    openness = signals.read_wide(REGIONS, 0).openness
    assert openness is not None
    # (10 + 15) / 2 on chr1; elsewhere the bedGraph's 10 / 2, on chr2:900 nothing, on chrX:50 nothing.
    assert openness.sum(1).tolist() == [12.5, 5.0, 0.0, 0.0]


@pytest.mark.parametrize("kind", ["bigWig", "bedGraph", "BEDPE"])
def test_regions_where_loops_have_no_data_are_counted(tmp_path: Path, fasta: Path, kind: str) -> None:
    path = tmp_path / "loops"
    if kind == "bigWig":
        bigwig(path, {"chr1": 5_000})
    else:
        path.write_text("chr1\t0\t10" + ("\t4\n" if kind == "bedGraph" else "\tchr1\t500\t600\n"))
    signals = Signals(SignalPaths(fasta, loops=path))
    assert signals.loops_read_as == kind  # by what is in it: the name says nothing
    assert missing(signals) == [("inputs.loops", {"chr2": 2, "chrX": 1})]


@pytest.mark.parametrize(
    ("names", "value"),
    [
        (("chr1", "2", "X"), "'2': the file has '2', which is 'chr2' of the regions"),
        (("chr1", "chr2", "X"), "'X': the file has 'X', which is 'chrX'"),
        (("chr1", "chr2", "chrx"), "'chrx': the file has 'chrx', which is 'chrX'"),
        (("chr1", "Chr02", "chrX"), "'Chr02': the file has 'Chr02', which is 'chr2'"),
        (("chr1", "chr2", "NC_000023.11"), "'NC_000023.11': the file has 'NC_000023.11', which is 'chrX'"),
    ],
)
def test_names_that_differ_in_style_are_refused_although_others_agree(
    tmp_path: Path, fasta: Path, names: tuple[str, ...], value: str
) -> None:
    rows = "".join(f"{name}\t0\t10\t1\n" for name in names)
    (tmp_path / "s.bedGraph").write_text(rows)
    pairs = "".join(f"{name}\t0\t10\t{name}\t50\t60\n" for name in names)
    (tmp_path / "l.bedpe").write_text(pairs)
    track = bigwig(tmp_path / "s.bw", dict.fromkeys(names, 5_000))
    for paths in (
        SignalPaths(fasta, (track,)),
        SignalPaths(fasta, (tmp_path / "s.bedGraph",)),
        SignalPaths(fasta, loops=track),
        SignalPaths(fasta, loops=tmp_path / "l.bedpe", outside="drop"),
    ):
        with pytest.raises(ChromosomeError, match=value):
            Signals(paths).without_data(REGIONS)
    chr1 = REGIONS[REGIONS["chrom"] == "chr1"]
    assert Signals(SignalPaths(fasta, (track,))).without_data(chr1) == []


def test_a_file_without_any_of_the_regions_chromosomes_is_refused(tmp_path: Path, fasta: Path) -> None:
    (tmp_path / "l.bedpe").write_text("chr1\t0\t10\tchr1\t50\t60\n")
    others = REGIONS[REGIONS["chrom"] != "chr1"]
    for paths in (
        SignalPaths(fasta, (bigwig(tmp_path / "s.bw", {"chr1": 5_000}),)),
        SignalPaths(fasta, loops=tmp_path / "l.bedpe"),
    ):
        with pytest.raises(
            ChromosomeError, match=r"none of the regions' chromosomes \(chr2, chrX\) is in the"
        ):
            Signals(paths).without_data(others)


def test_a_bigwig_with_a_header_only_is_refused(tmp_path: Path) -> None:
    path = bigwig(tmp_path / "none.bw", SIZES, on=None)
    with pytest.raises(FormatError, match=r"none\.bw: the bigWig holds no value, only a header; get"):
        Track(path, SIZES)
    content = bytearray(path.read_bytes())
    content[44:52] = bytes(8)  # no summary either, as old writers leave it out
    path.write_bytes(content)
    with pytest.raises(FormatError, match="holds no value"):
        Track(path, SIZES)


def test_a_bigwig_whose_index_leads_nowhere_is_damaged(tmp_path: Path) -> None:
    path = bigwig(tmp_path / "s.bw", SIZES)
    content = bytearray(path.read_bytes())
    content[24:32] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"s\.bw: the bigWig is truncated or damaged"):
        Track(path, SIZES)


def test_loops_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    path = tmp_path / "loops.txt.gz"
    for row, kind in (("chr1\t0\t9\t1", "bedGraph"), ("chr1\t0\t9\tchr1\t0\t9", "BEDPE")):
        path.write_text(f"# made by hand\n{row}\n")
        assert loops_format(path) == kind
    named = tmp_path / "loops.bedpe"
    named.write_text("chr1\t0\t9\t1\n")
    assert loops_format(named) == "bedGraph"  # a name decides nothing


def test_ambiguous_letters_are_counted_in_regions_alone(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    bases = "ACGT" * 10
    path.write_text(f">chr1\n{bases[:10]}NNn{bases[:10]}RyACG{bases[:9]}U\n>chr2\nacgtacgtac\n")
    signals = Signals(SignalPaths(path))
    regions = pd.DataFrame({"chrom": ["chr2", "chr1", "chr1", "chr1"], "start": [0, 0, 5, 22]})
    regions = regions.assign(end=regions["start"] + 7)
    # chr1:0-7 and chr2 have none; chr1:5-12 has NN; chr1:22-29 has base 22, R and y.
    assert signals.count_letters(regions, 0) == Letters(1, 2, 1, 2)
    assert signals.count_letters(regions, 3) == Letters(1, 2, 1, 2)  # the flank is not counted
    with pytest.raises(
        FormatError, match=r"g\.fa: 'U': chr1:37-38: no nucleotide; this is RNA: write T for U"
    ):
        signals.count_letters(regions, 12)  # but checked


@pytest.mark.parametrize(
    ("letter", "remedy"),
    [("U", "RNA"), ("X", "write N"), ("-", "remove the gaps"), ("*", "protein"), ("7", "only A, C, G, T")],
)
def test_a_letter_that_is_no_nucleotide_is_named_with_its_place(
    tmp_path: Path, letter: str, remedy: str
) -> None:
    path = tmp_path / "g.fa"
    path.write_text(f">chr1\nACGTACGTAC\nACGT{letter}CGTAC\n")
    signals = Signals(SignalPaths(path))
    for start in (0, 12):
        regions = pd.DataFrame({"chrom": ["chr1"], "start": [start], "end": [start + 7]})
        if start == 0:
            assert signals.count_letters(regions, 0) == Letters()
            continue
        with pytest.raises(FormatError, match=rf"chr1:14-15: no nucleotide; .*{remedy}"):
            signals.count_letters(regions, 0)
