"""The files of a manifest on this machine: fetched where they have an address, and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raycre.errors import FetchError, FormatError, MissingInputError
from raycre.log import say
from raycre.published.cache import check_cached, fetch, misfit, place_of
from raycre.published.catalogue import Published
from raycre.workflows.progress import downloading

FETCHED_BY = "raycre prepare --config FILE"


@dataclass(frozen=True)
class SourceFile:
    """A row of the manifest.

    Attributes:
        name, kind, format: as given.
        assembly: that its places are of; of a chain, that it leads from.
        path: where it is, or will be in the cache.
        published: what is known of the file; its address is empty where it is on a disk.
        note: how a person gets it.
        min_score: rows of a lower score are left out; None takes all.
    """

    name: str
    kind: str
    format: str
    assembly: str
    path: Path | None
    published: Published
    note: str | None = None
    min_score: float | None = None

    @property
    def key(self) -> str:
        """How a run's record calls it."""
        return f"sources.{self.name}"

    @property
    def is_remote(self) -> bool:
        """Whether it has to be fetched before it can be read."""
        return bool(self.published.address) and self.path == place_of(self.published)


def source_of(
    name: str,
    kind: str,
    *,
    format: str,
    assembly: str,
    path: Path | None,
    url: str | None,
    known: Published,
    note: str | None,
    min_score: float | None = None,
) -> SourceFile:
    """Make a source; a path is taken before an address.

    Args:
        known: checksums and licence; name and address are filled in.
        others: as in `SourceFile`.
    """
    if path is None and url is not None:
        path = place_of(known)
    return SourceFile(name, kind, format, assembly, path, known, note, min_score)


def published_of(name: str, url: str | None, **known: object) -> Published:
    """Say what is known of a source's file; in the cache it has a folder by its address."""
    folder = f"source-{hashlib.sha256((url or name).encode()).hexdigest()[:12]}"
    fields = {
        "seen": "elsewhere",
        "licence": "not stated",
        **{k: v for k, v in known.items() if v is not None},
    }
    return Published(folder, name, url or "", "", command=FETCHED_BY, **fields)  # type: ignore[arg-type]


def to_fetch(sources: Sequence[SourceFile]) -> list[SourceFile]:
    """Return the sources that are not on this machine yet."""
    return [s for s in sources if s.is_remote and s.path is not None and not s.path.is_file()]


def fetch_sources(sources: Sequence[SourceFile]) -> None:
    """Bring what is not there, going on where it was cut off; check what is.

    Raises:
        MissingInputError: a source without path and address, one that is not cached and no network may be
            used, and a download that failed, was cut off for good, or is not the file of the manifest.
        FormatError: a file that is not the one of the manifest.
    """
    if absent := [source for source in sources if source.path is None]:
        how = "; ".join(f"{s.name}: {s.note or 'no address is known'}" for s in absent)
        raise MissingInputError(f"sources without path and url; give the path of each. {how}")
    for source in sources:
        assert source.path is not None
        if source.is_remote and source.path.is_file():
            check_cached(source.published)
        elif source.is_remote:
            try:
                with downloading(source.name) as watch:
                    fetch(source.published, watch=watch, say=say)
            except FetchError as error:  # to the run it is an input that is not there
                raise MissingInputError(f"{source.key}: {error}") from error
        elif not source.path.is_file():
            what = "a folder, not a file" if source.path.is_dir() else "no such file"
            raise MissingInputError(f"{source.key}: {what}", path=source.path)
        elif wrong := misfit(source.path, source.published):
            raise FormatError(
                f"{source.key}: {wrong}, which the manifest has; get the file again, or correct the manifest",
                path=source.path,
            )
