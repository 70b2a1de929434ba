"""How much memory CREATE's training inputs take, against windows that are all made beforehand.

    python benchmarks/create_memory.py [--regions 70000] [--reference CHECKOUT]

Regions of known numbers (reads of two replicates, loops) go through the engine's own `write_inputs`; then a
process of its own maps them, cuts every view of one epoch in shuffled batches, and says its peak memory.
With a checkout of the authors' code, its `data_aug` runs on a fiftieth of the regions in a process of its
own, and the peak is multiplied. What is measured, scaled and computed is printed as such.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch

from raycre.create.layout import CLASSES, WIDTH
from raycre.create.views import RATIOS, Views, flank, training_samples
from raycre.genome.features import Signals, Wide
from raycre.workflows.train.fold import fold_data
from raycre.workflows.train.materialise import open_inputs, write_inputs

MODALITIES = ("sequence", "openness", "loops")
WINDOW = 6 * WIDTH * 4  # bytes of one float32 window
SUBSET = 50  # the reference runs on one region in so many
BATCH = 1024
REPLICATES = 2


class Counts:
    """Signals without files: reads and loops follow from the region's number."""

    openness = (None,) * REPLICATES

    def read_sums(self, table: pd.DataFrame, flank: int) -> Wide:
        rng = np.random.default_rng(int(table["region_id"].iloc[0]))
        shape = len(table), WIDTH + 2 * flank
        height = rng.gamma(0.5, 60.0, (len(table), 1))  # reads a base; some sums pass 255, as real ones do
        codes = rng.integers(0, 4, shape, np.uint8)
        loops = np.minimum(rng.poisson(2.0, (len(table), 1)), 255) + np.zeros(shape, np.float32)
        return Wide(codes, rng.poisson(height, shape).astype(np.float64), loops.astype(np.float32))


def class_sizes(n: int) -> dict[str, list[int]]:
    """Return regions by class for the layouts that are compared."""
    inverse = 1 / np.array(RATIOS)
    ends = [[0] * 4 + [n], [n, 0, 0, 0, 0]]
    layouts = {"equal": np.full(5, n / 5), "inverse to the ratio": n * inverse / inverse.sum()}
    found = {name: np.floor(sizes).astype(int).tolist() for name, sizes in layouts.items()}
    return found | {"all of ratio 1": ends[0], "all of ratio 5": ends[1]}


def write(folder: Path, n: int) -> None:
    """Write the inputs of n regions, as many of each class."""
    ids = np.arange(n)
    table = pd.DataFrame({"region_id": ids, "start": 0, "end": WIDTH, "label": ids % len(CLASSES), "fold": 0})
    # With every region in fold 0, the training rows of round 1 of 3 are all of them.
    write_inputs(folder, table, cast(Signals, Counts()), flank(max(RATIOS)))


