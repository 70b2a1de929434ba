"""The verbs `weights` and `tracks`: what is published, what the cache has, what a query finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raycre.backbones.tracks import read_track_table, select_tracks
from raycre.engine.progress import downloading, say
from raycre.errors import ConfigError, FormatError, MissingInputError
from raycre.store.cached import (
    REGISTRY,
    check_cached,
    fetch,
    how_to_get,
    partial_of,
    place_of,
    record_of,
    resolve,
)
from raycre.store.published import PUBLISHED, Published, find_published


def list_published() -> dict[str, Any]:
    """Every published file and whether the cache has it; nothing is read but names and records."""
    return {"published": [_row(item) for item in PUBLISHED.values()]}


def _row(item: Published) -> dict[str, Any]:
    path, partial = place_of(item), partial_of(item)
    recorded = record_of(item)
    brought = f"{partial.stat().st_size:,} bytes of it" if partial.is_file() else "no"
    return {
        "name": item.name,
        "what": item.what,
        "bytes": item.size or recorded.get("size"),
        "cached": "yes" if path.is_file() else brought,
        "checked_by": "sha256" if item.sha256 else "git blob" if item.git_blob
        else "recorded sha256" if recorded else "nothing yet",
        "seen": item.seen,
        "licence": item.licence,
        "sha256": item.sha256 or recorded.get("sha256"),
        "git_blob": item.git_blob,
        "revision": item.revision,
        "address": item.address,
        "path": str(path),
    }  # fmt: skip


def fetch_published(names: Sequence[str], *, offline: bool = False) -> dict[str, Any]:
    """Bring published files into the cache, one after the other; what is there is checked.

    Raises:
        InputError: an unknown name, no network and not cached, a cached file that is not the published one.
        FetchError: see `fetch`.
    """
    rows = []
    for item in find_published(names):
        with downloading(item.name) as watch:
            brought = fetch(item, offline=offline, watch=watch, say=say)
        path = place_of(item)
        rows.append(
            {
                "name": item.name,
                "was": "fetched" if brought else "there",
                "bytes": path.stat().st_size,
                "path": str(path),
                "use": f"{REGISTRY}{item.name}",
            }
        )
    return {"fetched": rows}


def verify_published(names: Sequence[str]) -> dict[str, Any]:
    """Check cached files again, by default all; `wrong` names those that are not as published.

    Raises:
        ConfigError: an unknown name.
    """
    chosen = find_published(names) if names else [i for i in PUBLISHED.values() if place_of(i).is_file()]
    rows = []
    for item in chosen:
        try:
            check_cached(item)
            found = "good"
        except (FormatError, MissingInputError) as error:
            found = error.message
        rows.append({"name": item.name, "found": found, "path": str(place_of(item))})
    return {"verified": rows, "wrong": [row["name"] for row in rows if row["found"] != "good"]}


def find_tracks(query: Sequence[str], model: str, head: str, table: Path | None) -> dict[str, Any]:
    """Find tracks of a table, or of the cached one of a published model.

    Args:
        query: one text in the query language, or its terms one by one.
        model: enformer or borzoi.
        head: human or mouse.
        table: a track table of one's own.

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
