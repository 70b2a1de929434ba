"""Settings against each other, on folds whose Wilcoxon p can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from raycre.create.evaluation.comparison import COMPARISON, compare
from raycre.errors import ConfigError


def rows(setting: str, values: list[float], metric: str = "auprc", of: str = "macro") -> pd.DataFrame:
    """Metrics of folds 0, 1, ..."""
    table = {"setting": setting, "fold": range(len(values)), "class": of, "metric": metric, "value": values}
    return pd.DataFrame(table)


def one(table: pd.DataFrame, setting: str, metric: str = "auprc") -> pd.Series:
    (found,) = table[(table["setting"] == setting) & (table["metric"] == metric)].to_dict("records")
    return pd.Series(found)


FULL = [0.90, 0.91, 0.92, 0.93, 0.94]


def test_a_setting_below_the_baseline_in_all_of_n_folds_has_p_of_two_to_the_minus_n() -> None:
    table = compare(pd.concat([rows("full", FULL), rows("sequence", [0.80, 0.80, 0.80, 0.80, 0.80])]), "full")
    assert list(table.columns) == list(COMPARISON)
    found = one(table, "sequence")
    assert found["p_value"] == pytest.approx(1 / 2**5)  # one of 2^5 assignments of signs is as extreme
    assert found["difference"] == pytest.approx(-0.12)
    assert found["mean"] == pytest.approx(0.80)
    assert found["n_folds"] == 5
    assert one(table, "full")["sd"] == pytest.approx(np.sqrt(0.0002))  # population: squares 4+1+0+1+4 of 5


def test_one_loss_that_is_the_smallest_of_five_doubles_p() -> None:
    other = [0.901, 0.80, 0.80, 0.80, 0.80]  # better in one fold, by the smallest difference
    found = one(compare(pd.concat([rows("full", FULL), rows("x", other)]), "full"), "x")
    assert found["p_value"] == pytest.approx(2 / 2**5)  # rank sums 15 and 14


def test_a_setting_above_the_baseline_is_not_called_worse() -> None:
    better = [v + 0.01 * (i + 1) for i, v in enumerate(FULL)]
    found = one(compare(pd.concat([rows("full", FULL), rows("x", better)]), "full"), "x")
    assert found["p_value"] == 1.0
    assert found["difference"] > 0


def test_equal_settings_and_the_baseline_itself_have_no_p() -> None:
    table = compare(pd.concat([rows("full", FULL), rows("same", FULL)]), "full")
    assert table["p_value"].isna().all()
    assert (table["difference"] == 0).all()


def test_only_common_folds_are_paired_and_unknown_values_are_left_out() -> None:
    other = [0.80, float("nan"), 0.80]  # folds 0 and 2 of five
    found = one(compare(pd.concat([rows("full", FULL), rows("x", other)]), "full"), "x")
    assert found["n_folds"] == 2
    assert found["difference"] == pytest.approx(-(0.10 + 0.12) / 2)
    assert found["p_value"] == pytest.approx(1 / 4)


def test_a_metric_that_the_baseline_lacks_has_a_mean_and_nothing_to_compare() -> None:
    table = compare(pd.concat([rows("full", FULL), rows("x", FULL, metric="f1")]), "full")
    found = one(table, "x", "f1")
    assert found["mean"] == pytest.approx(0.92)
    assert np.isnan([found["difference"], found["p_value"]]).all()


def test_the_order_of_rows_changes_nothing() -> None:
    metrics = pd.concat([rows("full", FULL), rows("a", FULL[::-1]), rows("a", [0.1] * 5, metric="f1")])
    shuffled = metrics.sample(frac=1, random_state=0)
    key = ["setting", "metric"]
    first, second = (compare(m, "full").sort_values(key, ignore_index=True) for m in (metrics, shuffled))
    pd.testing.assert_frame_equal(first, second)


def test_a_class_is_compared_as_macro_is() -> None:
    metrics = pd.concat([rows("full", FULL, of="silencer"), rows("x", [0.5] * 5, of="silencer")])
    assert one(compare(metrics, "full", of="silencer"), "x")["difference"] == pytest.approx(-0.42)


@pytest.mark.parametrize(
    ("metrics", "baseline", "of", "message"),
    [
        (rows("full", FULL), "ful", "macro", "did you mean full"),
        (rows("full", FULL), "full", "silencr", "no metrics of it"),
        (pd.concat([rows("full", FULL), rows("full", FULL[:1])]), "full", "macro", "fold 0 comes twice"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(
    metrics: pd.DataFrame, baseline: str, of: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        compare(metrics, baseline, of)
