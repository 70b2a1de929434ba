"""Trained folds on disk: only whole and fitting ones load; an interrupted fold ends with the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from raycre.create.evaluation import metrics
from raycre.create.inference.checkpoints import CUTOFFS, WEIGHTS, fold_folder, read_checkpoint
from raycre.create.inference.ensemble import Ensemble
from raycre.create.layout import CLASSES
from raycre.create.model.create import Create
from raycre.create.model.sizes import SIZES, Codebook
from raycre.create.model.weight_files import read_model, write_model
from raycre.demo.genome import DemoGenome, write_demo_genome
from raycre.errors import CheckpointError, ConfigError, FormatError, InputError, MissingInputError
from raycre.store.files import sha256_of, write_json
from raycre.store.parquet import read_table
from raycre.store.run import open_run
from raycre.workflows.predict.calling import calling_of
from raycre.workflows.train.fold import STATE, train_fold
from raycre.workflows.train.materialise import Arrays, open_inputs
from raycre.workflows.train.plan import TrainPlan
from tests.by_hand import model_of, rewrite, write_training
from tests.conftest import train_values
from tests.trainings import in_folder, plan_from, with_inputs

RESULTS = (WEIGHTS, CUTOFFS, "predictions.parquet", "history.parquet")


@pytest.fixture
def training(tmp_path: Path) -> Path:
    return write_training(tmp_path / "train")


def test_a_model_comes_back_from_its_file_bit_for_bit(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = replace(SIZES["tiny"], codes=11, splits=2)
    model = Create(sizes, ("sequence", "loops"))
    write_model(tmp_path / WEIGHTS, model)
    back = read_model(tmp_path / WEIGHTS)
    assert back.sizes == sizes
    assert tuple(back.modalities) == ("sequence", "loops")
    assert not back.training
    written, read = model.state_dict(), back.state_dict()
    assert list(read) == list(written)
    assert all(read[name].numpy().tobytes() == written[name].numpy().tobytes() for name in written)


def test_all_folds_or_those_named_are_used(training: Path) -> None:
    assert read_checkpoint(training, "all").folds == (0, 1, 2)
    some = read_checkpoint(training, (2, 0))
    assert some.folds == (2, 0)
    assert some.modalities == ("sequence", "openness", "loops")


@pytest.mark.parametrize("folds", [(), (1, 1)])
def test_no_fold_and_a_fold_named_twice_are_refused(training: Path, folds: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"model\.folds: name each fold once"):
        read_checkpoint(training, folds)


def test_the_hash_covers_weights_cutoffs_and_the_choice_of_folds(training: Path) -> None:
    hashes = [read_checkpoint(training, folds).sha256 for folds in ("all", (0, 1), (1, 0))]
    write_model(fold_folder(training, 1) / WEIGHTS, model_of(99))
    hashes.append(read_checkpoint(training, "all").sha256)
    write_json(fold_folder(training, 1) / CUTOFFS, {"thresholds": dict.fromkeys(CLASSES, 0.6)})
    hashes.append(read_checkpoint(training, "all").sha256)
    assert len(set(hashes)) == 5


def test_every_file_of_a_training_is_read_once(training: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Model, hashes, fingerprints and cutoffs of three folds: three files of weights, three of cutoffs."""
    opened: list[str] = []
    real = Path.open

    def noted(path: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(path.name)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", noted)
    checkpoint = read_checkpoint(training, "all")
    assert calling_of(checkpoint.training).rule == "ensemble"
    Ensemble(checkpoint.models, np.full(5, np.nan), 2)
    assert {name: opened.count(name) for name in (WEIGHTS, CUTOFFS, "run.json")} == {
        WEIGHTS: 3, CUTOFFS: 3, "run.json": 1,
    }  # fmt: skip
    assert [p.path.name for p in checkpoint.fingerprints] == [WEIGHTS, CUTOFFS] * 3
    assert [p.sha256 for p in checkpoint.fingerprints] == [sha256_of(p.path) for p in checkpoint.fingerprints]


def test_folds_that_are_not_trained_are_named(training: Path) -> None:
    for fold in (0, 2):
        (fold_folder(training, fold) / CUTOFFS).unlink()  # written last: without it a fold is not done
    with pytest.raises(CheckpointError, match=r"train: folds 0, 2 are not trained; finish the training"):
        read_checkpoint(training, "all")
    with pytest.raises(CheckpointError, match="folds 7 are not trained"):
        read_checkpoint(training, (1, 7))
    assert read_checkpoint(training, (1,)).folds == (1,)


def test_a_folder_without_a_run_and_one_of_another_verb_are_refused(training: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(MissingInputError, match=r"photos: model\.checkpoint: no training run here"):
        read_checkpoint(tmp_path / "photos", "all")
    open_run(tmp_path / "predict", verb="predict", name="p", config={}, science={}, layout={})
    with pytest.raises(CheckpointError, match="the folder of another verb, not of train"):
        read_checkpoint(tmp_path / "predict", "all")
    open_run(tmp_path / "sweep", verb="sweep", name="s", config={}, science={}, layout={})
    with pytest.raises(CheckpointError, match="name one of its runs, a folder below sweep/"):
        read_checkpoint(tmp_path / "sweep", "all")


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:100], lambda b: b"", lambda b: b"PK\3\4" + b]
)
def test_damaged_weights_are_refused_by_name(training: Path, damage) -> None:  # type: ignore[no-untyped-def]
    path = fold_folder(training, 1) / WEIGHTS
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"fold=1/best\.safetensors: not a whole safetensors file"):
        read_checkpoint(training, "all")


