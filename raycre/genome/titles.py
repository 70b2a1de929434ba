"""Columns by their names: the title line of a table, in any order and any spelling that people use.

`SYNONYMS` is the one list of names: PyRanges, bioframe, pandas, R's GRanges, UCSC's table browser, BioMart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raycre.errors import FormatError

# role -> names in `plain` spelling, the first that a table has is taken.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "chrom": (
        "chrom", "chromosome", "chr", "seqnames", "seqname", "seqid", "genoname", "contig",
        "chromosomescaffoldname", "chromosomename", "chromname",
    ),
    "start": (
        "chromstart", "start", "genostart", "txstart", "begin", "startposition", "startpos",
        "transcriptstartbp", "transcriptstart", "genestartbp", "genestart",
    ),
    "end": (
        "chromend", "end", "genoend", "txend", "stop", "endposition", "endpos",
        "transcriptendbp", "transcriptend", "geneendbp", "geneend",
    ),
    "strand": ("strand",),
    "name": ("name", "peakname", "peakid", "id"),
    "class": ("class", "label", "category"),
    "source": ("source",),
    "value": ("value", "score", "signal", "signalvalue", "datavalue", "coverage"),
    "width": ("width", "length", "len"),
    "size": ("size", "length", "len", "bp", "chromsize"),
    "summit_offset": ("peak", "relsummit", "summitoffset", "pointsource", "relativesummit"),
    "summit": ("summit", "abssummit", "summitposition"),
    "tss": ("tss", "tssposition", "tsspos", "transcriptionstartsitetss", "transcriptionstartsite"),
    "gene_id": (
        "geneid", "genestableidversion", "genestableid", "ensemblgeneid", "ensemblid", "ensembl", "gene",
    ),
    "gene_name": (
        "genename", "genesymbol", "symbol", "name2", "externalgenename", "hgncsymbol", "gene", "name",
    ),
    "gene_type": ("genetype", "genebiotype", "biotype"),
    "transcript_id": (
        "transcriptid", "transcriptstableidversion", "transcriptstableid", "ensembltranscriptid",
        "transcript",
    ),
    "tag": ("tag", "tags"),
    "feature": ("feature",),
    "chrom1": ("chrom1", "chr1", "chromosome1", "seqnames1"),
    "start1": ("start1", "x1", "chromstart1"),
    "end1": ("end1", "x2", "chromend1"),
    "chrom2": ("chrom2", "chr2", "chromosome2", "seqnames2"),
    "start2": ("start2", "y1", "chromstart2"),
    "end2": ("end2", "y2", "chromend2"),
    "pair_chrom": ("chrom", "chromosome", "chr", "chrelement", "elementchrom"),
    "pair_start": ("chromstart", "start", "startelement", "elementstart"),
    "pair_end": ("chromend", "end", "endelement", "elementend"),
    "measured_gene": ("measuredgenesymbol", "genesymbol", "genename", "gene", "targetgene"),
    "measured_id": ("measuredgeneensemblid", "ensemblgeneid", "geneid", "ensemblid"),
    "regulated": ("regulated",),
    "valid": ("validconnection",),
    "tss_chrom": ("chrtss", "chromtss", "tsschrom", "tsschr"),
    "tss_start": ("starttss", "tssstart"),
    "tss_end": ("endtss", "tssend"),
    "repeat_class": ("repclass", "class", "name"),
    "repeat_family": ("repfamily", "family"),
}  # fmt: skip
_UCSC_PREFIX = re.compile(r"^#?([A-Za-z]\w*)\.\w+\.")  # hg38.ncbiRefSeq.chrom
_ONE_BASED = ("seqnames", "seqname", "seqid")  # R's GRanges, and a GTF as a table


def plain(name: str) -> str:
    """Return a name in lower case without blanks and signs: "Gene stable ID" is "genestableid"."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def plain_names(cells: Sequence[str]) -> list[str]:
    """Return the plain names of a title's cells, without the table that UCSC writes before each."""
    prefixes = [_UCSC_PREFIX.match(cell) for cell in cells]
    if all(prefixes) and len({match.group(1) for match in prefixes if match}) == 1:
        cells = [_UCSC_PREFIX.sub("", cell) for cell in cells]
    return [plain(cell) for cell in cells]


def find_roles(
    names: Sequence[str], roles: Iterable[str], path: Path, line: int | None = None
) -> dict[str, int]:
    """Return the column (from 1) of every one of these roles that the plain names of a title have.

    Raises:
        FormatError: two columns of the name that is taken.
    """
    found = {}
    for role in roles:
        name = next((name for name in SYNONYMS[role] if name in names), None)
        if name is None:
            continue
        if names.count(name) > 1:
            raise FormatError(
                "two columns have this name; rename or remove one", path=path, line=line, value=name
            )
        found[role] = names.index(name) + 1
    return found


def first_base(
    names: Sequence[str], start: NDArray[np.int64], end: NDArray[np.int64], width: NDArray[np.int64] | None
) -> int:
    """Return what a table calls the first base of a chromosome: 0, or 1 where its intervals are closed.

    A column of widths tells. Without one, the names do: those of R's GRanges and of a GTF, of featureCounts'
    SAF, of HOMER's peaks and of BioMart are of closed intervals that begin at 1.
    """
    if width is not None and len(start):
        if (width == end - start + 1).all():
            return 1
        if (width == end - start).all():
            return 0
    saf = list(names[:5]) == ["geneid", "chr", "start", "end", "strand"]
    homer = names[0].startswith("peakid") and list(names[1:4]) == ["chr", "start", "end"]
    biomart = any(name.endswith(("startbp", "stableid")) for name in names)
    return int(saf or homer or biomart or any(name in _ONE_BASED for name in names))
