"""CREATE's network: one encoder per modality, split quantiser, decoders, classifier.

Knows nothing of training, or of where windows come from. By default it is built as the published
weights have it; `Structure` has what the paper's text says instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.layers.blocks import (
    convolve,
    deconvolve_upsample,
    max_pool,
    pieces,
    prepared,
    upsample_deconvolve,
)
from raycre.create.layers.fast_dropout import Dropout
from raycre.create.layers.gaussian import GaussianLatent
from raycre.create.layers.quantizer import SplitQuantizer
from raycre.create.layout import MODALITIES, ROWS, WIDTH, check_modalities
from raycre.create.model.declaration import RegionModel
from raycre.create.model.loss_weights import Weights
from raycre.create.model.losses import terms, total
from raycre.create.model.network import Network, Step
from raycre.create.model.output import Output
from raycre.create.model.sizes import SIZES, Sizes, Structure
from raycre.errors import RaycreError

KERNEL = 8  # bp or positions, every encoder convolution but the pointwise one (Methods, "Model training")
DECODER_KERNEL = 9  # authors' code; the paper gives none
BRANCH_POOL, BRANCH_STRIDE = 5, 4  # overlapping pool of the modality encoders
POOL2, POOL3 = 4, 2
UPSAMPLING = (2, 4, 4)  # of decoder 3, 2 and the heads: undoes the pools
POSITIONS = 26  # L', positions of the latent embedding of 1,000 bp
LENGTHS = (60, 248, WIDTH)  # positions after encoder 2, after the modality encoders, and of the input
# Ours: see `_open_head`. The paper gives no initial weights, the authors' code leaves them to torch.
HEAD_SCALE, HEAD_BIAS = 0.1, 0.5


class Branch(nn.Module):
    """Encoder of one modality: (n, 1000, rows) → (n, 248, channels)."""

    def __init__(self, rows: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(rows, channels, KERNEL)
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(channels)

    def forward(self, rows: Tensor) -> Tensor:
        # The pool before ReLU: the same values and gradients, on fewer positions.
        pooled = max_pool(convolve(rows, self.conv.weight, self.conv.bias), BRANCH_POOL, BRANCH_STRIDE)
        output: Tensor = self.norm(self.dropout(F.relu(pooled)))
        return output


class Create(Network):
    """CREATE over any subset of the modalities."""

    kind: ClassVar[str] = "create"
    last_layer: ClassVar[str] = "classifier3"

    def __init__(
        self,
        sizes: Sizes | None = None,
        modalities: Sequence[str] = MODALITIES,
        structure: Structure | None = None,
    ) -> None:
        super().__init__()
        sizes = sizes if sizes is not None else Sizes()
        structure = structure if structure is not None else Structure()
        if not structure.pointwise:
            sizes = replace(sizes, encoder3=sizes.embedding)
        self.sizes, self.modalities, self.structure = sizes, check_modalities(modalities), structure
        self.log_openness = structure.log_openness
        self.rows = [ROWS[name] for name in self.modalities]
        widths = [sizes.sequence if name == "sequence" else sizes.signal for name in self.modalities]
        self.branches = nn.ModuleDict(
            {
                name: Branch(rows, width, sizes.branch_dropout)
                for name, rows, width in zip(self.modalities, self.rows, widths, strict=True)
            }
        )
        self.integration = nn.Linear(sum(widths), sum(widths))
        self.encoder2 = nn.Conv1d(sum(widths), sizes.encoder2, KERNEL)
        self.encoder3 = nn.Conv1d(sizes.encoder2, sizes.encoder3, KERNEL)
        pointwise = structure.pointwise
        self.to_embedding = nn.Linear(sizes.encoder3, sizes.embedding) if pointwise else nn.Identity()
        self.quantizer: SplitQuantizer | GaussianLatent
        if structure.latent == "discrete":
            self.quantizer = SplitQuantizer(
                sizes.codes, sizes.splits, sizes.embedding, sizes.update_ratio, sizes.initial_count,
                structure.smoothing,
            )  # fmt: skip
        else:
            self.quantizer = GaussianLatent(sizes.embedding)
        self.decoder3 = nn.ConvTranspose1d(sizes.embedding, sizes.decoder3, DECODER_KERNEL)
        self.decoder2 = nn.ConvTranspose1d(sizes.decoder3, sizes.decoder2, DECODER_KERNEL)
        self.heads = nn.ModuleDict(
            {
                name: nn.ConvTranspose1d(sizes.decoder2, rows, DECODER_KERNEL)
                for name, rows in zip(self.modalities, self.rows, strict=True)
            }
        )
        for name in self.modalities:
            if name != "sequence":
                _open_head(self.heads[name])
        if "sequence" in self.modalities:
            self.base_norm = nn.BatchNorm1d(ROWS["sequence"]) if structure.base_norm else nn.Identity()
        self.dropout = Dropout(sizes.encoder_dropout)
        self.classifier_dropout = Dropout(sizes.classifier_dropout)
        self.classifier1 = nn.Linear(POSITIONS * sizes.embedding, sizes.classifier[0])
        self.classifier2 = nn.Linear(sizes.classifier[0], sizes.classifier[1])
        self.classifier3 = nn.Linear(sizes.classifier[1], sizes.classes)

    def integrate(self, x: Tensor) -> Tensor:
        """Encode each modality and mix their channels: x → float32 (n, 248, channels)."""
        if x.shape[1:] != (sum(self.rows), WIDTH):
            raise RaycreError(
                f"input of shape {tuple(x.shape)}; {'+'.join(self.modalities)} takes "
                f"(n, {sum(self.rows)}, {WIDTH})"
            )
        parts = x.split(self.rows, dim=1)
        encoded = [
            self.branches[name](part.transpose(1, 2).contiguous())
            for name, part in zip(self.modalities, parts, strict=True)
        ]
        output: Tensor = self.dropout(F.relu(self.integration(torch.cat(encoded, dim=2))))
        return output

    def encode(self, x: Tensor) -> Tensor:
        """x → z_e: float32 (n, 26, embedding), the latent embedding before quantisation."""
        encoder2, encoder3 = prepared(self.encoder2), prepared(self.encoder3)
        found = []
        for part in pieces(x, self.integration.out_features * WIDTH):
            coarse = self.dropout(F.relu(max_pool(encoder2(self.integrate(part)), POOL2, POOL2)))
            deep = self.dropout(F.relu(max_pool(encoder3(coarse), POOL3, POOL3)))
            found.append(self.to_embedding(deep))
        return torch.cat(found)

    def head(self, z_q: Tensor) -> Tensor:
        """Quantised embedding (n, 26, embedding) → logits: float32 (n, classes)."""
        hidden = F.relu(self.classifier1(self.classifier_dropout(z_q.flatten(1))))
        hidden = F.relu(self.classifier2(self.classifier_dropout(hidden)))
        output: Tensor = self.classifier3(self.classifier_dropout(hidden))
        return output

    def decode(self, z_q: Tensor) -> Tensor:
        """Quantised embedding (n, 26, embedding) → `recon` of Output."""
        steps = UPSAMPLING if self.structure.upsample_first else LENGTHS
        decode = _upsample_first if self.structure.upsample_first else _deconvolve_first
        coarse = F.relu(decode(z_q, steps[0], self.decoder3))
        fine = F.relu(decode(coarse, steps[1], self.decoder2))
        rows = decode(fine, steps[2], *(self.heads[name] for name in self.modalities)).transpose(1, 2)
        n_bases = self.rows[0] if "sequence" in self.modalities else 0
        tracks = F.relu(rows[:, n_bases:])
        return torch.cat([self.base_norm(rows[:, :n_bases]), tracks], dim=1) if n_bases else tracks

    def classify(self, x: Tensor) -> Tensor:
        """x → logits: float32 (n, classes); nothing is decoded."""
        return self.head(self.quantizer(self.encode(x)).z_q)

    def forward(self, x: Tensor) -> Output:
        """Run every part; in training mode the codebook moves by one step."""
        z_e = self.encode(x)
        z_q, codes, commitment, perplexity = self.quantizer(z_e)
        return Output(self.head(z_q), self.decode(z_q), z_e, z_q, codes, commitment, perplexity)

    def losses(
        self,
        x: Tensor,
        labels: Tensor,
        weights: Weights,
        warming_up: bool,
        by_class: Tensor | None = None,
    ) -> Step:
        """The loss of one batch (eq. 11); while warming up, reconstruction and encoder error alone."""
        if warming_up:
            weights = replace(weights, reconstruction=1.0, classification=0.0)
        if "silencer" not in self.classes:
            weights = replace(weights, focal_silencer=0.0)  # silencer against the rest: there is none
        output = self(x)
        found = terms(output, x, labels, self.modalities, weights, self.weight_tensors(), by_class)
        return Step(total(found, weights), found, output.perplexity)

    def describe(self) -> dict[str, Any]:
        """Sizes, modalities and structure."""
        return {
            "sizes": asdict(self.sizes),
            "modalities": list(self.modalities),
            "structure": asdict(self.structure),
        }

    @classmethod
    def from_description(cls, facts: dict[str, Any]) -> Create:
        """The inverse of `describe`; a description without a structure is of the default one."""
        sizes = Sizes(**{**facts["sizes"], "classifier": tuple(facts["sizes"]["classifier"])})
        return cls(sizes, tuple(facts["modalities"]), Structure(**facts.get("structure", {})))

    def weight_tensors(self) -> list[Tensor]:
        """Every tensor named weight, and the codebook: what the authors' norm penalty covers."""
        weights = [tensor for name, tensor in self.named_parameters() if name.endswith("weight")]
        codebook = [self.quantizer.codebook] if isinstance(self.quantizer, SplitQuantizer) else []
        return [*weights, *codebook]


