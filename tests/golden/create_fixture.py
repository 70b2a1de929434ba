"""How the golden files of CREATE are read: groups of arrays, models, loss weights, and what was compared.

Knows the files' layout (golden/create/README.md) and no number in them: sizes, seeds and constants are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from raycre.create.layers import quantizer
from raycre.create.layers.quantizer import assign
from raycre.create.model import losses, published
from raycre.create.model.create import Create
from raycre.create.model.loss_weights import LossWeights
from raycre.create.model.output import Output

NEAR_TIE = 1e-4  # squared distance: two codes closer to a latent than this may be taken for each other


class Stored(Mapping[str, np.ndarray]):
    """Arrays by key, which remembers which of them a test has read."""

    def __init__(self, arrays: Mapping[str, np.ndarray], name: str) -> None:
        self.arrays, self.name = dict(arrays), name
        self.left = set(self.arrays)

    def __getitem__(self, key: str) -> np.ndarray:
        self.left.discard(key)
        return self.arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def number(self, key: str) -> float:
        """A stored scalar."""
        return float(self[key])

    def under(self, prefix: str) -> list[str]:
        """Rest of every key that starts with `prefix`."""
        return [key.removeprefix(prefix) for key in self if key.startswith(prefix)]

    def matches(self, pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
        """Every key that is `pattern` as a whole, with what its groups hold."""
        found = [(key, re.fullmatch(pattern, key)) for key in self]
        return ((key, match) for key, match in found if match)

    def refuse(self, pattern: str) -> None:
        """Take arrays as dealt with that hold what we refuse to do; the test says where it asserts so."""
        self.left -= {key for key, _ in self.matches(pattern)}

    def all_compared(self, pattern: str = ".*", but: Iterable[str] = ()) -> None:
        """Fail where a stored array was never read; `but` names those of another test."""
        left = sorted(key for key in self.left - set(but) if re.fullmatch(pattern, key))
        assert not left, f"{self.name}: never compared: {', '.join(left)}"


def read(shared: Path, name: str) -> Stored:
    """A whole npz of the golden folder."""
    path = shared / "golden" / "create" / name
    if not path.is_file():
        pytest.skip(f"no golden file {path}")
    with np.load(path) as file:
        return Stored({key: file[key] for key in file.files}, name)


def groups(stored: Stored, marker: str) -> dict[str, Stored]:
    """Arrays by the first part of their key, of the parts that have a key that begins with `marker`."""
    names = dict.fromkeys(key.split("/")[0] for key in stored if key.partition("/")[2].startswith(marker))
    assert names, f"{stored.name} has no group with {marker}"
    return {
        name: Stored(
            {key: stored[f"{name}/{key}"] for key in stored.under(f"{name}/")}, f"{stored.name} {name}"
        )
        for name in names
    }


def models(shared: Path) -> dict[str, tuple[Create, Stored]]:
    """Each group of forward.npz with the model of its weights, in evaluation mode and without dropout."""
    found = groups(read(shared, "forward.npz"), "out/")
    return {name: (load(weights(arrays)), arrays) for name, arrays in found.items()}


def stored_weights(arrays: Stored) -> dict[str, torch.Tensor]:
    """The state dict that a group holds in full, in the authors' layout; empty where it holds a recipe."""
    return {key: torch.tensor(arrays[f"param/{key}"]) for key in arrays.under("param/")}


def weights(arrays: Stored) -> dict[str, torch.Tensor]:
    """The state dict of a group in the authors' layout: as stored, or filled by the README's recipe."""
    if any(key.startswith("param/") for key in arrays):
        return stored_weights(arrays)
    shapes = [tuple(int(part) for part in re.findall(r"\d+", str(shape))) for shape in arrays["shapes"]]
    seed, state = int(arrays["seed"]), {}
    for position, (key, shape) in enumerate(zip(arrays["keys"], shapes, strict=True)):
        tensor = state[str(key)] = fill(str(key), shape, position, seed)
        exact = tensor.double().flatten().numpy()
        assert exact.sum() == pytest.approx(arrays["param_sum_f64"][position], rel=1e-9, abs=1e-9)
        assert np.abs(exact).sum() == pytest.approx(arrays["param_abs_sum_f64"][position], rel=1e-9)
        first = arrays["param_first4"][position]
        np.testing.assert_array_equal(np.resize(exact, first.shape), first)
    return state


def hash01(n: int, salt: int) -> np.ndarray:
    """n numbers in [0, 1) by the README's recipe, in wrapping 32-bit arithmetic."""
    mask = np.uint64(0xFFFFFFFF)
    x = (np.arange(n, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(salt * 0x9E3779B1 + 12345)) & mask
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x7FEB352D)) & mask
    x ^= x >> np.uint64(15)
    x = (x * np.uint64(0x846CA68B)) & mask
    x ^= x >> np.uint64(16)
    return x / 2**32


