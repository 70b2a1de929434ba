"""A synthetic labelled set that no single modality solves, nor counting motifs: FASTA, bigWigs, BEDPE, BED.

It is there to tell settings of CREATE apart. It knows neither models nor runs: `raycre train` reads its files
as it reads anybody's.

    python benchmarks/hard_set.py OUT --regions 20000 --seed 0

Regions of 1 kb lie 1.5 kb apart on 20 chromosomes, classes in the proportion of K562 in the paper. What tells
a class is spread over the inputs (numbers: hard_grammar.py; truth.tsv has what was planted, no run reads it):

sequence   Enhancers and silencers hold two motifs, A and B, equally often: in pairs on one strand, A before B
           in enhancers, B before A in silencers. Their number says nothing, their order everything. E and S
           name either class in some of its regions. Promoters have P, insulators C. About a quarter of the
           regions lack the words of their class. Every class has stray copies of all motifs, and two motifs
           that mean nothing; sites carry point mutations. G+C differs less between classes than within them.
openness   Promoters are the most open and the widest, then enhancers, then silencers, many of them closed.
           Insulators and background are alike: most are closed, the rest as open as an enhancer.
loops      Insulators have the most, then promoters and enhancers; silencers and background are alike.
labels     2 % are drawn anew.

What can be had at most, macro auPRC of boosted trees that are told the motifs (hard_ceiling.py, 20,000
regions, seed 0, five folds of whole chromosomes): all 0.928, all with motifs only counted 0.882, sequence
0.866 (counted 0.803), openness 0.454, loops 0.364, openness and loops 0.626; guessing 0.200.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyBigWig
from hard_grammar import (
    WIDTH,
    draw_loops,
    draw_openness,
    draw_words,
    place_regions,
    tilt_bases,
    write_words,
)
from numpy.random import Generator
from numpy.typing import NDArray

from raycre.demo.grammar import draw_sequence
from raycre.errors import ConfigError
from raycre.genome.classes import CLASSES

N_CHROMOSOMES = 20  # ten folds of two whole chromosomes, five of four
STRAY_READS, TRACK_BIN = 0.3, 10  # mean reads per bin everywhere; bp of a bin
DEPTH = {"openness_rep1.bw": 1.0, "openness_rep2.bw": 0.8}  # replicates are not sequenced equally deep
FILES = ("genome.fa", *DEPTH, "loops.bedpe", "labels.bed", "truth.tsv")


def write_hard_set(
    out: Path, *, seed: int = 0, n_regions: int = 20_000, n_chromosomes: int = N_CHROMOSOMES
) -> pd.DataFrame:
    """Write FILES as the new folder `out`, whole or not at all; the same arguments give the same bytes.

    Returns:
        The truth, a row a region in the order of labels.bed: chrom, start, end (bp, 0-based half-open),
        planted and label (classes), how often each word stands in it, reads, spread, summit, loops.

    Raises:
        ConfigError: `out` is a file or a folder with something in it, or there are too few regions.
    """
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise ConfigError("a synthetic set goes into a new folder: remove it or name another", path=out)
    if n_chromosomes < 1 or n_regions < 2 * len(CLASSES) * n_chromosomes:
        raise ConfigError(
            f"at least {2 * len(CLASSES)} regions a chromosome", value=(n_regions, n_chromosomes)
        )
    regions, sizes = place_regions(n_regions, n_chromosomes, _generator(seed, "regions"))
    words = draw_words(regions["planted"], _generator(seed, "words"))
    openness = draw_openness(regions["planted"], _generator(seed, "openness"))
    counts, loops = draw_loops(regions, _generator(seed, "loops"))
    truth = pd.concat([regions, words, openness], axis=1).assign(loops=counts)

    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        folder = Path(scratch) / out.name
        folder.mkdir()
        with (folder / "genome.fa").open("wb") as handle:
            for chrom, size in sizes.items():
                rng = _generator(seed, chrom)
                codes = draw_sequence(size, rng)
                here = regions["chrom"] == chrom
                tilt_bases(codes, regions[here], rng)
                write_words(codes, regions.loc[here, "start"].to_numpy(), words[here], rng)
                _write_chromosome(handle, chrom, codes)
        for name, depth in DEPTH.items():
            _write_track(folder / name, sizes, truth, depth, seed)
        bed = regions[["chrom", "start", "end", "label"]].assign(score=0, strand=".")
        _write_rows(folder / "labels.bed", bed, header=False)
        _write_rows(folder / "loops.bedpe", loops, header=False)
        _write_rows(folder / "truth.tsv", truth, header=True)
        folder.replace(out)
    return truth


def _generator(seed: int, *identity: str) -> Generator:
    """Random numbers that follow from what they are for."""
    return np.random.default_rng([seed, *"/".join(identity).encode()])


def _write_chromosome(handle: BinaryIO, chrom: str, codes: NDArray[np.uint8]) -> None:
    text = np.frombuffer(b"ACGT", dtype=np.uint8)[codes].tobytes()
    handle.write(b">" + chrom.encode() + b"\n")
    handle.writelines(text[i : i + 80] + b"\n" for i in range(0, len(text), 80))


def _write_track(path: Path, sizes: dict[str, int], truth: pd.DataFrame, depth: float, seed: int) -> None:
    """Write Poisson counts per bin, a bump on every open region; bins of 0 are left out."""
    reach = np.arange(-WIDTH, WIDTH + 1, TRACK_BIN)  # bp from the summit
    with pyBigWig.open(str(path), "w") as handle:
        handle.addHeader(list(sizes.items()))
        for chrom, size in sizes.items():
            here = truth[(truth["chrom"] == chrom) & (truth["reads"] > 0)]
            rate = np.full(size // TRACK_BIN, STRAY_READS)
            summits = (here["start"] + WIDTH // 2 + here["summit"]).to_numpy() // TRACK_BIN
            shape = np.exp(-0.5 * (reach / here["spread"].to_numpy()[:, None]) ** 2)
            np.add.at(rate, summits[:, None] + reach // TRACK_BIN, here["reads"].to_numpy()[:, None] * shape)
            counts = _generator(seed, path.name, chrom).poisson(depth * rate)
            starts = np.flatnonzero(counts)
            handle.addEntries(
                [chrom] * len(starts),
                starts * TRACK_BIN,
                ends=(starts + 1) * TRACK_BIN,
                values=counts[starts].astype(np.float64),
            )


def _write_rows(path: Path, table: pd.DataFrame, *, header: bool) -> None:
    table.to_csv(path, sep="\t", header=header, index=False, lineterminator="\n")


def main() -> None:
    """Write the set and say how many regions of each class it has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--regions", type=int, default=20_000)
    parser.add_argument("--chromosomes", type=int, default=N_CHROMOSOMES)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    truth = write_hard_set(
        given.out, seed=given.seed, n_regions=given.regions, n_chromosomes=given.chromosomes
    )
    print(f"{given.out}: {truth['label'].value_counts()[list(CLASSES)].to_dict()}")


if __name__ == "__main__":
    main()
