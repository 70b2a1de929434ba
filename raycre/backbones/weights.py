"""Weights of a backbone: from a file, without running code, or drawn from a seed.

A state dict maps the names of a module's parameters and buffers to tensors.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from raycre.errors import CheckpointError, ConfigError, MissingInputError
from raycre.store.files import sha256_of
from raycre.store.location import path_of

RANDOM = "random:"
# enformer-pytorch registers its layers a second time, in order, as `_trunk`; files repeat these tensors.
TRUNK_ALIASES = {
    "_trunk.1.": "stem.",
    "_trunk.2.": "conv_tower.",
    "_trunk.4.": "transformer.",
    "_trunk.6.": "final_pointwise.",
}
SHOWN = 5  # names listed of each kind of misfit


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read tensors from a safetensors file or a PyTorch checkpoint, told apart by content.

    PyTorch checkpoints are unpickled with `weights_only=True`, which builds tensors and plain containers and
    refuses everything else. Enformer's aliases under `_trunk.` are dropped where the tensor that they repeat
    is there, which they must equal.

    Returns:
        Name to CPU tensor, in the file's order.

    Raises:
        MissingInputError: no such file.
        CheckpointError: truncated, not a checkpoint, holds code, holds something else than named tensors, or
            two tensors under the two names of one.
    """
    if not path.is_file():
        raise MissingInputError("no such weights", path=path)
    held = Path(os.fspath(path))  # of an object in a bucket: its copy on this node
    try:
        loaded = load_file(held) if _is_safetensors(held) else _load_torch(held)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            "holds more than tensors, or is damaged, and raycre runs no code from a checkpoint; "
            f"convert it to safetensors where it was made ({_first_line(error)})",
            path=path,
        ) from error
    except Exception as error:  # a damaged archive can fail in any way inside the readers
        raise CheckpointError(
            f"cannot be read as safetensors or as a PyTorch checkpoint: truncated or of another kind "
            f"({type(error).__name__}: {_first_line(error)}); fetch it again",
            path=path,
        ) from error
    return _without_aliases(_named_tensors(loaded, path), path)


def _is_safetensors(path: Path) -> bool:
    """A safetensors file opens with the header's length (8 bytes, little-endian) and then a JSON object."""
    with path.open("rb") as handle:
        return handle.read(9)[8:] == b"{"


def _load_torch(path: Path) -> object:
    with path.open("rb") as handle:  # given a path, torch would go by its suffix
        return torch.load(handle, map_location="cpu", weights_only=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]


def _named_tensors(loaded: object, path: Path) -> dict[str, Tensor]:
    if not isinstance(loaded, Mapping):
        raise CheckpointError(f"holds a {type(loaded).__name__}, not named tensors", path=path)
    nested = [key for key, value in loaded.items() if isinstance(value, Mapping)]
    other = [
        key for key, value in loaded.items() if not isinstance(key, str) or not isinstance(value, Tensor)
    ]
    if other or not loaded:
        inside = f"; the weights may be under {nested[0]!r}: save that alone" if nested else ""
        raise CheckpointError(
            f"holds {len(loaded)} entries of which {len(other)} are no named tensors{_listed(other)}{inside}",
            path=path,
        )
    return dict(loaded)


def _without_aliases(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    repeated = {
        name: original for name in state if (original := _original(name)) != name and original in state
    }
    other = [name for name, original in repeated.items() if not _same(state[name], state[original])]
    if other:
        raise CheckpointError(
            f"{len(other)} tensors differ from those that their names repeat{_listed(other)}; "
            "it is damaged or put together from two models: fetch it again",
            path=path,
        )
    return {name: tensor for name, tensor in state.items() if name not in repeated}


def _original(name: str) -> str:
    for alias, module in TRUNK_ALIASES.items():
        if name.startswith(alias):
            return module + name.removeprefix(alias)
    return name


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    # PyTorch's files store both names once, and then there is nothing to compare; NaN is found later.
    return one.data_ptr() == other.data_ptr() or torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)


