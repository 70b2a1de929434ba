"""How a fold is trained (CREATE Methods, "Model training"): every setting, its default and its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Lt

from raycre.bounds import NotNegative, NotNegativeNumber, Positive, PositiveNumber, Share
from raycre.create.layout import CLASSES
from raycre.create.model.loss_weights import AUTHORS_CODE, LossWeights
from raycre.create.views import EVAL_RATIO, RATIOS, STRIDE, flank
from raycre.errors import ConfigError


@dataclass(frozen=True)
class Folds:
    """Cross-validation: n folds, 8:1:1 at ten; `only` trains some of them."""

    n: Annotated[int, Ge(3)] = 10
    by: Literal["stratified", "chromosome"] = "stratified"
    only: tuple[int, ...] | None = None

    @property
    def trained(self) -> Sequence[int]:
        """Numbers of the folds to train."""
        return range(self.n) if self.only is None else self.only


@dataclass(frozen=True)
class Recipe:
    """How a fold is trained; the defaults are the paper's, and the authors' code's for what it adds.

    Attributes:
        epochs: at most.
        warmup_epochs: reconstruction and encoder error only (authors' code; none in the paper).
        batch_size: windows.
        learning_rate: of the optimiser at the start. warmup_rate, warmup_decay: in warm-up, if others.
        schedule: "constant" (paper), or "plateau": halved when the training loss has not fallen for
            PLATEAU_PATIENCE epochs (authors' code).
        optimizer: "adam" (both); the others are for baselines as published.
        momentum: of sgd. decay: learning rate / (1 + decay · steps); warm-up counts its own steps.
        weight_decay: L2 in the gradient.
        max_norm: largest L2 norm of a row of any convolution or linear weight after a step; None: free.
        patience: epochs without a gain in validation auPRC, counted after warm-up, that end the fold.
        stop_from: no fold ends early before this epoch (200 in the authors' code; 0 in the paper).
        score_warmup: validate in warm-up too; a later epoch must beat those scores to be kept
            (authors' code).
        drop_last: leave out the windows after the last whole batch of an epoch (authors' code).
        balance: of classes that are not equally many: "shifts", as `ratios` says (paper); "weights" in the
            cross-entropy (losses.class_weights); or "none". The last two go with one ratio for all.
        ratios: shifts by class in training. eval_ratio: shifts in validation and test.
        stride: bp between shifts.
        keep: share of each class's training regions that are used (fewer silencers, less background).
            Validation and test stay as they are.
        strands: reverse complements of "every" shift (authors' code) or of the "original" window only
            (as the paper can be read), in training.
        precision: "float32", or "bfloat16" for the forward pass where the device has it.
        weights: of the loss's terms.
    """

    epochs: Positive = 300
    warmup_epochs: NotNegative = 50
    batch_size: Positive = 1024
    learning_rate: PositiveNumber = 5e-5
    warmup_rate: PositiveNumber | None = None
    warmup_decay: NotNegativeNumber | None = None
    schedule: Literal["constant", "plateau"] = "constant"
    optimizer: Literal["adam", "sgd", "rmsprop"] = "adam"
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.0
    decay: NotNegativeNumber = 0.0
    weight_decay: NotNegativeNumber = 0.0
    max_norm: PositiveNumber | None = None
    patience: Positive = 20
    stop_from: NotNegative = 0
    score_warmup: bool = False
    drop_last: bool = True
    balance: Literal["shifts", "weights", "none"] = "shifts"
    ratios: tuple[Positive, Positive, Positive, Positive, Positive] = RATIOS
    eval_ratio: Positive = EVAL_RATIO
    stride: Positive = STRIDE
    strands: Literal["every", "original"] = "every"
    precision: Literal["float32", "bfloat16"] = "float32"
    keep: tuple[Share, Share, Share, Share, Share] = (1.0, 1.0, 1.0, 1.0, 1.0)
    weights: LossWeights = AUTHORS_CODE

    def __post_init__(self) -> None:
        if not 0 <= self.warmup_epochs < self.epochs:
            raise ConfigError(
                f"warm-up must leave some of the {self.epochs} epochs for the classes",
                value=self.warmup_epochs,
            )
        if min(self.batch_size, self.patience, self.learning_rate) <= 0:
            raise ConfigError("batch_size, patience and learning_rate must be positive")
        if len(self.ratios) != len(CLASSES):
            raise ConfigError(f"one ratio for each of {', '.join(CLASSES)}", value=self.ratios)
        if len(self.keep) != len(CLASSES) or not all(0 < share <= 1 for share in self.keep):
            raise ConfigError(
                f"keep is a share above 0 and up to 1 for each of {', '.join(CLASSES)}", value=self.keep
            )

    def rate_at(self, epoch: int, batch: int, batches: int) -> float:
        """Learning rate of a step, before the plateau's factor; each phase counts its own steps."""
        warming_up = epoch < self.warmup_epochs
        rate, decay, first = self.learning_rate, self.decay, self.warmup_epochs
        if warming_up:
            rate = rate if self.warmup_rate is None else self.warmup_rate
            decay, first = decay if self.warmup_decay is None else self.warmup_decay, 0
        return rate / (1 + decay * ((epoch - first) * batches + batch))

    @property
    def flank(self) -> int:
        """Bp that the data's windows need on each side."""
        return flank(max(*self.ratios, self.eval_ratio), self.stride)
