"""The pictures of the documentation: `python docs/pictures.py demo-run` writes them anew into docs/pictures/.

Two are figures of the demo's runs as `raycre report` draws them; the overview is drawn here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

import raycre
from raycre.figures.canvas import COLOURS

OUT = Path(__file__).resolve().parent / "pictures"
OF_RUNS = {"sure": ("predict", "how sure"), "enha": ("creme", "ENHA")}
INK, FILES, CREATE, CREME, AFTER = "#1b2430", "#eef1f5", "#cfe3f3", "#d4ecdf", "#fbe8c8"
BOXES = [  # x, y, width, text, colour
    (0.0, 2.1, 2.0, "peaks, databases", FILES),
    (0.0, 1.3, 2.0, "genome, DNase or\nATAC, loops", FILES),
    (0.0, 0.1, 2.0, "genes, Enformer,\nBorzoi or your model", FILES),
    (2.7, 2.1, 1.7, "prepare", CREATE),
    (2.7, 1.3, 1.7, "train", CREATE),
    (5.1, 1.7, 2.1, "predict: class\nof each region", CREATE),
    (5.1, 0.1, 2.1, "creme: effect of each\ntile on each gene", CREME),
    (7.9, 2.1, 2.1, "report: one page", AFTER),
    (7.9, 1.1, 2.1, "export: IGV, UCSC", AFTER),
    (7.9, 0.1, 2.1, "annotate, compare", AFTER),
]
ARROWS = [(0, 3), (3, 4), (1, 4), (4, 5), (2, 6), (5, 7), (5, 8), (6, 8), (6, 9), (5, 6)]
HEIGHT = 0.62


def draw_overview(run: Path) -> None:
    """Draw what goes in and comes out, above what the demo's runs found."""
    figure = plt.figure(figsize=(10, 6.2), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1, 1])
    _draw_boxes(above.subplots())
    left, right = below.subplots(1, 2, width_ratios=[1, 1.6])
    _draw_calls(left, run)
    _draw_effects(right, run)
    figure.savefig(OUT / "overview.png", dpi=130, metadata={"Software": None})
    plt.close(figure)


def _draw_boxes(axes: Axes) -> None:
    for x, y, width, text, colour in BOXES:
        axes.add_patch(plt.Rectangle((x, y), width, HEIGHT, facecolor=colour, edgecolor=INK, linewidth=0.8))
        axes.text(x + width / 2, y + HEIGHT / 2, text, ha="center", va="center", color=INK, fontsize=10)
    for first, second in ARROWS:
        (x, y, width, *_), (to_x, to_y, to_width, *_) = BOXES[first], BOXES[second]
        if to_x < x + width:  # one below the other
            ends = ((to_x + to_width / 2, to_y + HEIGHT), (x + width / 2, y))
        else:
            ends = ((to_x, to_y + HEIGHT / 2), (x + width, y + HEIGHT / 2))
        axes.annotate("", *ends, arrowprops={"arrowstyle": "->", "color": INK, "linewidth": 1})
    axes.set(xlim=(-0.05, 10.05), ylim=(-0.05, 2.85))
    axes.axis("off")


def _draw_calls(axes: Axes, run: Path) -> None:
    counts = raycre.open_run(run / "predict").predictions().pandas(["call"])["call"].value_counts()
    names = ["insulator", "promoter", "enhancer", "silencer"]
    axes.barh(names, [counts[name] for name in names], color=[COLOURS[name] for name in names])
    for place, name in enumerate(names):
        axes.text(counts[name], place, f" {counts[name]:,}", va="center", color=INK)
    axes.set(title=f"CREATE's calls of {counts.sum():,} regions (demo)", xlabel="regions")
    axes.set_xlim(0, counts[names].max() * 1.15)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_effects(axes: Axes, run: Path) -> None:
    gene = raycre.open_run(run / "creme").effects(test="necessity", gene_name="ENHA").pandas()
    gene = gene[gene["track_name"] == gene["track_name"].iloc[0]].sort_values("tile_start")
    colours = [COLOURS.get(str(call), "#9aa4b0") for call in gene["call"]]
    axes.bar(gene["tile_start"] / 1e3, gene["effect"], width=4.6, align="edge", color=colours)
    axes.axvline(gene["tss"].iloc[0] / 1e3, color=INK, linestyle=":", linewidth=1)
    axes.text(gene["tss"].iloc[0] / 1e3, gene["effect"].max(), " TSS", color=INK, va="top")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set(
        title="CREME's necessity of the tiles of a gene (demo)",
        xlabel=f"{gene['tile_chrom'].iloc[0]}, kb",
        ylabel="share of activity lost",
    )
    axes.spines[["top", "right"]].set_visible(False)


def main(run: Path) -> None:
    """Write all pictures of the demo's folder."""
    OUT.mkdir(exist_ok=True)
    for name, (verb, title) in OF_RUNS.items():
        svg = raycre.open_run(run / verb).plot(title).save(OUT / f"{name}.svg")
        svg.write_text(re.sub(r"<dc:date>.*?</dc:date>", "", svg.read_text()))
    draw_overview(run)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
