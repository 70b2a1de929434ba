"""Pictures of a CREATE prediction: how many regions of each class, how sure, and the most confident of them.

Reads the parts one by one and keeps counts, so that memory does not grow with the regions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import LabelError
from raycre.figures.blocks import Block, Cell, Note, Picture, Table, share
from raycre.figures.canvas import COLOURS, as_svg, for_any_page, new_panels
from raycre.genome.classes import CLASSES
from raycre.store.files import read_json
from raycre.store.parquet import iter_parts, read_table

_N_BINS = 50  # of the histogram of probabilities, over [0, 1]
_N_MOST_CONFIDENT = 5  # regions listed of each class
_ELEMENTS = tuple(c for c in CLASSES if c != "background")
_P = [f"p_{c}" for c in CLASSES]
_COLUMNS = [
    "chrom", "start", "end", "name", "call", "call_argmax", "score_margin", *_P, *(f"sd_{c}" for c in CLASSES)
]  # fmt: skip


@dataclass
class Tally:
    """What a report needs of predictions, added up part by part.

    Attributes:
        crossed: int64 (5, 5), regions by call from the cutoffs (rows) and most probable class (columns).
        histogram: int64 (5, bins), regions by call and largest probability.
        most_confident: the regions called an element with the largest probability of it, a few of each class.
        trained: bool (5,), classes with a probability in any region; the models do not know the others.
        n_uncalled: regions without a call, as a file of weights brings no cutoffs; their most probable class
            stands for it.
    """

    crossed: NDArray[np.int64] = field(default_factory=lambda: np.zeros((len(CLASSES),) * 2, np.int64))
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros((len(CLASSES), _N_BINS), np.int64))
    most_confident: pd.DataFrame = field(default_factory=pd.DataFrame)
    trained: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(len(CLASSES), np.bool_))
    n_uncalled: int = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Count the rows of one part: columns of store.schemas.PREDICTIONS.

        Raises:
            LabelError: a call that is none of the five classes.
        """
        uncalled = rows["call"].isna()
        self.n_uncalled += int(uncalled.sum())
        rows = rows.assign(call=rows["call_argmax"].where(uncalled, rows["call"]))
        call, argmax = _positions(rows["call"]), _positions(rows["call_argmax"])
        np.add.at(self.crossed, (call, argmax), 1)
        probabilities = rows[_P].to_numpy(np.float64)
        self.trained |= ~np.isnan(probabilities).all(axis=0)
        top = np.nanmax(probabilities, axis=1)
        bins = np.minimum((top * _N_BINS).astype(np.int64), _N_BINS - 1)
        np.add.at(self.histogram, (call, bins), 1)
        kept = [self.most_confident]
        for name in _ELEMENTS:
            mine = rows[rows["call"] == name]
            kept.append(mine.assign(p=mine[f"p_{name}"], sd=mine[f"sd_{name}"]))
        every = pd.concat([k for k in kept if len(k)]) if any(map(len, kept)) else self.most_confident
        if len(every):
            # A stable sort: of equal probabilities the first in input order stays.
            ranked = every.sort_values("p", ascending=False, kind="stable")
            self.most_confident = ranked.groupby("call", sort=False).head(_N_MOST_CONFIDENT)


def _positions(names: pd.Series) -> NDArray[np.int64]:
    """Return the position of each name in CLASSES: int64 (n,)."""
    positions = pd.Index(CLASSES).get_indexer(pd.Index(names)).astype(np.int64)
    if (positions < 0).any():
        raise LabelError(f"a call is one of {', '.join(CLASSES)}", value=names[positions < 0].iloc[0])
    return positions


def read_calls(run: Path) -> list[Block]:
    """Read the finished parts of a prediction and return its part of the report.

    Raises:
        FormatError, LabelError: a damaged part.
    """
    tally = Tally()
    for path in iter_parts(run / "predictions"):
        tally.add(read_table(path, _COLUMNS).to_pandas())
    if not tally.crossed.any():
        return [Note("No region is classified yet.")]
    blocks = cutoffs_blocks(read_json(run / "run.json"))
    blocks += [calls_table(tally.crossed, tally.trained), draw_probabilities(tally.histogram, tally.trained)]
    blocks.append(_most_confident_table(tally.most_confident))
    if not tally.n_uncalled:
        return blocks
    text = (
        f"{tally.n_uncalled:,} regions have no call: one file of weights brings no cutoffs, and "
        "model.cutoffs gave none. What is said of called regions is here said of their most probable class."
    )
    return [Note(text, loud=True), *blocks]


