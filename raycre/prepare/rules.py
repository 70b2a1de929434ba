"""What the paper leaves open in making labels, candidates and background: every choice, and the one we take.

Each default that is ours, not the paper's, says so; docs/prepare.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from raycre.bounds import NotNegative, Positive
from raycre.genome.lift_settings import MAX_LENGTH_CHANGE, MIN_MATCH

N_BACKGROUND = 20_000  # of each cell line; CREATE, Methods, "Data collection"

Centre = Literal["midpoint", "summit"]
AtEnds = Literal["drop", "shift"]
When = Literal["before_resizing", "after_resizing"]
Share = Annotated[float, Gt(0), Le(1)]
LengthChange = Annotated[float, Ge(0)]


@dataclass(frozen=True)
class LiftRules:
    """Regions of another assembly (all ours; the paper says only that UCSC's liftOver was used).

    when: whether regions are lifted before they are given their width, or windows afterwards.
    min_match: share of its bases that one chain must have.
    max_length_change: a region whose length changes by a larger share is dropped; null: none is.
    """

    when: When = "before_resizing"
    min_match: Share = MIN_MATCH
    max_length_change: LengthChange | None = MAX_LENGTH_CHANGE


@dataclass(frozen=True)
class CentreRules:
    """Round which base a region gets its width (ours); a summit that is absent is the midpoint."""

    silencers: Centre = "midpoint"
    enhancers: Centre = "midpoint"
    insulators: Centre = "summit"
    candidates: Centre = "midpoint"


@dataclass(frozen=True)
class LabelRules:
    """Labelled regions that overlap.

    overlaps: of two classes: both are dropped, or kept (that they are filtered is the paper's, both is ours).
    tested: whether whole records overlap, or their windows (ours).
    min_overlap: bp that a pair must share (ours).
    identical: windows of one class that are the same: joined into one row, or kept (ours).
    """

    overlaps: Literal["drop", "keep"] = "drop"
    tested: When = "after_resizing"
    min_overlap: Positive = 1
    identical: Literal["join", "keep"] = "join"


@dataclass(frozen=True)
class CandidateRules:
    """Candidates.

    validated: known elements that candidates must not overlap: all, or the labels that are left (ours).
    tested: whether whole peaks overlap what is known, or their windows (ours).
    overlaps: identical windows are joined, all rows are kept, or windows that share bases are merged (ours).
    """

    validated: Literal["all", "final"] = "all"
    tested: When = "after_resizing"
    overlaps: Literal["join", "keep", "merge"] = "join"


@dataclass(frozen=True)
class GeneRules:
    """What "known genes" are (ours).

    part: of the annotation's genes: the whole body, the exons, or the promoters (TSS ± 500).
    types: of which gene types (protein_coding, …); null: of all.
    """

    part: Literal["body", "exons", "promoters"] = "body"
    types: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PromoterRules:
    """Promoters from an annotation: the TSSs of transcripts of which gene types; null: of all (ours)."""

    types: tuple[str, ...] | None = None


@dataclass(frozen=True)
class BackgroundRules:
    """Random regions.

    n: how many (the paper's).
    chromosomes: where; null: those numbered, and X (ours).
    n_bases: whether N may be in them: no by default (ours; the authors' example holds such).
    candidates: candidates that they must not overlap: those that are left, or all (ours).
    """

    n: NotNegative = N_BACKGROUND
    chromosomes: tuple[str, ...] | None = None
    n_bases: Literal["avoid", "allow"] = "avoid"
    candidates: Literal["kept", "all"] = "kept"


@dataclass(frozen=True)
class Rules:
    """Every choice. `at_ends`: windows that leave their chromosome are dropped, or shifted into it (ours)."""

    at_ends: AtEnds = "drop"
    lift: LiftRules = LiftRules()
    centre: CentreRules = CentreRules()
    labels: LabelRules = LabelRules()
    promoters: PromoterRules = PromoterRules()
    candidates: CandidateRules = CandidateRules()
    genes: GeneRules = GeneRules()
    background: BackgroundRules = BackgroundRules()
