"""Annotation files for partitioned LD score regression (LDSC): which SNPs of a .bim lie in which group.

CREATE Methods, "Heritability enrichment analysis": "partitioned LDSC with default settings". LDSC wants one
row for each row of the .bim, in its order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.annotate.chromosomes import check_chromosomes, in_regions_style, renamed_to
from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Rule,
    chain_option,
    files,
    option,
)
from raycre.annotate.lifted import lifting_to
from raycre.errors import ConfigError, FormatError
from raycre.genome.overlaps import overlap_sums, overlapping
from raycre.genome.textfile import read_text, require_file, took
from raycre.genome.texttable import parse_table
from raycre.store.fields import INT

_BIM = ("CHR", "SNP", "CM", "BP")  # columns 1 to 4; PLINK separates them by any blanks
_ANNOT = ("CHR", "BP", "SNP", "CM")


def read_bim(path: str | Path) -> pd.DataFrame:
    """Read PLINK's .bim: CHR, BP (int64, 1-based), SNP and CM as they are written, in file order.

    Raises:
        MissingInputError: no such file.
        FormatError: fewer than six columns, or a position that is no positive integer.
    """
    path = require_file(path)
    text = b"\n".join(b"\t".join(line.split()) for line in read_text(path, "PLINK's .bim").split(b"\n"))
    rows = parse_table(
        text, path, at_least=6, what="PLINK's .bim (chromosome, id, cM, position, two alleles)"
    )
    position = rows.integers(4, "position")
    if (position < 1).any():
        raise rows.error(int(np.argmax(position < 1)), 4, "the position is not 1 or more")
    table = pd.DataFrame({name: rows.strings(i) for i, name in enumerate(_BIM, start=1)}).assign(BP=position)
    chroms = table["CHR"].unique()
    n_back = int(
        ((np.diff(position) < 0) & (table["CHR"].to_numpy()[1:] == table["CHR"].to_numpy()[:-1])).sum()
    )
    order = f"; {n_back:,} rows lie before the row above them, and the order is kept" if n_back else ""
    took(path, f"{len(table):,} SNPs of chromosome {', '.join(chroms[:3])} read as .bim{order}")
    return table


def snps_in(bim: pd.DataFrame, chrom: pd.Series, regions: pd.DataFrame) -> NDArray[np.int64]:
    """Mark the SNPs that lie in a region: 1 where start < BP <= end, int64 (n,), in the order of the .bim.

    Args:
        bim: of `read_bim`; BP on the regions' assembly.
        chrom: of each SNP, as the regions name it.
        regions: chrom, start, end, 0-based half-open.
    """
    position = bim["BP"].to_numpy()
    places = pd.DataFrame({"chrom": chrom, "start": position - 1, "end": position})
    return overlapping(places, regions).astype(np.int64)


def annot_lines(bim: pd.DataFrame, marks: Mapping[str, NDArray[np.int64]], *, thin: bool) -> Iterator[str]:
    """Yield the lines of an .annot: CHR, BP, SNP, CM, base and a column a group; with `thin` ANNOT alone."""
    if thin:
        [mark] = marks.values()
        yield "ANNOT\n"
        yield from (f"{each}\n" for each in mark)
        return
    yield "\t".join([*_ANNOT, "base", *marks]) + "\n"
    flags = np.column_stack([np.ones(len(bim), dtype=np.int64), *marks.values()])
    for head, row in zip(bim[list(_ANNOT)].astype(str).to_numpy(), flags, strict=True):
        yield "\t".join([*head, *map(str, row)]) + "\n"


@dataclass(frozen=True)
class Options:
    """The .bim files of the reference panel, and the form of what is written."""

    bims: Mapping[str, Path] = files("BIM...", "PLINK's .bim of the reference panel, one a chromosome.")
    prefix: str = option("raycre", "What the names of the .annot.gz begin with.")
    thin: bool = option(False, "One file a group with a single column (ldsc.py --thin-annot).")
    chain: Path | None = chain_option("the SNPs to the regions'")

    def __post_init__(self) -> None:
        if not self.prefix or "/" in self.prefix:
            raise ConfigError("--prefix is the beginning of a file's name", value=self.prefix)


def annotate_ldsc(regions: Annotatable, options: Options) -> Annotated:
    """Write an .annot.gz for each .bim, and count the SNPs of each region."""
    table = regions.table
    groups = [str(name) for name in dict.fromkeys(table["group"].dropna())]
    n_snps, marked = np.zeros(len(table), dtype=np.int64), dict.fromkeys(groups, 0)
    written: dict[str, Path] = {}
    lines: dict[str, tuple[pd.DataFrame, dict[str, NDArray[np.int64]]]] = {}
    seen: dict[str, int] = {}
    n_all, lifting = 0, lifting_to(regions, options.chain)
    known = lifting.named_as(table)
    for path in options.bims.values():
        bim = read_bim(path)
        chrom = renamed_to(bim["CHR"], in_regions_style(bim["CHR"].unique(), known, path))
        places = lifting.points(path.name, chrom, bim["BP"].to_numpy() - 1)
        seen |= dict.fromkeys(map(str, places["chrom"].unique()), 0)
        label = _label(bim, path)
        if label in written:
            raise FormatError(
                f"two files are of chromosome {label}, the other is {written[label]}; name one", path=path
            )
        written[label] = path
        n_snps += overlap_sums(table, places)[0]
        there = bim.assign(BP=places["end"])
        marks = {group: snps_in(there, places["chrom"], table[table["group"] == group]) for group in groups}
        n_all += len(bim)
        for group, mark in marks.items():
            marked[group] += int(mark.sum())
        lines[label] = bim, marks
    *_, last = options.bims.values()
    lacking, lifted = check_chromosomes(table, seen, last), lifting.facts()
    for label, (bim, marks) in lines.items():
        _write(regions, bim, marks, label, options)
    facts = {
        "snps": n_all,
        "snps_in_group": [{"group": group, "snps": n, "share": n / n_all} for group, n in marked.items()],
        "regions_on_chromosomes_without_snps": lacking,
        **lifted,
    }
    return Annotated((Column("n_snps", INT, "SNPs of the .bim files in the region", n_snps),), facts)


def _write(
    regions: Annotatable,
    bim: pd.DataFrame,
    marks: Mapping[str, NDArray[np.int64]],
    label: str,
    options: Options,
) -> None:
    if not options.thin:
        regions.write_text(f"{options.prefix}.{label}.annot.gz", annot_lines(bim, marks, thin=False))
        return
    for group, mark in marks.items():
        name = f"{options.prefix}.{_plain(group)}.{label}.annot.gz"
        regions.write_text(name, annot_lines(bim, {group: mark}, thin=True))


def _plain(group: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in group)


def _label(bim: pd.DataFrame, path: Path) -> str:
    """The chromosome of a .bim, as LDSC puts it into names; a file of several goes by its own name."""
    chroms: Sequence[str] = list(bim["CHR"].unique())
    return str(chroms[0]).removeprefix("chr") if len(chroms) == 1 else path.name.removesuffix(".bim")


ANNOTATION = Annotation(
    name="ldsc",
    summary="Annotation files for partitioned LDSC, a column for each group.",
    options=Options,
    annotate=annotate_ldsc,
    needs=("groups",),
    rules=(
        Rule("a SNP is in a region", "start < BP <= end (0-based start, 1-based BP)"),
        Rule("rows", "one for each row of the .bim, in its order, also where SNPs share a position"),
        Rule("chromosome 21 of the .bim", "is taken for the regions' chr21, and that is said"),
        Rule("the column base", "is 1 for every SNP", "`--thin` leaves it out"),
    ),
    paper="CREATE, Methods (Heritability enrichment analysis), figures 7g,h",
)
