"""A file of weights that a person brings: training starts from it, predict uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from raycre.config import TrainConfig, make_config
from raycre.create.layout import CLASSES
from raycre.create.model.sizes import SIZES
from raycre.create.model.weight_files import read_network
from raycre.demo.genome import DemoGenome
from raycre.errors import CheckpointError
from raycre.store.parquet import read_parts, read_table
from tests.conftest import predict_config, train_values
from tests.in_process import run_predict, run_train
from tests.unit.test_weight_files import model_of, write_authors

pytestmark = pytest.mark.long


def test_training_starts_from_a_checkpoint_and_predict_uses_one(genome: DemoGenome, tmp_path: Path) -> None:
    start = write_authors(tmp_path / "authors.pth", model_of(5))
    values = train_values(genome, tmp_path / "train", epochs=2, learning_rate=1e-9)
    values["model"]["init"] = str(start)
    values["folds"]["only"] = [0]
    run_train(make_config(TrainConfig, values))
    trained = read_network(tmp_path / "train" / "folds" / "fold=0" / "best.safetensors")
    for name, tensor in model_of(5).named_parameters():
        torch.testing.assert_close(trained.get_parameter(name), tensor, atol=1e-6, rtol=0)
    other = make_config(TrainConfig, {**values, "model": {"size": "small", "init": str(start)}})
    with pytest.raises(CheckpointError, match="does not fit this training's sizes"):
        run_train(other.model_copy(update={"run": other.run.model_copy(update={"out": tmp_path / "no"})}))
    assert not (tmp_path / "no").exists()

    record = run_predict(predict_config(genome, start, tmp_path / "predict", codes=True))
    features = read_parts(tmp_path / "predict" / "codes")
    assert features["region_id"].tolist() == list(range(record["regions"]["kept"]))
    assert {len(codes) for codes in features["codes"]} == {26 * SIZES["tiny"].splits}
    parts = read_parts(tmp_path / "predict" / "predictions")
    assert len(parts) == record["regions"]["kept"]
    assert parts["call"].isna().all()
    assert parts["score_margin"].isna().all()
    assert set(parts["call_argmax"]) <= set(CLASSES)
    assert (parts["n_folds"] == 1).all()

    cutoffs = dict.fromkeys(CLASSES[:4], 0.0)
    model = {"checkpoint": str(start), "cutoffs": cutoffs}
    run_predict(predict_config(genome, start, tmp_path / "calls", model=model))
    called = read_parts(tmp_path / "calls" / "predictions")
    assert (called["call"] != "background").all()
    counts = read_table(tmp_path / "calls" / "summary" / "calls.parquet").to_pandas()
    assert int(counts["n"].sum()) == len(called)
