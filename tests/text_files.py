"""Small text files, what readers find in them, and what they say of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from raycre.genome.genes import read_tss_table
from raycre.genome.regions import read_regions, resize
from raycre.genome.textfile import READINGS

SIZES = dict.fromkeys(("chr1", "chr2", "chrX"), 1_500_000)


class Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def said() -> Iterator[list[str]]:
    handler = Said()
    level = READINGS.level
    READINGS.addHandler(handler)
    READINGS.setLevel(logging.INFO)
    yield handler.lines
    READINGS.removeHandler(handler)
    READINGS.setLevel(level)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "input.bed") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def places(path: Path) -> list[tuple[str, int, int]]:
    table = read_regions(path).table
    return list(table[["chrom", "start", "end"]].itertuples(index=False, name=None))


def centred(path: Path) -> list[int]:
    """Starts of regions of 1 kb."""
    return resize(read_regions(path).table, 1000, SIZES).table["start"].tolist()


def tss(path: Path) -> list[tuple[str, int]]:
    table = read_tss_table(path)
    return list(table[["gene_name", "tss"]].itertuples(index=False, name=None))


def transcript(start: int, end: int, strand: str, attributes: str) -> str:
    return f"chr1\tX\ttranscript\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


PAIR = [("AAA", 500_000), ("BBB", 719_999)]