def test_a_pickle_under_the_name_of_weights_is_refused(training: Path) -> None:
    path = fold_folder(training, 1) / WEIGHTS
    torch.save(model_of(1).state_dict(), path)
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        read_checkpoint(training, "all")


def test_tensors_of_another_shape_are_named_with_both_shapes(training: Path) -> None:
    path = fold_folder(training, 2) / WEIGHTS
    rewrite(path, {"base_norm.bias": torch.zeros(3)})
    with pytest.raises(
        CheckpointError, match=r"another shape: base_norm\.bias is \(3,\), the model has \(4,\)"
    ):
        read_checkpoint(training, "all")
    rewrite(path, {"base_norm.bias": torch.zeros(4), "extra": torch.zeros(1)})
    with pytest.raises(CheckpointError, match=r"extra is \(1,\), the model has none"):
        read_checkpoint(training, "all")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({}, "weights without raycre's description"),
        ({"raycre_network": "{"}, "description of the model is damaged"),
        ({"raycre_network": json.dumps({"sizes": {"depth": 3}})}, "description of the model is damaged"),
    ],
)
def test_weights_that_train_did_not_write_are_refused(
    training: Path, about: dict[str, str], message: str
) -> None:
    rewrite(fold_folder(training, 0) / WEIGHTS, {}, about)
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(training, "all")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", FormatError, "not JSON"),
        ("{}", CheckpointError, "no cutoff for every class"),
        ('{"thresholds": {"silencer": 0.5}}', CheckpointError, "no cutoff for every class .*enhancer"),
    ],
)
def test_damaged_cutoffs_are_refused_by_name(
    training: Path, text: str, error: type[InputError], message: str
) -> None:
    (fold_folder(training, 1) / CUTOFFS).write_text(text)
    with pytest.raises(error, match=rf"fold=1/cutoffs\.json.*{message}"):
        read_checkpoint(training, "all")


def test_folds_that_read_different_modalities_are_refused(training: Path) -> None:
    write_model(fold_folder(training, 1) / WEIGHTS, model_of(1, ("sequence",)))
    with pytest.raises(
        CheckpointError, match=r"fold=1.*reads \('sequence',\), other folds read \('sequence', 'o"
    ):
        read_checkpoint(training, "all")


# Training a fold from its files. Nothing below starts Ray.
@pytest.fixture
def _default_algorithms() -> Iterator[None]:
    """`train_fold` asks torch for deterministic algorithms; other tests should not run under that."""
    yield
    torch.use_deterministic_algorithms(False)


def materialise(
    genome: DemoGenome, folder: Path, *, n: int = 3, **recipe: object
) -> tuple[TrainPlan, Arrays]:
    """Return a training of n folds and its materialised inputs; both under `folder`."""
    plan = plan_from(train_values(genome, folder / "run", **recipe) | {"folds": {"n": n}})
    return with_inputs(plan, folder), open_inputs(folder / "inputs")


