"""Loop counts over bases, against a count by hand and on real BEDPE files."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.errors import ChromosomeError, FormatError
from raycre.genome.loops import Loops, read_loops

SIZES = {"chr1": 100, "chr2": 100}


def read(tmp_path: Path, *rows: str, **options: object) -> Loops:
    file = tmp_path / "loops.bedpe"
    file.write_text("".join(f"{row}\n" for row in rows))
    return read_loops(file, SIZES, **options)  # type: ignore[arg-type]


def counts(loops: Loops, chrom: str, start: int, end: int) -> list[float]:
    return loops.counts([chrom], np.array([start]), end - start)[0].tolist()


def test_both_anchors_of_a_loop_count_one(tmp_path: Path) -> None:
    loops = read(tmp_path, "chr1\t2\t4\tchr1\t6\t8")
    assert counts(loops, "chr1", 0, 10) == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0]
    assert loops.counts(["chr1"], np.array([0]), 10).dtype == np.int64


def test_loops_over_one_base_add_up(tmp_path: Path) -> None:
    loops = read(tmp_path, "chr1\t2\t5\tchr1\t50\t51", "chr1\t4\t6\tchr2\t0\t1")
    assert counts(loops, "chr1", 0, 8) == [0, 0, 1, 1, 2, 1, 0, 0]


def test_a_loop_with_both_anchors_over_a_base_counts_once(tmp_path: Path) -> None:
    loops = read(tmp_path, "chr1\t2\t5\tchr1\t4\t7", "chr1\t20\t22\tchr1\t22\t24")
    assert counts(loops, "chr1", 1, 8) == [0, 1, 1, 1, 1, 1, 0]
    assert counts(loops, "chr1", 19, 25) == [0, 1, 1, 1, 1, 0]


def test_an_anchor_of_zero_length_covers_the_base_at_its_start(tmp_path: Path) -> None:
    loops = read(tmp_path, "chr1\t2\t4\tchr1\t7\t7")
    assert counts(loops, "chr1", 0, 9) == [0, 0, 1, 1, 0, 0, 0, 1, 0]


def test_anchors_on_two_chromosomes_count_on_each(tmp_path: Path) -> None:
    loops = read(tmp_path, "chr1\t2\t4\tchr2\t3\t5")
    assert counts(loops, "chr1", 0, 6) == [0, 0, 1, 1, 0, 0]
    assert counts(loops, "chr2", 0, 6) == [0, 0, 0, 1, 1, 0]


def test_bases_outside_the_chromosome_have_no_loops(tmp_path: Path) -> None:
    loops = read(tmp_path, "chr1\t0\t2\tchr1\t98\t100")
    assert counts(loops, "chr1", -2, 3) == [0, 0, 1, 1, 0]
    assert counts(loops, "chr1", 97, 103) == [0, 1, 1, 0, 0, 0]


def test_a_count_column_weighs_the_loops(tmp_path: Path) -> None:
    loops = read(tmp_path, "chr1\t2\t4\tchr1\t6\t8\t3", "chr1\t3\t4\tchr1\t9\t10\t5", count_column=7)
    assert counts(loops, "chr1", 0, 10) == [0, 0, 3, 8, 0, 0, 3, 3, 0, 5]
    assert loops.counts(["chr1"], np.array([0]), 10).dtype == np.int64


def test_fractional_scores_leave_no_round_off_behind(tmp_path: Path) -> None:
    rows = ("chr1\t2\t4\tchr1\t6\t8\t0.1", "chr1\t3\t5\tchr1\t7\t9\t0.2")
    loops = read(tmp_path, *rows, count_column=7)
    assert counts(loops, "chr1", 0, 10) == [0, 0, 0.1, 0.3, 0.2, 0, 0.1, 0.3, 0.2, 0]


def test_a_title_line_and_comments_are_no_loops(tmp_path: Path) -> None:
    loops = read(tmp_path, "#made by", "chr1\tx1\tx2\tchr2\ty1\ty2", "chr1\t2\t4\tchr1\t6\t8")
    assert loops.n_read == 1


def test_loops_off_the_genome_are_dropped_whole_and_counted(tmp_path: Path) -> None:
    rows = ("chr1\t2\t4\tchr1\t6\t8", "chr1\t2\t4\tchrUn\t6\t8", "chr1\t2\t4\tchr1\t99\t101")
    loops = read(tmp_path, *rows, outside="drop")
    assert (loops.n_read, loops.n_dropped) == (3, 2)
    assert counts(loops, "chr1", 1, 5) == [0, 1, 1, 0]


def test_an_unknown_chromosome_is_an_error_on_reading_and_on_asking(tmp_path: Path) -> None:
    with pytest.raises(ChromosomeError, match=r"loops\.bedpe:1: '1'.*it has 'chr1'"):
        read(tmp_path, "1\t2\t4\t1\t6\t8")
    loops = read(tmp_path, "chr1\t2\t4\tchr1\t6\t8")
    with pytest.raises(ChromosomeError, match="'chr7'"):
        loops.counts(["chr7"], np.array([0]), 5)


def test_a_count_column_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="6 tab-separated columns where BEDPE needs 7"):
        read(tmp_path, "chr1\t2\t4\tchr1\t6\t8", count_column=7)


def test_loops_travel_to_another_process(tmp_path: Path) -> None:
    loops = pickle.loads(pickle.dumps(read(tmp_path, "chr1\t2\t4\tchr1\t6\t8")))
    assert counts(loops, "chr1", 1, 4) == [0, 1, 1]


anchors = st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 40), st.integers(0, 12))


@given(st.lists(st.tuples(anchors, anchors), min_size=1, max_size=10), st.integers(-10, 50))
@settings(max_examples=40)
def test_counts_are_those_of_the_written_definition(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[tuple[str, int, int], tuple[str, int, int]]],
    start: int,
) -> None:
    file = tmp_path_factory.getbasetemp() / "property.bedpe"
    file.write_text("".join(f"{a}\t{s}\t{s + n}\t{b}\t{t}\t{t + m}\n" for (a, s, n), (b, t, m) in pairs))
    expected = [
        sum(any(c == "chr1" and s <= base < s + max(n, 1) for c, s, n in pair) for pair in pairs)
        for base in range(start, start + 20)
    ]
    assert counts(read_loops(file, SIZES), "chr1", start, start + 20) == expected


def sizes_of(shared: Path, assembly: str) -> dict[str, int]:
    file = shared / f"data/{assembly}/{assembly}.chrom.sizes"
    table = pd.read_csv(file, sep="\t", header=None, index_col=0)
    return {str(name): int(length) for name, length in table[1].items()}


@pytest.mark.parametrize(
    ("file", "column", "n_loops"),
    [
        ("hg38/H1_CTCF_chiapet.bedpe", None, 26_597),
        ("hg38/K562_ABC_links_chr22.bedpe", None, 1_353),
        ("hg19/GM12878_pcHiC.bedpe", 7, 63_884),
        ("hg19/K562_CTCF_chiapet.bedpe", None, 24_887),
    ],
)
def test_real_files_are_read_whole(shared: Path, file: str, column: int | None, n_loops: int) -> None:
    loops = read_loops(shared / "data" / file, sizes_of(shared, file[:4]), count_column=column)
    assert (loops.n_read, loops.n_dropped) == (n_loops, 0)
    tss = loops.counts(["chr22"], np.array([16_592_000]), 2_000)
    assert tss.shape == (1, 2_000)


def test_links_to_one_tss_pile_up_on_its_one_base(shared: Path) -> None:
    loops = read_loops(shared / "data/hg38/K562_ABC_links_chr22.bedpe", sizes_of(shared, "hg38"))
    at_tss, beside = loops.counts(["chr22"], np.array([16_592_810]), 2)[0]
    # Four links end in the zero-length anchor at 16,592,810; the promoter's own element
    # (16,592,424-16,593,181) covers both bases, and its link counts once.
    assert at_tss == beside + 3
