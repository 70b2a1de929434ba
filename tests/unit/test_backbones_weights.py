"""Weights: what loads, what is refused and in which words, and how random ones are drawn."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from raycre.backbones.weights import (
    is_random,
    load_into,
    random_state,
    read_state_dict,
    read_weights,
    weights_sha256,
)
from raycre.errors import CheckpointError, ConfigError, MissingInputError


class Tripwire:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.mkdir, (self.folder,))  # type: ignore[return-value]


def layers() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def state() -> dict[str, Tensor]:
    return random_state(layers(), 0)


@pytest.mark.parametrize("name", ["w.safetensors", "w.bin"])
def test_safetensors_are_known_by_content(tmp_path: Path, name: str) -> None:
    save_file(state(), tmp_path / name)
    read = read_state_dict(tmp_path / name)
    assert {k: t.tolist() for k, t in read.items()} == {k: t.tolist() for k, t in state().items()}


@pytest.mark.parametrize("name", ["w.bin", "w.pt", "w.pth", "w.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_pytorch_checkpoints_are_known_by_content(tmp_path: Path, name: str, zipped: bool) -> None:
    torch.save(state(), tmp_path / name, _use_new_zipfile_serialization=zipped)
    read = read_state_dict(tmp_path / name)
    assert {k: t.tolist() for k, t in read.items()} == {k: t.tolist() for k, t in state().items()}


def test_trunk_aliases_go_where_their_original_is_there(tmp_path: Path) -> None:
    one = torch.ones(1)
    stored = {"stem.0.bias": one, "_trunk.1.0.bias": one, "_trunk.6.1.2.bias": one, "_trunk.3.bias": one}
    torch.save(stored, tmp_path / "w.bin")
    assert list(read_state_dict(tmp_path / "w.bin")) == ["stem.0.bias", "_trunk.6.1.2.bias", "_trunk.3.bias"]


@pytest.mark.parametrize("changed", [2 * torch.ones(1), torch.ones(2), torch.ones(1).half()])
@pytest.mark.parametrize("kind", ["safetensors", "torch"])
def test_aliases_that_say_something_else_are_refused(tmp_path: Path, changed: Tensor, kind: str) -> None:
    stored = {"stem.0.bias": torch.ones(1), "_trunk.1.0.bias": changed, "_trunk.1.0.weight": torch.ones(3)}
    path = tmp_path / "w"
    save_file(stored, path) if kind == "safetensors" else torch.save(stored, path)
    with pytest.raises(
        CheckpointError, match=r"1 tensors differ .*their names repeat \(_trunk\.1\.0\.bias\)"
    ):
        read_state_dict(path)


def test_aliases_are_compared_by_value_where_they_are_stored_twice(tmp_path: Path) -> None:
    values = torch.tensor([1.0, float("nan")])
    save_file({"stem.0.bias": values, "_trunk.1.0.bias": values.clone()}, tmp_path / "w")
    assert list(read_state_dict(tmp_path / "w")) == ["stem.0.bias"]


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(tmp_path: Path, zipped: bool) -> None:
    tripped, path = tmp_path / "tripped", tmp_path / "w.bin"
    torch.save({"weight": Tripwire(tripped)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        CheckpointError, match=r"w\.bin: .*runs no code from a checkpoint; convert it to safetens"
    ):
        read_state_dict(path)
    assert not tripped.exists()


def test_code_in_a_bare_pickle_does_not_run(tmp_path: Path) -> None:
    tripped, path = tmp_path / "tripped", tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(Tripwire(tripped)))
    with pytest.raises(CheckpointError, match=r"w\.pth"):
        read_state_dict(path)
    assert not tripped.exists()
    pickle.loads(path.read_bytes())  # the wire does trip where code may run
    assert tripped.is_dir()


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_a_truncated_checkpoint_is_named(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / "w"
    big = {"weight": torch.zeros(1000), "bias": torch.zeros(10)}
    if kind == "safetensors":
        save_file(big, path)
    else:
        torch.save(big, path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(CheckpointError, match=r"truncated|damaged"):
        read_state_dict(path)


def test_a_safetensors_body_that_ends_early_is_named(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1000)}, tmp_path / "w")
    whole = (tmp_path / "w").read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    for end in (header, header + 1, len(whole) - 1):
        (tmp_path / "w").write_bytes(whole[:end])
        with pytest.raises(CheckpointError, match=r"w: cannot be read as safetensors .*truncated"):
            read_state_dict(tmp_path / "w")


@pytest.mark.parametrize("content", [b"", b"chr1\t0\t1000\n", b"<!DOCTYPE html><html>", bytes(100)])
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.bin").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"w\.bin"):
        read_state_dict(tmp_path / "w.bin")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such weights"):
        read_state_dict(tmp_path / "w.bin")


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        ([1, 2], "holds a list, not named tensors"),
        ({}, "holds 0 entries"),
        ({"epoch": 3, "weight": torch.zeros(1)}, r"2 entries of which 1 are no named tensors \(epoch\)"),
        ({"model": {"weight": torch.zeros(1)}}, "under 'model'"),
    ],
)
def test_what_is_no_state_dict_is_named(tmp_path: Path, stored: object, says: str) -> None:
    torch.save(stored, tmp_path / "w.bin")
    with pytest.raises(CheckpointError, match=says):
        read_state_dict(tmp_path / "w.bin")


def test_misfits_are_counted_and_the_first_five_listed() -> None:
    given = {f"extra.{i}": torch.zeros(1) for i in range(7)} | state()
    del given["0.bias"]
    given["0.weight"] = torch.zeros(2, 4)
    given["1.num_batches_tracked"] = torch.tensor(0.5)
    module = layers()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        load_into(module, given, Path("w.bin"))
    assert str(caught.value) == (
        "w.bin: does not fit Sequential: 1 missing (0.bias); "
        "7 unexpected (extra.0, extra.1, extra.2, extra.3, extra.4, …); "
        "2 of another shape or kind (0.weight (2, 4) torch.float32 for (2, 3) torch.float32, "
        "1.num_batches_tracked () torch.float32 for () torch.int64)"
    )
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(value: float) -> None:
    given = state()
    given["0.bias"][1] = value
    with pytest.raises(CheckpointError, match=r"1 not finite \(NaN or infinite\) \(0\.bias\)"):
        load_into(layers(), given, Path("w.bin"))


def test_half_precision_becomes_float32_on_the_meta_device_too() -> None:
    with torch.device("meta"):
        module = layers()
    halves = {name: t.half() if t.is_floating_point() else t for name, t in state().items()}
    load_into(module, halves, Path("w.bin"))
    assert module[0].weight.dtype == torch.float32
    assert torch.equal(module.get_parameter("0.weight"), halves["0.weight"].float())


def test_random_weights_repeat_and_differ_by_seed() -> None:
    assert all(torch.equal(tensor, state()[name]) for name, tensor in state().items())
    assert not torch.equal(random_state(layers(), 1)["0.weight"], state()["0.weight"])


def test_random_weights_depend_on_the_name_alone() -> None:
    deeper = random_state(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2), nn.Linear(2, 2)), 0)
    assert torch.equal(deeper["0.weight"], state()["0.weight"])
    assert not torch.equal(deeper["1.weight"], deeper["2.weight"])


def test_random_weights_never_change_between_versions() -> None:
    assert state()["0.bias"].tolist() == pytest.approx([0.00403385, 0.03052174], abs=1e-7)


def test_random_weights_are_none_of_them_zero_and_within_their_range() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.to_out = nn.Linear(12, 12)
            nn.init.zeros_(self.to_out.weight)  # as enformer-pytorch does, which silences attention

    drawn = random_state(Attention(), 0)["to_out.weight"]
    assert (drawn != 0).all()
    assert drawn.abs().max() <= 0.5  # sqrt(3 / 12)
    assert drawn.abs().max() > 0.4


def test_configured_weights_are_a_seed_or_a_path(tmp_path: Path) -> None:
    seeded, loaded = layers(), layers()
    read_weights(seeded, "random:0")
    save_file(seeded.state_dict(), tmp_path / "w.safetensors")
    read_weights(loaded, str(tmp_path / "w.safetensors"))
    assert torch.equal(seeded.get_parameter("0.weight"), loaded.get_parameter("0.weight"))
    assert is_random("random:0")
    assert not is_random(str(tmp_path / "w.safetensors"))


@pytest.mark.parametrize("weights", ["random:", "random:x", "random:-1", "random:1.5"])
def test_a_seed_is_a_whole_number(weights: str) -> None:
    with pytest.raises(ConfigError, match="random:SEED"):
        read_weights(layers(), weights)


def test_hash_is_of_the_file_or_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"abc")
    of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert weights_sha256(str(tmp_path / "w.bin")) == of_abc
    assert weights_sha256("random:7") == hashlib.sha256(b"random:7").hexdigest()