def fill(key: str, shape: tuple[int, ...], position: int, seed: int) -> torch.Tensor:
    """The tensor that the README's recipe gives to one key of the authors' layout."""
    if key.endswith("num_batches_tracked"):
        return torch.tensor(7)
    v = (2 * hash01(int(np.prod(shape)), 1000 * seed + position) - 1).reshape(shape)
    if key.endswith("running_mean"):
        v = 0.1 * v
    elif key.endswith("running_var"):
        v = 1 + 0.3 * v
    elif key.endswith("_ema_cluster_size"):
        v = 5 + 4 * v
    elif key.endswith(("_embedding.weight", "_ema_w")):
        v = 1.5 * v
    elif key.endswith("bias"):
        v = 0.05 * v
    elif "layernorm" in key or "convt1.2" in key:
        v = 1 + 0.1 * v
    else:
        fan = shape[0] * shape[2] if ".convt" in key else int(np.prod(shape[1:]))
        v = v * np.sqrt(6 / fan)
    return torch.from_numpy(v.astype(np.float32))


def load(state: Mapping[str, torch.Tensor], update_ratio: float | None = None) -> Create:
    """A model of the sizes that its weights have, without dropout."""
    ours = published.from_published(state)
    sizes, modalities = published.architecture(ours)
    sizes = replace(sizes, branch_dropout=0.0, encoder_dropout=0.0, classifier_dropout=0.0)
    if update_ratio is not None:
        sizes = replace(sizes, update_ratio=update_ratio)
    model = Create(sizes, modalities)
    model.load_state_dict(ours)
    return model.eval()


@dataclass(frozen=True)
class Rule:
    """The two sums of losses.npz: of the joint phase and of the one before it.

    l1, l2: weights of the norms. gamma: of the focal term.
    """

    joint: LossWeights
    warmup: LossWeights
    l1: float
    l2: float
    gamma: float

    def terms(
        self, model: Create, output: Output, x: torch.Tensor, y: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Every term of a batch, unweighted, as scalars."""
        penalised = model.weight_tensors()
        found = losses.terms(output, x, y, model.modalities, self.joint, penalised)
        found["focal_silencer"] = losses.focal_silencer(output.logits, y, self.gamma)
        found["norms"] = losses.norm_penalty(penalised, self.l1, self.l2)
        return found

    def rebuilt(self, found: Mapping[str, torch.Tensor], model: Create) -> torch.Tensor:
        """Errors of the rows, weighted."""
        rows = {name: found[name] for name in model.modalities}
        return losses.total(rows, replace(self.joint, reconstruction=1.0))

    def classified(self, found: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Errors of the classes, with the norms once."""
        of_classes = {name: found[name] for name in ("cross_entropy", "focal_silencer", "norms")}
        return losses.total(of_classes, replace(self.joint, classification=1.0, norms=1.0))


def loss_rule(shared: Path) -> Rule:
    """The sums from the stored weights; none may be left out."""
    stored = groups(read(shared, "losses.npz"), "w_commit")
    (weight,) = stored.values()
    joint = LossWeights(
        openness=weight.number("w_open"),
        loops=weight.number("w_loop"),
        commitment=weight.number("w_commit"),
        reconstruction=weight.number("w_recon_joint"),
        classification=weight.number("w_clf_joint"),
        focal_silencer=weight.number("focal_alpha"),
        norms=weight.number("n_reg_in_joint"),
    )
    warmup = replace(
        joint,
        reconstruction=weight.number("w_recon_pretrain"),
        classification=weight.number("w_clf_pretrain"),
    )
    rule = Rule(joint, warmup, weight.number("w_l1"), weight.number("w_l2"), weight.number("focal_gamma"))
    weight.all_compared()
    return rule


def close(found: Any, stored: np.ndarray, share: float, name: str = "") -> None:
    """Fail where `found` is further from `stored` than `share` of the largest stored number."""
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else found
    largest = np.abs(stored).max(initial=0.0)
    np.testing.assert_allclose(found, stored, rtol=0, atol=share * largest, err_msg=name)


@contextmanager
def codes_as_stored(stored: np.ndarray) -> Iterator[None]:
    """Compare the codes of the one quantisation inside with `stored`, then go on with the stored ones.

    A code may differ at a near-tie only; what follows from the codes can so be compared everywhere.
    """
    calls = []

    def checked(latents: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
        ours, theirs = assign(latents, codebook), torch.from_numpy(stored).flatten()
        exact, codes = latents.double(), codebook.double()
        distance = [(exact - codes[chosen]).square().sum(1) for chosen in (ours, theirs)]
        # Far from the origin float32 itself rounds distances by more than a near-tie.
        rounding = 1e-6 * (exact.square().sum(1) + codes[theirs].square().sum(1))
        wrong = (ours != theirs) & ((distance[1] - distance[0]) > rounding.clamp(min=NEAR_TIE))
        assert not wrong.any(), f"codes {ours[wrong].tolist()} for {theirs[wrong].tolist()}"
        calls.append(len(codes))
        return theirs

    with mock.patch.object(quantizer, "assign", checked):
        yield
    assert len(calls) == 1, "codes were to be found once"
