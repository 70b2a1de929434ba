"""Training inputs, read once: labelled regions as wide windows in .npy files that every worker maps.

Everything is exact, and shared by all folds: codes are uint8; openness is the sum over replicates and loops
their count, both as uint8 or uint16 where all are integers that fit, else float32 (openness then the mean).
The regions table is written last, so that its existence means that the rest is whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from raycre.create.layout import WIDTH
from raycre.errors import LabelError
from raycre.genome.class_overlaps import one_of_each_window
from raycre.genome.features import Signals, Wide
from raycre.genome.folds import SHIFT_GAP, assign_folds, by_chromosome, near_groups
from raycre.genome.regions import read_labels
from raycre.store.files import read_json, stamped, write_atomic, write_json
from raycre.store.parquet import with_metadata, write_table
from raycre.store.rows import RowsFile
from raycre.workflows.inputs import fit_regions, hash_rows
from raycre.workflows.progress import progress
from raycre.workflows.train.labels import (
    Labelled,
    check_every_class,
    choose_classes,
    keep_classes,
    settle_overlaps,
)
from raycre.workflows.train.plan import TrainPlan

CHUNK = 1024  # regions read at a time: memory stays flat
DIVISORS = "divisors.json"  # of each array: what its numbers are still to be divided by


class Arrays(NamedTuple):
    """Mapped arrays of n labelled regions; see `Wide`, plus int64 (n,) labels and test folds.

    `wide.openness` holds sums over `replicates`; the mean is float32(sum) / float32(replicates). Where it
    is stored as the mean, `replicates` is 1.
    """

    wide: Wide
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    replicates: int = 1


def read_labelled(plan: TrainPlan, signals: Signals) -> Labelled:
    """Read labelled regions, resize them, and give each its test fold; count what was dropped.

    Rules come in this order: off the FASTA, of classes that are not trained, windows past a chromosome's end,
    the blacklist, windows that are there twice, overlaps of two classes.

    Raises:
        LabelError: an unknown class, one that is to be trained and has no regions or fewer than folds, or
            overlapping regions of two classes where they are refused.
        InputError: as `read_labels`.
    """
    labels, sizes = plan.labels, signals.fasta.sizes
    read = read_labels(labels.path, sizes=sizes, outside=plan.signals.outside)
    classes = choose_classes(labels, read.n_of_class)
    found, left_out = keep_classes(read, classes)
    outside = found._replace(n_dropped=found.n_dropped - found.n_repeated)
    table, counts = fit_regions(outside, plan.signals, sizes, path=labels.path, what="labelled region")
    n_windows, table = len(table), one_of_each_window(table)
    n_repeated, n_each = n_windows - len(table), len(table)
    table, overlaps = settle_overlaps(table, labels)
    counts |= {
        "kept": len(table),
        "dropped_as_repeated": found.n_repeated + n_repeated,
        "dropped_of_other_classes": len(read.table) - len(found.table),
        "dropped_for_overlap_of_classes": n_each - len(table),
    }
    check_every_class(table, classes, counts, labels.path)
    table = table.assign(region_id=np.arange(len(table), dtype=np.int64))
    try:
        fold = _folds(plan, table)
    except LabelError as error:
        gone = ", ".join(f"{n:,} of {c}" for c, n in overlaps["dropped"].items())
        why = f" (inputs.overlaps: drop has left out {gone})" if gone else ""
        raise LabelError(error.message + why, path=labels.path, value=error.value) from error
    columns = ["region_id", "chrom", "start", "end", "name", "strand", "source", "label", "fold"]
    rules = {"repeated_windows": "one kept"} if n_repeated else {}
    table = table.assign(fold=fold)[columns]
    rules["labels_as_read"] = hash_rows(table)
    return Labelled(table, counts, classes, left_out, overlaps, rules)


def _folds(plan: TrainPlan, table: pd.DataFrame) -> NDArray[np.int64]:
    labels, n = table["label"].to_numpy(np.int64), plan.folds.n
    if plan.folds.by == "chromosome":
        return by_chromosome(labels, table["chrom"], n, plan.seed)
    groups = near_groups(table, gap=max(SHIFT_GAP, 2 * plan.recipe.flank))
    return assign_folds(labels, n, plan.seed, groups=groups)


def write_inputs(
    folder: Path,
    table: pd.DataFrame,
    signals: Signals,
    flank: int,
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Materialise wide windows of all regions, unless that was done; `metadata` says of which run they are.

    Raises:
        OSError: the disk is full; nothing but whole files is left, and the next call begins anew.
        InputError: a signal that cannot be read.
    """
    done = folder / "regions.parquet"
    if done.is_file():
        return
    shape = len(table), WIDTH + 2 * flank
    first = signals.read_sums(table.iloc[:1], flank)
    present = [name for name in Wide._fields if getattr(first, name) is not None]
    replicates = {"openness": len(signals.openness)}
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack, progress("reading regions", len(table)) as show:
        files = {
            name: stack.enter_context(RowsFile(folder / f"{name}.npy", shape, replicates.get(name, 1)))
            for name in present
        }
        for start in range(0, len(table), CHUNK):
            wide = signals.read_sums(table.iloc[start : start + CHUNK], flank)
            for name, file in files.items():
                file.append(getattr(wide, name))
            show(min(start + CHUNK, len(table)))
    divisors = {name: file.divisor for name, file in files.items()}
    write_json(folder / DIVISORS, stamped(divisors, metadata))
    for name in ("label", "fold"):
        write_atomic(folder / f"{name}.npy", partial(_save, table[name].to_numpy(np.int64)))
    write_table(done, with_metadata(pa.Table.from_pandas(table, preserve_index=False), metadata))


def _save(array: NDArray[Any], path: Path) -> None:
    with path.open("wb") as handle:
        np.save(handle, array)


def open_inputs(folder: Path) -> Arrays:
    """Map what `write_inputs` wrote."""

    def mapped(name: str) -> NDArray[Any] | None:
        path = folder / f"{name}.npy"
        return np.load(path, mmap_mode="r") if path.is_file() else None

    codes = mapped("codes")
    assert codes is not None
    return Arrays(
        Wide(codes, mapped("openness"), mapped("loops")),
        np.load(folder / "label.npy"),
        np.load(folder / "fold.npy"),
        read_json(folder / DIVISORS).get("openness", 1),
    )
