"""How long each verb takes from the return of `ray.init` to its first unit, on a Ray of its own.

    python benchmarks/first_unit.py [--rounds 3] [--json FILE]

On the demo genome with few regions: a shard of predict, a unit of passes of creme, an epoch of train. Beside
training, "ray train" is a run of the same engine whose job does nothing: what Ray Train itself takes until it
calls a worker. Seconds are by the clock; CPU seconds those of the driver and all that it started until then.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from genome_scale import TICKS, below, show

VERBS = ("predict", "creme", "ray train", "train")
UNITS = {"predict": "predictions/part-*", "creme": "passes/*/*/part-*", "train": "folds/*/progress.json"}
PATIENCE = 600.0


def values_of(verb: str, folder: Path, out: Path) -> dict[str, Any]:
    """The configuration of a small run."""
    inputs = json.loads((folder / "inputs.json").read_text())[verb]
    if verb == "creme":
        return {
            "run": {"name": "first", "out": str(out)}, "inputs": inputs, "tracks": "assay=CAGE",
            "model": {"backbone": "planted"}, "resources": {"replicas": 1, "tiles_per_task": 2},
            "creme": {"n_shuffles": {"context": 3, "necessity": 2, "sufficiency": 2}},
        }  # fmt: skip
    if verb == "train":
        return {
            "run": {"name": "first", "out": str(out)}, "inputs": inputs, "model": {"size": "tiny"},
            "recipe": {"epochs": 2, "warmup_epochs": 1, "batch_size": 32, "ratios": [1, 1, 1, 1, 1]},
            "folds": {"n": 3}, "resources": {"folds_at_once": 1},
        }  # fmt: skip
    return {
        "run": {"name": "first", "out": str(out)}, "inputs": inputs, "views": 2, "shard_size": 32,
        "model": {"checkpoint": str(folder / "model.safetensors")}, "resources": {"replicas": 1},
    }  # fmt: skip


def write_inputs(folder: Path) -> None:
    """The demo's genome, and untrained weights."""
    import torch

    from raycre.create.model.specification import NetworkSpec
    from raycre.create.model.weight_files import write_model
    from raycre.demo.genome import write_demo_genome

    made = write_demo_genome(folder / "genome", n_labelled=150, n_candidates=300)
    fasta = {"fasta": str(made.fasta)}
    signals = fasta | {"openness": [str(path) for path in made.openness], "loops": str(made.loops)}
    inputs = {
        "train": signals | {"labels": str(made.labels)},
        "predict": signals | {"regions": str(made.candidates)},
        "creme": fasta | {"gtf": str(made.gtf), "genes": ["ENHA", "SILA"]},
    }
    (folder / "inputs.json").write_text(json.dumps(inputs))
    torch.manual_seed(0)
    write_model(folder / "model.safetensors", NetworkSpec(size="tiny").build())


class Nothing:
    """A job of training that says when it is called."""

    def __init__(self, out: Path) -> None:
        self.out = out


def call(job: Nothing, team: Any) -> None:
    """Say so."""
    job.out.mkdir(parents=True, exist_ok=True)
    (job.out / "called").touch()


def run(verb: str, folder: Path, out: Path) -> None:
    """Do a run in this process; leave word of when Ray was there."""
    import ray

    real = ray.init

    def noted(*arguments: Any, **named: Any) -> Any:
        found = real(*arguments, **named)
        (out.parent / f"{out.name}.ray").touch()
        return found

    ray.init = noted
    if verb == "ray train":
        from raycre.engine.jobs import Work
        from raycre.engine.resources import Share
        from raycre.engine.train_workers import run_jobs
        from raycre.workflows.train.groups import join_team

        def progress(job: Nothing) -> int:
            return int((job.out / "called").exists())

        work = Work([Nothing(out)], _nothing, lambda size, nccl: join_team(size), call, progress, _nothing, 1)
        run_jobs(work, Share(most=1), out)
        return
    from raycre import config
    from raycre.verbs import VERBS as KNOWN
    from raycre.verbs import find

    kind = getattr(config, KNOWN[verb].config)
    find(KNOWN[verb].run)(config.make_config(kind, values_of(verb, folder, out)))


def _nothing(*_: object) -> None:
    pass


def measure(verb: str, folder: Path, out: Path) -> tuple[float, float, float]:
    """Start a run and end it at its first unit: seconds to Ray, from there to the unit, and CPU seconds."""
    pattern = UNITS.get(verb, "called")
    began = time.time()
    with (folder / "log").open("wb") as log:
        words = [sys.executable, __file__, "--one", verb, str(folder), str(out)]
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
    there, unit = out.parent / f"{out.name}.ray", None
    try:
        while unit is None:
            if process.poll() or time.time() - began > PATIENCE:
                raise SystemExit((folder / "log").read_text())
            unit = next(iter(out.glob(pattern)), None)
            time.sleep(0.02)
        cpu = _cpu([process.pid, *below(process.pid)])
        ray = there.stat().st_mtime
        return ray - began, unit.stat().st_mtime - ray, cpu
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _cpu(pids: Sequence[int]) -> float:
    total = 0
    for pid in pids:
        with suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(stat[11]) + int(stat[12])
    return total / TICKS


def main() -> None:
    """Print medians of all rounds."""
    if sys.argv[1:2] == ["--one"]:
        verb, folder, out = sys.argv[2:5]
        run(verb, Path(folder), Path(out))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for all figures")
    given = parser.parse_args()
    seen: dict[str, list[tuple[float, float, float]]] = {verb: [] for verb in VERBS}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        write_inputs(Path(scratch))
        for number in range(given.rounds):
            for verb, found in seen.items():
                found.append(
                    measure(verb, Path(scratch), Path(scratch) / f"{verb.replace(' ', '-')}-{number}")
                )
                print(verb, found[-1], file=sys.stderr, flush=True)
    names = ("to_ray_s", "to_first_unit_s", "cpu_s")
    medians = {verb: map(statistics.median, zip(*found, strict=True)) for verb, found in seen.items()}
    rows = [
        {"verb": verb, **{name: round(value, 1) for name, value in zip(names, values, strict=True)}}
        for verb, values in medians.items()
    ]
    show(rows)
    if given.json:
        given.json.write_text(json.dumps({"medians": rows, "rounds": seen}, indent=2) + "\n")


if __name__ == "__main__":
    main()
