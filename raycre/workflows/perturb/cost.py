"""What a CREME run will cost, measured before it starts; nothing is written or started."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from raycre.backbones.contract import Backbone
from raycre.backbones.reader import open_reader
from raycre.creme.perturbation import lineage
from raycre.creme.plan import n_after
from raycre.creme.selection import CONTEXT_CLASSES
from raycre.creme.settings import Settings
from raycre.creme.simulation import ELEMENTS_PER_CONTEXT, simulate
from raycre.creme.tests import context, find_test
from raycre.engine.local_ray import usable_cpus
from raycre.store.passes import PassStore
from raycre.workflows.perturb.peaks import aligned_genes, gene_peaks, peak_units
from raycre.workflows.perturb.plan import CremePlan
from raycre.workflows.perturb.stages import first_stage, next_stage, picked_genes, screening
from raycre.workflows.perturb.units import Gene, Planned, Stage, as_dicts, gene_key, units_of
from raycre.workflows.timing import Timed, outlook, timed


class Costs(NamedTuple):
    """Of a whole sequence; of the activations of a reference that its edits share; of one edited sequence."""

    whole: Timed
    reference: Timed
    edited: Timed


class Count(NamedTuple):
    """Forward passes of a run.

    Attributes:
        units: of the steps whose genes are known.
        units_done: of these.
        before: passes of the tests run one by one.
        passes: each once.
        to_do: of these, that the run folder does not hold.
        references: sequences whose activations others share, to do.
        elements: number of elements, each on one track; assumed unless every tile is one.
        per_element: passes that one of them takes.
        go_on: genes that go on in a pipeline at most, where the classes of their contexts are not known.
    """

    units: int
    units_done: int
    before: int
    passes: int
    to_do: int
    references: int
    elements: float
    per_element: int
    go_on: int | None


def cost_of(plan: CremePlan, model: Backbone, started: float) -> dict[str, Any]:
    """Count passes, FLOPs, bytes and time of a run, and what its folder holds already, ready for JSON.

    Numbers of tests that choose their passes are of one gene times the genes: exact for the search of
    interactions; for elements they go by the paper's share of contexts that have one. Genes that a step has
    yet to choose are counted as if as many went on as can. `started` is the processor time at which the verb
    began.
    """
    n = count_passes(plan, plan.store)
    measured = measure_passes(plan, model)
    n_genes = len(plan.genes)
    return {
        "dry_run": True,
        "genes": n_genes,
        "refused": plan.refused[["gene_name", "reason"]].to_dict("records"),
        "notes": list(plan.notes),
        **({} if n.go_on is None else {"genes_that_go_on_at_most": n.go_on}),
        "units": n.units,
        "units_done": n.units_done,
        "passes_before_deduplication": n.before,
        "passes": n.passes,
        **(
            {"elements_assumed": round(n.elements, 1), "passes_per_element": n.per_element}
            if n.per_element
            else {}
        ),
        "passes_to_do": n.to_do,
        "bases_to_compute": n.references,
        "flops_without_reuse": n.before * measured.whole.flops,
        "flops_to_do": n.references * measured.reference.flops + n.to_do * measured.edited.flops,
        "bytes_read": n_genes * plan.settings.seq_len,
        "bytes_written_about": n.to_do * (4 * 2 * len(plan.stored_tracks) + 40),
        "cpu_seconds_per_whole_pass": round(measured.whole.cpu_seconds, 4),
        "cpu_seconds_per_edited_pass": round(measured.edited.cpu_seconds, 4),
        **outlook(
            n.references * measured.reference.cpu_seconds + n.to_do * measured.edited.cpu_seconds,
            units=n.units - n.units_done,
            asked=plan.share.most,
            cpus=plan.share.cpus,
            gpus=plan.share.gpus,
            started=started,
            memory=plan.share.memory,
        ),
    }


def count_passes(plan: CremePlan, store: PassStore) -> Count:
    """Count the forward passes of a run, as far as what is known says which there will be."""
    everyone = as_dicts(plan.genes)
    n_tracks, size = len(plan.tracks), plan.passes_per_unit
    genes: Sequence[Gene] = everyone
    screened = peaks = UnitTally()
    screen = screening(plan)
    if plan.top is not None:
        if tally(units_of(screen, everyone, size, store)).to_do:
            genes = everyone[: plan.top * n_tracks]
        else:
            genes = picked_genes(plan, everyone, store)
    if plan.only_at_peak:
        peaks = tally(peak_units(genes, store))
        if peaks.units and not peaks.to_do:
            genes = aligned_genes(plan, genes, gene_peaks(plan, genes, store))
    if plan.top is not None:
        screened = tally(units_of(screen, everyone, size, store), but={gene_key(gene) for gene in genes})

    stage = first_stage(plan, genes)
    units = tally(units_of(stage, genes, size, store))
    go_on = None
    if plan.pipeline:
        n_context = n_after([context.TEST.name], plan.settings)
        if units.done == units.units:
            after, chosen = next_stage(plan, stage, genes, store)
            on = {gene_key(gene) for gene in chosen} if after is not None else set()
            screened = screened.plus(tally(units_of(stage, genes, size, store), but=on))
            if after is None:
                chosen, units = [], UnitTally()
            else:
                stage, units = after, tally(units_of(after, chosen, size, store))
            genes = chosen
        else:
            go_on = min(len(genes), plan.per_class * len(CONTEXT_CLASSES) * n_tracks)

    n_on = len(genes) if go_on is None else go_on
    settings = _typical(stage, genes) if genes else plan.settings
    if plan.pipeline:
        settings = replace(plan.settings, searched=(0,), tiles=settings.tiles)
    settings = replace(settings, partners=())
    without = simulate(plan.tests, settings, n_tracks, element=False)
    with_one = simulate(plan.tests, settings, n_tracks, element=True)
    per_element = with_one.after - without.after
    share = len(settings.tiles) if settings.elements == "all" else ELEMENTS_PER_CONTEXT
    elements = n_on * len(settings.tracks(n_tracks)) * float(share) if per_element else 0.0
    swaps = n_on * (len(stage.partners) or n_on) if any(find_test(test).swaps for test in plan.tests) else 0

    before = without.before * n_on + 2 * swaps + elements * (with_one.before - without.before)
    before += screened.passes
    static, todo = units.passes, units.to_do
    if go_on is None:
        ahead = (without.after - n_after(plan.tests, settings)) * n_on + elements * per_element
        left = units.searches_to_do / max(1, units.searches)
    else:
        before += static - n_context * n_on
        ahead, left = (without.after - n_context) * n_on + swaps + elements * per_element, 1.0
    roots = {lineage(p, plan.settings.tss_tile)[0] for p in without.planned.values()}
    references = len(roots) * n_on * min(1.0, (todo + ahead * left) / max(1, static + ahead))
    if go_on is not None:
        references += todo  # all passes of the context test are; the next step computes its own anew
    passes, to_do = static + ahead + screened.passes, todo + ahead * left + screened.to_do
    every = screened.plus(peaks).plus(units)
    return Count(
        units=every.units,
        units_done=every.done,
        before=round(before) + peaks.passes,
        passes=round(passes) + peaks.passes,
        to_do=round(to_do) + peaks.to_do,
        # What genes are chosen by shares nothing.
        references=round(references) + screened.to_do + peaks.to_do,
        elements=elements,
        per_element=per_element,
        go_on=go_on,
    )


class UnitTally(NamedTuple):
    """Of units: how many, of which are done; passes known beforehand, to do; searches, to do."""

    units: int = 0
    done: int = 0
    passes: int = 0
    to_do: int = 0
    searches: int = 0
    searches_to_do: int = 0

    def plus(self, other: UnitTally) -> UnitTally:
        """Return the sum."""
        return UnitTally(*(mine + its for mine, its in zip(self, other, strict=True)))


def tally(units: Iterable[Planned], but: Collection[str] = ()) -> UnitTally:
    """Count units one after another, those of the genes of some keys left out."""
    counted = [0] * len(UnitTally._fields)
    for planned in units:
        if not but or gene_key(planned.unit.gene) not in but:
            search = planned.passes is None
            of_this = (
                1,
                planned.to_do == 0,
                planned.passes or 0,
                planned.to_do or 0,
                search,
                search and planned.to_do is None,
            )
            for i, n in enumerate(of_this):
                counted[i] += n
    return UnitTally(*counted)


def _typical(stage: Stage, genes: Sequence[Gene]) -> Settings:
    """The settings of the gene that has the middle number of tiles and tracks."""
    settings = {id(gene): stage.settings_of(gene) for gene in genes} if "tiles" in genes[0] else {}
    if not settings:
        return stage.settings_of(genes[len(genes) // 2])
    ranked = sorted(settings.values(), key=lambda own: len(own.tiles))
    return ranked[len(ranked) // 2]


def measure_passes(plan: CremePlan, model: Backbone) -> Costs:
    """Do a whole pass and one with a shuffled tile here, and take their processor time."""
    reader = open_reader(model, plan.backbone, plan.stored_tracks, plan.cache_bytes)
    reference = np.zeros(reader.model.seq_len, np.uint8)
    edited = reference.copy()
    tile = plan.settings.tiles[0] if plan.settings.tiles else plan.settings.tss_tile
    edited[slice(*tile)] = 1
    line = [("reference", lambda: reference)]
    before = torch.get_num_threads()
    torch.set_num_threads(min(plan.share.cpus, usable_cpus()))
    try:
        whole = timed(lambda: reader.whole(reference))
        if reader.reuse is None:
            return Costs(whole, Timed(0.0, 0), whole)
        reader.edited(reference, line)  # from here on its activations are kept
        unchanged = timed(lambda: reader.edited(reference, line))
        changed = timed(lambda: reader.edited(edited, line))
        return Costs(whole, whole.beyond(unchanged), changed)
    finally:
        torch.set_num_threads(before)
