"""The context swap test as a table: TSSs of one class in contexts of another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from raycre.creme.tests import context
from raycre.figures.blocks import Block, Cell, Table
from raycre.figures.parts import iter_effects, track_name

_OVER_OWN = "mutant/wt"


def read_swaps(run: Path, tests: Sequence[str]) -> list[Block]:
    """Read the context swaps of a run; nothing where `tests` have none.

    Raises:
        FormatError: a damaged part.
    """
    parts = [rows for test in tests for rows in iter_effects(run, test, ["context_gene_id"])]
    if not parts:
        return []
    classes: dict[tuple[str, int], str] = {}
    for rows in iter_effects(run, context.TEST.name, []):
        for row in rows.dropna(subset=["call"]).to_dict("records"):
            key = (row["gene_id"], row["track_id"])
            # TSSs of one gene with unlike classes: which of them was swapped, the row does not say.
            classes[key] = row["call"] if classes.get(key, row["call"]) == row["call"] else "mixed"
    swaps = pd.concat(parts, ignore_index=True)
    return [swap_table(swaps[swaps["metric"] == _OVER_OWN], classes)]


def swap_table(swaps: pd.DataFrame, classes: dict[tuple[str, int], str]) -> Table:
    """Return number, median and mean of swaps by track and by class of the TSS's own context and the new one.

    Args:
        swaps: gene_id (whose TSS), context_gene_id, track_id, track_name, biosample, effect.
        classes: context class by gene_id and track id.
    """
    pairs = zip(swaps["gene_id"], swaps["context_gene_id"], swaps["track_id"], strict=True)
    both = [(classes.get((g, t), "unknown"), classes.get((c, t), "unknown")) for g, c, t in pairs]
    names = {row["track_id"]: track_name(row) for _, row in swaps.drop_duplicates("track_id").iterrows()}
    table = pd.DataFrame(both, columns=["own", "new"], index=swaps.index)
    table = table.assign(track=swaps["track_id"], effect=swaps["effect"].astype(np.float64)).dropna()
    summary = table.groupby(["track", "own", "new"])["effect"].agg(["size", "median", "mean"]).reset_index()
    rows: list[list[Cell]] = [
        [names[r["track"]], r["own"], r["new"], int(r["size"]), float(r["median"]), float(r["mean"])]
        for r in summary.to_dict("records")
    ]
    return Table(
        "Swapped contexts: activity of a TSS in another gene's context, over its own wild type, by the "
        "classes of both contexts.",
        ["track", "TSS of", "in context of", "swaps", "median", "mean"],
        rows,
        tall=len(rows) > 24,
    )
