"""CREATE's network: one encoder per modality, split quantiser, decoders, classifier.

Knows nothing of losses, of training, or of where windows come from. It is built as the published
weights have it (the authors' code), which adds to the paper's text: a pointwise convolution before
quantisation, up-sampling *before* each transposed convolution, batch norm before the bases' sigmoid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.layers import convolve, max_pool, upsample_deconvolve
from raycre.create.layout import CLASSES, MODALITIES, ROWS, WIDTH, check_modalities
from raycre.create.quantizer import UPDATE_RATIO, SplitQuantizer
from raycre.errors import ConfigError, RaycreError

KERNEL = 8  # bp or positions, every encoder convolution but the pointwise one (Methods, "Model training")
DECODER_KERNEL = 9  # authors' code; the paper gives none
BRANCH_POOL, BRANCH_STRIDE = 5, 4  # overlapping pool of the modality encoders
POOL2, POOL3 = 4, 2
UPSAMPLING = (2, 4, 4)  # of decoder 3, 2 and the heads: undoes the pools
POSITIONS = 26  # L', positions of the latent embedding of 1,000 bp


@dataclass(frozen=True)
class Sizes:
    """Widths of the network; the defaults are the paper's (K = 200, M = 16, embedding 128)."""

    sequence: int = 256  # channels of the sequence encoder
    signal: int = 128  # channels of the openness encoder, and of the loops encoder
    encoder2: int = 384
    encoder3: int = 128
    embedding: int = 128
    decoder3: int = 200
    decoder2: int = 200
    codes: int = 200  # K
    splits: int = 16  # M
    classifier: tuple[int, int] = (1024, 512)
    classes: int = len(CLASSES)
    branch_dropout: float = 0.1
    encoder_dropout: float = 0.5
    classifier_dropout: float = 0.5
    update_ratio: float = UPDATE_RATIO  # μ
    initial_count: float = 0.0  # see SplitQuantizer

    def __post_init__(self) -> None:
        if self.embedding % self.splits:
            raise ConfigError(f"embedding {self.embedding} cannot be cut in M equal parts", value=self.splits)


SIZES = {
    "paper": Sizes(),
    "small": Sizes(
        sequence=64, signal=32, encoder2=96, encoder3=64, embedding=64, decoder3=48, decoder2=48,
        codes=100, splits=8, classifier=(256, 128), initial_count=1.0,
    ),
    # For tests and a two-core demo: a step of 64 windows in tens of milliseconds, little data to learn from.
    "tiny": Sizes(
        sequence=32, signal=4, encoder2=24, encoder3=24, embedding=32, decoder3=12, decoder2=12,
        codes=50, splits=4, classifier=(64, 32), branch_dropout=0.0, encoder_dropout=0.0,
        classifier_dropout=0.1, update_ratio=0.1, initial_count=1.0,
    ),
}  # fmt: skip


class Output(NamedTuple):
    """One forward pass over n windows.

    logits: float32 (n, classes).
    recon: float32 (n, rows, 1000), rows as the input's. The base rows are logits (their sigmoid is the
        reconstruction: a loss on logits stays finite), openness and loops are in the input's units.
    z_e, z_q: float32 (n, 26, embedding), before and after quantisation.
    codes: int64 (n, 26, splits).
    commitment, perplexity: float32 (), see Quantized.
    """

    logits: Tensor
    recon: Tensor
    z_e: Tensor
    z_q: Tensor
    codes: Tensor
    commitment: Tensor
    perplexity: Tensor


class Branch(nn.Module):
    """Encoder of one modality: (n, 1000, rows) → (n, 248, channels)."""

    def __init__(self, rows: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(rows, channels, KERNEL)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(channels)

    def forward(self, rows: Tensor) -> Tensor:
        return self.norm(self.dropout(_encode(rows, self.conv, BRANCH_POOL, BRANCH_STRIDE)))


class Create(nn.Module):
    """CREATE over any subset of the modalities.

    Input x everywhere: float32 (n, rows, 1000), rows A, C, G, T, openness, loops of the chosen
    modalities in that order, tracks as logarithms (`augment.to_input`).
    """

    def __init__(self, sizes: Sizes | None = None, modalities: Sequence[str] = MODALITIES) -> None:
        super().__init__()
        sizes = sizes if sizes is not None else Sizes()
        self.sizes, self.modalities = sizes, check_modalities(modalities)
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
        self.to_embedding = nn.Linear(sizes.encoder3, sizes.embedding)
        self.quantizer = SplitQuantizer(
            sizes.codes, sizes.splits, sizes.embedding, sizes.update_ratio, sizes.initial_count
        )
        self.decoder3 = nn.ConvTranspose1d(sizes.embedding, sizes.decoder3, DECODER_KERNEL)
        self.decoder2 = nn.ConvTranspose1d(sizes.decoder3, sizes.decoder2, DECODER_KERNEL)
        self.heads = nn.ModuleDict(
            {
                name: nn.ConvTranspose1d(sizes.decoder2, rows, DECODER_KERNEL)
                for name, rows in zip(self.modalities, self.rows, strict=True)
            }
        )
        if "sequence" in self.modalities:
            self.base_norm = nn.BatchNorm1d(ROWS["sequence"])
        self.dropout = nn.Dropout(sizes.encoder_dropout)
        self.classifier_dropout = nn.Dropout(sizes.classifier_dropout)
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
        return self.dropout(F.relu(self.integration(torch.cat(encoded, dim=2))))

    def encode(self, x: Tensor) -> Tensor:
        """x → z_e: float32 (n, 26, embedding), the latent embedding before quantisation."""
        coarse = self.dropout(_encode(self.integrate(x), self.encoder2, POOL2, POOL2))
        deep = self.dropout(_encode(coarse, self.encoder3, POOL3, POOL3))
        return self.to_embedding(deep)

    def head(self, z_q: Tensor) -> Tensor:
        """Quantised embedding (n, 26, embedding) → logits: float32 (n, classes)."""
        hidden = F.relu(self.classifier1(self.classifier_dropout(z_q.flatten(1))))
        hidden = F.relu(self.classifier2(self.classifier_dropout(hidden)))
        return self.classifier3(self.classifier_dropout(hidden))

    def decode(self, z_q: Tensor) -> Tensor:
        """Quantised embedding (n, 26, embedding) → `recon` of Output."""
        up3, up2, up1 = UPSAMPLING
        coarse = F.relu(_decode(z_q, up3, self.decoder3))
        fine = F.relu(_decode(coarse, up2, self.decoder2))
        rows = _decode(fine, up1, *(self.heads[name] for name in self.modalities)).transpose(1, 2)
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

    def weight_tensors(self) -> list[Tensor]:
        """Every tensor named weight, and the codebook: what the authors' norm penalty covers."""
        weights = [tensor for name, tensor in self.named_parameters() if name.endswith("weight")]
        return [*weights, self.quantizer.codebook]


def _encode(x: Tensor, conv: nn.Conv1d, width: int, stride: int) -> Tensor:
    """Convolve, pool, ReLU: the same values and gradients as ReLU before the pool, on fewer positions."""
    return F.relu(max_pool(convolve(x, conv.weight, conv.bias), width, stride))


def _decode(x: Tensor, factor: int, *layers: nn.Module) -> Tensor:
    """Up-sample and deconvolve by all layers at once; their outputs lie side by side in the channels."""
    kernel = torch.cat([layer.get_parameter("weight") for layer in layers], dim=1)
    bias = torch.cat([layer.get_parameter("bias") for layer in layers])
    return upsample_deconvolve(x, kernel, bias, factor)
