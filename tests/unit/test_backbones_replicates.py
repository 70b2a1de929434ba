"""Borzoi and Flashzoi by name, one file or a list of replicates, and what the registry refuses of them."""

from __future__ import annotations

import hashlib
import math
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from raycre.backbones import registry
from raycre.backbones.borzoi import load as borzoi
from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.declaration import Declaration
from raycre.backbones.incremental import Incremental
from raycre.backbones.loading import load_backbone
from raycre.backbones.planted import Planted
from raycre.backbones.replicates import Replicates
from raycre.backbones.weights import random_state
from raycre.errors import CheckpointError, ConfigError, TrackError

TABLE = (
    "index\tidentifier\tstrand_pair\tdescription\n"
    "0\tF1+\t1\tCAGE:K562\n1\tF1-\t0\tCAGE:K562\n2\tF2\t2\tDNASE:K562\n"
)
CODES = torch.randint(0, 5, (1, 2048), generator=torch.Generator().manual_seed(2)).to(torch.uint8)

small = partial(
    Borzoi,
    seq_len=2048,
    n_bins=16,
    widths=(4, 4, 4, 4, 4, 4),
    channels=8,
    n_joined=6,
    n_blocks=1,
    n_heads=2,
    key_size=2,
    n_features=4,
    rotary_size=2,
)
separate = partial(load_backbone, "borzoi", strands="separate")


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrink Borzoi to 3 human tracks and 1 mouse track."""
    monkeypatch.setattr(borzoi, "Borzoi", small)
    monkeypatch.setattr(borzoi, "N_TRACKS", {"human": 3, "mouse": 1})


def write(path: Path, seed: int = 0, *, n_human: int = 3, n_mouse: int = 1, rotary: bool = False) -> str:
    """A checkpoint of random weights with the heads that have tracks."""
    head = "human" if n_human else "mouse"
    save_file(random_state(small(head=head, n_human=n_human, n_mouse=n_mouse, rotary=rotary), seed), path)
    return str(path)


@pytest.mark.parametrize("name", ["borzoi", "flashzoi"])
def test_a_checkpoint_gives_its_weights_and_its_hash(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "w.safetensors", 3, rotary=name == "flashzoi")
    model = load_backbone(name, weights=path, strands="separate")
    drawn = load_backbone(name, weights="random:3", strands="separate")
    assert (model.name, model.trained, drawn.trained) == (name, True, False)
    assert model.weights_sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert torch.equal(model.read(CODES, [0, 15], [1]), drawn.read(CODES, [0, 15], [1]))
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_a_file_may_hold_one_head_or_both(tmp_path: Path) -> None:
    human = write(tmp_path / "human.safetensors", n_mouse=0)
    mouse = write(tmp_path / "mouse.safetensors", n_human=0)
    both = write(tmp_path / "both.safetensors")
    for path, head, n in ((human, "human", 3), (mouse, "mouse", 1), (both, "human", 3), (both, "mouse", 1)):
        assert len(separate(weights=path, head=head).tracks) == n
    with pytest.raises(CheckpointError, match=r"human\.safetensors: holds the human head, not the mouse one"):
        separate(weights=human, head="mouse")
    with pytest.raises(CheckpointError, match=r"mouse\.safetensors: holds the mouse head, not the human one"):
        separate(weights=mouse, head="human")


def test_a_list_of_weights_is_the_mean_of_its_replicates(tmp_path: Path) -> None:
    names = [write(tmp_path / f"{seed}.safetensors", seed) for seed in range(3)] + ["random:3"]
    members = [separate(weights=name) for name in names]
    ensemble = separate(weights=names)
    each = [m.read(CODES, range(16), range(3)) for m in members]
    expected = (each[0] + each[1] + each[2] + each[3]) / 4
    torch.testing.assert_close(ensemble.read(CODES, range(16), range(3)), expected, rtol=0, atol=1e-6)
    assert not torch.allclose(each[0], expected, atol=1e-4)
    assert ensemble.trained is False  # one of them is not
    assert separate(weights=names[:3]).trained is True
    hashes = "\n".join(m.weights_sha256 for m in members)
    assert ensemble.weights_sha256 == hashlib.sha256(hashes.encode()).hexdigest()
    assert (ensemble.name, ensemble.n_bins, ensemble.tss_bins) == ("borzoi", 16, tuple(range(4, 12)))


def test_an_ensemble_is_local_as_its_members_are() -> None:
    ensemble = separate(weights=["random:0", "random:1"])
    assert isinstance(ensemble, Replicates)
    assert ensemble.strides == (32, 64, 128, 128, 128, 128) * 2
    assert ensemble.reaches == (131, 259, 259, 259, 259, 259) * 2
    with torch.no_grad():
        trunk = ensemble.trunk(CODES)
        assert [tuple(level.shape[:2]) for level in trunk] == [(1, 2048 // s) for s in ensemble.strides]
        read = ensemble.read_trunk(trunk, [3], [0])
    assert torch.equal(read, ensemble.read(CODES, [3], [0]))
    edited = CODES.clone()
    edited[0, 1000:1040] = 0
    reused = Incremental(ensemble).read("wild type", CODES[0], edited, range(16), range(3))
    torch.testing.assert_close(reused, ensemble.read(edited, range(16), range(3)), rtol=0, atol=1e-6)


def test_an_ensemble_keeps_every_members_keys_of_distances() -> None:
    ensemble = separate(weights=["random:0", "random:1"])
    before = ensemble.read(CODES, range(16), range(3))
    ensemble.precompute()
    assert sum(name.endswith("distance_keys") for name, _ in ensemble.named_buffers()) == 2
    torch.testing.assert_close(ensemble.read(CODES, range(16), range(3)), before, rtol=0, atol=1e-6)


def test_replicates_that_cannot_be_are_named() -> None:
    with pytest.raises(ConfigError, match="at least one file"):
        separate(weights=[])
    with pytest.raises(ConfigError, match="same weights"):
        separate(weights=["random:0", "random:1", "random:0"])
    with pytest.raises(ConfigError, match=r"differ in name or sizes: .*'borzoi', 2048, 16.*'flashzoi'"):
        Replicates([small(n_human=3, n_mouse=1), small(rotary=True, n_human=3, n_mouse=1)])


def test_a_backbone_without_a_trunk_takes_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = Declaration("flat", lambda *, weights, head, track_table: Planted())
    monkeypatch.setitem(registry.BACKBONES, "flat", flat)
    with pytest.raises(ConfigError, match="has no trunk, so no replicates"):
        load_backbone("flat", weights=["a", "b"])


def test_strands_are_summed_unless_told_otherwise(tmp_path: Path) -> None:
    table = tmp_path / "tracks.tsv"
    table.write_text(TABLE)
    summed = load_backbone("borzoi", weights="random:0", track_table=table)
    apart = separate(weights="random:0", track_table=table).read(CODES, [7], [0, 1, 2])[0, 0]
    both = float(apart[0] + apart[1])
    assert summed.read(CODES, [7], [0, 1, 2])[0, 0].tolist() == pytest.approx([both, both, float(apart[2])])
    with pytest.raises(TrackError, match=r"model\.track_table .*or model\.strands: separate"):
        load_backbone("borzoi", weights="random:0")


def test_wrong_requests_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"flashzoi needs model\.weights"):
        load_backbone("flashzoi", weights=None)
    with pytest.raises(ConfigError, match=r"'humna': borzoi has no such head; did you mean human"):
        separate(weights="random:0", head="humna")
    with pytest.raises(
        ConfigError, match=r"'strands': planted has no such setting; leave model\.strands out"
    ):
        load_backbone("planted", weights=None, strands="summed")
    (tmp_path / "tracks.tsv").write_text(TABLE)
    with pytest.raises(TrackError, match="mouse head has 1 tracks, the table 3"):
        separate(weights="random:0", head="mouse", track_table=tmp_path / "tracks.tsv")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(CheckpointError, match=r"does not fit Borzoi: \d+ missing \(.*\d+ unexpected \(.*mha"):
        separate(weights=write(path, rotary=True))
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match=r"\d+ missing .*1 unexpected \(weight\)"):
        separate(weights=str(path))
    state = random_state(small(n_human=3, n_mouse=1), 0)
    state["separable0.conv_layer.0.weight"][0] = math.inf
    save_file(state, path)
    with pytest.raises(CheckpointError, match=r"1 not finite .*separable0"):
        separate(weights=str(path))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="truncated"):
        separate(weights=str(path))
