"""Runs in processes of their own, on a Ray of their own, which tests watch and kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from raycre.store.files import TEMPORARY, read_json
from tests.conftest import bytes_of
from tests.processes import alive, command, descendants, until


def epochs_of(run: Path) -> int:
    """Epochs that are finished, over all folds below `run`."""
    return sum(read_json(path)["epochs"] for path in run.rglob("progress.json"))


def same_bytes(killed_run: Path, calm_run: Path, *patterns: str) -> None:
    """Both runs hold the same files with the same bytes, but for hidden ones that killed writers left."""
    for pattern in patterns:
        killed, calm = (_seen(run, pattern) for run in (killed_run, calm_run))
        assert killed.keys() == calm.keys() != set()
        assert [name for name in calm if killed[name] != calm[name]] == []


def _seen(run: Path, pattern: str) -> dict[str, bytes]:
    found = bytes_of(run, pattern)
    return {name: found[name] for name in found if not Path(name).name.startswith(TEMPORARY)}


def n_parts(folder: Path) -> int:
    """Parts that are written below a folder."""
    return len(list(folder.rglob("part-*.parquet"))) if folder.is_dir() else 0


@contextmanager
def running(verb: list[str], values: dict[str, Any], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command line in a process group of its own, and kill -9 all of it at the end.

    What it says goes to `driver.log` in `folder`, its standard output to `driver.out`.
    """
    config = folder / "run.yaml"
    config.write_text(json.dumps(values))
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    with (folder / "driver.log").open("wb") as log, (folder / "driver.out").open("wb") as out:
        driver = subprocess.Popen(
            [sys.executable, "-m", "raycre.cli", *verb, "--config", str(config), "--json"],
            stdout=out,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        try:
            yield driver
        finally:
            started = descendants(driver.pid)
            with suppress(ProcessLookupError):  # it ended by itself, and all its workers with it
                os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()
            # Its workers find out by themselves within seconds; till then they may go on writing.
            until(lambda: not any(map(alive, started)), lambda: f"still running: {started}")


def wait_for(driver: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    """Wait for a condition; the run must not end before."""
    until(lambda: condition() or driver.poll() is not None, lambda: f"driver: {driver.poll()}")
    assert driver.poll() is None, "the run ended before it could be killed"


def kill_worker(driver: subprocess.Popen[bytes], name: str) -> None:
    """kill -9 one worker of the driver."""
    found = [pid for pid in descendants(driver.pid) if command(pid).startswith(name)]
    assert found, sorted(command(pid) for pid in descendants(driver.pid))
    os.kill(found[0], signal.SIGKILL)


def interrupt(driver: subprocess.Popen[bytes], number: int) -> None:
    """Signal a driver, and wait until all that it started has ended, too.

    Ctrl-C goes to all of its process group, as from a terminal; SIGTERM to the driver alone, as by `kill`.
    """
    started = descendants(driver.pid)
    (os.killpg if number == signal.SIGINT else os.kill)(driver.pid, number)
    until(lambda: driver.poll() is not None, lambda: "the driver does not end")
    until(lambda: not any(map(alive, started)), lambda: f"still running: {started}")
