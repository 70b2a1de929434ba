"""Which cutoffs a prediction takes, what it says of them, and what it refuses. Folds have no weights here."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from raycre.config import PredictConfig, make_config
from raycre.create.inference.checkpoints import CUTOFFS, HELD_OUT, fold_folder, read_training
from raycre.create.inference.cutoffs import cutoffs, ensemble_cutoffs
from raycre.create.layout import CLASSES
from raycre.errors import CheckpointError, InputError, RunMismatchError
from raycre.figures.calls import cutoffs_blocks
from raycre.store.files import write_json
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.run import open_run
from raycre.store.schemas import FOLD_PREDICTIONS
from raycre.workflows.predict.calling import RULES, calling_of

N = 5  # folds
PER_SET = 200  # regions that one fold tests


def probabilities_of(fold: int, labels: np.ndarray) -> np.ndarray:
    """What a fold says of all regions: float32 (n, 5); it differs from fold to fold."""
    rng = np.random.default_rng(fold)
    odds = np.exp(rng.normal(size=(len(labels), 5)) + 2 * np.eye(5)[labels])
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


LABELS = np.random.default_rng(99).integers(0, 5, N * PER_SET)
SET = np.arange(N * PER_SET) % N  # test fold of each region


def write_fold(run: Path, k: int, untrained: str | None = None) -> None:
    found = probabilities_of(k, LABELS)
    if untrained is not None:
        found[:, CLASSES.index(untrained)] = np.nan
    tables = []
    for name, number in (("validation", (k + 1) % N), ("test", k)):
        rows = np.flatnonzero(number == SET)
        columns = {f"p_{c}": found[rows, i] for i, c in enumerate(CLASSES)}
        labels = np.array(CLASSES)[LABELS[rows]]
        tables.append(pd.DataFrame({"region_id": rows, "set": name, "label": labels, **columns}))
    folder = fold_folder(run, k)
    write_table(folder / HELD_OUT, as_table(pd.concat(tables), FOLD_PREDICTIONS))
    own = cutoffs(LABELS[(k + 1) % N == SET], found[(k + 1) % N == SET])
    by_class = {
        name: {c: None if math.isnan(v) else v for c, v in zip(CLASSES, values.tolist(), strict=True)}
        for name, values in own._asdict().items()
    }
    write_json(folder / CUTOFFS, by_class)


@pytest.fixture
def training(tmp_path: Path) -> Path:
    run = tmp_path / "train"
    config = {"folds": {"n": N}, "recipe": {"eval_ratio": 3}}
    open_run(run, verb="train", name="by-hand", config=config, science={}, layout={})
    for k in range(N):
        write_fold(run, k)
    return run


def pairs_by_hand(*tested: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities (of the fold that validates, of the one that tests) of folds' test regions."""
    labels = [LABELS[k == SET] for k in tested]
    found = [
        np.stack([probabilities_of(j, LABELS)[k == SET] for j in ((k - 1) % N, k)], axis=1) for k in tested
    ]
    return np.concatenate(labels), np.concatenate(found)


@pytest.mark.parametrize(
    ("folds", "tested"),
    [
        ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4)),
        ((0, 1), (1,)),  # fold 1 tests what fold 0 validates; what fold 0 tests, fold 4 validates
        ((4, 0), (0,)),  # the last fold validates what the first one tests
        ((0, 1, 3), (1,)),  # fold 3 shares with none of these
    ],
)
def test_folds_together_are_cut_by_what_two_of_them_hold_out(
    training: Path, folds: tuple[int, ...], tested: tuple[int, ...]
) -> None:
    found = calling_of(read_training(training, folds))
    expected = ensemble_cutoffs(*pairs_by_hand(*tested), len(folds))
    np.testing.assert_allclose(found.cutoffs, expected.thresholds, rtol=1e-6)
    np.testing.assert_allclose(found.fpr, expected.fpr)
    assert found.rule == "ensemble"
    assert found.n_others[0] == int((pairs_by_hand(*tested)[0] != 0).sum())


