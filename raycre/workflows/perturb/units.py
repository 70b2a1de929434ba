"""Units of work: which forward passes of which gene go together, and which of them exist already.

A unit's name follows from what it is, not from its place in a list, so a folder may hold units of many runs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple, TypeAlias, overload

import pandas as pd

from raycre.creme.plan import chunks, passes
from raycre.creme.settings import Settings
from raycre.creme.tests import adaptive_groups
from raycre.store.passes import PassStore, digest_of_names, folder_of

Gene: TypeAlias = Mapping[str, Any]
"""A row of the genes' table, by column."""

KEPT_LISTS = 16  # of passes by name, one for each way in which genes differ


class Partner(NamedTuple):
    """Where a gene's window lies, and its searched tracks (None: all)."""

    chrom: str
    tss: int
    strand: str
    searched: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Stage:
    """One step of a run: some tests on some genes.

    Attributes:
        name: of the step, for people.
        tests: names.
        settings: of the tests, for every gene.
        tracks: rows of the track table that are asked for; `searched` are positions among them.
        partners: gene key -> window, of the genes in `settings.partners`.
        written: those of the tests whose effects an earlier step has written.
    """

    name: str
    tests: tuple[str, ...]
    settings: Settings
    tracks: tuple[int, ...]
    partners: Mapping[str, Partner] = field(default_factory=dict)
    written: tuple[str, ...] = ()

    def settings_of(self, gene: Mapping[str, Any]) -> Settings:
        """Return the settings for one gene: its tiles and tracks, and the genes that share one of these.

        It is one of its own partners, so that genes of equal tiles and tracks have equal lists of passes.
        """
        changes: dict[str, Any] = {}
        tracks, tiles = gene.get("searched"), gene.get("tiles")
        if tracks is not None:
            changes["searched"] = tracks
            changes["partners"] = tuple(
                name
                for name, partner in self.partners.items()
                if partner.searched is None or set(tracks) & set(partner.searched)
            )
        if tiles is not None:
            changes["tiles"] = tiles
        return replace(self.settings, **changes) if changes else self.settings


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of work; small enough to travel.

    Attributes:
        name: of its part, below the folder of the model and without suffix.
        gene: its row of the genes' table.
        passes: positions in the list of the stage's passes for this gene; None: an adaptive search.
        tests: of an adaptive search.
        searches: of an adaptive search, as in `Settings`.
    """

    name: str
    gene: Mapping[str, Any]
    passes: Sequence[int] | None = None
    tests: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()


def as_dicts(table: pd.DataFrame) -> list[Mapping[str, Any]]:
    """Return a table row by row, by column."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False)]


class Planned(NamedTuple):
    """A unit with the position of its gene, its number of passes, and how many of them are not known.

    Both numbers are None for an adaptive search, which chooses its passes; `to_do` is 0 where the part is
    there.
    """

    unit: Unit
    number: int
    passes: int | None
    to_do: int | None


class Units(Sequence[Unit]):
    """Units to be done, planned anew whenever they are walked through: a million of them take no memory.

    Args:
        walk: plans them.
        n: how many there are.
    """

    def __init__(self, walk: Callable[[], Iterable[Planned]], n: int) -> None:
        self._walk, self._n = walk, n

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[Unit]:
        return (planned.unit for planned in self._walk())

    @overload
    def __getitem__(self, at: int) -> Unit: ...
    @overload
    def __getitem__(self, at: slice) -> list[Unit]: ...
    def __getitem__(self, at: int | slice) -> Unit | list[Unit]:
        if isinstance(at, slice):
            return list(self)[at]
        place = range(self._n)[at]
        return next(islice(self, place, None))


def gene_key(gene: Mapping[str, Any]) -> str:
    """Identity of a gene's window for seeds: its id and TSS, so that two TSSs draw different shuffles."""
    return f"{gene['gene_id']}@{gene['chrom']}:{gene['tss']}{gene['strand']}"


