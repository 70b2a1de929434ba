"""Sources read into tables on the run's assembly: by format, by name of chromosomes, by chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from raycre.errors import AssemblyError, ChromosomeError, ConfigError, RegionError
from raycre.genome.annotation import read_features
from raycre.genome.chromosomes import other_style
from raycre.genome.interval_files import format_of, read_intervals
from raycre.genome.intervals import place, sizes_of, unknown_chromosome
from raycre.genome.lift import Chains, lift_regions, read_chains
from raycre.genome.region_files import read_scores
from raycre.genome.tss_lines import read_tss_lines
from raycre.log import say
from raycre.prepare.counts import StepCount
from raycre.prepare.rules import Centre, Rules
from raycre.prepare.windows import PLACE, to_width
from raycre.workflows.prepare.sources import SourceFile

CLASS_OF = {
    "silencers": "silencer",
    "enhancers": "enhancer",
    "promoters": "promoter",
    "insulators": "insulator",
    "background": "background",
}
_ANNOTATIONS = ("gtf", "gff3")
_FLANK = 500  # bp; CREATE, Methods: a promoter is 500 bp up and down of its TSS


@dataclass
class SourceReader:
    """Reads sources; what it drops, renames and lifts is in its counts.

    Attributes:
        assembly: of the result, whose chromosomes have `sizes`.
        rules: the choices.
        outside: what is done with regions on chromosomes that `sizes` lacks: "error" or "drop".
        rename: whether names of chromosomes in another style are taken.
        chains: by the assembly that they lead from.
        counts, lift_counts, lost: what became of the rows.
    """

    assembly: str
    sizes: Mapping[str, int]
    rules: Rules
    outside: str
    rename: bool
    chains: Mapping[str, Chains]
    counts: list[StepCount] = field(default_factory=list)
    lift_counts: list[tuple[str, str, int]] = field(default_factory=list)
    lost: list[pd.DataFrame] = field(default_factory=list)

    def labelled(self, sources: Sequence[SourceFile]) -> dict[str, pd.DataFrame]:
        """Read the records of each class: chrom, start, end, name, source, summit."""
        found: dict[str, list[pd.DataFrame]] = {}
        for source in sources:
            if source.kind in CLASS_OF:
                name = CLASS_OF[source.kind]
                centre: Centre = getattr(self.rules.centre, source.kind, "midpoint")
                table = self._tss(source) if name == "promoter" else self._intervals(source)
                found.setdefault(name, []).append(self._place(table, source, centre))
        tables = {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}
        self.counts += [StepCount("read", f"{name}.rows", len(table)) for name, table in tables.items()]
        return tables

    def peaks(self, sources: Sequence[SourceFile]) -> pd.DataFrame | None:
        """Read the peaks of all experiments, `source` the experiment; None where there is none."""
        centre = self.rules.centre.candidates
        parts = [self._place(self._intervals(s), s, centre) for s in sources if s.kind == "peaks"]
        return pd.concat(parts, ignore_index=True) if parts else None

    def genes(self, sources: Sequence[SourceFile]) -> pd.DataFrame:
        """Read what known genes are: chrom, start, end."""
        return self._together([self._known(self._genes(s), s) for s in sources if s.kind == "genes"])

    def blacklist(self, sources: Sequence[SourceFile]) -> pd.DataFrame:
        """Read regions that are left out: chrom, start, end."""
        return self._together([self._known(self._intervals(s), s) for s in sources if s.kind == "blacklist"])

    def _together(self, parts: list[pd.DataFrame]) -> pd.DataFrame:
        empty = pd.DataFrame(
            {"chrom": pd.Series(dtype=str), "start": np.int64(), "end": np.int64()}, index=[]
        )
        return pd.concat([part[PLACE] for part in parts], ignore_index=True) if parts else empty

    def _intervals(self, source: SourceFile) -> pd.DataFrame:
        assert source.path is not None
        table, kind, n_dropped = read_intervals(source.path, format=source.format)
        if kind in _ANNOTATIONS:
            say(f"note: {source.name}: genes of an annotation are its regions")
        self._count(source, "read", len(table))
        if n_dropped:
            self._count(source, "rows_that_are_no_region", n_dropped)
        if source.min_score is not None:
            kept = read_scores(source.path, kind) >= source.min_score
            self._count(source, "below_min_score", int((~kept).sum()))
            table = table[kept].reset_index(drop=True)
        return table

    def _tss(self, source: SourceFile) -> pd.DataFrame:
        """Read TSSs, one base each."""
        assert source.path is not None
        if _is_annotation(source):
            table = self._of_types(
                read_features(source.path, "transcript"), self.rules.promoters.types, source, "promoters"
            )
            tss = np.where(table["strand"] == "-", table["end"] - 1, table["start"])
        else:
            table = read_tss_lines(source.path)
            tss = table["tss"].to_numpy()
        self._count(source, "read", len(table))
        return table.assign(start=tss, end=tss + 1, summit=np.int64(-1))

    def _genes(self, source: SourceFile) -> pd.DataFrame:
        assert source.path is not None
        part = self.rules.genes.part
        if not _is_annotation(source):
            if part != "body" or self.rules.genes.types is not None:
                raise ConfigError(
                    "rules.genes.part and types choose among rows of a GTF or GFF3, and this file is none",
                    path=source.path,
                )
            return self._intervals(source)
        feature = {"body": "gene", "exons": "exon", "promoters": "transcript"}[part]
        table = self._of_types(read_features(source.path, feature), self.rules.genes.types, source, "genes")
        self._count(source, "read", len(table))
        if part == "promoters":
            tss = np.where(table["strand"] == "-", table["end"] - 1, table["start"])
            table = table.assign(start=np.maximum(tss - _FLANK, 0), end=tss + _FLANK)
        return table.assign(summit=np.int64(-1))

    def _of_types(
        self, table: pd.DataFrame, types: tuple[str, ...] | None, source: SourceFile, rule: str
    ) -> pd.DataFrame:
        if types is None:
            return table
        known = sorted({each for each in table["gene_type"] if each is not None})
        for name in types:
            if name not in known:
                raise ConfigError(
                    f"rules.{rule}.types: no such gene type in the file; it has {', '.join(known) or 'none'}",
                    path=source.path,
                    value=name,
                )
        return table[table["gene_type"].isin(types)].reset_index(drop=True)

    def _known(self, table: pd.DataFrame, source: SourceFile) -> pd.DataFrame:
        """Place regions that are only avoided: they may name more chromosomes than the genome has."""
        table = self._renamed(self._lifted(table, source, "midpoint"), source, self.sizes)
        known = sizes_of(table["chrom"], self.sizes) >= 0
        if not known.any() and len(table):
            first = table.iloc[0]
            raise self._unknown(str(first["chrom"]), source, int(first["line"]), self.sizes)
        if n := int((~known).sum()):
            self._count(source, "on_other_chromosomes", n)
        return table[known].reset_index(drop=True)

    def _place(self, table: pd.DataFrame, source: SourceFile, centre: Centre) -> pd.DataFrame:
        """Put regions on the run's assembly; drop and count those off its chromosomes."""
        table = self._lifted(table.assign(source=source.name), source, centre)
        table = self._renamed(table, source, self.sizes)
        length = sizes_of(table["chrom"], self.sizes)
        start, end = table["start"].to_numpy(np.int64), table["end"].to_numpy(np.int64)
        unknown, off = length < 0, (length >= 0) & (start >= length)
        lifted = source.assembly != self.assembly
        if (unknown | off).any() and (self.outside == "error" or (unknown | off).all()) and not lifted:
            row = int(np.argmax(unknown | off))
            name, line = str(table["chrom"].iloc[row]), int(table["line"].iloc[row])
            if unknown[row]:
                raise self._unknown(name, source, line, self.sizes, drop=not unknown.all())
            raise RegionError(
                f"lies past the end of {name} ({length[row]:,}): a file of another assembly? Say which with "
                f"sources: assembly; outside: drop leaves out and counts such rows, {int(off.sum()):,} of "
                f"{len(table):,}",
                path=source.path,
                line=line,
                value=place(name, start[row], end[row]),
            )
        if n := int((unknown | off).sum()):
            self._count(source, "off_the_genome_dropped", n)
        past = (length >= 0) & ~off & (end > length)
        if n := int(past.sum()):
            self._count(source, "end_past_their_chromosome", n)
            say(f"note: {source.name}: {n:,} rows end past their chromosome; their windows decide")
        kept = table[~(unknown | off)].reset_index(drop=True)
        return kept[[*PLACE, "name", "source", "summit"]]

    def _lifted(self, table: pd.DataFrame, source: SourceFile, centre: Centre) -> pd.DataFrame:
        if source.assembly == self.assembly:
            return table
        chains, rules = self.chains[source.assembly], self.rules.lift
        table = self._renamed(table, source, chains.source_sizes)
        if rules.when == "after_resizing" and source.kind in (*CLASS_OF, "peaks"):
            known = table["chrom"].isin(list(chains.source_sizes))
            resized = to_width(table[known], chains.source_sizes, centre=centre, at_ends=self.rules.at_ends)
            self._count(source, "windows_off_their_assembly", len(table) - len(resized.table))
            table = resized.table.assign(summit=np.int64(-1))
        found = lift_regions(
            table, chains, min_match=rules.min_match, max_length_change=rules.max_length_change
        )
        self.lift_counts += [(source.name, status, n) for status, n in found.counts.items()]
        self.lost.append(found.lost.assign(source=source.name))
        if found.table.empty and len(table):
            raise AssemblyError(
                f"{source.key}: no region of {source.assembly} is on {self.assembly} by {chains.path.name}; "
                "is the file of that assembly?",
                path=source.path,
            )
        return found.table

    def _renamed(self, table: pd.DataFrame, source: SourceFile, known: Mapping[str, int]) -> pd.DataFrame:
        if not self.rename:
            return table
        names = [name for name in table["chrom"].unique() if name not in known]
        new = {name: other for name in names if (other := other_style(str(name), known))}
        if new:
            n = int(table["chrom"].isin(list(new)).sum())
            shown = ", ".join(f"{old} is {name}" for old, name in list(new.items())[:3])
            say(f"note: {source.name}: chromosomes of {n:,} rows renamed ({shown}{', …' * (len(new) > 3)})")
            self._count(source, "rows_renamed", n)
        return table.assign(chrom=table["chrom"].replace(new))

    def _unknown(
        self, name: str, source: SourceFile, line: int, known: Mapping[str, int], *, drop: bool = False
    ) -> ChromosomeError:
        remedy = "outside: drop leaves out and counts such rows" if drop else ""
        error = unknown_chromosome(
            name, known, path=source.path, line=line, reference="the genome", remedy=remedy
        )
        if other_style(name, known):
            error = ChromosomeError(
                f"{error.message}, or set chrom_names: auto", path=error.path, line=line, value=name
            )
        return error

    def _count(self, source: SourceFile, what: str, n: int) -> None:
        self.counts.append(StepCount("read", f"{source.name}.{what}", n))


