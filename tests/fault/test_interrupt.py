"""Ctrl-C in the middle of a real run: one line, exit code 130, and a run that goes on to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raycre.store.files import read_json
from tests.conftest import bytes_of
from tests.fault.conftest import RUNS
from tests.processes import alive, descendants, kill_tree, until


def interrupt(
    verb: list[str], values: dict[str, Any], folder: Path, under_way: Callable[[], bool], number: int
) -> tuple[int, str, str]:
    """Start a run in a process group of its own; signal all of it when something is on disk.

    As a terminal does at Ctrl-C, the signal goes to every process of the group, Ray's too.

    Returns:
        (exit code, stdout, stderr).
    """
    config = folder / "run.yaml"
    config.write_text(json.dumps(values))
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        run = subprocess.Popen(
            [sys.executable, "-m", "raycre.cli", *verb, "--config", str(config), "--json"],
            stdout=stdout,
            stderr=stderr,
            env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"},
            start_new_session=True,
        )
        try:
            until(lambda: under_way() or run.poll() is not None, lambda: err.read_text())
            assert run.poll() is None, "the run ended before it could be interrupted"
            started = descendants(run.pid)
            os.killpg(run.pid, number)
            until(lambda: run.poll() is not None, lambda: err.read_text())
            until(lambda: not any(map(alive, started)), lambda: f"still running: {started}")
        finally:
            if run.poll() is None:
                kill_tree(run.pid)
                run.wait()
    return run.returncode, out.read_text(), err.read_text()


@pytest.mark.parametrize(
    ("verb", "number", "code"),
    [("train", signal.SIGINT, 130), ("predict", signal.SIGTERM, 143), ("creme", signal.SIGINT, 130)],
)
def test_an_interrupted_run_says_what_is_kept_and_goes_on_to_the_same_bytes(
    long_values: Callable[[str, Path], Any],
    calm: Callable[[str], Path],
    tmp_path: Path,
    verb: str,
    number: int,
    code: int,
) -> None:
    values = long_values(verb, tmp_path / "stopped")

    def finished() -> int:
        run = tmp_path / "stopped"
        if verb == "train":
            return sum(read_json(path)["epochs"] for path in run.rglob("progress.json"))
        return len(list(run.glob("predictions/part-*" if verb == "predict" else "passes/**/part-*")))

    arguments = [verb, "config"] if verb == "creme" else [verb]
    found = interrupt(arguments, values, tmp_path, lambda: finished() >= 2, number)
    n = finished()
    assert (found[0], found[1]) == (code, "")
    *lines, last = found[2].splitlines()
    kept = {"train": "folds and epochs", "predict": "shards", "creme": "units"}[verb]
    name = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[signal.Signals(number)]
    assert last == f"stopped by {name}: finished {kept} are kept; the same command goes on from there"
    assert not [line for line in lines if "rror" in line or "nterrupt" in line or "Traceback" in line]

    RUNS[verb](values)
    assert finished() > n, "the run was over when it was interrupted"
    for pattern in ("folds/*/best.safetensors", "predictions/*.parquet", "effects/**/*.parquet", "summary/*"):
        stopped, undisturbed = (
            {
                path: content
                for path, content in bytes_of(out, pattern).items()
                if path.endswith((".parquet", ".safetensors"))
            }
            for out in (tmp_path / "stopped", calm(verb))
        )
        assert stopped == undisturbed
    assert undisturbed
