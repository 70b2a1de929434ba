"""What a replica predicts by reuse of activations: right, and the same bits however the work is cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from raycre.backbones import loading
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.loading import whole_paths
from raycre.backbones.precision import lower
from raycre.backbones.reader import Reader
from raycre.backbones.spec import BackboneSpec
from raycre.backbones.views import View, views_of
from raycre.backbones.weights import load_into, random_state
from raycre.creme.activities import tss_activity
from raycre.creme.perturbation import WT, Perturbation, lineage, reference_of
from raycre.creme.plan import passes
from raycre.creme.settings import Settings
from raycre.demo.genome import DemoGenome
from raycre.errors import ConfigError
from raycre.genome.genes import read_genes
from raycre.store.ledger import Ledger
from raycre.workflows.perturb import planning
from raycre.workflows.perturb.cost import measure_passes
from raycre.workflows.perturb.planning import plan_creme, settings_of
from raycre.workflows.perturb.replica import Replica, ReplicaSpec
from raycre.workflows.perturb.units import Stage, Unit
from tests.conftest import perturb_config

SEQ_LEN = 16_384
TILES = ((1_000, 2_000), (3_000, 4_000), (12_345, 13_345))
TESTS = ("context", "necessity", "sufficiency")
SETTINGS = Settings(SEQ_LEN, 1_000, TILES, {"context": 2, "necessity": 2, "sufficiency": 2})
TSS_TILE = SETTINGS.tss_tile
N_PASSES = len(passes(TESTS, SETTINGS))


def small_enformer(*_: object, **__: object) -> Enformer:
    sizes: dict[str, Any] = {
        "n_bins": 64,
        "channels": 48,
        "n_blocks": 2,
        "n_heads": 2,
        "key_size": 8,
        "channel_step": 8,
    }
    model = Enformer(seq_len=SEQ_LEN, n_human=4, n_mouse=2, **sizes)
    load_into(model, random_state(model, 0), Path("random:0"))
    return model.eval().requires_grad_(False)


@pytest.fixture
def run(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., NDArray[np.float64]]:
    """Run all passes of a gene in chunks on one replica; return their activities in the plan's order."""
    monkeypatch.setattr(loading, "load_backbone", small_enformer)
    genes = read_genes(genome.gtf)
    gene = {str(name): value for name, value in genes.iloc[0].items()}

    def run(chunks: list[tuple[int, int]], *, incremental: bool = True, cache: int = 1 << 30) -> NDArray:
        ledger = Ledger(tmp_path / f"{len(list(tmp_path.iterdir()))}", "passes")
        model = BackboneSpec(backbone="enformer", weights="random:0", incremental=incremental)
        spec = ReplicaSpec(model, genome.fasta, (0, 3), (0, 3), 7, ledger, {}, 1, cache_bytes=cache)
        replica, stage = Replica(spec), Stage("tests", TESTS, SETTINGS, (0, 3))
        for i, (first, last) in enumerate(chunks):
            assert replica.work(Unit(f"gene/part-{i}", gene, range(first, last)), stage).error is None
        found = replica.store.read("gene", (0, 3))
        return np.stack([tss_activity(found[p.key]) for p in passes(TESTS, SETTINGS)])

    return run


def test_reuse_gives_the_activities_of_whole_passes(run: Callable[..., NDArray]) -> None:
    everything = [(0, N_PASSES)]
    whole = run(everything, incremental=False)
    assert np.abs(run(everything) - whole).max() <= 1e-5 * whole.std()
    assert whole.std() > 1e-4  # the passes differ


def test_bits_do_not_depend_on_chunks_order_or_cache(run: Callable[..., NDArray]) -> None:
    together = run([(0, N_PASSES)])
    middle = N_PASSES // 2
    np.testing.assert_array_equal(run([(middle, N_PASSES), (0, middle)]), together)
    np.testing.assert_array_equal(run([(i, i + 1) for i in range(N_PASSES)][::-1], cache=1), together)


@pytest.mark.parametrize(
    ("pass_", "reference"),
    [
        (WT, WT),
        (Perturbation(shuffled=((1_000, 2_000, 1),)), WT),
        (Perturbation((None, 1)), Perturbation((None, 1))),
        (Perturbation((None, 1), kept=(TSS_TILE,)), Perturbation((None, 1), kept=(TSS_TILE,))),
        (Perturbation((None, 1), kept=(TSS_TILE, TILES[0])), Perturbation((None, 1), kept=(TSS_TILE,))),
        (Perturbation((TILES[0], 1), kept=(TILES[0],)), Perturbation((TILES[0], 1))),
        (Perturbation(donors=(("other", *TSS_TILE),)), WT),
    ],
)
def test_reference_of_a_pass(pass_: Perturbation, reference: Perturbation) -> None:
    assert reference_of(pass_, TSS_TILE) == reference
    assert reference_of(reference, TSS_TILE) == reference


def test_edits_made_one_after_another_are_each_the_reference_of_the_next() -> None:
    first, second, third = (*TILES[2], 0), (*TILES[0], 5), (*TILES[1], 1)
    line = lineage(Perturbation(shuffled=(first, second, third)), TSS_TILE)
    assert line == [
        WT,
        Perturbation(shuffled=(first,)),
        Perturbation(shuffled=(first, second)),
        Perturbation(shuffled=(first, second, third)),
    ]
    alone = Perturbation((None, 0), kept=(TSS_TILE,))
    copies = ((*TILES[0], 12_345), (*TILES[0], 3_000))
    assert lineage(replace(alone, placed=copies), TSS_TILE) == [
        alone,
        replace(alone, placed=copies[:1]),
        replace(alone, placed=copies),
    ]


