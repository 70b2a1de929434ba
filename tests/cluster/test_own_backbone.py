"""A user's own torch module and perturbation test, registered as their package does, under the real engine.

Both are in `tests/own_package/lab_parts/`, which is written to be read as an example.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from tests.command_lines import Ended, run_lines
from tests.conftest import perturb_values
from tests.installed import install


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs are."""
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def weights(folder: Path) -> Path:
    """Weights of the own backbone."""
    path = folder / "counter.safetensors"
    save_file({"gain": torch.tensor([2.0, 0.5]), "base": torch.tensor([10.0, 1.0])}, path)
    return path


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    """A folder as `pip install` leaves it, with the package of one's own."""
    return install(folder / "site")


@pytest.fixture(scope="module")
def ended(genome: DemoGenome, folder: Path, weights: Path, site: Path) -> Mapping[str, Ended]:
    """What command lines came to, of runs of one gene with the own backbone."""

    def config(name: str, **changes: object) -> Path:
        values = perturb_values(genome, folder / name, genes=("ENHA",)) | {
            "model": {"backbone": "gata-counter", "weights": str(weights)},
            "tracks": [0],
        }
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(values | changes))
        return path

    def shuffles(**n: int) -> dict[str, object]:
        return {"n_shuffles": {"context": 3, "necessity": 2, "sufficiency": 2, **n}}

    backbone = config("backbone", tests=["necessity"])
    test = config("test", creme=shuffles(neighbours=3))
    return run_lines(
        site,
        {
            "backbone": ("creme", "config", "--config", backbone),
            "dry run": ("creme", "neighbours", "--config", test, "--dry-run", "--json"),
            "test": ("creme", "neighbours", "--config", test),
            "report": ("report", folder / "test", "--out", folder / "site.html"),
            "tests": ("creme", "config", "--config", config("wrong", tests=["neighbour"])),
            "shuffles": ("creme", "neighbours", "--config", config("few", creme=shuffles(neighbour=3))),
            "verb": ("creme", "neighbors", "--config", test),
            "help": ("creme", "--help"),
        },
    )


def test_a_module_of_ones_own_runs_under_creme(
    ended: Mapping[str, Ended], genome: DemoGenome, weights: Path, folder: Path
) -> None:
    assert ended["backbone"].returncode == 0, ended["backbone"].stderr
    effects = pd.read_parquet(folder / "backbone" / "effects")
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
    assert read_json(folder / "backbone" / "run.json")["identity"]["weights_sha256"] == sha256_of(weights)


def test_a_perturbation_test_of_ones_own_runs_as_those_of_raycre(
    ended: Mapping[str, Ended], folder: Path
) -> None:
    assert ended["dry run"].returncode == 0, ended["dry run"].stderr
    # Four tiles, two on each side of the TSS tile: two pairs, three shuffles each, and the wild type.
    assert json.loads(ended["dry run"].stdout)["passes"] == 1 + 2 * 3

    assert ended["test"].returncode == 0, ended["test"].stderr
    effects = pd.read_parquet(folder / "test" / "effects" / "test=neighbours")
    assert len(effects) == 2
    assert set(effects["tile_end"] - effects["tile_start"]) == {10_000}
    assert effects["n"].tolist() == [3, 3]
    assert effects["effect"].to_numpy() == pytest.approx((1 - effects["mutant"] / effects["wt"]).to_numpy())


def test_the_report_draws_it_where_the_package_is_installed_and_where_it_is_not(
    ended: Mapping[str, Ended], folder: Path
) -> None:
    from raycre.report.page import write_report

    assert ended["report"].returncode == 0, ended["report"].stderr
    write_report([folder / "test"], folder / "nothing.html")  # the folder tells enough of its rows
    for name in ("site", "nothing"):
        page = (folder / f"{name}.html").read_text()
        assert "Effects of the test neighbours by track, metric and call." in page


@pytest.mark.parametrize("where", ["tests", "shuffles", "verb"])
def test_a_perturbation_test_of_ones_own_is_known_by_name_wherever_tests_are(
    ended: Mapping[str, Ended], where: str
) -> None:
    assert ended[where].returncode == 2
    assert "did you mean neighbours?" in ended[where].stderr
    about = "neighbours: how much activity is lost when two tiles side by side are shuffled together?"
    assert about in ended["help"].stdout
