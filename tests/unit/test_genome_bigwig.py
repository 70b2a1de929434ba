"""bigWig by blocks: all kinds of section, both byte orders, and the same values as pyBigWig."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome import bigwig
from raycre.genome.bigwig import BigWig
from raycre.genome.bigwig_index import BigWigIndex
from raycre.genome.fill import ValuedIntervals, fill
from raycre.genome.tracks import Track, mean_of

Section = tuple[str, int, list[tuple[int, int, float]]]  # kind, number of its chromosome, start, end, value


def made_bigwig(
    path: Path, lengths: Sequence[tuple[str, int]], sections: Sequence[Section], order: str, packed: bool
) -> Path:
    """Write a bigWig without zoom levels or summary, byte by byte (Kent et al. 2010, supplement)."""
    key = max(len(name) for name, _ in lengths)
    tree = struct.pack(order + "IIIIQQ", 0x78CA8C91, len(lengths), key, 8, len(lengths), 0)
    tree += struct.pack(order + "BBH", 1, 0, len(lengths))
    for number, (name, length) in enumerate(lengths):
        tree += name.encode().ljust(key, b"\0") + struct.pack(order + "II", number, length)
    data_at, data, leaves = 64 + len(tree), struct.pack(order + "Q", len(sections)), []
    for kind, chrom, items in sections:
        first, last = items[0], items[-1]
        step = items[1][0] - first[0] if len(items) > 1 else 1
        span = first[1] - first[0]
        code = {"bedGraph": 1, "variable": 2, "fixed": 3}[kind]
        block = struct.pack(order + "IIIIIBBH", chrom, first[0], last[1], step, span, code, 0, len(items))
        for start, end, value in items:
            block += struct.pack(order + "II"[: 3 - code] + "f", *(start, end)[: 3 - code], value)
        block = zlib.compress(block) if packed else block
        leaves.append(
            struct.pack(order + "IIIIQQ", chrom, first[0], chrom, last[1], data_at + len(data), len(block))
        )
        data += block
    index = struct.pack(
        order + "IIQIIIIQII", 0x2468ACE0, max(len(leaves), 2), len(leaves), 0, 0, 9, 0, 0, 1, 0
    )
    node = index + struct.pack(order + "BBH", 1, 0, len(leaves)) + b"".join(leaves)
    header = struct.pack(
        order + "IHHQQQHHQQIQ", 0x888FFC26, 4, 0, 64, data_at, data_at + len(data), 0, 0, 0, 0,
        1 << 15 if packed else 0, 0,
    )  # fmt: skip
    path.write_bytes(header + tree + data + node + struct.pack(order + "I", 0x888FFC26))
    return path


@st.composite
def sections(draw: st.DrawFn) -> list[Section]:
    """Sections along chromosome 0 of 400 bp; chromosome 1 has none."""
    found: list[Section] = []
    at = 0
    for kind in draw(st.lists(st.sampled_from(["bedGraph", "variable", "fixed"]), min_size=1, max_size=4)):
        at += draw(st.integers(0, 12))
        span, gap, items = draw(st.integers(1, 5)), draw(st.integers(0, 3)), []
        for _ in range(draw(st.integers(1, 6))):
            if kind == "bedGraph":
                span = draw(st.integers(1, 5))
            if kind != "fixed":
                gap = draw(st.integers(0, 3))
            items.append((at, at + span, float(draw(st.integers(0, 9)))))
            at += span + gap
        found.append((kind, 0, items))
    return found


def expected(found: list[Section], at: int, length: int) -> NDArray[np.float32]:
    signal = np.zeros(1200, dtype=np.float32)
    for _, _, items in found:
        for start, end, value in items:
            signal[400 + start : 400 + end] = value
    return signal[400 + at : 400 + at + length]


@pytest.mark.parametrize("order", ["<", ">"], ids=["little endian", "big endian"])
@pytest.mark.parametrize("packed", [True, False], ids=["compressed", "uncompressed"])
@given(found=sections(), at=st.lists(st.integers(-60, 410), min_size=1, max_size=6), n=st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_sections_of_every_kind_give_their_values(
    tmp_path_factory: pytest.TempPathFactory,
    order: str,
    packed: bool,
    found: list[Section],
    at: list[int],
    n: int,
) -> None:
    lengths = [("chr1", 400), ("chr2", 90)]
    path = made_bigwig(tmp_path_factory.getbasetemp() / "made.bw", lengths, found, order, packed)
    with Track(path, dict(lengths)) as track:
        values = track.read_many(["chr1"] * len(at) + ["chr2"], np.array([*at, -5]), n)
        assert track.regions_without(np.array(["chr1", "chr2"], dtype=object)) == {"chr2": 1}
    assert np.array_equal(values[:-1], [expected(found, begin, n) for begin in at])
    assert not values[-1].any()
    if order == "<":  # the byte order that pyBigWig reads
        with pyBigWig.open(str(path)) as peer:
            whole = np.nan_to_num(peer.values("chr1", 0, 400, numpy=True))
        assert np.array_equal(whole, expected(found, 0, 400))


@pytest.mark.parametrize(
    "name",
    [
        "hg19/K562_H3K27ac_chr9_4m_6m.bw",
        "hg19/K562_RNA_chr9_4m_6m.bw",
        "hg38/K562_H3K4me3_chr9_4m_6m.bw",
        "hg38/GM12878_H3K27me3_chr21.bw",
        "hg38/macrophage_chr6_aipt_A.bw",
        "hg38/phastCons_chr1_10417_177417.derived.bw",
    ],
)
def test_real_files_give_what_pybigwig_gives(shared: Path, name: str) -> None:
    path = shared / "data" / name
    random = np.random.default_rng(1)
    with pyBigWig.open(str(path)) as peer:
        [(chrom, length)] = [each for each in peer.chroms().items() if peer.intervals(each[0])][:1]
        stored = peer.intervals(chrom)
        low, high = stored[0][0], stored[-1][1]
        start = random.integers(max(low - 3_000, 0), min(high + 1_000, length - 2_000), 150)
        start = np.concatenate([start, [0, length - 2_000, low, high - 2_000]])
        wanted = np.stack([np.nan_to_num(peer.values(chrom, s, s + 2_000, numpy=True)) for s in start])
        with Track(path, peer.chroms()) as track:
            assert np.array_equal(track.read_many([chrom] * len(start), start, 2_000), wanted)
    signal = BigWig(path)
    every = list(signal.stored(chrom))
    signal.close()
    assert sum(len(part.start) for part in every) == len(stored)
    assert np.array_equal(np.concatenate([part.value for part in every]), [v for _, _, v in stored])


def test_only_the_blocks_that_windows_touch_are_decompressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [("bedGraph", 0, [(at, at + 50, 1.0)]) for at in range(0, 1_000, 100)]
    path = made_bigwig(tmp_path / "ten.bw", [("chr1", 1_000)], found, "<", True)
    with Track(path, {"chr1": 1_000}) as track:
        unpacked: list[int] = []
        whole = zlib.decompress
        monkeypatch.setattr(
            zlib,
            "decompress",
            lambda *a: (unpacked.append(1), whole(*a))[1],  # one a block
        )
        values = track.read_many(["chr1"] * 3, np.array([420, 110, 160]), 30)
    assert values.sum(axis=1).tolist() == [30, 30, 0]
    assert len(unpacked) == 2  # of ten: those at 100 and 400


def test_a_later_interval_counts_where_two_share_a_base() -> None:
    both = ValuedIntervals(np.array([0, 2]), np.array([5, 4]), np.array([1, 7], dtype=np.float32))
    assert fill(both, np.array([1]), 5).tolist() == [[1, 7, 7, 1, 0]]


def test_values_past_the_end_of_the_chromosome_are_left_out(tmp_path: Path) -> None:
    path = made_bigwig(tmp_path / "past.bw", [("chr1", 6)], [("bedGraph", 0, [(4, 9, 2.0)])], "<", True)
    with Track(path, {"chr1": 6}) as track:
        assert track.read_many(["chr1"], np.array([3]), 6).tolist() == [[0, 2, 2, 0, 0, 0]]


def test_a_damaged_block_names_the_file_and_the_place(tmp_path: Path) -> None:
    path = tmp_path / "s.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", 400)], maxZooms=0)
        file.addEntries(["chr1"], [20], ends=[90], values=[2.0])
    content = bytearray(path.read_bytes())
    block = int(BigWigIndex(path).blocks("chr1").offset[0])
    content[block + 2 : block + 6] = b"\xff" * 4
    path.write_bytes(content)
    wrong = r"s\.bw: the bigWig is truncated or damaged .*chr1:30-40; get the file again"
    with pytest.raises(FormatError, match=wrong):
        Track(path, {"chr1": 400}).read_many(["chr1"], np.array([30]), 10)


def test_the_mean_of_two_tracks_is_that_of_float64(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    paths, stored = [], []
    for number in range(3):
        values = (random.random(300) * 10.0 ** random.integers(-30, 30, 300)).astype(np.float32)
        items = [(at, at + 1, float(v)) for at, v in enumerate(values)]
        lengths = [("chr1", 300)]
        paths.append(made_bigwig(tmp_path / f"{number}.bw", lengths, [("fixed", 0, items)], "<", True))
        stored.append(values.astype(np.float64))
    tracks = [Track(path, {"chr1": 300}) for path in paths]
    for n in (1, 2, 3):
        mean = mean_of(tracks[:n], ["chr1"], np.array([0]), 300)[0]
        assert np.array_equal(mean, (sum(stored[:n]) / n).astype(np.float32))


def test_the_mean_of_the_largest_numbers_is_finite(tmp_path: Path) -> None:
    largest = float(np.finfo(np.float32).max)
    path = made_bigwig(tmp_path / "s.bw", [("chr1", 9)], [("bedGraph", 0, [(0, 9, largest)])], "<", True)
    assert mean_of([Track(path, {"chr1": 9})] * 2, ["chr1"], np.array([0]), 9).tolist() == [[largest] * 9]


def test_a_section_of_nothing_holds_nothing() -> None:
    """pyBigWig ends a chromosome with one where the values fill its last section."""
    head = struct.pack("<" + bigwig._SECTION, 3, 0, 0, 0, 0, bigwig._BEDGRAPH, 0, 0)
    found = bigwig._intervals([head], "<", 3)
    assert (len(found.start), len(found.end), len(found.value)) == (0, 0, 0)
