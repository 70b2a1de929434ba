"""Pictures of a CREATE training: metrics, ROC and PR curves, confusion, and how the folds learned.

Reads a run folder's tables, of which any may not be there yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.create.evaluation.names import AUPRC, LABELS, MACRO
from raycre.create.inference.cutoffs import MAX_FPR
from raycre.figures.blocks import Block, Cell, Note, Picture, Table, counted
from raycre.figures.canvas import BLUE, COLOURS, GREY, ORANGE, as_svg, for_any_page, new_panels
from raycre.figures.curves import draw_confusion, read_curves
from raycre.figures.embedding import read_embedding
from raycre.figures.labels import labels_tables
from raycre.figures.spectrum import read_spectrum
from raycre.genome.classes import CLASSES
from raycre.store.files import read_json
from raycre.store.parquet import read_table


def read_training_run(run: Path) -> list[Block]:
    """Read what a training has written so far and return its part of the report.

    Raises:
        FormatError: a damaged file.
    """
    folds = sorted((p.parent for p in run.glob("folds/fold=*/cutoffs.json")), key=fold_number)
    record = run / "run.json"
    blocks: list[Block] = labels_tables(read_json(record)) if record.is_file() else []
    if not folds:
        return [*blocks, Note("No fold is trained yet.")]
    summary = run / "summary" / "metrics.parquet"
    if summary.is_file():
        blocks.append(metrics_table(read_table(summary).to_pandas()))
    else:
        blocks.append(Note("Metrics are written when the training ends; the curves are of the folds so far."))
    blocks += read_curves(run) or [_read_pooled(folds)]
    histories = [read_table(folder / "history.parquet").to_pandas() for folder in folds]
    cutoffs = [read_json(folder / "cutoffs.json") for folder in folds]
    kept = [int(found["best_epoch"]) for found in cutoffs]
    blocks.append(draw_histories(histories, kept, _warmup(run, histories)))
    blocks.append(_folds_table(folds, cutoffs, histories))
    blocks += _constant_decoders(folds)
    for folder in folds:
        interpreted = [*read_spectrum(folder), *read_embedding(folder)]
        if interpreted:  # one fold is enough: folds share no codes
            return blocks + interpreted
    return blocks


def _constant_decoders(folds: list[Path]) -> list[Block]:
    """A loud note for each modality whose decoder's output is constant in a fold."""
    found = [(path, read_table(path)) for f in folds if (path := f / "decoders.parquet").is_file()]
    dead: dict[str, list[str]] = {}
    for path, table in found:
        rows = table.to_pandas()
        for name in rows.loc[rows["constant"], "modality"]:
            dead.setdefault(str(name), []).append(str(fold_number(path.parent)))
    return [
        Note(
            f"The {name} decoder's output is constant in {counted(len(numbers), 'fold')} of {len(found)} "
            f"({', '.join(numbers)}): it hardly depends on the region, so that what decoding without a "
            f"feature changes in {name} is void there.",
            loud=True,
        )
        for name, numbers in dead.items()
    ]


def _read_pooled(folds: list[Path]) -> Picture:
    """Draw the curves of the folds that are done, of a run whose summary is not written yet."""
    every = pd.concat([read_table(folder / "predictions.parquet").to_pandas() for folder in folds])
    test = every[every["set"] == "test"]
    labels = np.array([CLASSES.index(name) for name in test["label"]], dtype=np.int64)
    return draw_curves(labels, test[[f"p_{c}" for c in CLASSES]].to_numpy(np.float64), len(folds))


def fold_number(folder: Path) -> int:
    """Return the number in a fold's folder name, so that fold=10 follows fold=9."""
    return int(folder.name.partition("=")[2])


def metrics_table(rows: pd.DataFrame) -> Table:
    """Return mean ± s.d. over folds by class and metric, macro first.

    Args:
        rows: columns of store.schemas.METRICS; a class without regions in a fold has NaN there.
    """
    by = {
        (str(c), str(m)): g.dropna().to_numpy(np.float64)
        for (c, m), g in rows.groupby(["class", "metric"])["value"]
    }
    # A class that was not trained has no value at all.
    names = [MACRO, *(c for c in CLASSES if any(len(by.get((c, m), ())) for m in LABELS))]
    body = [[name, *(_mean_sd(by.get((name, m))) for m in LABELS)] for name in names]
    n = rows["fold"].nunique()
    spread = " Mean ± population s.d. over folds." if n > 1 else ""
    return Table(
        f"Test sets of {counted(n, 'fold')}, each class against the rest.{spread} "
        "Accuracy is over all regions.",
        ["class", *LABELS.values()],
        body,
    )


def _mean_sd(values: NDArray[np.float64] | None) -> str | None:
    if values is None or not len(values):
        return None
    return f"{values.mean():.3f}" + (f" ± {values.std():.3f}" if len(values) > 1 else "")


