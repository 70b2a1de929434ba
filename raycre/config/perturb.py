"""The configuration of `raycre creme`: every key, its kind and its default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, PlainSerializer, ValidatorFunctionWrapHandler, field_validator, model_validator

from raycre.bounds import Positive
from raycre.config.backbone import BackboneConfig
from raycre.config.models import Frozen, ReplicaResources, Verb
from raycre.creme.formulas import THRESHOLDS
from raycre.creme.presets import paper_shuffles
from raycre.creme.settings import (
    COPIES,
    FINE_STAGES,
    PER_CLASS,
    ROUNDS,
    SEARCHES,
    Compat,
    ElementRule,
    FineStage,
    ReplicateRule,
)
from raycre.creme.shuffle import SHUFFLE
from raycre.creme.tests import DEFAULT_TESTS, INSTALLED, PIPELINE, TESTS, names_of_tests
from raycre.published.cache import resolve
from raycre.store.location import path_of

# A folder, a file's suffix, or what location fills in or refuses.
_LIKE_A_PATH = re.compile(r"[/\\~$*?]|://|\.(txt|tsv|csv|bed|list|genes|gz|tab|dat)$", re.IGNORECASE)

if TYPE_CHECKING:
    TestName = str
    Shuffled = str
    Thresholds = str
else:
    # Written as they are: one that Python has handed over is in no list that is made beforehand.
    _AS_IT_IS = PlainSerializer(str, return_type=str)
    TestName = Annotated[Literal[names_of_tests()], _AS_IT_IS]
    _WITH_SHUFFLES = (*paper_shuffles(), *(test for test in names_of_tests() if test not in TESTS))
    Shuffled = Annotated[Literal[_WITH_SHUFFLES], _AS_IT_IS]
    Thresholds = Literal[tuple(THRESHOLDS)]


def _is_mine(name: object) -> bool:
    return isinstance(name, str) and INSTALLED.is_handed_over(name)


class TopGenes(Frozen):
    """The `top` genes with the highest TSS activity on each queried track, of all in the annotation."""

    top: Positive


class PerturbInputs(Frozen):
    """Inputs of `creme`: genes by name or id, or the most active ones, from a GTF or a TSS table.

    `max_n` is 0 under `creme.compat: fixed`; `reference` keeps every window, as the authors do.
    `peak_at_tss` is `keep` under `fixed`; `reference` drops a gene on tracks where its wild type peaks
    elsewhere than in the TSS bins, as the paper's Reporting Summary says.
    """

    fasta: Path
    gtf: Path | None = None
    tss_table: Path | None = None
    genes: tuple[str, ...] | TopGenes | Path
    tss: Literal["canonical", "outermost", "all"] = "canonical"
    max_n: int | None = Field(default=None, ge=0)  # a window with more N is refused; null: by creme.compat
    peak_at_tss: Literal["drop", "keep"] | None = None  # genes that peak elsewhere; null: by creme.compat

    @field_validator("genes", mode="before")
    @classmethod
    def _one_gene(cls, genes: Any) -> Any:
        """One name alone is a list of it, where it cannot be a file's."""
        if not isinstance(genes, str) or Path(genes).exists() or _LIKE_A_PATH.search(genes):
            return genes
        return [genes]

    @model_validator(mode="after")
    def _one_annotation(self) -> Self:
        if (self.gtf is None) == (self.tss_table is None):
            raise ValueError("give either gtf or tss_table")
        if isinstance(self.genes, TopGenes) and self.tss != "canonical":
            raise ValueError("inputs.tss is of genes by name: of the most active ones every TSS is looked at")
        return self


class CremeConfig(Frozen):
    """Settings of the tests (CREME, Methods); what is not given is as the paper has it for the backbone.

    That is (`creme.presets.PRESETS`) the numbers of shuffles, the `thresholds`, and for `replicates` of an
    ensemble whether a context's effect is the ratio of their mean activities or the mean of their ratios.

    `tiles` are all context tiles, some of them by their start in the model's input, or a BED of regions in
    the genome. `elements` are what distance, multiplicity and finemap take: tiles that the sufficiency test
    calls, or all. A stage of `fine` is [window, threshold, sub-tiles a step], and fourth, where silencers do
    not mirror it at 1, their own threshold. `per_class` genes of each context class and track go on in a
    pipeline.
    """

    tile_size: int = Field(default=5000, ge=2)
    tiles: Literal["all"] | tuple[int, ...] | Path = "all"
    chain: Path | None = None  # from the assembly of the BED of tiles, where it is another
    n_shuffles: dict[Shuffled, Positive] = Field(default_factory=dict)
    rounds: Positive = ROUNDS
    searches: tuple[str, ...] = Field(default=SEARCHES, min_length=1)
    copies: Positive = COPIES
    fine: tuple[FineStage, ...] = Field(default=FINE_STAGES, min_length=1)
    elements: ElementRule = "called"
    per_class: Positive = PER_CLASS
    compat: Compat = "fixed"
    thresholds: Thresholds | None = None  # null: the backbone's
    replicates: ReplicateRule | None = None  # null: the backbone's

    @model_validator(mode="after")
    def _chain(self) -> Self:
        if self.chain is not None and not isinstance(self.tiles, Path):
            raise ValueError("chain lifts the intervals of tiles; give tiles a file, or leave chain out")
        return self

    @field_validator("n_shuffles", mode="wrap")
    @classmethod
    def _handed_over(cls, shuffles: Any, check: ValidatorFunctionWrapHandler) -> Any:
        """Shuffles of tests that Python has handed over as objects."""
        mine = [name for name in shuffles if _is_mine(name)] if isinstance(shuffles, dict) else []
        if not mine:
            return check(shuffles)
        known = next(iter(paper_shuffles()))  # a number of shuffles is checked as that of any test
        checked = check({name: n for name, n in shuffles.items() if name not in mine})
        return checked | {name: check({known: shuffles[name]})[known] for name in mine}


