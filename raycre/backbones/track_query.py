"""Finding the outputs of a backbone that one wants: a query and a track table go in, row numbers come out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np
import pandas as pd

from raycre.errors import TrackError, near

EXACT = ("assay", "identifier")  # a term KEY=VALUE on these must equal; on the others it may be a part
WITHIN = ("biosample", "description")
ALL = "all"  # the query that every track meets


def select_tracks(table: pd.DataFrame, query: str | Sequence[int | str]) -> list[int]:
    """Find tracks.

    A list names each track by its row or its identifier; the order is kept and a repeat counts once. A text
    is a set of terms which must all hold, and finds rows in table order: `assay=CAGE` and
    `identifier=CNhs12336` must be equal, `biosample=K562` and `description=…` be a part, a word without a key
    be a part of the description or equal the identifier. Case does not matter; quotation marks hold a value
    with blanks together (`biosample="bone marrow"`). A text of whole numbers, with blanks or commas between,
    is a list of rows; the word `all` means every track.

    Args:
        table: columns `tracks.TRACK_COLUMNS`.
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


def _rows(table: pd.DataFrame, item: int | str) -> list[int]:
    """The rows that one entry of a list means."""
    if isinstance(item, str):
        _check_described(table, item)
        rows = np.flatnonzero(_standing(table) & (_folded(table["identifier"]) == item.casefold()))
        if not len(rows):
            hint = near(item, table["identifier"].dropna())
            raise TrackError(f"no track has this identifier{hint}; a query is a text, not a list", value=item)
        return rows.tolist()
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
    """bool (rows,): rows that do not repeat an earlier one; see `tracks.sum_strands`."""
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
