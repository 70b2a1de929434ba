"""Figures of motifs, scores and traits: bubbles of motifs, values by score, tissues, heritability."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.errors import ConfigError, MissingInputError, near
from raycre.figures.canvas import BLUE, COLOURS, GREY, INK, VERMILLION
from raycre.genome.classes import CLASSES
from raycre.plots.charts import boxes, guide, heat
from raycre.plots.create.ldsc_results import read_results
from raycre.plots.create.motifs import choose_motifs
from raycre.plots.create.regions import class_colour
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BOX, p_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_TISSUES, _N_BINS = 30, 10
_PLACE = ["chrom", "start", "end"]


def by_score(runs: Runs, choice: Choice, what: str, default: str) -> pd.DataFrame:
    """A value of each predicted region, and the bin of its score."""
    of = choice.which(default)
    scores = (
        runs.predictions([*_PLACE, f"p_{of}"]).drop_duplicates(_PLACE).rename(columns={f"p_{of}": "score"})
    )
    if what == "motifs":
        regions = runs.annotation("motifs")[["run", "region_id", *_PLACE]]
        pairs = runs.annotation_parts("motifs", "regions")
        chosen = choose_motifs(choice, list(pairs["motif"].unique())) or [
            pairs["motif"].value_counts().index[0]
        ]
        mine = pairs.loc[pairs["motif"] == chosen[0], ["run", "region_id", "neglog10_fisher_p"]]
        # Regions without a hit have no P: they are not drawn, as in FIMO's output.
        table = regions.merge(mine, on=["run", "region_id"]).rename(columns={"neglog10_fisher_p": "value"})
        label = f"−log10 P of {chosen[0]}"
    else:
        table = runs.annotation(what)
        column = next((c for c in table if str(c).endswith("_variants")), None)
        if column is None:
            raise MissingInputError(f"annotate_{what} has no column of variants")
        table, label = table.rename(columns={column: "value"}), f"eQTLs in a region ({column})"
    rows = table[[*_PLACE, "value"]].merge(scores, on=_PLACE).dropna()
    if rows.empty:
        raise MissingInputError(
            f"no region of annotate_{what} is in the predictions; name the run that it is of"
        )
    width = 1 / _N_BINS
    bins = np.minimum((rows["score"] * _N_BINS).astype("int64"), _N_BINS - 1)
    return rows.assign(bin=bins, low=bins * width, high=(bins + 1) * width, of=of, label=label)


def draw_by_score(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A box for each tenth of the score, and their correlation."""
    axes = figure.subplots()
    of, label = rows["of"].iloc[0], rows["label"].iloc[0]
    groups = [
        (f"{i / 10:.1f}–", rows.loc[rows["bin"] == i, "value"].to_numpy(np.float64)) for i in range(_N_BINS)
    ]
    boxes(axes, groups, [COLOURS[of]] * _N_BINS, counts=False)
    means = [v.mean() if len(v) else np.nan for _, v in groups]
    axes.plot(range(1, _N_BINS + 1), means, "D", color=INK, markersize=2.5)
    axes.set(xlabel=f"{of} score, from", ylabel=label)
    from scipy.stats import spearmanr

    varies = rows["score"].nunique() > 1 and rows["value"].nunique() > 1
    rho, p = spearmanr(rows["score"], rows["value"]) if varies else (np.nan, np.nan)
    axes.set_title(f"Spearman {rho:.2f}, n = {len(rows):,}")
    return (
        f"{label} of regions by tenths of CREATE's {of} score, n = {len(rows):,}. {BOX} Diamonds: "
        "means. Spearman's "
        f"rank correlation {rho:.3f}, two-sided {p_words(float(p))}."
    )


