"""Chromosome sizes from a table, and files of another assembly told by their rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from raycre.errors import ChromosomeError, FormatError, RegionError
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.intervals import on_known_chromosomes


def test_names_and_lengths_in_order_and_a_fai_too(tmp_path: Path) -> None:
    path = tmp_path / "x.sizes"
    path.write_text("# comment\nchr2\t20\nchr1\t30\n")
    assert list(read_sizes(path).items()) == [("chr2", 20), ("chr1", 30)]
    path.write_text("chr1\t30\t6\t60\t61\n")
    assert read_sizes(path) == {"chr1": 30}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chr1\t30\nchr1\t30\n", ":2: 'chr1': given twice"),
        ("chr1\t0\n", ":1: 'chr1': the length is not positive"),
        ("chr1\tlong\n", ":1: 'long': the length .* is not an integer"),
        ("chr1\n", "needs 2"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.sizes"
    path.write_text(text)
    with pytest.raises(FormatError, match=says):
        read_sizes(path)


def rows(*intervals: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(intervals, columns=["chrom", "start", "end"]).assign(
        line=range(3, 3 + len(intervals))
    )


def test_rows_on_other_chromosomes_are_marked_but_one_past_its_end_is_an_error() -> None:
    table = rows(("chr1", 0, 30), ("chrUn", 0, 99), ("chr1", 5, 6))
    assert on_known_chromosomes(table, "x.bed", {"chr1": 30}).tolist() == [True, False, True]
    with pytest.raises(RegionError, match=r"x\.bed:4: 'chr1:20-31': ends 1 bp past chr1 \(30\)"):
        on_known_chromosomes(rows(("chr2", 0, 1), ("chr1", 20, 31)), "x.bed", {"chr1": 30})
    with pytest.raises(ChromosomeError, match=r"x\.bed:3: '1': no such chromosome.*it has 'chr1'"):
        on_known_chromosomes(rows(("1", 0, 1)), "x.bed", {"chr1": 30})
