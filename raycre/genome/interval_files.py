"""Intervals from a file of any format that a lab may have, told by what is in it and not by its name.

One table, `FORMATS`: how each is recognised and who reads it. Whatever it was, rows come out as those of
`genome.regions`: 0-based half-open, with the line, row or record that each is from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from raycre.errors import ConfigError, FormatError, RegionError, near
from raycre.genome.annotation import read_features
from raycre.genome.file_kinds import KINDS
from raycre.genome.formats import FORMATS
from raycre.genome.indexed_intervals import read_bigbed, read_runs_of_bigwig
from raycre.genome.intervals import check_possible
from raycre.genome.pair_files import (
    LOOP_TITLES,
    anchors_of_bedpe,
    anchors_of_interact,
    anchors_of_longrange,
    is_bedpe_row,
    is_interact_row,
    is_longrange_row,
)
from raycre.genome.region_files import BED_TITLES, bed_rows, read_parquet
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import read_head, read_text, require_file, took
from raycre.genome.texttable import parse_table
from raycre.genome.value_rows import is_bedgraph_row, runs_of_bedgraph
from raycre.genome.variant_places import read_bcf, read_vcf

COLUMNS = ["chrom", "start", "end", "name", "strand", "source", "summit", "line"]
GENE = "gene"


class IntervalFile(NamedTuple):
    """What a file holds.

    table: `COLUMNS`; summit is a base of the chromosome, -1 for none; in file order.
    format: of `FORMATS`.
    n_dropped: rows that are no intervals: values of 0 in a signal, absent anchors of a pair.
    """

    table: pd.DataFrame
    format: str
    n_dropped: int = 0


def read_intervals(path: str | Path, *, format: str = "auto", feature: str = GENE) -> IntervalFile:
    """Read intervals.

    Args:
        path: the file, plain, gzip, bgzip or zstd.
        format: of `FORMATS`, or "auto": the first that the file's content fits.
        feature: of a GTF or GFF3, the rows that are meant.

    Raises:
        MissingInputError: no such file.
        FormatError: empty, truncated, of another kind, or a row that is not of the format.
        RegionError: an interval that cannot be, or a summit outside its peak.
        ConfigError: no such format.
    """
    path = require_file(path)
    if format not in ("auto", *FORMATS):
        raise ConfigError(
            f"format{near(format, FORMATS)}; the formats are auto, {', '.join(FORMATS)}", value=format
        )
    head = read_head(path)
    binary = next((name for name, kind in _BINARY.items() if kind(head)), None)
    found = (format if format != "auto" else None) or binary or _kind_of_text(head, path)
    if binary is not None and found != binary:
        raise FormatError(f"format: {found}, and the file is {binary}; leave format out", path=path)
    table, name, n_dropped = _read(path, found, feature)
    if "source" not in table:
        table["source"] = path.name
    for column, value in (("name", None), ("strand", "."), ("summit", np.int64(-1))):
        if column not in table:
            table[column] = value
    start, end, line = (table[column].to_numpy() for column in ("start", "end", "line"))
    check_possible(table["chrom"], start, end, line, path)
    _check_inside(table, path)
    return IntervalFile(table[COLUMNS].reset_index(drop=True), name, n_dropped)


def format_of(path: str | Path) -> str | None:
    """Return the format of `FORMATS` that a file's first bytes tell; None where its rows must."""
    head = read_head(path)
    binary = next((name for name, kind in _BINARY.items() if kind(head)), None)
    return binary or _kind_of_text(head, require_file(path))


