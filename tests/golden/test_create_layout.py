"""The authors' checkpoint layout against ours: state_dict.txt, and the weights stored in forward.npz."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from raycre.create.layout import CLASSES, MODALITIES
from raycre.create.model import published
from raycre.create.model.create import Create
from tests.golden.create_fixture import models, weights

THEIRS = dict(zip(("seq", "open", "loop"), MODALITIES, strict=True))


def test_weights_survive_the_way_to_our_names_and_back(shared: Path) -> None:
    for _, stored in models(shared).values():
        state = weights(stored)
        back = published.to_published(published.from_published(state))
        assert list(back) == list(state)
        assert all(torch.equal(back[key], state[key]) for key in state)


def test_every_published_checkpoint_has_the_sizes_of_its_header(shared: Path) -> None:
    path = shared / "golden" / "create" / "state_dict.txt"
    if not path.is_file():
        pytest.skip(f"no golden file {path}")
    blocks = path.read_text().split("\n## ")[1:]
    assert blocks
    for block in blocks:
        header, *rest = block.splitlines()
        said = {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", header)}
        names = re.search(r"((?:seq|open|loop)(?:\+\w+)*)\.", header).group(1).split("+")
        lines = [line.split("\t") for line in rest if "\t" in line]
        theirs = {
            key: torch.zeros(tuple(int(d) for d in re.findall(r"\d+", shape)), dtype=getattr(torch, dtype))
            for key, shape, dtype, *_ in lines
        }
        sizes, modalities = published.architecture(published.from_published(theirs))
        assert modalities == tuple(THEIRS[name] for name in names)
        model = Create(sizes, modalities)
        ours = published.to_published(model.state_dict())
        assert {k: (v.shape, v.dtype) for k, v in ours.items()} == {
            k: (v.shape, v.dtype) for k, v in theirs.items()
        }
        widths = [sizes.sequence if name == "sequence" else sizes.signal for name in modalities]
        assert said == {
            "channel1": sum(widths), "channel2": sizes.encoder2, "channel3": sizes.encoder3,
            "channel4": sizes.decoder3, "channel5": sizes.decoder2, "embed_dim": sizes.embedding,
            "n_embed": sizes.codes, "split": sizes.splits, "num_class": len(CLASSES),
        }  # fmt: skip
        assert {key: int(numel) for key, *_, numel in lines} == {k: v.numel() for k, v in ours.items()}
        # The authors hold the codebook and its sum as parameters, which no optimiser ever moves; here they
        # are buffers.
        averaged = {"quantizer.codebook", "quantizer.cluster_sum"}
        held = {name for name, _ in model.named_parameters()} | averaged
        state = {name: tensor for name, tensor in model.state_dict().items() if name in held}
        assert {key for key, _, _, kind, _ in lines if kind == "param"} == set(published.to_published(state))
        said_total, said_averaged = re.search(r"# parameters (\d+) \(of which (\d+)", block).groups()
        assert sum(tensor.numel() for tensor in state.values()) == int(said_total)
        assert sum(state[name].numel() for name in averaged) == int(said_averaged)
