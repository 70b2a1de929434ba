"""A preparation, resolved from its manifest: files fetched and hashed, the genome opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from raycre.config import PrepareConfig
from raycre.errors import AssemblyError, ConfigError
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.chromosomes import assembly_of, plain_name
from raycre.genome.fasta import Fasta
from raycre.genome.n_runs import runs_of_n
from raycre.genome.twobit import TwoBit, is_twobit
from raycre.prepare.rules import Rules
from raycre.workflows.prepare.sources import SourceFile, fetch_sources, published_of, source_of
from raycre.workflows.prepare.tables import SourceReader, read_chains_of
from raycre.workflows.run import Start


@dataclass(frozen=True)
class PreparePlan:
    """What is prepared.

    Attributes:
        sources: of the manifest, each on this machine.
        sizes: bp of each chromosome.
        fasta: the open genome, FASTA or 2bit; None where only sizes are given.
        chromosomes: those that background may lie on.
        rules: the choices.
        seed: of the background.
        reader: of the sources.
        cell: whose numbers of the paper stand beside.
        identity: name, config, science, layout and inputs, as `open_run` takes them.
    """

    sources: tuple[SourceFile, ...]
    sizes: Mapping[str, int]
    fasta: Fasta | TwoBit | None
    chromosomes: tuple[str, ...]
    rules: Rules
    seed: int
    reader: SourceReader
    cell: str | None
    identity: dict[str, Any]

    def n_runs(self) -> pd.DataFrame | None:
        """Where background must not lie because it has N; None where it may."""
        if self.rules.background.n_bases == "allow" or not self.rules.background.n or self.fasta is None:
            return None
        return runs_of_n(self.fasta, self.chromosomes)

    def of_kind(self, *kinds: str) -> list[SourceFile]:
        """Sources of these kinds."""
        return [source for source in self.sources if source.kind in kinds]


def sources_of(config: PrepareConfig) -> tuple[SourceFile, ...]:
    """Return the rows of the manifest, those with an address at their place in the cache."""
    return tuple(
        source_of(
            each.name,
            each.kind,
            format=each.format,
            assembly=each.assembly or config.assembly,
            path=each.path,
            url=each.url,
            known=published_of(
                each.name, each.url, sha256=each.sha256, md5=each.md5, size=each.size,
                licence=each.licence, seen=each.seen,
            ),
            note=each.note,
            min_score=each.min_score,
        )
        for each in config.sources
    )  # fmt: skip


def plan_prepare(config: PrepareConfig, sources: tuple[SourceFile, ...], start: Start) -> PreparePlan:
    """Fetch, check and hash the sources, and open the genome.

    Raises:
        InputError: bad input; nothing was written but into the cache.
    """
    rules = config.rules_of()
    fetch_sources(sources)
    start.hash_inputs({source.key: source.path for source in sources if source.path is not None})
    fasta, sizes = _genome(sources)
    _check_assembly(config.assembly, sizes, sources)
    background = rules.background
    if background.n and background.n_bases == "avoid" and fasta is None and _samples(sources):
        raise ConfigError(
            "background without N needs a source of kind fasta; add it, or set rules.background.n_bases: "
            "allow, or rules.background.n: 0"
        )
    chains = read_chains_of(sources, config.assembly, sizes)
    reader = SourceReader(config.assembly, sizes, rules, config.outside, config.chrom_names == "auto", chains)
    return PreparePlan(
        sources=sources,
        sizes=sizes,
        fasta=fasta,
        chromosomes=_background_chromosomes(background.chromosomes, sizes),
        rules=rules,
        seed=config.run.seed,
        reader=reader,
        cell=config.cell,
        identity={
            "name": config.run.name,
            "config": config.model_dump(mode="json"),
            "science": {**config.science(), "sha256": start.hashes},
            "layout": config.layout(),
            "inputs": start.hashes,
        },
    )


def _samples(sources: Sequence[SourceFile]) -> bool:
    return any(s.kind in ("silencers", "enhancers", "promoters", "insulators") for s in sources)


def _genome(sources: Sequence[SourceFile]) -> tuple[Fasta | TwoBit | None, dict[str, int]]:
    by_kind = {source.kind: source.path for source in sources if source.path is not None}
    fasta = _open(by_kind["fasta"]) if "fasta" in by_kind else None
    if fasta is None:
        return None, read_sizes(by_kind["sizes"])
    if "sizes" in by_kind:
        for name, size in read_sizes(by_kind["sizes"]).items():
            if fasta.sizes.get(name, size) != size:
                raise AssemblyError(
                    f"{name} has {size:,} bp here and {fasta.sizes[name]:,} in {fasta.path.name}; give the "
                    "sizes of the FASTA's assembly",
                    path=by_kind["sizes"],
                    value=name,
                )
    return fasta, dict(fasta.sizes)


def _open(path: Path) -> Fasta | TwoBit:
    return TwoBit(path) if is_twobit(path) else Fasta(path)


def _check_assembly(assembly: str, sizes: Mapping[str, int], sources: Sequence[SourceFile]) -> None:
    found = assembly_of(sizes)
    if found is None or assembly.lower() in found.lower().split("/"):
        return
    genome = next(source for source in sources if source.kind in ("fasta", "sizes"))
    raise AssemblyError(
        f"the chromosomes are those of {found}, and the run is of {assembly}; correct assembly, or give its "
        "genome",
        path=genome.path,
        value=assembly,
    )


def _background_chromosomes(chosen: tuple[str, ...] | None, sizes: Mapping[str, int]) -> tuple[str, ...]:
    if chosen is None:
        found = [name for name in sizes if plain_name(name).isdecimal() or plain_name(name) == "x"]
        return tuple(found) if found else tuple(sizes)
    for name in chosen:
        if name not in sizes:
            raise ConfigError(
                f"rules.background.chromosomes: the genome has no such chromosome; it has "
                f"{', '.join(list(sizes)[:5])}",
                value=name,
            )
    return chosen
