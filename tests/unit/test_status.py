"""`raycre status`: how far a run is, from its folder alone; folders are written here, none by Ray."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from raycre import __version__
from raycre.cli import main
from raycre.errors import MissingInputError
from raycre.events import LOST, REPLICAS, emit
from raycre.store.files import read_json, write_json
from raycre.store.journal import Journal, read_journal
from raycre.store.lease import FOLDER
from raycre.store.location import location
from raycre.store.owner import owner_here
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import FAILURES, FOLDS, PASS_UNITS, SHARDS
from raycre.workflows.pricing import NodePrice
from raycre.workflows.status.read import read_status
from raycre.workflows.status.timeline import timeline_page
from raycre.workflows.status.words import length_of_time, lines_of
from tests.run_folders import start_run
from tests.s3_server import BUCKET, bucket_at, serve_s3

NOW = 1_800_000_000.0
NODE = NodePrice("large", price=3.2, cpus=32)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def predict(out: Path, n: int, done: dict[int, float], **facts: Any) -> Path:
    """A prediction of n shards; those of `done` were written so many seconds ago."""
    run = start_run(out, "predict", **facts)
    rows = pd.DataFrame({"unit": [f"part-{i:05d}" for i in range(n)], "shard": range(n)})
    write_table(run.out / "plan.parquet", as_table(rows.assign(first=0, last=1), SHARDS))
    for shard, ago in done.items():
        path = out / "predictions" / f"part-{shard:05d}.parquet"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"part")
        os.utime(path, (NOW - ago, NOW - ago))
    return out


def journal(out: Path, *lines: tuple[float, str, dict[str, Any]], epoch: str = "00001.aaaaaaaa") -> None:
    """A driver's journal; each line is of so many seconds ago."""
    path = out / "journal" / f"{epoch}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps({"at": NOW - ago, "kind": k, **f}) + "\n" for ago, k, f in lines))
    os.utime(path, (NOW - lines[-1][0],) * 2)


def hold(out: Path, beat: float, **changes: Any) -> Path:
    """A driver's claim whose newest beat is so many seconds old; returns the beat's file."""
    owner = replace(owner_here("00001.aaaaaaaa", "raycre predict"), **changes)
    (out / FOLDER).mkdir()
    (out / FOLDER / "00001.json").write_text(json.dumps(asdict(owner)))
    path = out / FOLDER / "00001.beat"
    path.write_text(f"{owner.clock + 100:.3f}".ljust(40))
    os.utime(path, (NOW - beat, NOW - beat))
    return path


ELSEWHERE = {"machine": "far", "host": "far", "clock": 0.0}


def at(seconds: float) -> str:
    """A moment in an owner's words."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def elsewhere(ahead: float = 0.0, beat: float = 3.0) -> dict[str, Any]:
    """Changes of an owner of another machine, whose clock is ahead of the storage's."""
    return {**ELSEWHERE, "since": at(NOW - beat - 100 + ahead)}


def test_done_pending_and_failed_are_counted_by_the_plan_and_the_parts(tmp_path: Path) -> None:
    out = predict(tmp_path, 10, {0: 60, 1: 50, 2: 40})
    failure = {"unit": ["part-00007"], "what": ["r"], "attempts": [3], "error": ["e"], "traceback": [None]}
    write_table(out / "failures.parquet", as_table(pd.DataFrame(failure), FAILURES))
    (out / "predictions" / ".part-1-00000000-x.parquet").write_bytes(b"half")
    units = read_status(out).units
    assert units is not None
    assert (units.total, units.done, units.pending, units.failed) == (10, 3, 6, ("part-00007",))


def test_rate_and_time_left_are_of_the_newest_units_of_this_driver(tmp_path: Path) -> None:
    # An hour ago another driver did five at once; this one does one each 20 s: 180 an hour, 4 left in 80 s.
    out = predict(tmp_path, 12, {**dict.fromkeys(range(5), 3600.0), 5: 45, 6: 25, 7: 5})
    hold(out, 3, **elsewhere())
    journal(out, (100, "start", {"host": "far"}), (60, "replicas", {"n": 1}))
    status = read_status(out)
    assert (status.state, status.rate, status.eta) == ("running", pytest.approx(180), pytest.approx(80))


