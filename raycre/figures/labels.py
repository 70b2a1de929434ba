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
    trained, left_out, overlaps = labels["trained"], labels["left_out"], labels["overlaps"]
    dropped = overlaps["dropped"]
    rows: list[list[Cell]] = [
        [c, trained.get(c, "not trained"), left_out.get(c, 0), dropped.get(c, 0)] for c in CLASSES
    ]
    caption = "Labelled regions by class."
    if len(trained) < len(CLASSES):
        caption += (
            " A class that is not trained has no probability, no cutoff and no call: its columns are null."
        )
    columns = ["class", "regions trained on", "left out by inputs.classes", "dropped for overlap"]
    if record.get("class_weights"):
        by_fold = list(record["class_weights"].values())
        columns.append("weight in the loss")
        for row in rows:
            known = [weights[row[0]] for weights in by_fold if row[0] in weights]
            row.append(sum(known) / len(known) if known else None)
        caption += " Weights are means over folds; each fold has those of its own training set."
    blocks: list[Block] = [Table(caption, columns, rows)]
    if overlaps["pairs"]:
        done = "both were dropped" if overlaps["rule"] == "drop" else "they were kept, each pair in one fold"
        caption = f"Pairs of regions of two classes whose 1-kb windows share bases; {done}."
        blocks.append(Table(caption, ["classes", "pairs"], list(overlaps["pairs"].items())))
    return blocks
