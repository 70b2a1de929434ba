"""A prediction, resolved once from its configuration: files opened, regions read, cutoffs chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from raycre.config import PredictConfig
from raycre.create.inference.checkpoints import Checkpoint, read_checkpoint
from raycre.create.views import flank_of
from raycre.engine.resources import Share
from raycre.errors import ConfigError
from raycre.genome.features import SignalPaths, Signals
from raycre.store.ledger import Ledger
from raycre.workflows.inputs import SignalInputs, signal_paths
from raycre.workflows.memory import memory_of_ensemble
from raycre.workflows.predict.calling import Calling, calling_of
from raycre.workflows.predict.regions import PlannedRegions, RegionsAsked, plan_regions
from raycre.workflows.run import Start

PARTS = "predictions"
SIGNALS = ("openness", "loops")


@dataclass(frozen=True)
class PredictPlan:
    """What is done, by what, with which part of the cluster.

    Attributes:
        ledger: of the parts, in the run folder.
        signals: the open files, and `paths` for other processes to open them.
        regions: to be classified, in shards.
        checkpoint: the models.
        calling: how regions are called.
        n_views: shifts times strands.
        codes: whether codebook features are written, too.
        shard_size: regions of a unit.
        share: of the cluster.
        identity: name, config, science, layout, inputs and growth, as `open_run` takes them.
    """

    ledger: Ledger
    signals: Signals
    paths: SignalPaths
    regions: PlannedRegions
    checkpoint: Checkpoint
    calling: Calling
    n_views: int
    codes: bool
    shard_size: int
    share: Share
    identity: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json holds of the inputs and the models."""
        dropped, classes = self.signals.loops_dropped, self.checkpoint.classes
        regions = self.regions
        return {"regions": regions.counts, "loops_dropped": dropped, "classes": classes, **regions.unseen}

    @property
    def units(self) -> pd.DataFrame:
        """One row a shard: unit, shard, first, last."""
        return self.regions.units


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
    science = {
        **config.science(),
        "sha256": start.hashes,
        "regions_as_read": "",
        "model_sha256": checkpoint.sha256,
        "folds": checkpoint.folds,
        **calling.science(),
    }
    asked = RegionsAsked(
        path=config.inputs.regions,
        inputs=inputs,
        signals=paths,
        flank=flank_of(config.views),
        shard_size=config.shard_size,
        out=None if start.fresh else start.out,
        verb=start.verb,
        science=science,
        layout=config.layout(),
    )
    scratch = None if start.dry_run else start.scratch()
    regions = plan_regions(asked, signals, scratch, start.leaves_work_to_nodes)
    start.check_inputs()
    science["regions_as_read"] = regions.as_read
    resources = config.resources
    return PredictPlan(
        ledger=Ledger(start.out, PARTS),
        signals=signals,
        paths=paths,
        regions=regions,
        checkpoint=checkpoint,
        calling=calling,
        n_views=config.views,
        codes=config.codes,
        shard_size=config.shard_size,
        share=Share(**resources.share(memory_of_ensemble(checkpoint.models, resources.gpus_per_replica))),
        identity={
            "name": config.run.name,
            "config": config.model_dump(mode="json"),
            "science": science,
            "layout": config.layout(),
            "inputs": {**start.hashes, "model.checkpoint": checkpoint.sha256},
            "growth": regions.growth,
        },
    )


def _by_class(given: dict[str, float | None]) -> tuple[float, ...]:
    """Return given cutoffs by class; background's is not used."""
    return (*(np.nan if value is None else value for value in given.values()), 0.0)