class PerturbResources(ReplicaResources):
    """`tiles_per_task`: forward passes of how many tiles make one unit of work.

    `cache_gib`: activations that a replica keeps of wild types and backgrounds, in GiB.
    """

    tiles_per_task: Positive | Literal["auto"] = "auto"
    cache_gib: float = Field(default=2, gt=0)

    @property
    def cache_bytes(self) -> int:
        """The cache's size in bytes."""
        return int(self.cache_gib * 2**30)


class PerturbConfig(Verb):
    """`raycre creme TEST`.

    `keep` says which tracks the run folder keeps of every pass: those queried, all of the same assays, or all
    of the model. Tracks that are kept can be asked for later without a pass, save those of searches, which go
    another way for every track; one that is not kept needs another folder.
    """

    inputs: PerturbInputs
    model: BackboneConfig
    tracks: str | tuple[int | str, ...]
    tests: Literal["pipeline"] | tuple[TestName, ...] = DEFAULT_TESTS
    keep: Literal["queried", "assay", "all"] = "queried"
    create_run: Path | None = None  # a folder of `raycre predict`, whose calls are joined to the tiles
    chain: Path | None = None  # from the assembly of create_run's FASTA, where it is another
    creme: CremeConfig = CremeConfig()
    resources: PerturbResources = PerturbResources()

    @field_validator("tests", mode="wrap")
    @classmethod
    def _handed_over(cls, tests: Any, check: ValidatorFunctionWrapHandler) -> Any:
        """Tests that Python has handed over as objects are known by their names, too."""
        given = [tests] if isinstance(tests, str) else tests
        mine = [name for name in given if _is_mine(name)] if isinstance(given, list | tuple) else []
        if not mine:
            return check(tests)
        if others := [name for name in given if name not in mine]:
            check(others)
        return tuple(given)

    @model_validator(mode="after")
    def _chain(self) -> Self:
        if self.chain is not None and self.create_run is None:
            raise ValueError("chain lifts the regions of create_run; give create_run, or leave chain out")
        return self

    @model_validator(mode="after")
    def _precision(self) -> Self:
        if self.model.dtype == "tf32" and not self.resources.gpus_per_replica:
            raise ValueError("model.dtype tf32 is of GPUs; set resources.gpus_per_replica, or take bfloat16")
        return self

    @property
    def test_names(self) -> tuple[str, ...]:
        """The tests, each once; in a pipeline those of the paper."""
        return PIPELINE if self.tests == "pipeline" else tuple(dict.fromkeys(self.tests))

    @property
    def drops_off_peak(self) -> bool:
        """Whether genes are dropped on tracks where their wild type does not peak at the TSS."""
        default = "drop" if self.creme.compat == "reference" else "keep"
        return (self.inputs.peak_at_tss or default) == "drop"

    def max_n(self, seq_len: int) -> int:
        """Return how many N a window of `seq_len` bp may have."""
        if self.inputs.max_n is not None:
            return self.inputs.max_n
        return seq_len if self.creme.compat == "reference" else 0

    def science(self) -> dict[str, Any]:
        """Fields that change what a forward pass gives, so that two runs cannot share a folder.

        Which passes there are (tests, tiles, genes, numbers of shuffles) is not among them: a folder takes
        further ones. Weights and tracks go in by what they resolve to.
        """
        return {
            "seed": self.run.seed,
            "tile_size": self.creme.tile_size,
            "compat": self.creme.compat,
            **({"shuffle": SHUFFLE} if self.creme.compat == "fixed" else {}),
            "head": self.model.head,
            "dtype": self.model.dtype,
            "incremental": self.model.incremental,
            "shifts": self.model.shifts,
            "reverse_complement": self.model.reverse_complement,
            **self.model.own_settings(),
        }

    def paths(self) -> dict[str, Path]:
        """Input files by their key; registry:NAME means the cached file."""
        given = {
            "inputs.fasta": self.inputs.fasta,
            "inputs.gtf": self.inputs.gtf,
            "inputs.tss_table": self.inputs.tss_table,
            "inputs.genes": self.inputs.genes if isinstance(self.inputs.genes, Path) else None,
            "creme.tiles": self.creme.tiles if isinstance(self.creme.tiles, Path) else None,
            "creme.chain": self.creme.chain,
            "model.track_table": self.model.track_table,
            "chain": self.chain,
        }
        return {key: path_of(resolve(str(path))) for key, path in given.items() if path is not None}
