"""Which classes a training has, which of its labels are left out, and what is noted and said of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from raycre.config import TrainConfig
from raycre.config.models import TrainInputs
from raycre.create.layout import CLASSES
from raycre.engine.inputs import say_dropped
from raycre.engine.progress import say
from raycre.errors import LabelError
from raycre.genome.classes import trained_classes
from raycre.genome.regions import Regions
from raycre.store.run import Run


class Labelled(NamedTuple):
    """Labelled regions that go into a training.

    Attributes:
        table: region_id, chrom, start, end, name, strand, source, label, fold.
        counts: regions read, dropped by each rule, and kept.
        classes: those that are trained, in the order of `CLASSES`.
        n_left_out: regions read of each class that is not trained.
    """

    table: pd.DataFrame
    counts: dict[str, int]
    classes: tuple[str, ...]
    n_left_out: dict[str, int]

    def settle(self, config: TrainConfig) -> TrainConfig:
        """Return the configuration with the classes that it comes to."""
        inputs = config.inputs.model_copy(update={"classes": self.classes})
        return config.model_copy(update={"inputs": inputs})

    def note(self, run: Run) -> None:
        """Write to run.json which labels are trained on and which are left out."""
        found = np.bincount(self.table["label"], minlength=len(CLASSES))
        run.note(
            regions=self.counts,
            labels={
                "trained": {c: int(found[CLASSES.index(c)]) for c in self.classes},
                "left_out": self.n_left_out,
            },
        )

    def say(self, loops_dropped: int) -> None:
        """Tell the person what was left out, and which classes have no column of their own."""
        say_dropped("labelled regions", self.counts, loops_dropped)
        missing = [c for c in CLASSES if c not in self.classes]
        if missing:
            left_out = ", ".join(f"{n:,} {c}" for c, n in self.n_left_out.items())
            why = f"inputs.classes leaves out {left_out}" if left_out else "the labels hold no others"
            say(
                f"classes trained: {', '.join(self.classes)} ({why}); the columns of {', '.join(missing)} "
                "stay empty"
            )


def choose_classes(inputs: TrainInputs, n_of_class: tuple[int, ...]) -> tuple[str, ...]:
    """Return the classes to train: those that are asked for, else those that the labels hold.

    Args:
        inputs: of the training.
        n_of_class: rows of each class in the file of labels.

    Raises:
        LabelError: a class that the labels lack; or, where none is asked for, no background or nothing else.
    """
    held = tuple(c for c, n in zip(CLASSES, n_of_class, strict=True) if n)
    if inputs.classes is None:
        try:
            return trained_classes(held)
        except ValueError:
            raise LabelError(
                f"the labels hold {', '.join(held) or 'no class'}; training needs background and one class "
                "more: add such regions",
                path=inputs.labels,
            ) from None
    for name in inputs.classes:
        if name not in held:
            raise LabelError(
                f"inputs.classes: the labels have no region of it; they hold {', '.join(held)}",
                path=inputs.labels,
                value=name,
            )
    return inputs.classes


def keep_classes(found: Regions, classes: tuple[str, ...]) -> tuple[Regions, dict[str, int]]:
    """Leave out regions of other classes; return how many rows of each class they were in the file."""
    chosen = [CLASSES.index(name) for name in classes]
    table = found.table[found.table["label"].isin(chosen)].reset_index(drop=True)
    left_out = {c: n for c, n in zip(CLASSES, found.n_of_class, strict=True) if n and c not in classes}
    return found._replace(table=table), left_out


def check_every_class(
    table: pd.DataFrame, classes: tuple[str, ...], counts: Mapping[str, Any], path: Any
) -> None:
    """Raise where nothing is left of a class that is trained.

    Raises:
        LabelError: the class, and what was dropped by which rule.
    """
    found = np.bincount(table["label"], minlength=len(CLASSES))
    for name in classes:
        if not found[CLASSES.index(name)]:
            rules = ", ".join(f"{k.replace('_', ' ')}: {n:,}" for k, n in counts.items() if k != "kept" and n)
            raise LabelError(
                f"no region of class {name} is left of all that the file holds ({rules}); look at these "
                "rules, or leave the class out of inputs.classes",
                path=path,
            )
