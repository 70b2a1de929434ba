"""examples/ and jobs/: every configuration is planned on the real data of its README, counts included.

Only plans: nothing is trained or perturbed. Enformer keeps its window and its tracks, and has narrow layers.
"""

from __future__ import annotations

import json
import runpy
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from raycre.backbones.enformer import load as enformer
from raycre.backbones.enformer.model import Enformer
from raycre.cli import main
from raycre.config import PerturbConfig, PredictConfig, TrainConfig, read_config
from raycre.create.inference.checkpoints import WEIGHTS, fold_folder
from raycre.create.model.weight_files import write_model
from raycre.workflows.perturb.planning import plan_creme
from tests.by_hand import model_of, write_training
from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"
NARROW: dict[str, Any] = {"channels": 12, "n_blocks": 1, "n_heads": 2, "key_size": 2, "channel_step": 2}
CONFIGS: dict[str, Any] = {"train": TrainConfig, "predict": PredictConfig, "perturb": PerturbConfig}


@pytest.fixture
def data(shared: Path) -> Path:
    """The public files of the README."""
    if not (shared / "data").is_dir():
        pytest.skip(f"no data at {shared / 'data'}")
    return shared / "data"


def planned(
    capsys: pytest.CaptureFixture[str], name: str, out: Path, *verb: str, **values: Path | str
) -> tuple[dict[str, Any], str]:
    """Cost of an example by `--dry-run --json` with some keys set, `__` for a dot; and what was said."""
    settings = [f"{key.replace('__', '.')}={value}" for key, value in {"run__out": out, **values}.items()]
    options = [word for setting in settings for word in ("--set", setting)]
    with pytest.raises(SystemExit) as ended:
        main([*verb, "--config", str(EXAMPLES / name), *options, "--dry-run", "--json"])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    assert not out.exists()
    return json.loads(printed.out), printed.err


def test_the_training_of_the_published_sequences(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seqs, labels = (str(data / "create" / f"test_{name}.npy") for name in ("seqs", "labels"))
    arguments = ["create_sequences.py", "--seqs", seqs, "--labels", labels, "--out", str(tmp_path / "s")]
    monkeypatch.setattr(sys, "argv", arguments)
    runpy.run_path(str(EXAMPLES / "create_sequences.py"), run_name="__main__")
    assert "1,000 sequences, 80 of them without any base" in capsys.readouterr().out
    cost, _ = planned(
        capsys,
        "train_sequences.yaml",
        tmp_path / "run",
        "train",
        inputs__fasta=tmp_path / "s" / "sequences.fa",
        inputs__labels=tmp_path / "s" / "labels.bed",
    )
    assert (cost["folds"], cost["folds_done"], cost["epochs_at_most"]) == (10, 0, 30)
    assert cost["views_per_epoch_and_fold"] == 2 * 800  # eight tenths of 1,000 regions, on both strands


@pytest.mark.parametrize(
    ("regions", "n_read", "n_kept"),  # of the README's table
    [
        ("K562_CAGE_peaks_tpm1", 25_653, 9),
        ("RAMPAGE_rPeaks", 52_546, 22),
        ("K562_cCRE_PLS", 17_868, 8),
    ],
)
def test_the_prediction_of_real_regions(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], regions: str, n_read: int, n_kept: int
) -> None:
    checkpoint = write_training(tmp_path / "train")
    for fold in range(3):
        write_model(fold_folder(checkpoint, fold) / WEIGHTS, model_of(fold, ("sequence",)))
    cost, _ = planned(
        capsys,
        "predict_chr1.yaml",
        tmp_path / "run",
        "predict",
        inputs__fasta=data / "hg38" / "chr1_1m.fa.gz",
        inputs__regions=data / "hg38" / f"{regions}.bed.gz",
        model__checkpoint=checkpoint,
    )
    assert (cost["regions"]["read"], cost["regions"]["kept"]) == (n_read, n_kept)
    assert cost["forward_passes_to_do"] == n_kept * 3 * 10


@pytest.mark.parametrize(
    ("name", "inputs", "n_genes", "refused"),
    [
        (
            "perturb_chr1.yaml",
            {"fasta": "hg38/chr1_1m.fa.gz", "gtf": "hg38/gencode_v29_chr1_head.gtf.gz"},
            2,
            {
                "OR4F29": "14,013 N",
                "OR4F5": "leaves chr1 by 32,886 bp on the left",
                "SAMD11": "leaves chr1 by 22,231 bp on the right",
            },
        ),
        (
            "perturb_chr20.yaml",
            {
                "fasta": "hg38/chr20_10014352_11114352.derived.fa.gz",
                "tss_table": "creme/K562_selected_genes.csv",
            },
            1,
            {"ANKEF1": "77,670 N", "PDE8A": "chr15"},
        ),
    ],
)
def test_the_perturbation_of_real_genes(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    inputs: dict[str, str],
    n_genes: int,
    refused: dict[str, str],
) -> None:
    monkeypatch.setattr(enformer, "Enformer", partial(Enformer, **NARROW))
    sets = [f"inputs.{key}={data / path}" for key, path in inputs.items()]
    sets += [f"model.track_table={data / 'tracks' / 'enformer_human.tsv.gz'}", f"run.out={tmp_path}"]
    plan, _ = plan_creme(read_config(PerturbConfig, EXAMPLES / name, sets))  # --dry-run would time passes too
    assert len(plan.genes) == n_genes
    reasons = plan.refused.set_index("gene_name")["reason"].to_dict()
    assert reasons.keys() == refused.keys()
    assert all(reason in reasons[gene] for gene, reason in refused.items())
    assert not plan.trained


@pytest.mark.parametrize("verb", list(CONFIGS))
def test_the_jobs_configurations_are_read_with_absolute_paths(verb: str) -> None:
    config = read_config(CONFIGS[verb], ROOT / "jobs" / f"{verb}.yaml")
    paths = [config.run.out, *config.paths().values()]
    assert len(paths) > 2
    assert all(path.is_absolute() for path in paths)
