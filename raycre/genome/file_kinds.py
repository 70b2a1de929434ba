"""Files of a kind that is known and not asked for, told by what is in them, each with its remedy.

One table, `KINDS`, for every reader. A name or a suffix decides nothing.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from raycre.errors import FormatError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BOM = b"\xef\xbb\xbf"  # of UTF-8
HEAD = 1 << 16  # bytes, unpacked, that are looked at


class Kind(NamedTuple):
    """A kind of file.

    name: of the kind, as people write it; readers that take it name it by this.
    holds: whether the first bytes are of such a file: of the file itself, or unpacked where they are gzip.
    remedy: what to do.
    """

    name: str
    holds: Callable[[bytes], bool]
    remedy: str


def _starts(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magic)


def _matches(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    return lambda head: compiled.match(head) is not None


def _number(value: int) -> tuple[bytes, bytes]:
    return struct.pack("<I", value), struct.pack(">I", value)


def _is_zip_with(*parts: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(b"PK\x03\x04") and any(part in head for part in parts)


def _is_utf16_without_mark(head: bytes) -> bool:
    """Every second byte of European text in UTF-16 is 0."""
    even, odd = head[0:400:2], head[1:400:2]
    return len(odd) > 3 and any(
        zeros.count(0) > 0.8 * len(zeros) and not letters.count(0)
        for zeros, letters in ((even, odd), (odd, even))
    )


_AS_UTF8 = "save it as UTF-8 (iconv -f {} -t UTF-8 FILE > NEW)"
_CALLED = "call loops on it first and give their BEDPE"
_PACKED = "unpack it ({} FILE), or pack it again with gzip or bgzip"

# In order: a kind that holds for what a later one holds for stands first.
KINDS = (
    Kind("empty file", lambda head: not head.removeprefix(BOM).strip(), ""),
    Kind("bigWig", _starts(*_number(0x888FFC26)), "turn it into text (bigWigToBedGraph FILE NEW.bedGraph)"),
    Kind("bigBed", _starts(*_number(0x8789F2EB)), "turn it into BED (bigBedToBed FILE NEW.bed)"),
    Kind("2bit", _starts(*_number(0x1A412743)), "turn it into FASTA (twoBitToFa FILE NEW.fa)"),
    Kind(
        "BAM",
        _starts(b"BAM\x01"),
        "reads are no regions and no signal yet: make a bigWig of their coverage (bamCoverage -b FILE -o "
        "NEW.bw), or BED (bedtools bamtobed -i FILE)",
    ),
    Kind("CRAM", _starts(b"CRAM"), "make a bigWig of its coverage (bamCoverage), or BED of its reads"),
    Kind(
        "SAM",
        _matches(rb"@(HD|SQ|RG|PG|CO)\t"),
        "make a bigWig of its coverage (samtools sort, bamCoverage); chromosome sizes are columns 1 and 2 of "
        "the FASTA's .fai",
    ),
    Kind(
        "BCF",
        _starts(b"BCF\x02", b"BCF\x04"),
        "these are variants; give intervals as BED (bcftools query -f '%CHROM\\t%POS0\\t%END\\n' FILE), or "
        "VCF (bcftools view -Oz -o NEW.vcf.gz FILE)",
    ),
    Kind(
        "VCF",
        _matches(rb"##fileformat=VCF"),
        "these are variants at 1-based positions; give intervals as BED (bcftools query -f "
        "'%CHROM\\t%POS0\\t%END\\n' FILE)",
    ),
    Kind("index of a compressed file", _starts(b"TBI\x01", b"CSI\x01", b"BAI\x01"), "give the file itself"),
    Kind("zstd", _starts(ZSTD_MAGIC), _PACKED.format("zstd -d")),
    Kind("xz", _starts(b"\xfd7zXZ\x00"), _PACKED.format("xz -d")),
    Kind("bzip2", _matches(rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)"), _PACKED.format("bzip2 -d")),
    Kind("lz4", _starts(b"\x04\x22\x4d\x18"), _PACKED.format("lz4 -d")),
    Kind("compress (.Z)", _starts(b"\x1f\x9d"), _PACKED.format("uncompress")),
    Kind("7z", _starts(b"7z\xbc\xaf\x27\x1c"), _PACKED.format("7z x")),
    Kind("rar", _starts(b"Rar!\x1a\x07"), _PACKED.format("unrar x")),
    Kind(
        "Excel workbook (.xlsx)",
        _is_zip_with(b"[Content_Types].xml", b"xl/", b"_rels/.rels"),
        "save the sheet as CSV UTF-8 or as tab-separated text",
    ),
    Kind(
        "OpenDocument table (.ods)",
        _is_zip_with(b"opendocument"),
        "save the sheet as CSV or as tab-separated text",
    ),
    Kind("zip", _starts(b"PK\x03\x04", b"PK\x05\x06"), "unpack it (unzip FILE) and give the file inside"),
    Kind(
        "Excel workbook (.xls)",
        _starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        "save the sheet as CSV UTF-8 or as tab-separated text",
    ),
    Kind(
        "tar",
        lambda head: head[257:262] == b"ustar",
        "unpack it (tar -xf FILE) and give one of the files inside",
    ),
    Kind("gzip inside gzip", _starts(GZIP_MAGIC), "it was packed twice: unpack it once (gunzip FILE)"),
    Kind("UTF-32 text", _starts(b"\xff\xfe\0\0", b"\0\0\xfe\xff"), _AS_UTF8.format("UTF-32")),
    Kind("UTF-16 text", _starts(b"\xff\xfe", b"\xfe\xff"), _AS_UTF8.format("UTF-16")),
    Kind(
        "HDF5 (a .cool, .mcool, .h5 or .h5ad)",
        _starts(b"\x89HDF\r\n\x1a\n"),
        f"it is no text; of a contact map, {_CALLED} (cooltools dots, chromosight)",
    ),
    Kind("hic", _starts(b"HIC\x00"), f"a contact map is no list of loops: {_CALLED} (juicer_tools hiccups)"),
    Kind("Parquet", _starts(b"PAR1"), "this input is text: write it as tab-separated text or CSV"),
    Kind("Arrow or Feather", _starts(b"ARROW1", b"FEA1"), "write it as tab-separated text, CSV or Parquet"),
    Kind("IGV's TDF", _starts(b"TDF4", b"TDF3"), "make a bigWig of the data it was made of"),
    Kind(
        "R data (.rds, .RData)",
        _starts(b"RDX2\n", b"RDX3\n", b"RDA2\n", b"X\n\0\0\0", b"A\n2\n", b"A\n3\n"),
        "write the table in R with write.table(x, FILE, sep='\\t', quote=FALSE, row.names=FALSE)",
    ),
    Kind("SQLite", _starts(b"SQLite format 3\0"), "write its table as tab-separated text"),
    Kind("NumPy array", _starts(b"\x93NUMPY"), "write it as tab-separated text"),
    Kind("Python pickle", _matches(rb"\x80[\x02-\x05]"), "write the table as tab-separated text or Parquet"),
    Kind("PDF", _starts(b"%PDF"), "give the table behind it as text"),
    Kind(
        "git-lfs pointer",
        _starts(b"version https://git-lfs.github.com/spec"),
        "the file itself was not fetched: git lfs pull",
    ),
    Kind(
        "git-annex pointer",
        _matches(rb"(\.\./)*(\.git)?/annex/objects/"),
        "the file itself was not fetched: git annex get",
    ),
    Kind(
        "web page (HTML)",
        _matches(rb"\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body|script)\b"),
        "the download gave a page, of an error or a log-in, in place of the file: get it again",
    ),
    Kind(
        "XML",
        _matches(rb"\s*<(\?xml|Error>|error>)"),
        "a server's message, perhaps, in place of the file: look at it, and get the file again",
    ),
    Kind("JSON", _matches(rb"\s*(\{\s*[\"}]|\[\s*[\[\{\"])"), "write it as tab-separated text"),
    Kind(
        "GFF3",
        _matches(rb"(#.*\n)*##\s*gff-version\s+3"),
        "give the GTF of the same release, or make one (gffread FILE -T -o NEW.gtf)",
    ),
    Kind(
        "GTF",
        _matches(rb"(#.*\n|\s*\n)*[^\t\n]+\t[^\t\n]*\t[^\t\n]*[a-z][^\t\n]*\t\d+\t\d+\t[^\t\n]+\t[+.?-]\t[012.]\t"),
        "of genes, give it as inputs.gtf; of intervals, make BED (start - 1, end)",
    ),
    Kind(
        "wiggle",
        _matches(rb"((#|browser|track).*\n)*(fixedStep|variableStep)\s"),
        "make a bigWig of it (wigToBigWig FILE chrom.sizes NEW.bw)",
    ),
    Kind("FASTQ", _matches(rb"@[^\n]*\n[ACGTUN.]+\r?\n\+"), "reads must be aligned first"),
    Kind("FASTA", _matches(rb"\s*>"), "it holds sequence: give it as inputs.fasta"),
    Kind(
        "PSL", _starts(b"psLayout"), "turn it into BED (pslToBed FILE NEW.bed)"
    ),
    Kind(
        "MACS2 table (_peaks.xls)",
        _matches(rb"# This file is generated by MACS"),
        "its starts are 1-based: give the .narrowPeak or .bed of the same run",
    ),
    Kind(
        "UTF-16 text without its mark",
        _is_utf16_without_mark,
        _AS_UTF8.format("UTF-16LE") + "; UTF-16BE where that gives no letters",
    ),
)  # fmt: skip


def _unpacked(head: bytes) -> bytes | None:
    """Return what the first bytes of a gzip file unpack to, and others as they are; None for damaged ones."""
    if not head.startswith(GZIP_MAGIC):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD)
    except zlib.error:
        return None


def kind_of(head: bytes) -> Kind | None:
    """Return the kind that the first bytes of a file, unpacked, tell; None where they tell none."""
    text = head.removeprefix(BOM)
    return next((kind for kind in KINDS if kind.holds(text)), None)


def refuse_other_kinds(path: Path, wanted: str, takes: Collection[str] = ()) -> None:
    """Refuse a file that is known to be of another kind than a reader takes.

    Args:
        path: the file; it must be there.
        wanted: what the reader takes, for the error.
        takes: names of `KINDS` that it takes all the same.

    Raises:
        FormatError: the kind is named, with what to do.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    unpacked = _unpacked(head)
    if unpacked is not None:  # whoever unpacks the whole of it says what is damaged
        check_head(unpacked, path, wanted, takes)


def check_head(head: bytes, path: Path, wanted: str, takes: Collection[str] = ()) -> None:
    """As `refuse_other_kinds`, of first bytes that are unpacked already."""
    kind = kind_of(head)
    if kind is None or kind.name in takes:
        return
    if kind.name == "empty file":
        raise FormatError("the file is empty", path=path)
    raise FormatError(
        f"this is {kind.name} where {wanted} was expected; {kind.remedy}",
        path=path,
        line=1 if head[:64].isascii() and b"\0" not in head[:64] else None,
    )
