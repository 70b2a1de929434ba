"""The verb `tracks`: what a query finds in a track table, or among the tracks that a backbone brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from raycre.backbones.borzoi import STRANDS
from raycre.backbones.registry import find_backbone
from raycre.backbones.track_query import select_tracks
from raycre.backbones.tracks import read_track_table, sum_strands
from raycre.errors import ConfigError, MissingInputError, near
from raycre.published.cache import REGISTRY, check_cached, how_to_get, place_of, resolve
from raycre.published.catalogue import PUBLISHED
from raycre.store.location import path_of


def find_tracks(
    query: Sequence[str],
    model: str,
    head: str,
    table: Path | None,
    strands: str = "summed",
    weights: str | None = None,
) -> dict[str, Any]:
    """Find tracks of a table: of one's own, of the cached one of a published model, or of a model itself.

    Args:
        query: one text in the query language, or its terms one by one.
        model: a registered backbone.
        head: human or mouse, of published models.
        table: a track table of one's own.
        strands: "summed", as a run reads Borzoi's table unless told otherwise, or "separate".
        weights: of a backbone that brings its own tracks and does not load without.

    Returns:
        One row a track: what the table says of it.

    Raises:
        ConfigError: no such backbone; no table is published for this head; a word for strands that is none.
        MissingInputError: it is not in the cache.
        TrackError, FormatError: see `select_tracks`, `read_track_table`.
    """
    if strands not in STRANDS:
        raise ConfigError(f"--strands is {' or '.join(STRANDS)}{near(strands, STRANDS)}", value=strands)
    published = find_backbone(model).tables if table is None else None
    if table is None and published is None:
        source, tracks = f"of {model} itself", _own_tracks(model, head, weights)
    else:
        path = path_of(resolve(str(table))) if published is None else _published_table(published, head)
        source, tracks = str(path), read_track_table(path)
    # Terms apart have lost their quotation marks to the shell; a list of them needs none.
    text = query[0] if len(query) == 1 else " ".join(map(_quoted, query))
    if strands == "summed" and "strand_pair" in tracks:
        tracks = sum_strands(tracks)
    rows = tracks.iloc[select_tracks(tracks, text)]
    return {"table": source, "tracks": rows.to_dict("records")}


def _own_tracks(model: str, head: str, weights: str | None) -> pd.DataFrame:
    """The tracks that a backbone brings; it is loaded for them."""
    from raycre.backbones.loading import load_backbone  # with PyTorch, which the tables do not need

    return load_backbone(model, weights=weights, head=head).tracks


def _quoted(term: str) -> str:
    return f'"{term}"' if " " in term and '"' not in term else term


def _published_table(published: str, head: str) -> Path:
    name = f"{published}-tracks-{head}"
    if name not in PUBLISHED:
        named = [n for n in PUBLISHED if "-tracks-" in n]
        raise ConfigError(
            f"no track table is published here for this; there are {', '.join(named)}, or give --table",
            value=name,
        )
    item = PUBLISHED[name]
    if not place_of(item).is_file():
        raise MissingInputError(f"{how_to_get([item])}; or give --table", value=f"{REGISTRY}{name}")
    return check_cached(item)
