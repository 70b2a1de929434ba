"""Borzoi and Flashzoi at toy sizes, and a plain evaluation of them."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.weights import load_into, random_state

TOY = {
    "seq_len": 4096,
    "n_bins": 128,  # all of them: nothing is cropped, and the first and last bin meet the sequence's ends
    "widths": (4, 4, 6, 6, 8, 8),
    "channels": 12,
    "n_joined": 10,
    "n_blocks": 2,
    "n_heads": 2,
    "key_size": 4,
    "n_features": 6,
    "rotary_size": 4,
    "n_human": 5,
    "n_mouse": 3,
}
CODES = torch.randint(0, 5, (2, 4096), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


def toy(**other: object) -> Borzoi:
    model = Borzoi(**{**TOY, **other})  # type: ignore[arg-type]
    load_into(model, random_state(model, 0), Path("random:0"))
    return model.eval()


@cache
def model(rotary: bool) -> Borzoi:
    return toy(rotary=rotary)


@cache
def full(rotary: bool) -> torch.Tensor:
    return plain(model(rotary), CODES)


both = pytest.mark.parametrize("rotary", [False, True], ids=["borzoi", "flashzoi"])


def plain(model: Borzoi, codes: torch.Tensor) -> torch.Tensor:
    """All bins and tracks of the human head, step by step from the state dict, sparing nothing."""
    w = model.state_dict()

    def block(x: torch.Tensor, at: str) -> torch.Tensor:
        mean, var = w[f"{at}.norm.running_mean"], w[f"{at}.norm.running_var"]
        x = F.batch_norm(x, mean, var, w[f"{at}.norm.weight"], w[f"{at}.norm.bias"], eps=1e-3)
        kernel = w[f"{at}.conv_layer.weight"]
        gelu = 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return F.conv1d(gelu, kernel, w[f"{at}.conv_layer.bias"], padding=kernel.shape[-1] // 2)

    def separable(x: torch.Tensor, at: str) -> torch.Tensor:
        by_channel = F.conv1d(x, w[f"{at}.conv_layer.0.weight"], padding=1, groups=x.shape[1])
        return F.conv1d(by_channel, w[f"{at}.conv_layer.1.weight"], w[f"{at}.conv_layer.1.bias"])

    def normed(x: torch.Tensor, at: str) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], w[f"{at}.weight"], w[f"{at}.bias"], eps=1e-3)

    letters = torch.cat([torch.eye(4), torch.full((1, 4), 0.25)])
    x = letters[codes.long()].transpose(1, 2)
    x = F.max_pool1d(
        F.conv1d(x, w["conv_dna.conv_layer.weight"], w["conv_dna.conv_layer.bias"], padding=7), 2
    )
    for i in (0, 2, 4, 6):
        x = F.max_pool1d(block(x, f"res_tower.{i}"), 2)
    at_32 = block(x, "res_tower.8")
    at_64 = block(F.max_pool1d(at_32, 2), "unet1.1")
    x = F.max_pool1d(at_64, 2).transpose(1, 2)
    attend = attend_rotated if "transformer.0.0.fn.1.mha.Wqkv.weight" in w else attend_by_distance
    for i in range(2):
        attention = {k.split("fn.1.")[1]: v for k, v in w.items() if k.startswith(f"transformer.{i}.0.fn.1.")}
        x = x + attend(normed(x, f"transformer.{i}.0.fn.0"), attention)
        at = f"transformer.{i}.1.fn"
        hidden = F.linear(normed(x, f"{at}.0"), w[f"{at}.1.weight"], w[f"{at}.1.bias"]).relu()
        x = x + F.linear(hidden, w[f"{at}.4.weight"], w[f"{at}.4.bias"])
    x = x.transpose(1, 2)
    x = block(x, "upsampling_unet1.0").repeat_interleave(2, -1) + block(at_64, "horizontal_conv1")
    x = separable(x, "separable1")
    x = block(x, "upsampling_unet0.0").repeat_interleave(2, -1) + block(at_32, "horizontal_conv0")
    x = separable(x, "separable0")
    x = F.gelu(block(x, "final_joined_convs.0"), approximate="tanh")
    return F.softplus(F.conv1d(x, w["human_head.weight"], w["human_head.bias"])).transpose(1, 2)


def attend_by_distance(x: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
    """Two heads of key size 4, logit by logit; windows are 4,097^(k / 3) - 1 wide."""
    rows = torch.arange(x.shape[1])
    apart = (rows[None, :] - rows[:, None])[..., None]  # key minus query
    within = (apart.abs() < 4097 ** (torch.arange(1, 4) / 3) - 1).float()
    features = torch.cat([within, apart.sign() * within], dim=-1)
    heads = []
    for h, (k, v) in enumerate(((slice(0, 4), slice(0, 6)), (slice(4, 8), slice(6, 12)))):
        query = x @ w["to_q.weight"][k].T / 2
        by_content = (query + w["rel_content_bias"][0, h]) @ (x @ w["to_k.weight"][k].T).transpose(1, 2)
        by_distance = torch.einsum(
            "nid,ijd->nij", query + w["rel_pos_bias"][0, h], features @ w["to_rel_k.weight"][k].T
        )
        heads.append((by_content + by_distance).softmax(-1) @ (x @ w["to_v.weight"][v].T))
    return F.linear(torch.cat(heads, -1), w["to_out.weight"], w["to_out.bias"])


def attend_rotated(x: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
    """Two heads of 6 channels on one of keys; channels 0 and 2, 1 and 3 are complex numbers that turn."""
    projected = F.linear(x, w["mha.Wqkv.weight"], w["mha.Wqkv.bias"])
    first, second, keys, values = projected.split(6, dim=-1)

    def turned(x: torch.Tensor) -> torch.Tensor:
        angle = torch.arange(x.shape[1])[:, None] * torch.tensor([1, 20_000**-0.5])
        pairs = torch.complex(x[..., :2], x[..., 2:4]) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([pairs.real, pairs.imag, x[..., 4:]], dim=-1)

    logits = [turned(q) @ turned(keys).transpose(1, 2) / math.sqrt(6) for q in (first, second)]
    read = torch.cat([one.softmax(-1) @ values for one in logits], dim=-1)
    return F.linear(read, w["mha.out_proj.weight"], w["mha.out_proj.bias"])