def test_folds_that_share_no_held_out_regions_keep_the_cutoffs_of_one_and_say_so(training: Path) -> None:
    found = calling_of(read_training(training, (0, 2)))
    rows = [(k, s) for k in (0, 2) for s in ((k + 1) % N, k)]
    labels = np.concatenate([LABELS[s == SET] for _, s in rows])
    expected = cutoffs(labels, np.concatenate([probabilities_of(k, LABELS)[s == SET] for k, s in rows]))
    assert found.cutoffs == tuple(expected.thresholds.tolist())
    assert found.rule == "apart"
    assert "hold out no region in common" in str(found.record(6)["calls_doubt"])
    assert "and these are of 10" in str(found.doubt(10))  # both doubts
    assert "hold out no region in common" in str(found.doubt(10))


def test_one_fold_has_its_own_cutoffs_and_rates(training: Path) -> None:
    found = calling_of(read_training(training, (3,)))
    expected = cutoffs(LABELS[SET == 4], probabilities_of(3, LABELS)[SET == 4])
    assert found.cutoffs == tuple(expected.thresholds.tolist())
    assert found.fpr == tuple(expected.fpr.tolist())
    assert found.record(6)["calls_rule"] == "fold"
    assert found.science() == {}  # a folder begun before there was another rule goes on


def test_given_cutoffs_need_no_predictions_and_promise_nothing(training: Path) -> None:
    (fold_folder(training, 1) / HELD_OUT).unlink()
    found = calling_of(read_training(training, (0, 1, 2)), (0.5, 0.6, 0.7, 0.8, 0.0))
    assert found.cutoffs[:4] == (0.5, 0.6, 0.7, 0.8)
    assert found.science() == {}  # they are in the configuration
    record = found.record(2)
    assert record["cutoffs"][1]["cutoff"] == 0.6
    assert record["cutoffs"][1]["expected_fpr"] is None
    assert "calls_doubt" not in record


def test_a_file_of_weights_calls_nothing() -> None:
    found = calling_of(None)
    assert np.isnan(found.cutoffs).all()
    assert [row["cutoff"] for row in found.record(2)["cutoffs"]] == [None] * 4
    (note,) = cutoffs_blocks(found.record(2))
    assert note.kind == "note"


def test_a_class_that_was_not_trained_has_no_cutoff_in_json_or_report(training: Path) -> None:
    for k in range(N):
        write_fold(training, k, untrained="silencer")
    for folds in ((0, 1, 2, 3, 4), (2,)):
        found = calling_of(read_training(training, folds))
        assert math.isnan(found.cutoffs[0])
        assert np.isfinite(found.cutoffs[1:]).all()
        record = found.record(6)
        assert record["cutoffs"][0]["cutoff"] is None
        assert [row[0] for row in cutoffs_blocks(record)[0].rows] == ["enhancer", "promoter", "insulator"]


