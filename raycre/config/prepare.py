"""The configuration of `raycre prepare`: the manifest of its sources, and every choice that is ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from raycre.config.from_dataclass import keys
from raycre.config.models import Frozen, RunConfig, Verb
from raycre.genome.formats import FORMATS
from raycre.prepare.rules import (
    BackgroundRules,
    CandidateRules,
    CentreRules,
    GeneRules,
    LabelRules,
    LiftRules,
    PromoterRules,
    Rules,
)

Kind = Literal[
    "silencers", "enhancers", "promoters", "insulators", "background", "peaks", "genes", "blacklist",
    "fasta", "sizes", "chain", "accessibility", "loops",
]  # fmt: skip

_SCORED = ("silencers", "enhancers", "insulators", "background", "peaks", "blacklist")  # kinds of intervals


class SourceConfig(Frozen):
    """One file: where it is, of which assembly, and what it is for.

    `assembly` of a chain is that which it leads from; null: the run's own. A checksum that is null is
    recorded where the file is fetched first, and held to that later.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")
    kind: Kind
    path: Path | None = None
    url: str | None = None
    assembly: str | None = None
    format: str = "auto"
    min_score: float | None = None  # rows of a lower score (column 5 of BED) are left out and counted
    sha256: str | None = None
    md5: str | None = None
    size: int | None = Field(default=None, ge=1)  # bytes
    licence: str | None = None
    seen: Literal["authors", "elsewhere", "inferred"] | None = None  # how sure the address is
    note: str | None = None  # for people

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("auto", *FORMATS):
            raise ValueError(f"takes auto, {', '.join(FORMATS)}")
        return value

    @field_validator("sha256", "md5")
    @classmethod
    def _hexadecimal(cls, value: str | None, info: Any) -> str | None:
        digits = {"sha256": 64, "md5": 32}[info.field_name]
        if value is not None and not re.fullmatch(rf"[0-9a-f]{{{digits}}}", value.lower()):
            raise ValueError(f"takes {digits} hexadecimal digits")
        return None if value is None else value.lower()

    @field_validator("url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("takes an http(s) address; fetch others by hand, and give their path")
        return value

    @model_validator(mode="after")
    def _scored(self) -> Self:
        if self.min_score is not None and self.kind not in _SCORED:
            raise ValueError(f"min_score is of kind {', '.join(_SCORED)}; leave it out of {self.name}")
        return self


@keys()
class LiftRulesConfig(Frozen, LiftRules):
    """Regions of another assembly."""


@keys()
class CentreRulesConfig(Frozen, CentreRules):
    """Round which base a region gets its width."""


@keys()
class LabelRulesConfig(Frozen, LabelRules):
    """Labelled regions that overlap."""


@keys()
class PromoterRulesConfig(Frozen, PromoterRules):
    """Promoters from an annotation."""


@keys()
class CandidateRulesConfig(Frozen, CandidateRules):
    """What candidates must not overlap, and what is one candidate."""


@keys()
class GeneRulesConfig(Frozen, GeneRules):
    """What known genes are."""


@keys()
class BackgroundRulesConfig(Frozen, BackgroundRules):
    """Random regions."""


class RulesConfig(Frozen):
    """Every choice; see docs/prepare.md."""

    at_ends: Literal["drop", "shift"] = "drop"
    lift: LiftRulesConfig = LiftRulesConfig()
    centre: CentreRulesConfig = CentreRulesConfig()
    labels: LabelRulesConfig = LabelRulesConfig()
    promoters: PromoterRulesConfig = PromoterRulesConfig()
    candidates: CandidateRulesConfig = CandidateRulesConfig()
    genes: GeneRulesConfig = GeneRulesConfig()
    background: BackgroundRulesConfig = BackgroundRulesConfig()


_ALONE: Mapping[str, str] = {"fasta": "genome", "sizes": "table of sizes", "loops": "file of loops"}


class PrepareConfig(Verb):
    """`raycre prepare`."""

    run: RunConfig
    assembly: str  # of the result: hg19, hg38, or a name of one's own
    cell: str | None = None  # K562 and HepG2 have the paper's counts beside ours
    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    rules: RulesConfig = RulesConfig()
    outside: Literal["error", "drop"] = "error"  # regions on chromosomes that the genome does not have
    chrom_names: Literal["exact", "auto"] = "exact"  # auto: 1, chr1 and NC_000001.10 are one chromosome

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        names = [source.name for source in self.sources]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two sources are called {twice!r}; give one another name")
        for kind, what in _ALONE.items():
            found = [source.name for source in self.sources if source.kind == kind]
            if len(found) > 1:
                raise ValueError(f"{' and '.join(found)} are both of kind {kind}; a run has one {what}")
        if not {"fasta", "sizes"} & {source.kind for source in self.sources}:
            raise ValueError("a source of kind fasta (or sizes) says which chromosomes there are; add it")
        return self

    def rules_of(self) -> Rules:
        """Return the choices as the science has them."""
        given = self.rules
        return Rules(
            given.at_ends,
            LiftRules(**given.lift.model_dump()),
            CentreRules(**given.centre.model_dump()),
            LabelRules(**given.labels.model_dump()),
            PromoterRules(**given.promoters.model_dump()),
            CandidateRules(**given.candidates.model_dump()),
            GeneRules(**given.genes.model_dump()),
            BackgroundRules(**given.background.model_dump()),
        )

    def science(self) -> dict[str, Any]:
        """Fields that change results: of a source, what it is for; the file itself is known by its hash."""
        fields = super().science()
        fields["sources"] = {
            source.name: {
                "kind": source.kind,
                "assembly": source.assembly or self.assembly,
                "format": source.format,
                **({} if source.min_score is None else {"min_score": source.min_score}),
            }
            for source in sorted(self.sources, key=lambda source: source.name)
        }
        return fields

    def _not_science(self) -> set[str]:
        return {"sources", "cell"}