@for_any_page
def draw_curves(labels: NDArray[np.int64], probabilities: NDArray[np.float64], n_folds: int) -> Picture:
    """Draw ROC and PR curves by class and the confusion matrix, over all test regions at once.

    Args:
        labels: int64 (n,), position in CLASSES.
        probabilities: float64 (n, 5), of the fold that did not see the region; NaN of a class not trained.
        n_folds: folds pooled, for the caption.
    """
    from sklearn import metrics as sk  # a second to import

    figure, [[roc, pr, cells]] = new_panels(4.5, 1, 3, narrow_height=4.6)
    roc.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    for position, name in enumerate(CLASSES):
        is_class, scores = labels == position, probabilities[:, position]
        if not is_class.any() or is_class.all() or np.isnan(scores).all():
            continue  # one-vs-rest has no curve
        fpr, tpr, _ = sk.roc_curve(is_class, scores)
        area = sk.roc_auc_score(is_class, scores)
        roc.plot(fpr, tpr, color=COLOURS[name], label=f"{name} {area:.3f}")
        precision, recall, _ = sk.precision_recall_curve(is_class, scores, drop_intermediate=True)
        area = sk.average_precision_score(is_class, scores)
        pr.plot(recall, precision, color=COLOURS[name], drawstyle="steps-post", label=f"{name} {area:.3f}")
    roc.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate")
    pr.set(title="Precision and recall", xlabel="recall", ylabel="precision")
    for axes, name in ((roc, "auROC"), (pr, "auPRC")):
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), box_aspect=1)
        # Below, since the curves of a weak model go everywhere inside.
        axes.legend(title=name, alignment="left", loc="upper left", bbox_to_anchor=(-0.1, -0.17), ncols=2)
    called = np.where(np.isnan(probabilities), -np.inf, probabilities).argmax(axis=1)
    draw_confusion(cells, sk.confusion_matrix(labels, called, labels=range(len(CLASSES))))
    return Picture(
        "Test sets",
        as_svg(figure),
        "ROC curves, precision-recall curves and confusion matrix of the classes",
        f"The {len(labels):,} test regions of {counted(n_folds, 'fold')}, pooled: areas differ a "
        "little from the means in the table. Confusion by the most probable class; shading is the share of "
        "the row.",
    )


def _warmup(run: Path, histories: list[pd.DataFrame]) -> int:
    """Epochs of warm-up: the recipe's; where that is not known, those that were not validated."""
    record = run / "run.json"
    recipe = read_json(record).get("config", {}).get("recipe", {}) if record.is_file() else {}
    return int(recipe.get("warmup_epochs", max(h[AUPRC].isna().sum() for h in histories)))


def _auprc_at(history: pd.DataFrame, epoch: int) -> float:
    """Validation auPRC of an epoch; NaN where it was not validated."""
    return float(history.set_index("epoch")[AUPRC].get(epoch, np.nan))


@for_any_page
def draw_histories(histories: list[pd.DataFrame], kept: list[int], warmup: int) -> Picture:
    """Draw validation auPRC and training loss of every fold over its epochs.

    Args:
        histories: one per fold: epoch (first is 0), loss, auprc (NaN where the epoch was not validated).
        kept: the epoch of each fold whose model was kept; not always that of the highest auPRC, since
            warm-up can be validated, too.
        warmup: epochs of warm-up.
    """
    figure, [[left, right]] = new_panels(2.8, 1, 2)
    for history, epoch in zip(histories, kept, strict=True):
        known = history.dropna(subset=AUPRC)
        left.plot(known["epoch"], known[AUPRC], color=BLUE, linewidth=1, alpha=0.55)
        right.plot(history["epoch"], history["loss"], color=BLUE, linewidth=1, alpha=0.55)
        left.plot(epoch, _auprc_at(history, epoch), "o", color=ORANGE, markersize=4)
    last = max(float(h["epoch"].max()) for h in histories)
    for axes, name in ((left, "macro auPRC, validation"), (right, "loss, training")):
        axes.set(xlabel="epoch (first is 0)", ylabel=name, xlim=(-0.5, last + 0.5))
        if warmup:
            axes.axvspan(-0.5, warmup - 0.5, color=GREY, alpha=0.2, linewidth=0)
    return Picture(
        "Learning",
        as_svg(figure),
        "validation auPRC and training loss by epoch, a line per fold",
        "A line per fold; dots are the epochs that were kept. Grey: warm-up, which trains reconstruction "
        "only, so that the loss after it is of other terms.",
    )


def _folds_table(folds: list[Path], cutoffs: list[dict[str, Any]], histories: list[pd.DataFrame]) -> Table:
    rows: list[list[Cell]] = []
    for folder, found, history in zip(folds, cutoffs, histories, strict=True):
        kept = int(found["best_epoch"])
        thresholds = [found["thresholds"][c] for c in CLASSES]  # null: not trained
        rows.append([fold_number(folder), found["epochs"], kept, _auprc_at(history, kept), *thresholds])
    return Table(
        "Folds, and the probability from which a fold alone calls a class (false positive rate ≤ "
        f"{MAX_FPR:g} on its validation regions). Several folds together have cutoffs of their own, which a "
        "prediction states.",
        ["fold", "epochs", "kept epoch", "validation auPRC", *(f"cutoff {c}" for c in CLASSES)],
        rows,
    )
