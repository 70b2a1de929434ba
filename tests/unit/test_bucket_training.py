"""Trainings and sweeps whose folder is in a bucket: the bits of a disk, --fresh, status, and no secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from raycre.config import TrainConfig, make_config
from raycre.config.sweep import read_sweep
from raycre.demo.genome import DemoGenome
from raycre.store.files import read_json
from raycre.store.location import location
from raycre.workflows.status.read import read_status
from tests.conftest import bytes_of, train_values
from tests.in_process import connect_to_nothing, run_sweep, run_train
from tests.s3_server import BUCKET, ENVIRONMENT, S3, bucket_at, serve_s3

pytestmark = pytest.mark.long
WEIGHTS = ("folds/fold=*/best.safetensors", "folds/fold=*/predictions.parquet", "summary/metrics.parquet")


@pytest.fixture(scope="module")
def served() -> Iterator[S3]:
    with serve_s3() as s3, bucket_at(s3):
        yield s3


@pytest.fixture(autouse=True)
def s3(served: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    connect_to_nothing(monkeypatch)
    return served


def values_of(genome: DemoGenome, out: Path | str, **changes: Any) -> dict[str, Any]:
    values = train_values(genome, out, epochs=2) | changes  # type: ignore[arg-type]
    values["folds"] = {**values["folds"], "only": [0]}
    values["run"] = {**values["run"], "out": str(out)}
    return values


def check_no_secret(out: Path) -> None:
    for name in out.listed():  # type: ignore[attr-defined]
        held = (out / name).read_bytes()
        assert not [key for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
                    if ENVIRONMENT[key].encode() in held], name  # fmt: skip


def test_a_training_in_a_bucket_has_the_bits_of_a_disk_and_takes_fresh(
    genome: DemoGenome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = location(f"s3://{BUCKET}/train")
    for place in (tmp_path / "local", out):
        run_train(make_config(TrainConfig, values_of(genome, place)))
    for pattern in WEIGHTS:
        expected = bytes_of(tmp_path / "local", pattern)
        assert expected
        assert bytes_of(out, pattern) == expected
    status = read_status(out)
    assert status.units is not None
    assert (status.state, status.units.done, status.units.total) == ("finished", 1, 1)
    check_no_secret(out)
    (out / "notes.txt").write_text("a person's")
    before = {name for name in out.listed() if not name.startswith("journal/")}  # type: ignore[attr-defined]
    values = values_of(genome, out)
    run_train(make_config(TrainConfig, values | {"run": {**values["run"], "seed": 7}}), fresh=True)
    assert "--fresh removes the train run" in capsys.readouterr().err
    after = {name for name in out.listed() if not name.startswith("journal/")}  # type: ignore[attr-defined]
    assert after == before
    assert read_json(out / "run.json")["identity"]["seed"] == 7
    assert len(list((out / "journal").iterdir())) == 1  # the first run's went with it
    assert (out / "notes.txt").read_text() == "a person's"


def test_a_sweep_in_a_bucket_has_the_bits_of_a_disk_goes_on_and_takes_fresh(
    genome: DemoGenome, tmp_path: Path
) -> None:
    out = location(f"s3://{BUCKET}/sweep")
    for place in (tmp_path / "local", out):
        (tmp_path / "train.yaml").write_text(yaml.safe_dump(values_of(genome, place)))
        settings = read_sweep(tmp_path / "train.yaml", (), ["learning_rate=2e-3,1e-3"])
        run_sweep(settings)
    patterns = (*(f"sweep/*/{pattern}" for pattern in WEIGHTS), "summary/sweep.parquet")
    for pattern in patterns:
        expected = bytes_of(tmp_path / "local", pattern)
        assert expected
        assert bytes_of(out, pattern) == expected
    status = read_status(out)
    assert status.units is not None
    assert (status.verb, status.units.done, status.units.total) == ("sweep", 2, 2)
    check_no_secret(out)
    lost = sorted(out.glob("sweep/*/folds/fold=0/cutoffs.json"))[0]
    held = lost.read_bytes()
    lost.unlink()
    run_sweep(settings)
    assert lost.read_bytes() == held
    run_sweep(settings, fresh=True)
    for pattern in patterns:
        assert bytes_of(out, pattern) == bytes_of(tmp_path / "local", pattern)
