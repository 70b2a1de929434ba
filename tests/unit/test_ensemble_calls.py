"""The benchmark of rules for calls: rates by hand, and its verdict where folds are known to be correlated."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from raycre.create.layout import CLASSES
from raycre.demo.run import score_candidates
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import PREDICTIONS
from tests.run_folders import prediction_rows

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import ensemble_calls
from ensemble_calls import Draw, HeldOut, Rule

N = 10


def test_a_score_becomes_the_rate_of_false_positives_at_or_above_it() -> None:
    labels = np.array([0, 1, 1, 1, 1])
    validation = np.zeros((5, 5))
    validation[:, 0] = 0.99, 0.5, 0.25, 0.25, 0.125  # four regions are no silencers
    scores = np.zeros((6, 5))
    scores[:, 0] = 0.1, 0.125, 0.25, 0.5, 0.75, 1.0
    found = ensemble_calls.rates_of(labels, validation, scores)[:, 0]
    # (r + 1) / 5 with r of 4; beyond the largest, half way to 1 is half the rate, and 1 has next to none.
    np.testing.assert_allclose(found, [1, 1, 0.8, 0.4, 0.1, 0.2e-6])


def test_calls_have_one_class_and_passing_may_have_two() -> None:
    rule = Rule(np.array([[0.9, 0.8, 0, 0], [0.1, 0.1, 0.1, 0.1]]), np.array([0.6, 0.4, 0.5, 0.5]))
    assert ensemble_calls.passing(rule)[0].tolist() == [True, True, False, False]
    assert ensemble_calls.called(rule).tolist() == [[False, True, False, False], [False] * 4]


def test_averaged_cutoffs_are_too_strict_where_carried_ones_keep_the_rate() -> None:
    """What the benchmark is there to show, on folds of which half the variance of the logits is shared."""
    rng = np.random.default_rng(0)

    def probabilities(labels: np.ndarray, k: int) -> np.ndarray:
        shared, own = rng.normal(size=(1, len(labels), 5)), rng.normal(size=(k, len(labels), 5))
        odds = np.exp(2 * np.eye(5)[labels] + shared + own)
        return odds / odds.sum(axis=2, keepdims=True)

    labels = rng.integers(0, 5, 20_000)
    pairs = probabilities(labels, 2).transpose(1, 0, 2)
    held_out = HeldOut(labels, pairs, np.arange(len(labels)) % N)
    draw, calibration = (Draw(new := rng.integers(0, 5, n), probabilities(new, N)) for n in (20_000, 1_000))
    rows = ensemble_calls.table_of(held_out, draw, calibration, ensemble_calls.passing)
    single, averaged, carried = (
        rows[name]
        for name in (
            "median of folds",
            "1 mean probability, averaged cutoffs",
            "5 held-out pairs, carried on to all folds",
        )
    )
    # The standard error of a rate of 0.01 on 16,000 regions of other classes is 0.0008.
    assert (averaged[:, 0] < 0.005).all()
    np.testing.assert_allclose(carried[:, 0], 0.01, atol=0.004)
    assert (carried[:, 1] > single[:, 1]).all()
    assert ensemble_calls.markdown(rows, labels).count("\n") == len(rows) + 4


def test_the_demo_counts_what_calls_find_and_mistake(tmp_path: Path) -> None:
    rows = prediction_rows(["enhancer", "enhancer", "background", "promoter"], [0.9, 0.7, 0.6, 0.9])
    rows["name"] = ["a", "b", "c", "d"]
    write_table(tmp_path / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    truth = pd.DataFrame({"name": list("abcd"), "label": ["enhancer", "silencer", "enhancer", "promoter"]})
    found = score_candidates(tmp_path, SimpleNamespace(truth_candidates=truth))  # type: ignore[arg-type]
    assert found["enhancers_called"] == "1 of 2, and 1 of 2 others (50.00%)"
    assert found["promoters_called"] == "1 of 1, and 0 of 3 others (0.00%)"
    assert found["silencers_called"] == "0 of 1, and 0 of 3 others (0.00%)"
    assert len(found) == len(CLASSES)


@pytest.mark.parametrize("size", [1_000, 2_500])
def test_calibration_sets_use_every_region_once(size: int) -> None:
    labels = np.random.default_rng(0).integers(0, 5, 5_000)
    draw = Draw(labels, np.random.default_rng(1).dirichlet(np.ones(5), (3, 5_000)).astype(np.float32))
    rates = ensemble_calls.stray(draw, size)
    assert rates.shape == (5_000 // size, 4)
    assert 0.005 < rates.mean() < 0.02
