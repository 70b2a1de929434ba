"""What a configuration may say of each model that can be trained: CREATE and its baselines, by name.

Names and numbers only, so that a configuration is checked without loading PyTorch. How each is built is in
`networks.BUILDERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raycre.create.layout import MODALITIES

# What CREATE's recipe has and no baseline's authors had. None of them left out a last, smaller batch as far
# as their sources show (inferred).
_NO_EXTRAS: dict[str, Any] = {
    "schedule": "constant",
    "stop_from": 0,
    "score_warmup": False,
    "drop_last": False,
}

# DeepSEA. Authors' code: momentum, batch, decay, L2 (in the gradient) and norm limit.
# Inferred: the learning rate. Theirs is 1, for a loss averaged over 919 outputs; a cross-entropy of five
# classes pulls some hundred times harder, and "tiny" diverged at 0.1. 300 epochs and a patience of 20 are
# CREATE's: theirs are counted in "epochs" of 110,000 samples of another data set.
# Left out: their L1 of 1e-8 on the logits, far below what the loss itself does to them.
_DEEPSEA: dict[str, Any] = {
    **_NO_EXTRAS,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "momentum": 0.9,
    "decay": 8e-7,
    "weight_decay": 1e-6,
    "max_norm": 0.9,
    "batch_size": 16,
}

# DanQ. Authors' code: RMSprop, batch, epochs, patience (of the validation loss there, of auPRC here).
# Inferred: its rate of 0.001, the library's default of the time (ρ and ε stand in schedule.py).
_DANQ: dict[str, Any] = {
    **_NO_EXTRAS,
    "optimizer": "rmsprop",
    "learning_rate": 1e-3,
    "batch_size": 100,
    "epochs": 60,
    "patience": 5,
}

# ES-transition. Authors' code: Adam, epochs, patience (of the validation loss there, of auPRC here), 64
# windows a device.
# Inferred: its rate of 0.001, the library's default; four devices, as in the group's other scripts.
_ES_TRANSITION: dict[str, Any] = {
    **_NO_EXTRAS,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "batch_size": 256,
    "epochs": 200,
    "patience": 10,
}

# DeepICSH, inferred: ten views a region (ratio 5, both strands) ten times over are the authors' up to 100
# epochs. They stop earlier by a validation loss; here the encoder is the one at the end, as it was for them
# too.
_DEEPICSH_WARMUP = 10

# DeepICSH. Authors' code: Adam, rate, decay, batch, ten epochs for the classifier, and the best of them kept
# (by validation accuracy there, by auPRC here; patience 10 stops none of them early).
# The auto-encoder's rate and decay are theirs, too; it has the classifier's batch (theirs: 64 or 128).
_DEEPICSH: dict[str, Any] = {
    **_NO_EXTRAS,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "decay": 1e-4,
    "warmup_rate": 1e-4,
    "warmup_decay": 1e-6,
    "batch_size": 64,
    "warmup_epochs": _DEEPICSH_WARMUP,
    "epochs": _DEEPICSH_WARMUP + 10,
    "patience": 10,
}


@dataclass(frozen=True)
class Kind:
    """A row of the table.

    Attributes:
        reads: modalities that it can read.
        needs: groups of modalities; it takes at least one of each group.
        warmup_epochs: of its recipe where nothing else is said; CREATE's own is a preset's business.
        original: settings of the recipe as its authors had it, by name in `fold.Recipe`.
    """

    reads: tuple[str, ...] = MODALITIES
    needs: tuple[tuple[str, ...], ...] = (MODALITIES,)
    warmup_epochs: int = 0
    original: Mapping[str, Any] = field(default_factory=dict)


KINDS: dict[str, Kind] = {
    "create": Kind(),
    "deepsea": Kind(reads=("sequence",), original=_DEEPSEA),
    "danq": Kind(reads=("sequence",), original=_DANQ),
    "es-transition": Kind(reads=("sequence",), original=_ES_TRANSITION),
    "deepicsh": Kind(
        needs=(("sequence",), ("openness", "loops")), warmup_epochs=_DEEPICSH_WARMUP, original=_DEEPICSH
    ),
}
