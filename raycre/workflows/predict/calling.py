"""By which cutoffs a prediction calls its regions, where they come from, and which rate they promise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycre.create.inference.checkpoints import HELD_OUT, Training, fold_folder
from raycre.create.inference.cutoffs import CALLABLE, MAX_FPR, cutoffs, ensemble_cutoffs
from raycre.create.layout import CLASSES
from raycre.errors import CheckpointError
from raycre.store.parquet import read_table

# Name of a rule -> what it says of itself in run.json and in the report.
RULES = {
    "ensemble": (
        "A region is called the class whose mean probability over folds lies furthest above the class's "
        "cutoff. The cutoffs are the ensemble's own. Every labelled region is held out by two folds: one "
        "tests on it, the other validates on it. The cutoffs of one such probability and of the mean of two, "
        f"each for a false positive rate of at most {MAX_FPR:g}, are carried on to the mean of all folds."
    ),
    "apart": (
        "A region is called the class whose mean probability over folds lies furthest above the class's "
        "cutoff. The folds named hold out no region in common, so that cutoffs of single folds, for a false "
        f"positive rate of at most {MAX_FPR:g}, stand for those of the mean. They are too strict for it: "
        "neighbours in model.folds, such as 0 and 1, give the ensemble's own."
    ),
    "fold": (
        "A region is called the class whose probability lies furthest above the fold's own cutoff, the "
        f"smallest for which at most {MAX_FPR:g} of the other classes' validation regions pass."
    ),
    "given": (
        "A region is called the class whose mean probability lies furthest above the cutoff that "
        "model.cutoffs gives. Which false positive rate that has was not measured."
    ),
    "none": "One file of weights brings no cutoffs and model.cutoffs gives none: no region is called.",
}
_P = [f"p_{c}" for c in CLASSES]
_LABELS = {name: label for label, name in enumerate(CLASSES)}


@dataclass(frozen=True)
class Calling:
    """How regions are called.

    Attributes:
        rule: a name of RULES.
        cutoffs: float (5,), by class, of the mean probability; NaN of a class that is never called.
        fpr: float (5,), expected false positive rate; NaN where none was measured.
        n_others: int (5,), regions of other classes that cutoff and rate rest on; 0 where none do.
        n_views: of each probability that they rest on; None where nothing says it.
    """

    rule: str
    cutoffs: tuple[float, ...]
    fpr: tuple[float, ...] = (math.nan,) * len(CLASSES)
    n_others: tuple[int, ...] = (0,) * len(CLASSES)
    n_views: int | None = None

    def science(self) -> dict[str, Any]:
        """What belongs to the run's identity; cutoffs of one fold, and given ones, are there already."""
        if self.rule not in ("ensemble", "apart"):
            return {}
        return {"calls": {"rule": self.rule, "cutoffs": [_known(value) for value in self.cutoffs]}}

    def record(self, n_views: int) -> dict[str, Any]:
        """Rule, cutoffs, expected rate and its standard error by class, facts for run.json.

        The standard error is that of a rate of MAX_FPR on so many regions; folds that differ much add to it.
        """
        rows = [
            {
                "class": name,
                "cutoff": _known(self.cutoffs[i]),
                "expected_fpr": _known(self.fpr[i]),
                "standard_error": math.sqrt(MAX_FPR * (1 - MAX_FPR) / n) if (n := self.n_others[i]) else None,
                "regions_of_other_classes": n,
            }
            for i, name in enumerate(CLASSES[:CALLABLE])
        ]
        doubt = self.doubt(n_views)
        said = {"calls_doubt": doubt} if doubt else {}
        return {"calls_rule": self.rule, "calls_by": RULES[self.rule], **said, "cutoffs": rows}

    def doubt(self, n_views: int) -> str | None:
        """Say what makes the expected rate another than the stated one, if anything does."""
        doubts = []
        if self.rule == "apart":
            doubts.append(
                "the folds named hold out no region in common: their cutoffs are those of single folds, too "
                "strict for a mean; name neighbours in model.folds, such as 0 and 1"
            )
        if self.n_views not in (None, n_views):
            doubts.append(
                f"cutoffs were set on means of {self.n_views} views, and these are of {n_views}: expected "
                f"false positive rates are those of views: {self.n_views}"
            )
        return ". ".join(doubts) or None


