"""Figures that hold models against each other: metrics over folds, and curves."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from raycre.create.evaluation.names import ACCURACY, AUPRC, AUROC, F1, LABELS, MACRO, PRECISION, RECALL
from raycre.errors import MissingInputError
from raycre.figures.canvas import GREY
from raycre.figures.curves import GRID, mean_curve
from raycre.genome.classes import CLASSES
from raycre.plots.charts import boxes, bracket
from raycre.plots.create.by_class import MODEL_COLOURS, check_classes, pairing_words, read_metrics, tested
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BOX, STARS_TOLD, VIOLIN, p_words, stars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Models are told apart by line as well as by colour.
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1, 1, 1)), (0, (3, 3)))
_OF = (MACRO, *CLASSES)
_METRICS = tuple(LABELS)
_AREAS = {"roc": AUROC, "pr": AUPRC}


def metrics_of(runs: Runs, choice: Choice, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Metrics of every fold of every run, with the test that the first run is the greater.

    Raises:
        MissingInputError: no run has metrics, or none of the class.
        RunMismatchError: averages over classes that differ.
    """
    table = read_metrics(runs)
    of = choice.which(MACRO)
    if of == MACRO:
        check_classes(table)
    rows = table[(table["class"] == of) & table["metric"].isin(metrics)]
    if rows["value"].notna().sum() == 0:
        raise MissingInputError("no metrics of this class; was it trained?", value=of)
    return tested(rows, of)


def draw_metrics(
    figure: Figure, rows: pd.DataFrame, choice: Choice, kind: Literal["box", "violin", "points"]
) -> str:
    """A panel for each metric: boxes, violins or points of folds by run, and stars against the first."""
    metrics = [m for m in _METRICS if (rows["metric"] == m).any()]
    names = list(dict.fromkeys(rows["run"]))
    said = []
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    for axes, metric in zip(panels, metrics, strict=True):
        mine = rows[rows["metric"] == metric]
        groups = [(n, mine.loc[mine["run"] == n, "value"].to_numpy(np.float64)) for n in names]
        colours = [MODEL_COLOURS[i % len(MODEL_COLOURS)] for i in range(len(names))]
        boxes(axes, groups, colours, kind=kind, counts=False, fliers=True)
        axes.set_title(LABELS[metric], pad=8 + 9 * (len(names) - 1))
        turned = len(names) * len(metrics) > 9 or max(map(len, names)) > 8
        if turned:
            axes.tick_params(axis="x", labelrotation=40)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        for i, name in enumerate(names[1:], start=1):
            p = float(mine.loc[mine["run"] == name, "p_value"].iloc[0])
            bracket(axes, 1, i + 1, stars(p), i - 1)
            said.append(f"{LABELS[metric]} of {name} {p_words(p)}")
    n = rows.groupby(["run", "metric"])["fold"].nunique()
    folds = str(n.max()) if n.min() == n.max() else f"{n.min()} to {n.max()}"
    what = {"box": f"{BOX} Points: beyond.", "violin": VIOLIN, "points": "Points: folds; line: median."}[kind]
    tests = (
        f"One-sided paired Wilcoxon signed-rank tests over folds that {names[0]} is greater: "
        f"{'; '.join(said)}."
        if said
        else "One run: no test."
    )
    of = choice.which(MACRO)
    whose = "macro over classes" if of == MACRO else f"{of} against the rest"
    return f"Test sets of n = {folds} folds, {whose}. {what} {tests}{pairing_words(rows)} {STARS_TOLD}"


