"""Units of work: which forward passes of which gene go together, and which of them exist already.

A unit's name follows from what it is, not from its place in a list, so a folder may hold units of many runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

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


def gene_key(gene: Mapping[str, Any]) -> str:
    """Identity of a gene's window for seeds: its id and TSS, so that two TSSs draw different shuffles."""
    return f"{gene['gene_id']}@{gene['chrom']}:{gene['tss']}{gene['strand']}"


def gene_folder(gene: Mapping[str, Any]) -> str:
    """Name of the folder that holds a gene's parts."""
    return folder_of(gene["gene_id"], gene["chrom"], gene["tss"], gene["strand"])


def units_of(
    stage: Stage, genes: Sequence[Mapping[str, Any]], size: int, store: PassStore
) -> Iterator[Planned]:
    """Yield the units of a stage, gene by gene: those of passes known beforehand, then adaptive searches.

    Args:
        stage: of the run.
        genes: rows of the genes' table.
        size: passes of a unit.
        store: what is known.
    """
    names_of = store.names()
    lists: dict[object, tuple[Settings, list[tuple[str, list[str]]]]] = {}
    for number, gene in enumerate(genes):
        own = (gene.get("searched"), gene.get("tiles"))  # all that makes a gene's passes its own
        if own not in lists:
            settings = stage.settings_of(gene)
            lists[own] = settings, _named_chunks(stage.tests, settings, size)
            while len(lists) > KEPT_LISTS:
                del lists[next(iter(lists))]
        settings, named = lists[own]
        folder = gene_folder(gene)
        here = names_of(folder)
        wanted = {f"part-{name}" for name, _ in named}
        # Listings tell of most genes; parts are read where one is missing and may be in others.
        known = store.keys(folder) if wanted - here and here - wanted else set()
        first = 0
        for name, keys in named:
            every = range(first, first + len(keys))
            first += len(keys)
            todo: Sequence[int] = every
            if f"part-{name}" in here:
                todo = ()
            elif known:
                todo = tuple(i for i, key in zip(every, keys, strict=True) if key not in known)
            yield Planned(Unit(f"{folder}/part-{name}", gene, todo), number, len(keys), len(todo))
        for tests, searches in adaptive_searches(stage.tests, settings):
            # By its tracks themselves: positions mean others in another query of the same folder.
            ids = tuple(sorted(stage.tracks[t] for t in settings.tracks(len(stage.tracks))))
            described = repr((tests, replace(settings, searches=searches, partners=(), searched=ids)))
            name = f"chain-{digest_of_names([described])}"
            search = Unit(f"{folder}/{name}", gene, None, tests, searches)
            yield Planned(search, number, None, 0 if name in here else None)


def adaptive_searches(
    tests: Sequence[str], settings: Settings
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the (tests, searches) of every adaptive search; each way may be one of its own."""
    return [
        (group, way)
        for each_way, group in adaptive_groups(tests)
        for way in ([(one,) for one in settings.searches] if each_way else [settings.searches])
    ]


def as_frame(stage: Stage, units: Sequence[Planned]) -> pd.DataFrame:
    """Lay units out as rows of `PASS_UNITS`, but for the gene's row."""
    return pd.DataFrame(
        {
            "unit": [planned.unit.name for planned in units],
            "stage": stage.name,
            "kind": ["chain" if planned.unit.passes is None else "passes" for planned in units],
            "gene_id": [planned.unit.gene["gene_id"] for planned in units],
            "gene_name": [planned.unit.gene["gene_name"] for planned in units],
            "passes": pd.array([planned.passes for planned in units], dtype="Int64"),
            "to_do": pd.array([planned.to_do for planned in units], dtype="Int64"),
        }
    )


def folders_of(plan: pd.DataFrame) -> list[str]:
    """Return the gene's folder of every unit of a plan."""
    return [unit.rpartition("/")[0] for unit in plan["unit"]]


def count_planned(plan: pd.DataFrame) -> dict[str, int]:
    """Count forward passes known beforehand, and of these how many were to do in this session.

    A gene's last step has the passes of its earlier ones too, so it alone counts; of the wild types whose
    peaks are looked for all bins are read, which is a pass of its own.

    Args:
        plan: of `as_frame`, of all steps so far.
    """
    peaks = plan["stage"] == "peaks"
    steps = plan[~peaks]
    last = steps["stage"].to_numpy() == steps.groupby(folders_of(steps))["stage"].transform("last")
    return {
        "planned": int(steps.loc[last, "passes"].sum() + peaks.sum()),
        "done_now": int(plan["to_do"].sum()),
    }


def _named_chunks(tests: Sequence[str], settings: Settings, size: int) -> list[tuple[str, list[str]]]:
    planned = passes(tests, settings)
    keys = ([p.key for p in planned[i:j]] for i, j in chunks(planned, size))
    return [(digest_of_names(chunk), chunk) for chunk in keys]
