"""The paper's own inputs, as far as their addresses are known: manifests of K562 and HepG2.

Marks of an address, in `seen`: authors (in the paper or the authors' repository), elsewhere (in other
public code or pages), inferred (built from a naming scheme, never seen whole). A file without a published
checksum has it recorded at the first fetch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from raycre.errors import ConfigError, near
from raycre.published.genomes import BLACKLIST, GENCODE, LIFTED_GTF, UCSC

ROADMAP = "https://egg2.wustl.edu/roadmap/data/byFileType/peaks/consolidated/narrowPeak"
ENCODE = "https://www.encodeproject.org/files/{0}/@@download/{0}.bed.gz"
MARKS = ("H2A.Z", "H3K4me1", "H3K4me2", "H3K4me3", "H3K9ac", "H3K9me1", "H3K9me3", "H3K27ac", "H3K27me3",
         "H3K36me3", "H3K79me2", "H4K20me1")  # fmt: skip


@dataclass(frozen=True)
class CellLine:
    """What differs between the two manifests.

    epigenome: Roadmap's number. ctcf, atac: accessions of ENCODE. dnase: UCSC's name of the cell line.
    unseen: marks whose file of this epigenome was seen in no public list.
    """

    epigenome: str
    ctcf: str
    atac: tuple[str, ...]
    dnase: str
    unseen: tuple[str, ...] = ()


CELLS: Mapping[str, CellLine] = {
    "K562": CellLine(
        "E123", "ENCFF085HTY", ("ENCFF055NNT", "ENCFF333TAT", "ENCFF558BLC", "ENCFF842UZU"), "K562"
    ),
    "HepG2": CellLine("E118", "ENCFF237OKO", ("ENCFF439EIO", "ENCFF913MQB"), "Hepg2", ("H3K9me1",)),
}


def known_manifest(cell: str) -> str:
    """Return the manifest of a cell line as YAML.

    Raises:
        ConfigError: another cell line.
    """
    name = next((known for known in CELLS if known.casefold() == cell.casefold()), None)
    if name is None:
        raise ConfigError(
            f"no manifest of this cell line{near(cell, CELLS)}; there are {', '.join(CELLS)}", value=cell
        )
    values = {
        "run": {"name": name.lower(), "out": f"runs/prepare-{name.lower()}", "seed": 0},
        "assembly": "hg19",
        "cell": name,
        "outside": "drop",
        "sources": list(_sources(name, CELLS[name])),
    }
    head = (
        f"# Sources of CREATE's {name} data, as far as they are known: raycre prepare --config FILE\n"
        "# seen: authors (the paper or its repository), elsewhere (other public code or pages), inferred\n"
        "# (from a naming scheme). Nothing was fetched when this was written: a row without sha256 or md5\n"
        "# has its checksum recorded at the first fetch. Rows without url and path are got by hand (note).\n"
    )
    return head + yaml.safe_dump(values, sort_keys=False, width=110, allow_unicode=True)


def _sources(cell: str, of: CellLine) -> Iterator[dict[str, Any]]:
    yield {
        "name": "hg19",
        "kind": "fasta",
        "path": None,
        "note": "raycre genome fetch hg19 says where it has put the FASTA; give that path",
    }
    yield _row(
        "chain-hg38-hg19",
        "chain",
        f"{UCSC}/hg38/liftOver/hg38ToHg19.over.chain.gz",
        "elsewhere",
        assembly="hg38",
        size=1_246_411,
        md5="ff3031d93792f4cbb86af44055efd903",
        sha256="14a712e8e147d9fc8e9d87d51977b46f6f8ddb93efbe5d0843d86b6205f587b1",
        licence="UCSC: chains are free",
    )
    yield _row(
        "gencode44-hg19",
        "genes",
        f"{GENCODE}/GRCh37_mapping/{LIFTED_GTF}",
        "inferred",
        licence="open",
        note="the paper does not name its known genes",
    )
    yield _row(
        "blacklist-v2",
        "blacklist",
        f"{BLACKLIST}/hg19-blacklist.v2.bed.gz",
        "elsewhere",
        size=7_731,
        md5="24b982fd681020b1cf030b18a2f0f586",
        licence="GPL-3",
        sha256="1a4ba636f791936ab8952cb068f496ccbd55ec4753539547c5d3d055ed00642a",
        note="the paper's words fit UCSC's wgEncodeDacMapabilityConsensusExcludable better",
    )
    n_silencers = {"K562": "6,924", "HepG2": "1,679"}[cell]
    yield {
        "name": "silencerdb",
        "kind": "silencers",
        "path": None,
        "licence": "none stated",
        "note": f"validated silencers of {cell} ({n_silencers}), hg19 (check), from the tables of "
        "http://health.tsinghua.edu.cn/SilencerDB/ ; give them as BED",
    }
    yield {
        "name": "hacer",
        "kind": "enhancers",
        "path": None,
        "licence": "none stated",
        "note": f"FANTOM5 enhancers of {cell} in HACER, hg19: "
        "http://bioinfo.vanderbilt.edu/AE/HACER/download/T1.txt ; choose the cell line's rows",
    }
    yield {
        "name": "epd",
        "kind": "promoters",
        "path": None,
        "licence": "free for academic use",
        "note": "ftp://ccg.epfl.ch/epdnew/H_sapiens/006/Hs_EPDnew_006_hg19.bed ; that release 006 was "
        "used is inferred",
    }
    yield _row(
        "ctcf",
        "insulators",
        ENCODE.format(of.ctcf),
        "authors",
        licence="ENCODE",
        format="narrowPeak",
        note=None if cell == "K562" else "hg19 by the paper's words: check it at the portal",
    )
    yield _row(
        "DNase",
        "peaks",
        f"{ROADMAP}/{of.epigenome}-DNase.macs2.narrowPeak.gz",
        "elsewhere" if cell == "K562" else "inferred",
        licence="Roadmap",
    )
    for mark in MARKS:
        unseen = "this file was seen in no public list: check that it is there" if mark in of.unseen else None
        yield _row(
            mark,
            "peaks",
            f"{ROADMAP}/{of.epigenome}-{mark}.narrowPeak.gz",
            "inferred" if unseen else "authors",
            licence="Roadmap",
            note=unseen,
        )
    for number, accession in enumerate(of.atac, start=1):
        note = "the cell type of this accession was seen once only" if accession == "ENCFF842UZU" else None
        yield _row(
            f"ATAC-{number}",
            "peaks",
            ENCODE.format(accession),
            "authors",
            licence="ENCODE",
            assembly="hg38",
            note=note,
        )
    for number in (1, 2):
        file = f"wgEncodeUwDnase{of.dnase}RawRep{number}.bigWig"
        seen = "elsewhere" if (cell, number) == ("K562", 1) else "inferred"
        yield _row(
            f"dnase-{number}",
            "accessibility",
            f"{UCSC}/hg19/encodeDCC/wgEncodeUwDnase/{file}",
            seen,
            licence="UCSC: free",
            note="in place of the authors' OpenAnnotate scores, which have no address",
        )


def _row(name: str, kind: str, url: str, seen: str, **others: Any) -> dict[str, Any]:
    given = {key: value for key, value in others.items() if value is not None}
    return {"name": name, "kind": kind, "url": url, "seen": seen, **given}
