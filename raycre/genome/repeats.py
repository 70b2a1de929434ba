"""RepeatMasker's output as a table of intervals with class and family, whichever of its formats it is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.intervals import check_possible
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import read_text, require_file, took
from raycre.genome.texttable import Titles, parse_table

_UCSC_COLUMNS = (
    17  # rmsk: bin, swScore, three rates, genoName, genoStart, genoEnd, genoLeft, strand, repName …
)
_OUT_COLUMNS = (
    14  # RepeatMasker's .out: score, three rates, query, begin, end, (left), strand, repeat, class …
)
_BED, _UCSC = {"chrom": 1, "start": 2, "end": 3}, {"chrom": 6, "start": 7, "end": 8}
_TITLES = Titles(("chrom", "start", "end", "repeat_class"), ("repeat_family",))
# A record of `raycre compare fasta`: GENE|chrom:start-end(strand)|GROUP, 0-based half-open.
_TILE = re.compile(
    r"^[^|]*\|(?P<chrom>.+):(?P<start>[0-9]+)-(?P<end>[0-9]+)\((?P<strand>[+-])\)\|(?P<what>[^|]*)"
)
_HEAD = 1 << 16  # bytes in which the first row is looked for


def read_repeats(path: str | Path) -> pd.DataFrame:
    """Read UCSC's rmsk table, RepeatMasker's .out, or BED whose fourth column is CLASS or CLASS/FAMILY.

    The format is told by the file, not its name; each may be gzip. The question mark of a doubtful class
    ("LTR?") is left out. A repeat without a family has its class there. RepeatMasker may have read the tiles
    of `raycre compare fasta` in place of a genome: their names say where they lie, and so do their repeats.

    Returns:
        chrom, start, end (0-based half-open), class, family, line (1-based), in file order.

    Raises:
        MissingInputError: no such file.
        FormatError: none of these formats, damaged, a coordinate that is no integer, or shuffled tiles.
        RegionError: an interval that cannot be.
    """
    path = require_file(path)
    text = read_text(path, "RepeatMasker's output or BED")
    if _is_out(text):
        rows = _parse_out(text, path)
        took(path, "read as RepeatMasker's .out")
        return _table(rows, _BED, path, *_split(rows.strings(5)), first=1)
    what = "BED of repeats (the fourth column is the class)"
    rows = parse_table(text, path, at_least=4, what=what, titles=_TITLES)
    if rows.roles:
        took(path, f"{rows.describe()} read as repeats")
        kind, family = _split(rows.strings(rows.roles["repeat_class"]))
        if "repeat_family" in rows.roles:
            family = rows.strings(rows.roles["repeat_family"])
        return _table(rows, rows.roles, path, kind, family)
    shift = rows.n_columns - _UCSC_COLUMNS  # -1 without the column bin
    if shift in (0, -1) and rows.strings(10 + shift).isin(["+", "-", "C"]).all():
        took(path, f"{rows.n_columns} columns read as UCSC's rmsk")
        at = {role: column + shift for role, column in _UCSC.items()}
        return _table(rows, at, path, rows.strings(12 + shift), rows.strings(13 + shift))
    took(path, f"{rows.describe()} read as BED, class and family in column 4")
    return _table(rows, _BED, path, *_split(rows.strings(4)))


def _is_out(text: bytes) -> bool:
    """Tell the .out by its own header, or by rows that blanks align."""
    lines = (line for line in text[:_HEAD].split(b"\n") if line.strip() and not line.startswith(b"#"))
    head = next(lines, b".")
    aligned = len(head.split()) >= _OUT_COLUMNS and b"\t" not in head and b"," not in head
    return head.split()[0] in (b"SW", b"bit") or aligned


def _parse_out(text: bytes, path: Path) -> TextTable:
    """Keep sequence, begin, end, repeat and class of the rows, which blanks align and a * may end."""
    kept, line = [], []
    for number, row in enumerate(text.split(b"\n"), start=1):
        fields = row.split()
        if not fields or not fields[0][:1].isdigit():
            continue  # the header's two lines, and what says that there are no repeats
        if len(fields) < _OUT_COLUMNS:
            raise FormatError(
                f"{len(fields)} columns where RepeatMasker's .out has {_OUT_COLUMNS}; get the file again",
                path=path,
                line=number,
            )
        kept.append(b"\t".join((*fields[4:7], *fields[9:11])))
        line.append(number)
    if not kept:
        raise FormatError("no repeats in it", path=path)
    return parse_table(b"\n".join(kept), path, at_least=5, what="RepeatMasker's .out", line=np.array(line))


def _table(
    rows: TextTable, at: Mapping[str, int], path: Path, kind: pd.Series, family: pd.Series, *, first: int = 0
) -> pd.DataFrame:
    """`at` has the columns of chrom, start and end; `first` is what the format calls the first base."""
    chrom = rows.strings(at["chrom"])
    start: NDArray[np.int64] = rows.integers(at["start"], "start") - first
    end = rows.integers(at["end"], "end")
    check_possible(chrom, start, end, rows.line, path)
    sure = {"class": kind.str.rstrip("?"), "family": family.str.rstrip("?")}
    table = pd.DataFrame({"chrom": chrom, "start": start, "end": end, **sure, "line": rows.line})
    return _on_genome(table, path)


def _on_genome(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Place repeats within tiles, which are in the gene's direction, on the genome; leave all others."""
    of_name, names = pd.factorize(table["chrom"])
    if not all(_TILE.match(str(name)) for name in names):
        return table
    place = pd.Series(names).str.extract(_TILE).iloc[of_name].reset_index(drop=True)
    shuffled = place["what"].str.endswith("-shuffled").to_numpy()
    if shuffled.any():
        row = int(np.argmax(shuffled))
        raise FormatError(
            "repeats of a shuffled tile, which lies nowhere on the genome; mask the tiles themselves",
            path=path,
            line=int(table["line"].iloc[row]),
            value=table["chrom"].iloc[row],
        )
    start, end = (place[name].to_numpy(np.int64) for name in ("start", "end"))
    minus = (place["strand"] == "-").to_numpy()
    first = np.where(minus, end - table["end"], start + table["start"])
    last = np.where(minus, end - table["start"], start + table["end"])
    took(path, "its sequences are tiles of `raycre compare fasta`; their repeats are placed on the genome")
    return table.assign(chrom=place["chrom"], start=first, end=last)


def _split(names: pd.Series) -> tuple[pd.Series, pd.Series]:
    """CLASS/FAMILY apart."""
    parts = names.str.partition("/")
    return parts[0], parts[2].where(parts[2] != "", parts[0])
