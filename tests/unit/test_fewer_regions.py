"""Shares of a fold's training regions: fewer silencers, less background, the same validation and test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from raycre.config import TrainConfig, make_config
from raycre.config.sweep import read_sweep
from raycre.create.training.fewer import keep_share, n_kept
from raycre.demo.genome import DemoGenome
from raycre.errors import ConfigError
from raycre.genome.features import Wide
from raycre.genome.folds import split
from raycre.plots.declaration import Choice
from raycre.plots.registry import find_figure
from raycre.plots.runs import Runs
from raycre.store.parquet import read_table
from raycre.workflows.train.fold import fold_data
from raycre.workflows.train.materialise import Arrays
from tests.conftest import train_values
from tests.in_process import run_sweep

N, FLANK = 60, 20
LABELS = np.repeat([0, 1, 4], N // 3)
FOLDS = np.tile(np.arange(3), N // 3)
CODES = np.random.default_rng(0).integers(0, 4, (N, 1000 + 2 * FLANK)).astype(np.uint8)
YAML = """
run: {name: t, out: OUT}
inputs: {fasta: g.fa, labels: l.bed, openness: o.bw, loops: l.bedpe}
"""


def test_a_share_is_rounded_to_the_nearest_region_and_one_stays() -> None:
    assert [n_kept(20, share) for share in (1, 0.5, 0.26, 0.001)] == [20, 10, 5, 1]
    assert n_kept(0, 0.5) == 0


def test_a_smaller_share_is_part_of_a_larger_and_other_classes_are_whole() -> None:
    rows = np.arange(N)
    half = keep_share(rows, LABELS, CODES, (0.5, 1, 1, 1, 1))
    quarter = keep_share(rows, LABELS, CODES, (0.25, 1, 1, 1, 0.5))
    assert np.bincount(LABELS[half], minlength=5).tolist() == [10, 20, 0, 0, 20]
    assert np.bincount(LABELS[quarter], minlength=5).tolist() == [5, 20, 0, 0, 10]
    silencers = [set(kept[LABELS[kept] == 0]) for kept in (half, quarter)]
    assert silencers[1] < silencers[0]


def test_neither_order_nor_flank_chooses() -> None:
    rows = np.arange(N)
    kept = keep_share(rows, LABELS, CODES, (0.5, 1, 1, 1, 1))
    turned = keep_share(rows, LABELS[::-1], CODES[::-1], (0.5, 1, 1, 1, 1))
    assert set(N - 1 - turned) == set(kept)
    narrow = keep_share(rows, LABELS, CODES[:, FLANK:-FLANK], (0.5, 1, 1, 1, 1))
    assert narrow.tolist() == kept.tolist()


def test_validation_and_test_are_the_same_whatever_is_kept() -> None:
    arrays = Arrays(Wide(CODES, None, None), LABELS, FOLDS)
    whole = fold_data(arrays, 0, 3)
    some = fold_data(arrays, 0, 3, (0.5, 1, 1, 1, 1))
    assert some.test.tolist() == whole.test.tolist()
    assert some.validation.tolist() == whole.validation.tolist()
    assert whole.train.tolist() == np.flatnonzero(split(FOLDS, 0, 3).train).tolist()
    assert set(some.train) < set(whole.train)
    assert fold_data(arrays, 0, 3, (1.0,) * 5).train.tolist() == whole.train.tolist()


def test_shares_are_swept_and_all_of_them_is_the_training_that_it_was(tmp_path: Path) -> None:
    path = tmp_path / "train.yaml"
    path.write_text(YAML.replace("OUT", str(tmp_path / "run")))
    settings = read_sweep(path, (), ["keep=[1,1,1,1,1],[0.5,1,1,1,1],[1,1,1,1,0.25]"])
    assert [s.name for s in settings] == ["keep=1+1+1+1+1", "keep=0.5+1+1+1+1", "keep=1+1+1+1+0.25"]
    sciences = [s.config.science() for s in settings]
    assert "keep" not in sciences[0]["recipe"]  # the identity of runs that are there
    assert list(sciences[1]["recipe"]["keep"]) == [0.5, 1, 1, 1, 1]


@pytest.mark.parametrize("keep", [[0, 1, 1, 1, 1], [1, 1, 1, 1, 1.5], [1, 1]])
def test_a_share_that_cannot_be_is_refused(tmp_path: Path, keep: list[float]) -> None:
    values = {
        "run": {"name": "t", "out": "r"},
        "inputs": {"fasta": "g", "labels": "l"},
        "recipe": {"keep": keep},
    }
    with pytest.raises(ConfigError, match=r"recipe\.keep"):
        make_config(TrainConfig, values)


def test_a_sweep_of_shares_trains_on_fewer_and_tests_on_the_same(genome: DemoGenome, tmp_path: Path) -> None:
    """And any figure of models takes it, class by class, since its folds are of the same regions."""
    values = train_values(genome, tmp_path / "run", epochs=1, warmup_epochs=0)
    values["folds"] |= {"only": [0]}
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(values))
    run_sweep(read_sweep(path, (), ["keep=[1,1,1,1,1],[0.5,1,1,1,0.5]"]))
    names = ["keep=1+1+1+1+1", "keep=0.5+1+1+1+0.5"]
    folds = [tmp_path / "run" / "sweep" / name / "folds" / "fold=0" for name in names]
    whole, fewer = (read_table(fold / "predictions.parquet").to_pandas() for fold in folds)
    assert fewer["region_id"].tolist() == whole["region_id"].tolist()
    assert not np.allclose(fewer["p_silencer"], whole["p_silencer"])
    rows = find_figure("create-classes").table(Runs([("", tmp_path / "run")]), Choice())
    assert rows.groupby("run")["same_regions"].all().to_dict() == dict.fromkeys(names, True)
    assert {"macro", "silencer", "background"} <= set(rows["class"])
