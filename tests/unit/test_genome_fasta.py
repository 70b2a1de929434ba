"""FASTA files: plain and bgzip give the same bases, whatever the line width, the order and the padding."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from Bio import bgzf
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.errors import FormatError, RegionError
from raycre.genome.fasta import Fasta
from raycre.genome.sequence import decode
from tests.sequences import encode

CHR1 = "ACGTACGTNNacgtRYA"  # 17 bases
CHR2 = "TTTTTGGGGG"


def fasta_text(width: int = 5, newline: str = "\n") -> str:
    records = []
    for name, bases in (("chr1 first", CHR1), ("chr2", CHR2)):
        lines = [bases[i : i + width] for i in range(0, len(bases), width)]
        records.append(newline.join([f">{name}", *lines, ""]))
    return "".join(records)


def write_bgzip(file: Path, text: str, block: int) -> None:
    """Compress in blocks of `block` bases."""
    with bgzf.BgzfWriter(str(file)) as writer:
        for begin in range(0, len(text), block):
            writer.write(text[begin : begin + block].encode())
            writer.flush()


@pytest.fixture(params=["plain", "crlf", "bgzip", "one line"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "bgzip":
        file = tmp_path / "genome.fa.gz"
        write_bgzip(file, fasta_text(), block=7)
        assert gzip.decompress(file.read_bytes()).decode() == fasta_text()
        return file
    file = tmp_path / "genome.fa"
    newline = "\r\n" if request.param == "crlf" else "\n"
    file.write_bytes(fasta_text(100 if request.param == "one line" else 5, newline).encode())
    return file


def test_sizes_are_in_file_order_and_names_end_at_the_first_space(path: Path) -> None:
    with Fasta(path) as fasta:
        assert list(fasta.sizes.items()) == [("chr1", 17), ("chr2", 10)]


def test_every_interval_of_a_small_genome_is_right(path: Path) -> None:
    plain = CHR1.upper().replace("R", "N").replace("Y", "N")
    with Fasta(path) as fasta:
        for start in range(17):
            for end in range(start + 1, 18):
                assert decode(fasta.read("chr1", start, end)) == plain[start:end]


def test_padding_is_n_on_both_sides_and_far_away(path: Path) -> None:
    with Fasta(path) as fasta:
        assert decode(fasta.read("chr2", -3, 12, pad=True)) == "NNNTTTTTGGGGGNN"
        assert decode(fasta.read("chr2", -9, -4, pad=True)) == "NNNNN"
        assert decode(fasta.read("chr2", 50, 53, pad=True)) == "NNN"


def test_an_index_made_here_is_read_the_next_time(path: Path) -> None:
    with Fasta(path) as made:
        sizes = made.sizes
    fai = path.with_name(path.name + ".fai")
    written = fai.read_text()
    assert [row.split("\t")[:2] for row in written.splitlines()] == [["chr1", "17"], ["chr2", "10"]]
    with Fasta(path) as read:
        assert read.sizes == sizes
        assert decode(read.read("chr2", 4, 6)) == "TG"
    assert fai.read_text() == written


def test_an_index_older_than_its_fasta_is_made_again(path: Path) -> None:
    Fasta(path).close()
    fai = path.with_name(path.name + ".fai")
    fai.write_text(fai.read_text().replace("17", "16"))
    os.utime(fai, ns=(0, path.stat().st_mtime_ns - 1))
    with Fasta(path) as fasta:
        assert fasta.sizes["chr1"] == 17


def test_an_index_that_cannot_lie_beside_goes_to_the_cache(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("RAYCRE_CACHE", str(cache))
    path.with_name(path.name + ".fai").mkdir()  # in the way, as a folder without permission would be
    with Fasta(path) as fasta:
        assert fasta.sizes == {"chr1": 17, "chr2": 10}
    cached = {file: file.stat().st_mtime_ns for file in cache.rglob("*.fai")}
    assert len(cached) == 1
    assert not [
        file for file in path.parent.iterdir() if file.name.startswith(path.name + ".fai") and file.is_file()
    ]
    with Fasta(path) as again:
        assert decode(again.read("chr1", 0, 4)) == "ACGT"
    assert {file: file.stat().st_mtime_ns for file in cache.rglob("*.fai")} == cached


def test_many_that_make_the_index_at_once_leave_one_whole_index(path: Path) -> None:
    def first_bases(_: int) -> str:
        with Fasta(path) as fasta:
            return decode(fasta.read("chr1", 0, 9))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(first_bases, range(32))) == {"ACGTACGTN"}
    suffixes = {".fai", ".gzi"} if path.suffix == ".gz" else {".fai"}
    assert {file.name.removeprefix(path.name) for file in path.parent.iterdir()} == {"", *suffixes}


def test_a_fasta_travels_to_another_process_by_its_path(path: Path) -> None:
    with Fasta(path) as fasta, pickle.loads(pickle.dumps(fasta)) as other:
        assert decode(other.read("chr1", 0, 4)) == "ACGT"


@given(
    st.lists(st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(-30, 40)), min_size=1, max_size=20),
    st.integers(1, 25),
)
@settings(max_examples=60)
def test_many_windows_are_the_single_reads_in_input_order(
    tmp_path_factory: pytest.TempPathFactory, windows: list[tuple[str, int]], length: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "many.fa"
    if not file.exists():
        file.write_text(fasta_text())
    chrom = [c for c, _ in windows]
    start = np.array([s for _, s in windows], dtype=np.int64)
    with Fasta(file) as fasta:
        many = fasta.read_many(chrom, start, length)
        single = [fasta.read(c, s, s + length, pad=True) for c, s in windows]
    assert many.shape == (len(windows), length)
    assert np.array_equal(many, np.stack(single))


def test_no_windows_give_an_empty_array(path: Path) -> None:
    with Fasta(path) as fasta:
        assert fasta.read_many([], np.empty(0, dtype=np.int64), 5).shape == (0, 5)


def test_many_windows_without_padding_name_the_one_that_leaves(path: Path) -> None:
    with Fasta(path) as fasta, pytest.raises(RegionError, match="chr2:8-13 ends 3 bp past chr2"):
        fasta.read_many(["chr1", "chr2"], np.array([0, 8]), 5, pad=False)


def test_windows_far_apart_are_not_read_through_what_lies_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "long.fa"
    file.write_text(">chr1\n" + "A" * 1_000_000 + "\n")
    asked: list[int] = []
    pread = os.pread
    with Fasta(file) as fasta:
        monkeypatch.setattr(os, "pread", lambda *at: (asked.append(at[1]), pread(*at))[1])
        fasta.read_many(["chr1"] * 3, np.array([900_000, 100, 300]), 10)
    assert asked == [10, 10, 10]
    asked.clear()
    with Fasta(file) as fasta:
        fasta.read_many(["chr1"] * 3, np.array([100, 130, 150]), 10)
    assert asked == [60]  # near each other: read at once


def test_every_base_round_the_edge_of_the_largest_bgzip_block_is_right(tmp_path: Path) -> None:
    file = tmp_path / "large.fa.gz"
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 70_000))
    write_bgzip(file, f">chr1\n{bases}\n", block=70_007)  # Biopython cuts it into blocks of 65,536
    with Fasta(file) as fasta:
        for start in range(65_530 - 3, 65_530 + 3):  # the '>' line takes 6 bytes
            assert decode(fasta.read("chr1", start, start + 2)) == bases[start : start + 2]


def test_forks_that_read_one_fasta_at_once_get_their_own_bases(tmp_path: Path) -> None:
    script = """
