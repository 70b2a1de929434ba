"""Figures of whole predicted profiles: single genes with their context shuffled, and means near the TSS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.errors import GeneError, near
from raycre.figures.canvas import BLUE, GREEN, GREY, ORANGE, VERMILLION
from raycre.plots.charts import guide
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 6  # genes


def profiles(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Predicted profiles of genes, a row a bin; those named, else one of each class of context."""
    table = runs.summary("compare_profiles", "raycre compare profiles RUN --genes …")
    for name in choice.names:
        if name not in set(table["gene_name"]) | set(table["gene_id"]):
            raise GeneError(f"no profile of this gene{near(name, table['gene_name'].unique())}", value=name)
    if choice.names:
        table = table[table["gene_name"].isin(choice.names) | table["gene_id"].isin(choice.names)]
    else:
        table = table.drop_duplicates("context")
    rows = []
    for gene in table.head(_MOST).to_dict("records"):
        shuffled = gene["shuffled"] if gene["shuffled"] is not None else np.full(len(gene["wt"]), np.nan)
        bins = np.arange(len(gene["wt"])) - gene["tss_bin"]
        rows.append(pd.DataFrame({
            "gene_name": gene["gene_name"], "context": gene["context"], "bin": bins, "wt": gene["wt"],
            "shuffled": shuffled,
        }))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def _draw_profiles(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A line of panels for each gene: the whole output, and the bins round the TSS."""
    genes = list(rows.groupby("gene_name", sort=False))
    figure.set_size_inches(figure.get_size_inches()[0], 0.5 + 1.1 * len(genes))
    grid = figure.subplots(len(genes), 2, squeeze=False, width_ratios=(3, 1))
    for panels, (gene, mine) in zip(grid, genes, strict=True):
        for axes, reach in zip(panels, (None, 12), strict=True):
            shown = mine if reach is None else mine[mine["bin"].abs() <= reach]
            axes.fill_between(
                shown["bin"], 0, shown["wt"], color=GREY, alpha=0.5, linewidth=0, label="wild type"
            )
            axes.plot(shown["bin"], shown["shuffled"], color=ORANGE, linewidth=0.9, label="context shuffled")
            axes.set_ylim(bottom=0)
        context = mine["context"].iloc[0]
        panels[0].set(title=f"{gene}, {context} context" if context else str(gene), ylabel="prediction")
        panels[1].set_title("round the TSS")
    grid[-1][0].set_xlabel("output bin from the TSS, gene direction")
    grid[-1][1].set_xlabel("output bin")
    grid[0][0].legend(loc="upper left", handlelength=1.2)
    return (
        f"Predicted profiles, n = {len(genes)} genes: wild type, and mean with all outside the TSS tile "
        "shuffled. "
        "No test."
    )


_AROUND = 10  # bins on either side of the TSS; CREME's coverage_profiles has 20


def _coverage(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Wild-type prediction of each gene in the bins near the TSS."""
    table = runs.summary("compare_profiles", "raycre compare profiles RUN")
    rows = []
    for gene in table.to_dict("records"):
        first = max(0, gene["tss_bin"] - _AROUND)
        values = np.array(gene["wt"])[first : gene["tss_bin"] + _AROUND]
        bins = np.arange(first, first + len(values)) - gene["tss_bin"]
        rows.append(
            pd.DataFrame({"run": gene["run"], "gene_id": gene["gene_id"], "bin": bins, "value": values})
        )
    return pd.concat(rows, ignore_index=True)


def draw_coverage(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A mean line for each run, with 1 s.d."""
    axes = figure.subplots()
    counts = []
    for i, (run, mine) in enumerate(rows.groupby("run", sort=False)):
        colour = (BLUE, ORANGE, GREEN, VERMILLION)[i % 4]
        of_bin = mine.groupby("bin")["value"].agg(["mean", "std"]).fillna({"std": 0})
        n = mine["gene_id"].nunique()
        counts.append((str(run), n))
        x = of_bin.index.to_numpy(np.float64)
        axes.plot(x, of_bin["mean"], color=colour, label=f"{run} (n = {n:,})", marker=".")
        axes.fill_between(x, of_bin["mean"] - of_bin["std"], of_bin["mean"] + of_bin["std"], color=colour,
                          alpha=0.18, linewidth=0)  # fmt: skip
    guide(axes, x=0)
    axes.set(xlabel="output bin from the TSS, gene direction", ylabel="prediction of the wild type")
    axes.legend(loc="best", handlelength=1.4)
    return (
        f"Mean predicted profile of the wild type near the TSS, genes of {listed(counts)}; "
        "bands ± 1 s.d. No test."
    )


FIGURES = (
    PaperFigure(
        name="creme-1d",
        title="Profiles with the context shuffled",
        shows="Predicted profiles of single genes, wild type and context shuffled, whole and near the TSS.",
        paper="CREME Fig. 1d",
        needs="`raycre creme`, then `raycre compare profiles`",
        table=profiles,
        draw=_draw_profiles,
        columns=2,
        names="genes",
    ),
    PaperFigure(
        name="creme-coverage",
        title="Coverage near the TSS",
        shows="Mean profile of the wild type near the TSS with its s.d., a line for each run.",
        paper="CREME, average_coverage_profile",
        needs="`raycre creme`, then `raycre compare profiles`",
        table=_coverage,
        draw=draw_coverage,
    ),
)
