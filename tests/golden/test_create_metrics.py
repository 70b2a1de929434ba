"""Metrics and the average over views against the authors' code: metrics.npz but for its augmentation.

Ties of a maximum go to the first class; everything else is float64 arithmetic and agrees to 1e-12.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from raycre.create.evaluation import metrics
from raycre.create.inference.fast import classifier_of
from raycre.create.layout import CLASSES, WIDTH
from raycre.create.model.network import Network
from raycre.create.views import Views, both_strands, flank
from tests.golden.create_fixture import groups, read

MACRO = {
    "auroc": "auroc", "auprc": "auprc", "accuracy": "accuracy", "precision": "precision",
    "recall": "recall", "f1": "f1_of_macro", "f1_macro_of_classes": "f1",
}  # fmt: skip


def test_metrics_are_the_authors(shared: Path) -> None:
    for case, stored in groups(read(shared, "metrics.npz"), "prob").items():
        label, prob = stored["label"], stored["prob"]
        table = metrics.table(label, prob).set_index(["class", "metric"])["value"]
        for theirs, ours in MACRO.items():
            np.testing.assert_allclose(
                table["macro", ours], stored[theirs], 0, 1e-12, err_msg=f"{case} {theirs}"
            )
        for key, match in stored.matches(r"(\w+)_per_class"):
            per_class = [table[name, match[1]] for name in CLASSES]
            np.testing.assert_allclose(per_class, stored[key], rtol=0, atol=1e-12, err_msg=f"{case} {key}")
        np.testing.assert_array_equal(metrics.predicted(prob), stored["predicted"], err_msg=case)
        np.testing.assert_array_equal(
            metrics.confusion_matrix(label, prob), stored["confusion"], err_msg=case
        )
        stored.all_compared()


REGION = 10_000  # more than any wide window has bp


class Recall(Network):
    """A model that knows the probabilities of every view of every region, and tells which one it sees.

    Its input's one row is 10,000 · region + position in the wide window, so that the first two values say
    region, shift and strand.

    Args:
        known: float64 (regions, views, classes).
        views: in the order of `known`.
        margin: bp of the wide window before the centred one.
    """

    modalities = ("openness",)

    def __init__(self, known: torch.Tensor, views: Views, margin: int) -> None:
        super().__init__()
        self.known, self.margin = known, margin
        pairs = zip(views.offsets.tolist(), views.is_rc.tolist(), strict=True)
        self.number = {pair: number for number, pair in enumerate(pairs)}

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        logits = []
        for first, second in x[:, 0, :2].long().tolist():
            is_rc = second < first
            region, position = divmod(first - is_rc * (WIDTH - 1), REGION)
            logits.append(self.known[region, self.number[position - self.margin, is_rc]].log())
        return torch.stack(logits)


def test_probabilities_of_a_region_are_the_mean_over_its_views(shared: Path) -> None:
    (stored,) = groups(read(shared, "metrics.npz"), "raw_prob").values()
    n_views, raw = int(stored["n_aug"]), torch.from_numpy(stored["raw_prob"])
    ratio, margin = n_views // 2, flank(n_views // 2)
    views = both_strands(ratio)
    assert len(views.offsets) == n_views
    model = Recall(raw.unflatten(0, (-1, n_views)), views, margin)
    n_regions = len(raw) // n_views
    positions = torch.arange(WIDTH + 2 * margin, dtype=torch.float64)
    wide = REGION * torch.arange(n_regions, dtype=torch.float64).view(-1, 1, 1) + positions
    found = classifier_of(model).probabilities(wide, views)
    np.testing.assert_allclose(found.numpy(), stored["mean_prob"], rtol=0, atol=1e-12)
    stored.all_compared()
