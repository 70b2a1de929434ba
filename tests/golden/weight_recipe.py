"""Reading the backbones' golden fixtures, and filling weights and sequences by their recipe.

The recipe is in golden/backbones/README.md: numbers come from a hash of integers, so no weights are stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

Fixture = dict[str, NDArray[Any]]


def read_fixture(path: Path) -> Fixture:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def deviation(ours: torch.Tensor, golden: NDArray[np.float32], scale: NDArray[np.float32]) -> float:
    """Largest difference, in standard deviations of `scale`."""
    return float(np.abs(ours.detach().numpy() - golden).max() / scale.std())


def hash01(n: int, salt: int) -> NDArray[np.float64]:
    """The fixtures' source of numbers: n values in [0, 1)."""
    x = (np.arange(n, dtype=np.uint64) * 2654435761 + salt * 0x9E3779B1 + 12345) & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> shift
        x = (x * factor) & 0xFFFFFFFF
    x ^= x >> 16
    return x / 2**32


def recipe(name: str, shape: torch.Size, salt: int) -> torch.Tensor:
    """The fixtures' weights for one name of the state dict."""
    if "num_batches_tracked" in name:
        return torch.tensor(7)
    v = (2 * hash01(shape.numel(), salt) - 1).reshape(shape)
    if "running_mean" in name:
        v = 0.1 * v
    elif "running_var" in name:
        v = 1 + 0.3 * v
    elif name.endswith("bias"):
        v = 0.05 * v
    elif len(shape) == 1:
        v = 1 + 0.1 * v
    elif "to_attn_logits" in name:
        v = v * np.sqrt(0.3 / shape[1]) + 2 * np.eye(shape[0])[:, :, None, None]
    else:
        v = v * np.sqrt(3 / np.prod(shape[1:]))
        if any(part in name for part in ("to_q", "to_k", "rel_k")):
            v = 2 * v
    return torch.from_numpy(v.astype(np.float32))


def recipe_state(model: torch.nn.Module, fixture: Fixture) -> dict[str, torch.Tensor]:
    """All weights of a model that may be on the meta device; names and sums must be the fixture's."""
    wanted = model.state_dict()
    kept = set(fixture["kept_as_built"].tolist()) if "kept_as_built" in fixture else set()
    names = fixture["keys"].tolist()
    assert sorted(wanted) == [name for name in names if name not in kept]
    state = {}
    for place, name in enumerate(names):
        if name in kept:
            continue
        state[name] = recipe(name, wanted[name].shape, 1000 * int(fixture["seed"]) + place)
        total = state[name].sum(dtype=torch.float64)
        assert float(total) == pytest.approx(fixture["param_sum_f64"][place], rel=1e-9, abs=1e-6), name
    return state


def recipe_sequences(length: int, fixture: Fixture) -> NDArray[np.uint8]:
    """Wild type, then one sequence for each edit: (1 + edits, length)."""
    seed = int(fixture["seed"])
    wild_type = np.floor(4 * hash01(length, 90_000 + seed)).astype(np.uint8)
    assert wild_type.sum() == fixture["wt_sum"]
    sequences = [wild_type]
    for number, (start, end) in enumerate(fixture["edits"], start=1):
        edited = wild_type.copy()
        edited[start:end] = np.floor(4 * hash01(end - start, 90_000 + 10 * seed + number))
        sequences.append(edited)
    return np.stack(sequences)
