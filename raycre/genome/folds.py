"""Divides regions into folds, before any augmentation. Pure functions of arrays and tables.

CREATE, Methods: ten folds, 8:1:1 training, validation and test, each class evenly; windows of different
sets must not overlap after augmentation, so neighbours go together (`near_groups`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import LabelError
from raycre.genome.classes import CLASSES
from raycre.genome.overlaps import clusters

SHIFT_GAP = 40  # bp; CREATE, Methods: shifts reach 20 bp to either side, so two regions can approach by 40


class Split(NamedTuple):
    """Boolean masks (n_regions,); every region is in exactly one of them."""

    train: NDArray[np.bool_]
    validation: NDArray[np.bool_]
    test: NDArray[np.bool_]


def assign_folds(
    labels: NDArray[np.int64], n: int, seed: int, *, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Give every region a fold, each class spread evenly.

    Args:
        labels: int64 (n_regions,), the class of each region.
        n: folds, at least 3 (training, validation, test).
        seed: of the shuffle; the same seed gives the same folds.
        groups: int64 (n_regions,); regions of one group stay together.

    Returns:
        int64 (n_regions,), 0 … n - 1.

    Raises:
        LabelError: fewer than 3 folds, or a class that cannot be in every fold.
    """
    labels = np.asarray(labels)
    classes = _check_counts(labels, n)
    if groups is None:
        from sklearn.model_selection import StratifiedKFold  # a second to import

        splitter = StratifiedKFold(n, shuffle=True, random_state=seed)
        return _folds_of(splitter.split(labels, labels), len(labels))
    _, of_group, group_size = np.unique(groups, return_inverse=True, return_counts=True)
    if len(group_size) < n:
        raise LabelError(f"{len(group_size)} groups of regions cannot make {n} folds; ask for fewer folds")
    # scikit-learn weighs every group against every fold, 20 s for the 67,000 regions of K562. Most of
    # them have no neighbours: n of each class go through it, the others level what the groups left uneven.
    random = np.random.default_rng(seed)
    alone = {
        c: random.permutation(np.flatnonzero((labels == c) & (group_size[of_group] == 1))) for c in classes
    }
    weighed = group_size[of_group] > 1
    weighed[np.concatenate([rows[:n] for rows in alone.values()])] = True
    folds = np.full(len(labels), -1, dtype=np.int64)
    from sklearn.model_selection import StratifiedGroupKFold

    grouped = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    folds[weighed] = _folds_of(
        grouped.split(labels[weighed], labels[weighed], of_group[weighed]), int(weighed.sum())
    )
    for label, rows in alone.items():
        filled = np.bincount(folds[weighed & (labels == label)], minlength=n)
        folds[rows[n:]] = _level(filled, len(rows[n:]), random)
        if len(np.unique(folds[labels == label])) < n:
            raise LabelError(
                f"class {_class_name(label)} lies in too few groups of neighbours to be in each of "
                f"{n} folds; ask for fewer folds"
            )
    return folds


def by_chromosome(labels: NDArray[np.int64], chrom: pd.Series, n: int, seed: int) -> NDArray[np.int64]:
    """Give every region the fold of its chromosome, classes as even as whole chromosomes allow.

    Arguments, result and errors are those of `assign_folds`, with a chromosome for a group.
    """
    codes, names = pd.factorize(chrom)
    if len(names) < n:
        raise LabelError(f"{len(names)} chromosomes cannot make {n} folds; ask for fewer folds", value=n)
    return assign_folds(labels, n, seed, groups=codes)


def near_groups(table: pd.DataFrame, gap: int = SHIFT_GAP) -> NDArray[np.int64]:
    """Number clusters of regions that overlap or lie less than `gap` bp apart: int64 (n_regions,).

    Chains count: a region near two others joins them. The order is that of the table.
    """
    return clusters(table, gap)


def split(folds: NDArray[np.int64], k: int, n: int) -> Split:
    """Return the masks of round k of n: test is fold k, validation fold (k + 1) % n, training the rest."""
    test, validation = folds == k, folds == (k + 1) % n
    return Split(~(test | validation), validation, test)


def _check_counts(labels: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return the classes; LabelError where one cannot be in every fold."""
    if n < 3:
        raise LabelError("at least 3 folds are needed, for training, validation and test", value=n)
    classes, counts = np.unique(labels, return_counts=True)
    if not len(classes) or counts.min() < n:
        fewest = "there are no"
        if len(classes):
            fewest = f"class {_class_name(classes[counts.argmin()])} has {counts.min()}"
        raise LabelError(f"{fewest} regions, fewer than {n} folds; add regions or ask for fewer folds")
    return classes


def _class_name(label: int) -> str:
    return CLASSES[label] if 0 <= label < len(CLASSES) else str(label)


def _folds_of(splits: Iterable[tuple[NDArray[Any], NDArray[Any]]], n_regions: int) -> NDArray[np.int64]:
    folds = np.empty(n_regions, dtype=np.int64)
    for k, (_, test) in enumerate(splits):
        folds[test] = k
    return folds


def _level(filled: NDArray[np.int64], n_new: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return the folds (n_new,) that new regions go to, the emptiest fold first, ties at random."""
    n = len(filled)
    tie = random.permutation(n)
    depth = filled[:, np.newaxis] + np.arange(n_new)  # the n-th seat of each fold
    seats = np.lexsort((np.repeat(tie, n_new), depth.ravel()))[:n_new]
    return seats // max(n_new, 1)
