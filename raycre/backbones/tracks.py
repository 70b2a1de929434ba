"""Track tables: what every output of a backbone measures, and finding the outputs one wants.

It must not know a model: a table goes in, row numbers come out.
"""

from __future__ import annotations

import csv
import shlex
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from raycre.errors import FormatError, MissingInputError, TrackError, near
from raycre.genome.textfile import read_text, took
from raycre.genome.texttable import layout
from raycre.genome.titles import plain

TRACK_COLUMNS = ("track_id", "identifier", "description", "assay", "biosample")
EXACT = ("assay", "identifier")  # a term KEY=VALUE on these must equal; on the others it may be a part
WITHIN = ("biosample", "description")
TARGETED = "CHIP"  # the assay whose descriptions name a target before the biosample
TARGET = r"^[^:]*:"
ALL = "all"  # the query that every track meets
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


def select_tracks(table: pd.DataFrame, query: str | Sequence[int | str]) -> list[int]:
    """Find tracks.

    A list names each track by its row or its identifier; the order is kept and a repeat counts once. A text
    is a set of terms which must all hold, and finds rows in table order: `assay=CAGE` and
    `identifier=CNhs12336` must be equal, `biosample=K562` and `description=…` be a part, a word without a key
    be a part of the description or equal the identifier. Case does not matter; quotation marks hold a value
    with blanks together (`biosample="bone marrow"`). A text of whole numbers, with blanks or commas between,
    is a list of rows; the word `all` means every track.

    Args:
        table: columns `TRACK_COLUMNS`.
        query: the text or the list.

    Returns:
        Rows of the table, at least one.

    Raises:
        TrackError: nothing matches, a key or an identifier is unknown, a row lies outside the table, or the
            table has no descriptions to search.
    """
    if (query if isinstance(query, str) else " ".join(map(str, query))).strip().casefold() == ALL:
        return [int(row) for row in np.flatnonzero(_standing(table))]
    if isinstance(query, str):
        return _matching(table, query)
    rows = list(dict.fromkeys(row for item in query for row in _rows(table, item)))
    if not rows:
        raise TrackError("no track is asked for; give rows, identifiers or a query", value=query)
    return rows


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


def _rows(table: pd.DataFrame, item: int | str) -> list[int]:
    """The rows that one entry of a list means."""
    if isinstance(item, str):
        _check_described(table, item)
        found = np.flatnonzero(_standing(table) & (_folded(table["identifier"]) == item.casefold()))
        if not len(found):
            hint = near(item, table["identifier"].dropna())
            raise TrackError(f"no track has this identifier{hint}; a query is a text, not a list", value=item)
        return found.tolist()
    if isinstance(item, bool) or not 0 <= item < len(table):
        raise TrackError(f"the table has tracks 0-{len(table) - 1}", value=item)
    return [int(item)]


def _matching(table: pd.DataFrame, query: str) -> list[int]:
    """Rows in which every term of the query holds."""
    try:
        terms = shlex.split(query)
    except ValueError as error:
        raise TrackError(
            f"the query cannot be read ({error}); put text with an apostrophe in double quotes", value=query
        ) from error
    if not terms:
        raise TrackError("the query is empty; say for example assay=CAGE biosample=K562, or all", value=query)
    numbers = query.replace(",", " ").split()
    if numbers and all(number.isascii() and number.isdigit() for number in numbers):
        return select_tracks(table, [int(number) for number in numbers])
    _check_described(table, query)
    keep = _standing(table)
    for term in terms:
        holds = _holds(table, term)
        if not holds.any():
            raise TrackError(f"no track has {term!r}{_near_values(table, term)}", value=query)
        keep = keep & holds
    if not keep.any():
        raise TrackError("each term is found, but no track has them all", value=query)
    return [int(row) for row in np.flatnonzero(keep)]


def _standing(table: pd.DataFrame) -> np.ndarray:
    """bool (rows,): rows that do not repeat an earlier one; see `sum_strands`."""
    if "summed_into" not in table:
        return np.ones(len(table), dtype=bool)
    return table["summed_into"].isna().to_numpy(dtype=bool)


def _holds(table: pd.DataFrame, term: str) -> np.ndarray:
    """bool (rows,): where one term of a query holds."""
    key, equals, value = term.partition("=")
    wanted = value.casefold()
    if not equals:
        word = term.casefold()
        either: np.ndarray = _part(table["description"], word) | (_folded(table["identifier"]) == word)
        return either
    if key in EXACT:
        equal: np.ndarray = _folded(table[key]) == wanted
        return equal
    if key in WITHIN:
        return _part(table[key], wanted)
    known = (*EXACT, *WITHIN)
    raise TrackError(f"a query has no key {key!r}{near(key, known)}; keys are {', '.join(known)}", value=term)


def _folded(column: pd.Series) -> np.ndarray:
    return column.fillna("").str.casefold().to_numpy(dtype=object)


def _part(column: pd.Series, wanted: str) -> np.ndarray:
    return column.fillna("").str.casefold().str.contains(wanted, regex=False).to_numpy(dtype=bool)


def _near_values(table: pd.DataFrame, term: str) -> str:
    key, equals, value = term.partition("=")
    if equals and key != "description":
        return near(value, table[key].dropna())
    parts = table["description"].dropna().str.split(":").explode()
    return near(value if equals else term, [*table["identifier"].dropna(), *parts])


def _check_described(table: pd.DataFrame, query: str) -> None:
    if table["description"].isna().all():
        raise TrackError(
            f"these {len(table):,} tracks have no descriptions; give model.track_table "
            "(a file, or registry:NAME of `raycre weights list`), or row numbers",
            value=query,
        )
