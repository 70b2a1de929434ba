"""CREATE's forward pass against the authors' code: every layer of every group of forward.npz.

Codes are identical but at a near-tie (code_margin below 1e-4, README). All else is float32 arithmetic in
another order: what is allowed is a share of the largest value of the array. In float64 the two ways agree.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.nn import functional as F

from raycre.create.layers.blocks import upsample_deconvolve
from raycre.create.layout import ROWS
from raycre.create.model import create as network
from raycre.create.model.create import Create
from tests.golden.create_fixture import NEAR_TIE, close, codes_as_stored, load, loss_rule, models, weights

FLOAT32 = 1e-5  # of the largest value; 2e-6 is the most that was seen
FLOAT64 = 1e-12  # of the largest value; 3e-15 was seen


def layers(model: Create, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """What each layer gave in one forward pass, by the authors' names, in (n, channels, positions)."""
    encoded: list[torch.Tensor] = []
    decoded: list[torch.Tensor] = []
    classified: list[torch.Tensor] = []

    def watched(*inputs: Any) -> torch.Tensor:
        decoded.append(upsample_deconvolve(*inputs))
        return decoded[-1]

    hooks = [
        model.dropout.register_forward_hook(lambda _, __, out: encoded.append(out)),
        model.classifier_dropout.register_forward_pre_hook(lambda _, given: classified.append(given[0])),
    ]
    with torch.no_grad(), mock.patch.object(network, "upsample_deconvolve", watched):
        output = model(x)
    for hook in hooks:
        hook.remove()
    n_bases = ROWS["sequence"] if "sequence" in model.modalities else 0
    found = dict(zip(("enc1", "enc2", "enc3"), (part.transpose(1, 2) for part in encoded), strict=True))
    found |= dict(zip(("dec3", "dec2"), (F.relu(part).transpose(1, 2) for part in decoded[:2]), strict=True))
    return found | {
        "z_e": output.z_e,
        "z_q": output.z_q,
        "indices": output.codes,
        "commitment": output.commitment,
        "perplexity": output.perplexity,
        "recon": torch.cat([torch.sigmoid(output.recon[:, :n_bases]), output.recon[:, n_bases:]], dim=1),
        "fc_in": classified[0],
        "logits": output.logits,
        "sigmoid": torch.sigmoid(output.logits),
        "softmax": torch.softmax(output.logits, dim=1),
    }


def distances(model: Create, z_e: torch.Tensor) -> torch.Tensor:
    """Squared distance of each latent to each code: float64 (latents, codes)."""
    codebook = model.quantizer.codebook.double()
    latents = z_e.double().reshape(-1, 1, codebook.size(1))
    return (latents - codebook).square().sum(dim=2)


def test_every_layer_gives_the_authors_numbers(shared: Path) -> None:
    commitment = loss_rule(shared).joint.commitment
    for group, (model, stored) in models(shared).items():
        x = torch.from_numpy(stored["x"])
        with codes_as_stored(stored["out/indices"]):
            found = layers(model, x)
        found["commit_loss_weighted"] = commitment * found["commitment"]
        distance = distances(model, found["z_e"])
        nearest = distance.topk(2, dim=1, largest=False).values
        margin = (nearest[:, 1] - nearest[:, 0]).view_as(found["indices"]).numpy()
        # A difference of distances: its rounding is theirs.
        np.testing.assert_allclose(
            margin, stored["out/code_margin"], 0, FLOAT32 * float(distance.max()), err_msg=group
        )
        for key in stored.under("out/"):
            name, sample = re.fullmatch(r"(\w+?)(?:_sample(\d+))?", key).groups()
            if name == "code_margin":
                continue
            whole = found[name]
            part = whole if sample is None else whole[int(sample) : int(sample) + 1]
            close(part, stored[f"out/{key}"], FLOAT32, f"{group} {key}")
        for key in stored.under("out_f64/"):
            close(found[key], stored[f"out_f64/{key}"], FLOAT32, f"{group} float32 {key}")
        exact = load(weights(stored)).double()
        with codes_as_stored(stored["out/indices"]):
            found = layers(exact, x.double())
        for key in stored.under("out_f64/"):
            close(found[key], stored[f"out_f64/{key}"], FLOAT64, f"{group} float64 {key}")
        stored.all_compared(but=["y"])  # labels; the losses read them


def test_codes_are_the_authors_but_where_two_are_as_near(shared: Path) -> None:
    for group, (model, stored) in models(shared).items():
        with torch.no_grad():
            codes = model(torch.from_numpy(stored["x"])).codes.numpy()
        clear = stored["out/code_margin"] >= NEAR_TIE
        np.testing.assert_array_equal(codes[clear], stored["out/indices"][clear], err_msg=group)
        assert clear.mean() > 0.99, f"{group} is made of near-ties"


def test_classify_gives_the_logits_of_the_whole_forward(shared: Path) -> None:
    for group, (model, stored) in models(shared).items():
        with torch.no_grad(), codes_as_stored(stored["out/indices"]):
            logits = model.classify(torch.from_numpy(stored["x"]))
        close(logits, stored["out/logits"], FLOAT32, group)
