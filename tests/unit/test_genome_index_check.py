"""A `.fai` newer than its FASTA is believed only where every header, line and end is where it has them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from Bio import bgzf

from raycre.errors import FormatError, InputError
from raycre.genome.fasta import Fasta
from raycre.genome.sequence import decode

RNG = np.random.default_rng(11)
BASES = {name: "".join(RNG.choice(list("ACGT"), 5_000)) for name in ("chr1", "chr2", "chrX")}


def text(
    names: dict[str, str] | None = None, width: int = 60, newline: str = "\n", chr1: str = "chr1"
) -> bytes:
    """The three records; `names` says whose bases each name has."""
    lines: list[str] = []
    for name, bases in (names or {name: name for name in BASES}).items():
        lines.append(f">{chr1 if name == 'chr1' else name}")
        sequence = BASES[bases]
        lines += [sequence[i : i + width] for i in range(0, len(sequence), width)]
    return (newline.join(lines) + newline).encode()


def write(path: Path, content: bytes, block: int = 65_280) -> None:
    if path.suffix != ".gz":
        path.write_bytes(content)
        return
    with bgzf.BgzfWriter(str(path)) as file:
        for begin in range(0, len(content), block):
            file.write(content[begin : begin + block])
            file.flush()


def indexes(path: Path) -> list[Path]:
    return [p for suffix in (".fai", ".gzi") if (p := Path(f"{path}{suffix}")).exists()]


def cut_to(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])


def leave_stale(path: Path, make_old: Callable[[], None], make_new: Callable[[], None]) -> None:
    """Write a FASTA, index it, replace it, and make the index the newer one."""
    make_old()
    Fasta(path).close()
    kept = {index: index.read_bytes() for index in indexes(path)}
    make_new()
    for index, content in kept.items():
        index.write_bytes(content)
        os.utime(index, ns=(0, path.stat().st_mtime_ns + 10**9))


def n_wrong(path: Path) -> tuple[int, str]:
    """Windows of 300 bp that are not those of the file; and the note about the index."""
    start = np.arange(0, 4_700, 47)
    with Fasta(path) as fasta:
        assert fasta.sizes == dict.fromkeys(fasta.sizes, 5_000)
        wrong = 0
        for name in BASES:
            read = fasta.read_many([name] * len(start), start, 300)
            wrong += sum(
                decode(r) != BASES[name][s : s + 300] for r, s in zip(read, start.tolist(), strict=True)
            )
        return wrong, fasta.note


REVERSED = {name: name for name in reversed(BASES)}
PERMUTED = {"chr2": "chr1", "chrX": "chr2", "chr1": "chrX"}
STALE = {
    "a header that grew by 61 bytes": (text(), text(chr1="chr1 " + "x" * 60)),
    "a header that shrank": (text(chr1="chr1 dna:chromosome"), text()),
    "records of equal length in another order": (text(REVERSED), text()),
    "permuted names": (text(PERMUTED), text()),
    "one name for another": (
        text({"chr1": "chr1", "chr3": "chr2", "chrX": "chrX"}),
        text(),
    ),
    "other line width": (text(width=70), text()),
    "lines instead of one line": (text(width=5_000), text()),
    "CRLF became LF": (text(newline="\r\n"), text()),
    "LF became CRLF": (text(), text(newline="\r\n")),
    "a record more": (text({"chr1": "chr1", "chr2": "chr2"}), text()),
    "a record less in the middle": (
        text({"chr1": "chr1", "chr5": "chrX", "chr2": "chr2", "chrX": "chrX"}),
        text(),
    ),
}


@pytest.mark.parametrize("suffix", [".fa", ".fa.gz"])
@pytest.mark.parametrize("old_and_new", STALE.values(), ids=STALE)
def test_an_index_newer_than_its_fasta_that_does_not_fit_is_made_again(
    tmp_path: Path, suffix: str, old_and_new: tuple[bytes, bytes]
) -> None:
    path = tmp_path / f"g{suffix}"
    old, new = old_and_new
    leave_stale(path, lambda: write(path, old), lambda: write(path, new))
    wrong, note = n_wrong(path)
    assert wrong == 0  # all of 300, or an error, where the index is believed
    assert "is not the index of" in note
    assert n_wrong(path) == (0, "")  # the new index fits


def test_a_gzi_of_other_blocks_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "g.fa.gz"
    for old, new in ((65_280, 3_000), (3_000, 65_280), (3_000, 3_100)):
        leave_stale(path, partial(write, path, text(), old), partial(write, path, text(), new))
        wrong, note = n_wrong(path)
        assert wrong == 0
        assert "its .gzi " in note


def test_an_index_that_fits_is_not_touched(tmp_path: Path) -> None:
    contents = {
        "no last newline": text()[:-1],
        "crlf": text(newline="\r\n"),
        "one line": text(width=5_000),
        "blank line at the end": text() + b"\n",
        "comment first": b";made by hand\n" + text(),
    }
    for what, content in contents.items():
        for suffix in (".fa", ".fa.gz"):
            path = tmp_path / f"{what.replace(' ', '_')}{suffix}"
            write(path, content)
            Fasta(path).close()
            before = {index: index.stat().st_mtime_ns for index in indexes(path)}
            assert n_wrong(path) == (0, "")
            assert {index: index.stat().st_mtime_ns for index in indexes(path)} == before


@pytest.mark.parametrize(
    "content",
    [
        b">a\nACGT\n>e\n>b\nGG\n",
        b">a\nACGT\n>e\n",
        b">a\nACGT\n>e",
        b">e\n>f\n>a\nACGT\n",
        b"\n\n>a\nACGT\nAC\n>b\nGG\n",
        b"> a x\nACGT\n>b >x\nGG\n",
        b">a\tx\nACGT\nAC\n\n>b\nGG\n",
        b">a\r\nACGT\nAC\n>b\r\nGG\n",
        ">\u00e9 \u00e9\nACGT\n".encode(),
    ],
)
def test_odd_fastas_fit_their_own_index(tmp_path: Path, content: bytes) -> None:
    for suffix in (".fa", ".fa.gz"):
        path = tmp_path / f"g{suffix}"
        write(path, content)
        with Fasta(path) as made, Fasta(path) as again:
            assert (again.note, again.sizes) == ("", made.sizes)


def test_a_stale_index_in_a_folder_that_cannot_be_written_goes_to_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "data" / "g.fa"
    path.parent.mkdir()
    leave_stale(path, lambda: write(path, text(REVERSED)), lambda: write(path, text()))
    stale = indexes(path)[0].read_bytes()
    replace = Path.replace

    def refuse(source: Path, target: str) -> Path:
        if Path(target).parent == path.parent:
            raise PermissionError(13, "Permission denied", target)
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", refuse)  # root may write everywhere
    assert n_wrong(path)[0] == 0
    assert indexes(path)[0].read_bytes() == stale
    assert len(list((tmp_path / "cache").rglob("*.fai"))) == 1
    monkeypatch.setenv("RAYCRE_CACHE", str(path))
    with pytest.raises(
        InputError, match=r"is not the index of g\.fa .*, but its index can be written neither"
    ):
        Fasta(path)


@pytest.mark.parametrize("suffix", [".fa", ".fa.gz"])
@pytest.mark.parametrize("cut", [1_000, 12_000, -100])
def test_a_fasta_cut_beside_its_index_is_truncated_and_not_indexed_anew(
    tmp_path: Path, suffix: str, cut: int
) -> None:
    path = tmp_path / f"g{suffix}"
    leave_stale(path, lambda: write(path, text()), lambda: write(path, text()[:cut]))
    kept = indexes(path)[0].read_bytes()
    with pytest.raises(FormatError, match=r"g\.fa.*: its index has chr. up to byte .* is truncated, get it"):
        Fasta(path)
    assert indexes(path)[0].read_bytes() == kept


def test_bgzip_without_its_end_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "g.fa.gz"
    for kept in (-28, -3_000):
        leave_stale(path, lambda: write(path, text()), partial(cut_to, path, kept))
        with pytest.raises(FormatError, match=r"g\.fa\.gz: not a whole FASTA"):
            Fasta(path)


@pytest.mark.parametrize("content", [b">a\rACGT\rAC\r>b\rGG\r", b">a\nACGT\rAC\n>b\nGG\n"])
def test_a_line_end_of_one_cr_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(content)
    line = content[: content.index(b"\r")].count(b"\n") + 1
    with pytest.raises(FormatError, match=rf"g\.fa:{line}: a line end of one CR"):
        Fasta(path)


def test_an_index_is_made_once_where_the_fasta_is_of_a_clock_ahead(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    write(path, text())
    ahead = time.time_ns() + 3_600 * 10**9
    os.utime(path, ns=(ahead, ahead))
    Fasta(path).close()
    inode = indexes(path)[0].stat().st_ino
    Fasta(path).close()
    assert indexes(path)[0].stat().st_ino == inode