def _read(path: Path, found: str | None, feature: str) -> tuple[pd.DataFrame, str, int]:
    if found is not None and found in _READERS:
        table, n_dropped = _READERS[found](path)
        return table, found, n_dropped
    if found == "gtf" or found == "gff3":
        return read_features(path, feature), found, 0
    text = read_text(path, "intervals", takes=("GTF", "GFF3"))
    if found in (None, "bedpe"):
        rows = _parse_pairs(text, path, needed=found == "bedpe")
        if rows is not None:
            table, n_absent = anchors_of_bedpe(rows)
            return table, "bedpe", n_absent
    rows = parse_table(text, path, at_least=3, what="BED", titles=BED_TITLES)
    if found is None and not rows.roles:
        found = next((name for name, fits in _BY_ROWS.items() if fits(rows)), None)
    if found is not None and found in _OF_ROWS:
        table, n_dropped = _OF_ROWS[found](rows)
        return table, found, n_dropped
    table = bed_rows(rows)
    peaks = not rows.roles and rows.n_columns == 10 and (table["summit"] >= 0).any()
    return table, "narrowPeak" if peaks else "table" if rows.roles else "bed", 0


def _parse_pairs(text: bytes, path: Path, *, needed: bool) -> TextTable | None:
    """Return rows whose title names two anchors, or any rows where pairs are asked for."""
    first = text[: text.find(b"\n")].lower()
    if not needed and b"1" not in first:  # no title can name a first anchor
        return None
    rows = parse_table(text, path, at_least=6 if needed else 1, what="BEDPE", titles=LOOP_TITLES)
    return rows if rows.roles or needed else None


def _kind_of_text(head: bytes, path: Path) -> str | None:
    kinds = {"VCF": "vcf", "GTF": "gtf", "GFF3": "gff3"}
    for kind in KINDS:
        if kind.name in kinds and kind.holds(head.removeprefix(b"\xef\xbb\xbf")):
            return kinds[kind.name]
    if b"type=bedGraph" in head[:4096]:
        return "bedgraph"
    # A file that is called so and looks like none: what is wrong with it is said of that format.
    return next((kind for suffix, kind in _CALLED.items() if suffix in path.name.lower()), None)


def _holds(name: str) -> Callable[[bytes], bool]:
    return next(kind.holds for kind in KINDS if kind.name == name)


def _check_inside(table: pd.DataFrame, path: Path) -> None:
    """Refuse a summit outside its interval."""
    summit, start, end = (table[column].to_numpy() for column in ("summit", "start", "end"))
    bad = (summit >= 0) & ((summit < start) | (summit >= end))
    if bad.any():
        row = int(np.argmax(bad))
        raise RegionError(
            f"the summit, base {summit[row]:,}, is outside its peak {start[row]:,}-{end[row]:,}; correct "
            "the line",
            path=path,
            line=int(table["line"].iloc[row]),
        )


def _parquet(path: Path) -> tuple[pd.DataFrame, int]:
    return read_parquet(path), 0


def _bigbed(path: Path) -> tuple[pd.DataFrame, int]:
    rows = parse_table(read_bigbed(path), path, at_least=3, what="bigBed")
    table = bed_rows(rows)
    took(path, f"bigBed of {len(table):,} records")
    return table, 0


_CALLED = {".gtf": "gtf", ".gff": "gff3", ".vcf": "vcf"}
_BINARY: Mapping[str, Callable[[bytes], bool]] = {
    "parquet": _holds("Parquet"),
    "bigwig": _holds("bigWig"),
    "bigbed": _holds("bigBed"),
    "bcf": _holds("BCF"),
}
_READERS: Mapping[str, Callable[[Path], tuple[pd.DataFrame, int]]] = {
    "parquet": _parquet,
    "bigwig": read_runs_of_bigwig,
    "bigbed": _bigbed,
    "bcf": read_bcf,
    "vcf": read_vcf,
}
_BY_ROWS: Mapping[str, Callable[[TextTable], bool]] = {
    "interact": is_interact_row,
    "bedpe": is_bedpe_row,
    "longrange": is_longrange_row,
    "bedgraph": is_bedgraph_row,
}
_OF_ROWS: Mapping[str, Callable[[TextTable], tuple[pd.DataFrame, int]]] = {
    "interact": anchors_of_interact,
    "bedpe": anchors_of_bedpe,
    "longrange": anchors_of_longrange,
    "bedgraph": runs_of_bedgraph,
}
