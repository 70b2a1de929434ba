"""A replaced file is found by its content, whatever its size and times; a touched one is the same."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from raycre.errors import ChangedInputError, MissingInputError
from raycre.genome import fingerprint as module
from raycre.genome.features import SignalPaths, Signals
from raycre.genome.fingerprint import check_unchanged, fingerprint
from raycre.workflows.predict import reading


def old(path: Path) -> Path:
    """Make a file look as if it were written long ago; its ctime stays."""
    os.utime(path, ns=(10**18, 10**18))
    return path


def test_a_file_that_is_the_same_passes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    taken = fingerprint(path)
    check_unchanged([taken])
    path.touch()
    check_unchanged([taken])
    shutil.copy(path, tmp_path / "b")
    (tmp_path / "b").replace(path)  # another inode, the same content
    check_unchanged([taken])


@pytest.mark.parametrize("settled", [False, True])
def test_a_replaced_file_of_equal_size_and_time_is_named(
    tmp_path: Path, settled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if settled:
        monkeypatch.setattr(module, "_TICK", -(10**18))
    path = tmp_path / "a"
    path.write_text("one")
    taken = fingerprint(old(path))
    other = tmp_path / "b"
    other.write_text("two")
    old(other).replace(path)
    with pytest.raises(ChangedInputError, match=rf"{path}: the file was replaced after"):
        check_unchanged([taken])


def test_a_write_in_place_within_one_tick_of_the_clock_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    for text in ("two", "six", "ten"):
        taken = fingerprint(path)
        check_unchanged([taken])
        path.write_text(text)
        with pytest.raises(ChangedInputError):
            check_unchanged([taken])


def test_a_removed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    taken = fingerprint(path)
    path.unlink()
    with pytest.raises(ChangedInputError, match="replaced"):
        check_unchanged([taken])
    with pytest.raises(MissingInputError):
        fingerprint(path)


def test_content_is_read_once_where_times_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    taken = fingerprint(path)
    os.utime(path, ns=(1, 1))
    monkeypatch.setattr(module, "_TICK", -(10**18))  # as if all were written long ago
    hashed = []
    monkeypatch.setattr(module, "sha256_of", lambda p: hashed.append(p) or taken.sha256)
    for _ in range(3):
        check_unchanged([taken])
    assert hashed == [path]


def test_a_file_written_while_it_is_hashed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("one")

    def growing(p: Path) -> str:
        p.write_text("one more")
        return "x"

    monkeypatch.setattr(module, "sha256_of", growing)
    with pytest.raises(ChangedInputError, match="written while it was read"):
        fingerprint(path)


def write_genome(path: Path, letter: str) -> None:
    path.write_text(f">chr1\n{letter * 2_000}\n")


def write_bigwig(path: Path, value: float) -> None:
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", 2_000)])
        file.addEntries(["chr1"], [0], ends=[2_000], values=[value])


@pytest.fixture
def paths(tmp_path: Path) -> SignalPaths:
    write_genome(tmp_path / "g.fa", "A")
    write_bigwig(tmp_path / "s.bw", 1.0)
    (tmp_path / "l.bedpe").write_text("chr1\t0\t10\tchr1\t500\t600\n")
    return hashed(tmp_path)


def hashed(folder: Path) -> SignalPaths:
    fasta, openness, loops = (folder / name for name in ("g.fa", "s.bw", "l.bedpe"))
    prints = tuple(map(fingerprint, (fasta, openness, loops)))
    return SignalPaths(fasta, (openness,), loops, fingerprints=prints)


REGIONS = pd.DataFrame({"chrom": ["chr1"], "start": [0], "end": [1_000]})


def test_a_process_that_outlives_a_run_reads_the_next_runs_files(tmp_path: Path, paths: SignalPaths) -> None:
    first = reading._open(paths).read_wide(REGIONS, 0)
    assert reading._open(paths) is reading._open(paths)
    Path(f"{paths.fasta}.fai").unlink()
    write_genome(tmp_path / "new.fa", "C")
    (tmp_path / "new.fa").replace(paths.fasta)
    (tmp_path / "s.bw").unlink()
    write_bigwig(tmp_path / "s.bw", 2.0)
    (tmp_path / "l.bedpe").write_text("chr1\t0\t20\tchr1\t500\t600\n")
    second = reading._open(hashed(tmp_path)).read_wide(REGIONS, 0)
    for before, after in zip(first, second, strict=True):
        assert before is not None
        assert after is not None
        assert not np.array_equal(before, after)
    assert (second.codes == 1).all()
    assert second.openness is not None
    assert (second.openness == 2).all()
    assert second.loops is not None
    assert second.loops.sum() == 120


@pytest.mark.parametrize("name", ["g.fa", "s.bw", "l.bedpe"])
def test_a_file_replaced_in_mid_run_is_named_and_nothing_is_read(
    tmp_path: Path, paths: SignalPaths, name: str
) -> None:
    signals = Signals(paths)
    signals.read_wide(REGIONS, 0)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ChangedInputError, match=rf"{name}: the file was replaced"):
        signals.read_wide(REGIONS, 0)
    (tmp_path / name).write_bytes(content)
    assert signals.read_wide(REGIONS, 0).codes.shape == (1, 1_000)


def test_a_file_replaced_between_hash_and_opening_is_named(tmp_path: Path, paths: SignalPaths) -> None:
    write_genome(tmp_path / "g.fa", "C")
    with pytest.raises(ChangedInputError, match=r"g\.fa: the file was replaced"):
        Signals(paths)
