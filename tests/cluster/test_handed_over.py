"""A backbone and a test whose classes stand in the program itself, as in a notebook, under CREME on Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from raycre.demo.genome import DemoGenome
from raycre.store.files import read_json
from tests.conftest import ROOT, perturb_values

PROGRAM = """
import json, sys
import torch
import raycre
from raycre.backbones.contract import Backbone, check_read
from raycre.backbones.tracks import plain_table
from raycre.creme.declaration import Test
from raycre.creme.perturbation import WT
from raycre.creme.rows import gather, rows


class Mine(Backbone):
    def __init__(self, net):
        super().__init__()
        self.net, self.name, self.seq_len, self.bin_size, self.n_bins = net, "mine", 32_768, 128, 256
        self.tracks, self.trained, self.weights_sha256 = plain_table(1), True, "none"

    def read(self, codes, bins, tracks):
        check_read(self, codes, bins, tracks)
        return self.net(self.one_hot(codes)).mean((1, 2), keepdim=True).expand(-1, len(bins), len(tracks))


class Net(torch.nn.Module):
    def forward(self, one_hot):
        return 1 + one_hot[:, :1]  # how many A


def effects(settings, predictions):
    wt = gather(predictions, [WT])[0]
    return rows(settings.tss_tile, wt, wt[None], wt, ["wild type"] * len(wt), [None] * len(wt))


if __name__ == "__main__":
    test = Test("as-it-is", "what is there?", lambda settings, predictions: [WT], effects, tiled=False)
    values = json.loads(sys.argv[1])
    values |= {"model": {"backbone": Mine(Net())}, "tracks": [0], "tests": ["necessity", test]}
    print(raycre.creme(values).record["model"])
"""


def test_classes_of_the_program_itself_run_under_creme_and_the_run_is_known_by_them(
    genome: DemoGenome, tmp_path: Path
) -> None:
    program = tmp_path / "notebook.py"
    program.write_text(PROGRAM)
    values = json.dumps(perturb_values(genome, tmp_path / "run", genes=("ENHA",)))
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, program, values], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "mine"
    found = pd.read_parquet(tmp_path / "run" / "effects")
    assert set(found["test"].astype(str)) == {"necessity", "as-it-is"}
    assert found["wt"].between(1, 2).all()  # one and the share of A
    assert len(read_json(tmp_path / "run" / "run.json")["identity"]["weights_sha256"]) == 64
