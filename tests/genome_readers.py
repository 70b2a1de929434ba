"""Readers of a genome's files by one signature: a path."""

from __future__ import annotations

from pathlib import Path

from raycre.genome.fasta import Fasta
from raycre.genome.loops import read_loops
from raycre.genome.regions import read_regions
from raycre.genome.tracks import Track

SIZES = {"chr1": 1000, "chr2": 500}
FASTA = b">chr1\nACGTACGTAC\nACGTA\n>chr2\nAC\n"


def open_fasta(path: Path) -> None:
    Fasta(path).close()


def open_track(path: Path) -> None:
    Track(path, SIZES).close()


def regions_on_the_genome(path: Path) -> None:
    read_regions(path, sizes=SIZES)


def loops_with_counts(path: Path) -> None:
    read_loops(path, SIZES, count_column=7)


def loops(path: Path) -> None:
    read_loops(path, SIZES)
