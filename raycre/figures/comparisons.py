"""Pictures of what `raycre compare` found: marks by group, overlaps, precision and recall, saliency.

Reads the tables of the run's summary that are there; nothing where none is. Knows no test of statistics.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from raycre.figures.blocks import Block, Cell, Note, Picture, Table, shown
from raycre.figures.canvas import BLUE, COLOURS, GREY, INK, as_svg, new_figure
from raycre.store.parquet import read_table

_MAX_MARKS, _MAX_ROWS, _MARKS_A_ROW = 12, 200, 6
_STATISTICS = {"mean": "mean coverage", "max": "maximal coverage"}
_PREDICTORS = {"creme": BLUE, "distance": GREY}


def read_comparisons(run: Path) -> list[Block]:
    """Read the comparisons in a CREME run's summary and return their part of the report.

    Raises:
        FormatError: a damaged table.
    """
    names = (
        "marks",
        "mark_tests",
        "overlap",
        "repeats",
        "crispri_pairs",
        "crispri_curve",
        "saliency_correlations",
    )
    paths = {name: run / "summary" / f"compare_{name}.parquet" for name in names}
    found = {name: read_table(path).to_pandas() for name, path in paths.items() if path.is_file()}
    blocks: list[Block] = []
    if "marks" in found and "mark_tests" in found:
        blocks += [draw_marks(found["marks"], found["mark_tests"]), marks_table(found["mark_tests"])]
    for name, what in (("overlap", "annotations"), ("repeats", "repeats")):
        if name in found:
            blocks.append(overlaps_table(found[name], what))
    if "crispri_pairs" in found and "crispri_curve" in found:
        blocks.append(draw_precision(found["crispri_curve"], found["crispri_pairs"]))
    if "saliency_correlations" in found:
        blocks.append(saliency_table(found["saliency_correlations"]))
    return [Note("Compared with other data:"), *blocks] if blocks else []


def draw_marks(rows: pd.DataFrame, tests: pd.DataFrame) -> Picture:
    """Draw each mark's mean coverage by group, the marks of smallest p first.

    Args:
        rows, tests: columns of MARKS and MARK_TESTS in store.comparison_schemas.
    """
    of_mean = tests[tests["statistic"] == "mean"].sort_values("p_value", kind="stable")
    drawn = of_mean.head(_MAX_MARKS)
    columns = min(_MARKS_A_ROW, len(drawn))
    lines = -(-len(drawn) // columns)
    figure = new_figure(10.5, 0.4 + 2.4 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, test in zip(panels, drawn.to_dict("records"), strict=False):
        groups = [str(test["group"]), str(test["other"])]
        values = [
            rows.loc[(rows["mark"] == test["mark"]) & (rows["group"] == g), "mean"].dropna() for g in groups
        ]
        boxes = axes.boxplot(
            values, showfliers=False, patch_artist=True, widths=0.6,
            medianprops={"color": INK}, whiskerprops={"color": INK}, capprops={"color": INK},
        )  # fmt: skip
        axes.set_xticks([1, 2], groups)
        for box, group in zip(boxes["boxes"], groups, strict=True):
            box.set(facecolor=COLOURS.get(group, GREY), edgecolor=INK, alpha=0.75)
        axes.set_title(f"{test['mark']}\np = {shown(float(test['p_adjusted']))}", linespacing=1.4)
        axes.tick_params(axis="x", labelrotation=20)
    for axes in panels[len(drawn) :]:
        axes.set_axis_off()
    panels[0].set_ylabel(_STATISTICS["mean"])
    more = f" {len(drawn)} of {len(of_mean)} marks drawn." if len(of_mean) > len(drawn) else ""
    return Picture(
        "Marks of called tiles",
        as_svg(figure),
        "box plots of the mean coverage of marks, by group of tiles",
        "Boxes: quartiles and median; whiskers to the last value within 1.5 quartile distances; what lies "
        f"further out is not drawn. p: two-sided Mann-Whitney U, Bonferroni over marks.{more}",
    )


def marks_table(tests: pd.DataFrame) -> Table:
    """Return the tests of all marks, by mean and by maximum."""
    ordered = tests.sort_values("p_value", kind="stable").head(_MAX_ROWS)
    rows: list[list[Cell]] = [
        [
            t["mark"], _STATISTICS[t["statistic"]], t["n"], t["n_other"], t["average"], t["average_other"],
            t["log_ratio"], t["p_value"], t["p_adjusted"],
        ]
        for t in ordered.to_dict("records")
    ]  # fmt: skip
    first, second = tests["group"].iloc[0], tests["other"].iloc[0]
    return Table(
        f"Marks of {first} (1) against {second} (2) tiles, smallest p first; ratio: natural logarithm of the "
        "averages' ratio.",
        [
            "mark",
            "of a tile",
            "tiles 1",
            "tiles 2",
            "average 1",
            "average 2",
            "log ratio",
            "p",
            "p × marks",
        ],
        rows,
        tall=len(rows) > 24,
    )


def overlaps_table(found: pd.DataFrame, what: str) -> Table:
    """Return overlaps with annotations or repeats, columns of OVERLAPS in store.comparison_schemas."""
    ordered = found.sort_values("p_value", kind="stable").head(_MAX_ROWS)
    rows: list[list[Cell]] = [
        [
            r["annotation"], r["group"], r["n"], r["percent"], r["percent_bases"],
            100 * r["n_others_overlapping"] / r["n_others"] if r["n_others"] else None,
            r["odds_ratio"], r["p_value"],
        ]
        for r in ordered.to_dict("records")
    ]  # fmt: skip
    return Table(
        f"Tiles in {what}: percent of tiles with a base in them, and of their bases; all other tiles beside "
        "them. p: Fisher's exact test.",
        [what, "tiles", "n", "% of tiles", "% of bases", "% of other tiles", "odds ratio", "p"],
        rows,
        tall=len(rows) > 24,
    )


def draw_precision(curves: pd.DataFrame, pairs: pd.DataFrame) -> Picture:
    """Draw precision against recall of CRISPR-tested pairs.

    Args:
        curves, pairs: columns of PR_CURVES and PAIRS in store.comparison_schemas.
    """
    figure = new_figure(5, 4.4)
    axes = figure.subplots()
    base = float(curves["precision"][curves["recall"] == 1].min())
    for name, colour in _PREDICTORS.items():
        mine = curves[curves["predictor"] == name].sort_values("recall", kind="stable", ascending=False)
        recall, precision = mine["recall"].to_numpy(np.float64), mine["precision"].to_numpy(np.float64)
        area = float(np.sum((recall[:-1] - recall[1:]) * precision[:-1]))
        axes.step(recall, precision, where="post", color=colour, label=f"{name} {area:.3f}")
    axes.axhline(base, color=INK, linewidth=0.8, linestyle=":", label=f"share of positives {base:.3f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    # Below, since curves go everywhere inside.
    axes.legend(title="average precision", alignment="left", loc="upper left", bbox_to_anchor=(-0.1, -0.17))
    covered = int((pairs["covered"] == "yes").sum())
    return Picture(
        "CRISPR-tested pairs",
        as_svg(figure),
        "precision against recall of tile effects and of distance alone",
        f"{covered:,} of {len(pairs):,} pairs of element and gene have a tile of the run; "
        f"{int(pairs['outcome'].sum()):,} of all pairs regulate.",
    )


def saliency_table(found: pd.DataFrame) -> Table:
    """Return the correlations over all tiles, and of the genes where they are strongest."""
    of_genes = found[found["gene_id"].notna()]
    strongest = of_genes.loc[of_genes["spearman"].abs().sort_values(ascending=False, kind="stable").index]
    ordered = pd.concat([found[found["gene_id"].isna()], strongest.head(_MAX_ROWS)])
    rows: list[list[Cell]] = [
        [r["gene_name"] if isinstance(r["gene_name"], str) else r["gene_id"] if isinstance(r["gene_id"], str)
         else "all tiles", r["measure"], r["n"], r["pearson"], r["spearman"]]
        for r in ordered.to_dict("records")
    ]  # fmt: skip
    return Table(
        "Effects against saliency (gradient times input, summed over the tile), with signs and without; over "
        "all tiles saliency is put over the gene's wild type.",
        ["gene", "measure", "tiles", "Pearson", "Spearman"],
        rows,
        tall=len(rows) > 24,
    )