def test_units_of_creme_weigh_their_passes_and_known_ones_are_done(tmp_path: Path) -> None:
    run = start_run(tmp_path, "creme", model="planted")
    rows = pd.DataFrame(
        {"unit": ["G/part-a", "G/part-b", "G/part-c", "G/part-d"], "stage": "tests", "kind": "passes",
         "gene": 0, "gene_id": "G", "gene_name": "G", "passes": [10, 10, 40, 5], "to_do": [10, 10, 40, 0]}
    )  # fmt: skip
    write_table(run.out / "plan.parquet", as_table(rows, PASS_UNITS))
    folder = tmp_path / "passes" / "model=planted" / "G"
    folder.mkdir(parents=True)
    for name, ago in (("a", 30.0), ("b", 20.0)):
        (folder / f"part-{name}.parquet").write_bytes(b"x")
        os.utime(folder / f"part-{name}.parquet", (NOW - ago, NOW - ago))
    hold(tmp_path, 3, **elsewhere())
    status = read_status(tmp_path)
    assert status.units is not None
    assert (status.units.done, status.units.pending) == (3, 1)
    assert status.eta == pytest.approx(40)  # 10 passes in 10 s, 40 to come


def test_replicas_losses_and_cost_are_read_of_the_journals(tmp_path: Path) -> None:
    out = predict(tmp_path, 4, {0: 3000})
    journal(
        out, (3600, "start", {"host": "a"}), (3600, "replicas", {"n": 4}), (1800, "lost", {"why": "spot"}),
        (1800, "replicas", {"n": 2}), (900, "replicas", {"n": 0}), (900, "end", {"how": "stopped"}),
    )  # fmt: skip
    journal(out, (800, "start", {"host": "b"}), (800, "replicas", {"n": 2}), (440, "lost", {"why": "spot"}),
            epoch="00001.bbbbbbbb")  # fmt: skip
    status = read_status(out, nodes=[NODE])
    # 4 x 1800 s + 2 x 900 s, then 2 x 360 s of a driver that was killed without a word
    assert status.replica_seconds == pytest.approx(9000 + 720)
    assert status.cost == pytest.approx(9720 / 3600 * 0.1)  # 32 replicas on a node of 3.2 an hour
    assert [kill.why for kill in status.kills] == ["spot", "spot"]
    assert [(stay.how, stay.host) for stay in status.stays] == [("stopped", "a"), ("killed", "b")]
    assert status.state == "killed"
    assert "its driver ended without a word" in " ".join(status.said)


def test_a_training_says_how_far_each_fold_is(tmp_path: Path) -> None:
    run = start_run(tmp_path, "train", recipe={"epochs": 10})
    rows = pd.DataFrame([(f"fold={k}", k, 8, 1, 1) for k in range(4)], columns=FOLDS.names)
    write_table(run.out / "plan.parquet", as_table(rows, FOLDS))
    seen = {"epochs": 4, "auprc": 0.5, "best": 0.6, "seconds": 30.0, "stop": False}
    write_json(tmp_path / "folds" / "fold=1" / "progress.json", seen)
    write_json(tmp_path / "folds" / "fold=0" / "cutoffs.json", {})
    write_json(tmp_path / "folds" / "fold=2" / "error.json", {"error": "nan"})
    os.utime(tmp_path / "folds" / "fold=0" / "cutoffs.json", (NOW - 100, NOW - 100))
    hold(tmp_path, 3, **elsewhere())
    status = read_status(tmp_path)
    assert status.units is not None
    assert [fold.state for fold in status.units.folds] == ["done", "training", "failed", "waiting"]
    assert status.units.failed == ("fold 2",)
    assert status.eta == pytest.approx((6 + 10) * 30)  # epochs that are left, 30 s each, one fold at a time


