"""Comparisons of a CREME run with other data in the report: figures by name, each over declared tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from raycre.figures.blocks import Block, Cell, Note, Picture, Table, shown
from raycre.figures.canvas import BLUE, COLOURS, GREY, INK, as_svg, for_any_page, new_panels
from raycre.genome.lifting import lifted_in_words
from raycre.store.parquet import read_table

LIFT = "raycre_lift"  # key of a table's metadata: what became of places of another assembly, as JSON
_MAX_MARKS, _MAX_ROWS, _MARKS_A_ROW, _MAX_BARS = 12, 200, 6, 40
_STATISTICS = {"mean": "mean coverage", "max": "maximal coverage"}
_PREDICTORS = {"creme": BLUE, "distance": GREY}


class Drawing(NamedTuple):
    """A comparison that a report may draw.

    name: of the comparison. figure: a row of `FIGURES`. subject: what tiles are compared with, for captions.
    tables: names of the tables that the figure needs, in the order in which it takes them.
    """

    name: str
    figure: str
    subject: str
    tables: tuple[str, ...]


Tables: TypeAlias = Mapping[str, pd.DataFrame]


def read_comparisons(run: Path, drawings: Sequence[Drawing]) -> list[Block]:
    """Read the comparisons in a CREME run's summary and return their part of the report.

    Args:
        run: the run folder.
        drawings: of all comparisons that are known; those whose tables are there are drawn, in this order.

    Raises:
        FormatError: a damaged table.
    """
    blocks: list[Block] = []
    for drawing in drawings:
        paths = {name: run / "summary" / f"compare_{name}.parquet" for name in drawing.tables}
        if paths and all(path.is_file() for path in paths.values()):
            read = {name: read_table(path) for name, path in paths.items()}
            tables = {name: table.to_pandas() for name, table in read.items()}
            blocks += FIGURES[drawing.figure](drawing, tables)
            blocks += [Note(note) for note in dict.fromkeys(map(_lifted, read.values())) if note]
    return [Note("Compared with other data:"), *blocks] if blocks else []


def _lifted(table: pa.Table) -> str:
    """Say what became of places of another assembly; "" where all are of the run's."""
    counts = json.loads((table.schema.metadata or {}).get(LIFT.encode(), b"{}"))
    told = "; ".join(f"{name}: {lifted_in_words(of_name)}" for name, of_name in counts.items())
    return f"Lifted from another assembly: {told}." if told else ""


@for_any_page
def draw_marks(rows: pd.DataFrame, tests: pd.DataFrame) -> Picture:
    """Draw each mark's mean coverage by group, the marks of smallest p first.

    Args:
        rows, tests: columns MARKS and MARK_TESTS of `compare.marks`.
    """
    of_mean = tests[tests["statistic"] == "mean"].sort_values("p_value", kind="stable")
    drawn = of_mean.head(_MAX_MARKS)
    columns = min(_MARKS_A_ROW, len(drawn))
    lines = -(-len(drawn) // columns)
    figure, grid = new_panels(0.4 + 2.4 * lines, lines, columns, side_by_side=2)
    panels = grid.ravel()
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
    """Return overlaps with annotations or repeats, columns OVERLAPS of `compare.overlap`."""
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


@for_any_page
def draw_precision(curves: pd.DataFrame, pairs: pd.DataFrame) -> Picture:
    """Draw precision against recall of CRISPR-tested pairs.

    Args:
        curves, pairs: columns PR_CURVES and PAIRS of `compare.crispri`.
    """
    figure, [[axes]] = new_panels(4.4, width=5)
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


def comparison_table(name: str, rows: pd.DataFrame) -> Table:
    """Return a table as it is, for a comparison of a package."""
    cells = rows.head(_MAX_ROWS).astype(object).where(rows.head(_MAX_ROWS).notna(), None)
    return Table(
        f"compare_{name}{f', the first {_MAX_ROWS} rows' if len(rows) > _MAX_ROWS else ''}.",
        list(rows.columns),
        [[_cell(value) for value in row] for row in cells.itertuples(index=False)],
        tall=len(cells) > 24,
    )


def _cell(value: object) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else str(value)


@for_any_page
def draw_bars(name: str, rows: pd.DataFrame) -> Picture:
    """Draw a table's first column of numbers as bars, named by its first column of texts."""
    texts = [c for c in rows if not pd.api.types.is_numeric_dtype(rows[c])]
    numbers = [c for c in rows if pd.api.types.is_numeric_dtype(rows[c])]
    drawn = rows.head(_MAX_BARS)
    labels = drawn[texts[0]].astype(str) if texts else drawn.index.astype(str)
    values = drawn[numbers[0]].to_numpy(np.float64) if numbers else np.zeros(len(drawn))
    measured = str(numbers[0]) if numbers else "nothing"
    figure, [[axes]] = new_panels(0.8 + 0.25 * max(1, len(drawn)), width=6)
    axes.barh(np.arange(len(drawn)), values, color=BLUE)
    axes.set_yticks(np.arange(len(drawn)), list(labels))
    axes.invert_yaxis()
    axes.set_xlabel(measured)
    more = f"; the first {_MAX_BARS} of {len(rows):,} rows" if len(rows) > _MAX_BARS else ""
    return Picture(name, as_svg(figure), f"bars of {measured}", f"{measured} of compare_{name}{more}.")


def _marks(drawing: Drawing, tables: Tables) -> list[Block]:
    rows, tests = tables.values()
    return [draw_marks(rows, tests), marks_table(tests)]


def _overlaps(drawing: Drawing, tables: Tables) -> list[Block]:
    return [overlaps_table(rows, drawing.subject) for rows in tables.values()]


def _precision(drawing: Drawing, tables: Tables) -> list[Block]:
    pairs, curves = tables.values()
    return [draw_precision(curves, pairs)]


def _saliency(drawing: Drawing, tables: Tables) -> list[Block]:
    return [saliency_table(rows) for rows in tables.values()]


def _table(drawing: Drawing, tables: Tables) -> list[Block]:
    return [comparison_table(name, rows) for name, rows in tables.items()]


def _bars(drawing: Drawing, tables: Tables) -> list[Block]:
    return [draw_bars(name, rows) for name, rows in tables.items()]


FIGURES: dict[str, Callable[[Drawing, Tables], list[Block]]] = {
    "marks": _marks,
    "overlaps": _overlaps,
    "precision": _precision,
    "saliency": _saliency,
    "table": _table,
    "bars": _bars,
}
"""What draws a comparison, by the name in its declaration (`Comparison.figure`)."""

DEFAULT = "table"  # of a comparison whose figure is not known here
