"""What an export is asked for beside its formats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Choices of an export.

    Attributes:
        test: tests of CREME whose effects and calls are written; empty: all with one effect of each tile that
            the run has.
        gene: names or identifiers of genes; empty: all.
        track: rows or identifiers of tracks; empty: all of the run.
        every: write background regions and tiles without a call, too.
        assembly: UCSC's name of it (hg38); empty: by the lengths of chromosomes.
        email: of whom to ask about a hub, which UCSC wants in each.
    """

    test: tuple[str, ...] = ()
    gene: tuple[str, ...] = ()
    track: tuple[str, ...] = ()
    every: bool = False
    assembly: str = ""
    email: str = ""
