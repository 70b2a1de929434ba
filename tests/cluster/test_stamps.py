"""Every file of a run says which run it is of, and which inputs that has read; so does every comparison."""

from __future__ import annotations

import json
from pathlib import Path

from raycre.demo.genome import DemoGenome
from raycre.figures.header import inputs_table
from raycre.store.files import read_json, sha256_of
from raycre.store.old_run import find_old, remove_run
from raycre.workflows.compare.run import run_comparison
from tests.conftest import perturb_config, perturb_values, predict_config
from tests.in_process import run_creme, run_predict
from tests.stamps import of_parquet, unstamped


def test_every_file_of_a_training_says_its_run_and_inputs(trained: Path) -> None:
    names = {path.name for path in trained.rglob("*") if path.is_file()}
    assert {"history.parquet", "regions.parquet", "best.safetensors", "last.pt", "cutoffs.json"} <= names
    assert unstamped(trained) == {}


def test_every_file_of_a_prediction_a_perturbation_and_a_comparison_says_its_run_and_inputs(
    genome: DemoGenome, trained: Path, tmp_path: Path
) -> None:
    run_predict(predict_config(genome, trained, tmp_path / "p", codes=True))
    assert unstamped(tmp_path / "p") == {}
    (tmp_path / "genes.txt").write_text("SILA\n")
    inputs = perturb_values(genome, tmp_path)["inputs"] | {"genes": str(tmp_path / "genes.txt")}
    n = {"n_shuffles": dict.fromkeys(("context", "necessity", "sufficiency"), 2)}
    create = {"create_run": str(tmp_path / "p")}
    run_creme(perturb_config(genome, tmp_path / "c", inputs=inputs, creme=n, **create))
    given = {"beds": {"peaks": genome.labels}, "groups": ("silencer", "neither")}
    run_comparison("overlap", tmp_path / "c", given, test="necessity", track="0")
    assert unstamped(tmp_path / "c") == {}
    compared = of_parquet(tmp_path / "c" / "summary" / "compare_overlap.parquet")
    assert json.loads(compared["raycre_inputs"])["compare.peaks"] == sha256_of(genome.labels)

    rows = {row[0]: row[1:] for row in inputs_table(read_json(tmp_path / "c" / "run.json")).rows}
    assert set(rows) == {"fasta", "gtf", "genes", "model.weights", "create_run"}
    assert rows["gtf"] == [str(genome.gtf), sha256_of(genome.gtf)[:12]]
    assert rows["genes"] == [str(tmp_path / "genes.txt"), sha256_of(tmp_path / "genes.txt")[:12]]

    for name, verb in (("p", "predict"), ("c", "creme")):  # and --fresh knows every one of these files
        old = find_old(tmp_path / name, verb)
        assert old is not None
        remove_run(old)
        assert list((tmp_path / name).iterdir()) == []


def test_fresh_knows_every_file_of_a_training(trained: Path) -> None:
    old = find_old(trained, "train")
    assert old is not None
    assert {p for p in trained.rglob("*") if p.is_file()} == set(old.all_files)
