"""Decoders live: heads of tracks start where they can learn, the demo's recipe keeps them there, and a dead
one is said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from raycre.create.evaluation import projection
from raycre.create.evaluation.decoders import compare_decoders
from raycre.create.model.create import Create
from raycre.create.model.sizes import SIZES
from raycre.create.training.epoch import start_fold, train_epoch
from raycre.demo.genome import write_demo_genome
from raycre.demo.run import demo_configs
from raycre.store.files import read_json, write_json
from raycre.store.parquet import as_table, write_table
from raycre.store.run import open_run
from raycre.store.schemas import DECODERS, FOLD_PREDICTIONS, embeddings_schema
from raycre.workflows.train.fold import fold_data
from raycre.workflows.train.materialise import open_inputs
from raycre.workflows.train.plan import TrainPlan, plan_of
from raycre.workflows.train.run import finish, say_map
from tests.trainings import plan_from, with_inputs


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
def test_heads_of_tracks_start_above_zero(size: str) -> None:
    # As torch draws them, 7 of 20 heads at the paper's sizes are below zero in 95 % of positions or more.
    for seed in range(6):
        torch.manual_seed(seed)
        model = Create(SIZES[size]).eval()
        with torch.no_grad():
            latents = torch.randn(2, 26, SIZES[size].embedding)
            tracks = model.decode(latents)[:, 4:]
        assert (tracks > 0.1).all()


@pytest.mark.long
def test_the_demo_s_decoders_live_after_four_epochs(tmp_path: Path) -> None:
    genome = write_demo_genome(tmp_path / "genome", seed=0)
    config, _, _ = demo_configs(tmp_path, genome, 0)
    plan = with_inputs(plan_of(config), tmp_path)
    data = fold_data(open_inputs(tmp_path / "inputs"), 0, plan.folds.n)
    state = start_fold(0, plan.recipe, 0, plan.network.build)
    for epoch in range(4):  # with the weights of the paper, nothing depends on the region from here on
        train_epoch(state, data, epoch, 0)
    assert isinstance(state.model, Create)
    state.model.eval()
    decoders = compare_decoders(state.model, data, np.concatenate([data.validation, data.test]))
    assert not decoders["constant"].any()
    shares = decoders.set_index("modality")["share"]
    assert (shares[["openness", "loops"]] > 0.1).all()


def plan_in(folder: Path, **more: object) -> TrainPlan:
    values = {
        "run": {"out": folder},
        "inputs": {"fasta": "g.fa", "labels": "l.bed", "openness": ["o.bw"], "loops": "l.bedpe"},
    }
    return plan_from({**values, **more})


def test_a_training_warns_of_constant_decoders_and_names_the_maps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = open_run(tmp_path, verb="train", **plan_in(tmp_path).identity({}, {}))
    labels = ["silencer", "enhancer", "promoter", "insulator", "background"]
    for fold in (0, 1):
        folder = tmp_path / "folds" / f"fold={fold}"
        seen = pd.DataFrame({"region_id": range(5), "set": "test", "label": labels})
        seen[[f"p_{c}" for c in labels]] = np.eye(5)
        write_table(folder / "predictions.parquet", as_table(seen, FOLD_PREDICTIONS))
        rows = [("openness", 9, 1.0, 0.4, 0.4, False), ("loops", 9, 1.0, 1e-3, 1e-3, fold == 1)]
        table = pd.DataFrame(rows, columns=DECODERS.names)
        write_table(folder / "decoders.parquet", as_table(table, DECODERS))
        method = {"map": "UMAP" if fold else "PCA"}
        none: dict[str, list[Any]] = {name: [] for name in embeddings_schema(4).names}
        write_table(folder / "embeddings.parquet", as_table(none, embeddings_schema(4), method))
        write_json(folder / "cutoffs.json", {})
    finish(run, [0, 1])
    said = capsys.readouterr().err
    assert "the loops decoder's output is constant in 1 of 2 folds (1)" in said
    assert "raise recipe.loops" in said
    assert "openness decoder" not in said
    record = read_json(tmp_path / "run.json")
    assert record["constant_decoders"] == {"loops": [1]}
    assert record["embedding_maps"] == {"PCA": [0], "UMAP": [1]}


def test_pca_that_will_stand_in_is_said_before_a_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "umap_version", lambda: None)
    say_map([plan_in(tmp_path, model={"kind": "deepsea", "modalities": ["sequence"]})])
    assert capsys.readouterr().err == ""
    say_map([plan_in(tmp_path)])
    assert "PCA stands in for UMAP" in capsys.readouterr().err
    monkeypatch.setattr(projection, "umap_version", lambda: "0.5")
    say_map([plan_in(tmp_path)])
    assert capsys.readouterr().err == ""


def test_settings_of_interpretation_and_the_start_of_heads_belong_to_a_run(tmp_path: Path) -> None:
    plain = plan_in(tmp_path).science
    assert plain["model"]["track_heads"] == "start above zero"
    assert plain["interpretation"] == {
        "embedding": "concatenated", "mapped": 20_000, "per_class": None, "base_by_base": 200,
    }  # fmt: skip
    for key, value in {"embedding": "mean", "mapped": 9, "per_class": 200, "base_by_base": 0}.items():
        assert plan_in(tmp_path, interpretation={key: value}).science != plain
    baseline = plan_in(tmp_path, model={"kind": "deepsea", "modalities": ["sequence"]}).science
    assert "interpretation" not in baseline
    assert "track_heads" not in baseline["model"]
