"""Regions of a training as regions to annotate: with their true class, and what its folds decode them as."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from raycre.annotate.declaration import KINDS
from raycre.errors import MissingInputError
from raycre.genome.classes import CLASSES
from raycre.store.parquet import read_table


def read_true_classes(regions: Path) -> pd.DataFrame:
    """Read inputs/regions.parquet of a training; `group` is the true class."""
    rows = read_table(regions).to_pandas()
    labelled: pd.DataFrame = rows.assign(group=np.array(CLASSES, dtype=object)[rows["label"]])
    return labelled


def read_decoded(run: Path, regions: Path) -> tuple[pd.DataFrame, tuple[Path, ...]]:
    """Read what a training's folds have decoded base by base, fold after fold.

    Args:
        run: folder of the training.
        regions: its inputs/regions.parquet.

    Returns:
        The regions' columns and group, and those of `DECODED`; the files that were read.

    Raises:
        MissingInputError: no fold has such regions.
    """
    labelled, parts, read = read_true_classes(regions), [], [regions]
    for folder in sorted(run.glob("folds/fold=[0-9]*"), key=_number):
        files = folder / "reconstruction.parquet", folder / "zeroed.parquet"
        if not files[0].is_file():
            continue  # not trained, or of a model without a codebook
        names = ["region_id", "code", *(f"sequence_{kind}" for kind in KINDS)]
        rows = read_table(files[0], names).to_pandas()
        pieces = read_table(files[1], ["region_id", "n_pieces"]).to_pandas().set_index("region_id")
        place = labelled.iloc[rows["region_id"]].drop(columns="fold").reset_index(drop=True)
        n_pieces = pieces.loc[rows["region_id"], "n_pieces"].to_numpy()
        parts.append(
            place.assign(
                fold=_number(folder), n_pieces=n_pieces, **rows.drop(columns="region_id").to_dict("series")
            )
        )
        read += files
    if not sum(map(len, parts)):
        raise MissingInputError(
            "no region is decoded base by base: train CREATE with a codebook, and with "
            "interpretation.base_by_base above 0",
            path=run,
        )
    return pd.concat(parts, ignore_index=True), tuple(read)


def _number(folder: Path) -> int:
    return int(folder.name.partition("=")[2])
