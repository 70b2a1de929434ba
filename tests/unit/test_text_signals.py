"""Columns of signals, loops, CRISPRi pairs, repeats and chromosome sizes are where their title says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from raycre.errors import FormatError
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.crispr_pairs import read_pairs
from raycre.genome.loops import is_bedpe, read_loops
from raycre.genome.repeats import read_repeats
from raycre.genome.tracks import Track
from tests.text_files import SIZES


def test_a_bed_of_peaks_is_no_signal(file: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match=r":1: .*6 columns where a bedGraph has four"):
        Track(file("chr1\t10000\t10500\t1\t1\t.\n"), SIZES)
    with pytest.raises(FormatError, match="5 columns where a bedGraph has four"):
        Track(file("chrom,start,end,name,score\nchr1,1,5,x,3\n"), SIZES)


@pytest.mark.parametrize(
    "text",
    [
        "chr1\t100\t103\t2.5\n",
        "chrom\tstart\tend\tvalue\nchr1\t100\t103\t2.5\n",
        "value,chrom,end,start\n2.5,chr1,103,100\n",
        "chrom;start;end;value\nchr1;100;103;2,5\n",
        'track type=bedGraph name="x"\r\nchr1\t100\t103\t2.5\r\n',
    ],
    ids=["plain", "title", "another order", "decimal comma", "track line"],
)
def test_bedgraph_values_are_where_their_title_says(file: Callable[..., Path], text: str) -> None:
    with Track(file(text, "s.txt"), SIZES) as track:
        assert track.read_many(["chr1"], np.array([99]), 5).tolist() == [[0, 2.5, 2.5, 2.5, 0]]


def test_a_decimal_comma_between_tabs_is_refused_with_the_remedy(file: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match=r":1: '2,5': the value .* is not a number; write a decimal point"):
        Track(file("chr1\t100\t103\t2,5\n"), SIZES)


@pytest.mark.parametrize(
    "text",
    [
        "chr1\t100\t103\tchr1\t200\t202\n",
        "chrom1\tstart1\tend1\tchrom2\tstart2\tend2\nchr1\t100\t103\tchr1\t200\t202\n",
        "#chr1\tx1\tx2\tchr2\ty1\ty2\tcolor\nchr1\t100\t103\tchr1\t200\t202\t0,255,0\n",
        "chrom1,chrom2,start1,start2,end1,end2\nchr1,chr1,100,200,103,202\n",
        "left\tfrom\tto\tright\tfrom\tto\nchr1\t100\t103\tchr1\t200\t202\n",
    ],
    ids=["plain", "bedtools", "juicer", "another order", "names of its own"],
)
def test_anchors_are_where_their_title_says(file: Callable[..., Path], text: str) -> None:
    path = file(text, "loops.txt")
    assert is_bedpe(path)
    loops = read_loops(path, SIZES)
    assert loops.counts(["chr1", "chr1"], np.array([99, 199]), 5).tolist() == [
        [0, 1, 1, 1, 0],
        [0, 1, 1, 0, 0],
    ]


def test_a_signal_of_loops_is_told_by_its_columns(file: Callable[..., Path]) -> None:
    assert not is_bedpe(file("chr1\t100\t103\t4\n", "counts.bedpe"))


def test_crispri_columns_are_found_by_name_wherever_they_stand(file: Callable[..., Path]) -> None:
    text = (
        "name\tchrom\tstrandless\tscore\tchromStart\tchromEnd\tmeasuredGeneSymbol\tRegulated\n"
        "e1\tchr1\t505000\t505500\t480000\t480500\tGENE0\tTRUE\n"
        "e2\tchr1\t506000\t506500\t512000\t512500\tGENE0\tFALSE\n"
    )
    assert read_pairs(file(text)).table[["start", "end", "outcome"]].to_numpy().tolist() == [
        [480_000, 480_500, True],
        [512_000, 512_500, False],
    ]


def test_crispri_tss_columns_need_not_follow_one_another(file: Callable[..., Path]) -> None:
    text = (
        '"chrTSS","Regulated","endTSS","measuredGeneSymbol","chromEnd","startTSS","chromStart","chrom"\n'
        '"chr2","TRUE",901,"A",200,900,100,"chr1"\n'
    )
    row = read_pairs(file(text, "pairs.csv")).table.iloc[0]
    assert row[["chrom", "start", "end", "tss_chrom", "tss_start", "tss_end"]].tolist() == [
        "chr1", 100, 200, "chr2", 900, 901,
    ]  # fmt: skip


def test_repeats_are_found_by_the_names_of_the_table_browser(file: Callable[..., Path]) -> None:
    text = "genoName\trepClass\tgenoEnd\trepFamily\tgenoStart\nchr1\tLINE\t1200\tL1\t999\n"
    assert read_repeats(file(text)).iloc[0].tolist() == ["chr1", 999, 1200, "LINE", "L1", 2]


def test_chromosome_sizes_are_read_with_and_without_a_title(file: Callable[..., Path]) -> None:
    for text in (
        "chr1\t500\r\nchr2\t300\r\n",
        "#chrom\tsize\nchr1\t500\nchr2\t300\n",
        "length,chrom\n500,chr1\n300,chr2\n",
    ):
        assert read_sizes(file(text)) == {"chr1": 500, "chr2": 300}


def test_repeats_of_exported_tiles_are_placed_on_the_genome(
    file: Callable[..., Path], said: list[str]
) -> None:
    """Bases 11 to 110 of a tile: 10-110 of it on +, and counted from its end on -; two tiles, 0-based."""
    head = (
        "   SW   perc perc perc  query     position in query\nscore   div. del. ins.  sequence  begin end\n\n"
    )
    row = "  463 1.3 0.6 1.7 {} 11 110 (4890) + L1 LINE/L1 1 100 (0) 1\n"
    text = head + row.format("A|chr1:5000-10000(+)|enhancer") + row.format("B|chrX:5000-10000(-)|silencer")
    table = read_repeats(file(text))
    assert table[["chrom", "start", "end", "class"]].to_numpy().tolist() == [
        ["chr1", 5_010, 5_110, "LINE"], ["chrX", 9_890, 9_990, "LINE"],
    ]  # fmt: skip
    assert "tiles of `raycre compare fasta`" in " ".join(said)
    with pytest.raises(FormatError, match="lies nowhere on the genome"):
        read_repeats(file(head + row.format("A|chr1:5000-10000(+)|enhancer-shuffled")))
