"""Overlapping labels against tables made by bedtools: golden/biology/prepare, steps 02 to 04 and 09."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.genome.class_overlaps import class_overlaps, one_of_each_window
from raycre.genome.classes import CLASSES
from raycre.genome.folds import near_groups

PLACE = ["chrom", "start", "end"]


@pytest.fixture(scope="module")
def expected(shared: Path) -> Path:
    folder = shared / "golden" / "biology" / "prepare" / "expected"
    if not folder.is_dir():
        pytest.skip(f"no golden tables at {folder}")
    return folder


@pytest.fixture(scope="module")
def windows(expected: Path) -> pd.DataFrame:
    """Labels of four classes, resized to 1 kb, as they stand before repeated windows are joined."""
    tables = [
        pd.read_csv(path, sep="\t", names=[*PLACE, "name"]).assign(label=label)
        for label, c in enumerate(CLASSES)
        if (path := expected / f"02_resized_{c}.bed").is_file()
    ]
    assert len(tables) == 4
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def counts(expected: Path) -> dict[str, int]:
    table = pd.read_csv(expected / "counts.tsv", sep="\t")
    return {f"{step}.{item}": n for step, item, n in table.itertuples(index=False)}


def rows(table: pd.DataFrame) -> list[tuple[str, int, int, str]]:
    labels = table["class"] if "class" in table else np.array(CLASSES)[table["label"]]
    return sorted(table[PLACE].assign(label=labels).itertuples(index=False, name=None))


def test_a_window_of_one_class_is_kept_once(windows: pd.DataFrame, counts: dict[str, int]) -> None:
    found = one_of_each_window(windows)["label"].value_counts()
    for label, c in enumerate(CLASSES[:4]):
        assert found[label] == counts[f"03_dedup.{c}.kept"] == {0: 267, 1: 343, 2: 121, 3: 381}[label]


def test_pairs_of_classes_are_counted_and_both_partners_dropped(
    windows: pd.DataFrame, counts: dict[str, int], expected: Path
) -> None:
    table = one_of_each_window(windows)
    found = class_overlaps(table)
    ours = {"~".join(sorted((a, b))): n for a, b, n in found.between()}
    prefix = "04_between.overlapping_pairs."
    assert ours == {k.removeprefix(prefix): n for k, n in counts.items() if k.startswith(prefix)}
    assert (ours["enhancer~insulator"], sum(ours.values())) == (77, 211)
    assert rows(table[~found.mixed]) == rows(pd.read_csv(expected / "04_labels.tsv", sep="\t"))
    dropped = pd.read_csv(expected / "04_dropped_between_classes.tsv", sep="\t")
    assert rows(table[found.mixed]) == rows(dropped)
    assert found.mixed.sum() == 96 + 112 + 20 + 121


def test_neighbours_that_are_left_share_the_groups_of_bedtools(windows: pd.DataFrame, expected: Path) -> None:
    table = one_of_each_window(windows)
    left = table[~class_overlaps(table).mixed].sort_values([*PLACE, "label"], ignore_index=True)
    theirs = pd.read_csv(expected / "09_label_groups.tsv", sep="\t")
    theirs = theirs.assign(label=[CLASSES.index(c) for c in theirs["class"]])
    theirs = theirs.sort_values([*PLACE, "label"], ignore_index=True)
    pairs = set(zip(near_groups(left), theirs["group"], strict=True))
    assert len(pairs) == theirs["group"].nunique() == 689  # one to one
