"""Figures of the fine-tile search: what few bases bring back, beside saliency, motifs and chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from raycre.creme.formulas import MUTANT_OVER_WHOLE
from raycre.creme.recovery import RECOVERY, Curve, bp_at_score, mean_recovery, recovery_curve
from raycre.creme.tests.finemap import KEPT
from raycre.errors import GeneError, MissingInputError, near
from raycre.figures.canvas import BLUE, GREEN, GREY, VERMILLION
from raycre.genome.interval_files import read_intervals
from raycre.plots.charts import band, guide, histogram
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BAND, listed
from raycre.store.parquet import iter_parts, read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CREME, MOTIFS = "CREME", "motifs"
_COLOURS = {CREME: VERMILLION, "saliency": GREEN, "random": GREY, MOTIFS: BLUE}
_KINDS = ("enhancer", "silencer")
_ELEMENT = ["run", "gene_id", "start"]
_GRID = 500  # bp between points where curves are averaged; CREME's table has them so
_HALF = 2_500.0  # bp pruned for which captions have the mean score
_MOST = 6  # examples


def _curves_of(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Points of each element's curve by each method: bp pruned and left, score."""
    kind = choice.which("enhancer")
    rows = runs.effects("finemap", ["tile_start", "tile_end", "offset_start", "offset_end", "round"])
    rows = rows[rows["metric"] == MUTANT_OVER_WHOLE]
    found = []
    for key, mine in rows.groupby(["run", "gene_id", "tile_start", "tile_end"]):
        run, gene, start, _ = key
        length = int(mine["tile_end"].iloc[0] - mine["tile_start"].iloc[0])
        if not ((mine["round"] == 0) & (mine["call"] == kind)).any():
            continue
        of_search = mine[mine["round"].notna()].astype({"round": "int64"})
        steps: Any = list(of_search.itertuples())
        points = recovery_curve(steps)
        one: dict[str, Any] = {"run": run, "gene_id": gene, "start": start, "method": CREME, "group": kind}
        found.append(pd.DataFrame({"left_bp": points.bp, "score": points.score}).assign(**one, length=length))
    try:
        others = runs.summary("compare_pruning", "raycre compare pruning RUN")
    except MissingInputError:
        others = pd.DataFrame()
    if len(others):
        mine = others[others["group"] == kind]
        found.append(
            mine[[*_ELEMENT, "method", "group", "left_bp", "score"]].assign(
                length=mine["end"] - mine["start"]
            )
        )
    if not found:
        raise MissingInputError(f"no fine-tile search of an {kind}")
    table = pd.concat(found, ignore_index=True)
    return table.assign(pruned_bp=table["length"] - table["left_bp"])


def on_grid(rows: pd.DataFrame) -> pd.DataFrame:
    """Curves at every 500 bp pruned, linearly between points, as far as each goes."""
    found = []
    for key, mine in rows.groupby([*_ELEMENT, "method"]):
        points = mine.dropna(subset=["pruned_bp", "score"]).sort_values("pruned_bp", kind="stable")
        if len(points) < 2:
            continue
        x, y = points["pruned_bp"].to_numpy(np.float64), points["score"].to_numpy(np.float64)
        grid = np.arange(0, x.max() + 1, _GRID)
        at = np.interp(grid, x, y)
        found.append(pd.DataFrame({"pruned_bp": grid, "score": at, "method": key[3]}))
    return (
        pd.concat(found, ignore_index=True)
        if found
        else pd.DataFrame(columns=["pruned_bp", "score", "method"])
    )


def _curves(rows: pd.DataFrame) -> list[Curve]:
    """The curve of each element, bp left falling."""
    known = rows.dropna(subset=["left_bp", "score"]).sort_values("left_bp", ascending=False, kind="stable")
    return [
        Curve(mine["left_bp"].to_numpy(np.float64), mine["score"].to_numpy(np.float64))
        for _, mine in known.groupby(_ELEMENT)
    ]