def resident(key: str = "VmRSS") -> int:
    """Return this process's resident memory in bytes; VmHWM is the most that it ever had."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {key} in /proc/self/status")


def mapped_from(folder: Path) -> int:
    """Return the resident bytes of the files of `folder` that this process maps."""
    total, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *values = line.split()
        if not name.endswith(":"):  # a mapping begins
            ours = bool(values) and values[-1].startswith(str(folder))
        elif ours and name == "Rss:":
            total += int(values[0]) * 1024
    return total


def cut_epoch(folder: Path) -> dict[str, float]:
    """Map the inputs and cut every view of one epoch; return bytes and seconds."""
    torch.set_num_threads(1)
    before = resident()
    arrays = open_inputs(folder)
    data = fold_data(arrays, 1, 3)
    samples = training_samples(data.labels, data.train)
    order = np.random.default_rng(0).permutation(len(samples.rows))
    started, total = time.perf_counter(), 0.0
    for first in range(0, len(order), BATCH):
        taken = order[first : first + BATCH]
        views = Views(samples.views.offsets[taken], samples.views.is_rc[taken])
        total += float(data.inputs(samples.rows[taken], views, MODALITIES, torch.device("cpu"))[:, 4].sum())
    assert total > 0
    seconds = time.perf_counter() - started
    found = {"windows": len(order), "seconds": seconds, "mapped": mapped_from(folder)}
    return {"peak": resident("VmHWM") - before, **found}


def augment_as_published(checkout: Path, n: int) -> dict[str, float]:
    """Let the authors' `data_aug` make all training windows of n regions; return bytes and seconds."""
    spec = importlib.util.spec_from_file_location("published", checkout / "create" / "data.py")
    assert spec is not None
    assert spec.loader is not None
    published: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(published)
    before = resident()
    rng = np.random.default_rng(0)
    source = rng.random((n, 6, WIDTH + 2 * flank(max(RATIOS))))  # float64, as its log tracks make it
    labels = np.arange(n) % len(CLASSES)
    started = time.perf_counter()
    windows, _, _ = published.data_aug(source, labels, augs=list(RATIOS), multi=["seq", "open", "loop"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that a list of arrays is slow
        tensor = torch.Tensor(windows)
    seconds = time.perf_counter() - started
    return {"peak": resident("VmHWM") - before, "windows": len(tensor), "seconds": seconds}


def in_process(*arguments: str) -> dict[str, float]:
    """Run this file again for one measurement, so that nothing else is in its memory."""
    command = [sys.executable, __file__, "--measure", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print bytes, ratios, and which of them were measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", type=int, default=70_000)
    parser.add_argument("--reference", type=Path, help="checkout of the authors' repository")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        kind, where, *n = given.measure
        found = cut_epoch(Path(where)) if kind == "ours" else augment_as_published(Path(where), int(n[0]))
        print(json.dumps(found))
        return
    n = given.regions
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "inputs"
        started = time.perf_counter()
        write(folder, n)
        seconds = time.perf_counter() - started
        wide = open_inputs(folder).wide
        stored = sum(array.nbytes for array in wide if array is not None)
        kinds = ", ".join(f"{k} {a.dtype}" for k, a in wide._asdict().items() if a is not None)
        print(
            f"stored (measured): {stored / 1e6:.0f} MB, {stored / n:.0f} bytes a region ({kinds}), "
            f"written in {seconds:.0f} s"
        )
        for name, sizes in class_sizes(n).items():
            windows = 2 * int(np.dot(sizes, RATIOS))
            print(
                f"  {name}: {windows:,} float32 windows (computed) {windows * WINDOW / 1e9:.2f} GB, "
                f"{windows * WINDOW / stored:.1f} times as much"
            )
        ours = in_process("ours", str(folder))
    print(
        f"peak of cutting one epoch (measured), {ours['windows']:,.0f} windows, batches of {BATCH:,}: "
        f"{ours['peak'] / 1e6:.0f} MB, of that {ours['mapped'] / 1e6:.0f} MB mapped inputs and the rest one "
        f"batch's work; {1e6 * ours['seconds'] / ours['windows']:.0f} us a window; all windows (computed) "
        f"are {ours['windows'] * WINDOW / ours['mapped']:.1f} times the mapped inputs, "
        f"{ours['windows'] * WINDOW / ours['peak']:.1f} times the peak"
    )
    if given.reference is not None:
        theirs = in_process("reference", str(given.reference), str(n // SUBSET))
        whole = theirs["peak"] * n / (n // SUBSET)
        print(
            f"reference, peak of {theirs['windows']:,.0f} windows of {n // SUBSET:,} regions (measured) "
            f"{theirs['peak'] / 1e6:.0f} MB; of {n:,} regions (scaled): {whole / 1e9:.1f} GB, "
            f"{whole / ours['peak']:.1f} times our peak, {whole / stored:.1f} times what we store"
        )


if __name__ == "__main__":
    main()
