"""The comparison that `raycre annotate` prints: the effect size of its own tests, and no empty column."""

from __future__ import annotations

import numpy as np

from raycre.annotate.declaration import GroupValues
from raycre.annotate.groups import group_tests
from raycre.workflows.annotate.run import _shown

GROUP = np.array(["a"] * 4 + ["b"] * 4)
VALUES = GroupValues("score", np.arange(8.0)[::-1], "values")
SHARE = GroupValues("hit", np.array([1, 1, 1, 0, 0, 0, 1, 0]), "share")


def shown(*measured: GroupValues) -> list[dict[str, object]]:
    return _shown(group_tests(measured, GROUP, [("a", "b")]))


def test_shares_alone_show_their_difference_and_odds_and_no_auc() -> None:
    (row,) = shown(SHARE)
    assert "auc" not in row
    # 3 of 4 against 1 of 4: a difference of 0.5, odds (3 x 3) / (1 x 1).
    assert (row["difference"], row["odds_ratio"]) == (0.5, 9.0)


def test_values_alone_show_their_auc_and_no_odds() -> None:
    (row,) = shown(VALUES)
    assert row["auc"] == 1.0
    assert "odds_ratio" not in row


def test_values_and_shares_together_show_both() -> None:
    rows = shown(VALUES, SHARE)
    assert [row["auc"] for row in rows] == [1.0, None]
    assert [row["odds_ratio"] for row in rows] == [None, 9.0]