def test_a_sweep_adds_up_the_folds_of_its_settings(tmp_path: Path) -> None:
    start_run(tmp_path, "sweep")
    for name in ("K=50", "K=100"):
        run = start_run(tmp_path / "sweep" / name, "train", recipe={"epochs": 10})
        rows = pd.DataFrame([(f"fold={k}", k, 8, 1, 1) for k in range(2)], columns=FOLDS.names)
        write_table(run.out / "plan.parquet", as_table(rows, FOLDS))
    write_json(tmp_path / "sweep" / "K=50" / "folds" / "fold=1" / "cutoffs.json", {})
    units = read_status(tmp_path).units
    assert units is not None
    assert (units.total, units.done, {fold.run for fold in units.folds}) == (4, 1, {"K=50", "K=100"})


def test_a_verb_of_one_piece_says_its_state_alone(tmp_path: Path) -> None:
    start_run(tmp_path, "prepare").finish(files=["labels.parquet"])
    status = read_status(tmp_path)
    assert (status.state, status.units) == ("finished", None)
    assert next(iter(lines_of(status))) == "tiny (prepare) is finished"


def _finished(out: Path) -> None:
    record = read_json(out / "run.json")
    write_json(out / "run.json", {**record, "finished": True, "failed_shards": 2})


def _other_version(out: Path) -> None:
    record = read_json(out / "run.json")
    write_json(out / "run.json", {**record, "versions": {"raycre": "0.0.1"}})


STATES: list[tuple[Callable[[Path], object], str, str]] = [
    (lambda out: None, "unknown", "no journal: its raycre kept none"),
    (_finished, "finished", "finished; 2 units failed for good"),
    (_other_version, "unknown", f"written by raycre 0.0.1; this is {__version__}"),
    (lambda out: hold(out, 3, **elsewhere()), "running", "held by raycre predict of"),
    (lambda out: hold(out, 3, pid=2**22 + 1), "killed", "has ended without giving the folder back"),
    (lambda out: hold(out, 600, **elsewhere(beat=600)), "killed", "silent for 600 s: dead, or cut off"),
    (lambda out: hold(out, 40, **elsewhere(beat=40)), "silent", "silent for 40 s: suspended, cut off"),
    (lambda out: hold(out, 3, **elsewhere(240)), "running", "clock of far is 4 min ahead of the storage's"),
    (lambda out: hold(out, 3, **elsewhere(-240)), "running", "clock of far is 4 min behind the storage's"),
    (
        lambda out: journal(
            out, (9, "start", {}), (5, "end", {"how": "failed", "error": "TasksFailedError"})
        ),
        "failed",
        "ended by TasksFailedError; run again",
    ),
]


@pytest.mark.parametrize(("change", "state", "said"), STATES)
def test_each_state_is_said_plainly(
    change: Callable[[Path], object], state: str, said: str, tmp_path: Path
) -> None:
    out = predict(tmp_path, 2, {0: 10})
    change(out)
    status = read_status(out, watch=0.01)
    assert status.state == state
    assert said in " ".join(lines_of(status))


def test_a_beat_from_a_clock_that_is_minutes_off_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = predict(tmp_path, 2, {0: 10})
    beat = hold(out, 300, **elsewhere(beat=300))
    monkeypatch.setattr("raycre.store.holder.time.sleep", lambda _: beat.write_text("moved"))
    assert read_status(out).state == "running"


def test_parts_of_the_future_are_said_to_be_of_another_clock(tmp_path: Path) -> None:
    status = read_status(predict(tmp_path, 3, {0: -290, 1: -300}))
    assert "5 min in the future: the clock of the storage is ahead of this machine's" in " ".join(status.said)


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(MissingInputError, match=r"no run\.json here"):
        read_status(tmp_path / "other")
    with pytest.raises(MissingInputError, match="no such folder"):
        read_status(tmp_path / "nothing")
    hold(tmp_path / "other", 3, **elsewhere())
    with pytest.raises(MissingInputError, match=r"holds the folder, and has not written run\.json yet"):
        read_status(tmp_path / "other")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "run.json.removed").write_text("{}")
    with pytest.raises(MissingInputError, match="--fresh was cut off"):
        read_status(tmp_path / "gone")


