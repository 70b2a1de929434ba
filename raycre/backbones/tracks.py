"""Track tables: what every output of a backbone measures."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from raycre.errors import FormatError, MissingInputError, TrackError
from raycre.genome.textfile import read_text, took
from raycre.genome.texttable import layout
from raycre.genome.titles import plain

TRACK_COLUMNS = ("track_id", "identifier", "description", "assay", "biosample")
TARGETED = "CHIP"  # the assay whose descriptions name a target before the biosample
TARGET = r"^[^:]*:"
_COLUMNS = ("index", "identifier", "description", "strand_pair")
SIGN = r"[+-]$"  # what tells the strands of one identifier


def read_track_table(path: Path) -> pd.DataFrame:
    """Read a table of outputs in head order, as Enformer and Borzoi publish theirs (`targets_human.txt`).

    Tab-separated, plain or gzipped, with a header and at least the columns index (or an unnamed first one),
    identifier and description. A description is `ASSAY:biosample`, for CHIP `CHIP:target:biosample`; what
    follows may hold further colons. The index must count up by one. It need not begin at 0 (the mouse tables
    of Enformer go on where the human ones end): `track_id` is the row.

    Returns:
        Columns `TRACK_COLUMNS`, and strand_pair (Int64: the track_id of the other strand's track) where the
        file has it.

    Raises:
        MissingInputError: no such file.
        FormatError: not such a table; the first wrong line is named.
    """
    if not path.is_file():
        raise MissingInputError("no such track table", path=path)
    raw = _read_columns(path)
    index = _integers(raw["index"], path)
    first = index.iloc[0]
    _check_rows(
        path, raw["index"], index == first + np.arange(len(raw)), "the index does not count up by one"
    )
    described = raw["description"].str.contains(":")
    _check_rows(path, raw["description"], described, "the description is no ASSAY:biosample")

    assay = raw["description"].str.partition(":")[0]
    biosample = raw["description"].str.partition(":")[2]
    biosample = biosample.mask(assay.str.upper() == TARGETED, biosample.str.replace(TARGET, "", regex=True))
    table = pd.DataFrame(
        {
            "track_id": np.arange(len(raw), dtype=np.int64),
            "identifier": raw["identifier"],
            "description": raw["description"],
            "assay": assay,
            "biosample": biosample,
        }
    )
    if "strand_pair" in raw:
        pair = _integers(raw["strand_pair"], path) - first
        _check_rows(path, raw["strand_pair"], pair.between(0, len(raw) - 1), "is no row of the table")
        table["strand_pair"] = pair
    return table


def _read_columns(path: Path) -> pd.DataFrame:
    """Return the columns of a track table as text, by their names in `_COLUMNS`."""
    try:
        text = read_text(path, "a track table")
        separator, quoted = layout(text[: text.index(b"\n")])
        # "NA" is text here and a quotation mark is a letter of a description.
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        raw = pd.read_csv(
            BytesIO(text), sep=separator, dtype="string", keep_default_na=False, quoting=quoting
        )
    except FormatError as error:
        raise FormatError(f"not a tab-separated track table ({error.message})", path=path) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise FormatError(f"not a tab-separated track table ({error})", path=path) from error
    known = {plain(name): name for name in _COLUMNS}
    names = [known.get(plain(str(name)), str(name)) for name in raw.columns]
    raw.columns = pd.Index(["index" if names[0].startswith("Unnamed") else names[0], *names[1:]])
    for column in _COLUMNS[:3]:
        if column not in raw:
            raise FormatError(
                f"no column {column!r}; a track table has index, identifier and description",
                path=path,
                line=1,
            )
    if raw.empty:
        raise FormatError("the table has no rows", path=path)
    took(path, f"{len(raw):,} rows read as a track table")
    return raw


def _integers(column: pd.Series, path: Path) -> pd.Series:
    _check_rows(path, column, column.str.fullmatch(r"\d{1,9}"), f"{column.name} is no whole number")
    return column.astype("Int64")


def _check_rows(path: Path, column: pd.Series, good: pd.Series, complaint: str) -> None:
    wrong = np.flatnonzero(~good.fillna(False).to_numpy(dtype=bool))
    if len(wrong):
        line = int(wrong[0]) + 2  # 1-based, after the header
        raise FormatError(
            f"{complaint} ({len(wrong)} such rows); take the table as its authors publish it",
            path=path,
            line=line,
            value=str(column.iloc[wrong[0]]),
        )


def plain_table(n: int) -> pd.DataFrame:
    """Number `n` tracks of which nothing else is known; text columns are null."""
    unknown = pd.Series([pd.NA] * n, dtype="string")
    return pd.DataFrame(
        {"track_id": np.arange(n, dtype=np.int64), **dict.fromkeys(TRACK_COLUMNS[1:], unknown)}
    )


def sum_strands(table: pd.DataFrame) -> pd.DataFrame:
    """Describe a table whose rows mean both strands of a measurement, each row the sum of it and its pair.

    Args:
        table: with strand_pair, each row's the row of the other strand, or itself.

    Returns:
        The same rows (so numbers stay the published ones), identifiers without their sign, and `summed_into`
        (Int64): the earlier row of the same sum, else null. A query finds only rows where it is null.

    Raises:
        TrackError: no such column, or rows that do not pair two by two.
    """
    if "strand_pair" not in table:
        raise TrackError(
            "strands are summed, and without a table nothing says which tracks pair: give model.track_table "
            "(with a column strand_pair), or model.strands: separate"
        )
    pair = table["strand_pair"].to_numpy(dtype=np.int64)
    row = np.arange(len(table))
    if wrong := np.flatnonzero(pair[pair] != row).tolist():
        raise TrackError(
            f"strand_pair does not pair tracks two by two ({len(wrong)} such rows); "
            "take the table as its authors publish it",
            value=wrong[0],
        )
    later = pd.Series(pair, dtype="Int64", index=table.index).where(pair < row)
    stranded = pair != row
    identifier = table["identifier"].mask(stranded, table["identifier"].str.replace(SIGN, "", regex=True))
    return table.assign(identifier=identifier, summed_into=later)


def opposite_strands(table: pd.DataFrame, rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs among chosen rows that are the two strands of one measurement, each once.

    Both are what a query by assay or biosample finds where strands are separate. They stay two tracks: of a
    window in the direction of its gene one is the gene's own strand and the other what runs against it, so
    effects on the second are mostly on next to nothing. A table whose strands are summed has no such pairs.

    Args:
        table: of `read_track_table` or `sum_strands`.
        rows: from `select_tracks`.
    """
    if "strand_pair" not in table or "summed_into" in table:
        return []
    chosen = set(rows)
    pair = table["strand_pair"].to_numpy(dtype=np.int64)
    return [(row, int(pair[row])) for row in sorted(chosen) if row < pair[row] and int(pair[row]) in chosen]
