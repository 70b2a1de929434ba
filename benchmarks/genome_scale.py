"""Predictions of more and more regions, end to end: memory of each process, regions a second, CPU time.

    python benchmarks/genome_scale.py [--regions 50000 500000] [--model tiny constant] [--replicas 1 2]

Regions of 1 kb on a random chromosome, sequence alone, one view. The model is an untrained CREATE of the
smallest size, or one that returns constants, so that reading, moving and writing are all there is. Each row
is a run in a process of its own, on a Ray of its own. Memory is PSS without what is shared (the object
store), of the driver and of the largest worker, the median while parts are written; the driver's peak is
beside it. CPU seconds are of the driver and of all that it started. `first_s` is the time from the return of
`ray.init` to the first part. --json FILE keeps all figures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

EVERY = 0.5  # seconds between looks at the processes
STEP = 50  # bp from one region to the next
MARGIN = 2_000  # bp at both ends of the chromosome
TICKS = os.sysconf("SC_CLK_TCK")


def write_inputs(folder: Path, most: int) -> None:
    """A random chromosome, regions along it, and weights."""
    import torch

    from raycre.create.model.specification import NetworkSpec
    from raycre.create.model.weight_files import write_model

    size = STEP * most + 2 * MARGIN
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, size, np.uint8)]
    with (folder / "genome.fa").open("wb") as file:
        file.write(b">chr1\n")
        width = 100
        whole = letters[: size - size % width].reshape(-1, width)
        file.write(np.hstack([whole, np.full((len(whole), 1), ord("\n"), np.uint8)]).tobytes())
    torch.manual_seed(0)
    write_model(folder / "model.safetensors", NetworkSpec(size="tiny", modalities=("sequence",)).build())


def write_regions(path: Path, n: int) -> None:
    """Write n regions."""
    with path.open("w") as file:
        for first in range(0, n, 10_000):
            starts = [MARGIN + STEP * i for i in range(first, min(n, first + 10_000))]
            file.write("".join(f"chr1\t{start}\t{start + 1000}\n" for start in starts))


class Constants:
    """Stands in for an ensemble: each region is of all classes alike."""

    def predict(self, codes: Any, openness: Any, loops: Any, *, first: int) -> Any:
        """Return the same of every region."""
        from raycre.create.inference.ensemble import Predictions

        n = len(codes)
        alike = np.full((n, 5), 0.2, np.float32)
        return Predictions(alike, alike * 0, np.zeros(n, np.uint8), np.zeros(n, np.float32))


def predict(folder: Path, n: int, model: str, replicas: int) -> dict[str, Any]:
    """Do a run in this process; return when Ray was there, and when it began."""
    import ray

    from raycre.config import PredictConfig, make_config
    from raycre.engine.stream import stream
    from raycre.workflows.predict.run import run_predict
    from raycre.workflows.predict.shards import CrePredictor

    class Constant(CrePredictor):
        """A replica without weights."""

        def __init__(self, spec: Any) -> None:
            self.spec, self.ensemble, self._unsure = spec, Constants(), False  # type: ignore[assignment]

    def constant(rows: Any, read: Any, kind: type, *more: Any) -> Iterable[dict[str, Any]]:
        return stream(rows, read, Constant, *more)

    stamps: dict[str, Any] = {"began": time.time()}
    real = ray.init

    def noted(*arguments: Any, **named: Any) -> Any:
        found = real(*arguments, **named)
        stamps["ray"] = time.time()
        return found

    ray.init = noted
    out = folder / f"{model}-{n}-{replicas}"
    values = {
        "run": {"name": out.name, "out": str(out)},
        "inputs": {"fasta": str(folder / "genome.fa"), "regions": str(folder / f"regions-{n}.bed")},
        "model": {"checkpoint": str(folder / "model.safetensors")},
        "views": 1,
        "resources": {"replicas": replicas},
    }
    config = make_config(PredictConfig, values)
    if model == "constant":
        run_predict(config, stream=constant)
    else:
        run_predict(config)
    return stamps | {"ended": time.time()}


class Watch:
    """Looks at a process and all below it, again and again, until it ends."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.memory: dict[str, list[tuple[float, float]]] = {}  # process -> (time, MB)
        self.cpu: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            for pid in [self.pid, *below(self.pid)]:
                try:
                    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
                    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    self.cpu[pid] = (int(stat[11]) + int(stat[12])) / TICKS
                    if pid == self.pid or command.startswith("ray::"):
                        name = "driver" if pid == self.pid else f"{command.split('(')[0][5:]} {pid}"
                        self.memory.setdefault(name, []).append((time.time(), private(pid)))
                except (OSError, ValueError):
                    continue  # it ended meanwhile


