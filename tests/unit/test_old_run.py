"""--fresh and folders that are no run's: what raycre has not written stays, whatever it is called."""

from __future__ import annotations

import errno
import json
import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raycre.cli import main
from raycre.demo.genome import DemoGenome
from raycre.errors import InputError, RunMismatchError
from raycre.store import old_run
from raycre.store.files import read_json, write_json
from raycre.store.ledger import Ledger
from raycre.store.old_run import REMOVED, find_old, remove_run
from raycre.store.run import Run, open_run
from raycre.store.written import WRITES
from raycre.workflows.fresh import removal
from raycre.workflows.predict import run as prediction
from tests.by_hand import write_training
from tests.conftest import predict_values

OWN = ("inputs/hg19.fa", "inputs/genes.txt", "train/model.pt", "predictions/mine.csv",
       "summary/paper.parquet", "attempts/first.log", "effects/readme", ".part-draft",
       "sweep/notes.md")  # fmt: skip


def start(out: Path, verb: str = "predict", *, fresh: bool = False, seed: int = 0, **config: Any) -> Run:
    remove = (lambda old: None) if fresh else None
    science = {"seed": seed}
    return open_run(out, verb=verb, name="r", config=config, science=science, layout={}, remove=remove)


def touch(out: Path, *names: str) -> None:
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(".")


def tree(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir() or path.is_symlink()}


def one_of_each(verb: str) -> list[str]:
    """A file for each pattern of what a run of `verb` writes."""
    names = [pattern.replace("[0-9a-f]", "a").replace("[0-9]", "0") for pattern in WRITES[verb]]
    return [name.replace("*", "x") + "/left" * name.startswith("train/") for name in names]


@pytest.mark.parametrize("verb", list(WRITES))
def test_fresh_removes_all_that_a_run_writes_and_nothing_of_the_users(tmp_path: Path, verb: str) -> None:
    start(tmp_path, verb)
    touch(tmp_path, *OWN)
    (tmp_path / "attempts" / "first.log").write_text("first try")
    own = tree(tmp_path) - {"run.json"}
    touch(tmp_path, *one_of_each(verb), f"{Path(one_of_each(verb)[-2]).parent}/.part-12-0123abcd-x.parquet")
    start(tmp_path, verb, fresh=True, seed=1)
    assert tree(tmp_path) == own | {"run.json"}
    assert not (tmp_path / "train" / ("a" * 32)).exists()


def test_fresh_of_a_sweep_removes_its_runs_and_no_other_folder(tmp_path: Path) -> None:
    start(tmp_path, "sweep")
    start(tmp_path / "sweep" / "K=50", "train")
    touch(tmp_path / "sweep" / "K=50", *one_of_each("train"), "notes.txt")
    start(tmp_path / "sweep" / "mine", "predict")
    touch(tmp_path, "sweep/other/cutoffs.json")
    write_json(tmp_path / "sweep" / "other" / "run.json", {"verb": "train"})
    start(tmp_path, "sweep", fresh=True)
    assert tree(tmp_path / "sweep") == {
        "K=50/notes.txt", "mine/run.json", "other/cutoffs.json", "other/run.json"
    }  # fmt: skip


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_without_run_json_that_holds_a_runs_files_is_refused(tmp_path: Path, fresh: bool) -> None:
    touch(tmp_path, "predictions/part-00000.parquet", "inputs/regions.parquet")
    before = tree(tmp_path)
    with pytest.raises(RunMismatchError, match=r"no run\.json, but holds inputs/regions\.parquet and 1 more"):
        start(tmp_path, fresh=fresh)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "record",
    [[], {}, {"verb": "train"}, {"run": "of another tool", "digest": "0" * 64},
     {"verb": "predict", "identity": {}, "digest": "0" * 64, "versions": {"nextflow": "24"}}],
)  # fmt: skip
@pytest.mark.parametrize("fresh", [False, True])
def test_a_run_json_of_another_tool_proves_nothing(tmp_path: Path, record: object, fresh: bool) -> None:
    write_json(tmp_path / "run.json", record)
    touch(tmp_path, "predictions/part-00000.parquet")
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(RunMismatchError, match=r"run\.json: is not the record of a raycre run"):
        start(tmp_path, fresh=fresh)
    assert (tmp_path / "run.json").read_bytes() == before
    assert (tmp_path / "predictions" / "part-00000.parquet").exists()


