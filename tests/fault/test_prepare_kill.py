"""`raycre prepare`, killed at many moments or on a full disk: nothing is half written, and it ends at last.

A process of its own forks a child for each run. A child counts what it does to files (Python's audit events)
and kills itself at the moment that it is told, or may write no file larger than a limit.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import raycre.workflows.prepare.run  # noqa: F401 - once, before the forks
from raycre.cli import main
from raycre.store.files import TEMPORARY
from tests.conftest import ROOT

KINDS = ("silencers", "enhancers", "insulators", "peaks", "blacklist")
EVENTS = ("open", "os.rename", "os.remove", "os.mkdir")
KILLS, LIMITS = 5, (300, 4_000)  # moments; bytes that a file may have
CHANGING = ("run.json", "journal", "lease")  # times, and who was at work when


def write_sources(folder: Path) -> Path:
    """Labels, candidates, background and regions of another assembly: every table that prepare writes."""
    rng = np.random.default_rng(0)
    letters = "".join(rng.choice(list("ACGT"), 60_000))
    (folder / "g.fa").write_text(f">chr1\n{letters}\n")
    (folder / "a.chain").write_text("chain 1 chr1 59000 + 0 59000 chr1 60000 + 1000 60000 1\n59000\n")
    kinds = {
        "silencers": 3_000,
        "enhancers": 9_000,
        "insulators": 15_000,
        "peaks": 21_000,
        "blacklist": 50_000,
    }
    for kind, start in kinds.items():
        (folder / f"{kind}.bed").write_text(
            "".join(f"chr1\t{start + i}\t{start + i + 200}\n" for i in (0, 2_000))
        )
    (folder / "old.bed").write_text("chr1\t39000\t39200\nchr9\t1\t9\n")
    sources = [{"name": kind, "kind": kind, "path": str(folder / f"{kind}.bed")} for kind in kinds]
    sources += [
        {"name": "genome", "kind": "fasta", "path": str(folder / "g.fa")},
        {"name": "chain", "kind": "chain", "path": str(folder / "a.chain"), "assembly": "older"},
        {"name": "old", "kind": "peaks", "path": str(folder / "old.bed"), "assembly": "older"},
    ]
    values = {
        "run": {"name": "kills", "out": str(folder / "out"), "seed": 1},
        "assembly": "toy",
        "sources": sources,
        "rules": {"background": {"n": 4}},
    }
    (folder / "m.yaml").write_text(yaml.safe_dump(values))
    return folder / "m.yaml"


class Child:
    """One run of prepare in a fork of this process.

    Args:
        manifest: of the run.
        kill_at: number of the event at which it ends itself; 0 never.
        limit: bytes that a file may have; 0 for any.

    Attributes:
        events: how many it has seen.
        code: exit code, or minus the signal that ended it.
    """

    def __init__(self, manifest: Path, kill_at: int = 0, limit: int = 0) -> None:
        reading, writing = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            self._run(manifest, kill_at, limit, writing)
        os.close(writing)
        with os.fdopen(reading) as told:
            self.events = int(told.read() or 0)
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    @staticmethod
    def _run(manifest: Path, kill_at: int, limit: int, told: int) -> None:
        out, n = str(manifest.parent / "out"), 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal n
            path = str(arguments[0]) if event in EVENTS else ""
            reads = event == "open" and arguments[1] in ("r", "rb")
            if path.startswith(out) and "/lease" not in path and not reads:
                n += 1
                if n == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        code = 99
        try:
            main(["prepare", "--config", str(manifest)])
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            os.write(told, str(n).encode())
            os._exit(code)


def files_of(out: Path) -> dict[str, bytes]:
    """Every whole file of a run, but those that hold times."""
    whole = [p for p in sorted(out.rglob("*")) if p.is_file() and not p.name.startswith(TEMPORARY)]
    named = {str(path.relative_to(out)): path for path in whole}
    return {name: path.read_bytes() for name, path in named.items() if not name.startswith(CHANGING)}


def inside(folder: Path) -> None:
    """What the process of its own does."""
    manifest, out = write_sources(folder), folder / "out"
    calm = Child(manifest)
    assert calm.code == 0
    expected = files_of(out)
    assert {"labels.parquet", "candidates.parquet", "train.yaml", "predict.yaml", "sources.yaml",
            "summary/lift_lost.parquet"} <= expected.keys()  # fmt: skip
    moments = random.Random(15).sample(range(1, calm.events + 1), KILLS)
    ends = [*((kill, 0) for kill in moments), *((0, limit) for limit in LIMITS)]
    n_before = set()
    for kill_at, limit in ends:
        shutil.rmtree(out)
        ended = Child(manifest, kill_at, limit)
        assert ended.code == (1 if limit else -signal.SIGKILL), (kill_at, limit, ended.code)
        left = files_of(out) if out.exists() else {}
        assert all(expected[name] == content for name, content in left.items())
        if (out / "run.json").exists():
            assert not json.loads((out / "run.json").read_text()).get("finished")
        n_before.add(len(left))
        again = Child(manifest)
        assert again.code == 0
        assert files_of(out) == expected
        assert [path.name for path in out.rglob(f"{TEMPORARY}*")] == []  # what was begun is gone
    assert len(n_before) > 2, "the moments do not lie between the files"
    print(calm.events, "moments")


def test_a_killed_or_full_prepare_leaves_nothing_half_written_and_ends_when_run_again(tmp_path: Path) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    code = (
        "import sys; from pathlib import Path; from tests.fault.test_prepare_kill import inside;"
        "inside(Path(sys.argv[1]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-4_000:]
