"""A user's own torch module, registered as its package would register it, under the real engine.

The module is `tests/own_backbone/gata_counter.py`, which is written to be read as an example.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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

EXAMPLE = ROOT / "tests" / "own_backbone" / "gata_counter.py"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder as `pip install` leaves it: the module, and the entry point of its package."""
    site = tmp_path / "site"
    info = site / "gata_counter-1.0.dist-info"
    info.mkdir(parents=True)
    (site / EXAMPLE.name).write_text(EXAMPLE.read_text())
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gata-counter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[raycre.backbones]\ngata-counter = gata_counter:load\n")
    return site


def test_a_module_of_ones_own_runs_under_creme(genome: DemoGenome, installed: Path, tmp_path: Path) -> None:
    weights = tmp_path / "counter.safetensors"
    save_file({"gain": torch.tensor([2.0, 0.5]), "base": torch.tensor([10.0, 1.0])}, weights)
    values = perturb_values(genome, tmp_path / "run", genes=("ENHA",)) | {
        "model": {"backbone": "gata-counter", "weights": str(weights)},
        "tracks": [0],
        "tests": ["necessity"],
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(values))
    ended = subprocess.run(
        [sys.executable, "-m", "raycre.cli", "creme", "config", "--config", tmp_path / "run.yaml"],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
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
    assert identity["weights_sha256"] == sha256_of(weights)