def test_fresh_does_not_remove_a_run_of_another_verb(tmp_path: Path) -> None:
    start(tmp_path, "train")
    touch(tmp_path, "folds/fold=0/best.safetensors")
    before = tree(tmp_path)
    with pytest.raises(RunMismatchError, match="holds a train run, and --fresh of predict removes only"):
        start(tmp_path, "predict", fresh=True)
    assert tree(tmp_path) == before


READS = ("inputs/regions.parquet", "predictions", "predictions/part-00001.parquet", ".")


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("link", [False, True])
def test_fresh_removes_no_file_that_the_new_run_reads(tmp_path: Path, read: str, link: bool) -> None:
    out = tmp_path / "run"
    start(out)
    touch(out, "inputs/regions.parquet", "predictions/part-00001.parquet")
    path = out / read
    if link:
        path = tmp_path / "link"
        path.symlink_to(out / read)
    before = tree(out)
    with pytest.raises(InputError, match=r"--fresh would remove this file, and inputs\.regions"):
        start(out, fresh=True, inputs={"regions": str(path), "fasta": "absent.fa"}, run={"out": str(out)})
    assert tree(out) == before


def test_an_input_beside_the_runs_files_stays_and_hinders_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start(Path())
    touch(tmp_path, "inputs/hg19.fa", "inputs/regions.parquet", ".git/config", "config.yaml")
    start(Path(), fresh=True, inputs={"fasta": "inputs/hg19.fa"}, run={"out": "."})
    assert tree(tmp_path) == {"inputs/hg19.fa", ".git/config", "config.yaml", "run.json"}


def test_links_are_removed_as_links_and_a_linked_run_folder_is_emptied(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    start(disk)
    out = tmp_path / "run"
    out.symlink_to(disk)
    touch(tmp_path, "elsewhere/part-00000.parquet", "mine.parquet")
    (disk / "predictions").symlink_to(tmp_path / "elsewhere")
    (disk / "plan.parquet").symlink_to(tmp_path / "mine.parquet")
    start(out, fresh=True, seed=1)
    assert tree(tmp_path) == {"run", "mine.parquet", "disk/run.json", "disk/predictions"}
    assert read_json(disk / "run.json")["identity"]["seed"] == 1


def test_a_removal_that_is_cut_off_leaves_no_run_and_fresh_finishes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path)
    touch(tmp_path, *(f"predictions/part-{i:05d}.parquet" for i in range(5)))
    unlink, n = Path.unlink, 0

    def refuse(path: Path, missing_ok: bool = False) -> None:
        nonlocal n
        n += 1
        if n > 2:
            raise OSError(errno.EIO, "Input/output error", str(path))
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(OSError, match="Input/output"):
            start(tmp_path, fresh=True)
    assert not (tmp_path / "run.json").exists()
    assert len(list(tmp_path.glob("predictions/*"))) == 3
    with pytest.raises(RunMismatchError, match="an earlier --fresh was cut off"):
        start(tmp_path)
    start(tmp_path, fresh=True)
    assert tree(tmp_path) == {"run.json"}


def test_a_run_is_marked_as_removed_before_its_first_file_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path)
    touch(tmp_path, "plan.parquet")
    old = find_old(tmp_path, "predict")
    assert old is not None
    seen = []
    monkeypatch.setattr(old_run, "_remove_empty", lambda folder, out: seen.append(tree(out)))
    remove_run(old)
    assert seen[0] == {REMOVED}


def test_attempts_of_a_user_outlive_a_run(tmp_path: Path) -> None:
    touch(tmp_path, "attempts/1.log")
    (tmp_path / "attempts" / "1.log").write_text("first try")
    ledger = Ledger(tmp_path, "parts")
    ledger._begin("a")
    ledger.forget_attempts()
    assert tree(tmp_path) == {"attempts/1.log"}


