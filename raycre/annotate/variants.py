"""Variants in regions: all of a VCF, those that a second VCF calls common, and the rare ones that are left.

CREATE Methods, "Genetic variants analysis": dbSNP's common variants are those with a minor allele frequency
of 0.01 or more; "By excluding the common SNPs from all human SNPs, we obtained … rare SNPs". Counts are
BEDTools'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.annotate.chromosomes import check_chromosomes, check_lengths, in_regions_style, renamed_to
from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Rule,
    chain_option,
    file,
    option,
)
from raycre.annotate.lifted import lifting_to
from raycre.genome.lifting import UNLIFTED, Lifting
from raycre.genome.overlaps import overlap_sums
from raycre.genome.vcf import iter_vcf, read_vcf_lengths
from raycre.store.fields import INT

By = Literal["id", "allele"]
_HASHED = np.uint64(1 << 63)  # keys of what is no rs number
_SPANS = "reference alleles"


def iter_variants(
    path: Path, table: pd.DataFrame, lifting: Lifting = UNLIFTED
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield the variants of a VCF as it has them (`iter_vcf`), and their places among the regions.

    Raises:
        InputError: as `read_vcf_lengths` and `iter_vcf`.
        AssemblyError: the header gives a chromosome fewer bases than the regions reach.
        ChromosomeError: none of the regions' chromosomes is in the file.
    """
    lengths, known = read_vcf_lengths(path), lifting.named_as(table)
    names = in_regions_style(lengths, known, path)
    named = {names.get(name, name): length for name, length in lengths.items()}
    if lifting.chains is None:
        check_lengths(table, named, path)
    elif named:
        lifting.check(source=named)
    seen: dict[str, int] = {}
    for block in iter_vcf(path):
        new = [str(name) for name in pd.unique(block["chrom"]) if name not in lengths and name not in names]
        names |= in_regions_style(new, known, path) if new else {}
        block = block.assign(chrom=renamed_to(block["chrom"], names))
        places = lifting.points(path.name, block["chrom"], block["position"].to_numpy() - 1)
        seen |= dict.fromkeys(map(str, pd.unique(places["chrom"])), 0)
        yield block, places
    check_chromosomes(table, seen, path)


def variant_keys(block: pd.DataFrame, by: By) -> NDArray[np.uint64]:
    """Return a key of each variant, uint64 (n,): of its id (rs numbers as they are), or of place and alleles.

    What is no rs number is hashed to 63 bits; an id "." is the key 0, which stands for no id.
    """
    if by == "allele":
        text = block["chrom"] + ":" + block["position"].astype(str) + ":" + block["ref"] + ":" + block["alt"]
        return pd.util.hash_array(text.to_numpy(object)) | _HASHED
    ids = block["id"]
    number = ids.str.fullmatch(r"rs[0-9]{1,18}").to_numpy()
    keys = np.zeros(len(block), dtype=np.uint64)
    keys[number] = ids[number].str[2:].to_numpy().astype(np.uint64)
    other = ~number & (ids != ".").to_numpy()
    keys[other] = pd.util.hash_array(ids[other].to_numpy(object)) | _HASHED
    return keys


def count_variants(
    table: pd.DataFrame, every: Path, common: Path | None = None, by: By = "id", lifting: Lifting = UNLIFTED
) -> tuple[dict[str, NDArray[np.int64]], dict[str, int]]:
    """Count the variants in each region.

    Args:
        table: chrom, start, end.
        every: VCF of all variants.
        common: VCF of the common ones; without it none is told to be common or rare.
        by: what makes a variant of `every` a common one: its id, or its place and alleles.
        lifting: from the variants' assembly.

    Returns:
        (counts, totals). Counts, int64 (n,) each: variants by position; variants_spanning, by the bases of
        the reference allele (a deletion spans all of them); snvs; and with `common`: common, rare. Totals of
        the files: variants, and with `common`: common, rare.
    """
    counts = {
        name: np.zeros(len(table), dtype=np.int64) for name in ("variants", "variants_spanning", "snvs")
    }
    totals = {"variants": 0}
    known: NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
    if common is not None:
        counts |= {name: np.zeros(len(table), dtype=np.int64) for name in ("common", "rare")}
        keys, totals["common"], totals["rare"] = [known], 0, 0
        for block, places in iter_variants(common, table, lifting):
            keys.append(variant_keys(block, by))
            totals["common"] += len(block)
            counts["common"] += overlap_sums(table, places)[0]
        known = np.unique(np.concatenate(keys))
        known = known[known > 0]
    for block, places in iter_variants(every, table, lifting):
        totals["variants"] += len(block)
        flags = [block["snv"].to_numpy().astype(np.int64)]
        if common is not None:
            rare = ~np.isin(variant_keys(block, by), known)
            totals["rare"] += int(rare.sum())
            flags.append(rare.astype(np.int64))
        found = overlap_sums(table, places, flags)
        for name, count in zip(("variants", "snvs", "rare"), found, strict=False):
            counts[name] += count
        counts["variants_spanning"] += overlap_sums(table, lifting.places(_SPANS, _spans(block)))[0]
    return counts, totals


def _spans(block: pd.DataFrame) -> pd.DataFrame:
    """Return the bases of the reference alleles."""
    start = block["position"].to_numpy() - 1
    length = np.maximum(block["ref"].str.len().to_numpy(), 1)
    return pd.DataFrame({"chrom": block["chrom"], "start": start, "end": start + length})


@dataclass(frozen=True)
class Options:
    """All variants and the common ones, and how rare ones are told."""

    variants: Path = file("VCF", "All variants (dbSNP), plain or bgzip; no index is needed.")
    common: Path | None = option(None, "VCF of the common variants; all others are rare.")
    rare_by: By = option("id", "A variant is common by its id, or by its place and alleles (allele).")
    chain: Path | None = chain_option("the variants to the regions'")


_MEANINGS = {
    "variants": "variants by their position",
    "variants_spanning": "variants by the bases of their reference allele: a deletion spans all of them",
    "snvs": "variants of single bases (dbSNP's VC=SNV)",
    "common": "variants of the second file",
    "rare": "variants of the first file that are not in the second",
}


def annotate_variants(regions: Annotatable, options: Options) -> Annotated:
    """Count the variants of each region."""
    lifting = lifting_to(regions, options.chain)
    counts, totals = count_variants(regions.table, options.variants, options.common, options.rare_by, lifting)
    compared = ("variants",) if options.common is None else ("variants", "common", "rare")
    columns = tuple(
        Column(name, INT, _MEANINGS[name], count, "values" if name in compared else None)
        for name, count in counts.items()
    )
    facts: dict[str, Any] = {f"file_{name}": n for name, n in totals.items()}
    return Annotated(columns, facts | lifting.facts())


ANNOTATION = Annotation(
    name="variants",
    summary="Variants of a VCF: all, common, and rare ones by their id.",
    options=Options,
    annotate=annotate_variants,
    rules=(
        Rule("where a variant is", "its position alone; the column variants_spanning has the other reading"),
        Rule("rare", "all whose id is not that of a common one", "`--rare-by allele`"),
        Rule('the id "."', "is no id: such a variant is rare by id"),
        Rule("chromosomes named 1 for chr1", "are taken for the regions', and that is said"),
        Rule("another assembly", "is refused where the header's lengths show it", "`--chain`"),
    ),
    paper="CREATE, Methods (Genetic variants analysis), figures 7a,b",
)
