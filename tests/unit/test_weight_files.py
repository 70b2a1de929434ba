"""One file of weights: train's or the authors', read without running code, refused where it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from raycre.create.inference.checkpoints import read_checkpoint
from raycre.create.layout import MODALITIES
from raycre.create.model.create import Create
from raycre.create.model.published import to_published
from raycre.create.model.sizes import SIZES, Structure
from raycre.create.model.weight_files import (
    initialise,
    read_model,
    read_network,
    read_weight_file,
    sha256_of_weights,
    write_model,
)
from raycre.errors import CheckpointError, ConfigError, MissingInputError
from raycre.store.files import sha256_of


def model_of(seed: int = 0, modalities: tuple[str, ...] = MODALITIES) -> Create:
    torch.manual_seed(seed)
    return Create(SIZES["tiny"], modalities).eval()


def write_authors(path: Path, model: Create, **more: Any) -> Path:
    """A checkpoint as the authors' code saves it."""
    torch.save(
        {"model": to_published(model.state_dict()), "optimizer": {"state": {}}, "epoch": 3, **more}, path
    )
    return path


WRITERS: dict[str, Callable[[Path, Create], object]] = {
    "authors.pth": write_authors,
    "bare.pt": lambda path, model: torch.save(to_published(model.state_dict()), path),
    "authors.safetensors": lambda path, model: save_file(
        {k: v.contiguous() for k, v in to_published(model.state_dict()).items()}, path
    ),
    "ours.safetensors": write_model,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_comes_back_with_its_bits(tmp_path: Path, name: str) -> None:
    model = model_of(3)
    WRITERS[name](tmp_path / name, model)
    back = read_network(tmp_path / name)
    x = torch.rand(2, 6, 1000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(back.classify(x), model.classify(x))


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code ran",))


def test_a_file_that_would_run_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_authors(tmp_path / "evil.pth", model_of(), evil=Evil())
    with pytest.raises(CheckpointError, match="files that would run code are not read"):
        read_network(path)
    assert "code ran" not in capsys.readouterr().out


def test_files_that_are_no_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "cut.pth").write_bytes(write_authors(tmp_path / "whole.pth", model_of()).read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"cut\.pth: not a PyTorch file of tensors alone"):
        read_network(tmp_path / "cut.pth")
    with pytest.raises(MissingInputError, match="absent"):
        read_network(tmp_path / "absent.pth")
    with pytest.raises(CheckpointError, match=r"\.safetensors, \.pth, \.pt"):
        read_network(Path(__file__))
    torch.save({"model": 3}, tmp_path / "three.pth")
    with pytest.raises(CheckpointError, match="holds no state dict"):
        read_network(tmp_path / "three.pth")
    state = to_published(model_of().state_dict())
    torch.save({"model": {**state, "fc.9.weight": torch.zeros(1)}}, tmp_path / "more.pth")
    with pytest.raises(CheckpointError, match=r"more\.pth: 'fc\.9\.weight': no such key"):
        read_network(tmp_path / "more.pth")
    torch.save({"model": {**state, "fc.7.bias": torch.zeros(3)}}, tmp_path / "bias.pth")
    with pytest.raises(CheckpointError, match=r"classifier3\.bias is \(3,\), the model has \(5,\)"):
        read_network(tmp_path / "bias.pth")


def test_a_start_of_other_modalities_or_sizes_is_refused(tmp_path: Path) -> None:
    path = write_authors(tmp_path / "seq.pth", model_of(modalities=("sequence",)))
    with pytest.raises(
        CheckpointError, match="create over sequence, this training is create over sequence\\+open"
    ):
        initialise(model_of(), read_network(path), path)
    with pytest.raises(CheckpointError, match=r"look at model\.size"):
        initialise(Create(SIZES["small"], ("sequence",)), read_network(path), path)
    with pytest.raises(CheckpointError, match=r"recipe\.preset"):
        initialise(Create(SIZES["tiny"], ("sequence",), Structure(base_norm=False)), read_network(path), path)


@pytest.mark.parametrize("setting", ["upsample_first", "log_openness"])
def test_a_start_of_other_arithmetic_on_the_same_tensors_is_refused(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "ours.safetensors"
    write_model(path, model_of())
    changed: dict[str, Any] = {setting: False}
    other = Create(SIZES["tiny"], MODALITIES, Structure(**changed))
    with pytest.raises(CheckpointError, match=rf"was trained with model\.{setting}: True"):
        initialise(other, read_network(path), path)


def test_a_file_has_no_folds_to_choose(tmp_path: Path) -> None:
    path = write_authors(tmp_path / "authors.pth", model_of())
    with pytest.raises(ConfigError, match="a file of weights has no folds"):
        read_checkpoint(path, (0, 1))


def test_equal_models_have_one_hash_whichever_run_wrote_them(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.safetensors" for i in range(3)]
    stamps: tuple[dict[str, str], ...] = ({}, {"raycre_digest": "a"}, {"raycre_digest": "b", "z": "1"})
    for path, metadata in zip(paths, stamps, strict=True):
        write_model(path, model_of(), metadata)
        assert read_model(path).state_dict().keys() == model_of().state_dict().keys()
    assert len({path.read_bytes() for path in paths}) == 3
    assert len({read_weight_file(path, of_train=True).sha256 for path in paths}) == 1
    changed = model_of()
    with torch.no_grad():
        next(iter(changed.parameters())).view(-1)[0] += 1
    write_model(paths[0], changed)
    assert sha256_of_weights(paths[0], paths[0].read_bytes()) != sha256_of_weights(
        paths[1], paths[1].read_bytes()
    )


def test_weights_of_several_keys_of_metadata_have_the_same_bytes_each_time(tmp_path: Path) -> None:
    metadata = {key: key * 3 for key in "hgfedcba"}
    for name in range(8):
        write_model(tmp_path / f"{name}.safetensors", model_of(), metadata)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_a_file_that_train_has_not_written_is_hashed_as_it_is(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "a.safetensors", metadata={"by": "another"})
    (tmp_path / "b.pth").write_bytes(b"anything at all")
    for path in tmp_path.iterdir():
        assert sha256_of_weights(path, path.read_bytes()) == sha256_of(path)
