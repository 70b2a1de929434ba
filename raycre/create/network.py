"""What training, evaluation and prediction ask of a model of regions: CREATE's own network, or a baseline.

Knows no model in particular; the table of them is in networks.py.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from raycre.create.loss_weights import Weights


class Step(NamedTuple):
    """The loss of one batch.

    total: float32 (), what is minimised. terms: its parts, unweighted, each (). perplexity: float32 (),
    effective number of codes in use; NaN where there is no codebook.
    """

    total: Tensor
    terms: dict[str, Tensor]
    perplexity: Tensor


class Network(nn.Module):
    """A model that classes regions.

    Input x everywhere: float32 (n, rows, 1000), rows A, C, G, T, openness, loops of `modalities` in that
    order, tracks as logarithms (`augment.to_input`).

    Attributes:
        kind: its name in a configuration, a row of `networks.BUILDERS`.
        modalities: what it reads.
        log_openness: whether it takes openness as a logarithm.
    """

    kind: ClassVar[str]
    modalities: tuple[str, ...]
    log_openness: bool = True

    def losses(self, x: Tensor, labels: Tensor, weights: Weights, warming_up: bool) -> Step:
        """Run a batch in the model's present mode.

        Args:
            x: float32 (n, rows, 1000).
            labels: int64 (n,).
            weights: of CREATE's terms; a baseline has a cross-entropy and takes no notice.
            warming_up: the phase before the classifier is trained.
        """
        raise NotImplementedError

    def classify(self, x: Tensor) -> Tensor:
        """x → logits: float32 (n, classes)."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What `networks.rebuild` needs to make such a network again, ready for JSON."""
        raise NotImplementedError
