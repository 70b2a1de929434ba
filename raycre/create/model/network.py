"""What training, evaluation and prediction ask of a model of regions: CREATE's own network, or a baseline.

The models are named in names.py; each declares itself at the end of its own file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from raycre.create.layout import CLASSES
from raycre.create.model.loss_weights import Weights
from raycre.errors import CheckpointError, LabelError


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
    order, tracks as logarithms (`inputs.to_input`).

    Attributes:
        kind: its name in a configuration, a row of names.py.
        modalities: what it reads.
        classes: those that it was trained on, in the order of `CLASSES`: one logit each. Softmax and loss
            are over them alone.
        last_layer: name of the module that gives the logits.
        log_openness: whether it takes openness as a logarithm.
    """

    kind: ClassVar[str]
    last_layer: ClassVar[str] = "head"
    modalities: tuple[str, ...]
    classes: tuple[str, ...] = CLASSES
    log_openness: bool = True

    def losses(
        self,
        x: Tensor,
        labels: Tensor,
        weights: Weights,
        warming_up: bool,
        by_class: Tensor | None = None,
    ) -> Step:
        """Run a batch in the model's present mode.

        Args:
            x: float32 (n, rows, 1000).
            labels: int64 (n,), position in `classes`.
            weights: of CREATE's terms; a baseline has a cross-entropy and takes no notice.
            warming_up: the phase before the classifier is trained.
            by_class: float32 (classes,), weights of the classes in the cross-entropy. It is given only where
                the recipe balances classes so.
        """
        raise NotImplementedError

    def classify(self, x: Tensor) -> Tensor:
        """x → logits: float32 (n, classes)."""
        raise NotImplementedError

    def outputs_of(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Position in `classes` of labels, integer (n,), that are positions in `CLASSES`: int64 (n,).

        Raises:
            LabelError: a label of a class that the network does not have.
        """
        place = np.full(len(CLASSES), -1, np.int64)
        place[[CLASSES.index(name) for name in self.classes]] = np.arange(len(self.classes))
        found: NDArray[np.int64] = place[labels]
        if (found < 0).any():
            name = CLASSES[int(labels[found < 0][0])]
            raise LabelError(f"the network is of {', '.join(self.classes)}, not of this class", value=name)
        return found

    def describe(self) -> dict[str, Any]:
        """What `declaration.rebuild` needs to make such a network again, ready for JSON."""
        raise NotImplementedError


def columns_of(probabilities: Tensor, classes: Sequence[str]) -> Tensor:
    """Probabilities of all five classes, (n, 5), from those of `classes`: (n, classes).

    NaN stands where a class was not trained: the model says nothing of it, which is not 0.

    Raises:
        CheckpointError: not one column for each of `classes`.
    """
    if tuple(classes) == CLASSES:
        return probabilities
    if probabilities.shape[1] != len(classes):
        raise CheckpointError(
            f"the model has {probabilities.shape[1]} outputs and names {len(classes)} classes; its weights "
            "are damaged",
            value=", ".join(classes),
        )
    columns = probabilities.new_full((len(probabilities), len(CLASSES)), math.nan)
    columns[:, [CLASSES.index(name) for name in classes]] = probabilities
    return columns
