"""Command lines one after another in a process of its own, on one Ray: neither starts anew for each.

python -m tests.command_lines < lines.json
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Ended(NamedTuple):
    """How a command line ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def run_lines(site: Path, lines: Mapping[str, Sequence[object]]) -> dict[str, Ended]:
    """Run the program with each of the words, where the packages of a folder are installed."""
    known = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.command_lines"],
        cwd=ROOT,
        env=known | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]), "COLUMNS": "200"},
        input=json.dumps({name: [str(word) for word in words] for name, words in lines.items()}),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return {name: Ended(*fields) for name, fields in json.loads(ended.stdout.splitlines()[-1]).items()}


def _run(words: list[str]) -> Ended:
    from raycre.cli import main

    out, errors, code = StringIO(), StringIO(), 0
    with redirect_stdout(out), redirect_stderr(errors):
        try:
            main(words)
        except SystemExit as end:
            code = int(end.code or 0)
    return Ended(code, out.getvalue(), errors.getvalue())


if __name__ == "__main__":
    from raycre.engine.cluster import connected

    with connected():
        outcomes = {name: _run(words) for name, words in json.load(sys.stdin).items()}
    print(json.dumps(outcomes))
