"""Training inputs, read once: labelled regions as wide windows in .npy files that every worker maps.

Codes are uint8, openness the float32 mean over replicates, loops float32 counts: exact, and shared by all
folds. The regions table is written last, so that its existence means that the rest is whole.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from raycre.config import TrainConfig
from raycre.create.layout import WIDTH
from raycre.engine.inputs import fit_regions
from raycre.engine.progress import progress
from raycre.errors import LabelError
from raycre.genome.features import Signals, Wide
from raycre.genome.folds import assign_folds, by_chromosome, near_groups
from raycre.genome.regions import read_labels
from raycre.store.files import write_atomic
from raycre.store.parquet import write_table

CHUNK = 4096  # regions read at a time: memory stays flat


class Arrays(NamedTuple):
    """Mapped arrays of n labelled regions; see `Wide`, plus int64 (n,) labels and test folds."""

    wide: Wide
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]


def read_labelled(config: TrainConfig, signals: Signals) -> tuple[pd.DataFrame, dict[str, int]]:
    """Read labelled regions, resize them, and give each its test fold; count what was dropped.

    Returns:
        (table, counts): region_id, chrom, start, end, name, strand, source, label, fold.
    """
    inputs, sizes = config.inputs, signals.fasta.sizes
    found = read_labels(inputs.labels, sizes=sizes, outside=inputs.outside)
    table, counts = fit_regions(found, inputs, sizes, path=inputs.labels, what="labelled region")
    labels = table["label"].to_numpy(np.int64)
    try:
        fold = _folds(config, table, labels)
    except LabelError as error:
        raise LabelError(error.message, path=inputs.labels, value=error.value) from error
    columns = ["region_id", "chrom", "start", "end", "name", "strand", "source", "label", "fold"]
    return table.assign(fold=fold)[columns], counts


def _folds(config: TrainConfig, table: pd.DataFrame, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    n = config.folds.n
    if config.folds.by == "chromosome":
        return by_chromosome(labels, table["chrom"], n, config.run.seed)
    return assign_folds(labels, n, config.run.seed, groups=near_groups(table))


def write_inputs(folder: Path, table: pd.DataFrame, signals: Signals, flank: int) -> None:
    """Materialise wide windows of all regions, unless that was done."""
    done = folder / "regions.parquet"
    if done.is_file():
        return
    width = WIDTH + 2 * flank
    kinds = {"codes": np.uint8, "openness": np.float32, "loops": np.float32}
    first = signals.read_wide(table.iloc[:1], flank)
    present = [name for name in Wide._fields if getattr(first, name) is not None]
    folder.mkdir(parents=True, exist_ok=True)
    # Written in place under a folder that nobody reads before regions.parquet is there.
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kinds[name], (len(table), width))
        for name in present
    }
    with progress("reading regions", len(table)) as show:
        for start in range(0, len(table), CHUNK):
            wide = signals.read_wide(table.iloc[start : start + CHUNK], flank)
            for name, array in arrays.items():
                array[start : start + CHUNK] = getattr(wide, name)
            show(min(start + CHUNK, len(table)))
    for array in arrays.values():
        array.flush()
    for name in ("label", "fold"):
        write_atomic(folder / f"{name}.npy", partial(_save, table[name].to_numpy(np.int64)))
    write_table(done, pa.Table.from_pandas(table, preserve_index=False))


def _save(array: NDArray, path: Path) -> None:
    with path.open("wb") as handle:
        np.save(handle, array)


def open_inputs(folder: Path) -> Arrays:
    """Map what `write_inputs` wrote."""

    def mapped(name: str) -> NDArray | None:
        path = folder / f"{name}.npy"
        return np.load(path, mmap_mode="r") if path.is_file() else None

    codes = mapped("codes")
    assert codes is not None
    return Arrays(
        Wide(codes, mapped("openness"), mapped("loops")),
        np.load(folder / "label.npy"),
        np.load(folder / "fold.npy"),
    )
