"""The codebook's moving average against the authors' code: every step of every case of ema_step.npz.

Codes are identical but at a near-tie; sums of float32 agree to 1e-5, and vectors of rarely chosen codes,
which are quotients of small counts, to 1e-4 (README).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from raycre.create.layers.quantizer import SplitQuantizer, assign, ema_update
from tests.golden.create_fixture import Stored, codes_as_stored, groups, read

SUM, QUOTIENT = 1e-5, 1e-4  # relative
STATE = {"embedding": "codebook", "cluster_size": "cluster_size", "ema_w": "cluster_sum"}


def before(stored: Stored) -> dict[str, torch.Tensor]:
    return {ours: torch.from_numpy(stored[f"before/{theirs}"]) for theirs, ours in STATE.items()}


def same(found: torch.Tensor, stored: np.ndarray, share: float, name: str) -> None:
    np.testing.assert_allclose(found.numpy(), stored, rtol=share, atol=1e-6, err_msg=name)


def test_codebook_moves_as_the_authors_do(shared: Path) -> None:
    whole = read(shared, "ema_step.npz")
    ratio, smoothing = whole.number("mu"), whole.number("epsilon")
    assert whole.number("decay") == pytest.approx(1 - ratio, abs=1e-12)
    weight_of_error = []
    for case, stored in groups(whole, "before/").items():
        state = before(stored)
        n_codes, dim = state["codebook"].shape
        quantizer = SplitQuantizer(n_codes, 1, dim, update_ratio=ratio, smoothing=smoothing)
        quantizer.load_state_dict(state)
        steps = sorted({int(match[1]) for _, match in stored.matches(r"step(\d+)/latents")})
        assert steps == list(range(len(steps)))
        for step in steps:
            name = f"{case} step {step}"
            latents = torch.from_numpy(stored[f"step{step}/latents"])
            with codes_as_stored(stored[f"step{step}/indices"]):
                output = quantizer(latents.unsqueeze(1))
            same(output.z_q.squeeze(1), stored[f"step{step}/quantized"], QUOTIENT, name)
            assert float(output.perplexity) == pytest.approx(
                stored.number(f"step{step}/perplexity"), rel=1e-4
            )
            weight_of_error.append(stored.number(f"step{step}/loss") / float(output.commitment))
            for theirs, ours in STATE.items():
                share = QUOTIENT if ours == "codebook" else SUM
                same(
                    quantizer.get_buffer(ours), stored[f"step{step}/after/{theirs}"], share, f"{name} {ours}"
                )
        stored.all_compared()
    # The file does not say the weight of the error in its `loss`: there must be one.
    np.testing.assert_allclose(weight_of_error, weight_of_error[0], rtol=1e-4)
    whole.all_compared()


def test_pure_update_is_what_the_module_does(shared: Path) -> None:
    whole = read(shared, "ema_step.npz")
    for case, stored in groups(whole, "before/").items():
        state = before(stored)
        latents = torch.from_numpy(stored["step0/latents"])
        codes = assign(latents, state["codebook"])
        counts = torch.bincount(codes, minlength=len(state["codebook"])).float()
        sums = torch.zeros_like(state["codebook"]).index_add_(0, codes, latents)
        size, total, codebook = ema_update(
            state["cluster_size"], state["cluster_sum"], counts, sums,
            whole.number("mu"), whole.number("epsilon"),
        )  # fmt: skip
        same(size, stored["step0/after/cluster_size"], SUM, case)
        same(total, stored["step0/after/ema_w"], SUM, case)
        same(codebook, stored["step0/after/embedding"], QUOTIENT, case)