def _curves_of(runs: Runs, choice: Choice, curve: str, default: str) -> pd.DataFrame:
    """Each run's curve as a mean over folds, of a class or as a mean over classes; and its area."""
    of = choice.which(default)
    points = runs.summary("curves", "raycre train")
    metrics = runs.summary("metrics", "raycre train")
    if of == MACRO:
        check_classes(metrics)
    points = points[points["curve"] == curve]
    if of != MACRO:
        points = points[points["class"] == of]
    tables = []
    for run, mine in points.groupby("run", sort=False):
        lines = []
        for _, fold in mine.groupby("fold"):
            lines.append(np.mean([mean_curve(each, curve)[0] for _, each in fold.groupby("class")], axis=0))
        area = metrics.loc[
            (metrics["run"] == run) & (metrics["class"] == of) & (metrics["metric"] == _AREAS[curve]), "value"
        ].dropna()
        error = float(area.std(ddof=1) / np.sqrt(len(area))) if len(area) > 1 else np.nan
        tables.append(
            pd.DataFrame({
                "run": run, "class": of, "curve": curve, "x": GRID, "y": np.mean(lines, axis=0),
                "sd": np.std(lines, axis=0), "n_folds": len(lines), "area": float(area.mean()),
                "area_sem": error,
            })
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _draw_curves(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A line for each run with a band of its folds."""
    axes = figure.subplots()
    curve, of = rows["curve"].iloc[0], rows["class"].iloc[0]
    said = []
    for i, (run, mine) in enumerate(rows.groupby("run", sort=False)):
        colour, dash = MODEL_COLOURS[i % len(MODEL_COLOURS)], _DASHES[i % len(_DASHES)]
        area, error = float(mine["area"].iloc[0]), float(mine["area_sem"].iloc[0])
        spread = "" if np.isnan(error) else f" ± {error:.3f}"
        axes.plot(mine["x"], mine["y"], color=colour, linestyle=dash, label=f"{run} {area:.3f}{spread}")
        low, high = (np.clip(mine["y"] + sign * mine["sd"], 0, 1) for sign in (-1, 1))
        axes.fill_between(mine["x"], low, high, color=colour, alpha=0.18, linewidth=0)
        said.append(f"{run} {area:.3f}{spread}")
    names = {"roc": ("false positive rate", "true positive rate"), "pr": ("recall", "precision")}[curve]
    axes.set(xlabel=names[0], ylabel=names[1], xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), box_aspect=1)
    if curve == "roc":
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.7, linestyle=":")
    area_name = LABELS[_AREAS[curve]]
    axes.legend(title=area_name, loc="lower right" if curve == "roc" else "lower left", alignment="left")
    whose = "mean over the classes, each against the rest" if of == MACRO else f"{of} against the rest"
    return (
        f"Curves of {whose}; lines: means of n = {int(rows['n_folds'].max())} folds, bands ± 1 s.d. "
        f"{area_name}, "
        f"mean ± standard error: {'; '.join(said)}. No test."
    )


_TRAINED = "`raycre train`, any two or more runs, or a sweep"
_THREE = partial(metrics_of, metrics=(AUROC, AUPRC, F1))
FIGURES = (
    PaperFigure(
        name="create-2a",
        title="Models on the same folds",
        shows="auROC, auPRC and F1 by model, boxes over folds with paired tests; per class by --of.",
        paper="CREATE Fig. 2a,b",
        needs=_TRAINED,
        table=_THREE,
        draw=partial(draw_metrics, kind="box"),
        also=("create-2b",),
        columns=2,
        height=2.8,
        of=_OF,
    ),
    PaperFigure(
        name="create-2c",
        title="ROC curves of models",
        shows="ROC curves of several models, means over folds with bands.",
        paper="CREATE Fig. 2c",
        needs=_TRAINED,
        table=partial(_curves_of, curve="roc", default=MACRO),
        draw=_draw_curves,
        height=3.4,
        of=_OF,
    ),
    PaperFigure(
        name="create-2d",
        title="Precision and recall of models",
        shows="Precision-recall curves of several models, means over folds with bands.",
        paper="CREATE Fig. 2d",
        needs=_TRAINED,
        table=partial(_curves_of, curve="pr", default=MACRO),
        draw=_draw_curves,
        height=3.4,
        of=_OF,
    ),
    PaperFigure(
        name="create-2f",
        title="Precision and recall of silencers",
        shows="Precision-recall curves of one class, several models; silencers by default.",
        paper="CREATE Fig. 2f, Supp. 3",
        needs=_TRAINED,
        table=partial(_curves_of, curve="pr", default="silencer"),
        draw=_draw_curves,
        height=3.4,
        of=("silencer", *(c for c in CLASSES if c != "silencer"), MACRO),
    ),
    PaperFigure(
        name="create-3a",
        title="What each part of the model adds",
        shows="auROC, auPRC and F1 of ablated models, violins over folds.",
        paper="CREATE Fig. 3a, Supp. 8c,d",
        needs=_TRAINED,
        table=_THREE,
        draw=partial(draw_metrics, kind="violin"),
        columns=2,
        height=2.8,
        of=_OF,
    ),
    PaperFigure(
        name="create-3b",
        title="Two models, fold by fold",
        shows="All six metrics, a point a fold.",
        paper="CREATE Fig. 3b",
        needs=_TRAINED,
        table=partial(metrics_of, metrics=(ACCURACY, PRECISION, RECALL, AUROC, AUPRC, F1)),
        draw=partial(draw_metrics, kind="points"),
        columns=2,
        height=2.6,
        of=_OF,
    ),
    PaperFigure(
        name="create-3c",
        title="Values of a setting",
        shows="auROC, auPRC and F1 by the value of a setting (K, M, alpha, backgrounds, silencers).",
        paper="CREATE Fig. 3c,d, Supp. 6, 8e,f, 12",
        needs="`raycre train` of a sweep, or a run for each value",
        table=_THREE,
        draw=partial(draw_metrics, kind="box"),
        also=("create-3d",),
        columns=2,
        height=3.0,
        of=_OF,
    ),
)
