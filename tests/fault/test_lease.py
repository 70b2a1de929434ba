"""Two drivers on one run folder, as processes: one runs, the other says who does; a dead one is followed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from raycre.config import PerturbConfig, make_config
from raycre.demo.genome import DemoGenome
from raycre.errors import RunHeldError
from raycre.store import lease
from raycre.store.files import read_json, write_json
from raycre.store.lease import FOLDER, Lease
from raycre.workflows.run import Start
from tests.conftest import bytes_of, perturb_values
from tests.in_process import run_creme
from tests.processes import until

TRIALS, PARTS = 10, 20
QUICK = {"BEAT": 0.1, "LATE": 0.5, "EXPIRY": 1.5, "LOOK_EVERY": 0.05}

# A driver that holds the folder, without Ray, until it is told that it does not.
HOLDER = """
import sys, time
from pathlib import Path
from raycre.errors import RaycreError
from raycre.store import lease
from raycre.workflows.run import Start
lease.BEAT, lease.LATE, lease.EXPIRY, lease.LOOK_EVERY = 0.1, 0.5, 1.5, 0.05
out = Path(sys.argv[1])
try:
    with Start("predict", out, fresh=False, dry_run=False) as start:
        run = start.open(name="p", config={}, science={}, layout={}, facts={})
        (out / "held").touch()
        while True:
            time.sleep(0.01)
except RaycreError as error:
    print(f"error: {error}", file=sys.stderr, flush=True)
    sys.exit(error.exit_code)
"""


def drive(out: Path, both: Any, said: Any) -> None:
    """Try, together with another process, to be the driver of one folder after another; write parts there."""
    for trial in range(TRIALS):
        folder = out / f"trial-{trial}"
        both.wait()
        try:
            with Start("predict", folder, fresh=False, dry_run=False) as start:
                run = start.open(name="p", config={}, science={}, layout={}, facts={})
                for part in range(PARTS):
                    write_json(folder / f"part-{part}.json", {"by": os.getpid()})
                    said.put((trial, os.getpid(), f"wrote {part}"))
                both.wait()  # the other has been refused by now
                run.finish()
        except RunHeldError as error:
            said.put((trial, os.getpid(), f"refused with {error.exit_code}: {error.message}"))
            both.wait()
        both.wait()


def test_of_two_drivers_that_start_together_one_runs_and_the_other_names_it_ten_times(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both, said = context.Barrier(2, timeout=600), context.Queue()
    drivers = [context.Process(target=drive, args=(tmp_path, both, said)) for _ in range(2)]
    for driver in drivers:
        driver.start()
    words = [said.get(timeout=600) for _ in range(TRIALS * (PARTS + 1))]
    for driver in drivers:
        driver.join()
    assert [driver.exitcode for driver in drivers] == [0, 0]
    assert said.empty()
    for trial in range(TRIALS):
        of = [(pid, word) for number, pid, word in words if number == trial]
        wrote = Counter(word for _, word in of if word.startswith("wrote"))
        assert wrote == {f"wrote {part}": 1 for part in range(PARTS)}, f"trial {trial}"
        (holder,) = {pid for pid, word in of if word.startswith("wrote")}
        ((loser, why),) = [(pid, word) for pid, word in of if word.startswith("refused")]
        assert {holder, loser} == {driver.pid for driver in drivers}
        assert why.startswith("refused with 2: the run folder is in use: raycre predict of ")
        assert f"(process {holder})" in why
        folder = tmp_path / f"trial-{trial}"
        assert {read_json(path)["by"] for path in folder.glob("part-*.json")} == {holder}
        assert read_json(folder / "run.json")["finished"]
        assert not (folder / FOLDER).exists()


def holding(out: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a driver, and wait until it holds the folder."""
    with log.open("wb") as errors:
        driver = subprocess.Popen([sys.executable, "-c", HOLDER, str(out)], stderr=errors)
    until(lambda: (out / "held").exists() or driver.poll() is not None, log.read_text)
    assert driver.poll() is None, log.read_text()
    return driver


def test_a_driver_that_was_killed_is_followed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(seconds: float) -> None:
        raise AssertionError("it waits")

    driver = holding(tmp_path / "run", tmp_path / "log")
    driver.kill()
    driver.wait()
    assert (tmp_path / "run" / FOLDER / "00001.json").is_file()
    monkeypatch.setattr("raycre.store.lease.time.sleep", never)
    with Start("predict", tmp_path / "run", fresh=False, dry_run=False) as start:
        run = start.open(name="p", config={}, science={}, layout={}, facts={})
        assert run.epoch.startswith("00002.")
    assert not (tmp_path / "run" / FOLDER).exists()


def test_a_suspended_driver_is_overtaken_and_ends_itself_when_it_wakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seconds in QUICK.items():
        monkeypatch.setattr(lease, name, seconds)
    out = tmp_path / "run"
    driver = holding(out, tmp_path / "log")
    try:
        with pytest.raises(RunHeldError, match=rf"\(process {driver.pid}\)"):
            Lease(out, "raycre predict").claim()
        driver.send_signal(signal.SIGSTOP)
        follower = Lease(out, "raycre predict")
        while not follower.epoch:  # refused for as long as its last beat is young
            try:
                follower.claim()
            except RunHeldError:
                continue
        assert follower.epoch.startswith("00002.")
        write_json(out / "run.json", {"of": "the follower"})
        driver.send_signal(signal.SIGCONT)
        assert driver.wait(600) == 1
        follower.check()
    finally:
        driver.kill()
        driver.wait()
    follower.release()
    errors = (tmp_path / "log").read_text().splitlines()
    assert len(errors) == 1
    assert errors[0].startswith(
        f"error: {out}: another driver has taken over this run folder by raycre predict"
    )
    assert f"(process {os.getpid()})" in errors[0]
    assert read_json(out / "run.json") == {"of": "the follower"}
    assert sorted(path.name for path in out.iterdir()) == ["held", "journal", "run.json"]


def noted(path: Path) -> bool:
    """Whether a run has begun its work: its record is then written to the end of the beginning."""
    return path.is_file() and "inputs_read" in read_json(path)


def test_the_command_line_refuses_a_folder_in_use(genome: DemoGenome, tmp_path: Path) -> None:
    out, config = tmp_path / "run", tmp_path / "run.yaml"
    values = perturb_values(genome, out, ("ENHA",)) | {"tests": ["context"]}
    config.write_text(json.dumps(values))
    run_creme(make_config(PerturbConfig, values))
    holder = Lease(out, "raycre creme")
    holder.claim()
    try:
        before = bytes_of(out, "**/*.[jp]*")
        command = [sys.executable, "-m", "raycre.cli", "creme", "config", "--config", str(config)]
        second = subprocess.run([*command, "--fresh", "--yes"], capture_output=True, text=True, check=False)
        assert bytes_of(out, "**/*.[jp]*") == before
    finally:
        holder.release()
    assert second.returncode == 2, second.stderr
    errors = [line for line in second.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {out}: the run folder is in use: raycre creme of ")
    assert f"(process {os.getpid()}), since " in errors[0]
