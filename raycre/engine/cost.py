"""What a CREME run will cost, measured before it starts. Reads the model; writes and starts nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from raycre.backbones.contract import Backbone
from raycre.config import PerturbConfig
from raycre.creme.edits import lineage
from raycre.creme.selection import CONTEXT_CLASSES
from raycre.creme.simulation import ELEMENTS_PER_CONTEXT, simulate
from raycre.engine.reading import open_reader
from raycre.engine.stages import first_stage
from raycre.engine.study import Study
from raycre.engine.units import records, units_of
from raycre.store.passes import PassStore

SHORT = 1.0  # seconds of a pass below which warming up matters


class Cost(NamedTuple):
    """Seconds, and FLOPs of matrix products and convolutions."""

    seconds: float
    flops: int

    def __sub__(self, other: Cost) -> Cost:
        return Cost(max(0.0, self.seconds - other.seconds), max(0, self.flops - other.flops))


class Costs(NamedTuple):
    """Of a whole sequence; of the activations of a base that its edits share; of one edited sequence."""

    whole: Cost
    base: Cost
    edited: Cost


def cost_of(config: PerturbConfig, study: Study, model: Backbone) -> dict[str, Any]:
    """Count passes, FLOPs, bytes and time of a run, and what its folder holds already, ready for JSON.

    Numbers of tests that choose their passes are of one gene times the genes: exact for the search of
    interactions; for elements they go by the paper's share of contexts that have one.
    """
    pipeline = config.tests == "pipeline"
    genes = records(study.genes)
    store = PassStore(config.run.out / "passes" / f"model={study.model_label}", study.kept)
    stage = first_stage(config, study, genes)
    units = list(units_of(stage, genes, study.passes_per_unit, store))
    chains = [planned.unit for planned in units if planned.passes is None]
    chains_left = sum(planned.passes is None and planned.to_do is None for planned in units)
    todo_first = sum(planned.to_do or 0 for planned in units)

    searched = replace(study.settings, searched=(0,)) if pipeline else study.settings
    n_tracks, n_on = len(study.tracks), len(genes)
    if pipeline:
        n_on = min(n_on, config.creme.per_class * len(CONTEXT_CLASSES) * n_tracks)
    tests = study.tests if pipeline else stage.tests
    without = simulate(tests, searched, n_tracks, element=False)
    with_one = simulate(tests, searched, n_tracks, element=True)
    per_element = with_one.after - without.after
    elements = n_on * len(searched.tracks(n_tracks)) * ELEMENTS_PER_CONTEXT if per_element else 0.0

    swaps = n_on * (len(stage.partners) or n_on) if "swap" in tests else 0
    fixed = without.after * n_on + swaps
    before = without.before * n_on + 2 * swaps + elements * (with_one.before - without.before)
    screened = len(genes) * (1 + study.settings.n("context")) if pipeline else 0
    static = sum(planned.passes or 0 for planned in units)
    to_do = fixed - (0 if pipeline else static - todo_first) + elements * per_element
    if chains and not pipeline:
        chained = (without.after * n_on + swaps - static) + elements * per_element
        to_do = todo_first + chained * chains_left / len(chains)
    n_passes = round(to_do + (todo_first if pipeline else 0))
    roots = {lineage(p, study.settings.tss_tile)[0] for p in without.known.values()}
    n_bases = round(len(roots) * n_on * min(1.0, n_passes / max(1, fixed)))
    measured = measure_passes(config, study, model)
    return {
        "dry_run": True,
        "genes": len(genes),
        "refused": study.refused[["gene_name", "reason"]].to_dict("records"),
        **({"genes_that_go_on_at_most": n_on} if pipeline else {}),
        "units": len(units),
        "units_done": sum(planned.to_do == 0 for planned in units),
        "passes_before_deduplication": round(before + screened),
        "passes": round(fixed + elements * per_element + screened),
        **(
            {"elements_assumed": round(elements, 1), "passes_per_element": per_element} if per_element else {}
        ),
        "passes_to_do": n_passes,
        "bases_to_compute": n_bases,
        "flops_without_reuse": round(before + screened) * measured.whole.flops,
        "flops_to_do": n_bases * measured.base.flops + n_passes * measured.edited.flops,
        "bytes_read": len(genes) * study.settings.seq_len,
        "bytes_written_about": n_passes * (4 * 2 * len(study.kept) + 40),
        "seconds_per_whole_pass_here": round(measured.whole.seconds, 4),
        "seconds_per_edited_pass_here": round(measured.edited.seconds, 4),
        "replica_seconds": round(n_bases * measured.base.seconds + n_passes * measured.edited.seconds, 1),
    }


def measure_passes(config: PerturbConfig, study: Study, model: Backbone) -> Costs:
    """Do a whole pass and one with a shuffled tile here, and take their time.

    A short pass is done again and that one timed, when the processor is warm.
    """
    reader = open_reader(model, config.model, study.kept, config.resources.cache_bytes)
    base = np.zeros(reader.model.seq_len, np.uint8)
    edited = base.copy()
    tile = study.settings.tiles[0] if study.settings.tiles else study.settings.tss_tile
    edited[slice(*tile)] = 1
    line = [("base", lambda: base)]
    before = torch.get_num_threads()
    torch.set_num_threads(config.resources.cpus_per_replica)
    try:
        whole = _measure(lambda: reader.whole(base))
        if reader.reuse is None:
            return Costs(whole, Cost(0, 0), whole)
        reader.edited(base, line)  # from here on its activations are kept
        unchanged = _measure(lambda: reader.edited(base, line))
        changed = _measure(lambda: reader.edited(edited, line))
        return Costs(whole, whole - unchanged, changed)
    finally:
        torch.set_num_threads(before)


def _measure(work: Callable[[], object]) -> Cost:
    def timed() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    with FlopCounterMode(display=False) as counter:
        seconds = timed()
    if seconds < SHORT:
        seconds = timed()
    return Cost(seconds, counter.get_total_flops())
