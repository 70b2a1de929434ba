"""Models class by class: paired tests of any runs, and whether these may be held against each other."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.create.evaluation.comparison import compare
from raycre.create.evaluation.names import AUPRC, AUROC, F1, LABELS, MACRO
from raycre.errors import MissingInputError, RunMismatchError
from raycre.figures.canvas import BLUE, GREEN, GREY, ORANGE, VERMILLION
from raycre.genome.classes import CLASSES
from raycre.plots.charts import boxes, mark
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BOX, STARS_TOLD, p_words, stars
from raycre.store.parquet import read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of models, which are no classes of regions: told apart by line as well.
MODEL_COLOURS = (VERMILLION, BLUE, GREEN, ORANGE, GREY)
_REGION = ["chrom", "start", "end", "label", "fold"]


def read_metrics(runs: Runs) -> pd.DataFrame:
    """Return the metrics of every fold, class and run.

    `same_regions` says whether a run's folds are those of the first; null where a folder holds no regions.

    Raises:
        MissingInputError: no run has metrics.
    """
    table = runs.summary("metrics", "raycre train")
    folds = {source.name: _folds(source.path / "inputs" / "regions.parquet") for source in runs.sources}
    first = folds[str(table["run"].iloc[0])]
    same = {name: None if own is None or first is None else own.equals(first) for name, own in folds.items()}
    return table.assign(same_regions=table["run"].map(same).astype("boolean"))


def _folds(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    rows: pd.DataFrame = read_table(path, _REGION).to_pandas().sort_values(_REGION, ignore_index=True)
    return rows


def check_classes(table: pd.DataFrame) -> None:
    """Refuse macro averages of runs that were trained on other classes.

    Raises:
        RunMismatchError: they differ.
    """
    known = table[table["class"].isin(CLASSES) & table["value"].notna()]
    trained = {
        str(run): tuple(c for c in CLASSES if (mine["class"] == c).any())
        for run, mine in known.groupby("run", sort=False)
    }
    first, *others = trained
    for name in others:
        if trained[name] != trained[first]:
            raise RunMismatchError(
                f"averages over classes of {first} are of {', '.join(trained[first])}, and of {name} of "
                f"{', '.join(trained[name])}; hold one class against the other with --of CLASS",
                value=name,
            )


def tested(rows: pd.DataFrame, of: str) -> pd.DataFrame:
    """Return the metrics of a class with the paired test of each run against the first.

    Args:
        rows: of `read_metrics`, of one class.
        of: that class, or macro.
    """
    first = str(rows["run"].iloc[0])
    tests = compare(rows.rename(columns={"run": "setting"}), first, of).rename(columns={"setting": "run"})
    columns = ["run", "fold", "class", "metric", "value", "same_regions"]
    return rows[columns].merge(
        tests[["run", "metric", "mean", "sd", "n_folds", "difference", "p_value"]], on=["run", "metric"]
    )


def pairing_words(rows: pd.DataFrame) -> str:
    """Say of runs whose folds are of other regions that they are paired by number alone; else nothing."""
    others = rows.loc[rows["same_regions"].fillna(True).eq(False), "run"].unique()
    if not len(others):
        return ""
    return f" Folds of {', '.join(others)} are of other regions: they are paired by number."


def metrics_by_class(runs: Runs, choice: Choice, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Metrics of every fold and run, macro and class by class, tested against the first run."""
    table = read_metrics(runs)
    check_classes(table)
    table = table[table["metric"].isin(metrics)]
    found = []
    for of in (MACRO, *CLASSES):
        rows = table[table["class"] == of]
        if rows["value"].notna().any():
            found.append(tested(rows, of))
    if not found:
        raise MissingInputError("no metrics of any class; were the folds trained?")
    return pd.concat(found, ignore_index=True)


def draw_by_class(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A panel for each metric: boxes of each run, class by class, and stars against the first run."""
    metrics = [m for m in LABELS if (rows["metric"] == m).any()]
    names, classes = list(dict.fromkeys(rows["run"])), list(dict.fromkeys(rows["class"]))
    colours = [MODEL_COLOURS[i % len(MODEL_COLOURS)] for i in range(len(names))]
    step = len(names) + 0.8
    figure.set_size_inches(figure.get_size_inches()[0], 0.4 + 1.35 * len(metrics))
    panels = figure.subplots(len(metrics), 1, squeeze=False, sharex=True)[:, 0]
    said = []
    for axes, metric in zip(panels, metrics, strict=True):
        for i, name in enumerate(classes):
            mine = rows[(rows["metric"] == metric) & (rows["class"] == name)]
            groups = [(n, mine.loc[mine["run"] == n, "value"].to_numpy(np.float64)) for n in names]
            places = [i * step + k + 1.0 for k in range(len(names))]
            boxes(axes, groups, colours, at=places, counts=False, fliers=True)
            for place, run in zip(places[1:], names[1:], strict=True):
                p = float(mine.loc[mine["run"] == run, "p_value"].iloc[0])
                mark(axes, place, stars(p))
                said.append(f"{LABELS[metric]} of {name}, {run} {p_words(p)}")
        axes.set_ylabel(LABELS[metric])
        axes.set_xlim(0.2, len(classes) * step)
    middles = [i * step + (len(names) + 1) / 2 for i in range(len(classes))]
    panels[-1].set_xticks(middles, classes)
    for name, colour in zip(names, colours, strict=True):
        panels[0].fill_between([], [], [], color=colour, label=name)
    figure.legend(loc="outside upper center", ncols=min(6, len(names)), handlelength=1)
    tests = (
        f"One-sided paired Wilcoxon signed-rank tests over folds that {names[0]} is greater: "
        f"{'; '.join(said)}."
        if said
        else "One run: no test."
    )
    n = int(rows["n_folds"].max())
    return (
        f"Test sets of n = {n} folds, macro over classes and each class against the rest. {BOX} Points: "
        f"beyond. {tests}{pairing_words(rows)} {STARS_TOLD}"
    )


FIGURES = (
    PaperFigure(
        name="create-classes",
        title="Models class by class",
        shows="auROC, auPRC and F1 by class and model, boxes over folds with paired tests of every class.",
        paper="CREATE Fig. 2a,b,f and 3a by class, Supp. 8c,d",
        needs="`raycre train`, any two or more runs, or a sweep",
        table=partial(metrics_by_class, metrics=(AUROC, AUPRC, F1)),
        draw=draw_by_class,
        columns=2,
    ),
)
