"""A FASTA, its compression or its index is damaged, or an interval is not in it."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from Bio import bgzf

from raycre.errors import ChromosomeError, FormatError, InputError, RegionError
from raycre.genome.fasta import Fasta
from tests.genome_readers import FASTA


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda good: gzip.compress(FASTA), "Use the samtools bgzip utility", id="plain gzip"),
        pytest.param(lambda good: gzip.compress(FASTA)[:-9], "file ended before the end", id="cut gzip"),
        pytest.param(lambda good: FASTA, "Not a gzipped file", id="not gzip"),
        pytest.param(lambda good: b"", "the FASTA is empty", id="empty"),
        pytest.param(lambda good: good[:-28], "EOF marker not found", id="without its end marker"),
        pytest.param(lambda good: good[:-30], "get it again", id="cut inside a block"),
        pytest.param(
            lambda good: good[:-36] + b"0000" + good[-32:], "CRC check failed.*get it again", id="damaged"
        ),
    ],
)
def test_a_bad_compressed_fasta(tmp_path: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    path = tmp_path / "g.fa.gz"
    with bgzf.BgzfWriter(str(path)) as writer:
        writer.write(FASTA)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FormatError, match=rf"g\.fa\.gz: .*{message}"):
        Fasta(path)
    assert [file.name for file in tmp_path.iterdir()] == ["g.fa.gz"]


@pytest.mark.parametrize(
    ("chrom", "start", "end", "error", "message"),
    [
        ("chr1", 10, 18, RegionError, r"^chr1:10-18 ends 3 bp past chr1 \(15\) in g\.fa; drop it"),
        ("chr1", -4, 3, RegionError, r"^chr1:-4-3 starts 4 bp before chr1 \(15\) in g\.fa"),
        ("chr1", 5, 5, RegionError, "the end is not past the start"),
        ("1", 0, 5, ChromosomeError, r"'1': no such chromosome in g\.fa; it has 'chr1'"),
        ("chr", 0, 5, ChromosomeError, r"'chr': .*it has chr1, chr2"),
        ("scaffold_9", 0, 5, ChromosomeError, r"'scaffold_9': .*it has chr1, chr2"),
    ],
)
def test_a_bad_interval_of_a_fasta(
    tmp_path: Path, chrom: str, start: int, end: int, error: type[InputError], message: str
) -> None:
    (tmp_path / "g.fa").write_bytes(FASTA)
    with Fasta(tmp_path / "g.fa") as fasta, pytest.raises(error, match=message):
        fasta.read(chrom, start, end)


def test_a_letter_that_is_no_nucleotide_names_the_interval(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_bytes(b">chr1\nACGT\nAC*T\n")
    with Fasta(tmp_path / "g.fa") as fasta:
        assert fasta.read("chr1", 0, 6).tolist() == [0, 1, 2, 3, 0, 1]
        with pytest.raises(FormatError, match=r"g\.fa: '\*': chr1:6-7: no nucleotide; a protein"):
            fasta.read("chr1", 4, 8)


def test_an_index_that_speaks_of_more_than_the_fasta_holds(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(FASTA)
    Fasta(path).close()
    path.write_bytes(FASTA[:20])
    os.utime(path, ns=(0, 0))  # older than its index, so that the index is believed
    with pytest.raises(FormatError, match=r"g\.fa: its index has chr1 up to byte 22, the file has 20; "):
        Fasta(path)


def test_an_index_that_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_bytes(FASTA)
    (tmp_path / "g.fa.fai").write_text("chr1\t15\t6\n")
    with pytest.raises(FormatError, match=r"g\.fa\.fai: not the index of g\.fa .*; delete it"):
        Fasta(tmp_path / "g.fa")


def test_no_folder_for_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(FASTA)
    (tmp_path / "g.fa.fai").mkdir()  # in the way, as a folder without permission would be
    monkeypatch.setenv("RAYCRE_CACHE", str(path))
    with pytest.raises(InputError, match=r"g\.fa: its index can be written neither .*set RAYCRE_CACHE"):
        Fasta(path)
