"""Labels of two classes that share bases: counted by pair, both dropped, kept in one fold, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.config import TrainConfig, make_config
from raycre.errors import RunMismatchError
from raycre.genome.class_overlaps import class_overlaps, one_of_each_window
from raycre.genome.classes import CLASSES
from raycre.genome.features import Signals
from raycre.report.page import write_report
from raycre.store.files import read_json
from raycre.workflows.inputs import signal_paths
from raycre.workflows.train import run as training
from raycre.workflows.train.materialise import read_labelled
from tests.lab import Lab, RayStartedError
from tests.trainings import plan_from
from tests.unit.test_train_bad_input import other, rows_of, spoilt

SILENCER, ENHANCER, PROMOTER = 0, 1, 2


def windows(*places: tuple[str, int, int], width: int = 1000) -> pd.DataFrame:
    table = pd.DataFrame(places, columns=["chrom", "start", "label"])
    return table.assign(end=table["start"] + width)


def test_pairs_are_counted_from_one_base_of_overlap_and_touching_is_none() -> None:
    table = windows(
        ("chr1", 0, SILENCER), ("chr1", 999, ENHANCER),  # share a base
        ("chr1", 5000, SILENCER), ("chr1", 6000, ENHANCER),  # touch
        ("chr2", 5000, ENHANCER), ("chr2", 5000, SILENCER), ("chr2", 5400, PROMOTER),  # all three overlap
        ("chr3", 0, PROMOTER), ("chr3", 10, PROMOTER),  # one class: they stay
    )  # fmt: skip
    found = class_overlaps(table)
    assert found.mixed.tolist() == [True, True, False, False, True, True, True, False, False]
    assert list(found.between()) == [
        ("silencer", "enhancer", 2), ("silencer", "promoter", 1), ("enhancer", "promoter", 1)
    ]  # fmt: skip
    assert found.pairs[PROMOTER, PROMOTER] == 1


def test_the_end_of_one_chromosome_does_not_reach_the_start_of_the_next() -> None:
    table = windows(("chr1", 5000, SILENCER), ("chr2", 0, ENHANCER), ("chr3", 4999, ENHANCER))
    assert not class_overlaps(table).mixed.any()


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 60), st.integers(0, 4)), min_size=1, max_size=30
    )
)
def test_overlaps_are_those_of_every_pair_looked_at(places: list[tuple[str, int, int]]) -> None:
    table = windows(*places, width=10)
    found = class_overlaps(table)
    pairs = np.zeros((5, 5), int)
    mixed = np.zeros(len(table), bool)
    for i in range(len(places)):
        for j in range(i):
            (c, s, a), (d, t, b) = places[i], places[j]
            if c == d and min(s, t) + 10 > max(s, t):
                pairs[min(a, b), max(a, b)] += 1
                mixed[[i, j]] |= a != b
    assert found.pairs.tolist() == pairs.tolist()
    assert found.mixed.tolist() == mixed.tolist()


def test_a_window_twice_in_one_class_is_one_region_and_its_pair_counts_once() -> None:
    table = windows(("chr1", 0, SILENCER), ("chr1", 0, SILENCER), ("chr1", 500, ENHANCER))
    once = one_of_each_window(table)
    assert once["label"].tolist() == [SILENCER, ENHANCER]
    assert list(class_overlaps(once).between()) == [("silencer", "enhancer", 1)]


# Through the command line


def crowded(lab: Lab) -> tuple[dict[str, Any], list[list[str]]]:
    """The good labels, and one more on each of three that lie alone: 300 bp off, the same, 40 bp wide."""
    rows = rows_of(lab)
    starts = np.array([int(row[1]) for row in rows])
    chroms = np.array([row[0] for row in rows])
    alone = [
        row
        for row in rows
        if ((chroms == row[0]) & (abs(starts - int(row[1])) < 3000)).sum() == 1 and row[3] != "background"
    ][:3]
    first, second, third = ((row[0], int(row[1]), other(row[3])) for row in alone)
    more = [
        [first[0], first[1] + 300, first[1] + 1300, first[2]],
        [second[0], second[1], second[1] + 1000, second[2]],
        [third[0], third[1] + 490, third[1] + 530, third[2]],  # intervals share bases, windows 990 bp
    ]
    text = [*rows, *([*map(str, row), "0", "."] for row in more)]
    return spoilt(lab, text), alone


def test_both_partners_are_dropped_by_default_counted_by_pair_and_said(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values, alone = crowded(lab)
    with pytest.raises(RayStartedError):
        lab.run("train", values)
    said = capsys.readouterr().err
    assert "labelled regions dropped for overlap of classes: 6 of 153" in said
    assert "pairs of regions of two classes that overlap, both regions dropped: " in said
    record = read_json(lab.out / "run.json")
    assert (record["regions"]["kept"], record["regions"]["dropped_for_overlap_of_classes"]) == (147, 6)
    overlaps = record["labels"]["overlaps"]
    expected: dict[str, int] = {}
    for row in alone:
        pair = " and ".join(sorted((row[3], other(row[3])), key=CLASSES.index))
        expected[pair] = expected.get(pair, 0) + 1
    assert overlaps["pairs"] == expected
    assert sum(overlaps["dropped"].values()) == 6
    table = pd.read_parquet(lab.out / "inputs" / "regions.parquet")
    assert table["region_id"].tolist() == list(range(147))
    gone = {(row[0], int(row[1])) for row in alone}
    assert gone.isdisjoint(zip(table["chrom"], table["start"], strict=True))
    assert "overlaps" not in record["identity"]  # so that folders of earlier versions, without any, go on
    write_report([lab.out], lab.folder / "page.html")
    page = (lab.folder / "page.html").read_text()
    assert all(pair in page for pair in expected)


def test_overlaps_that_are_kept_share_a_fold_and_are_another_run(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values, alone = crowded(lab)
    with pytest.raises(RayStartedError):
        lab.run("train", values)
    values["inputs"]["overlaps"] = "keep"
    config = make_config(TrainConfig, values)
    with pytest.raises(RunMismatchError, match="overlaps was None, is 'keep'"):
        training.run_train(config)
    capsys.readouterr()
    with pytest.raises(RayStartedError):
        training.run_train(config, fresh=True)
    assert "that overlap, kept, in one fold: " in capsys.readouterr().err
    table = pd.read_parquet(lab.out / "inputs" / "regions.parquet")
    assert len(table) == 153
    for row in alone:
        near = table[(table["chrom"] == row[0]) & (abs(table["start"] - int(row[1])) < 1000)]
        assert len(near) == 2
        assert near["label"].nunique() == 2
        assert near["fold"].nunique() == 1


def test_overlaps_are_of_the_classes_that_are_trained(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = rows_of(lab)
    enhancer = next(row for row in rows if row[3] == "enhancer")
    rows.append([*enhancer[:3], "promoter", "0", "."])
    values = spoilt(lab, rows)
    values["inputs"]["classes"] = ["enhancer", "background"]
    with pytest.raises(SystemExit, match="0"):
        lab.run("train", values, "--dry-run", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["labels"]["overlaps"]["pairs"] == {}
    assert found["labels"]["left_out"]["promoter"] == 31
    assert found["regions"]["dropped_of_other_classes"] == 91


def test_a_class_that_overlaps_take_whole_is_named(lab: Lab) -> None:
    rows = rows_of(lab)
    rows += [[*row[:3], "insulator", "0", "."] for row in rows if row[3] == "promoter"]
    error = lab.refusal("train", spoilt(lab, rows))
    assert "no region of class promoter is left" in error
    assert "dropped for overlap of classes: 60" in error


def test_a_class_with_too_few_regions_says_how_many_overlaps_took(lab: Lab) -> None:
    rows = rows_of(lab)
    silencers = [row for row in rows if row[3] == "silencer"]
    rows += [[*row[:3], "insulator", "0", "."] for row in silencers[:28]]
    assert lab.refusal("train", spoilt(lab, rows)) == (
        "labels.bed: class silencer has 2 regions, fewer than 3 folds; add regions or ask for fewer folds "
        "(inputs.overlaps: drop has left out 28 of silencer, 28 of insulator)"
    )


def test_a_window_that_two_intervals_make_is_one_region_and_that_belongs_to_the_run(
    lab: Lab,
) -> None:
    rows = rows_of(lab)
    again = [rows[2][0], str(int(rows[2][1]) + 100), str(int(rows[2][2]) - 100), *rows[2][3:]]
    values = spoilt(lab, [*rows, again])
    with pytest.raises(RayStartedError):
        lab.run("train", values)
    record = read_json(lab.out / "run.json")
    assert (record["regions"]["kept"], record["regions"]["dropped_as_repeated"]) == (150, 1)
    assert record["identity"]["repeated_windows"] == "one kept"


def test_labels_without_any_overlap_are_read_as_before(lab: Lab, tmp_path: Path) -> None:
    plan = plan_from(lab.values("train"))
    labelled = read_labelled(plan, Signals(signal_paths(plan.signals, plan.network.modalities)))
    assert labelled.overlaps["pairs"] == {}
    assert "repeated_windows" not in labelled.rules
    assert labelled.counts["kept"] == labelled.counts["read"] == len(labelled.table) == 150