class _Killed(Exception):
    """Stands for the loss of the worker."""


def _kill(epoch: int) -> None:
    raise _Killed


@pytest.mark.usefixtures("_default_algorithms")
def test_a_fold_interrupted_after_an_epoch_ends_with_the_bytes_of_an_undisturbed_one(
    genome: DemoGenome, tmp_path: Path
) -> None:
    plan, arrays = materialise(genome, tmp_path, epochs=2)
    undisturbed, resumed = (in_folder(plan, tmp_path / name) for name in ("undisturbed", "resumed"))
    train_fold(undisturbed, 1, arrays, {})
    with pytest.raises(_Killed):
        train_fold(resumed, 1, arrays, {}, on_epoch=_kill)
    folder = fold_folder(resumed.out, 1)
    assert not any((folder / name).exists() for name in RESULTS if name != "history.parquet")
    epochs: list[int] = []
    train_fold(resumed, 1, arrays, {}, on_epoch=epochs.append)
    assert epochs == [2]  # the first epoch was not done again
    for name in RESULTS:
        expected = fold_folder(undisturbed.out, 1) / name
        assert (folder / name).read_bytes() == expected.read_bytes(), name
    train_fold(resumed, 1, arrays, {}, on_epoch=epochs.append)
    assert epochs == [2]  # a fold that has its cutoffs is done


@pytest.mark.usefixtures("_default_algorithms")
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"text"])
def test_a_damaged_state_is_named_with_the_remedy(  # type: ignore[no-untyped-def]
    genome: DemoGenome, tmp_path: Path, damage
) -> None:
    plan, arrays = materialise(genome, tmp_path, epochs=2)
    with pytest.raises(_Killed):
        train_fold(plan, 0, arrays, {}, on_epoch=_kill)
    state = fold_folder(plan.out, 0) / STATE
    state.write_bytes(damage(state.read_bytes()))
    with pytest.raises(CheckpointError, match=r"last\.pt: not a whole checkpoint .*remove the file"):
        train_fold(plan, 0, arrays, {})
    state.unlink()
    train_fold(plan, 0, arrays, {})
    assert (fold_folder(plan.out, 0) / CUTOFFS).is_file()


@pytest.mark.usefixtures("_default_algorithms")
def test_a_state_of_another_model_is_refused(genome: DemoGenome, tmp_path: Path) -> None:
    plan, arrays = materialise(genome, tmp_path, epochs=2)
    with pytest.raises(_Killed):
        train_fold(plan, 0, arrays, {}, on_epoch=_kill)
    other = replace(plan, network=replace(plan.network, codebook=Codebook(K=3)))
    with pytest.raises(CheckpointError, match=r"not a whole checkpoint of this fold (?s:.*)size mismatch"):
        train_fold(other, 0, arrays, {})


@pytest.mark.long
@pytest.mark.usefixtures("_default_algorithms")
def test_classes_are_learnt_from_true_labels_and_not_from_shuffled_ones(tmp_path: Path) -> None:
    """Macro auROC on a test set of 80 regions, 16 of each class; chance is 0.5 ± 0.04.

    The standard error of one class against the others is sqrt((16 + 64 + 1) / (12 · 16 · 64)) = 0.08
    (Mann-Whitney), and five are averaged; 0.12 is three of them.
    """
    genome = write_demo_genome(tmp_path / "genome", n_labelled=400, n_candidates=20)
    plan, arrays = materialise(genome, tmp_path, n=5, epochs=10, batch_size=16, patience=5)
    shuffled = arrays._replace(labels=np.random.default_rng(0).permutation(arrays.labels))
    found = {}
    for name, these in {"true": arrays, "shuffled": shuffled}.items():
        one = in_folder(plan, tmp_path / name)
        train_fold(one, 0, these, {})
        rows = read_table(fold_folder(one.out, 0) / "predictions.parquet").to_pandas()
        test = rows[rows["set"] == "test"]
        labels = np.array([CLASSES.index(label) for label in test["label"]])
        found[name] = metrics.macro(metrics.auroc(labels, test[[f"p_{c}" for c in CLASSES]].to_numpy()))
    assert found["true"] > 0.8
    assert abs(found["shuffled"] - 0.5) < 0.12
