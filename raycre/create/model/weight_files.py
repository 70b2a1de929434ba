"""One file of CREATE weights, whoever wrote it: train, or the authors. No code in a file is ever run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from raycre.create.layout import CLASSES
from raycre.create.model.create import Create
from raycre.create.model.declaration import describe_network, rebuild
from raycre.create.model.network import Network
from raycre.create.model.published import architecture, from_published
from raycre.errors import CheckpointError, MissingInputError
from raycre.genome.fingerprint import Fingerprint, read_hashed
from raycre.store.files import write_atomic

SUFFIXES = (".safetensors", ".pth", ".pt")
SAME_SHAPES = ("upsample_first", "log_openness")  # of Structure: other arithmetic on the same tensors
DESCRIPTION = "raycre_network"  # key of the metadata of weights that train writes


def write_model(path: Path, model: Network, metadata: Mapping[str, str] | None = None) -> None:
    """Write weights with what is needed to build the model again, and which run they are of.

    The same model and metadata give the same bytes.
    """
    about = json.dumps(describe_network(model))
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    content = save(state, metadata={DESCRIPTION: about})  # on a full disk save_file's error is no OSError
    content = _with_metadata(content, {DESCRIPTION: about, **(metadata or {})})
    write_atomic(path, lambda temporary: temporary.write_bytes(content))


def _with_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file with this metadata; safetensors itself writes several keys in any order."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps({**json.loads(content[8:end]), "__metadata__": dict(metadata)}).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of 8
    return len(header).to_bytes(8, "little") + header + content[end:]


class Weights(NamedTuple):
    """What one reading of a file of weights gives.

    model: in evaluation mode, on the CPU. sha256: as `sha256_of_weights`. fingerprint: of the file.
    """

    model: Network
    sha256: str
    fingerprint: Fingerprint


def read_weight_file(path: Path, *, of_train: bool) -> Weights:
    """Read a file of weights once: the model, its hash, and which file it is.

    Args:
        path: the file.
        of_train: it must be train's; else the authors' layout is taken, too.

    Raises:
        MissingInputError, CheckpointError: as `read_network`.
        ChangedInputError: the file was written meanwhile.
    """
    _check_weights(path, of_train)
    content, read = read_hashed(path)
    model = _model_of(path, content) if of_train else _network_of(path, content)
    return Weights(model, sha256_of_weights(path, content), read)


def sha256_of_weights(path: Path, content: bytes) -> str:
    """Return the SHA-256 of a file of weights, whose content was read.

    Of `write_model`'s it is over the model's description and its tensors: equal models have equal hashes,
    whichever run wrote them. Any other file is hashed as it is.
    """
    length = int.from_bytes(content[:8], "little")
    if path.suffix == ".safetensors" and length <= len(content):
        header = json.loads(content[8 : 8 + length])
        about = header.pop("__metadata__", {}).get(DESCRIPTION)
        if about is not None:
            digest = hashlib.sha256(json.dumps([about, header], sort_keys=True).encode())
            digest.update(memoryview(content)[8 + length :])
            return digest.hexdigest()
    return hashlib.sha256(content).hexdigest()


def read_model(path: Path) -> Network:
    """Build a model from its file, in evaluation mode.

    Raises:
        MissingInputError: no such file.
        CheckpointError: not safetensors, not written by raycre, or tensors of another shape.
    """
    _check_weights(path, of_train=True)
    return _model_of(path, path.read_bytes())


def _check_weights(path: Path, of_train: bool) -> None:
    if not path.is_file():
        raise MissingInputError("no weights here", path=path)
    if not of_train and path.suffix not in SUFFIXES:
        raise CheckpointError(f"weights are {', '.join(SUFFIXES)}", path=path)


def _model_of(path: Path, content: bytes) -> Network:
    return _built(path, *_parse_safetensors(path, content))


def _built(path: Path, about: str | None, state: Mapping[str, Tensor]) -> Network:
    """Build train's model from its description and its tensors."""
    if about is None:
        raise CheckpointError("weights without raycre's description; train wrote no such file", path=path)
    try:
        facts = json.loads(about)
        model = rebuild(facts.pop("kind"), facts)
    except (ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"raycre's description of the model is damaged ({error!r})", path=path
        ) from error
    except CheckpointError as error:
        raise CheckpointError(error.message, path=path, value=error.value) from error
    return _loaded(path, model, state)


def _loaded(path: Path, model: Network, state: Mapping[str, Tensor]) -> Network:
    """Give a model the tensors of its file, all of them."""
    wrong = differences(model, {name: tuple(tensor.shape) for name, tensor in state.items()})
    if wrong:
        raise CheckpointError(f"tensors of another shape: {'; '.join(wrong[:5])}", path=path)
    model.load_state_dict(state)
    return model.eval()


