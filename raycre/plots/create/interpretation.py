"""Figures of what a training has learnt: truth and call, the map, the spectrum, a feature taken away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.annotate.groups import rank_sum_test
from raycre.errors import MissingInputError
from raycre.figures.canvas import COLOURS, GREY
from raycre.figures.flow import flow_into
from raycre.figures.spectrum import spectrum_into
from raycre.genome.classes import CLASSES
from raycre.plots.charts import boxes, bracket
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BOX, STARS_TOLD, listed, p_words, stars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 5_000  # regions on the map, evenly spaced over the table
_SIGNALS = {"openness": "accessibility", "loops": "interactions, log10(loops + 1)"}


def one_fold(runs: Runs, choice: Choice, name: str) -> pd.DataFrame:
    """A table of the first fold that has it: folds share no codes."""
    rows = runs.folds(name)
    first: pd.DataFrame = rows[(rows["fold"] == rows["fold"].iloc[0]) & (rows["run"] == rows["run"].iloc[0])]
    return first


def _confusion(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Test regions by truth and call, of the first fold as in the paper, or of the fold that `--of` names."""
    rows = runs.summary("confusion", "raycre train")
    rows = rows[rows["run"] == rows["run"].iloc[0]]
    if choice.of != "all":
        rows = rows[rows["fold"] == rows["fold"].min()]
    table: pd.DataFrame = rows
    return table


