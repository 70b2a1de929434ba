"""Backbones by name: built in, from an entry point, and the words of what cannot be."""

from __future__ import annotations

import hashlib
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from raycre import packages
from raycre.backbones import registry
from raycre.backbones.enformer import load as enformer
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.enformer.relative import distance_features
from raycre.backbones.loading import load_backbone
from raycre.backbones.weights import random_state
from raycre.errors import CheckpointError, ConfigError, MissingInputError, TrackError
from raycre.workflows.tracks import find_tracks

TABLE = "index\tidentifier\tdescription\n0\tF1\tCAGE:K562\n1\tF2\tDNASE:HepG2\n"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> partial[Enformer]:
    """Shrink Enformer to 2 human tracks and 1 mouse track."""
    small = partial(
        Enformer,
        seq_len=1024,
        n_bins=4,
        channels=12,
        n_blocks=1,
        n_heads=2,
        key_size=2,
        channel_step=2,
        n_human=2,
        n_mouse=1,
    )
    monkeypatch.setattr(enformer, "Enformer", small)
    monkeypatch.setattr(enformer, "N_TRACKS", {"human": 2, "mouse": 1})
    return small


def test_random_weights_say_that_they_are_not_trained(toy: partial[Enformer]) -> None:
    model = load_backbone("enformer", weights="random:3")
    assert model.trained is False
    assert model.weights_sha256 == hashlib.sha256(b"random:3").hexdigest()
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert model.tracks["track_id"].tolist() == [0, 1]


def test_a_checkpoint_gives_its_weights_and_its_hash(toy: partial[Enformer], tmp_path: Path) -> None:
    path = tmp_path / "enformer.safetensors"
    save_file(random_state(toy(), 3), path)
    model = load_backbone("enformer", weights=str(path))
    assert model.trained is True
    assert model.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    codes = torch.zeros((1, 1024), dtype=torch.uint8)
    expected = load_backbone("enformer", weights="random:3").read(codes, [0, 3], [1])
    assert torch.equal(model.read(codes, [0, 3], [1]), expected)


def test_a_track_table_names_the_tracks(toy: partial[Enformer], tmp_path: Path) -> None:
    (tmp_path / "tracks.tsv").write_text(TABLE)
    model = load_backbone("enformer", weights="random:0", track_table=tmp_path / "tracks.tsv")
    assert model.tracks["biosample"].tolist() == ["K562", "HepG2"]
    with pytest.raises(TrackError, match=r"tracks\.tsv: the table has 2 tracks, enformer's mouse head 1"):
        load_backbone("enformer", weights="random:0", head="mouse", track_table=tmp_path / "tracks.tsv")


def test_heads_share_weights_and_differ_in_tracks(toy: partial[Enformer]) -> None:
    assert len(load_backbone("enformer", weights="random:0", head="mouse").tracks) == 1


def test_wrong_requests_are_named(toy: partial[Enformer], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'enfromer': no such backbone; did you mean enformer"):
        load_backbone("enfromer", weights="random:0")
    with pytest.raises(ConfigError, match=r"needs model\.weights"):
        load_backbone("enformer", weights=None)
    with pytest.raises(ConfigError, match=r"'humna': .*did you mean human"):
        load_backbone("enformer", weights="random:0", head="humna")
    with pytest.raises(MissingInputError, match="no such weights"):
        load_backbone("enformer", weights=str(tmp_path / "absent.bin"))


def test_a_checkpoint_of_another_model_is_named(toy: partial[Enformer], tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(
        CheckpointError, match=r"does not fit Enformer: \d+ missing \(.*1 unexpected \(weight\)"
    ):
        load_backbone("enformer", weights=str(tmp_path / "w.safetensors"))


def test_planted_needs_no_weights_and_takes_no_table(tmp_path: Path) -> None:
    assert load_backbone("planted", weights=None).name == "planted"
    with pytest.raises(CheckpointError, match="planted has no weights"):
        load_backbone("planted", weights="random:0")
    with pytest.raises(ConfigError, match="planted brings its own tracks"):
        load_backbone("planted", weights=None, track_table=tmp_path / "tracks.tsv")


def register(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    point = EntryPoint(name=name, value=value, group=registry.INSTALLED.group)
    monkeypatch.setattr(packages, "entry_points", lambda group: [point] if group == point.group else [])


def test_an_entry_point_is_a_backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_backbone.py").write_text(
        "from raycre.backbones.planted import Planted\n"
        "def load(*, weights, head, track_table):\n"
        "    return Planted(seq_len=int(weights))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    register(monkeypatch, "mine", "my_backbone:load")
    assert load_backbone("mine", weights="1024").seq_len == 1024
    with pytest.raises(ConfigError, match="there are borzoi, enformer, flashzoi, mine, planted"):
        load_backbone("yours", weights=None)


def test_every_backbone_of_raycre_has_a_loader() -> None:
    assert all(callable(backbone.find_loader()) for backbone in registry.BACKBONES.values())
    assert registry.own_settings() == {"gamma": ("tensorflow", "exact"), "strands": ("summed", "separate")}


def test_tracks_knows_every_registered_backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_backbone.py").write_text(
        "from raycre.backbones.planted import Planted\n"
        "def load(*, weights, head, track_table):\n"
        "    return Planted(seq_len=int(weights))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    register(monkeypatch, "mine", "own_backbone:load")
    planted = find_tracks(["all"], "planted", "human", None)
    assert len(planted["tracks"]) == len(load_backbone("planted", weights=None).tracks) > 1
    assert find_tracks(["all"], "mine", "human", None, weights="1024")["tracks"] == planted["tracks"]
    assert planted["table"] == "of planted itself"
    with pytest.raises(MissingInputError, match="registry:borzoi-tracks-human"):  # flashzoi has Borzoi's
        find_tracks(["all"], "flashzoi", "human", None)
    with pytest.raises(ConfigError, match="'enformr': no such backbone; did you mean enformer"):
        find_tracks(["all"], "enformr", "human", None)
    with pytest.raises(ConfigError, match="'sumed': --strands is summed or separate; did you mean summed"):
        find_tracks(["all"], "planted", "human", None, "sumed")


def test_an_entry_point_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, "mine", "no_such_module_at_all:load")
    with pytest.raises(ConfigError, match=r"no_such_module_at_all:load .*cannot be imported"):
        load_backbone("mine", weights=None)


def test_an_entry_point_cannot_take_a_built_in_name(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, "planted", "elsewhere:load")
    with pytest.raises(ConfigError, match="registers a backbone that raycre has"):
        load_backbone("planted", weights=None)


def test_gamma_features_are_tensorflows_unless_exact_ones_are_asked_for(toy: partial[Enformer]) -> None:
    def features(**options: Any) -> torch.Tensor:
        model = load_backbone("enformer", weights="random:0", **options)
        assert isinstance(model, Enformer)
        return model.distance_features

    assert torch.equal(features(), distance_features(8, 6, "function"))
    assert torch.equal(features(gamma="tensorflow"), features())
    assert torch.equal(features(gamma="exact"), distance_features(8, 6, "distance"))
    assert not torch.equal(features(gamma="exact"), features())


def test_gamma_is_enformers_alone(toy: partial[Enformer]) -> None:
    with pytest.raises(ConfigError, match=r"'gamma': planted has no such setting; leave model\.gamma out"):
        load_backbone("planted", weights=None, gamma="exact")
    with pytest.raises(ConfigError, match="tensorflow or exact"):
        load_backbone("enformer", weights="random:0", gamma="keras")
