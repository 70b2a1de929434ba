"""The verb `weights`: what is published, and what of it the cache has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raycre.errors import FormatError, MissingInputError
from raycre.log import say
from raycre.published.cache import (
    REGISTRY,
    check_cached,
    fetch,
    partial_of,
    place_of,
    record_of,
)
from raycre.published.catalogue import PUBLISHED, Published, find_published
from raycre.workflows.progress import downloading

BY_NAME = (".bin", ".safetensors", ".txt", ".pth")  # what verbs read: weights, track tables


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
                "use": f"{REGISTRY}{item.name}" if item.file.endswith(BY_NAME) else str(path),
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