def draw_confusion_flow(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """Ribbons from truth to call."""
    cells = rows.groupby(["truth", "called"])["n"].sum()
    counts = np.array([[cells.get((a, b), 0) for b in CLASSES] for a in CLASSES], np.int64)
    flow_into(figure.subplots(), counts)
    right = int(np.trace(counts))
    folds = ", ".join(map(str, sorted(rows["fold"].unique())))
    return (
        f"Test regions of fold {folds}, n = {counts.sum():,}: true class on the left, most probable "
        "class on the "
        f"right, {right / counts.sum():.1%} of them the same. A ribbon is as high as its regions are "
        "many, in the "
        "colour of the truth. No test."
    )


def embedding(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Where the test regions of a fold lie on its map."""
    rows = one_fold(runs, choice, "embeddings")
    if "x" not in rows:
        raise MissingInputError("the embeddings are not mapped; train again with interpretation")
    rows = rows[["run", "fold", "region_id", "label", "call_argmax", "x", "y"]].dropna(subset=["x", "y"])
    n = min(len(rows), _MOST)
    return rows.iloc[np.arange(n) * len(rows) // n] if n else rows


def draw_embedding(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """The plane, coloured by the true class."""
    axes = figure.subplots()
    size = float(np.clip(4_000 / len(rows), 2, 12))
    colours = [COLOURS[name] for name in rows["label"]]
    axes.scatter(rows["x"], rows["y"], s=size, c=colours, alpha=0.7, linewidths=0, rasterized=True)
    for name in CLASSES:
        if (rows["label"] == name).any():
            axes.scatter([], [], s=14, color=COLOURS[name], label=name)
    axes.set(xticks=(), yticks=(), xlabel="first coordinate", ylabel="second coordinate", box_aspect=1)
    figure.legend(loc="outside right center", handletextpad=0.1)
    counts = listed([(c, int((rows["label"] == c).sum())) for c in CLASSES])
    return (
        f"Test regions of fold {rows['fold'].iloc[0]} by their embedding on the run's map (UMAP, or "
        "principal "
        f"components where it is not installed), coloured by the true class; {counts}. No test."
    )


def _draw_spectrum(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """The heat map of codes."""
    n = spectrum_into(figure.subplots(), rows)
    owners = rows.dropna(subset=["order"]).drop_duplicates("code")["class_of_feature"].value_counts()
    counts = ", ".join(f"{name} {owners.get(name, 0)}" for name in CLASSES)
    return (
        "Feature probability score p of each code (column) in each class (row), from 0 (blank) to 1 "
        "(full colour); "
        f"test regions of fold {rows['fold'].iloc[0]}, n = {n} codes used. Numbers: codes whose highest "
        "score is "
        f"in the class: {counts}. No test."
    )


def zeroed(runs: Runs, choice: Choice, signal: str) -> pd.DataFrame:
    """A signal of the regions of a class: input, decoded, and decoded without the major feature."""
    of = choice.which("silencer")
    rows = one_fold(runs, choice, "zeroed")
    rows = rows[rows["class"] == of]  # users of the feature or not, as in the paper
    kinds = ("original", "reconstructed", "zeroed")
    table = rows[["run", "fold", "region_id", "class", "code", "n_pieces"]].assign(
        signal=signal, **{kind: rows[f"{signal}_{kind}"] for kind in kinds}
    )
    return table.dropna(subset=["original", "zeroed"])


def draw_zeroed(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """Three boxes, and the test that what comes in is greater than what is decoded without the feature."""
    axes = figure.subplots()
    name, signal = rows["class"].iloc[0], rows["signal"].iloc[0]
    kinds = {"input": "original", "decoded": "reconstructed", "without the\nmajor feature": "zeroed"}
    groups = [(label, rows[kind].to_numpy(np.float64)) for label, kind in kinds.items()]
    boxes(axes, groups, [GREY, COLOURS[name], COLOURS[name]])
    axes.set_ylabel(f"mean {_SIGNALS[signal]}")
    said = []
    for level, (i, told) in enumerate(((1, "decoded"), (0, "input"))):
        values = [g[np.isfinite(g)] for g in (groups[i][1], groups[2][1])]
        if min(map(len, values)) > 1:
            p = rank_sum_test(*values).p
            bracket(axes, i + 1, 3, stars(p), level)
            said.append(f"{told} {p_words(p)}")
    code = int(rows["code"].iloc[0])
    return (
        f"Mean {_SIGNALS[signal].partition(',')[0]} of {name} regions, n = {len(rows):,}, "
        f"{int((rows['n_pieces'] > 0).sum()):,} with its major feature (code {code}): of the input, decoded, "
        f"and decoded with the pieces of the feature set to 0. {BOX} "
        f"One-sided Wilcoxon rank-sum tests, greater than without: {'; '.join(said)}. {STARS_TOLD}"
    )


_LEARNT = "`raycre train` with interpretation"
_ELEMENTS = ("silencer", *(c for c in CLASSES if c != "silencer"))
FIGURES = (
    PaperFigure(
        name="create-2e",
        title="From truth to call",
        shows="Ribbons from true class to most probable class of the test regions of a fold.",
        paper="CREATE Fig. 2e",
        needs="`raycre train`",
        table=_confusion,
        draw=draw_confusion_flow,
        columns=2,
        height=2.8,
        of=("first", "all"),
    ),
    PaperFigure(
        name="create-4a",
        title="Embeddings",
        shows="Map of a fold's test regions by their embedding, coloured by class.",
        paper="CREATE Fig. 4a",
        needs=_LEARNT,
        table=embedding,
        draw=draw_embedding,
        height=2.6,
    ),
    PaperFigure(
        name="create-4b",
        title="Feature spectrum",
        shows="Score of each code in each class, codes in the order of the spectrum.",
        paper="CREATE Fig. 4b",
        needs=_LEARNT,
        table=partial(one_fold, name="spectrum"),
        draw=_draw_spectrum,
        columns=2,
        height=2.0,
    ),
    PaperFigure(
        name="create-4d",
        title="Accessibility without the major feature",
        shows="Accessibility of input, decoded, and decoded without a class's major feature.",
        paper="CREATE Fig. 4d",
        needs=_LEARNT,
        table=partial(zeroed, signal="openness"),
        draw=draw_zeroed,
        height=2.6,
        of=_ELEMENTS,
    ),
    PaperFigure(
        name="create-4e",
        title="Interactions without the major feature",
        shows="Loop score of input, decoded, and decoded without a class's major feature.",
        paper="CREATE Fig. 4e",
        needs=_LEARNT,
        table=partial(zeroed, signal="loops"),
        draw=draw_zeroed,
        height=2.6,
        of=_ELEMENTS,
    ),
)
