"""A picture of the fine-tile search: which stretches of an element are left, laid along it.

Draws some elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import numpy as np
import pandas as pd

from raycre.figures.blocks import Block, Picture, counted, shown
from raycre.figures.canvas import COLOURS, GREY, INK, LETTERS, as_svg, for_any_page, is_narrow, new_panels
from raycre.figures.parts import iter_effects, track_name

_MAX_ELEMENTS = 16
_COLUMNS = ["tile_chrom", "tile_start", "tile_end", "offset_start", "offset_end", "round"]
_SCORE, _RECOVERED = "mutant/whole", "(mutant-control)/(whole-control)"
_ROUND_0 = ("enhancer", "silencer")  # call of the whole element


def read_finetiles(run: Path, tests: Sequence[str]) -> list[Block]:
    """Read the fine-tile search of a run; nothing where `tests` have none.

    Raises:
        FormatError: a damaged part.
    """
    elements: list[pd.DataFrame] = []
    total = 0
    for rows in (rows for test in tests for rows in iter_effects(run, test, _COLUMNS)):
        for _, mine in rows.groupby(["track_id", "tile_start"]):
            total += 1
            if len(elements) < _MAX_ELEMENTS:
                elements.append(mine)
    return [draw_finetiles(elements, total)] if elements else []


def kept_bp(element: pd.DataFrame) -> int:
    """Return the bp of an element that the search has kept; a survivor has a row for each metric."""
    kept = element[element["call"] == "kept"].drop_duplicates(["offset_start", "offset_end"])
    return int((kept["offset_end"] - kept["offset_start"]).sum())


@for_any_page
def draw_finetiles(elements: list[pd.DataFrame], total: int) -> Picture:
    """Draw a bar for each element: what is kept in the colour of its kind, what went in grey.

    Args:
        elements: rows of the search, each of one element on one track.
        total: elements of the run.
    """
    narrow = is_narrow()  # then what is written stands above its bar
    thin = 0.4 if narrow else 1.0
    figure, [[axes]] = new_panels(0.9 + 0.32 * len(elements), narrow_height=0.6 + 0.9 * len(elements))
    labels = []
    for y, element in enumerate(elements):
        whole = element[element["call"].isin(_ROUND_0)]
        # Without the row of the whole, the sub-tiles that were tried tell where the element stands.
        first, last = int(element["offset_start"].min()), int(element["offset_end"].max())
        kind = whole["call"].iloc[0] if len(whole) else "neither"
        axes.barh(y, (last - first) / 1000, height=0.7 * thin, color="none", edgecolor=GREY, linewidth=0.6)
        for call, colour, height in (("removed", GREY, 0.18), ("kept", COLOURS[kind], 0.7)):
            subs = element[element["call"] == call].drop_duplicates(["offset_start", "offset_end"])
            left = (subs["offset_start"].to_numpy(np.float64) - first) / 1000
            width = (subs["offset_end"] - subs["offset_start"]).to_numpy(np.float64) / 1000
            axes.barh(
                np.full(len(subs), y), width, left=left, height=thin * height, color=colour, linewidth=0
            )
        row = element.iloc[0]
        labels.append(
            f"{row['gene_name']}, {track_name(row)}, {row['tile_chrom']}:{row['tile_start']:,} ({kind})"
        )
        values = [
            element.loc[(element["metric"] == m) & (element["call"] == "kept"), "effect"]
            for m in (_SCORE, _RECOVERED)
        ]
        said = [f"{shown(float(v.iloc[0]))} {w}" for v, w in zip(values, ("score", "of effect"), strict=True)
                if len(v)]  # fmt: skip
        told = f"{kept_bp(element):,} bp kept{': ' if said else ''}{', '.join(said)}"
        if narrow:
            told = "\n".join([*wrap(labels[-1], LETTERS), told])
        x, at = (0.0, y - 0.4 * thin) if narrow else ((last - first) / 1000 * 1.01, float(y))
        axes.text(
            x,
            at,
            told if narrow else f" {told}",
            va="bottom" if narrow else "center",
            color=INK,
            fontsize=8.5,
        )
    ticks = [] if narrow else labels
    axes.set(yticks=range(len(ticks)), yticklabels=ticks, xlabel="kb along the element, in gene direction")
    axes.set_ylim(len(labels) - 0.4, -0.9 if narrow else -0.6)
    longest = max((int(e["offset_end"].max() - e["offset_start"].min()) for e in elements), default=1)
    axes.set_xlim(0, (1.0 if narrow else 1.45) * longest / 1000)
    more = f" The first {len(elements)} of {counted(total, 'element')}." if total > len(elements) else ""
    return Picture(
        "Which stretches matter",
        as_svg(figure),
        "bars of elements with the stretches that the fine-tile search has kept",
        "Coloured: kept to the end; grey line: removed; nothing: tried last and put back, then cut finer. "
        "Score: activity with what is kept over that with the whole element; of effect: the part of the "
        f"element's own effect that it has.{more}",
    )