def calling_of(training: Training | None, given: Sequence[float] | None = None) -> Calling:
    """Find the cutoffs of folds together, unless some are `given`, one a class.

    Args:
        training: and its folds whose mean is called; None of a file of weights, which has no cutoffs.
        given: float (5,).

    Raises:
        CheckpointError: folds without their predictions of held-out regions, or with such of other regions.
        FormatError: a damaged file.
    """
    if given is not None:
        return Calling("given", tuple(given))
    if training is None:
        return Calling("none", (math.nan,) * len(CLASSES))
    if len(training.folds) == 1:
        (fold,), (own,) = training.folds, training.cutoffs
        path = fold_folder(training.path, fold) / HELD_OUT
        labels = _held_out(path)["validation"].labels if path.is_file() else np.empty(0, np.int64)
        return Calling("fold", own.thresholds, own.fpr, _n_others(labels), training.n_views)
    sets = {k: _held_out(fold_folder(training.path, k) / HELD_OUT) for k in training.folds}
    before = {k: (k - 1) % training.n_folds for k in sets}
    pairs = [_pair(sets[before[k]], sets[k], k) for k in sets if before[k] in sets]
    if pairs:
        labels, probabilities = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
        rule, common = "ensemble", ensemble_cutoffs(labels, probabilities, len(sets))
    else:
        every = [rows for by_set in sets.values() for rows in by_set.values()]
        labels = np.concatenate([rows.labels for rows in every])
        rule, common = "apart", cutoffs(labels, np.concatenate([rows.probabilities for rows in every]))
    thresholds, fpr = tuple(common.thresholds.tolist()), tuple(common.fpr.tolist())
    return Calling(rule, thresholds, fpr, _n_others(labels), training.n_views)


def _n_others(labels: NDArray[np.int64]) -> tuple[int, ...]:
    """Count, for each class, the regions of all other classes."""
    return tuple(int((labels != label).sum()) for label in range(len(CLASSES)))


@dataclass(frozen=True)
class _Rows:
    """Held-out regions of one fold, by number: int64 (n,), int64 (n,) label, float32 (n, 5)."""

    path: Path
    region: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]


def _held_out(path: Path) -> dict[str, _Rows]:
    """Read a fold's probabilities of its validation and its test regions, in order of the regions."""
    if not path.is_file():
        raise CheckpointError(
            "no probabilities of held-out regions, on which the cutoffs of several folds are set: train the "
            "fold again, name one fold in model.folds, or give model.cutoffs",
            path=path,
        )
    table = read_table(path, ["region_id", "set", "label", *_P]).to_pandas()
    try:
        table = table.sort_values("region_id")
        sets = {name: table[table["set"] == name] for name in ("validation", "test")}
        return {
            name: _Rows(
                path,
                rows["region_id"].to_numpy(np.int64),
                np.array([_LABELS[label] for label in rows["label"]], np.int64),
                rows[_P].to_numpy(np.float32),
            )
            for name, rows in sets.items()
        }
    except (KeyError, ValueError) as error:
        raise CheckpointError(
            f"not the probabilities that train writes ({error}); train the fold again", path=path
        ) from error


def _pair(before: dict[str, _Rows], fold: dict[str, _Rows], number: int) -> Sequence[NDArray[Any]]:
    """Labels (n,), probabilities (n, 2, 5) of regions that a fold tests and the one before it validates."""
    validated, tested = before["validation"], fold["test"]
    if not np.array_equal(validated.region, tested.region):
        raise CheckpointError(
            f"its validation regions are not the test regions of fold {number}: these are folds of two "
            "trainings; train them again, or name one fold in model.folds",
            path=validated.path,
        )
    return tested.labels, np.stack([validated.probabilities, tested.probabilities], axis=1)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