def test_what_a_killed_writer_left_goes_when_the_run_goes_on_and_nothing_of_that_kind_elsewhere(
    tmp_path: Path,
) -> None:
    start(tmp_path)
    touch(tmp_path, "predictions/.part-7-0123abcd-part-00000.parquet", "predictions/.part-notes",
          "my/.part-x", "my/.part-7-0123abcd-part-00000.parquet")  # fmt: skip
    start(tmp_path)
    assert tree(tmp_path) == {
        "run.json", "predictions/.part-notes", "my/.part-x", "my/.part-7-0123abcd-part-00000.parquet"
    }  # fmt: skip


# What a person sees


def test_fresh_says_what_goes_and_what_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start(tmp_path)
    touch(tmp_path, "predictions/part-00000.parquet", "notes.txt", "inputs/hg19.fa", "inputs/regions.parquet")
    (tmp_path / "predictions" / "part-00000.parquet").write_bytes(bytes(2_500_000))
    old = find_old(tmp_path, "predict")
    announce = removal(True)
    assert announce is not None
    announce(old)  # type: ignore[arg-type]
    assert capsys.readouterr().err == (
        f"--fresh removes the predict run 'r' in {tmp_path}: 3 files, 2.5 MB (inputs, predictions, "
        "run.json); left as they are: inputs/, notes.txt\n"
    )


@pytest.mark.parametrize(("answer", "goes"), [("y", True), ("Yes", True), ("", False), ("n", False)])
def test_on_a_terminal_nothing_is_removed_before_it_is_agreed_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, goes: bool
) -> None:
    start(tmp_path)
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    announce = removal("ask")
    assert announce is not None
    old = find_old(tmp_path, "predict")
    assert old is not None
    if goes:
        announce(old)
    else:
        with pytest.raises(InputError, match="not agreed to; nothing was removed"):
            announce(old)


@pytest.mark.parametrize(("options", "asked"), [([], True), (["--yes"], False), (["-y"], False)])
def test_only_a_terminal_is_asked_and_yes_answers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], asked: bool
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(prediction, "run_predict", lambda c, *, fresh, dry_run: {"f": seen.append(fresh)})
    for name in ("a.fa", "b.bed"):
        (tmp_path / name).touch()
    inputs = {"fasta": str(tmp_path / "a.fa"), "regions": str(tmp_path / "b.bed")}
    values = {"run": {"out": "x"}, "inputs": inputs, "model": {"checkpoint": str(tmp_path)}}
    (tmp_path / "c.yaml").write_text(json.dumps(values))
    command = ["predict", "--config", str(tmp_path / "c.yaml"), "--fresh", *options]
    main_ = _ends_well(lambda: main(command))
    main_()
    assert seen == [True]  # pytest's stdin is no terminal: a script has decided
    parent, child = pty.openpty()
    with os.fdopen(child, "r") as terminal, os.fdopen(parent, "w"):
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        main_()
    assert seen[1] == ("ask" if asked else True)


def _ends_well(call: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        with pytest.raises(SystemExit) as end:
            call()
        assert end.value.code in (0, None)

    return run


def test_predict_fresh_in_a_folder_of_the_users_keeps_all_of_it(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception):
        pass

    def stop(*arguments: object) -> None:
        raise Stop

    monkeypatch.setattr(prediction, "_run_units", stop)
    checkpoint = write_training(tmp_path / "checkpoint")
    lab = tmp_path / "lab"
    touch(lab, *OWN)
    (lab / "attempts" / "first.log").write_text("first try")
    monkeypatch.chdir(lab)
    values = predict_values(genome, checkpoint, Path())
    (lab / "run.yaml").write_text(json.dumps(values))
    before = tree(lab)
    with pytest.raises(Stop):
        main(["predict", "--config", "run.yaml", "--fresh"])
    assert before <= tree(lab)
    with pytest.raises(Stop):  # and again, when the folder holds a run
        main(["predict", "--config", "run.yaml", "--fresh", "--set", "views=2"])
    assert before <= tree(lab)
    ours = {path for path in tree(lab) if not path.startswith("journal/")}
    assert ours - before <= {"run.json", "plan.parquet", "inputs/regions.parquet"}