def gene_folder(gene: Mapping[str, Any]) -> str:
    """Name of the folder that holds a gene's parts."""
    return folder_of(gene["gene_id"], gene["chrom"], gene["tss"], gene["strand"])


class Planner:
    """Plans the units of a stage, as often as it is asked to.

    Args:
        stage: of the run.
        genes: rows of the genes' table.
        size: passes of a unit.
        store: what is known; of a bucket as it is now.
    """

    def __init__(self, stage: Stage, genes: Sequence[Gene], size: int, store: PassStore) -> None:
        self._stage, self._genes, self._size, self._store = stage, genes, size, store
        self._names_of = store.names()
        self._known: dict[int, int] = {}  # of genes that have some passes in other parts: a bit a pass

    def walk(self) -> Iterator[Planned]:
        """Yield the units, gene by gene: those of passes known beforehand, then adaptive searches."""
        lists: dict[object, _Listed] = {}
        for number, gene in enumerate(self._genes):
            own = (gene.get("searched"), gene.get("tiles"))  # all that makes a gene's passes its own
            if own not in lists:
                lists[own] = _list_units(self._stage, gene, self._size)
                while len(lists) > KEPT_LISTS:
                    del lists[next(iter(lists))]
            listed, folder = lists[own], gene_folder(gene)
            here = self._names_of(folder)
            # Listings tell of most genes; parts are read where one is missing and may be in others.
            if number not in self._known and listed.names - here and here - listed.names:
                self._known[number] = _bits(listed, self._store.keys(folder))
            known = self._known.get(number, 0)
            for name, every, _ in listed.chunks:
                todo: Sequence[int] = every
                if name in here:
                    todo = ()
                elif known:
                    todo = tuple(i for i in every if not known >> i & 1)
                yield Planned(Unit(f"{folder}/{name}", gene, todo), number, len(every), len(todo))
            for name, tests, searches in listed.searches:
                search = Unit(f"{folder}/{name}", gene, None, tests, searches)
                yield Planned(search, number, None, 0 if name in here else None)


def units_of(stage: Stage, genes: Sequence[Gene], size: int, store: PassStore) -> Iterator[Planned]:
    """Yield the units of a stage; see `Planner`."""
    return Planner(stage, genes, size, store).walk()


def _bits(listed: _Listed, known: Collection[str]) -> int:
    """A bit for each pass, in order: whether it is known."""
    return sum(
        1 << i for _, every, keys in listed.chunks for i, key in zip(every, keys, strict=True) if key in known
    )


class _Listed(NamedTuple):
    """What genes of equal tracks and tiles have to do.

    chunks: part's name, positions of its passes, their keys. searches: part's name, tests, searches.
    names: of the chunks' parts.
    """

    chunks: list[tuple[str, range, list[str]]]
    searches: list[tuple[str, tuple[str, ...], tuple[str, ...]]]
    names: frozenset[str]


def _list_units(stage: Stage, gene: Gene, size: int) -> _Listed:
    settings = stage.settings_of(gene)
    planned = [p.key for p in passes(stage.tests, settings)]
    found = []
    for i, j in chunks(planned, size):
        keys = planned[i:j]
        found.append((f"part-{digest_of_names(keys)}", range(i, j), keys))
    searched = []
    # By its tracks themselves: positions mean others in another query of the same folder.
    ids = tuple(sorted(stage.tracks[t] for t in settings.tracks(len(stage.tracks))))
    for tests, searches in adaptive_searches(stage.tests, settings):
        described = repr((tests, replace(settings, searches=searches, partners=(), searched=ids)))
        searched.append((f"chain-{digest_of_names([described])}", tests, searches))
    return _Listed(found, searched, frozenset(name for name, _, _ in found))


def adaptive_searches(
    tests: Sequence[str], settings: Settings
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the (tests, searches) of every adaptive search; each way may be one of its own."""
    return [
        (group, way)
        for each_way, group in adaptive_groups(tests)
        for way in ([(one,) for one in settings.searches] if each_way else [settings.searches])
    ]