def cutoffs_blocks(record: Mapping[str, Any]) -> list[Block]:
    """Return how regions are called: the rule, the cutoffs, and the false positive rates to expect.

    Args:
        record: run.json of a prediction; one that was stopped at its very start does not say it yet.
    """
    if "calls_by" not in record:
        return []
    rows: list[list[Cell]] = [
        [
            stated["class"],
            stated["cutoff"],
            stated["expected_fpr"],
            stated["standard_error"],
            stated["regions_of_other_classes"] or None,
        ]
        for stated in record["cutoffs"]
        if stated["cutoff"] is not None
    ]
    doubt, says = record.get("calls_doubt"), record["calls_by"]
    blocks: list[Block] = [Note(doubt, loud=True)] if doubt else []
    if not rows:
        return [*blocks, Note(says)]
    columns = [
        "class",
        "cutoff",
        "expected false positive rate",
        "standard error",
        "regions of other classes",
    ]
    return [*blocks, Table(f"How regions are called. {says}", columns, rows)]


def calls_table(crossed: NDArray[np.int64], trained: NDArray[np.bool_] | None = None) -> Table:
    """Return regions by class: called by the cutoffs, most probable, and both.

    Args:
        crossed: int64 (5, 5), by call (rows) and most probable class (columns).
        trained: bool (5,), classes that the models know; all where it is not given.
    """
    n = int(crossed.sum())
    rows: list[list[Cell]] = []
    for i, name in enumerate(CLASSES):
        if trained is not None and not trained[i]:
            rows.append([f"{name} (not trained)", *[None] * 5])
            continue
        called, likely = int(crossed[i].sum()), int(crossed[:, i].sum())
        rows.append([name, called, share(called, n), likely, share(likely, n), int(crossed[i, i])])
    rows.append(["all", n, "", n, "", int(np.trace(crossed))])
    return Table(
        "Regions by class: called by the cutoffs, and most probable. A region that reaches no cutoff is "
        "called background.",
        ["class", "called", "share of called", "most probable", "share of most probable", "both"],
        rows,
    )


@for_any_page
def draw_probabilities(histogram: NDArray[np.int64], trained: NDArray[np.bool_] | None = None) -> Picture:
    """Draw the distribution of the largest probability for each call.

    Args:
        histogram: int64 (5, bins), bins of equal width over [0, 1].
        trained: bool (5,), classes that the models know, a panel each; all where it is not given.
    """
    edges = np.linspace(0, 1, histogram.shape[1] + 1)
    shown = np.arange(len(CLASSES)) if trained is None else np.flatnonzero(trained)
    figure, [panels] = new_panels(2.3, 1, len(shown), side_by_side=2, narrow_height=1.6)
    for axes, name, counts in zip(panels, [CLASSES[i] for i in shown], histogram[shown], strict=True):
        axes.stairs(counts, edges, fill=True, color=COLOURS[name])
        # Of five classes, or fewer, the largest probability is never below 1/5.
        axes.set(title=f"{name} ({counts.sum():,})", xlim=(0.2, 1), xticks=(0.2, 0.6, 1))
        axes.set_ylim(0, max(1.0, 1.05 * counts.max()))
        axes.locator_params(axis="y", integer=True, nbins=4)
    figure.supxlabel("largest probability of the classes", fontsize=9)
    panels[0].set_ylabel("regions")
    return Picture(
        "How sure the model is",
        as_svg(figure),
        "histograms of the largest probability, one for each called class",
        "By called class; each panel has its own scale of counts.",
    )


def _most_confident_table(most_confident: pd.DataFrame) -> Block:
    if not len(most_confident):
        return Note("No region is called an element.")
    order = {name: i for i, name in enumerate(CLASSES)}
    ranked = most_confident.sort_values("call", key=lambda calls: calls.map(order), kind="stable")
    rows: list[list[Cell]] = [
        [
            r["call"],
            f"{r['chrom']}:{r['start']:,}-{r['end']:,}",
            r["name"],
            r["p"],
            r["sd"],
            r["score_margin"],
        ]
        for r in ranked.to_dict("records")
    ]
    return Table(
        f"The {_N_MOST_CONFIDENT} most confident regions of each class (0-based, half-open): probability of "
        "the class, its s.d. over folds, and by how much the best class passes its cutoff.",
        ["call", "region", "name", "probability", "s.d.", "margin"],
        rows,
    )
