"""A user's own torch module and perturbation test, registered as their package does, under the real engine.

Both are in `tests/own_package/lab_parts/`, which is written to be read as an example.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import save_file

from raycre.demo.genome import DemoGenome
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_window
from raycre.store.files import read_json, sha256_of
from tests.conftest import ROOT, perturb_values
from tests.installed import install


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder as `pip install` leaves it, with the package of one's own."""
    return install(tmp_path / "site")


@pytest.fixture
def values(genome: DemoGenome, tmp_path: Path) -> dict[str, Any]:
    """A run of one gene with the own backbone."""
    weights = tmp_path / "counter.safetensors"
    save_file({"gain": torch.tensor([2.0, 0.5]), "base": torch.tensor([10.0, 1.0])}, weights)
    return perturb_values(genome, tmp_path / "run", genes=("ENHA",)) | {
        "model": {"backbone": "gata-counter", "weights": str(weights)},
        "tracks": [0],
    }


def raycre(installed: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "raycre.cli", *arguments],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        | {"PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)]), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_a_module_of_ones_own_runs_under_creme(
    genome: DemoGenome, installed: Path, values: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(values | {"tests": ["necessity"]}))
    ended = raycre(installed, "creme", "config", "--config", tmp_path / "run.yaml")
    assert ended.returncode == 0, ended.stderr

    effects = pd.read_parquet(tmp_path / "run" / "effects")
    assert set(effects["model"]) == {"gata-counter"}  # trained: no -RANDOM-WEIGHTS
    assert len(effects) == 4  # 32,768 bp hold the TSS tile and two tiles of 5 kb on each side
    gene = effects.iloc[0]
    with Fasta(genome.fasta) as fasta:
        codes = read_window(fasta, gene["tile_chrom"], gene["tss"], gene["strand"], 32_768)
    window = "".join("ACGTN"[code] for code in codes)
    # Neither GATAA nor TTATC can overlap itself, so str.count finds all of them.
    assert gene["wt"] == 10 + 2 * (window.count("GATAA") + window.count("TTATC"))
    assert effects["mutant"].ge(10).all()
    assert effects["effect"].to_numpy() == pytest.approx((1 - effects["mutant"] / effects["wt"]).to_numpy())
    identity = read_json(tmp_path / "run" / "run.json")["identity"]
    assert identity["weights_sha256"] == sha256_of(Path(values["model"]["weights"]))


def test_a_perturbation_test_of_ones_own_runs_as_those_of_raycre(
    installed: Path, values: dict[str, Any], tmp_path: Path
) -> None:
    shuffles = values["creme"]["n_shuffles"] | {"neighbours": 3}
    config, run = tmp_path / "run.yaml", tmp_path / "run"
    config.write_text(yaml.safe_dump(values | {"creme": {"n_shuffles": shuffles}}))
    creme = ("creme", "neighbours", "--config", config)

    planned = raycre(installed, *creme, "--dry-run", "--json")
    assert planned.returncode == 0, planned.stderr
    # Four tiles, two on each side of the TSS tile: two pairs, three shuffles each, and the wild type.
    assert json.loads(planned.stdout)["passes"] == 1 + 2 * 3

    ended = raycre(installed, *creme)
    assert ended.returncode == 0, ended.stderr
    effects = pd.read_parquet(run / "effects" / "test=neighbours")
    assert len(effects) == 2
    assert set(effects["tile_end"] - effects["tile_start"]) == {10_000}
    assert effects["n"].tolist() == [3, 3]
    assert effects["effect"].to_numpy() == pytest.approx((1 - effects["mutant"] / effects["wt"]).to_numpy())

    for site in (installed, tmp_path / "nothing installed"):  # the folder tells enough of its rows
        page = tmp_path / f"{site.name}.html"
        assert raycre(site, "report", run, "--out", page).returncode == 0
        assert "Effects of the test neighbours by track, metric and call." in page.read_text()


def test_a_perturbation_test_of_ones_own_is_known_by_name_wherever_tests_are(
    installed: Path, values: dict[str, Any], tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(values | {"tests": ["neighbour"]}))
    wrong = raycre(installed, "creme", "config", "--config", config)
    assert (wrong.returncode, "did you mean neighbours?" in wrong.stderr) == (2, True), wrong.stderr
    config.write_text(yaml.safe_dump(values | {"creme": {"n_shuffles": {"neighbour": 3}}}))
    wrong = raycre(installed, "creme", "neighbours", "--config", config)
    assert (wrong.returncode, "did you mean neighbours?" in wrong.stderr) == (2, True), wrong.stderr
    wrong = raycre(installed, "creme", "neighbors", "--config", config)
    assert (wrong.returncode, "did you mean neighbours?" in wrong.stderr) == (2, True), wrong.stderr
    told = raycre(installed, "creme", "--help").stdout
    assert "neighbours: how much activity is lost when two tiles side by side are shuffled together?" in told
