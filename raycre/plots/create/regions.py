"""Figures of what classified regions are: a value of each region by its class, true and predicted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from raycre.annotate.groups import BACKGROUND, rank_sum_test
from raycre.errors import MissingInputError
from raycre.figures.canvas import BLUE, COLOURS, GREEN, GREY, ORANGE, VERMILLION
from raycre.genome.classes import CLASSES
from raycre.plots.charts import bars, boxes, mark
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BOX, STARS_TOLD, VIOLIN, listed, p_words, stars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind = Literal["box", "violin", "bars"]
# Groups that are no classes: of dual-function elements.
_OTHERS = {
    "DFRE": VERMILLION, "normal_silencer": BLUE, "normal_enhancer": ORANGE, "DFRE_partner": VERMILLION,
    "neither": GREY,
}  # fmt: skip
_MORE = (GREEN, GREY)
_SOURCES = (BLUE, ORANGE, GREEN, VERMILLION, GREY)


class Value(NamedTuple):
    """A column of an annotation, and its axis; with `ending`, the first column that ends so."""

    annotation: str
    column: str
    label: str
    ending: str = ""


METHYLATION = Value("methylation", "methylation", "methylation (% of CpGs)")
CONSERVATION = Value("conservation", "mean0", "mean conservation score")
CONTACTS = Value("contacts", "distinct_anchors", "contact regions overlapping")
EQTLS = Value("eqtls", "", "eQTLs in a region", ending="_variants")
RARE = Value("variants", "rare", "rare SNPs in a region")


def values_of(runs: Runs, choice: Choice, value: Value) -> pd.DataFrame:
    """One value of every region that has a group: set (true, predicted, …), group, value.

    "NAME:group" of several sources is set NAME; of one source the set is the run.
    """
    table = runs.annotation(value.annotation)
    column = value.column
    if value.ending:
        fitting = [c for c in table if str(c).endswith(value.ending)] or [
            c
            for c in table
            if pd.api.types.is_integer_dtype(table[c]) and c not in ("region_id", "start", "end")
        ]
        chosen = [c for c in fitting if any(str(c).startswith(name) for name in choice.names)]
        column = str((chosen or fitting or [""])[0])
    if column not in table:
        raise MissingInputError(f"annotate_{value.annotation} has no column {column or value.ending}")
    rows = table[["run", "chrom", "start", "end", "group", column]].rename(columns={column: "value"})
    rows = rows.dropna(subset=["group", "value"]).assign(column=column)
    named = rows["group"].astype(str).str.rpartition(":")
    sets = named[0].where(named[0] != "", rows["run"])
    return rows.assign(set=sets, group=named[2]).reset_index(drop=True)


def draw_values(figure: Figure, rows: pd.DataFrame, choice: Choice, kind: Kind, label: str) -> str:
    """A panel for each set: boxes, violins or bars by group, and stars against the background."""
    sets = list(dict.fromkeys(rows["set"]))
    said, counts = [], []
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, sets, strict=True):
        mine = rows[rows["set"] == name]
        groups = [(g, mine.loc[mine["group"] == g, "value"].to_numpy(np.float64)) for g in ordered(mine)]
        colours = [class_colour(g, i) for i, (g, _) in enumerate(groups)]
        if kind == "bars":
            bars(axes, groups, colours)
        else:
            boxes(axes, groups, colours, kind=kind)
        axes.tick_params(axis="x", labelrotation=30 if len(sets) > 1 and len(groups) > 3 else 0)
        counts += [(f"{name} {g}" if len(sets) > 1 else g, len(v)) for g, v in groups]
        base = next((v for g, v in groups if g == BACKGROUND), None)
        for x, (g, values) in enumerate(groups, start=1):
            if base is None or g == BACKGROUND or min(len(values), len(base)) < 2:
                continue
            p = rank_sum_test(values, base).p
            mark(axes, x, stars(p))
            said.append(f"{name} {g} {p_words(p)}" if len(sets) > 1 else f"{g} {p_words(p)}")
        if len(sets) > 1:
            axes.set_title(name, pad=12)
    panels[0].set_ylabel(label)
    what = {"box": BOX, "violin": VIOLIN, "bars": "Bars: means; error bars: 95 % confidence intervals."}[kind]
    told = (
        f"One-sided Wilcoxon rank-sum tests, greater than background: {'; '.join(said)}."
        if said
        else "No test."
    )
    column = rows["column"].iloc[0]
    return f"{label[0].upper()}{label[1:]} ({column}) by group; {listed(counts)}. {what} {told} {STARS_TOLD}"


def ordered(rows: pd.DataFrame) -> list[str]:
    """Groups in the order of classes, others before the background as they come."""
    here = list(dict.fromkeys(rows["group"]))
    others = [g for g in here if g not in CLASSES]
    return [*(c for c in CLASSES[:-1] if c in here), *others, *([BACKGROUND] if BACKGROUND in here else [])]


def class_colour(group: str, position: int) -> str:
    """The colour of a class, or of a group that is none."""
    return COLOURS.get(group) or _OTHERS.get(group) or _MORE[position % len(_MORE)]


def _source_shares(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Share of each source in the regions of each class."""
    return runs.annotation("sources", "shares")


