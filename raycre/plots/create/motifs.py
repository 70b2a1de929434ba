"""Figures of motifs: enrichment by class, logos, and what is lost without a class's major feature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.annotate.declaration import KINDS
from raycre.annotate.matrices import frequencies_by_motif, matrix_rows
from raycre.errors import ConfigError, MissingInputError, near
from raycre.figures.canvas import COLOURS, GREY
from raycre.figures.logo import bits_of, draw_logo
from raycre.genome.classes import CLASSES
from raycre.genome.meme import read_meme
from raycre.plots.charts import bars, bracket
from raycre.plots.create.regions import class_colour, ordered
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import STARS_TOLD, listed, p_words, stars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ENRICHED = 0.01  # CREATE, legend of Fig. 5b: "P-value < 0.01"
_MOST_MOTIFS = 15
_MOST_LOST = 3  # motifs of figure 4c, where none is named
_A_LINE, _MOST_LOGOS = 4, 16


def motif_pairs(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Mean -log10 P and share of enriched regions of each group and motif; without a hit it is 0."""
    regions = runs.annotation("motifs")[["run", "region_id", "group"]].dropna(subset=["group"])
    pairs = runs.annotation_parts("motifs", "regions")
    known = pairs["motif"].unique()
    chosen = choose_motifs(choice, list(known))
    rows = pairs.merge(regions, on=["run", "region_id"])
    sizes = regions.groupby("group").size()
    if not chosen:
        enriched = rows[rows["fisher_p"] < _ENRICHED].groupby(["motif", "group"]).size().unstack(fill_value=0)
        spread = (enriched / sizes.reindex(enriched.columns)).max(axis=1)
        chosen = list(spread.sort_values(ascending=False, kind="stable").index[:_MOST_MOTIFS])
    found = []
    for group, n in sizes.items():
        for motif in chosen:
            mine = rows[(rows["group"] == group) & (rows["motif"] == motif)]
            found.append({
                "group": group, "motif": motif, "n": int(n), "n_with_hit": len(mine),
                "mean_neglog10_p": float(mine["neglog10_fisher_p"].sum() / n),
                "share_enriched": float((mine["fisher_p"] < _ENRICHED).sum() / n),
            })  # fmt: skip
    return pd.DataFrame(found)


def choose_motifs(choice: Choice, known: Sequence[str]) -> list[str]:
    """Motifs of these names, or whose names hold them."""
    chosen: list[str] = []
    for name in choice.names:
        hits = [m for m in known if m == name] or [m for m in known if name.casefold() in m.casefold()]
        if not hits:
            raise ConfigError(f"no motif of this name has a hit{near(name, known)}", value=name)
        chosen += hits
    return list(dict.fromkeys(chosen))


