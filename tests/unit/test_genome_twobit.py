"""2bit written by hand: sizes, N, and what is no whole file."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from raycre.errors import FormatError
from raycre.genome.fasta import Fasta
from raycre.genome.n_runs import runs_of_n
from raycre.genome.twobit import TwoBit, is_twobit

SEQUENCES = {"chr1": "NNNN" + "ACGT" * 10 + "NN" + "acgt" * 3, "chrX": "TTTTT", "chr9": "nnn"}


def write_twobit(path: Path, sequences: dict[str, str]) -> None:
    """The format of UCSC's: T, C, A, G are 0 to 3; N and lower case are runs beside them."""

    def runs(seq: str, holds: str) -> bytes:
        marks = [letter in holds for letter in seq]
        starts = [i for i, m in enumerate(marks) if m and (i == 0 or not marks[i - 1])]
        ends = [i + 1 for i, m in enumerate(marks) if m and (i + 1 == len(seq) or not marks[i + 1])]
        sizes = [b - a for a, b in zip(starts, ends, strict=True)]
        return struct.pack(f"<I{len(starts)}I{len(sizes)}I", len(starts), *starts, *sizes)

    records = []
    for seq in sequences.values():
        codes = ["TCAG".find(letter) % 4 for letter in seq.upper().replace("N", "T")]
        codes += [0] * (-len(codes) % 4)
        packed = bytes(
            sum(c << shift for c, shift in zip(codes[i : i + 4], (6, 4, 2, 0), strict=True))
            for i in range(0, len(codes), 4)
        )
        lower = runs(seq, "acgtn")
        records.append(struct.pack("<I", len(seq)) + runs(seq, "Nn") + lower + struct.pack("<I", 0) + packed)
    at = 16 + sum(1 + len(name) + 4 for name in sequences)
    index = b""
    for name, record in zip(sequences, records, strict=True):
        index += struct.pack("<B", len(name)) + name.encode() + struct.pack("<I", at)
        at += len(record)
    head = struct.pack("<4I", 0x1A412743, 0, len(sequences), 0)
    path.write_bytes(head + index + b"".join(records))


def test_sizes_and_n_are_those_of_the_fasta(tmp_path: Path) -> None:
    twobit, fasta = tmp_path / "a.2bit", tmp_path / "a.fa"
    write_twobit(twobit, SEQUENCES)
    fasta.write_text("".join(f">{name}\n{seq}\n" for name, seq in SEQUENCES.items()))
    assert (is_twobit(twobit), is_twobit(fasta)) == (True, False)
    genome = TwoBit(twobit)
    assert genome.sizes == {"chr1": 58, "chrX": 5, "chr9": 3}
    with Fasta(fasta) as opened:
        expected = runs_of_n(opened, list(opened.sizes))
    assert runs_of_n(genome, list(genome.sizes)).values.tolist() == expected.values.tolist()
    assert expected.values.tolist() == [["chr1", 0, 4], ["chr1", 44, 46], ["chr9", 0, 3]]


def test_a_file_that_is_cut_anywhere_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.2bit"
    write_twobit(path, SEQUENCES)
    whole = path.read_bytes()
    for length in range(4, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"cut\.2bit: the 2bit is truncated or damaged"):
            TwoBit(path)