def draw_recovery(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A mean curve of each method; motifs are one point, or a line where their bp are not known."""
    axes = figure.subplots()
    lines, counts, said = on_grid(rows), [], []
    for method, colour in _COLOURS.items():
        mine = rows[rows["method"] == method]
        n = len(mine.drop_duplicates(_ELEMENT))
        if not n:
            continue
        counts.append((method, n))
        if method == MOTIFS:
            mean, at = float(mine["score"].mean()), mine["pruned_bp"].mean()
            error = float(mine["score"].std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
            if np.isnan(at):
                axes.axhline(mean, color=colour, linestyle=(0, (1, 1)), label=method)
            else:
                axes.errorbar(at, mean, error, fmt="D", color=colour, markersize=3.5, label=method)
        else:
            band(axes, lines[lines["method"] == method], "pruned_bp", "score", colour, method)
            half = float(mean_recovery(_curves(mine), np.array([_HALF]))[0])
            said.append(f"{method} {half:.4f}")
    guide(axes, y=RECOVERY if choice.which("enhancer") == "enhancer" else 1)
    axes.set(xlabel="bp pruned of the element", ylabel="score, over the whole element")
    axes.legend(loc="best", handlelength=1.4)
    return (
        f"Activity with what is left of an element in shuffled sequence, over that with the whole element; "
        f"{choice.which('enhancer')}s by method: {listed(counts)}. Lines: means over the elements that "
        f"come so far; with {_HALF:,.0f} bp pruned {', '.join(said)}. "
        f"{BAND} Dashed: {RECOVERY:.0%} (enhancers), no change (silencers). No test."
    )


def left_at_recovery(runs: Runs, choice: Choice) -> pd.DataFrame:
    """The bp of each element that are left where the score passes 0.8."""
    rows = _curves_of(runs, choice)
    found = []
    for key, mine in rows[rows["method"] != MOTIFS].groupby([*_ELEMENT, "method"]):
        (points,) = _curves(mine) or [Curve(np.empty(0), np.empty(0))]
        bp = bp_at_score(points)
        found.append(dict(zip([*_ELEMENT, "method"], key, strict=True)) | {"left_bp": bp})
    return pd.DataFrame(found).dropna(subset=["left_bp"])


def draw_left(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A histogram of each method."""
    axes = figure.subplots()
    methods = [m for m in _COLOURS if (rows["method"] == m).any()]
    groups = {m: rows.loc[rows["method"] == m, "left_bp"].to_numpy(np.float64) for m in methods}
    top = max(_GRID, float(rows["left_bp"].max()))
    histogram(axes, groups, _COLOURS, np.arange(0, top + _GRID / 2, _GRID / 2))
    axes.set(xlabel=f"bp left at a score of {RECOVERY:g}", ylabel="elements")
    axes.legend(loc="best", handlelength=1)
    medians = ", ".join(f"{m} {np.median(v):,.0f} bp" for m, v in groups.items())
    return (
        f"Bases of an element that are left where its curve passes a score of {RECOVERY:g}, linearly "
        "between points; "
        f"{listed([(m, len(v)) for m, v in groups.items()])}. Medians: {medians}. No test."
    )


def tracks_of(runs: Runs, choice: Choice) -> pd.DataFrame:
    """What the search keeps of elements, saliency along them, and motif hits: layer, start, end, value."""
    rows = runs.effects(
        "finemap", ["tile_chrom", "tile_start", "tile_end", "strand", "offset_start", "offset_end", "round"]
    )
    rows = rows[rows["metric"] == MUTANT_OVER_WHOLE]
    for name in choice.names:
        if name not in set(rows["gene_name"]) | set(rows["gene_id"]):
            raise GeneError(
                f"no fine-tile search of this gene{near(name, rows['gene_name'].unique())}", value=name
            )
    if choice.names:
        rows = rows[rows["gene_name"].isin(choice.names) | rows["gene_id"].isin(choice.names)]
    hits = read_intervals(choice.data[0][1]).table if choice.data else None
    saliency = _saliency(runs)
    found = []
    for _, mine in list(rows.groupby(["run", "gene_id", "tile_start"], sort=False))[:_MOST]:
        whole = mine[mine["round"] == 0]
        first = mine.iloc[0]
        begin, size = int(mine["offset_start"].min()), int(first["tile_end"] - first["tile_start"])
        own = {"gene_name": first["gene_name"], "element": f"{first['tile_chrom']}:{first['tile_start']:,}",
               "call": whole["call"].iloc[0] if len(whole) else None, "size": size}  # fmt: skip
        kept = mine[mine["call"] == KEPT].drop_duplicates(["offset_start"])
        found += [own | {"layer": CREME, "start": a - begin, "end": b - begin, "value": 1.0}
                  for a, b in zip(kept["offset_start"], kept["offset_end"], strict=True)]  # fmt: skip
        values = saliency.get((first["run"], first["gene_id"], first["tss"]))
        if values is not None:
            found += [own | {"layer": "saliency", "start": i, "end": i + 1, "value": float(v)}
                      for i, v in enumerate(values[begin : begin + size])]  # fmt: skip
        if hits is not None:
            near_by = hits[(hits["chrom"] == first["tile_chrom"]) & (hits["start"] < first["tile_end"])
                           & (hits["end"] > first["tile_start"])]  # fmt: skip
            for a, b in zip(near_by["start"], near_by["end"], strict=True):
                low, high = a - first["tile_start"], b - first["tile_start"]
                if first["strand"] == "-":
                    low, high = size - high, size - low
                found.append(
                    own | {"layer": MOTIFS, "start": max(0, low), "end": min(size, high), "value": 1.0}
                )
    return pd.DataFrame(found)


def _saliency(runs: Runs) -> dict[tuple[str, str, int], np.ndarray]:
    """Values of every base of a gene's input, of `raycre compare saliency --bases`."""
    found = {}
    for source in runs.of("creme"):
        for part in iter_parts(source.path / "summary" / "compare_saliency_bases"):
            for row in read_table(part).to_pylist():
                found[source.name, row["gene_id"], row["tss"]] = np.array(row["saliency"])
    return found


def draw_tracks(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A panel for each element: saliency, and bars of what is kept and of motif hits."""
    elements = list(rows.groupby(["gene_name", "element"], sort=False))
    figure.set_size_inches(figure.get_size_inches()[0], 0.5 + 1.1 * len(elements))
    panels = figure.subplots(len(elements), 1, squeeze=False)[:, 0]
    for axes, ((gene, element), mine) in zip(panels, elements, strict=True):
        salient = mine[mine["layer"] == "saliency"].sort_values("start")
        top = float(salient["value"].abs().max()) if len(salient) else 1.0
        if len(salient):
            axes.vlines(
                salient["start"] + 0.5, 0, salient["value"], color=GREEN, linewidth=0.5, rasterized=True
            )
        for layer, colour, at in ((CREME, VERMILLION, 1.25), (MOTIFS, BLUE, 1.6)):
            for row in mine[mine["layer"] == layer].to_dict("records"):
                axes.fill_between(
                    [row["start"], row["end"]], at * top, (at + 0.25) * top, color=colour, linewidth=0
                )
        axes.set(title=f"{gene}, {element} ({mine['call'].iloc[0]})", xlim=(0, mine["size"].iloc[0]))
        if len(salient):
            axes.set_ylabel("saliency")
        else:
            axes.set(yticks=(), ylim=(0, 1.9))  # stretches alone, which have no height
    panels[-1].set_xlabel("nt along the element, gene direction")
    for layer, colour in (("saliency", GREEN), (CREME, VERMILLION), (MOTIFS, BLUE)):
        if (rows["layer"] == layer).any():
            panels[0].fill_between([], [], [], color=colour, label=layer)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=3, handlelength=1)
    return (
        f"Elements, n = {len(elements)}: gradient times input of each base, above it the stretches that "
        "CREME's "
        "fine-tile search keeps, and motif hits. Bars are as high as is readable. No test."
    )


_FINE = "`raycre creme` with the test finemap"
_PRUNED = f"{_FINE}; beside it saliency, motifs and chance by `raycre compare pruning`"
FIGURES = (
    PaperFigure(
        name="creme-3b",
        title="What few bases bring back",
        shows="Score by bases pruned: fine-tile search, saliency, chance, motifs.",
        paper="CREME Fig. 3b, Supp. 6",
        needs=_PRUNED,
        table=_curves_of,
        draw=draw_recovery,
        height=2.6,
        of=_KINDS,
    ),
    PaperFigure(
        name="creme-3c",
        title="Bases left at a score of 0.8",
        shows="Histogram of the bases left at a score of 0.8, by method.",
        paper="CREME Fig. 3c, Supp. 6",
        needs=_PRUNED,
        table=left_at_recovery,
        draw=draw_left,
    ),
    PaperFigure(
        name="creme-3d",
        title="Stretches that matter",
        shows="Saliency along single elements, what the search keeps of them, and motif hits.",
        paper="CREME Fig. 3d,e, Supp. 5",
        needs=f"{_FINE}; saliency by `raycre compare saliency --bases`",
        table=tracks_of,
        draw=draw_tracks,
        also=("creme-3e",),
        columns=2,
        names="genes",
        data="motif hits (BED)",
    ),
)