import os, sys
import numpy as np
from raycre.genome.fasta import Fasta

fasta = Fasta(sys.argv[1])
child = os.fork()
expected = fasta.read("chr1", 0, fasta.sizes["chr1"])
random = np.random.default_rng(child)
for start in random.integers(0, len(expected) - 100, 20_000).tolist():
    if not np.array_equal(fasta.read("chr1", start, start + 100), expected[start : start + 100]):
        os._exit(1)
if child == 0:
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""
    file = tmp_path / "random.fa"
    bases = np.random.default_rng(0).choice(list("ACGT"), (20_000, 50))
    file.write_text(">chr1\n" + "\n".join("".join(line) for line in bases) + "\n")
    done = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ">chr1\nACGT\nAC\nACGT\n",
            "ragged.fa: .*not consistent! Inconsistent line found in >chr1 at line 3",
        ),
        (">chr1\nAC\nACGTACGT\n", r"ragged\.fa:3: a line longer than the first of its sequence; fold"),
    ],
)
def test_lines_of_unequal_width_are_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "ragged.fa"
    file.write_text(text)
    for _ in range(2):  # a refused file leaves no index behind
        with pytest.raises(FormatError, match=message):
            Fasta(file)


def test_a_blank_line_at_the_end_and_a_missing_last_newline_are_harmless(tmp_path: Path) -> None:
    for name, text in (("blank.fa", ">a\nACG\nT\n\n>b\nAC\n"), ("cut.fa", ">a\nACG\nT\n>b\nAC")):
        file = tmp_path / name
        file.write_text(text)
        with Fasta(file) as fasta:
            assert fasta.sizes == {"a": 4, "b": 2}
            assert decode(fasta.read("a", 2, 4)) + decode(fasta.read("b", 0, 2)) == "GTAC"


def test_chr1_of_hg38_has_the_known_runs_of_n(shared: Path) -> None:
    with Fasta(shared / "data/hg38/chr1_1m.fa.gz") as fasta:
        codes = fasta.read("chr1", 0, fasta.sizes["chr1"])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], codes == 4, [0]]).astype(int))).tolist()
    assert edges == [0, 10_000, 207_666, 257_666, 297_968, 347_968, 535_988, 585_988]  # data/README.md


def test_bgzip_and_plain_are_the_text_of_real_sequence(shared: Path, tmp_path: Path) -> None:
    source = shared / "data/hg38/chr1_1m.fa.gz"
    plain = tmp_path / "chr1.fa"
    plain.write_bytes(gzip.decompress(source.read_bytes()))
    text = b"".join(plain.read_bytes().splitlines()[1:])
    start = np.random.default_rng(0).integers(0, len(text) - 1000, 300)
    with Fasta(source) as packed, Fasta(plain) as unpacked:
        codes = packed.read_many(["chr1"] * 300, start, 1000)
        assert np.array_equal(unpacked.read_many(["chr1"] * 300, start, 1000), codes)
    assert np.array_equal(codes, np.stack([encode(text[s : s + 1000]) for s in start.tolist()]))


def test_an_index_made_here_is_that_of_samtools(shared: Path, tmp_path: Path) -> None:
    source = shared / "data/hg38/chr1_1m.fa.gz"
    copy = tmp_path / source.name
    copy.write_bytes(source.read_bytes())
    Fasta(copy).close()
    made, theirs = (file.with_name(file.name + ".fai").read_bytes() for file in (copy, source))
    assert made == theirs
