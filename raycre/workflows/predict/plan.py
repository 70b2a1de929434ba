"""A prediction, resolved once from its configuration: files opened, regions read, cutoffs chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.config import PredictConfig
from raycre.create.inference.checkpoints import Checkpoint, read_checkpoint
from raycre.create.views import flank_of
from raycre.engine.resources import Share
from raycre.errors import ConfigError
from raycre.genome.features import SignalPaths, Signals
from raycre.genome.regions import read_regions
from raycre.store.ledger import Ledger
from raycre.workflows.inputs import (
    SignalInputs,
    fit_regions,
    hash_rows,
    look_at_regions,
    signal_paths,
)
from raycre.workflows.predict.calling import Calling, calling_of
from raycre.workflows.predict.growth import Grown, grown
from raycre.workflows.run import Start

PARTS = "predictions"
SIGNALS = ("openness", "loops")


@dataclass(frozen=True)
class PredictPlan:
    """What is done, by what, with which part of the cluster.

    Attributes:
        ledger: of the parts, in the run folder.
        signals: the open files, and `paths` for other processes to open them.
        regions: region_id, chrom, start, end (1 kb, 0-based half-open), name, strand, source; in input order.
        counts: regions read, dropped by each rule, and kept.
        unseen: what the models will not see of the regions, ready for JSON.
        checkpoint: the models.
        calling: how regions are called.
        n_views: shifts times strands.
        codes: whether codebook features are written, too.
        shard_size: regions of a unit.
        units: one row a shard: unit, shard, first, last.
        share: of the cluster.
        identity: name, config, science, layout, inputs and growth, as `open_run` takes them.
        before: regions that the folder holds already, where this run adds some; else 0.
    """

    ledger: Ledger
    signals: Signals
    paths: SignalPaths
    regions: pd.DataFrame
    counts: dict[str, int]
    unseen: dict[str, Any]
    checkpoint: Checkpoint
    calling: Calling
    n_views: int
    codes: bool
    shard_size: int
    units: pd.DataFrame
    share: Share
    identity: dict[str, Any]
    before: int = 0

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json holds of the inputs and the models."""
        dropped, classes = self.signals.loops_dropped, self.checkpoint.classes
        return {"regions": self.counts, "loops_dropped": dropped, "classes": classes, **self.unseen}


def plan_prediction(config: PredictConfig, start: Start) -> PredictPlan:
    """Read everything that a prediction rests on, and check that it fits together.

    Args:
        config: of the run.
        start: of the run; it hashes the inputs.

    Raises:
        InputError: bad input; nothing was written.
    """
    given, inputs = config.model.cutoffs, SignalInputs(**config.inputs.signals())
    checkpoint = read_checkpoint(config.model.checkpoint, config.model.folds)
    checkpoint.check_signals([name for name in SIGNALS if getattr(inputs, name)])
    checkpoint.check_cutoffs({} if given is None else given.model_dump())
    if config.codes and checkpoint.n_codes is None:
        raise ConfigError("codes: these models have no codebook; leave it out", value=str(checkpoint.path))
    by_class = None if given is None else _by_class(given.model_dump())
    calling = calling_of(checkpoint.training, by_class)
    prints = start.hash_inputs({k: p for k, p in config.paths().items() if checkpoint.uses(k)})
    paths = signal_paths(inputs, checkpoint.modalities, prints)
    signals = Signals(paths)
    regions, counts = _read_regions(config.inputs.regions, inputs, signals)
    unseen = look_at_regions(signals, regions, flank_of(config.views))
    start.check_inputs()
    resources = config.resources
    science = {
        **config.science(),
        "sha256": start.hashes,
        "regions_as_read": hash_rows(regions),
        "model_sha256": checkpoint.sha256,
        "folds": checkpoint.folds,
        **calling.science(),
    }
    growth = Grown(regions)
    if not start.fresh:
        growth = grown(start.out, regions, verb=start.verb, science=science, layout=config.layout())
    return PredictPlan(
        ledger=Ledger(start.out, PARTS),
        signals=signals,
        paths=paths,
        regions=growth.regions,
        counts=counts,
        unseen=unseen,
        checkpoint=checkpoint,
        calling=calling,
        n_views=config.views,
        codes=config.codes,
        shard_size=config.shard_size,
        units=growth.units(config.shard_size),
        before=growth.ends[-1] if growth.now else 0,
        share=Share(**resources.share()),
        identity={
            "name": config.run.name,
            "config": config.model_dump(mode="json"),
            "science": science,
            "layout": config.layout(),
            "inputs": {**start.hashes, "model.checkpoint": checkpoint.sha256},
            "growth": growth.now,
        },
    )


def _by_class(given: dict[str, float | None]) -> tuple[float, ...]:
    """Return given cutoffs by class; background's is not used."""
    return (*(np.nan if value is None else value for value in given.values()), 0.0)


def _read_regions(path: Path, inputs: SignalInputs, signals: Signals) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return regions of 1 kb in input order, and how many were dropped by which rule."""
    sizes = signals.fasta.sizes
    read = read_regions(path, sizes=sizes, outside=inputs.outside)
    table, counts = fit_regions(read, inputs, sizes, path=path, what="region")
    columns = ["region_id", "chrom", "start", "end", "name", "strand", "source"]
    return table[columns], counts
