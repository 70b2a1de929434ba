"""The verb `tracks`: what a query finds in a track table. It must not know a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raycre.backbones.tracks import read_track_table, select_tracks, sum_strands
from raycre.errors import ConfigError, MissingInputError
from raycre.store.cached import REGISTRY, check_cached, how_to_get, place_of, resolve
from raycre.store.published import PUBLISHED


def find_tracks(
    query: Sequence[str], model: str, head: str, table: Path | None, strands: str = "summed"
) -> dict[str, Any]:
    """Find tracks of a table, or of the cached one of a published model.

    Args:
        query: one text in the query language, or its terms one by one.
        model: enformer or borzoi.
        head: human or mouse.
        table: a track table of one's own.
        strands: "summed", as a run reads Borzoi's table unless told otherwise, or "separate".

    Returns:
        One row a track: what the table says of it.

    Raises:
        ConfigError: no table is published for this model and head.
        MissingInputError: it is not in the cache.
        TrackError, FormatError: see `select_tracks`, `read_track_table`.
    """
    path = _published_table(model, head) if table is None else Path(resolve(str(table)))
    known = read_track_table(path)
    # Terms apart have lost their quotation marks to the shell; a list of them needs none.
    text = query[0] if len(query) == 1 else " ".join(map(_quoted, query))
    if strands == "summed" and "strand_pair" in known:
        known = sum_strands(known)
    rows = known.iloc[select_tracks(known, text)]
    return {"table": str(path), "tracks": rows.to_dict("records")}


def _quoted(term: str) -> str:
    return f'"{term}"' if " " in term and '"' not in term else term


def _published_table(model: str, head: str) -> Path:
    name = f"{model}-tracks-{head}"
    if name not in PUBLISHED:
        known = [n for n in PUBLISHED if "-tracks-" in n]
        raise ConfigError(
            f"no track table is published here for this; there are {', '.join(known)}, or give --table",
            value=name,
        )
    item = PUBLISHED[name]
    if not place_of(item).is_file():
        raise MissingInputError(f"{how_to_get([item])}; or give --table", value=f"{REGISTRY}{name}")
    return check_cached(item)
