"""A cell line without silencers, from labels to calls: training, prediction and report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from raycre.config import TrainConfig, make_config
from raycre.create.layout import CLASSES
from raycre.demo.genome import DemoGenome
from raycre.report.page import write_report
from raycre.store.files import read_json
from raycre.store.parquet import read_parts, read_table
from tests.conftest import predict_config, train_values
from tests.in_process import run_predict, run_train

pytestmark = pytest.mark.long
FOUR = CLASSES[1:]


@pytest.fixture(scope="module")
def four(genome: DemoGenome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a training without silencers, and its prediction."""
    folder = tmp_path_factory.mktemp("four")
    rows = genome.labels.read_text().splitlines(keepends=True)
    (folder / "labels.bed").write_text("".join(row for row in rows if row.split()[3] != "silencer"))
    values = train_values(genome, folder / "train", balance="weights")
    values["inputs"]["labels"] = str(folder / "labels.bed")
    run_train(make_config(TrainConfig, values))
    run_predict(predict_config(genome, folder / "train", folder / "predict"))
    return folder


def test_the_training_has_every_column_and_none_for_silencers(four: Path) -> None:
    metrics = read_table(four / "train" / "summary" / "metrics.parquet").to_pandas()
    by_class = metrics.groupby("class")["value"]
    assert by_class.count()["silencer"] == 0
    assert (by_class.count()[list(FOUR)] == 3 * 5).all()  # folds, metrics
    auroc = metrics[metrics["metric"] == "auroc"].pivot(index="fold", columns="class", values="value")
    np.testing.assert_allclose(auroc["macro"], auroc[list(FOUR)].mean(axis=1))
    confusion = read_table(four / "train" / "summary" / "confusion.parquet").to_pandas()
    of_silencers = (confusion["truth"] == "silencer") | (confusion["called"] == "silencer")
    assert len(confusion) == 3 * 25
    assert confusion.loc[of_silencers, "n"].sum() == 0
    assert confusion["n"].sum() == 120
    curves = read_table(four / "train" / "summary" / "curves.parquet").to_pandas()
    assert set(curves["class"]) == set(FOUR)
    weights = read_json(four / "train" / "run.json")["class_weights"]
    assert [list(of_fold) for of_fold in weights.values()] == [list(FOUR)] * 3


def test_the_prediction_has_null_columns_and_no_silencer(four: Path, genome: DemoGenome) -> None:
    rows = read_parts(four / "predict" / "predictions")
    assert rows[["p_silencer", "sd_silencer"]].isna().all(axis=None)
    np.testing.assert_allclose(rows[[f"p_{c}" for c in FOUR]].sum(axis=1), 1, atol=1e-5)
    assert rows["score_margin"].notna().all()
    assert set(rows["call"]) <= set(FOUR)
    assert set(rows["call_argmax"]) <= set(FOUR)
    record = read_json(four / "predict" / "run.json")
    assert record["classes"] == list(FOUR)
    assert record["calls"]["silencer"] is None
    assert sum(record["calls"][c] for c in FOUR) == len(rows)
    counts = read_table(four / "predict" / "summary" / "calls.parquet")
    assert counts["n"].to_pylist()[0] is None


def test_the_report_says_that_silencers_were_not_trained(four: Path, tmp_path: Path) -> None:
    write_report([four / "train", four / "predict"], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("not trained") >= 2
    assert "weight in the loss" in page
