"""A file of a kind that was not asked for is named with its remedy, whatever it is called."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from raycre.backbones.tracks import read_track_table
from raycre.config import TrainConfig
from raycre.config.reading import read_config
from raycre.errors import InputError
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.crispr_pairs import read_pairs
from raycre.genome.fasta import Fasta
from raycre.genome.file_kinds import KINDS
from raycre.genome.genes import read_genes, read_tss_table
from raycre.genome.loops import read_loops
from raycre.genome.name_list import read_names
from raycre.genome.regions import read_labels, read_regions
from raycre.genome.repeats import read_repeats
from raycre.genome.tracks import Track

SIZES = {"chr1": 1000}
BED = "chr1\t100\t600\tpeak\n" * 20


def open_track(path: Path) -> None:
    Track(path, SIZES)


def loops(path: Path) -> None:
    read_loops(path, SIZES)


READERS: list[Callable[[Path], object]] = [
    read_regions, read_labels, open_track, loops, read_genes, read_tss_table, read_names, read_pairs,
    read_repeats, read_sizes, read_track_table, Fasta,
]  # fmt: skip


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in names:
            file.writestr(name, BED)
    return packed.getvalue()


def tarred() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        entry = tarfile.TarInfo("peaks.bed")
        entry.size = len(BED)
        file.addfile(entry, io.BytesIO(BED.encode()))
    return packed.getvalue()


def parquet() -> bytes:
    packed = io.BytesIO()
    pd.DataFrame({"chrom": ["chr1"], "start": [1], "end": [2]}).to_parquet(packed)
    return packed.getvalue()


# what it is, its bytes, what the error names, what it advises
FILES: list[tuple[str, bytes, str, str]] = [
    ("bigBed", struct.pack("<I", 0x8789F2EB) + bytes(60), "bigBed", "bigBedToBed"),
    ("bigBed of the other byte order", struct.pack(">I", 0x8789F2EB) + bytes(60), "bigBed", "bigBedToBed"),
    ("2bit", struct.pack("<I", 0x1A412743) + bytes(60), "2bit", "twoBitToFa"),
    ("BAM", gzip.compress(b"BAM\x01" + bytes(60)), "BAM", "bamCoverage"),
    ("CRAM", b"CRAM\x03\x00" + bytes(60), "CRAM", "bamCoverage"),
    ("SAM", b"@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:1000\n", "SAM", "bamCoverage"),
    ("zstd", b"\x28\xb5\x2f\xfd" + bytes(40), "zstd", "zstd -d"),
    ("xz", lzma.compress(BED.encode()), "xz", "xz -d"),
    ("bzip2", bz2.compress(BED.encode()), "bzip2", "bzip2 -d"),
    ("lz4", b"\x04\x22\x4d\x18" + bytes(40), "lz4", "lz4 -d"),
    ("zip", zipped("peaks.bed"), "zip", "unzip"),
    ("xlsx", zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel workbook", "CSV UTF-8"),
    ("xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), "Excel workbook", "CSV UTF-8"),
    ("tar", tarred(), "tar", "tar -xf"),
    ("tar.gz", gzip.compress(tarred()), "tar", "tar -xf"),
    ("gzip in gzip", gzip.compress(gzip.compress(BED.encode())), "gzip inside gzip", "gunzip"),
    ("UTF-16 with its mark", BED.encode("utf-16"), "UTF-16", "iconv -f UTF-16 -t UTF-8"),
    ("UTF-16LE without", BED.encode("utf-16-le"), "UTF-16 text without its mark", "iconv -f UTF-16LE"),
    ("UTF-16BE without", BED.encode("utf-16-be"), "UTF-16 text without its mark", "UTF-16BE"),
    ("UTF-32", BED.encode("utf-32"), "UTF-32", "iconv -f UTF-32"),
    ("cool", b"\x89HDF\r\n\x1a\n" + bytes(60), "HDF5", "call loops"),
    ("hic", b"HIC\x00\x08\x00\x00\x00" + bytes(60), "hic", "call loops"),
    ("VCF", b"##fileformat=VCFv4.2\n#CHROM\tPOS\nchr1\t5\n", "VCF", "bcftools query"),
    ("VCF, bgzip", gzip.compress(b"##fileformat=VCFv4.2\n"), "VCF", "bcftools query"),
    ("BCF", gzip.compress(b"BCF\x02\x02" + bytes(40)), "BCF", "give intervals as BED"),
    ("tabix index", gzip.compress(b"TBI\x01" + bytes(40)), "index", "give the file itself"),
    ("GFF3", b"##gff-version 3\nchr1\tx\tgene\t1\t9\t.\t+\t.\tID=g\n", "GFF3", "gffread"),
    ("wiggle", b"track type=wiggle_0\nfixedStep chrom=chr1 start=1 step=1\n1\n", "wiggle", "wigToBigWig"),
    ("FASTQ", b"@read 1\nACGTN\n+\nFFFFF\n", "FASTQ", "aligned"),
    ("HTML", b"\n<!DOCTYPE html>\n<html><title>404</title></html>", "web page", "get it again"),
    ("XML", b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "XML", "server's message"),
    ("JSON", b'{"error": "not found"}\n', "JSON", "tab-separated"),
    ("git-lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-lfs", "git lfs pull"),
    ("git-annex", b"/annex/objects/MD5E-s10--0.bed\n", "git-annex", "git annex get"),
    ("RData", gzip.compress(b"RDX3\nX\n" + bytes(20)), "R data", "write.table"),
    ("rds", gzip.compress(b"X\n\0\0\0\3" + bytes(20)), "R data", "write.table"),
    ("PDF", b"%PDF-1.7\n" + bytes(20), "PDF", "as text"),
    ("MACS2 .xls", b"# This file is generated by MACS version 2.2\nchr\tstart\tend\n", "MACS2", "narrowPeak"),
    ("Feather", b"ARROW1\0\0" + bytes(40), "Arrow or Feather", "Parquet"),
    ("TDF", b"TDF4" + bytes(40), "TDF", "bigWig"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "kind", "remedy"), [pytest.param(*f, id=name) for name, *f in FILES])
def test_every_reader_names_the_kind_and_the_remedy(
    tmp_path: Path, content: bytes, kind: str, remedy: str
) -> None:
    for name in ("peaks.bed", "data.gtf.gz"):  # names decide nothing
        path = tmp_path / name
        path.write_bytes(content)
        for read in READERS:
            with pytest.raises(InputError) as caught:
                read(path)
            message = caught.value.message
            assert kind in message, (read, message)
            assert remedy in message, (read, message)
            assert caught.value.exit_code == 2


def test_a_parquet_is_named_where_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.bed"
    path.write_bytes(parquet())
    assert len(read_regions(path).table) == 1
    for read in (open_track, loops, read_genes, read_names, read_repeats, read_sizes):
        with pytest.raises(InputError, match=r"this is Parquet where .* write it as tab-separated text"):
            read(path)


def test_bigwig_where_text_is_read_and_text_named_bigwig(tmp_path: Path) -> None:
    path = tmp_path / "x.bed"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", 1000)])
        file.addEntries(["chr1"], [5], ends=[9], values=[1.0])
    for read in (read_regions, loops, read_genes, read_tss_table, read_names, read_sizes, Fasta):
        with pytest.raises(InputError, match=r"this is bigWig where .*bigWigToBedGraph"):
            read(path)
    path = tmp_path / "x.bw"
    path.write_text("chr1\t5\t9\t1\n")
    with Track(path, SIZES) as track:
        assert track.read_many(["chr1"], np.array([4]), 3).tolist() == [[0, 1, 1]]


def test_fasta_and_gtf_given_for_each_other_and_for_bed(tmp_path: Path) -> None:
    fasta, gtf = tmp_path / "a", tmp_path / "b"
    fasta.write_text(">chr1\nACGT\n")
    gtf.write_text('#!x\nchr1\tX\ttranscript\t1\t9\t.\t+\t.\tgene_id "G"; transcript_id "T";\n')
    read: Callable[..., object]
    for read in (read_regions, read_genes, read_tss_table, read_names):
        with pytest.raises(InputError, match="this is FASTA where"):
            read(fasta)
    for read in (read_regions, read_tss_table, open_track, loops, Fasta):
        with pytest.raises(InputError, match=r"this is GTF where .* inputs\.gtf"):
            read(gtf)


def test_beds_with_numbers_for_names_are_no_gtf(tmp_path: Path) -> None:
    path = tmp_path / "x.bed"
    path.write_text("chr1\t100\t600\t1\t0\t.\t.\t.\t.\t10\n")
    assert len(read_regions(path).table) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"\n \n\n", b"\xef\xbb\xbf", gzip.compress(b"")],
    ids=["no byte", "blank lines", "byte order mark", "gzip of no byte"],
)
def test_an_empty_file_is_called_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    for read in READERS:
        with pytest.raises(InputError, match="empty"):
            read(path)


def test_a_configuration_in_utf_16_or_with_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("runn: {}\n", encoding="utf-16")
    with pytest.raises(InputError, match="this is UTF-16 text where YAML was expected; save it as UTF-8"):
        read_config(TrainConfig, path)
    path.write_bytes("runn: {}\r\n".encode("utf-8-sig"))
    with pytest.raises(InputError, match=r"c\.yaml:1: unknown key runn"):
        read_config(TrainConfig, path)


def test_names_of_kinds_are_given_once() -> None:
    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(names)
