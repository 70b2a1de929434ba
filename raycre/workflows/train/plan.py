"""A training, resolved from its configuration: what is read, which network is trained, how, and by what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from raycre.config import TrainConfig
from raycre.config.from_dataclass import as_dataclass
from raycre.create.evaluation.settings import Interpretation
from raycre.create.layout import CLASSES
from raycre.create.model.loss_weights import LossWeights
from raycre.create.model.sizes import Codebook, Structure
from raycre.create.model.specification import NetworkSpec
from raycre.create.training.recipe import Folds, Recipe
from raycre.engine.resources import Share
from raycre.genome.fingerprint import Fingerprint
from raycre.workflows.inputs import SignalInputs


@dataclass(frozen=True)
class Labels:
    """Which labelled regions are read, and what is done with them.

    Attributes:
        path: of the labels.
        classes: those that are asked for; None: those that the labels hold.
        overlaps: what is done with regions of two classes that share bases.
    """

    path: Path
    classes: tuple[str, ...] | None = None
    overlaps: Literal["drop", "keep", "refuse"] = "drop"


@dataclass(frozen=True)
class TrainPlan:
    """One training.

    Attributes:
        name: of the run. out: its folder. seed: root of its random numbers.
        recipe, folds, interpretation: how a fold is trained, which folds, and what is written of them.
        network: what is trained; its classes are those asked for until `settle`.
        signals, labels: what is read.
        share: how many groups of workers train folds, and what one worker takes.
        workers_per_fold: size of a group.
        paths: input files by their key in the configuration.
        record: the configuration as run.json holds it.
        science: what of it belongs to the run's identity.
        init: the weights that every fold starts from.
    """

    name: str
    out: Path
    seed: int
    recipe: Recipe
    folds: Folds
    interpretation: Interpretation
    network: NetworkSpec
    signals: SignalInputs
    labels: Labels
    share: Share
    workers_per_fold: int
    paths: Mapping[str, Path]
    record: Mapping[str, Any]
    science: Mapping[str, Any]
    init: Fingerprint | None = None

    def settle(self, classes: tuple[str, ...]) -> TrainPlan:
        """Return the plan with the classes that its labels come to."""
        several = {} if classes == CLASSES else {"classes": list(classes)}  # all five were once the only ones
        science = {key: value for key, value in self.science.items() if key != "classes"}
        return replace(
            self,
            network=replace(self.network, classes=classes),
            labels=replace(self.labels, classes=classes),
            record={**self.record, "inputs": {**self.record["inputs"], "classes": list(classes)}},
            science={**science, **several},
        )

    def identity(self, hashes: Mapping[str, str], rules: Mapping[str, str]) -> dict[str, Any]:
        """Return which training a folder holds, as `open_run` takes it.

        Args:
            hashes: of the input files, by their key.
            rules: of the labels as they were read.
        """
        # Workers of one fold draw dropout of their own and add up in their own order: no fold may mix them.
        size = self.workers_per_fold
        return {
            "name": self.name,
            "config": self.record,
            "science": {**self.science, **rules, "sha256": dict(hashes)},
            "layout": {"workers_per_fold": size} if size > 1 else {},
            "inputs": hashes,
        }


def plan_of(config: TrainConfig) -> TrainPlan:
    """Resolve a configuration.

    Raises:
        ConfigError: settings that do not go together.
        MissingInputError: registry:NAME that is not in the cache.
    """
    model, inputs, resources = config.model, config.inputs, config.resources
    return TrainPlan(
        name=config.run.name,
        out=config.run.out,
        seed=config.run.seed,
        recipe=as_dataclass(Recipe, config.recipe, weights=as_dataclass(LossWeights, config.recipe)),
        folds=as_dataclass(Folds, config.folds),
        interpretation=as_dataclass(Interpretation, config.interpretation),
        network=NetworkSpec(
            model.kind,
            model.size,
            model.modalities,
            inputs.classes or CLASSES,
            as_dataclass(Structure, model),
            as_dataclass(Codebook, model.codebook),
        ),
        signals=SignalInputs(**inputs.signals()),
        labels=Labels(inputs.labels, inputs.classes, inputs.overlaps),
        share=Share(**resources.share()),
        workers_per_fold=resources.workers_per_fold,
        paths=config.paths(),
        record=config.model_dump(mode="json"),
        science=config.science(),
    )
