"""What the paper ran with each backbone, and context effects of replicates: the mean of their own ratios."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from raycre.backbones.borzoi import load as borzoi
from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.loading import load_backbone
from raycre.backbones.reader import Reader
from raycre.backbones.replicates import Replicates
from raycre.backbones.views import FORWARD, View
from raycre.config import PerturbConfig
from raycre.creme.activities import activities, of_replicate, tss_activity
from raycre.creme.backgrounds import context_of_gene, tss_alone
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS
from raycre.demo.genome import DemoGenome
from raycre.errors import RunMismatchError
from raycre.store.parquet import read_table
from raycre.workflows.perturb.planning import settings_of
from tests.conftest import perturb_config
from tests.in_process import parts, run_creme

LENGTH = 2_048
SMALL: dict[str, Any] = {
    "seq_len": LENGTH, "n_bins": 16, "widths": (4,) * 6, "channels": 8, "n_joined": 6, "n_blocks": 1,
    "n_heads": 2, "key_size": 2, "n_features": 4, "rotary_size": 2,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(borzoi, "Borzoi", partial(Borzoi, **SMALL))
    monkeypatch.setattr(borzoi, "N_TRACKS", {"human": 3, "mouse": 1})


@pytest.mark.parametrize(
    ("backbone", "thresholds", "n_context", "n_sufficiency"),
    [("enformer", "enformer", 100, 10), ("borzoi", "borzoi", 5, 5), ("flashzoi", "borzoi", 5, 5)],
)
def test_every_backbone_has_what_the_paper_ran_with_it(
    genome: DemoGenome, tmp_path: Path, backbone: str, thresholds: str, n_context: int, n_sufficiency: int
) -> None:
    def settings(**creme: Any) -> Settings:
        model = {"backbone": backbone, "weights": "random:0"}
        tests = ["context", "necessity", "sufficiency", "distance"]
        config: PerturbConfig = perturb_config(genome, tmp_path, model=model, tests=tests, creme=creme)
        return settings_of(config, 196_608)

    found = settings()
    assert found.thresholds == thresholds
    assert found.n_shuffles == {
        "context": n_context, "necessity": 10, "sufficiency": n_sufficiency, "distance": n_sufficiency
    }  # fmt: skip
    given = settings(thresholds="enformer", n_shuffles={"context": 7})
    assert (given.thresholds, given.n("context"), given.n("sufficiency")) == ("enformer", 7, n_sufficiency)


def test_a_context_effect_is_the_mean_of_the_replicates_ratios() -> None:
    settings = Settings(12_800, 512, (), {"context": 2}, thresholds="borzoi", replicates=2)
    first, second = (p.key for p in tss_alone(settings, 2))
    # Replicates of activity 10 and 2; shuffled 4 and 6 (mean 5), 1.8 and 2 (mean 1.9).
    predictions = {
        key: np.array([[a], [a], [b], [b]], dtype=np.float32)
        for key, a, b in (("wt", 10, 2), (first, 4, 1.8), (second, 6, 2))
    }
    known = activities(predictions, 2)
    assert known["wt"].tolist() == [6.0]
    assert known[of_replicate("wt", 1)].tolist() == [2.0]
    (row,) = TESTS["context"].effects(settings, known)
    # (10 - 5) / 10 = 0.5 and (2 - 1.9) / 2 = 0.05; the ratio of means is (6 - 3.45) / 6 = 0.425.
    assert row.effect == pytest.approx((0.5 + 0.05) / 2)
    assert (row.wt, row.mutant) == (6.0, pytest.approx(3.45))
    means = Settings(12_800, 512, (), {"context": 2}, thresholds="borzoi")
    (row,) = TESTS["context"].effects(means, activities(predictions))
    assert row.effect == pytest.approx(0.425)


def test_a_class_follows_the_mean_of_ratios() -> None:
    settings = Settings(12_800, 512, (), {"context": 1}, thresholds="borzoi", replicates=2)
    (key,) = (p.key for p in tss_alone(settings, 1))
    # Ratios -0.9 and 0.04: mean -0.43, silencing. Of means: 101 and 97.9 give 0.03, neutral.
    values = {"wt": (1, 100), key: (1.9, 96)}
    predictions = {k: np.array([[a], [b]], dtype=np.float32) for k, (a, b) in values.items()}
    assert context_of_gene(settings, activities(predictions, 2)).classes == ["silencing"]
    means = Settings(12_800, 512, (), {"context": 1}, thresholds="borzoi")
    assert context_of_gene(means, activities(predictions)).classes == ["neutral"]


def ensemble() -> Replicates:
    model = load_backbone("borzoi", weights=["random:1", "random:2"], strands="separate")
    assert isinstance(model, Replicates)
    return model


def test_replicates_apart_are_what_each_predicts_and_their_mean_is_the_ensembles() -> None:
    codes = torch.randint(0, 4, (1, LENGTH), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    model = ensemble()
    together = model.read(codes, [3, 7], [0, 2])
    model.apart = True
    apart = model.read(codes, [3, 7], [0, 2])
    alone = [load_backbone("borzoi", weights=f"random:{seed}", strands="separate") for seed in (1, 2)]
    each = [member.read(codes, [3, 7], [0, 2]) for member in alone]
    assert torch.equal(apart, torch.cat(each, dim=1))
    torch.testing.assert_close(apart.unflatten(1, (2, 2)).mean(1), together)


@pytest.mark.parametrize("views", [(FORWARD,), (FORWARD, View(0, True)), (View(5, False), View(5, True))])
@pytest.mark.parametrize("incremental", [True, False])
def test_a_reader_keeps_replicates_apart_from_every_view(views: Any, incremental: bool) -> None:
    codes = np.random.default_rng(1).integers(0, 4, LENGTH, dtype=np.uint8)
    edited = codes.copy()
    edited[100:300] = 0
    model = ensemble()
    line = [("wt", lambda: codes)]
    mean = Reader(model, (0, 1), incremental=incremental, views=views).edited(edited, line)
    model.apart = True
    apart = Reader(model, (0, 1), incremental=incremental, views=views).edited(edited, line)
    for m, seed in enumerate((1, 2)):
        alone = load_backbone("borzoi", weights=f"random:{seed}", strands="separate")
        own = Reader(alone, (0, 1), incremental=incremental, views=views).edited(edited, line)
        np.testing.assert_allclose(apart[8 * m : 8 * (m + 1)], own, rtol=1e-5)
    np.testing.assert_allclose(tss_activity(apart), tss_activity(mean), rtol=1e-6)


def test_a_run_of_replicates_has_the_mean_of_what_each_alone_gives(
    genome: DemoGenome, tmp_path: Path
) -> None:
    def rows(name: str, weights: Any, **creme: Any) -> pd.DataFrame:
        inputs = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": ["ENHA", "SILA"]}
        model = {"backbone": "borzoi", "weights": weights, "strands": "separate"}
        settings = {
            "tile_size": 256,
            "tiles": [384, 1_152],
            "n_shuffles": {"context": 3, "sufficiency": 2},
            **creme,
        }
        asked = {
            "inputs": inputs,
            "model": model,
            "tracks": [0, 2],
            "tests": ["context", "sufficiency", "interaction"],
        }
        settings |= {"rounds": 1, "searches": ["min"]}
        settings["n_shuffles"] = {**settings["n_shuffles"], "interaction": 2}
        run_creme(perturb_config(genome, tmp_path / name, creme=settings, resources={}, **asked))
        table = pd.read_parquet(tmp_path / name / "effects").astype({"test": str, "model": str})
        return table.sort_values(["test", "gene_id", "track_id", "offset_start", "metric"]).reset_index(
            drop=True
        )

    both, first, second = rows("both", ["random:1", "random:2"]), rows("1", "random:1"), rows("2", "random:2")
    context = both["test"] == "context"
    mean = (first["effect"] + second["effect"]) / 2
    np.testing.assert_allclose(both.loc[context, "effect"], mean[context], rtol=1e-6)
    # All other effects are of the mean activities, as the authors' code has them for Borzoi.
    sufficiency = both["test"] == "sufficiency"
    assert sufficiency.sum() == 2 * 2 * 2
    means = {name: ((first[name] + second[name]) / 2)[sufficiency] for name in ("wt", "control", "mutant")}
    over = np.where(both.loc[sufficiency, "metric"] == "(mutant-control)/wt", means["wt"], means["control"])
    np.testing.assert_allclose(
        both.loc[sufficiency, "effect"], (means["mutant"] - means["control"]) / over, rtol=1e-3
    )
    stored = read_table(parts(tmp_path / "both")[0], ["prediction"])["prediction"].to_pylist()
    assert {len(values) for values in stored} == {2 * 8 * 2}  # replicates, TSS bins, tracks

    together = rows("means", ["random:1", "random:2"], replicates="ratio_of_means")
    wt, mutant = ((first[name] + second[name]) / 2 for name in ("wt", "mutant"))
    np.testing.assert_allclose(
        together.loc[context, "effect"], ((wt - mutant) / wt)[context], rtol=1e-3, atol=1e-6
    )
    with pytest.raises(RunMismatchError, match="replicates_apart was 2, is 1"):
        rows("both", ["random:1", "random:2"], replicates="ratio_of_means")