def test_the_command_prints_lines_json_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = predict(tmp_path / "run", 3, {0: 40, 1: 20})
    journal(out, (60, "start", {"host": "a"}), (50, "replicas", {"n": 2}), (30, "lost", {"why": "<gone>"}),
            (10, "end", {"how": "stopped"}))  # fmt: skip
    (tmp_path / "nodes.yaml").write_text("- {name: large, price: 3.2, cpus: 32}\n")
    page = tmp_path / "page.html"
    with pytest.raises(SystemExit, match="0"):
        main(["status", str(out), "--nodes", str(tmp_path / "nodes.yaml"), "--timeline", str(page)])
    said = capsys.readouterr().out
    assert "2 of 3 shards done (67%), 1 pending, 0 failed" in said
    assert "0.00 so far, by replicas' time on large" in said
    text = page.read_text()
    assert "&lt;gone&gt;" in text
    assert "<gone>" not in text
    assert "http" not in text.replace("http-equiv", "")  # nothing from elsewhere
    with pytest.raises(SystemExit, match="0"):
        main(["status", str(out), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["units"]["done"], found["kills"][0]["why"], found["state"]) == (2, "<gone>", "stopped")


def test_a_page_of_100_000_units_is_small(tmp_path: Path) -> None:
    out = predict(tmp_path, 3, {0: 40, 1: 20})
    status = read_status(out)
    assert status.units is not None
    status.units.at = [NOW - 1e5 + i for i in range(100_000)]
    status.units.weights = [1.0] * 100_000
    assert len(timeline_page(status)) < 60_000


def test_a_journal_keeps_what_happens_and_how_it_ends(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="secret"), Journal(tmp_path, "00001.cccccccc").kept():  # noqa: PT012
        emit(REPLICAS, n=3)
        emit("unit", name="x", seconds=1.0, error=None)  # not kept: parts tell
        emit(LOST, why="node gone")
        raise ValueError("a secret in its words")
    emit(REPLICAS, n=9)  # nobody listens any more
    (session,) = read_journal(tmp_path)
    kinds = [(line.kind, dict(line.facts)) for line in session.lines]
    assert kinds == [
        ("start", {"host": socket.gethostname()}), ("replicas", {"n": 3}), ("lost", {"why": "node gone"}),
        ("end", {"how": "failed", "error": "ValueError"}),
    ]  # fmt: skip


def test_a_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    journal(tmp_path, (9, "start", {}), (8, "replicas", {"n": 1}))
    path = tmp_path / "journal" / "00001.aaaaaaaa.jsonl"
    path.write_text(path.read_text() + '{"at": 17')
    (tmp_path / "journal" / "x.jsonl").write_bytes(b"\xff\xfe\n[1]\n")
    assert [line.kind for line in read_journal(tmp_path)[0].lines] == ["start", "replicas"]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.undo()  # requests are signed by the true time
    with serve_s3() as s3, bucket_at(s3):
        yield location(f"s3://{BUCKET}/run")


def test_a_run_in_a_bucket_is_read_where_it_is(bucket: Path) -> None:
    run = start_run(bucket, "predict")
    rows = pd.DataFrame({"unit": ["part-00000", "part-00001"], "shard": [0, 1], "first": 0, "last": 1})
    write_table(bucket / "plan.parquet", as_table(rows, SHARDS))
    with pytest.raises(KeyboardInterrupt), Journal(bucket, "00001.dddddddd").kept():  # noqa: PT012
        emit(REPLICAS, n=2)
        write_table(bucket / "predictions" / "part-00001.parquet", as_table(rows, SHARDS))
        raise KeyboardInterrupt
    status = read_status(bucket)
    assert status.units is not None
    assert (run.out, status.state, status.units.done, status.units.pending) == (bucket, "stopped", 1, 1)
    assert [step.n for step in status.steps] == [2, 0]


def test_no_ray_and_no_torch_are_needed() -> None:
    code = "import sys, raycre.workflows.pricing\n"
    code += "import raycre.workflows.status.read, raycre.workflows.status.timeline\n"
    code += "assert not {'ray', 'torch'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("seconds", "said"), [(45, "45 s"), (1200, "20 min"), (12_000, "3 h 20 min"), (187_200, "2 d 4 h")]
)
def test_times_are_said_in_a_person_s_units(seconds: float, said: str) -> None:
    assert length_of_time(seconds) == said
