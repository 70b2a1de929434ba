"""What a run of `raycre predict` offers: its calls, and each class's probability along the genome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from raycre.export.features import (
    COLOURS,
    Features,
    Intervals,
    Signal,
    apart,
    clip,
    colour_of,
    item_name,
    sorted_rows,
)
from raycre.export.options import Options
from raycre.genome.classes import CLASSES
from raycre.store.parquet import iter_parts, read_parts, read_table

_COLUMNS = [
    "region_id",
    "chrom",
    "start",
    "end",
    "name",
    "strand",
    "call",
    "call_argmax",
    *(f"p_{c}" for c in CLASSES),
]
BACKGROUND = "background"


def predict_features(
    run: Path, record: Mapping[str, Any], options: Options, about: Mapping[str, Any]
) -> Features:
    """Read predictions when a format asks for them.

    Args:
        run, record: the run folder and its run.json.
        options: of the export.
        about: name, sizes, assembly and fasta of `Features`.
    """
    found = Features(
        **about,
        intervals=lambda: [_calls(run, options, found)],
        signals=lambda: _probabilities(run, found),
        arcs=list,
        tables={"predictions": lambda: _parts(run / "predictions")},
    )
    return found


def _parts(folder: Path) -> Iterator[pa.Table]:
    for path in iter_parts(folder):
        yield read_table(path)


def _calls(run: Path, options: Options, found: Features) -> Intervals:
    rows = read_parts(run / "predictions", _COLUMNS)
    by_call = bool(rows["call"].notna().any())
    call = rows["call"] if by_call else rows["call_argmax"]
    p = rows[[f"p_{c}" for c in CLASSES]].to_numpy(np.float64)
    place = pd.Index(CLASSES).get_indexer(pd.Index(call))
    score = np.where(place < 0, 0, p[np.arange(len(p)), place])
    named = rows["name"].where(
        rows["name"].notna() & (rows["name"] != ""), "region" + rows["region_id"].astype(str)
    )
    table = pd.DataFrame(
        {
            "chrom": rows["chrom"], "start": rows["start"], "end": rows["end"],
            "name": call.fillna("none") + ":" + named.map(item_name),
            "score": np.rint(1000 * np.nan_to_num(score)).astype(np.int64).clip(0, 1000),
            "strand": rows["strand"].where(rows["strand"].isin(["+", "-"]), "."),
            "colour": call.map(colour_of),
        }
    )  # fmt: skip
    if not options.every:
        keep = (call != BACKGROUND).to_numpy()
        if n := int((~keep).sum()):
            found.left_out["background regions left out (--every writes them)"] = n
        table = table[keep]
    what = "calls" if by_call else "most probable classes (the run has no cutoffs)"
    rows = sorted_rows(clip(table, found.sizes, found.left_out))
    return Intervals("calls", "calls", f"{found.name}: {what}", rows)


def _probabilities(run: Path, found: Features) -> Iterator[Signal]:
    for name in CLASSES:
        rows = read_parts(run / "predictions", ["chrom", "start", "end", f"p_{name}"])
        if rows[f"p_{name}"].isna().all():
            continue  # a class that the models were not trained on
        rows = clip(rows.rename(columns={f"p_{name}": "value"}), found.sizes, found.left_out)
        yield Signal(
            f"p_{name}", f"P({name})", f"{found.name}: probability of {name}", apart(rows), COLOURS[name]
        )