def draw_motifs(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A bubble for each motif and group: as large as its share, as full as its significance."""
    axes = figure.subplots()
    groups, motifs = ordered(rows), list(dict.fromkeys(rows["motif"]))
    top = max(float(rows["mean_neglog10_p"].max()), 1e-9)
    largest = max(float(rows["share_enriched"].max()), 1e-9)
    for row in rows.to_dict("records"):
        x, y = motifs.index(row["motif"]), groups.index(row["group"])
        alpha = 0.12 + 0.88 * row["mean_neglog10_p"] / top
        axes.scatter(
            x, y, s=130 * row["share_enriched"] / largest + 2, color=class_colour(row["group"], y),
            alpha=alpha,
            linewidths=0,
        )  # fmt: skip
    axes.set_xticks(range(len(motifs)), motifs, rotation=45, ha="right", rotation_mode="anchor")
    n = rows.drop_duplicates("group").set_index("group")["n"]
    axes.set_yticks(range(len(groups)), [f"{g} (n = {int(n[g]):,})" for g in groups])
    axes.set(xlim=(-0.6, len(motifs) - 0.4), ylim=(len(groups) - 0.5, -0.5))
    for share in (largest, largest / 2):
        axes.scatter(
            [], [], s=130 * share / largest + 2, color=GREY, linewidths=0, label=f"{share:.0%} enriched"
        )
    for level in (1.0, 0.3):
        told = f"mean −log10 P {top * level:.2g}"
        axes.scatter([], [], s=60, color=GREY, alpha=0.12 + 0.88 * level, linewidths=0, label=told)
    figure.legend(loc="outside upper right", ncols=4, handletextpad=0.2)
    return (
        "Motif enrichment: a bubble is as large as the share of regions with Fisher's combined P < "
        f"{_ENRICHED:g} (largest {largest:.1%}), as full as the mean −log10 P over all regions (largest "
        f"{top:.3g}; "
        f"a region without a hit counts 0). P by FIMO's rule; {listed([(g, int(n[g])) for g in groups])}."
    )


def lost_motifs(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Significance of motifs in regions of a class: the input, decoded, decoded without the major feature."""
    of = choice.which("silencer")
    tests = runs.annotation("decoded", "motifs")
    tests = tests[tests["group"] == of].sort_values("p_value", kind="stable")
    if tests.empty:
        raise MissingInputError(f"no {of} region is decoded base by base, or no motif has a hit in one")
    chosen = choose_motifs(choice, list(tests["motif"].unique())) or list(
        tests["motif"].unique()[:_MOST_LOST]
    )
    regions = runs.annotation("decoded")
    regions = regions[regions["group"] == of][["run", "region_id", "group", "fold", "code", "n_pieces"]]
    parts = runs.annotation_parts("decoded", "regions")
    values = [f"neglog10_p_{kind}" for kind in KINDS]
    known = parts.loc[parts["motif"].isin(chosen), ["run", "region_id", "motif", *values]]
    every = regions.merge(pd.DataFrame({"motif": chosen}), how="cross")
    rows = every.merge(known, how="left", on=["run", "region_id", "motif"])
    rows[values] = rows[values].fillna(0.0)
    return rows.merge(tests[["run", "motif", "p_value", "p_decoded", "p_bh"]], on=["run", "motif"])


def draw_lost(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A panel for each motif: three bars, and their tests."""
    motifs = list(dict.fromkeys(rows["motif"]))
    of = rows["group"].iloc[0]
    panels = figure.subplots(1, len(motifs), squeeze=False)[0]
    labels = {"input": "original", "decoded": "reconstructed", "without\nfeature": "zeroed"}
    said = []
    for axes, motif in zip(panels, motifs, strict=True):
        mine = rows[rows["motif"] == motif]
        axes.set_title(motif, pad=20)
        groups = [(name, mine[f"neglog10_p_{kind}"].to_numpy(np.float64)) for name, kind in labels.items()]
        bars(axes, groups, [GREY, COLOURS[of], COLOURS[of]], counts=False)
        axes.patches[-1].set(alpha=0.45)
        for level, (first, column) in enumerate(((2, "p_decoded"), (1, "p_value"))):
            p = float(mine[column].iloc[0])
            bracket(axes, first, 3, stars(p), level)
            told = "decoded" if column == "p_decoded" else "input"
            said.append(f"{motif}, {told} {p_words(p)}")
        axes.tick_params(axis="x", length=0)
    panels[0].set_ylabel("mean −log10 P")
    one = rows[rows["motif"] == motifs[0]]
    folds = ", ".join(map(str, sorted(one["fold"].unique())))
    return (
        "Significance of motifs (Fisher's combined P of FIMO's hits, 0 without a hit) in "
        f"{of} regions of fold {folds}, n = {len(one):,}, "
        f"{int((one['n_pieces'] > 0).sum()):,} with the major feature: of the input, decoded, and "
        "decoded with the pieces of the feature set to 0. Bars: means; error bars: 95 % confidence "
        "intervals. One-sided Wilcoxon rank-sum tests, greater than without: "
        f"{'; '.join(said)}. {STARS_TOLD}"
    )


def matrices_of(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Frequencies and bits of each position of motifs, of a file or of an annotation."""
    if choice.data:
        rows = matrix_rows(motif for _, path in choice.data for motif in read_meme(path))
    else:
        found = []
        for what in ("motifs", "decoded"):
            try:
                found.append(runs.annotation(what, "matrices"))
            except MissingInputError:
                continue
        if not found:
            raise MissingInputError(
                "no run has matrices of motifs; write them with `raycre annotate motifs`, or name a "
                "MEME file with --data"
            )
        rows = pd.concat(found, ignore_index=True)
    rows = rows.drop_duplicates(["motif", "position"])
    known = list(dict.fromkeys(rows["motif"]))
    chosen = choose_motifs(choice, known) or known
    table = rows[rows["motif"].isin(chosen[:_MOST_LOGOS])].copy()
    table["bits"] = bits_of(table[["A", "C", "G", "T"]].to_numpy(np.float64))
    return table.assign(n_motifs=len(chosen)).reset_index(drop=True)


def draw_logos(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A panel for each motif."""
    motifs = frequencies_by_motif(rows)
    columns = min(_A_LINE, len(motifs))
    lines = -(-len(motifs) // columns)
    figure.set_size_inches(figure.get_size_inches()[0], 0.2 + 0.95 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, (name, frequencies) in zip(panels, motifs.items(), strict=False):
        draw_logo(axes, frequencies)
        axes.set_title(name, fontsize=6)
        axes.tick_params(labelsize=5.5)
    for axes in panels[len(motifs) :]:
        axes.set_axis_off()
    for row in range(lines):
        panels[row * columns].set_ylabel("bits")
    more = int(rows["n_motifs"].iloc[0]) - len(motifs)
    rest = f" {more:,} further motifs are not drawn; name them." if more else ""
    return (
        f"n = {len(motifs)}; a position is as high as it says bits (Schneider and Stephens "
        f"1990, without a correction for few sites), a letter by its share.{rest} No test."
    )


FIGURES = (
    PaperFigure(
        name="create-4c",
        title="Motifs without the major feature",
        shows="Significance of motifs in the input, decoded, and decoded without a class's major feature.",
        paper="CREATE Fig. 4c, Supp. 16d-g, 17",
        needs="`raycre annotate decoded MEME --run TRAINING`",
        table=lost_motifs,
        draw=draw_lost,
        columns=2,
        height=2.8,
        of=("silencer", *(c for c in CLASSES if c != "silencer")),
        names="motifs",
    ),
    PaperFigure(
        name="create-5b",
        title="Motifs of repressors",
        shows="Motif enrichment by class, a bubble for each motif.",
        paper="CREATE Fig. 5b,c",
        needs="`raycre annotate motifs` of regions with groups",
        table=motif_pairs,
        draw=draw_motifs,
        also=("create-5c",),
        columns=2,
        height=2.4,
        names="motifs",
    ),
    PaperFigure(
        name="create-logos",
        title="Logos of motifs",
        shows="Logo of each motif, in bits.",
        paper="CREATE, motifs of Fig. 4c, 5b,c, 7d,e",
        needs="`raycre annotate motifs`, or a file of motifs (MEME)",
        table=matrices_of,
        draw=draw_logos,
        columns=2,
        names="motifs",
        data="motifs (MEME)",
        runs=False,
    ),
)
