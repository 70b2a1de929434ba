"""Optimiser steps against the authors' code, across the end of warm-up: train_steps.npz.

Dropout is off, so steps are deterministic but for rounding. From the second step on, rounding may send a
position of a ReLU or of a pool the other way, and then a gradient moves by more than rounding. Adam divides a
gradient by its own size: where that is near the gradient's error, a step's movement (about lr) is undecided.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from raycre.create.model import losses, published
from raycre.create.model.create import Create
from raycre.create.model.loss_weights import LossWeights
from tests.golden.create_fixture import (
    Rule,
    Stored,
    close,
    codes_as_stored,
    load,
    loss_rule,
    models,
    read,
    stored_weights,
)

LOSS = 1e-5  # of the loss; 2e-6 was seen
SMALL_LOSS = 1e-3  # of the encoder's error, 1e-4 seen, and of the norms (their L1: see test_create_losses)
LOGITS = 1e-4  # of the largest; 8e-6 seen
GRADIENT = (1e-4, 1e-2)  # of the largest of its tensor, in the first step and later; 2e-5 and 4e-3 seen
AVERAGES = 1e-4  # of the largest, codebook and statistics of the batch norm; 8e-6 seen
MOVED = 1e-2  # of lr and step: by how much a tensor's parameters differ, on average; 7e-4 seen
CODEBOOK, CODEBOOK_SUM = "vqvae.quantize3.vq._embedding.weight", "vqvae.quantize3.vq._ema_w"
CODEBOOK_SIZE = "vqvae.quantize3.vq._ema_cluster_size"
# A batch norm in training follows and takes the mean away: the gradient is rounding and nothing else.
HEAD, FREE, FREE_MEAN = (f"vqvae.dec1.convt1.{name}" for name in ("1.weight", "1.bias", "2.running_mean"))


def trained_group(shared: Path, steps: Stored) -> Stored:
    """The group of forward.npz whose stored weights have the shapes of the state after a step."""
    after = {match[1]: steps.arrays[key].shape for key, match in steps.matches(r"after_step\d+/(.+)")}
    fitting = []
    for _, arrays in models(shared).values():
        state = stored_weights(arrays)
        if state and all(key in state and state[key].shape == shape for key, shape in after.items()):
            fitting.append(arrays)
    assert len(fitting) == 1, "the steps must be of one group of forward.npz"
    return fitting[0]


def update_ratio(group: Stored, steps: Stored) -> float:
    """μ of the run, which the file does not hold: smoothing leaves the sum of the codes' counts as it is, so
    that after s steps it is n + (1 - μ)^s (start - n) for n latents a step."""
    done = 1 + min(int(match[1]) for _, match in steps.matches(r"after_step(\d+)/.+"))
    n = steps["step0/indices"].size
    start = group[f"param/{CODEBOOK_SIZE}"].sum(dtype=np.float64)
    end = steps[f"after_step{done - 1}/{CODEBOOK_SIZE}"].sum(dtype=np.float64)
    return float(1 - ((n - end) / (n - start)) ** (1 / done))


def test_optimiser_steps_are_the_authors(shared: Path) -> None:
    rule, stored = loss_rule(shared), read(shared, "train_steps.npz")
    group = trained_group(shared, stored)
    model = load(stored_weights(group), update_ratio(group, stored)).train()
    lr = stored.number("lr")
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    undecided = {name: torch.zeros_like(tensor) for name, tensor in model.named_parameters()}
    errors: dict[str, list[float]] = {name: [] for name in undecided}
    for step, epoch in enumerate(stored["epochs"]):
        weights = rule.warmup if epoch < stored["pre_epoch"] else rule.joint
        order = np.roll(np.arange(len(group["x"])), step)
        x, y = torch.from_numpy(group["x"][order]), torch.from_numpy(group["y"][order])
        with codes_as_stored(stored[f"step{step}/indices"]):
            output = model(x)
        found = rule.terms(model, output, x, y)
        loss = losses.total(found, weights)
        close(output.logits, stored[f"step{step}/logits"], LOGITS)
        latent = rule.joint.commitment * found["commitment"].item()
        for name, value, share in (
            ("loss", loss.item(), LOSS),
            ("recon_loss", rule.rebuilt(found, model).item(), LOSS),
            ("clf_loss", rule.classified(found).item(), LOSS),
            ("latent_loss", latent, SMALL_LOSS),
            ("reg_loss", found["norms"].item(), SMALL_LOSS),
        ):
            assert value == pytest.approx(stored.number(f"step{step}/{name}"), rel=share), (
                f"step {step} {name}"
            )
        optimizer.zero_grad()
        loss.backward()
        error = GRADIENT[min(step, 1)]
        check_gradients(model, stored, f"step{step}/grad/", error, codebook_gradient(model, rule, weights))
        optimizer.step()
        for name, tensor in model.named_parameters():
            undecided[name] += move_error(optimizer, tensor, errors[name], error)
        check_state(model, stored, step, lr, undecided)
    stored.all_compared()


def codebook_gradient(model: Create, rule: Rule, weights: LossWeights) -> torch.Tensor:
    """What the norms alone would do to the codebook, a parameter that nothing moves in the authors' code."""
    codebook = model.quantizer.codebook.clone().requires_grad_()
    penalty = losses.norm_penalty([codebook], rule.l1, rule.l2)
    return torch.autograd.grad(weights.classification * weights.norms * penalty, codebook)[0]