def _parse_safetensors(path: Path, content: bytes) -> tuple[str | None, dict[str, Tensor]]:
    """Return raycre's description, if the file has one, and the tensors."""
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise CheckpointError(f"not a whole safetensors file ({error})", path=path) from error
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return header.get("__metadata__", {}).get(DESCRIPTION), tensors


def differences(model: Network, shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """Say which tensors a model and a file do not have alike; empty where the file fits."""
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    return [
        f"{name} is {shapes.get(name, 'missing')}, the model has {own.get(name, 'none')}"
        for name in sorted(own.keys() | shapes.keys())
        if own.get(name) != shapes.get(name)
    ]


def read_network(path: Path) -> Network:
    """Build a model from a file of train's, or of the authors' layout, in evaluation mode.

    The authors' are a PyTorch file whose "model" entry is the state dict (or the state dict alone), or
    the same tensors as safetensors.

    Raises:
        MissingInputError: no such file.
        CheckpointError: not such a file, or tensors that do not fit together.
    """
    _check_weights(path, of_train=False)
    return _network_of(path, path.read_bytes())


def _network_of(path: Path, content: bytes) -> Network:
    state: Mapping[str, Tensor]
    if path.suffix == ".safetensors":
        about, state = _parse_safetensors(path, content)
        if about is not None:
            return _built(path, about, state)
    else:
        state = _parse_torch(path, content)
    try:
        ours = from_published(state)
        sizes, modalities = architecture(ours)
        if sizes.classes != len(CLASSES):
            raise CheckpointError(
                f"the last layer has {sizes.classes} outputs and the file does not say of which classes; the "
                f"authors' files have the five, {', '.join(CLASSES)}"
            )
        model = Create(sizes, modalities)
    except CheckpointError as error:
        raise CheckpointError(error.message, path=path, value=error.value) from error
    return _loaded(path, model, ours)


def _parse_torch(path: Path, content: bytes) -> Mapping[str, Tensor]:
    try:
        found: Any = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes can fail in any way inside torch's reader
        raise CheckpointError(
            f"not a PyTorch file of tensors alone ({type(error).__name__}); files that would run code are "
            "not read",
            path=path,
        ) from error
    state = found.get("model", found) if isinstance(found, dict) else found
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError("holds no state dict, neither as a whole nor under 'model'", path=path)
    return state


def initialise(model: Network, start: Network, path: Path) -> None:
    """Start a model from the weights of another, which was read from a file; codebook and batch norm too.

    Of a file of more classes, the last layer's rows of the model's own classes are taken: weights of five
    classes start a training without silencers.

    Raises:
        CheckpointError: the file's model reads other modalities, lacks a class, is of another kind or size,
            or takes the same tensors for another computation.
    """
    if (start.kind, start.modalities) != (model.kind, model.modalities):
        raise CheckpointError(
            f"is {start.kind} over {'+'.join(start.modalities)}, this training is {model.kind} over "
            f"{'+'.join(model.modalities)}; set model.kind and model.modalities to fit",
            path=path,
        )
    lacking = [name for name in model.classes if name not in start.classes]
    if lacking:
        raise CheckpointError(
            f"was trained on {', '.join(start.classes)}, this training is of {', '.join(model.classes)}: it "
            f"has no {' and no '.join(lacking)}; start from other weights, or leave the class out of "
            "inputs.classes",
            path=path,
        )
    state = start.state_dict()
    rows = [start.classes.index(name) for name in model.classes]
    for name in (f"{model.last_layer}.weight", f"{model.last_layer}.bias"):
        if name in state and start.classes != model.classes:
            state[name] = state[name][rows]
    wrong = differences(model, {name: tuple(tensor.shape) for name, tensor in state.items()})
    if wrong:
        raise CheckpointError(
            f"does not fit this training's sizes: {'; '.join(wrong[:3])}; look at model.size, model.codebook "
            "and the settings of recipe.preset",
            path=path,
        )
    if isinstance(start, Create) and isinstance(model, Create):
        theirs, ours = asdict(start.structure), asdict(model.structure)
        unlike = [name for name in SAME_SHAPES if theirs[name] != ours[name]]
        if unlike:
            raise CheckpointError(
                f"was trained with {', '.join(f'model.{name}: {theirs[name]}' for name in unlike)}; set it "
                "so, or leave recipe.preset at the one that the weights were made with",
                path=path,
            )
    model.load_state_dict(state)
