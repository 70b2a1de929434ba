"""Large inputs are read by a node that has processors, where the driver's has none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from raycre.demo.genome import DemoGenome
from raycre.engine import tasks
from raycre.engine.tasks import as_task, own_cpus
from raycre.errors import MissingInputError
from raycre.genome.fingerprint import fingerprint
from raycre.workflows import run
from raycre.workflows.predict import regions
from raycre.workflows.run import Start
from tests.by_hand import write_training
from tests.conftest import bytes_of, predict_config
from tests.in_process import run_predict


def where(path: Path) -> int:
    fingerprint(path)
    return os.getpid()


def test_a_task_is_another_process_where_some_node_has_processors(
    local_ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path := tmp_path / "genome.fa").write_text(">chr1\nACGT\n")
    assert own_cpus() >= 1
    assert as_task(where, path) != os.getpid()
    with pytest.raises(MissingInputError, match="no such file"):
        as_task(where, tmp_path / "none.fa")
    monkeypatch.setattr(tasks, "fit_ever", lambda share: 0)
    assert as_task(where, path) == os.getpid()


def test_large_inputs_are_hashed_by_a_task_and_are_what_they_would_be_here(
    local_ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path := tmp_path / "genome.fa").write_text(">chr1\nACGT\n")
    done: list[str] = []

    def noted(function: object, argument: object) -> object:
        done.append(getattr(function, "__name__", ""))
        return as_task(function, argument)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "own_cpus", lambda: 0.0)
    monkeypatch.setattr(run, "as_task", noted)
    monkeypatch.setattr(run, "find_head", lambda: "here:6379")
    for large in (12, 11):
        monkeypatch.setattr(run, "LARGE", large)
        with Start("predict", tmp_path / "run", fresh=False, dry_run=False) as start:
            start.hash_inputs({"inputs.fasta": path})
            assert start.inputs == {"inputs.fasta": fingerprint(path)}
            start.check_inputs()
        assert len(done) == (large == 11)
    with Start("predict", tmp_path / "run", fresh=False, dry_run=True) as start:
        start.hash_inputs({"inputs.fasta": path})
    assert len(done) == 1  # a dry run starts nothing


def test_regions_are_planned_by_a_task_as_they_are_here(
    local_ray: None, genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = write_training(tmp_path / "train", n=1)
    for out, large in {"here": 2**40, "there": 0}.items():
        monkeypatch.setattr(regions, "LARGE", large)
        monkeypatch.setattr(Start, "leaves_work_to_nodes", lambda start: True)
        run_predict(predict_config(genome, checkpoint, tmp_path / out))
    for pattern in ("inputs/*.parquet", "predictions/*.parquet"):
        assert bytes_of(tmp_path / "here", pattern) == bytes_of(tmp_path / "there", pattern)