def test_run_json_and_report_state_rule_and_expected_rate(training: Path) -> None:
    record = calling_of(read_training(training, tuple(range(N)))).record(6)
    others = int((LABELS != 1).sum())
    stated = record["cutoffs"][1]
    assert record["calls_by"] == RULES["ensemble"]
    assert [row["class"] for row in record["cutoffs"]] == ["silencer", "enhancer", "promoter", "insulator"]
    assert 0 < stated["expected_fpr"] <= 0.01
    assert stated["expected_fpr"] * others == pytest.approx(others // 100)  # as many as 1 % allows
    assert stated["standard_error"] == pytest.approx(math.sqrt(0.01 * 0.99 / others))
    assert stated["regions_of_other_classes"] == others
    (table,) = cutoffs_blocks(record)
    assert table.kind == "table"
    assert table.caption.endswith(RULES["ensemble"])
    assert table.rows[1] == [
        "enhancer",
        stated["cutoff"],
        stated["expected_fpr"],
        stated["standard_error"],
        others,
    ]


def test_other_views_than_the_cutoffs_were_set_on_are_said(training: Path) -> None:
    found = calling_of(read_training(training, (0, 1)))
    assert found.doubt(6) is None  # three shifts on both strands
    assert "means of 6 views, and these are of 10" in str(found.doubt(10))
    first, table = cutoffs_blocks(found.record(10))
    assert (first.kind, table.kind) == ("note", "table")


@pytest.mark.parametrize("folds", [(0, 1), (0, 2)])
def test_folds_without_their_predictions_are_refused_with_three_remedies(
    training: Path, folds: tuple[int, ...]
) -> None:
    (fold_folder(training, folds[1]) / HELD_OUT).unlink()
    with pytest.raises(
        CheckpointError,
        match=rf"fold={folds[1]}/pred.*: train the fold again, name one fold .* or give model\.cutoffs",
    ):
        calling_of(read_training(training, folds))
    assert calling_of(read_training(training, (folds[1],))).rule == "fold"


def test_folds_of_two_trainings_in_one_folder_are_refused(training: Path) -> None:
    (fold_folder(training, 3) / HELD_OUT).replace(fold_folder(training, 2) / HELD_OUT)
    with pytest.raises(CheckpointError, match=r"fold=1/pred.* not the test regions of fold 2"):
        calling_of(read_training(training, (1, 2)))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda table: table.drop_columns(["p_enhancer"]),
            "not the probabilities that train writes .*p_enhancer",
        ),
        (lambda table: table.drop_columns(["set"]), "not the probabilities that train writes .*set"),
        (
            lambda table: table.set_column(2, "label", pa.array(["dragon"] * len(table))),
            "not the probabilities that train writes .*'dragon'",
        ),
        (lambda table: None, "not a whole Parquet file"),
    ],
    ids=["no column of a class", "no sets", "unknown label", "cut off"],
)
def test_damaged_predictions_are_refused_by_name(training: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    path = fold_folder(training, 1) / HELD_OUT
    changed = damage(read_table(path))
    if changed is None:
        path.write_bytes(path.read_bytes()[:-100])
    else:
        write_table(path, changed)
    with pytest.raises(InputError, match=rf"fold=1/predictions\.parquet: {message}"):
        calling_of(read_training(training, (0, 1)))


def test_a_folder_begun_under_averaged_cutoffs_is_refused_by_name(training: Path, tmp_path: Path) -> None:
    def start(science: dict[str, object]) -> None:
        open_run(tmp_path / "p", verb="predict", name="p", config={}, science=science, layout={})

    start({"folds": [0, 1]})
    with pytest.raises(RunMismatchError, match=r"calls\.rule was None, is 'ensemble'"):
        start({"folds": [0, 1], **calling_of(read_training(training, (0, 1))).science()})


def test_the_identity_follows_the_cutoffs(training: Path) -> None:
    before = calling_of(read_training(training, (0, 1))).science()
    write_fold(training, 0, untrained="promoter")
    write_fold(training, 1, untrained="promoter")
    after = calling_of(read_training(training, (0, 1))).science()
    assert after["calls"]["cutoffs"][2] is None
    assert after["calls"]["cutoffs"][0] == before["calls"]["cutoffs"][0]


def test_cutoffs_by_hand_stay_a_setting(tmp_path: Path) -> None:
    values = {
        "run": {"out": tmp_path},
        "inputs": {"fasta": "a.fa", "regions": "r.bed"},
        "model": {
            "checkpoint": "t",
            "cutoffs": {"silencer": 0.5, "enhancer": 0.5, "promoter": 0.5, "insulator": 0.5},
        },
    }
    assert make_config(PredictConfig, values).science()["cutoffs"]["enhancer"] == 0.5
