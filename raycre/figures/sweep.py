"""The part of the report about a sweep: its settings side by side.

Reads the sweep's table.
"""

from __future__ import annotations

from pathlib import Path

from raycre.create.evaluation.names import ACCURACY, AUPRC, AUROC, F1, LABELS
from raycre.figures.blocks import Block, Cell, Note, Table
from raycre.store.files import read_json
from raycre.store.parquet import read_table

TABLE = Path("summary") / "sweep.parquet"
_METRICS = {name: LABELS[name] for name in (AUROC, AUPRC, F1, ACCURACY)}
_TESTED = AUPRC  # whose difference and p value are shown; the table has those of all


def read_sweep_table(run: Path) -> list[Block]:
    """Read the table of a sweep, and which settings failed.

    Raises:
        FormatError: a damaged table.
    """
    record = read_json(run / "run.json")
    lost = [Note(f"{name}: {why}", loud=True) for name, why in record.get("failed", {}).items()]
    path = run / TABLE
    rows = read_table(path).to_pylist() if path.is_file() else []
    if not rows:
        return [*lost, Note("No setting is trained yet.")]
    cells = {(row["setting"], row["metric"]): row for row in rows}
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    body: list[list[Cell]] = []
    for name in settings:
        tested = cells.get((name, _TESTED), {})
        scores = [_mean_sd(cells.get((name, metric), {})) for metric in _METRICS]
        body.append([name, tested.get("n_folds"), *scores, tested.get("difference"), tested.get("p_value")])
    table = Table(
        "Test sets, macro over classes: mean ± population s.d. over folds. Difference in auPRC to the first "
        "setting, and one-sided paired Wilcoxon p that the first is greater. Every setting is a run of its "
        "own below sweep/, with a report of its own.",
        ["setting", "folds", *_METRICS.values(), "auPRC difference", "p"],
        body,
        tall=len(body) > 24,
    )
    return [*lost, table]


def _mean_sd(row: dict[str, float]) -> str | None:
    return f"{row['mean']:.3f} ± {row['sd']:.3f}" if row and row["mean"] is not None else None