@torch.no_grad()
def _open_head(head: nn.Module) -> None:
    """Make the head of a track start above zero at every position.

    A track has one channel with a ReLU. As torch draws them, 7 of 20 heads at the paper's sizes and 14 of 40
    at `tiny` are below zero in 95 % of positions or more. There they get no gradient: decoded is zero.
    """
    head.get_parameter("weight").mul_(HEAD_SCALE)
    head.get_parameter("bias").fill_(HEAD_BIAS)


def _upsample_first(x: Tensor, factor: int, *layers: nn.Module) -> Tensor:
    """Up-sample and deconvolve by all layers at once; their outputs lie side by side in the channels."""
    return upsample_deconvolve(x, *_joined(layers), factor)


def _deconvolve_first(x: Tensor, length: int, *layers: nn.Module) -> Tensor:
    """Deconvolve by all layers at once, then up-sample to `length` positions."""
    return deconvolve_upsample(x, *_joined(layers), length)


def _joined(layers: Sequence[nn.Module]) -> tuple[Tensor, Tensor]:
    kernel = torch.cat([layer.get_parameter("weight") for layer in layers], dim=1)
    return kernel, torch.cat([layer.get_parameter("bias") for layer in layers])


MODEL = RegionModel(
    name=Create.kind,
    summary="the model of the paper: a split-codebook VQ-VAE with a classifier",
    make=lambda size, modalities, n: Create(replace(SIZES[size], classes=n), modalities),
    rebuild=Create.from_description,
)
