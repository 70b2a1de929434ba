"""Genomes and what goes with them: FASTA, sizes, blacklist, genes, and the chain from the other assembly.

Marks and checksums are as in `published.catalogue`. UCSC publishes MD5s in md5sum.txt of every folder,
GENCODE in MD5SUMS of the release; those that are None here are recorded at the first fetch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raycre.errors import ConfigError, near
from raycre.published.catalogue import Published

UCSC = "https://hgdownload.soe.ucsc.edu/goldenPath"
GENCODE = "https://ftp.ebi.ac.uk/pub/databases/gencode/Gencode_human/release_44"
LIFTED_GTF = "gencode.v44lift37.basic.annotation.gtf.gz"
BLACKLIST_COMMIT = "61a04d2c5e49341d76735d485c61f0d1177d08a8"
BLACKLIST = f"https://raw.githubusercontent.com/Boyle-Lab/Blacklist/{BLACKLIST_COMMIT}/lists"


@dataclass(frozen=True)
class Genome:
    """Files of one assembly.

    Attributes:
        name: what the command line calls it.
        what: which sequences it has.
        fasta: gzip, which is made bgzip.
        others: by what they are for: sizes, blacklist, genes, chain.
        unpacked_sha256: of the FASTA's text, where it is known.
    """

    name: str
    what: str
    fasta: Published
    others: Mapping[str, Published]
    unpacked_sha256: str | None = None


def _file(
    genome: str,
    role: str,
    address: str,
    *,
    seen: str = "elsewhere",
    licence: str = "free",
    revision: str = "",
    size: int | None = None,
    sha256: str | None = None,
    md5: str | None = None,
) -> Published:
    return Published(
        name=f"{genome}-{role}",
        what=f"{role} of {genome}",
        address=address,
        revision=revision,
        licence=licence,
        seen=seen,  # type: ignore[arg-type]
        size=size,
        sha256=sha256,
        md5=md5,
        command=f"raycre genome fetch {genome}",
    )


def _grch38(name: str, what: str, fasta: Published) -> Genome:
    return Genome(
        name,
        what,
        fasta,
        {
            "sizes": _file(name, "sizes", f"{UCSC}/hg38/bigZips/hg38.chrom.sizes"),
            "blacklist": _file(
                name,
                "blacklist",
                f"{BLACKLIST}/hg38-blacklist.v2.bed.gz",
                revision=BLACKLIST_COMMIT,
                licence="GPL-3",
                size=5_867,
                md5="83fe6bf8187a64dee8079b80f75ba289",
                sha256="c92e763af17271446194991e71917ac220593a5a3d40a06667be24178ef08cf2",
            ),
            "genes": _file(
                name,
                "genes",
                f"{GENCODE}/gencode.v44.basic.annotation.gtf.gz",
                seen="authors",
                licence="open",
                size=29_570_410,
                md5="7450ef42cf9cb3d29625320b22d4bb45",
                sha256="3e52f82c63f8fd860bf632ccde10441c05751f4c342ad08c0a98e9e2700171a5",
            ),
            "chain": _file(
                name,
                "chain",
                f"{UCSC}/hg19/liftOver/hg19ToHg38.over.chain.gz",
                size=227_698,
                md5="35887f73fe5e2231656504d1f6430900",
                sha256="5c0598e500ceb5a78c73086929e8ef993aec309bcafb595139b53d440b125a1d",
            ),
        },
    )


GENOMES: Mapping[str, Genome] = {
    genome.name: genome
    for genome in (
        Genome(
            "hg19",
            "GRCh37 as UCSC has it; CREATE's",
            _file(
                "hg19",
                "fasta",
                f"{UCSC}/hg19/bigZips/hg19.fa.gz",
                md5="806c02398f5ac5da8ffd6da2d1d5d1a9",
            ),
            {
                "sizes": _file(
                    "hg19",
                    "sizes",
                    f"{UCSC}/hg19/bigZips/hg19.chrom.sizes",
                    seen="inferred",
                    md5="b3b0fcf79b5477ab0b3af02e81eac8dc",
                ),
                "blacklist": _file(
                    "hg19",
                    "blacklist",
                    f"{BLACKLIST}/hg19-blacklist.v2.bed.gz",
                    revision=BLACKLIST_COMMIT,
                    licence="GPL-3",
                    size=7_731,
                    md5="24b982fd681020b1cf030b18a2f0f586",
                    sha256="1a4ba636f791936ab8952cb068f496ccbd55ec4753539547c5d3d055ed00642a",
                ),
                "genes": _file(
                    "hg19", "genes", f"{GENCODE}/GRCh37_mapping/{LIFTED_GTF}", seen="inferred", licence="open"
                ),
                "chain": _file(
                    "hg19",
                    "chain",
                    f"{UCSC}/hg38/liftOver/hg38ToHg19.over.chain.gz",
                    size=1_246_411,
                    md5="ff3031d93792f4cbb86af44055efd903",
                    sha256="14a712e8e147d9fc8e9d87d51977b46f6f8ddb93efbe5d0843d86b6205f587b1",
                ),
            },
            unpacked_sha256="92b96d16b307d824f3b6b9dc63feb237a75226f82ca2166d51ecec039bee4449",
        ),
        _grch38(
            "hg38",
            "GRCh38 as UCSC has it, with alternative sequences",
            _file(
                "hg38",
                "fasta",
                f"{UCSC}/hg38/bigZips/hg38.fa.gz",
                size=983_659_424,
                md5="1c9dcaddfa41027f17cd8f7a82c7293b",
                sha256="c1dd87068c254eb53d944f71e51d1311964fce8de24d6fc0effc9c61c01527d4",
            ),
        ),
        _grch38(
            "GRCh38",
            "GRCh38's primary sequences as GENCODE 44 has them; CREME's authors'",
            _file(
                "GRCh38",
                "fasta",
                f"{GENCODE}/GRCh38.primary_assembly.genome.fa.gz",
                seen="authors",
                licence="open",
            ),
        ),
    )
}


def find_genome(name: str) -> Genome:
    """Return a genome by its name.

    Raises:
        ConfigError: no such genome.
    """
    if name not in GENOMES:
        raise ConfigError(f"no such genome{near(name, GENOMES)}; there are {', '.join(GENOMES)}", value=name)
    return GENOMES[name]
