"""Compare a training on CREATE's example sequences with the scores that its authors publish for them.

Both are judged on the same regions by raycre's metrics, with and without the windows that hold no base.
They differ in kind: README.md says how. Knows no model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.create.evaluation import metrics
from raycre.create.layout import CLASSES


def read_test_predictions(run: Path) -> pd.DataFrame:
    """Return every region's row from the fold that it tested, by region_id: fold, p_silencer, …"""
    files = sorted(run.glob("folds/fold=*/predictions.parquet"))
    rows = pd.concat([pd.read_parquet(f).assign(fold=f.parent.name) for f in files])
    return rows[rows["set"] == "test"].set_index("region_id").sort_index()


def scores(labels: NDArray, probabilities: NDArray, fold: NDArray) -> dict[str, str]:
    """Macro auROC, auPRC and accuracy over all regions, then mean ± s.d. over the sets of `fold`."""
    found: dict[str, str] = {}
    sets = [metrics.table(labels[fold == k], probabilities[fold == k]) for k in np.unique(fold)]
    whole = metrics.table(labels, probabilities)
    for name in ("auroc", "auprc", "accuracy"):
        values = [_macro(table, name) for table in sets]
        found[name] = f"{_macro(whole, name):.3f} ({np.mean(values):.3f} ± {np.std(values):.3f})"
    for label in CLASSES:
        of_class = whole[(whole["class"] == label) & (whole["metric"] == "auprc")]
        found[f"auprc {label}"] = f"{of_class['value'].item():.3f}"
    return found


def _macro(table: pd.DataFrame, metric: str) -> float:
    return float(table.query("`class` == @metrics.MACRO and metric == @metric")["value"].item())


def main() -> None:
    """Print one column for each of: run and reference, all windows and those with bases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of `raycre train`, all folds done")
    parser.add_argument("--seqs", type=Path, required=True, help="test_seqs.npy")
    parser.add_argument("--labels", type=Path, required=True, help="test_labels.npy")
    parser.add_argument("--reference", type=Path, required=True, help="best_test_score.npy (n, 5)")
    given = parser.parse_args()
    labels, tested = np.load(given.labels), read_test_predictions(given.run)
    if tested.index.tolist() != list(range(len(labels))):
        parser.error(f"{given.run} has tested {len(tested)} of {len(labels)} regions; train every fold")
    ours, fold = tested[[f"p_{c}" for c in CLASSES]].to_numpy(), tested["fold"].to_numpy()
    has_bases = np.load(given.seqs).any(axis=(1, 2))
    columns = {
        f"{who}, {which}": scores(labels[rows], probabilities[rows], fold[rows])
        for who, probabilities in (("run", ours), ("reference", np.load(given.reference)))
        for which, rows in (("all", np.ones(len(labels), dtype=bool)), ("with bases", has_bases))
    }
    print(pd.DataFrame(columns).to_string())


if __name__ == "__main__":
    main()
