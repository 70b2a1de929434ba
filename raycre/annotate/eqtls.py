"""GTEx's eQTLs in regions: variants, or pairs of variant and gene.

CREATE Methods, "Genetic variants analysis": "the number of SNPs or eQTLs located in" regions; an eQTL of
several genes is one variant and as many pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from raycre.annotate.chromosomes import check_chromosomes, in_regions_style, renamed_to
from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Compare,
    Rule,
    chain_option,
    files,
    option,
)
from raycre.annotate.lifted import lifting_to
from raycre.errors import FormatError
from raycre.genome.lifting import UNLIFTED, Lifting
from raycre.genome.overlaps import overlap_sums
from raycre.genome.textfile import iter_text, require_file, took
from raycre.genome.texttable import parse_table
from raycre.store.fields import INT

_ID = r"^(?P<chrom>.+?)_(?P<position>[0-9]+)_(?P<ref>[^_]*)_(?P<alt>[^_]*)_(?P<assembly>[^_]+)$"


def read_eqtls(path: str | Path) -> pd.DataFrame:
    """Read GTEx's table of significant pairs, by the column variant_id (2_651130_G_A_b37).

    Returns:
        chrom (as it is written), position (int64, 1-based), variant (its id), pairs (int64, rows of the file
        that have it); each variant once.

    Raises:
        MissingInputError: no such file.
        FormatError: no column variant_id, an id of another form, or ids of several assemblies.
    """
    path = require_file(path)
    counts: list[pd.Series] = []
    column, n_lines, title = 0, 0, True
    for block in iter_text(path, "GTEx's pairs of variant and gene"):
        lines = np.arange(n_lines + 1, n_lines + block.count(b"\n") + 1)
        n_lines += len(lines)
        if title:
            head, _, block = block.partition(b"\n")
            column, lines, title = _column(head, path), lines[1:], False
        if not block.strip():
            continue
        rows = parse_table(block, path, at_least=column, what="GTEx's pairs of variant and gene", line=lines)
        ids = rows.arrow(column)
        good = pc.match_substring_regex(ids, _ID).to_numpy()
        if not good.all():
            raise rows.error(
                int(np.argmin(good)),
                column,
                "not a variant_id of GTEx (chromosome_position_ref_alt_assembly)",
            )
        counts.append(rows.strings(column).value_counts(sort=False))
    if not counts:
        raise FormatError("the table has no rows", path=path)
    pairs = pd.concat(counts).groupby(level=0, sort=False).sum()
    parts = pc.extract_regex(pa.array(pairs.index, pa.string()), _ID)
    assemblies = pc.unique(pc.struct_field(parts, "assembly")).to_pylist()
    if len(assemblies) > 1:
        raise FormatError(
            f"variants of {' and '.join(sorted(assemblies))} in one file; use files of one assembly",
            path=path,
        )
    took(path, f"{int(pairs.sum()):,} pairs of {len(pairs):,} variants read as GTEx's, of {assemblies[0]}")
    return pd.DataFrame(
        {
            "chrom": pc.struct_field(parts, "chrom").to_pandas(),
            "position": pc.cast(pc.struct_field(parts, "position"), pa.int64()).to_numpy(),
            "variant": pairs.index,
            "pairs": pairs.to_numpy(np.int64),
        }
    )


def _column(head: bytes, path: Path) -> int:
    names = head.decode("utf-8", "replace").rstrip("\r\n").split("\t")
    if "variant_id" not in names:
        raise FormatError(
            f"no column variant_id; it has {', '.join(names[:5])}; give GTEx's *.signif_variant_gene_pairs",
            path=path,
            line=1,
        )
    return names.index("variant_id") + 1


def count_eqtls(
    table: pd.DataFrame, eqtls: pd.DataFrame, path: Path, lifting: Lifting = UNLIFTED
) -> dict[str, NDArray[np.int64]]:
    """Count variants and pairs in each region, int64 (n,) each.

    Args:
        table: chrom, start, end.
        eqtls: of `read_eqtls`.
        path: their file.
        lifting: from their assembly.

    Raises:
        ChromosomeError: none of the regions' chromosomes is in the file.
    """
    known = lifting.named_as(table)
    chrom = renamed_to(eqtls["chrom"], in_regions_style(eqtls["chrom"].unique(), known, path))
    places = lifting.points(path.name, chrom, eqtls["position"].to_numpy() - 1)
    check_chromosomes(table, dict.fromkeys(map(str, places["chrom"].unique()), 0), path)
    variants, pairs = overlap_sums(table, places, [eqtls["pairs"].to_numpy()])
    return {"variants": variants, "pairs": pairs}


@dataclass(frozen=True)
class Options:
    """Tissues, and what of them groups are compared in."""

    eqtls: Mapping[str, Path] = files("[NAME=]FILE...", "GTEx's signif_variant_gene_pairs, one a tissue.")
    count: Literal["variants", "pairs"] = option("variants", "Groups are compared in variants, or pairs.")
    chain: Path | None = chain_option("the variants to the regions'")


def annotate_eqtls(regions: Annotatable, options: Options) -> Annotated:
    """Count the eQTLs of each tissue in each region."""
    columns, lifting = [], lifting_to(regions, options.chain)
    for name, path in options.eqtls.items():
        counts = count_eqtls(regions.table, read_eqtls(path), path, lifting)
        for kind, meaning in (("variants", "variants"), ("pairs", "pairs of variant and gene")):
            compare: Compare | None = "values" if kind == options.count else None
            columns.append(
                Column(f"{name}_{kind}", INT, f"eQTLs of {name}: {meaning}", counts[kind], compare)
            )
    return Annotated(tuple(columns), lifting.facts())


ANNOTATION = Annotation(
    name="eqtls",
    summary="GTEx's eQTLs: variants, or pairs of variant and gene.",
    options=Options,
    annotate=annotate_eqtls,
    rules=(
        Rule("what is counted", "variants, each once", "`--count pairs`"),
        Rule("where it is", "the position in its id, of the assembly that the ids name"),
    ),
    paper="CREATE, Methods (Genetic variants analysis), figures 6f,g",
)