def below(pid: int) -> list[int]:
    """Return all processes below one."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(
                int(stat.parent.name)
            )
        except OSError:
            continue
    found, queue = [], [pid]
    while queue:
        found += (of := children.get(queue.pop(), []))
        queue += of
    return found


def private(pid: int) -> float:
    """Return MB of a process: its PSS without shared memory."""
    kb = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        kb[name] = int(value.split()[0])
    return (kb["Pss"] - kb["Pss_Shmem"]) / 1e3


def row_of(folder: Path, n: int, model: str, replicas: int) -> dict[str, Any]:
    """Run, watch, and return what was seen."""
    write_regions(folder / f"regions-{n}.bed", n)
    words = [sys.executable, __file__, "--one", str(folder), str(n), model, str(replicas)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        watch = Watch(process.pid)
        assert process.stdout is not None
        said = process.stdout.read()
        code = process.wait()
        watch.end()
    if code:
        raise SystemExit((folder / "log").read_text())
    stamps = json.loads(said.splitlines()[-1])
    parts = sorted((folder / f"{model}-{n}-{replicas}" / "predictions").glob("part-*.parquet"))
    written = [part.stat().st_mtime for part in parts]
    first, last = min(written), max(written)

    def working(name: str) -> float:
        looks = watch.memory.get(name, [])
        during = [mb for at, mb in looks if first <= at <= last] or [mb for at, mb in looks if at <= last][
            -1:
        ]
        return statistics.median(during) if during else 0.0

    workers = {name: working(name) for name in watch.memory if name != "driver"}
    replica = [mb for name, mb in workers.items() if name.startswith("MapWorker")]
    peak = max(mb for _, mb in watch.memory["driver"])
    size = sum(part.stat().st_size for part in parts) / 1e6
    reader = [mb for name, mb in workers.items() if not name.startswith(("MapWorker", "IDLE"))]
    seconds, cpu = last - first, sum(watch.cpu.values())
    rest = n * (1 - 1 / len(parts))  # without the part from which on time is taken
    return {
        "model": model, "regions": n, "replicas": replicas, "parts": len(parts),
        "driver_mb": round(working("driver")), "driver_peak_mb": round(peak),
        "replica_mb": round(max(replica, default=0)), "reader_mb": round(max(reader, default=0)),
        "regions_per_s": round(rest / seconds) if seconds else None,
        "mb_read_per_s": round(rest * 1e-3 / seconds, 1) if seconds else None,
        "mb_written_per_s": round(size / seconds, 2) if seconds else None,
        "cpu_s": round(cpu), "cpu_ms_per_region": round(1e3 * cpu / n, 3),
        "first_s": round(first - stamps["ray"], 1), "total_s": round(stamps["ended"] - stamps["began"], 1),
    }  # fmt: skip


def conclusions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare the largest run with the smallest, and most replicas with one."""
    found = []
    for model in dict.fromkeys(row["model"] for row in rows):
        of = [row for row in rows if row["model"] == model]
        for replicas in dict.fromkeys(row["replicas"] for row in of):
            mine = sorted((r for r in of if r["replicas"] == replicas), key=lambda r: int(r["regions"]))
            small, large = mine[0], mine[-1]
            if small is not large:
                names = ("driver_mb", "driver_peak_mb", "replica_mb", "reader_mb")
                ratios = {name: round(large[name] / small[name], 2) for name in names if small[name]}
                further = (large["cpu_s"] - small["cpu_s"]) / (large["regions"] - small["regions"])
                of_both = {
                    "model": model,
                    "replicas": replicas,
                    "from": small["regions"],
                    "to": large["regions"],
                }
                found.append(of_both | ratios | {"cpu_ms_of_a_further_region": round(1e3 * further, 3)})
    return found


def show(rows: list[dict[str, Any]]) -> None:
    """Print rows of like keys as a table."""
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)), flush=True)


def main() -> None:
    """Run each number of regions with each number of replicas; print a table and JSON."""
    if sys.argv[1:2] == ["--one"]:
        folder, n, model, replicas = sys.argv[2:6]
        print(json.dumps(predict(Path(folder), int(n), model, int(replicas))))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", type=int, nargs="+", default=[50_000, 500_000])
    parser.add_argument("--model", choices=["tiny", "constant"], nargs="+", default=["tiny"])
    parser.add_argument("--replicas", type=int, nargs="+", default=[1])
    parser.add_argument("--json", type=Path, help="file for all figures")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_inputs(folder, max(given.regions))
        for model in given.model:
            for replicas in given.replicas:
                for n in given.regions:
                    rows.append(row_of(folder, n, model, replicas))
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    show(rows)
    compared = conclusions(rows)
    if compared:
        show(compared)
    if given.json:
        given.json.write_text(json.dumps({"rows": rows, "compared": compared}, indent=2) + "\n")


if __name__ == "__main__":
    main()
