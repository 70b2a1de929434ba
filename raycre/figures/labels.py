"""Which labels a training used and which it left out, as tables for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raycre.figures.blocks import Block, Cell, Table
from raycre.genome.classes import CLASSES


def labels_tables(record: Mapping[str, Any]) -> list[Block]:
    """Return the labels by class; nothing for a run of a version that did not note them.

    Args:
        record: run.json of a training.
    """
    labels = record.get("labels")
    if not labels:
        return []
    trained, left_out = labels["trained"], labels["left_out"]
    rows: list[list[Cell]] = [[c, trained.get(c, "not trained"), left_out.get(c, 0)] for c in CLASSES]
    caption = "Labelled regions by class."
    if len(trained) < len(CLASSES):
        caption += (
            " A class that is not trained has no probability, no cutoff and no call: its columns are null."
        )
    return [Table(caption, ["class", "regions trained on", "left out by inputs.classes"], rows)]