def draw_sources(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A bar for each class, of its sources' shares."""
    axes = figure.subplots()
    groups = ordered(rows)[::-1]
    sources = list(dict.fromkeys(rows["source"]))
    hatches = ("", "////", "....", "xxxx")
    left = np.zeros(len(groups))
    for i, source in enumerate(sources):
        mine = rows[rows["source"] == source].set_index("group")["fractional_share"]
        share = 100 * mine.reindex(groups).fillna(0).to_numpy(np.float64)
        axes.barh(
            range(len(groups)), share, left=left, height=0.65, color=_SOURCES[i % 5], label=source,
            hatch=hatches[i // 5 % 4], edgecolor="#ffffff", linewidth=0.3,
        )  # fmt: skip
        left += share
    n = rows.drop_duplicates("group").set_index("group")["n_regions"]
    axes.set_yticks(range(len(groups)), [f"{g}\nn = {int(n[g]):,}" for g in groups])
    axes.set(xlabel="regions (%)", xlim=(0, 100))
    figure.legend(loc="outside right center", handlelength=1)
    return (
        "Share of candidate sources in the regions of each class, "
        f"{listed([(g, int(n[g])) for g in groups[::-1]])}; "
        "a region of k sources counts 1/k for each. No test."
    )


def dual_scores(runs: Runs, choice: Choice, partner: bool) -> pd.DataFrame:
    """The score of the other function: of dual elements and of those with one function."""
    place = ["chrom", "start", "end"]
    if partner:
        kinds = runs.annotation("dual", "partners").rename(columns={"class": "group"})
        score = "p_silencer"
    else:
        kinds = runs.annotation("dual").drop(columns="group").rename(columns={"dual_class": "group"})
        score = "p_enhancer"
    known = runs.predictions([*place, score, "call"])
    call = "enhancer" if partner else "silencer"
    known = known[known["call"] == call].drop_duplicates(place)
    rows = kinds.dropna(subset=["group"])[[*place, "group"]].merge(known[[*place, score]], on=place)
    rows = rows[rows["group"] != "neither"].rename(columns={score: "value"})
    if rows.empty:
        whose = "the partner's run of raycre predict" if partner else "the run of raycre predict"
        raise MissingInputError(f"no region of annotate_dual is in the named predictions; name {whose}, too")
    return rows.assign(column=score, set="regions")


def draw_dual(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """Two violins and their test."""
    axes = figure.subplots()
    groups = sorted(set(rows["group"]), key=lambda g: (not g.startswith("DFRE"), g))
    values = [
        (g.replace("_", " "), rows.loc[rows["group"] == g, "value"].to_numpy(np.float64)) for g in groups
    ]
    boxes(axes, values, [class_colour(g, i) for i, g in enumerate(groups)], kind="violin")
    score = rows["column"].iloc[0].removeprefix("p_")
    axes.set_ylabel(f"{score} score")
    told = "One group: no test."
    if len(values) > 1 and min(len(v) for _, v in values) > 1:
        p = rank_sum_test(values[0][1], values[1][1]).p
        mark(axes, 1, stars(p))
        told = f"One-sided Wilcoxon rank-sum test, dual-function elements greater: {p_words(p)}. {STARS_TOLD}"
    return (
        f"Probability of {score} by CREATE of dual-function elements (DFRE) and of those with one function, "
        f"{listed([(n, len(v)) for n, v in values])}. {VIOLIN} {told}"
    )


def _figure(
    name: str, value: Value, kind: Kind, title: str, panels: str, *also: str, columns: int = 2
) -> PaperFigure:
    how = {"box": "boxes", "violin": "violins", "bars": "bars with 95 % intervals"}[kind]
    return PaperFigure(
        name=name,
        title=title,
        shows=f"{value.label[0].upper()}{value.label[1:]} by class, {how}; any groups of regions.",
        paper=panels,
        needs=f"`raycre annotate {value.annotation}` of regions with groups",
        table=partial(values_of, value=value),
        draw=partial(draw_values, kind=kind, label=value.label),
        also=also,
        columns=columns,
        height=2.5,
        names="the set of eQTLs, where there are several" if value.ending else "",
    )


FIGURES = (
    PaperFigure(
        name="create-5a",
        title="Candidate sources",
        shows="Share of every source of candidates in the regions of each class.",
        paper="CREATE Fig. 5a",
        needs="`raycre annotate sources --run PREDICTION`",
        table=_source_shares,
        draw=draw_sources,
        columns=2,
    ),
    _figure("create-5d", METHYLATION, "violin", "Methylation", "CREATE Fig. 5d, 6d", "create-6d"),
    _figure("create-5e", CONSERVATION, "box", "Conservation", "CREATE Fig. 5e, 6c", "create-6c"),
    _figure("create-5f", CONTACTS, "bars", "Contacts", "CREATE Fig. 5f, 6e", "create-6e"),
    PaperFigure(
        name="create-6a",
        title="Enhancer scores of silencers",
        shows="Enhancer score of dual-function elements and of normal silencers.",
        paper="CREATE Fig. 6a",
        needs="`raycre predict` with `raycre annotate dual`",
        table=partial(dual_scores, partner=False),
        draw=draw_dual,
    ),
    PaperFigure(
        name="create-6b",
        title="Silencer scores of the partner's enhancers",
        shows="The partner's silencer score of dual-function elements and of its normal enhancers.",
        paper="CREATE Fig. 6b",
        needs="`raycre predict` with `raycre annotate dual`, and the partner's `raycre predict`",
        table=partial(dual_scores, partner=True),
        draw=draw_dual,
    ),
    _figure("create-6f", EQTLS, "bars", "eQTLs", "CREATE Fig. 6f,g", "create-6g"),
    _figure("create-7a", RARE, "violin", "Rare variants", "CREATE Fig. 7a"),
    _figure("create-7b", RARE, "box", "Rare variants against background", "CREATE Fig. 7b"),
)
