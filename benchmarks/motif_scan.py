"""How fast motifs are scanned: bases x motifs a second of processor time, on random sequence.

    python benchmarks/motif_scan.py [MEME] [--regions 1000] [--length 1000]

Without a file 678 random motifs of 8 to 22 bp are taken, as many as the HOCOMOCO of CREATE has.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from raycre.annotate.combined import combine_hits
from raycre.annotate.fimo import Scanner
from raycre.genome.meme import Motif, read_meme


def random_motifs(n: int, random: np.random.Generator) -> list[Motif]:
    """Motifs of like information as known ones: a base of each column has most of its weight."""
    widths = random.integers(8, 23, n)
    return [Motif(f"m{i}", None, random.dirichlet([0.3] * 4, w), 1000.0, 0) for i, w in enumerate(widths)]


def main() -> None:
    """Scan, and print the rate with and without the combination of hits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("meme", nargs="?", type=Path)
    parser.add_argument("--regions", type=int, default=1_000)
    parser.add_argument("--length", type=int, default=1_000)
    given = parser.parse_args()
    random = np.random.default_rng(0)
    motifs = read_meme(given.meme) if given.meme else random_motifs(678, random)
    regions = list(random.integers(0, 4, (given.regions, given.length)).astype(np.uint8))
    scanner = Scanner(motifs)
    scanner.scan(regions[:1])
    begun, cpu = time.perf_counter(), time.process_time()
    hits = scanner.scan(regions)
    scanned = time.process_time()
    pairs = combine_hits(hits)
    combined, ended = time.process_time(), time.perf_counter()
    work = given.regions * given.length * len(motifs) / 1e6
    print(f"{len(motifs)} motifs x {given.regions} regions of {given.length} bp = {work:,.0f} Mb x motif")
    print(f"scan: {scanned - cpu:.2f} CPU seconds, {work / (scanned - cpu):.0f} Mb x motif a CPU second")
    print(f"with Fisher's method: {work / (combined - cpu):.0f}; wall {ended - begun:.2f} s")
    print(f"{len(hits.p):,} hits, {len(pairs.region):,} pairs of region and motif with a hit")


if __name__ == "__main__":
    main()
