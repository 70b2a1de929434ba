"""The evidence scripts: runs that may be compared, and what is handed to the authors' program."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from raycre.config import TrainConfig, make_config
from raycre.create.fold_data import FoldData
from raycre.create.model.sizes import Sizes
from raycre.create.views import training_samples
from raycre.errors import ConfigError, RunMismatchError
from raycre.genome.classes import CLASSES
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import METRICS

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import create_evidence
import train_reference

MINI = ["signal=16", "encoder2=32", "decoder3=24", "decoder2=24", "embedding=32", "codes=50", "splits=4"]


def write_run(folder: Path, shift: float, fold_of: list[int] | None = None) -> Path:
    """A run of four folds: only what the table is made of."""
    rows = [
        (fold, name, metric, 0.9 + 0.01 * fold - shift)
        for fold in range(4)
        for name in ("macro", *CLASSES)
        for metric in create_evidence.METRICS
    ]
    table = pd.DataFrame(rows, columns=["fold", "class", "metric", "value"])
    write_table(folder / "summary" / "metrics.parquet", as_table(table, METRICS))
    if fold_of is not None:
        (folder / "inputs").mkdir()
        np.save(folder / "inputs" / "fold.npy", fold_of)
        np.save(folder / "inputs" / "label.npy", [0, 1, 2, 3])
    return folder


def test_the_table_names_runs_by_folder_and_pairs_their_folds(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "full", 0.0, [0, 1, 2, 3]),
        write_run(tmp_path / "sequence", 0.1, [0, 1, 2, 3]),
        write_run(tmp_path / "other", 0.2),
    ]
    tables = create_evidence.collect(runs)
    assert tables["baseline"] == "full"
    assert tables["folds_not_checked"] == ["other"]
    text = create_evidence.markdown(tables["comparison"], tables["by_class"], "full")
    # 0.90 to 0.93 less 0.1: mean 0.815, s.d. 0.01 * sqrt(1.25); all of four folds are lower, p = 1/16.
    assert "| sequence | 4 | 0.815 ± 0.011 | -0.100 | 0.062 |" in text
    assert text.count("| sequence |") == 2  # and once by class


def test_runs_of_other_folds_are_not_paired(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "full", 0.0, [0, 1, 2, 3]),
        write_run(tmp_path / "sequence", 0.1, [1, 0, 2, 3]),
    ]
    with pytest.raises(RunMismatchError, match="folds are not those of full"):
        create_evidence.collect(runs)


def test_two_runs_of_one_name_are_refused(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / side / "full", 0.0) for side in ("a", "b")]
    with pytest.raises(ConfigError, match="two runs of this name"):
        create_evidence.collect(runs)


def config(size: str) -> TrainConfig:
    inputs = {"fasta": "g.fa", "openness": ["o.bw"], "loops": "l.bedpe", "labels": "l.bed"}
    return make_config(TrainConfig, {"run": {"out": "x"}, "inputs": inputs, "model": {"size": size}})


def test_sizes_that_the_reference_cannot_have_are_refused_by_name() -> None:
    assert train_reference.matched(config("paper"), []) == Sizes()
    with pytest.raises(ConfigError, match=r"no such sequence, encoder3, classifier.*--sizes"):
        train_reference.matched(config("tiny"), [])
    with pytest.raises(ConfigError, match="give NAME=VALUE"):
        train_reference.matched(config("tiny"), ["width=3"])
    sizes = train_reference.matched(config("tiny"), MINI)
    assert (sizes.sequence, sizes.signal, sizes.encoder3) == (32, 16, 16)  # as its driver derives them
    assert (sizes.classifier, sizes.encoder_dropout) == ((1024, 512), 0.5)


def test_exported_windows_cut_its_way_are_the_ones_we_train_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(10) % 5
    rows = np.arange(10)
    codes = rng.integers(0, 5, (10, 1_020), np.uint8)
    reads = rng.integers(0, 50, (10, 1_020)).astype(np.uint16)
    counts = rng.integers(250, 260, (10, 1_020)).astype(np.uint16)  # would wrap as uint8
    data = FoldData(codes, reads, counts, labels, rows, rows, rows, replicates=2)
    modalities = ("sequence", "openness", "loops")
    train_reference.export(data, modalities, tmp_path)
    wide = np.concatenate([np.load(tmp_path / f"train_{n}s.npy") for n in ("seq", "open", "loop")], axis=1)
    assert np.load(tmp_path / "train_seqs.npy").dtype == np.uint8
    assert wide.shape == (10, 6, 1_020)
    samples = training_samples(labels, rows, (3,) * 5)
    ours = data.inputs(samples.rows, samples.views, modalities, torch.device("cpu")).numpy()
    for row, offset, is_rc, x in zip(samples.rows, *samples.views, ours, strict=True):
        window = wide[row][:, 10 + offset : 1_010 + offset]
        expected = window[[3, 2, 1, 0, 4, 5], ::-1] if is_rc else window  # golden README, "Augmentation"
        assert np.array_equal(x, expected)
    assert wide[:, 5].min() > 2.3  # log10(250)
