"""What a prediction costs, measured here on a batch of its own regions."""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import numpy as np

from raycre.create.inference.ensemble import BATCH, Ensemble
from raycre.create.layout import CLASSES, WIDTH
from raycre.create.views import flank_of
from raycre.engine.local_ray import usable_cpus
from raycre.workflows.devices import prepare
from raycre.workflows.predict.plan import PredictPlan
from raycre.workflows.timing import DATA_START, Timed, outlook, timed

PER_REGION = 150  # bytes written


def cost_of(plan: PredictPlan, started: float) -> dict[str, Any]:
    """Return what is left to do and what it costs, ready for JSON.

    Args:
        plan: of the run.
        started: processor time at which the verb began.
    """
    todo = plan.ledger.todo(plan.units)
    n, folds, share = int((todo["last"] - todo["first"]).sum()), plan.checkpoint.folds, plan.share
    measured = measure(plan)
    return {
        "dry_run": True,
        "regions": plan.regions.counts,
        "shards": len(plan.units),
        "shards_done": len(plan.units) - len(todo),
        "folds": len(folds),
        "views": plan.n_views,
        "forward_passes_to_do": n * len(folds) * plan.n_views,
        "flops_to_do": n * measured.predict.flops,
        "bytes_read_about": n * WIDTH * (1 + 4 * len(plan.paths.openness)),
        "bytes_written_about": n * PER_REGION,
        "cpu_seconds_per_region": round(measured.read + measured.predict.cpu_seconds, 5),
        **outlook(
            n * (measured.read + measured.predict.cpu_seconds),
            units=len(todo),
            asked=share.most,
            cpus=share.cpus,
            gpus=share.gpus,
            started=started,
            memory=share.memory,
            framework=DATA_START,
            load=measured.load,
        ),
    }


class Measured(NamedTuple):
    """What prediction costs here: reading a region, its share of a batch, and loading the folds once.

    read: seconds of processor time a region. predict: seconds and FLOPs a region. load: seconds.
    """

    read: float
    predict: Timed
    load: float


def measure(plan: PredictPlan) -> Measured:
    """Read and predict a batch of these regions here, again and again."""
    device = prepare(min(plan.share.cpus, usable_cpus()), gpus=0)
    started = time.process_time()
    never = np.full(len(CLASSES), math.nan)  # cutoffs cost nothing
    ensemble = Ensemble(plan.checkpoint.models, never, plan.n_views, device)
    load = plan.checkpoint.cpu_seconds + time.process_time() - started
    some, flank = plan.regions.head.head(BATCH), flank_of(plan.n_views)
    read = timed(lambda: plan.signals.read_wide(some, flank))
    wide = plan.signals.read_wide(some, flank)
    predict = timed(lambda: ensemble.predict(*wide, first=0))
    n = len(some)
    return Measured(read.cpu_seconds / n, Timed(predict.cpu_seconds / n, predict.flops // n), load)