def load_into(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Make `state` the weights of `module`, which may be on the meta device; nothing is copied that fits.

    Floating-point tensors of another precision become float32.

    Args:
        module: takes the tensors.
        state: exactly the names and shapes of `module.state_dict()`.
        path: where the state came from, for the message.

    Raises:
        CheckpointError: missing or unexpected names, other shapes or kinds of number, NaN or infinite
            weights; the module is then as it was.
    """
    wanted = module.state_dict()
    both = [name for name in wanted if name in state]
    problems = [
        _problem("missing", [name for name in wanted if name not in state]),
        _problem("unexpected", [name for name in state if name not in wanted]),
        _problem(
            "of another shape or kind",
            [_misfit(n, wanted[n], state[n]) for n in both if not _fits(wanted[n], state[n])],
        ),
        _problem("not finite (NaN or infinite)", [name for name in both if not state[name].isfinite().all()]),
    ]
    if any(problems):
        misfits = "; ".join(p for p in problems if p)
        raise CheckpointError(f"does not fit {type(module).__name__}: {misfits}", path=path)
    module.load_state_dict({name: state[name].to(wanted[name].dtype) for name in wanted}, assign=True)


def _fits(wanted: Tensor, given: Tensor) -> bool:
    return wanted.shape == given.shape and wanted.is_floating_point() == given.is_floating_point()


def _misfit(name: str, wanted: Tensor, given: Tensor) -> str:
    return f"{name} {tuple(given.shape)} {given.dtype} for {tuple(wanted.shape)} {wanted.dtype}"


def _problem(kind: str, names: list[str]) -> str:
    return f"{len(names)} {kind}{_listed(names)}" if names else ""


def _listed(names: Iterable[object]) -> str:
    names = list(names)
    if not names:
        return ""
    return f" ({', '.join(map(str, names[:SHOWN]))}{', …' if len(names) > SHOWN else ''})"


def read_weights(module: nn.Module, weights: str) -> None:
    """Give `module` the weights that a configuration names: "random:SEED", or the path of a checkpoint.

    Raises:
        ConfigError: SEED is no whole number.
        MissingInputError, CheckpointError: see `read_state_dict` and `load_into`.
    """
    state = random_weights(module, weights) if is_random(weights) else read_state_dict(path_of(weights))
    load_into(module, state, path_of(weights))


def random_weights(module: nn.Module, weights: str) -> dict[str, Tensor]:
    """Draw what "random:SEED" names; see `random_state`.

    Raises:
        ConfigError: SEED is no whole number.
    """
    return random_state(module, _seed(weights))


def weights_sha256(weights: str) -> str:
    """Hash of the checkpoint, or of the text "random:SEED" itself; reads the file."""
    return hashlib.sha256(weights.encode()).hexdigest() if is_random(weights) else sha256_of(path_of(weights))


def is_random(weights: str) -> bool:
    """Whether `weights` asks for a seed instead of a file."""
    return weights.startswith(RANDOM)


def _seed(weights: str) -> int:
    seed = weights.removeprefix(RANDOM)
    if not (seed.isascii() and seed.isdigit()):
        raise ConfigError("random weights are asked for as random:SEED with a whole number", value=weights)
    return int(seed)


def random_state(module: nn.Module, seed: int) -> dict[str, Tensor]:
    """Draw weights for tests and benchmarks; outputs then depend on every layer and on the whole input.

    Each tensor is drawn uniformly by its own generator, seeded by (seed, name), so that neither the order of
    construction nor other layers matter. Norms scale by 0.9-1.1 and shift by up to 0.05; kernels keep the
    variance of their input, queries and keys are twice as large so that attention is not flat, and the logits
    of a pooling see their own channel. Nothing is zero, `to_out` included.

    Returns:
        The names and shapes of `module.state_dict()`, on the CPU.
    """
    return {name: _draw(name, tensor.shape, seed) for name, tensor in module.state_dict().items()}


def _draw(name: str, shape: torch.Size, seed: int) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    digest = hashlib.sha256(json.dumps([seed, name]).encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    drawn = torch.empty(shape).uniform_(-1, 1, generator=generator)
    if name.endswith("running_mean"):
        return drawn.mul_(0.1)
    if name.endswith("running_var"):
        return drawn.mul_(0.3).add_(1)
    if name.endswith("bias"):
        return drawn.mul_(0.05)
    if len(shape) == 1:
        return drawn.mul_(0.1).add_(1)
    fan_in = math.prod(shape[1:])
    if "to_attn_logits" in name:
        drawn.mul_(math.sqrt(0.3 / fan_in))
        drawn.flatten(1).diagonal().add_(2)
        return drawn
    gain = 2 if any(part in name for part in ("to_q", "to_k", "rel_k")) else 1
    return drawn.mul_(gain * math.sqrt(3 / fan_in))