def test_dry_run_tells_what_reuse_saves(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "load_backbone", small_enformer)
    monkeypatch.setattr(planning, "load", loading.load)
    creme = {"tile_size": 1_000, "n_shuffles": dict.fromkeys(TESTS, 2)}
    config = perturb_config(genome, tmp_path, creme=creme, tracks=[0])
    costs = measure_passes(*plan_creme(config))
    assert costs.reference.flops + costs.edited.flops > costs.whole.flops  # together they cost more
    assert costs.edited.flops < 0.7 * costs.whole.flops  # than one pass; every further edit costs less
    assert costs.reference.flops > 0


def test_bfloat16_is_in_weights_alone_and_moves_results_a_little() -> None:
    model, exact = small_enformer(), small_enformer()
    lower(model, torch.bfloat16)
    for kind, dtype in ((nn.Linear, torch.bfloat16), (nn.LayerNorm, torch.float32)):
        assert {m.weight.dtype for m in model.modules() if isinstance(m, kind)} == {dtype}
    codes = torch.randint(0, 4, (1, SEQ_LEN), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    every = range(64), range(4)
    wanted, found = exact.read(codes, *every), model.read(codes, *every)
    assert found.dtype == torch.float32
    assert 0 < float((found - wanted).abs().max()) < 0.1 * float(wanted.std())


def test_a_model_without_a_trunk_is_read_whole() -> None:
    model = loading.load(BackboneSpec(backbone="planted"))
    reader = Reader(model, (0,))
    codes = np.zeros(model.seq_len, np.uint8)
    assert reader.reuse is None
    np.testing.assert_array_equal(reader.edited(codes, [("wt", codes.copy)]), reader.whole(codes))


@pytest.mark.parametrize(
    ("backbone", "given", "used"),
    [("planted", None, "enformer"), ("borzoi", None, "borzoi"), ("borzoi", "enformer", "enformer")],
)
def test_a_backbone_has_the_thresholds_of_its_paper_unless_others_are_given(
    genome: DemoGenome, tmp_path: Path, backbone: str, given: str | None, used: str
) -> None:
    creme = {"tile_size": 1_000, **({} if given is None else {"thresholds": given})}
    config = perturb_config(genome, tmp_path, model={"backbone": backbone}, creme=creme)
    assert settings_of(config, SEQ_LEN).thresholds == used


@pytest.mark.parametrize("incremental", [True, False])
def test_views_are_averaged_over_shifts_and_strands(incremental: bool) -> None:
    model = small_enformer()
    model.tracks["strand_pair"] = [1, 0, 2, 3]
    rng = np.random.default_rng(0)
    base = rng.integers(0, 5, SEQ_LEN, dtype=np.uint8)
    codes = base.copy()
    codes[4_000:4_500] = rng.integers(0, 4, 500)
    reader = Reader(model, (0, 3), incremental=incremental, views=views_of((0, -7), True))
    found = tss_activity(reader.edited(codes, [("gene", lambda: base)]))

    complement = np.array([3, 2, 1, 0, 4], np.uint8)
    right = np.concatenate([np.full(7, 4, np.uint8), codes[:-7]])  # the window begins 7 bp further left
    expected: list[np.ndarray] = []
    for view in (codes, complement[codes[::-1]], right, complement[right[::-1]]):
        every = model.read(torch.from_numpy(view.copy())[None], model.tss_bins, range(4))[0].double().mean(0)
        reverse = len(expected) % 2
        expected.append(every[[1, 3] if reverse else [0, 3]].numpy())
    np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=1e-5)
    assert len({e[0] for e in expected}) == 4


@pytest.mark.parametrize(("shift", "shown"), [(0, "ACGTN"), (2, "GTNNN"), (-2, "NNACG"), (5, "NNNNN")])
def test_a_view_moves_the_window_and_fills_with_n(shift: int, shown: str) -> None:
    codes = torch.tensor([0, 1, 2, 3, 4], dtype=torch.uint8)
    assert "".join("ACGTN"[c] for c in View(shift, False).of(codes)) == shown
    reverse = shown[::-1].translate(str.maketrans("ACGT", "TGCA"))
    assert "".join("ACGTN"[c] for c in View(shift, True).of(codes)) == reverse


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ({"shifts": [0, 128]}, "must stay in its bin of 128 bp"),
        ({"shifts": []}, "model.shifts: takes a list of whole numbers; at least 1 of them"),
        ({"dtype": "bfloat16"}, "runs in float32 only"),
    ],
)
def test_what_a_backbone_cannot_do_is_refused_before_anything_runs(
    genome: DemoGenome, tmp_path: Path, model: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        plan_creme(perturb_config(genome, tmp_path, model={"backbone": "planted", **model}))
    assert list(tmp_path.iterdir()) == []


def test_tss_bins_must_lie_alike_on_both_strands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Enformer, "tss_bins", (3, 4))
    Reader(small_enformer(), (0,))
    with pytest.raises(ConfigError, match="differ on both strands"):
        Reader(small_enformer(), (0,), views=views_of((0,), True))


def test_replicas_get_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = BackboneSpec(backbone="borzoi", weights=("f0", "f1"), track_table=Path("t.tsv"))
    found = whole_paths(config)
    assert found.weights == (str(tmp_path / "f0"), str(tmp_path / "f1"))
    assert found.track_table == tmp_path / "t.tsv"
    for weights in (None, "random:3"):
        assert whole_paths(BackboneSpec(backbone="enformer", weights=weights)).weights == weights


def test_tf32_needs_a_gpu(genome: DemoGenome, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gpus_per_replica"):
        perturb_config(genome, tmp_path, model={"backbone": "planted", "dtype": "tf32"})
