"""Figures of what called tiles are: biochemical marks, transcription factors, annotations, repeats."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.errors import ConfigError, near
from raycre.figures.canvas import COLOURS, GREY, INK
from raycre.plots.charts import boxes, bracket, guide
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BOX, STARS_TOLD, listed, p_words, stars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_MARKS, _A_LINE, _NAMED = 12, 6, 12
_STATISTICS = {"mean": "mean coverage of a tile", "max": "maximal coverage of a tile"}
_BY_MARKS = "raycre compare marks RUN SIGNALS"


def marks(runs: Runs, choice: Choice) -> pd.DataFrame:
    """The mean or maximum of each mark over each tile, with the test of its mark."""
    statistic = choice.which("mean")
    tests = runs.summary("compare_mark_tests", _BY_MARKS)
    tests = tests[tests["statistic"] == statistic].sort_values("p_value", kind="stable")
    rows = runs.summary("compare_marks", _BY_MARKS)
    for name in choice.names:
        if name not in set(tests["mark"]):
            raise ConfigError(f"no such mark{near(name, tests['mark'].unique())}", value=name)
    chosen = list(choice.names or tests["mark"].unique()[:_MOST_MARKS])
    table = rows[rows["mark"].isin(chosen)].rename(columns={statistic: "value"})
    joined = table[["run", "gene_id", "chrom", "start", "end", "group", "mark", "value"]].merge(
        tests[["run", "mark", "p_value", "p_adjusted"]], on=["run", "mark"]
    )
    order = {name: i for i, name in enumerate(chosen)}
    joined = joined.assign(statistic=statistic).dropna(subset=["value"])
    return joined.sort_values("mark", key=lambda m: m.map(order), kind="stable").reset_index(drop=True)


def _draw_marks(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A panel for each mark: a box for each group, and the stars of their test."""
    names = list(dict.fromkeys(rows["mark"]))
    groups = list(dict.fromkeys(rows["group"]))
    columns = min(_A_LINE, len(names))
    lines = -(-len(names) // columns)
    figure.set_size_inches(figure.get_size_inches()[0], 0.3 + 1.7 * lines)
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    said = []
    for axes, name in zip(grid, names, strict=False):
        mine = rows[rows["mark"] == name]
        values = [(g, mine.loc[mine["group"] == g, "value"].to_numpy(np.float64)) for g in groups]
        boxes(axes, values, [COLOURS.get(g, GREY) for g in groups], counts=False)
        axes.tick_params(axis="x", labelrotation=25)
        p = float(mine["p_adjusted"].iloc[0])
        bracket(axes, 1, len(groups), stars(p))
        axes.set_title(name, pad=14)
        said.append(f"{name} {p_words(p)}")
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    statistic = rows["statistic"].iloc[0]
    figure.supylabel(_STATISTICS[statistic], fontsize=7)
    one = rows[rows["mark"] == names[0]]
    counts = listed([(g, int((one["group"] == g).sum())) for g in groups])
    return (
        f"{_STATISTICS[statistic].capitalize()}: sufficient tiles, {counts}. {BOX} Two-sided "
        "Mann-Whitney U tests, "
        f"Bonferroni over marks: {'; '.join(said)}. {STARS_TOLD}"
    )


def factors(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Each factor's test on the maxima of tiles: log ratio and significance."""
    tests = runs.summary("compare_mark_tests", _BY_MARKS)
    tested = tests[tests["statistic"] == choice.which("max")].dropna(subset=["p_adjusted"])
    rows = tested.dropna(subset=["log_ratio"])  # averages of 0 or below have none
    rows = rows.assign(
        neglog10_p=-np.log10(rows["p_adjusted"].clip(lower=1e-300)), n_without_ratio=len(tested) - len(rows)
    )
    return rows.reset_index(drop=True)


def draw_factors(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A point for each factor; the most significant are named."""
    axes = figure.subplots()
    first, second = rows["group"].iloc[0], rows["other"].iloc[0]
    significant = rows["p_adjusted"] < 0.05
    side = np.where(rows["log_ratio"] > 0, first, second)
    colours = [COLOURS.get(s, GREY) if k else GREY for s, k in zip(side, significant, strict=True)]
    axes.scatter(rows["log_ratio"], rows["neglog10_p"], s=9, c=colours, linewidths=0)
    guide(axes, y=-np.log10(0.05), x=0)
    wanted = (
        rows[rows["mark"].isin(choice.names)]
        if choice.names
        else rows[significant].nlargest(_NAMED, "neglog10_p")
    )
    for name, x, y in zip(wanted["mark"], wanted["log_ratio"], wanted["neglog10_p"], strict=True):
        axes.annotate(
            name, (x, y), xytext=(2, 2), textcoords="offset points", fontsize=5,
            color=INK,
        )  # fmt: skip
    what = choice.which("max")
    axes.set(xlabel=f"ln ({what} {first} / {what} {second})", ylabel="−log10 P")
    n = listed([(first, int(rows["n"].max())), (second, int(rows["n_other"].max()))])
    without = int(rows["n_without_ratio"].iloc[0])
    left_out = (
        f" {without} signals with an average of 0 or below have no ratio and are left out." if without else ""
    )
    return (
        f"{_STATISTICS[what].capitalize()} in {first} against {second} tiles ({n}), n = {len(rows)} signals: "
        "logarithm of the ratio of averages, and two-sided Mann-Whitney U test with Bonferroni's "
        "correction. "
        f"{int(significant.sum())} below 0.05 (dashed).{left_out}"
    )


def _overlaps(runs: Runs, choice: Choice, what: str) -> pd.DataFrame:
    """Share of tiles, or of their bases, in annotations or repeats."""
    rows = runs.summary(f"compare_{what}", f"raycre compare {what} RUN FILES")
    if choice.names:
        return rows[rows["annotation"].isin(choice.names)]
    largest = rows.groupby("annotation", sort=False)["percent_bases"].max().nlargest(_MOST_MARKS).index
    return rows[rows["annotation"].isin(largest)]


def draw_overlaps(figure: Figure, rows: pd.DataFrame, choice: Choice, column: str, label: str) -> str:
    """Bars for each annotation and group."""
    axes = figure.subplots()
    names, groups = list(dict.fromkeys(rows["annotation"])), list(dict.fromkeys(rows["group"]))
    height = 0.8 / len(groups)
    said = []
    for i, group in enumerate(groups):
        mine = rows[rows["group"] == group].set_index("annotation").reindex(names)
        y = np.arange(len(names)) + (i - (len(groups) - 1) / 2) * height
        n = int(mine["n"].max())
        axes.barh(
            y, mine[column], height=0.9 * height, color=COLOURS.get(group, GREY), label=f"{group} (n = {n:,})"
        )
        said += [
            f"{name}, {group} {mine.loc[name, column]:.1f} % ({p_words(float(mine.loc[name, 'p_value']))})"
            for name in names
        ]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(label)
    figure.legend(loc="outside upper right", ncols=2, handlelength=1)
    return (
        f"{label[0].upper()}{label[1:]}: {'; '.join(said)}. Fisher's exact tests of tiles against all others."
    )


FIGURES = (
    PaperFigure(
        name="creme-2e",
        title="Marks of called tiles",
        shows="Coverage of marks over enhancers and silencers (or neutral tiles), boxes with tests.",
        paper="CREME Fig. 2e,f, ED 4b-d, Supp. 2-4",
        needs="`raycre creme`, then `raycre compare marks`",
        table=marks,
        draw=_draw_marks,
        also=("creme-2f", "creme-ed4b", "creme-ed4c", "creme-ed4d"),
        columns=2,
        of=("mean", "max"),
        names="marks",
    ),
    PaperFigure(
        name="creme-2g",
        title="Factors of called tiles",
        shows="Enrichment of factors in enhancers against silencers, with significance.",
        paper="CREME Fig. 2g",
        needs="`raycre creme`, then `raycre compare marks` of ChIP-seq signals",
        table=factors,
        draw=draw_factors,
        height=2.8,
        of=("max", "mean"),
        names="factors to name",
    ),
    PaperFigure(
        name="creme-overlap",
        title="Tiles in known elements",
        shows="Percent of called tiles in annotated promoters and enhancers.",
        paper="CREME, text: 27 % and 24 % overlap",
        needs="`raycre creme`, then `raycre compare overlap`",
        table=partial(_overlaps, what="overlap"),
        draw=partial(draw_overlaps, column="percent", label="tiles with a base in it (%)"),
        names="annotations",
    ),
    PaperFigure(
        name="creme-repeats",
        title="Repeats in tiles",
        shows="Percent of bases of called tiles in repeats, class by class.",
        paper="CREME Supp. Table 1",
        needs="`raycre creme`, then `raycre compare repeats`",
        table=partial(_overlaps, what="repeats"),
        draw=partial(draw_overlaps, column="percent_bases", label="bases of tiles in repeats (%)"),
        names="classes of repeats",
    ),
)
