"""What a page is made of: a chapter for each run, with its label in the page, its headline and its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raycre.figures.blocks import Block
from raycre.report.grids import Grid
from raycre.report.headline import Headline


@dataclass(frozen=True)
class Chapter:
    """The part of the page about one run.

    Attributes:
        run: its folder. record: its run.json. name, verb, finished: of it.
        warnings: what a reader must know before any number.
        losses: what was refused or failed. figures: what it found. bookkeeping: how it was made.
        config: the configuration as it was understood.
    """

    run: Path
    record: Mapping[str, Any]
    name: str
    verb: str
    finished: bool
    warnings: list[str]
    losses: list[Block]
    figures: list[Block]
    bookkeeping: list[Block]
    config: str


@dataclass(frozen=True)
class Part:
    """A chapter with its label in this page, its headline, and the tables that the page holds whole."""

    chapter: Chapter
    label: str
    headline: Headline
    grids: list[Grid]
