"""When ten columns are a narrowPeak, and where its summits are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from raycre.errors import FormatError
from raycre.genome.regions import read_regions
from tests.text_files import centred, places


def narrow(*rows: tuple[str, str]) -> str:
    """Peaks of 801 bp at 10,000, 20,000, …, of (signal, summit) each."""
    return "".join(
        f"chr1\t{10000 * i}\t{10000 * i + 801}\tp{i}\t0\t.\t{signal}\t{signal}\t{signal}\t{summit}\n"
        for i, (signal, summit) in enumerate(rows, start=1)
    )


def test_a_dot_in_the_first_row_does_not_hide_a_narrow_peak(
    file: Callable[..., Path], said: list[str]
) -> None:
    # 10,000 + 100 - 500, 20,000 + 700 - 500, 30,000 + 50 - 500
    path = file(narrow((".", "100"), ("3.1", "700"), ("2.2", "50")), "peaks.bed")
    assert centred(path) == [9600, 20200, 29550]
    assert said == ["peaks.bed: 10 columns read as narrowPeak, summits used"]


def test_summits_written_as_floats_are_summits(file: Callable[..., Path]) -> None:
    assert centred(file(narrow(("5.1", "100.0"), ("5.1", "700.0"), ("5.1", "50.0")))) == [9600, 20200, 29550]


def test_peaks_without_a_summit_are_centred_on_their_midpoint_and_counted(
    file: Callable[..., Path], said: list[str]
) -> None:
    # The midpoint of 20,000-20,801 is 20,400.
    path = file(narrow(("1", "100"), ("1", "-1"), ("1", "."), ("-1", "NA")))
    assert centred(path) == [9600, 19900, 29900, 39900]
    assert said[-1].endswith("narrowPeak, summits used of 1 rows, midpoints of 3 without one")
    assert centred(file(narrow(("1", "-1"), ("1", "-1")))) == [9900, 19900]
    assert said[-1].endswith("narrowPeak, no row has a summit")


def test_ten_columns_of_something_else_are_bed(file: Callable[..., Path], said: list[str]) -> None:
    assert centred(file(narrow(("high", "x"), ("low", "y")))) == [9900, 19900]
    assert said[-1] == "input.bed: 10 columns read as BED, no summits"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("1", "100"), ("1", "far")], r":2: 'far': column 10 of a narrowPeak .*1 of 2 rows"),
        ([("1", "100"), ("high", "5")], r":2: 'high': column 7 of a narrowPeak is a number"),
        ([("1", "100"), ("1", "5.5")], r":2: '5\.5': column 10 of a narrowPeak is a summit"),
    ],
)
def test_rows_of_two_formats_in_one_file_are_refused_with_the_row(
    file: Callable[..., Path], rows: list[tuple[str, str]], says: str
) -> None:
    with pytest.raises(FormatError, match=says):
        read_regions(file(narrow(*rows)))


def test_a_name_makes_no_narrow_peak(file: Callable[..., Path]) -> None:
    assert places(file("chr1\t100\t600\ta\t0\t.\n", "x.narrowPeak")) == [("chr1", 100, 600)]
    with pytest.raises(FormatError, match=r":1: 'high': column 7 of a narrowPeak"):
        read_regions(file(narrow(("high", "3")), "x.narrowPeak"))


def test_summits_are_found_by_name(file: Callable[..., Path]) -> None:
    title = "chrom,start,end,peak\n"
    assert centred(file(title + "chr1,10000,10801,100\nchr1,20000,20801,700\n")) == [9600, 20200]
    bioframe = "relSummit\tend\tstart\tchrom\n100\t10801\t10000\tchr1\n"
    assert centred(file(bioframe)) == [9600]
    absolute = "chrom\tstart\tend\tsummit\nchr1\t10000\t10801\t10100\n"
    assert centred(file(absolute)) == [9600]
