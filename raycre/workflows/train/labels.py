"""Which classes a training has, which of its labels are left out, and what is noted and said of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from raycre.create.layout import CLASSES
from raycre.create.model.losses import class_weights
from raycre.create.training.fewer import n_kept
from raycre.errors import LabelError
from raycre.genome.class_overlaps import class_overlaps
from raycre.genome.classes import trained_classes
from raycre.genome.folds import split
from raycre.genome.regions import Regions, check_classes_apart
from raycre.log import say
from raycre.workflows.inputs import say_dropped
from raycre.workflows.train.plan import Labels, TrainPlan


class Labelled(NamedTuple):
    """Labelled regions that go into a training.

    Attributes:
        table: region_id, chrom, start, end, name, strand, source, label, fold.
        counts: regions read, dropped by each rule, and kept.
        classes: those that are trained, in the order of `CLASSES`.
        n_left_out: regions read of each class that is not trained.
        overlaps: what `settle_overlaps` found, ready for JSON.
        rules: hash of the regions as read, and what was dropped where earlier versions did not; they
            belong to the run's identity.
    """

    table: pd.DataFrame
    counts: dict[str, int]
    classes: tuple[str, ...]
    n_left_out: dict[str, int]
    overlaps: dict[str, Any]
    rules: dict[str, str]

    def facts(self) -> dict[str, Any]:
        """Return what run.json holds of the labels: which are trained on and which are left out."""
        found = np.bincount(self.table["label"], minlength=len(CLASSES))
        labels = {
            "trained": {c: int(found[CLASSES.index(c)]) for c in self.classes},
            "left_out": self.n_left_out,
            "overlaps": self.overlaps,
        }
        return {"regions": self.counts, "labels": labels}

    def say(self, loops_dropped: int) -> None:
        """Tell the person what was left out, and which classes have no column of their own."""
        say_dropped("labelled regions", self.counts, loops_dropped)
        if self.overlaps["pairs"]:
            pairs = ", ".join(f"{n:,} of {names}" for names, n in self.overlaps["pairs"].items())
            done = "both regions dropped" if self.overlaps["rule"] == "drop" else "kept, in one fold"
            say(f"pairs of regions of two classes that overlap, {done}: {pairs}")
        missing = [c for c in CLASSES if c not in self.classes]
        if missing:
            left_out = ", ".join(f"{n:,} {c}" for c, n in self.n_left_out.items())
            why = f"inputs.classes leaves out {left_out}" if left_out else "the labels hold no others"
            say(
                f"classes trained: {', '.join(self.classes)} ({why}); the columns of {', '.join(missing)} "
                "stay empty"
            )


def weights_by_fold(plan: TrainPlan, table: pd.DataFrame) -> dict[str, Any]:
    """Return what run.json holds of class weights: fold, class, weight; nothing where there are none.

    Args:
        plan: with the classes that it comes to.
        table: of `Labelled`.
    """
    if plan.recipe.balance != "weights":
        return {}
    classes = plan.network.classes
    label, fold = table["label"].to_numpy(np.int64), table["fold"].to_numpy(np.int64)
    found = {}
    for k in plan.folds.trained:
        split_of = np.bincount(label[split(fold, k, plan.folds.n).train], minlength=len(CLASSES))
        counts = np.array([n_kept(int(n), s) for n, s in zip(split_of, plan.recipe.keep, strict=True)])
        weights = class_weights(counts[[CLASSES.index(c) for c in classes]])
        found[str(k)] = dict(zip(classes, weights.tolist(), strict=True))
    return {"class_weights": found}


def choose_classes(labels: Labels, n_of_class: tuple[int, ...]) -> tuple[str, ...]:
    """Return the classes to train: those that are asked for, else those that the labels hold.

    Args:
        labels: of the training.
        n_of_class: rows of each class in the file of labels.

    Raises:
        LabelError: a class that the labels lack; or, where none is asked for, no background or nothing else.
    """
    held = tuple(c for c, n in zip(CLASSES, n_of_class, strict=True) if n)
    if labels.classes is None:
        try:
            return trained_classes(held)
        except ValueError:
            raise LabelError(
                f"the labels hold {', '.join(held) or 'no class'}; training needs background and one class "
                "more: add such regions",
                path=labels.path,
            ) from None
    for name in labels.classes:
        if name not in held:
            raise LabelError(
                f"inputs.classes: the labels have no region of it; they hold {', '.join(held)}",
                path=labels.path,
                value=name,
            )
    return labels.classes


def keep_classes(found: Regions, classes: tuple[str, ...]) -> tuple[Regions, dict[str, int]]:
    """Leave out regions of other classes; return how many rows of each class they were in the file."""
    chosen = [CLASSES.index(name) for name in classes]
    table = found.table[found.table["label"].isin(chosen)].reset_index(drop=True)
    left_out = {c: n for c, n in zip(CLASSES, found.n_of_class, strict=True) if n and c not in classes}
    return found._replace(table=table), left_out


def settle_overlaps(table: pd.DataFrame, labels: Labels) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Do with regions that overlap a region of another class what `inputs.overlaps` says.

    Args:
        table: regions of one width, each window once a class.
        labels: of the training.

    Returns:
        The regions that stay, and ready for JSON: rule; pairs by two classes; dropped by class; and pairs
        within a class, which stay by any rule and share a fold.

    Raises:
        LabelError: overlaps that are to be refused.
    """
    if labels.overlaps == "refuse":
        check_classes_apart(table, labels.path)
    found = class_overlaps(table)
    dropped = found.mixed if labels.overlaps == "drop" else np.zeros(len(table), bool)
    n_dropped = np.bincount(table["label"][dropped], minlength=len(CLASSES))
    facts = {
        "rule": labels.overlaps,
        "pairs": {f"{a} and {b}": n for a, b, n in found.between()},
        "dropped": {c: int(n) for c, n in zip(CLASSES, n_dropped, strict=True) if n},
        "pairs_of_one_class": {c: int(found.pairs[i, i]) for i, c in enumerate(CLASSES) if found.pairs[i, i]},
    }
    return table[~dropped].reset_index(drop=True), facts


def check_every_class(
    table: pd.DataFrame, classes: tuple[str, ...], counts: Mapping[str, Any], path: Any
) -> None:
    """Raise where nothing is left of a class that is trained.

    Raises:
        LabelError: the class, and what was dropped by which rule.
    """
    found = np.bincount(table["label"], minlength=len(CLASSES))
    for name in classes:
        if not found[CLASSES.index(name)]:
            rules = ", ".join(f"{k.replace('_', ' ')}: {n:,}" for k, n in counts.items() if k != "kept" and n)
            raise LabelError(
                f"no region of class {name} is left of all that the file holds ({rules}); look at these "
                "rules, or leave the class out of inputs.classes",
                path=path,
            )