def tissues(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Tissues of one group by SNPsea's p, the smallest first."""
    table = runs.annotation("snpsea", "tissues")
    of = choice.of or ("silencer" if (table["group"] == "silencer").any() else str(table["group"].iloc[0]))
    rows = table[table["group"] == of].sort_values("p_value", kind="stable")
    return rows.head(_MOST_TISSUES).assign(neglog10_p=lambda t: -np.log10(t["p_value"]), n_tissues=len(rows))


def draw_tissues(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """Bars of -log10 P; with a matrix the correlations of the tissues' profiles beside them, clustered."""
    said = ""
    rows = rows.reset_index(drop=True)
    if choice.data:
        from raycre.plots.create.profiles_of_tissues import cluster

        order, correlations = cluster(choice.data[0][1], list(rows["tissue"]))
        rows = rows.set_index("tissue").loc[order].reset_index()
        axes, side = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
        n = len(order)
        heat(side, correlations, VERMILLION, (0.0, float(n), n - 0.5, -0.5))
        heat(side, -correlations, BLUE, (0.0, float(n), n - 0.5, -0.5))
        side.set(title="correlation of profiles", xticks=())
        said = (
            " Beside them Pearson correlations of the tissues' expression profiles (red positive, blue "
            "negative), "
            "in the order of hierarchical clustering (UPGMA)."
        )
    else:
        axes = figure.subplots()
    y = np.arange(len(rows))
    axes.barh(y, rows["neglog10_p"], color=COLOURS.get(rows["group"].iloc[0], BLUE), height=0.7)
    axes.set_yticks(y, rows["tissue"], fontsize=5.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("−log10 P")
    guide(axes, x=-np.log10(0.05))
    bonferroni = 0.05 / int(rows["n_tissues"].iloc[0])
    axes.axvline(-np.log10(bonferroni), color=GREY, linewidth=0.8)
    return (
        f"SNPsea, {rows['group'].iloc[0]} regions: the {len(rows)} tissues of smallest P of "
        f"n = {int(rows['n_tissues'].iloc[0])}; {int(rows['loci'].iloc[0]):,} loci, "
        f"{int(rows['genes'].iloc[0]):,} "
        "genes. One-sided P by null loci with as many genes. Dashed: P = 0.05; solid: 0.05 with "
        "Bonferroni's "
        f"correction.{said}"
    )


def heritability(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Enrichment of heritability of each annotation and trait, from LDSC's .results."""
    if not choice.data:
        raise ConfigError("name LDSC's results with --data TRAIT=FILE.results")
    tables = [read_results(path).assign(trait=trait) for trait, path in choice.data]
    rows = pd.concat(tables, ignore_index=True)
    if choice.names:
        unknown = next((n for n in choice.names if n not in set(rows["category"])), None)
        if unknown is not None:
            raise ConfigError(f"no such category{near(unknown, rows['category'].unique())}", value=unknown)
        return rows[rows["category"].isin(choice.names)]
    ours = rows[rows["category"].isin(CLASSES)]
    return ours if len(ours) else rows[rows["category"] != "base"]


def draw_heritability(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """Bars with their standard errors, a panel for each trait."""
    traits = list(dict.fromkeys(rows["trait"]))
    said = []
    for axes, trait in zip(figure.subplots(1, len(traits), squeeze=False)[0], traits, strict=True):
        mine = rows[rows["trait"] == trait]
        order = [c for c in CLASSES if c in set(mine["category"])]
        order += [c for c in mine["category"] if c not in order]
        mine = mine.set_index("category").loc[order]
        colours = [class_colour(c, i) for i, c in enumerate(order)]
        x = np.arange(len(order))
        axes.bar(x, mine["enrichment"], color=colours, width=0.65)
        axes.errorbar(
            x, mine["enrichment"], mine["enrichment_se"], fmt="none", ecolor=INK, elinewidth=0.8, capsize=2
        )
        guide(axes, y=1)
        axes.set_xticks(x, order, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_title(trait)
        said += [
            f"{trait}, {c} {mine.loc[c, 'enrichment']:.3g} ({p_words(float(mine.loc[c, 'enrichment_p']))})"
            for c in order
        ]
    figure.axes[0].set_ylabel("heritability enrichment")
    return (
        f"Enrichment of heritability in n = {len(said)} annotations and traits by partitioned LDSC (share "
        "of heritability "
        "over share of SNPs); error bars: jackknife standard errors; dashed: no enrichment. "
        f"{'; '.join(said)}."
    )


_SCORED = "`raycre predict` with `raycre annotate"
_OF = ("silencer", *(c for c in CLASSES if c != "silencer"))
FIGURES = (
    PaperFigure(
        name="create-7c",
        title="eQTLs by score",
        shows="Number of eQTLs in tenths of a class's score, with their correlation.",
        paper="CREATE Fig. 7c",
        needs=f"{_SCORED} eqtls`",
        table=partial(by_score, what="eqtls", default="background"),
        draw=draw_by_score,
        of=("background", *CLASSES[:-1]),
    ),
    PaperFigure(
        name="create-7d",
        title="A motif by score",
        shows="Motif significance in tenths of a class's score, with their correlation.",
        paper="CREATE Fig. 7d,e",
        needs=f"{_SCORED} motifs`",
        table=partial(by_score, what="motifs", default="silencer"),
        draw=draw_by_score,
        also=("create-7e",),
        of=_OF,
        names="motif",
    ),
    PaperFigure(
        name="create-7f",
        title="Tissues",
        shows="SNPsea's tissues of smallest P, with the correlation of their profiles.",
        paper="CREATE Fig. 7f",
        needs="`raycre annotate snpsea`",
        table=tissues,
        draw=draw_tissues,
        columns=2,
        height=3.6,
        of=_OF,
        data="the matrix of expression, for profiles beside the bars",
    ),
    PaperFigure(
        name="create-7g",
        title="Heritability",
        shows="LDSC's enrichment of heritability with standard errors, by class and trait.",
        paper="CREATE Fig. 7g,h",
        needs="LDSC's `.results`, made with the files of `raycre annotate ldsc`",
        table=heritability,
        draw=draw_heritability,
        also=("create-7h",),
        height=2.5,
        names="categories",
        data="TRAIT=FILE.results",
        runs=False,
    ),
)
