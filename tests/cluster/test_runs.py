"""The three runs on a small genome of known truth: what they write, and that placement changes no bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from raycre.demo.genome import DemoGenome
from raycre.errors import RunMismatchError, TasksFailedError
from raycre.genome.classes import CLASSES
from raycre.store.files import read_json
from raycre.store.parquet import read_parts, read_table
from raycre.store.schemas import EFFECTS, METRICS, PREDICTIONS
from raycre.workflows.perturb.run import run_creme
from raycre.workflows.predict.run import run_predict
from tests import in_process
from tests.conftest import bytes_of, perturb_config, predict_config
from tests.in_process import predictions


def test_training_writes_every_promised_file(trained: Path) -> None:
    for fold in range(3):
        names = {p.name for p in (trained / "folds" / f"fold={fold}").iterdir()}
        assert {"best.safetensors", "history.parquet", "predictions.parquet", "cutoffs.json"} <= names
    rows = read_table(trained / "summary" / "metrics.parquet")
    assert rows.schema.names == METRICS.names
    assert set(rows["fold"].to_pylist()) == {0, 1, 2}


def test_test_sets_of_the_folds_are_disjoint_and_cover_all_regions(trained: Path) -> None:
    seen: list[int] = []
    for fold in range(3):
        rows = read_table(trained / "folds" / f"fold={fold}" / "predictions.parquet").to_pandas()
        seen += rows.loc[rows["set"] == "test", "region_id"].tolist()
        assert set(rows.loc[rows["set"] == "test", "region_id"]).isdisjoint(
            rows.loc[rows["set"] == "validation", "region_id"]
        )
    assert sorted(seen) == list(range(150))


def test_predictions_have_the_promised_columns_once_per_region_in_input_order(
    predicted: Path, genome: DemoGenome
) -> None:
    rows = read_parts(predicted / "predictions")
    assert list(rows.columns) == PREDICTIONS.names
    assert rows["region_id"].tolist() == list(range(len(rows)))
    kept = genome.truth_candidates[~genome.truth_candidates["blacklisted"]]
    assert rows["name"].tolist() == kept["name"].tolist()
    assert rows["start"].tolist() == kept["start"].tolist()
    total = rows[[f"p_{c}" for c in CLASSES]].sum(axis=1)
    assert total.sub(1).abs().max() < 1e-5
    assert set(rows["n_folds"]) == {3}
    assert set(rows["n_views"]) == {4}


@pytest.mark.parametrize(("folds", "rule"), [("all", "ensemble"), ((0, 1), "ensemble"), ((1,), "fold")])
def test_calls_follow_from_the_cutoffs_that_the_run_states(
    genome: DemoGenome, trained: Path, predicted: Path, tmp_path: Path, folds: Any, rule: str
) -> None:
    model = {"checkpoint": str(trained), "folds": folds}
    out = predicted if folds == "all" else tmp_path / "run"  # of which nothing is left to do
    record = in_process.run_predict(predict_config(genome, trained, out, model=model))
    assert record["calls_rule"] == rule
    assert all(stated["expected_fpr"] <= 0.01 for stated in record["cutoffs"])
    rows = read_parts(out / "predictions")
    elements = [stated["class"] for stated in record["cutoffs"]]
    cutoffs = [stated["cutoff"] for stated in record["cutoffs"]]
    margins = rows[[f"p_{c}" for c in elements]].to_numpy() - np.array(cutoffs, np.float32)
    np.testing.assert_allclose(rows["score_margin"], margins.max(axis=1), atol=1e-6)
    clear = np.abs(margins.max(axis=1)) > 1e-6  # a tie may be broken by the last bit of the mean
    expected = np.where(margins.max(axis=1) >= 0, np.array(elements)[margins.argmax(axis=1)], "background")
    assert rows["call"].to_numpy()[clear].tolist() == expected[clear].tolist()


def test_parquet_metadata_names_the_run_and_the_weights(predicted: Path) -> None:
    part = next((predicted / "predictions").glob("part-*.parquet"))
    metadata = pq.read_schema(part).metadata
    record = read_json(predicted / "run.json")
    assert metadata[b"raycre_digest"].decode() == record["digest"]
    assert metadata[b"model_sha256"].decode() == record["identity"]["model_sha256"]


@pytest.mark.parametrize(("shard_size", "run"), [(50, in_process.run_predict), (23, run_predict)])
def test_predictions_do_not_depend_on_shards_or_replicas(
    predicted: Path,
    genome: DemoGenome,
    trained: Path,
    tmp_path: Path,
    shard_size: int,
    run: Callable[..., object],
) -> None:
    changes = {"shard_size": shard_size, "resources": {"replicas": 2}}
    run(predict_config(genome, trained, tmp_path, **changes))
    pd.testing.assert_frame_equal(
        read_parts(predicted / "predictions"), read_parts(tmp_path / "predictions"), check_exact=True
    )


def test_a_second_run_finds_everything_done_and_a_lost_part_is_made_again(
    predicted: Path, genome: DemoGenome, trained: Path
) -> None:
    before = bytes_of(predicted, "predictions/*.parquet")
    lost = predicted / "predictions" / "part-00003.parquet"
    lost.unlink()
    untouched = {p: p.stat().st_mtime_ns for p in (predicted / "predictions").glob("*.parquet")}
    run_predict(predict_config(genome, trained, predicted))
    assert bytes_of(predicted, "predictions/*.parquet") == before
    assert all(p.stat().st_mtime_ns == t for p, t in untouched.items())


def test_another_configuration_in_the_same_folder_is_refused(
    predicted: Path, genome: DemoGenome, trained: Path
) -> None:
    before = bytes_of(predicted, "**/*.*")
    with pytest.raises(RunMismatchError, match="views was 4, is 2"):
        run_predict(predict_config(genome, trained, predicted, views=2))
    assert bytes_of(predicted, "**/*.*") == before


def test_dry_run_counts_the_work_and_writes_nothing(
    genome: DemoGenome, trained: Path, tmp_path: Path
) -> None:
    cost = run_predict(predict_config(genome, trained, tmp_path / "p"), dry_run=True)
    n = cost["regions"]["kept"]
    assert cost["forward_passes_to_do"] == n * 3 * 4
    assert cost["flops_to_do"] > 0
    cost = run_creme(perturb_config(genome, tmp_path / "c"), dry_run=True)
    # Per gene: WT, 12 tiles x 2 shuffles, 3 backgrounds alone (2 of them controls), 2 backgrounds x 12 tiles.
    assert cost["passes"] == 2 * (1 + 12 * 2 + 3 + 2 * 12)
    assert cost["passes_before_deduplication"] == 2 * ((1 + 3) + (1 + 24) + (1 + 12 * (2 + 2)))
    assert list(tmp_path.iterdir()) == []


def test_creme_finds_every_planted_tile_with_its_sign(perturbed: Path, genome: DemoGenome) -> None:
    effects = pd.read_parquet(perturbed / "effects")
    assert list(effects.columns) == EFFECTS.names
    truth = genome.truth_tiles.set_index(["gene_name", "start", "end"])["sign"]
    names = {1: "enhancer", -1: "silencer"}
    for test in ("necessity", "sufficiency"):
        rows = effects[(effects["test"] == test) & (effects["track_id"] == 0)]
        called = rows[rows["call"].isin(names.values())].set_index(["gene_name", "tile_start", "tile_end"])[
            "call"
        ]
        expected = {key: names[sign] for key, sign in truth.items() if key[0] in ("ENHA", "SILA")}
        assert called.to_dict() == expected


def test_effects_do_not_depend_on_units_or_replicas(
    perturbed: Path, genome: DemoGenome, tmp_path: Path
) -> None:
    resources = {"replicas": 1, "tiles_per_task": 5}
    in_process.run_creme(perturb_config(genome, tmp_path, resources=resources))
    pd.testing.assert_frame_equal(
        pd.read_parquet(perturbed / "effects"), pd.read_parquet(tmp_path / "effects"), check_exact=True
    )


def test_searches_do_not_depend_on_units_or_replicas(
    genome: DemoGenome, local_ray: None, tmp_path: Path
) -> None:
    n = dict.fromkeys(("interaction", "sets"), 2)
    changes = {"tests": list(n), "tracks": [0], "creme": {"n_shuffles": n, "rounds": 3}}
    for replicas, tiles, run in ((1, "auto", in_process.run_creme), (2, 3, run_creme)):
        resources = {"replicas": replicas, "tiles_per_task": tiles}
        run(perturb_config(genome, tmp_path / str(replicas), **changes, resources=resources))
    one, two = tmp_path / "1", tmp_path / "2"
    assert predictions(one) == predictions(two)
    for pattern in ("effects/*/*/*.parquet", "passes/*/*/chain-*.parquet"):
        assert bytes_of(one, pattern) == bytes_of(two, pattern) != {}


def test_replicas_and_driver_write_the_same_effects(perturbed: Path, genome: DemoGenome) -> None:
    by_replicas = bytes_of(perturbed, "effects/*/*/*.parquet")
    record = run_creme(
        perturb_config(genome, perturbed)
    )  # nothing is left to predict, so no replica is started
    assert record["passes"]["done_now"] == 0
    assert bytes_of(perturbed, "effects/*/*/*.parquet") == by_replicas != {}


def test_a_gene_whose_window_leaves_the_chromosome_is_refused_by_name(
    genome: DemoGenome, tmp_path: Path
) -> None:
    gtf = tmp_path / "edge.gtf"
    names = 'gene_id "E1"; gene_name "EDGE"; transcript_id "T1"; gene_type "protein_coding";'
    line = f"chr1\tx\ttranscript\t101\t900\t.\t+\t.\t{names}\n"
    gtf.write_text(genome.gtf.read_text() + line)
    config = perturb_config(
        genome,
        tmp_path / "run",
        inputs={"fasta": str(genome.fasta), "gtf": str(gtf), "genes": ["ENHA", "EDGE"]},
        tests=["context"],
    )
    record = in_process.run_creme(config)
    assert record["genes"] == 1
    assert [r["gene_name"] for r in record["refused"]] == ["EDGE"]


def test_units_that_fail_for_good_are_listed_and_the_others_are_done(
    genome: DemoGenome, trained: Path, tmp_path: Path
) -> None:
    config = predict_config(genome, trained, tmp_path)
    blocked = tmp_path / "predictions" / "part-00002.parquet"
    (blocked / "in the way").mkdir(
        parents=True
    )  # a folder where the part should go: it can never be put there
    with pytest.raises(TasksFailedError, match="1 of 10 units"):
        run_predict(config)
    failures = read_table(tmp_path / "failures.parquet").to_pandas()
    assert failures["unit"].tolist() == ["part-00002"]
    assert failures["what"].tolist() == ["regions 128-192"]
    assert failures["attempts"].tolist() == [3]
    (blocked / "in the way").rmdir()
    blocked.rmdir()
    in_process.run_predict(config)
    assert not (tmp_path / "failures.parquet").exists()
    assert len(read_parts(tmp_path / "predictions")) == 595