def _is_annotation(source: SourceFile) -> bool:
    assert source.path is not None
    return (format_of(source.path) if source.format == "auto" else source.format) in _ANNOTATIONS


def read_chains_of(
    sources: Sequence[SourceFile], assembly: str, sizes: Mapping[str, int]
) -> dict[str, Chains]:
    """Read the chains that sources of other assemblies need.

    Raises:
        ConfigError: an assembly without a chain, or signals of another assembly.
        AssemblyError: a chain that does not lead to this genome.
    """
    foreign = [s for s in sources if s.assembly != assembly and s.kind != "chain"]
    for source in foreign:
        if source.kind in ("fasta", "sizes", "accessibility", "loops"):
            raise ConfigError(
                f"{source.key}: a {source.kind} file of {source.assembly} in a run of {assembly}; it is not "
                "lifted: give one of the run's assembly",
                value=source.assembly,
            )
    needed = {source.assembly: source for source in foreign}
    found: dict[str, Chains] = {}
    for source in sources:
        if source.kind == "chain" and source.assembly in needed:
            assert source.path is not None
            chains = read_chains(source.path)
            chains.check_source(source.assembly)
            chains.check_target(sizes)
            found[source.assembly] = chains
    for name, source in needed.items():
        if name not in found:
            raise ConfigError(
                f"{source.key} is of {name} and the run of {assembly}; add a source of kind chain with "
                f"assembly: {name}, which leads from there to {assembly}",
                value=name,
            )
    return found
