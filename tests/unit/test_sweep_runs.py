"""A sweep: every combination is the run that train alone would make, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from raycre.cli import main
from raycre.config.sweep import read_sweep
from raycre.create.inference.checkpoints import fold_folder, read_checkpoint
from raycre.demo.genome import DemoGenome
from raycre.errors import ConfigError, RaycreError, RunMismatchError
from raycre.store.files import read_json
from raycre.store.old_run import find_old
from raycre.store.parquet import read_table
from raycre.store.schemas import SWEEP
from raycre.workflows.train import sweep
from raycre.workflows.train.fold import train_fold
from raycre.workflows.train.materialise import open_inputs
from raycre.workflows.train.plan import plan_of
from raycre.workflows.train.workers import Job
from tests.conftest import train_values
from tests.in_process import run_sweep
from tests.stamps import unstamped
from tests.trainings import in_folder, with_inputs

pytestmark = pytest.mark.long
FOLDS = (0, 2)
SWEEPS = (
    "ratios=[3,1,1,1,1],[1,1,1,1,1]",
    "modalities=[sequence],[sequence, loops]",
    "learning_rate=2e-3,1e30",
)
GOOD = "ratios=1+1+1+1+1,modalities=sequence+loops,learning_rate=2e-3"


@pytest.fixture(scope="module")
def config(genome: DemoGenome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept")
    values = train_values(genome, folder / "run", epochs=2)
    values["folds"]["only"] = list(FOLDS)
    (folder / "train.yaml").write_text(yaml.safe_dump(values))
    return folder / "train.yaml"


@pytest.fixture(scope="module")
def swept(config: Path) -> Path:
    """A finished sweep over eight settings, of which the four of an absurd rate cannot be trained."""
    with pytest.raises(RaycreError, match=r"learning_rate=1e30: folds 0, 2 are not trained: .*not finite"):
        run_sweep(read_sweep(config, (), SWEEPS))
    return config.parent / "run"


def test_a_setting_that_cannot_be_trained_stops_no_other(swept: Path) -> None:
    record = read_json(swept / "run.json")
    assert record["verb"] == "sweep"
    assert len(record["settings"]) == 8
    assert set(record["failed"]) == {name for name in record["settings"] if name.endswith("1e30")}
    assert (record["runs"], record["folds"], record["folds_done"]) == (8, 16, 8)


def test_the_table_holds_every_setting_against_the_first(swept: Path) -> None:
    table = read_table(swept / sweep.TABLE)
    assert table.schema.names == SWEEP.names
    rows = table.to_pandas()
    good = [name for name in read_json(swept / "run.json")["settings"] if name.endswith("2e-3")]
    assert rows["setting"].unique().tolist() == good
    assert set(rows["n_folds"]) == {len(FOLDS)}
    for name in good:
        metrics = read_table(swept / "sweep" / name / "summary" / "metrics.parquet").to_pandas()
        macro = metrics[(metrics["class"] == "macro") & (metrics["metric"] == "auprc")]["value"]
        row = rows[(rows["setting"] == name) & (rows["metric"] == "auprc")].iloc[0]
        assert row["mean"] == pytest.approx(macro.mean())
        first = rows[(rows["setting"] == good[0]) & (rows["metric"] == "auprc")].iloc[0]
        assert row["difference"] == pytest.approx(row["mean"] - first["mean"])


def test_a_setting_has_the_bits_of_a_training_of_its_own(config: Path, swept: Path, tmp_path: Path) -> None:
    """Though it was given windows wider than it needs."""
    setting = next(s for s in read_sweep(config, (), SWEEPS) if s.name == GOOD)
    alone = with_inputs(in_folder(plan_of(setting.config), tmp_path))
    folder = fold_folder(swept / "sweep" / GOOD, 2)
    wide = open_inputs(swept / "sweep" / GOOD / "inputs").wide
    narrow = open_inputs(tmp_path / "inputs")
    assert wide.codes.shape[1] == narrow.wide.codes.shape[1] + 20
    train_fold(alone, 2, narrow, metadata(folder))
    for name in ("best.safetensors", "history.parquet", "predictions.parquet", "cutoffs.json"):
        assert (folder / name).read_bytes() == (fold_folder(tmp_path, 2) / name).read_bytes(), name


def metadata(folder: Path) -> dict[str, str]:
    found = read_table(folder / "predictions.parquet").schema.metadata
    return {key.decode(): value.decode() for key, value in found.items()}


def test_a_setting_is_a_run_that_predict_can_use(swept: Path) -> None:
    checkpoint = read_checkpoint(swept / "sweep" / GOOD, FOLDS)
    assert checkpoint.modalities == ("sequence", "loops")


def test_inputs_are_kept_once(swept: Path) -> None:
    common = swept / "inputs"
    assert not (common / "openness.npy").exists()  # no setting reads it
    for run in (swept / "sweep").iterdir():
        assert (run / "inputs" / "codes.npy").samefile(common / "codes.npy")
        assert (run / "inputs" / "loops.npy").exists() == ("loops" in run.name)
    assert unstamped(swept) == {}
    old = find_old(swept, "sweep")
    assert old is not None
    assert {p for p in swept.rglob("*") if p.is_file()} == set(old.all_files)


def test_the_same_command_again_trains_nothing_and_a_setting_can_be_added(config: Path, swept: Path) -> None:
    asked: list[list[Job]] = []

    def train(jobs: Sequence[Job], *_: object) -> None:
        asked.append(list(jobs))

    good = [text.removesuffix(",1e30") for text in SWEEPS]
    found = run_sweep(read_sweep(config, (), good), train=train)
    assert (found["folds_done"], found["failed"], asked) == (8, {}, [[]])
    with pytest.raises(RaycreError, match="workers were lost"):
        run_sweep(read_sweep(config, (), [*good, "K=50,60"]), train=train)
    assert {(job.label.rpartition("=")[2], job.fold) for job in asked[1]} == {
        (k, fold) for k in ("50", "60") for fold in FOLDS
    }
    with pytest.raises(RunMismatchError, match="flank was 10, is 20"):
        run_sweep(read_sweep(config, (), ["ratios=[5,1,1,1,1],[1,1,1,1,1]", SWEEPS[1]]))


def test_a_combination_that_cannot_be_is_refused_before_anything_is_written(
    genome: DemoGenome, tmp_path: Path
) -> None:
    values: dict[str, Any] = train_values(genome, tmp_path / "run")
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="cannot be cut in M equal parts"):
        run_sweep(read_sweep(tmp_path / "train.yaml", (), ["M=4,5"]))
    assert not (tmp_path / "run").exists()


def test_a_dry_run_adds_up_the_cost_and_writes_nothing(genome: DemoGenome, tmp_path: Path) -> None:
    values: dict[str, Any] = train_values(genome, tmp_path / "run")
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(values))
    costs = [
        run_sweep(read_sweep(tmp_path / "train.yaml", (), [f"K={k}"]), dry_run=True)
        for k in (20, 50, "20,50")
    ]
    assert [(cost["runs"], cost["folds"]) for cost in costs] == [(1, 3), (1, 3), (2, 6)]
    assert costs[2]["flops_at_most"] == costs[0]["flops_at_most"] + costs[1]["flops_at_most"]
    assert not (tmp_path / "run").exists()


def test_the_command_line_takes_sweeps_and_weights_to_start_from(
    genome: DemoGenome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump(train_values(genome, tmp_path / "run")))

    def ends(*options: str) -> int:
        with pytest.raises(SystemExit) as end:
            main(["train", "--config", str(config), "--dry-run", "--json", *options])
        return int(end.value.code or 0)

    assert ends("--sweep", "K=20,50", "--sweep", "alpha=0,0.25", "--set", "folds.only=[0]") == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 4
    assert ends("--sweep", "codbook.K=20,50") == 2
    assert "did you mean" in capsys.readouterr().err
    assert ends("--init", str(tmp_path / "no such: file.pth")) == 2
    message = capsys.readouterr().err
    assert "no such: file.pth" in message
    assert "model.init: no such file" in message
    assert not (tmp_path / "run").exists()
