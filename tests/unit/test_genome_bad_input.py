"""Bad text: every error by its name, its place and its remedy. One row an error."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from raycre.errors import ChromosomeError, FormatError, InputError, LabelError, RegionError
from raycre.genome.genes import read_genes, read_tss_table
from raycre.genome.regions import read_labels, read_regions
from tests.genome_readers import (
    FASTA,
    loops,
    loops_with_counts,
    open_fasta,
    open_track,
    regions_on_the_genome,
)

# (case, content, reader, error, what the message holds)
CASES: list[tuple[str, bytes, Callable[[Path], object], type[InputError], str]] = [
    # FASTA
    ("not FASTA", b"chr1\t1\t2\n", open_fasta, FormatError, "at line 1. Check that .* start with '>'"),
    (
        "binary for FASTA",
        b"\xff\0\1\2",
        open_fasta,
        FormatError,
        "not a whole FASTA: .*can't decode byte 0xff",
    ),
    ("nameless sequence", b">chr1\nAC\n>\nAC\n", open_fasta, FormatError, "Bad sequence name >"),
    ("name twice", b">chr1\nAC\n>chr1 b\nAC\n", open_fasta, FormatError, 'Duplicate key "chr1"; get'),
    ("gzip without .gz", gzip.compress(FASTA), open_fasta, FormatError, r"not named \.gz; rename it"),
    # BED
    ("headers only", b"#chrom\ntrack name=x\n", read_regions, FormatError, "no rows of BED"),
    (
        "two columns",
        b"chr1\t1\t2\nchr1\t5\n",
        read_regions,
        FormatError,
        ":2: .*2 .*columns where BED needs 3",
    ),
    ("spaces for tabs", b"chr1 1 2\n", read_regions, FormatError, ":1: 'chr1 1 2': 1 .* separated by tabs"),
    (
        "ragged rows",
        b"#c\nchr1\t1\t2\tx\nchr1\t1\t2\n",
        read_regions,
        FormatError,
        ":3: .*the first row has 4",
    ),
    (
        "text for a start",
        b"chr1\t1\t2\nchr1\tx\t2\n",
        read_regions,
        FormatError,
        r":2: 'x': the start \(column 2\)",
    ),
    (
        "fraction for an end",
        b"chr1\t1\t2.5\n",
        read_regions,
        FormatError,
        r":1: '2\.5': the end .*not an integer",
    ),
    ("end too large", b"chr1\t1\t99999999999999999999\n", read_regions, FormatError, ":1: .*not an integer"),
    ("missing end", b"chr1\t1\t\n", read_regions, FormatError, ":1: '': the end .*not an integer"),
    (
        "negative start",
        b"chr1\t1\t2\nchr1\t-1\t2\n",
        read_regions,
        RegionError,
        ":2: 'chr1:-1-2': the start is neg",
    ),
    ("empty interval", b"chr1\t5\t5\n", read_regions, RegionError, ":1: 'chr1:5-5': the end is not past"),
    ("reversed interval", b"chr1\t9\t5\n", read_regions, RegionError, ":1: 'chr1:9-5': the end is not past"),
    (
        "past the end",
        b"chr1\t1\t2\nchr2\t480\t520\n",
        regions_on_the_genome,
        RegionError,
        r":2: 'chr2:480-520': ends 20 bp past chr2 \(500\)",
    ),
    (
        "other style",
        b"1\t1\t2\n",
        regions_on_the_genome,
        ChromosomeError,
        ":1: '1': .*it has 'chr1': .*style",
    ),
    (
        "unknown",
        b"chr1\t1\t2\nChr2\t1\t2\n",
        regions_on_the_genome,
        ChromosomeError,
        r":2: 'Chr2'.*it has 'chr2': the names differ",
    ),
    ("binary", b"chr1\t1\t2\n\0\1\2", read_regions, FormatError, "binary data"),
    ("not UTF-8", b"chr1\t1\t2\t\xff\n", read_regions, FormatError, "not text that can be read as BED"),
    (
        "summit outside",
        b"chr1\t10\t20\tp\t0\t.\t1\t1\t1\t10\n",
        read_regions,
        RegionError,
        ":1: the summit, base 20, is outside its peak 10-20",
    ),
    # labels
    (
        "no such class",
        b"chr1\t1\t2\tenhancers\n",
        read_labels,
        LabelError,
        r":1: 'enhancers'.*mean enhancer\?",
    ),
    ("no class", b"chr1\t1\t2\n", read_labels, LabelError, ":1: no class; column 4 of BED"),
    # bedGraph
    (
        "three columns",
        b"chr1\t1\t2\n",
        open_track,
        FormatError,
        ":1: .*3 tab-separated columns where bedGraph needs 4",
    ),
    (
        "text for a value",
        b"chr1\t1\t2\thigh\n",
        open_track,
        FormatError,
        r":1: 'high': the value \(column 4\)",
    ),
    ("NaN", b"chr1\t1\t2\t1\nchr1\t2\t3\tnan\n", open_track, FormatError, ":2: 'nan': an impossible signal"),
    ("infinity", b"chr1\t1\t2\tinf\n", open_track, FormatError, ":1: 'inf': an impossible signal"),
    ("negative value", b"chr1\t1\t2\t-0.5\n", open_track, FormatError, r":1: '-0\.5': an impossible signal"),
    ("overlap", b"chr1\t1\t5\t1\nchr1\t4\t6\t2\n", open_track, FormatError, ":2: overlaps line 1"),
    (
        "signal past the end",
        b"chr2\t1\t501\t1\n",
        open_track,
        RegionError,
        r":1: .*ends 1 bp past chr2 \(500\)",
    ),
    ("no common chromosome", b"2\t1\t5\t1\n", open_track, ChromosomeError, "'2': .*it has 'chr2'"),
    # BEDPE
    ("one anchor", b"chr1\t1\t2\n", loops, FormatError, ":1: .*3 tab-separated columns where BEDPE needs 6"),
    (
        "bad anchor",
        b"chr1\t1\t2\tchr1\t5\tx\n",
        loops,
        FormatError,
        r":1: 'x': the anchor's end \(column 6\)",
    ),
    (
        "reversed anchor",
        b"chr1\t1\t2\tchr1\t9\t5\n",
        loops,
        RegionError,
        ":1: 'chr1:9-5': the end is not past",
    ),
    ("unknown mate", b"chr1\t1\t2\t.\t0\t0\n", loops, ChromosomeError, r":1: '\.'"),
    (
        "negative count",
        b"chr1\t1\t2\tchr1\t5\t6\t-3\n",
        loops_with_counts,
        FormatError,
        ":1: '-3': a loop's count must be finite and not negative",
    ),
    # GTF
    (
        "GFF3",
        b"##gff-version 3\nchr1\t.\tgene\t1\t2\t.\t+\t.\tID=1\n",
        read_genes,
        FormatError,
        ":1: this is GFF3",
    ),
    (
        "no transcripts",
        b"chr1\t.\tgene\t1\t2\t.\t+\t.\tx\n",
        read_genes,
        FormatError,
        "no line of feature transcript",
    ),
    (
        "no gene_id",
        b'#\nchr1\t.\ttranscript\t1\t2\t.\t+\t.\ttranscript_id "T";\n',
        read_genes,
        FormatError,
        ":2: the transcript has no gene_id",
    ),
    (
        "no strand",
        b'chr1\t.\ttranscript\t1\t2\t.\t.\t.\tgene_id "G"; transcript_id "T";\n',
        read_genes,
        FormatError,
        r":1: '\.': the strand of a transcript must be \+ or -",
    ),
    (
        "transcript at position 0",
        b'chr1\t.\ttranscript\t0\t2\t.\t+\t.\tgene_id "G"; transcript_id "T";\n',
        read_genes,
        RegionError,
        ":1: 'chr1:-1-2': the start is negative",
    ),
    # TSS tables
    ("BED without strand", b"chr1\t1\t2\n", read_tss_table, FormatError, "where a TSS list .* needs 6"),
    ("strand is a dot", b"chr1\t1\t2\tA\t0\t.\n", read_tss_table, FormatError, r":1: '\.': the strand"),
    (
        "text for a TSS",
        b"chrom,tss,strand,gene_id,gene_name\nchr1,5,+,g,A\nchr1,5k,+,g,A\n",
        read_tss_table,
        FormatError,
        ":3: '5k': tss is not an integer",
    ),
    (
        "title only",
        b"chrom,tss,strand,gene_id,gene_name\n",
        read_tss_table,
        FormatError,
        "the table has no rows",
    ),
]


@pytest.mark.parametrize(
    ("content", "read", "error", "message"),
    [pytest.param(*case, id=name) for name, *case in CASES],
)
def test_a_bad_file(
    tmp_path: Path,
    content: bytes,
    read: Callable[[Path], object],
    error: type[InputError],
    message: str,
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(error, match=message) as caught:
        read(path)
    assert caught.value.path == path
    assert caught.value.exit_code == 2
