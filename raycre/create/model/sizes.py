"""How large a CREATE network is, and which of two ways it is built where paper and code differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from annotated_types import Gt, Lt

from raycre.bounds import NotNegativeNumber, Positive
from raycre.create.layers.codebook import SMOOTHING, UPDATE_RATIO
from raycre.create.layout import CLASSES
from raycre.errors import ConfigError


@dataclass(frozen=True)
class Sizes:
    """Widths of the network; the defaults are the paper's (K = 200, M = 16, embedding 128)."""

    sequence: int = 256  # channels of the sequence encoder
    signal: int = 128  # channels of the accessibility encoder, and of the loops encoder
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


@dataclass(frozen=True)
class Codebook:
    """The split quantiser where it is another than that of the size; None takes the size's value."""

    K: Positive | None = None
    M: Positive | None = None
    mu: Annotated[float, Gt(0), Lt(1)] | None = None

    def put_into(self, sizes: Sizes) -> Sizes:
        """Return the sizes with this codebook."""
        return replace(
            sizes,
            codes=self.K or sizes.codes,
            splits=self.M or sizes.splits,
            update_ratio=self.mu or sizes.update_ratio,
        )


@dataclass(frozen=True)
class Structure:
    """The network where the paper's text and the authors' code differ; defaults: the code.

    pointwise: a convolution of kernel 1 between encoder and quantiser. Without it the last encoder has as
        many channels as the embedding.
    upsample_first: decoders up-sample and then deconvolve. The text has them the other way round; its
        lengths then do not add up to 1,000 bp, so that order up-samples to the length that the encoder
        had there (our reading).
    base_norm: batch norm before the sigmoid of the bases.
    smoothing: Laplace ε of the codes' counts; 0 for eq. 7-9 as printed.
    log_openness: openness enters as log10(mean + 1), or as the mean itself.
    latent: "discrete" is the codebook; "continuous" a normal distribution in its place, CREATE (VAE).
    """

    pointwise: bool = True
    upsample_first: bool = True
    base_norm: bool = True
    smoothing: NotNegativeNumber = SMOOTHING
    log_openness: bool = True
    latent: Literal["discrete", "continuous"] = "discrete"


Size = Literal["paper", "small", "tiny"]
SIZES: dict[str, Sizes] = {
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