def move_error(
    optimizer: torch.optim.Adam, tensor: torch.Tensor, errors: list[float], share: float
) -> torch.Tensor:
    """How far Adam's last step may be from theirs, if each gradient is off by a share of its largest.

    Adam moves by lr · m / √v, m and v means of the gradients and of their squares: an error of m moves it by
    as much over √v, an error of v by no more; and no error by more than from -lr to lr.
    """
    (group,) = optimizer.param_groups
    decay_m, decay_v = group["betas"]
    errors.append(share * float(tensor.grad.abs().max()))
    ages = np.arange(len(errors))[::-1]
    of_m = np.average(errors, weights=decay_m**ages)
    v = optimizer.state[tensor]["exp_avg_sq"] / (1 - decay_v ** len(errors))
    return 2 * group["lr"] * (of_m / v.sqrt().clamp(min=1e-30)).clamp(max=1)


def check_gradients(
    model: Create, stored: Stored, prefix: str, share: float, of_codebook: torch.Tensor
) -> None:
    gradients = published.to_published(
        {name: tensor.grad for name, tensor in model.named_parameters() if tensor.grad is not None}
    )
    gradients[CODEBOOK] = of_codebook
    for key in stored.under(prefix):
        theirs = stored[prefix + key]
        if key == CODEBOOK_SUM:
            assert np.isnan(theirs)
            assert key not in gradients
        elif key == FREE:
            rounding = 1e-3 * float(gradients[HEAD].abs().max())
            assert np.abs(theirs).max() < rounding
            assert float(gradients[key].abs().max()) < rounding
        else:
            close(gradients[key], theirs, share, prefix + key)


def check_state(
    model: Create, stored: Stored, step: int, lr: float, undecided: Mapping[str, torch.Tensor]
) -> None:
    """Compare the arrays after a step; `undecided`: by how much each parameter may differ by then."""
    state, allowed = published.to_published(model.state_dict()), published.to_published(undecided)
    allowed[FREE] = allowed[FREE_MEAN] = torch.full_like(state[FREE], 2 * lr * (step + 1))
    for stored_key, match in stored.matches(rf"after_step{step}(?:_first(\d+))?/(.+)"):
        first, key = match.groups()
        theirs, ours = stored[stored_key], state[key].numpy()
        if key not in allowed:
            close(ours, theirs, AVERAGES, stored_key)
            continue
        bound = allowed[key].numpy() + 1e-6 * np.abs(theirs).max(initial=0.0)
        if first is not None:
            ours, bound = (array.flatten()[: int(first)] for array in (ours, bound))
        away = np.abs(ours - theirs)
        assert (away <= bound).all(), f"{stored_key}: {away.max()} away"
        if key not in (FREE, FREE_MEAN):
            assert away.mean() <= MOVED * lr * (step + 1), f"{stored_key}: {away.mean()} away on average"
