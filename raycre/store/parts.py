"""Names of part files: one of a unit of work, or one into which `raycre compact` has merged several.

`part-00007.parquet` is the part of unit 7, `part-00000-00127.parquet` that of units 0 to 127. A merged part
counts from the moment that it is there, and smaller parts of its units beside it count no more, whether they
have been removed yet or not. So a reader sees each row once, wherever a merging was cut off.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

_NAME = re.compile(r"part-(\d+)(?:-(\d+))?(?:\.parquet)?", re.ASCII)

P = TypeVar("P", bound=Path)
K = TypeVar("K")


class Span(NamedTuple):
    """Numbers of the units of a part, both ends included."""

    first: int
    last: int


def span_of(name: str) -> Span | None:
    """Return the units of a part by its name, with or without suffix; None where the name has no numbers."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    first, last = int(found[1]), int(found[2] or found[1])
    return Span(first, last) if first <= last else None


def merged_name(first: str, last: str) -> str:
    """Return the name of the part that holds the units from one part to another, in the digits of theirs."""
    begin, end = _NAME.fullmatch(first), _NAME.fullmatch(last)
    assert begin is not None
    assert end is not None
    return f"part-{begin[1]}-{end[2] or end[1]}.parquet"


def current_parts(paths: Iterable[P]) -> list[P]:
    """Return the parts that count, folder by folder, in order of their units: 99999 before 100000.

    Parts whose names have no numbers (a gene's) are in order of their names.
    """
    folders: dict[Path, list[P]] = defaultdict(list)
    for path in paths:
        folders[path.parent].append(path)
    return [path for folder in sorted(folders) for path in _of_folder(folders[folder])]


def superseded_parts(paths: Iterable[P]) -> list[P]:
    """Return the parts that count no more, as a merged part has their units."""
    every = list(paths)
    kept = set(current_parts(every))
    return [path for path in every if path not in kept]


def n_units(paths: Iterable[Path]) -> int:
    """Return of how many units some parts are."""
    spans = (span_of(path.name) for path in paths)
    return sum(1 if span is None else span.last - span.first + 1 for span in spans)


class MergedUnits:
    """The units that merged parts hold, by the names of all parts of a folder."""

    def __init__(self, names: Iterable[str]) -> None:
        spans = {name: span for name in names if (span := span_of(name)) and span.last > span.first}
        self._names = _outermost(spans)
        self._spans = [spans[name] for name in self._names]
        self._firsts = [span.first for span in self._spans]

    def __bool__(self) -> bool:
        return bool(self._names)

    def part_of(self, unit: str) -> str | None:
        """Return the name of the merged part that has a unit; None where none has."""
        span = span_of(unit) if self._names else None
        at = -1 if span is None else bisect_right(self._firsts, span.first) - 1
        return self._names[at] if span is not None and at >= 0 and span.last <= self._spans[at].last else None


def _of_folder(paths: Sequence[P]) -> list[P]:
    spans = {path: span for path in paths if (span := span_of(path.name)) is not None}
    return sorted(paths) if len(spans) < len(paths) else _outermost(spans)


def _outermost(spans: Mapping[K, Span]) -> list[K]:
    """Return those whose span lies in none of the others, in order."""
    kept, reach = [], -1
    for key, span in sorted(spans.items(), key=lambda item: (item[1].first, -item[1].last)):
        if span.last > reach:
            kept.append(key)
            reach = span.last
    return kept
