"""Ctrl-C and SIGTERM at the command line: one line, the exit code, and silence afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from raycre.cli.signals import KEPT, what_is_kept

# A verb that waits for a signal; while it unwinds it prints what Ray might, and may hang.
PROGRAM = """
import sys, time
from raycre import cli
from raycre.cli import there
from raycre.report import page as report

def write_report(runs, out):
    try:
        print("ready", flush=True)
        while True:
            time.sleep(3600)
    finally:
        print("noise on stdout")
        print("noise on stderr", file=sys.stderr)
        while {hang}:
            time.sleep(3600)

there.check_runs = lambda given: None  # there is no run
report.write_report = write_report
cli.main(["report", "run", "--json"])
"""


def started(hang: bool) -> subprocess.Popen[str]:
    """The program, when it waits for a signal."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(hang=hang)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    return program


@pytest.mark.parametrize(
    ("number", "code", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_a_signal_is_one_line_and_its_exit_code(number: signal.Signals, code: int, name: str) -> None:
    program = started(hang=False)
    program.send_signal(number)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, out) == (code, "")
    assert err == f"stopped by {name}: no file is half written; run it again\n"


def test_a_second_ctrl_c_ends_a_run_that_does_not_unwind() -> None:
    program = started(hang=True)
    program.send_signal(signal.SIGINT)
    assert program.stderr is not None
    assert program.stderr.readline().startswith("stopped by Ctrl-C: ")  # it is handled, and hangs
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, out, err) == (130, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "-c", "x"], "finished folds and epochs are kept; the same command goes on from there"),
        (["predict", "-c", "x"], "finished shards are kept; the same command goes on from there"),
        (["creme", "config"], "finished units are kept; the same command goes on from there"),
        (
            ["creme", "config", "--fresh"],
            "finished units are kept; to go on run it again without --fresh",
        ),
        (["train", "--dry-run"], "a dry run writes nothing; run it again"),
        (["weights", "fetch", "x"], "what was fetched so far is kept; the same command goes on from there"),
        (["report", "x"], "no file is half written; run it again"),
        (["doctor"], "run it again"),
        ([], "run it again"),
    ],
)
def test_what_is_kept_is_said_by_verb(arguments: list[str], said: str) -> None:
    assert what_is_kept(arguments) == said
    assert set(KEPT) == {
        "train", "predict", "creme", "prepare", "annotate", "export", "demo", "weights", "genome", "compare",
        "report", "compact",
    }  # fmt: skip
