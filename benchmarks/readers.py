"""Time of reading sequence and two bigWigs of many regions, against loops over other libraries.

Every program gives bases and the mean of two tracks for the same regions; what they give is compared first.
They run in turn in one process, and CPU time is counted, which other programs on the machine disturb less.

- plain: a loop over regions, pyfaidx and pyBigWig, bases looked up one by one in Python
- tuned: the same loop with a table of letters, files opened once, numpy's mean
- pyBigWig, pybigtools: a loop over regions for the tracks; no bases
- floor: what decompressing the touched blocks costs alone, one call a block: by what the readers use, by zlib
- genvarloader: with --genvarloader, where it is installed

    python benchmarks/readers.py --regions 6000 --rounds 5 [--bigwig A.bw B.bw]
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyBigWig
import pyfaidx

from raycre.genome import inflate as unpacking
from raycre.genome.bigwig_index import BigWigIndex
from raycre.genome.features import SignalPaths, Signals
from raycre.genome.fill import touched

WIDTH = 1000
CHROM, BP = "chr21", 46_709_983
SPARSE, DENSE = 6_000, 500  # bp from one region to the next
LETTERS = "ACGT"


def write_fasta(path: Path) -> Path:
    bases = np.random.default_rng(0).choice(np.frombuffer(b"ACGTacgt", dtype=np.uint8), BP)
    lines = [bases[i : i + 60].tobytes() for i in range(0, BP, 60)]
    path.write_bytes(b">" + CHROM.encode() + b"\n" + b"\n".join(lines) + b"\n")
    return path


def write_bigwig(path: Path, seed: int, mean: float) -> Path:
    """Write read counts that stay the same over `mean` bp on average; a third of the stretches have none."""
    random = np.random.default_rng(seed)
    edges = np.unique(np.cumsum(random.geometric(1 / mean, int(BP / mean) + 1)))
    start, end = edges[:-1], edges[1:]
    kept = (random.random(len(start)) < 2 / 3) & (end < BP)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([(CHROM, BP)])
        counts = random.poisson(2.0, int(kept.sum())) + 1.0
        file.addEntries([CHROM] * len(counts), start[kept], ends=end[kept], values=counts)
    return path


def plain(fasta: pyfaidx.Fasta, tracks: list[Any], starts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    one_hot, signal = [], []
    for start in starts:
        sequence = str(fasta[CHROM][start : start + WIDTH]).upper()
        one_hot.append([[float(base == letter) for base in sequence] for letter in LETTERS])
        values = [np.nan_to_num(np.array(t.values(CHROM, start, start + WIDTH))) for t in tracks]
        signal.append(np.mean(values, axis=0))
    return np.array(one_hot, dtype=np.float32).argmax(1), np.array(signal, dtype=np.float32)


def tuned(fasta: pyfaidx.Fasta, tracks: list[Any], starts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    table = np.full(256, 4, dtype=np.uint8)
    for code, letter in enumerate(LETTERS):
        table[[ord(letter), ord(letter.lower())]] = code
    codes = np.empty((len(starts), WIDTH), dtype=np.uint8)
    signal = np.empty((len(starts), WIDTH), dtype=np.float32)
    for row, start in enumerate(starts):
        sequence = fasta.faidx.fetch(CHROM, start + 1, start + WIDTH)
        codes[row] = table[np.frombuffer(str(sequence).encode(), dtype=np.uint8)]
        values = [t.values(CHROM, start, start + WIDTH, numpy=True) for t in tracks]
        signal[row] = np.nan_to_num(values).mean(axis=0)
    return codes, signal


def with_pybigtools(paths: list[Path]) -> Callable[[list[int]], np.ndarray]:
    import pybigtools

    files = [pybigtools.open(str(path)) for path in paths]

    def read(starts: list[int]) -> np.ndarray:
        found = np.empty((len(starts), WIDTH), dtype=np.float32)
        for row, start in enumerate(starts):
            found[row] = sum(f.values(CHROM, start, start + WIDTH, fillna=0.0) for f in files) / len(files)
        return found

    return read


def with_genvarloader(
    folder: Path, fasta: Path, bigwigs: list[Path], starts: np.ndarray
) -> Callable[[], Any]:
    """Return a reading of all regions from a dataset that GenVarLoader wrote before; writing is not timed."""
    import genvarloader
    import polars

    bed = polars.DataFrame({"chrom": CHROM, "chromStart": starts, "chromEnd": starts + WIDTH})
    tracks = genvarloader.BigWigs("signal", {str(i): str(path) for i, path in enumerate(bigwigs)})
    genvarloader.write(folder / f"{len(starts)}-{starts[1]}.gvl", bed, tracks=tracks, overwrite=True)
    data = genvarloader.Dataset.open(folder / f"{len(starts)}-{starts[1]}.gvl", fasta)
    data = data.with_seqs("reference").with_tracks("signal").with_len(WIDTH)
    every = np.arange(len(starts))

    def read() -> Any:
        bases, first = data[every, 0]
        _, second = data[every, 1]
        return bases, (np.asarray(first) + np.asarray(second)) / 2

    return read


def with_pybigwig(tracks: list[Any]) -> Callable[[list[int]], np.ndarray]:
    def read(starts: list[int]) -> np.ndarray:
        found = np.empty((len(starts), WIDTH), dtype=np.float32)
        for row, start in enumerate(starts):
            values = [t.values(CHROM, start, start + WIDTH, numpy=True) for t in tracks]
            found[row] = np.nan_to_num(values).mean(axis=0)
        return found

    return read


def by_zlib(program: Callable[[], Any]) -> Any:
    """Run a program whose blocks zlib unpacks, whatever is installed."""
    fast, unpacking._fast = unpacking._fast, zlib
    try:
        return program()
    finally:
        unpacking._fast = fast


def decompress(paths: list[Path], starts: np.ndarray, unpack: Callable[[bytes], bytes]) -> Callable[[], None]:
    """Return the decompression of all blocks that the regions touch, each once."""
    blocks = []
    for path in paths:
        index = BigWigIndex(path)
        of = index.blocks(CHROM)
        which = touched(of.start, of.end, starts, WIDTH)
        blocks += index.read_blocks(of.offset[which], of.size[which])
        index.close()

    def run() -> None:
        for block in blocks:
            unpack(block)

    print(f"{len(blocks) / len(starts):.3f} blocks a region")
    return run


def in_turn(programs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name, program in programs.items():
            begin = time.process_time()
            program()
            if number:
                taken[name].append(time.process_time() - begin)
    return {name: median(times) for name, times in taken.items()}


def measure(args: argparse.Namespace, folder: Path, step: int, paths: list[Path]) -> dict[str, float]:
    fasta = folder / "genome.fa"
    if not fasta.exists():
        write_fasta(fasta)
    starts = np.arange(args.regions, dtype=np.int64) * step + (BP - args.regions * step) // 2
    listed = starts.tolist()
    regions = pd.DataFrame({"chrom": CHROM, "start": starts, "end": starts + WIDTH})
    signals = Signals(SignalPaths(fasta, tuple(paths)))
    peer, tracks = pyfaidx.Fasta(str(fasta)), [pyBigWig.open(str(path)) for path in paths]
    shards = [regions[i : i + args.shard] for i in range(0, len(regions), args.shard)]

    def ours() -> list[Any]:
        return [signals.read_wide(shard, 0) for shard in shards]

    read = ours()
    codes, signal = tuned(peer, tracks, listed)
    assert np.array_equal(np.concatenate([r.codes for r in read]), codes)
    assert np.array_equal(np.concatenate([r.openness for r in read]), signal)
    few = listed[:: max(1, len(listed) // 200)]
    assert all(map(np.array_equal, plain(peer, tracks, few), tuned(peer, tracks, few)))
    chrom = regions["chrom"].to_numpy(object)
    programs: dict[str, Callable[[], Any]] = {
        "plain": lambda: plain(peer, tracks, listed),
        "tuned": lambda: tuned(peer, tracks, listed),
        "raycre": ours,
        "raycre by zlib": partial(by_zlib, ours),
        "raycre, bases": lambda: signals.fasta.read_many(chrom, starts, WIDTH),
        "raycre, tracks": lambda: [t.read_many(chrom, starts, WIDTH) for t in signals.openness],
        "pyBigWig, tracks": partial(with_pybigwig(tracks), listed),
        "floor": decompress(paths, starts, lambda block: unpacking.inflate(block, 1 << 15)),
        "floor by zlib": decompress(paths, starts, lambda block: zlib.decompress(block, 15, 1 << 15)),
    }
    if args.pybigtools:
        programs["pybigtools, tracks"] = partial(with_pybigtools(paths), listed)
    if args.genvarloader:
        programs["genvarloader"] = with_genvarloader(folder, fasta, paths, starts)
    return {name: 1e6 * taken / len(starts) for name, taken in in_turn(programs, args.rounds).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=6_000)
    parser.add_argument("--shard", type=int, default=2_000, help="regions that raycre reads at once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bigwig", type=Path, nargs=2, help=f"of {CHROM}, hg38; else made up")
    parser.add_argument("--mean", type=float, nargs="+", default=[60.0, 12.0], help="bp that a value stays")
    parser.add_argument("--pybigtools", action="store_true")
    parser.add_argument("--genvarloader", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        pairs = {
            f"{mean:g} bp a value": [write_bigwig(folder / f"{mean}-{i}.bw", i, mean) for i in (1, 2)]
            for mean in args.mean
        }
        if args.bigwig:
            pairs = {args.bigwig[0].name: args.bigwig} | pairs
        for what, paths in pairs.items():
            for step in (SPARSE, DENSE):
                found = measure(args, folder, step, paths)
                print(f"\n{what}, a region every {step:,} bp, {args.regions:,} regions; CPU µs a region")
                for program, taken in found.items():
                    print(f"  {program:20} {taken:8.1f}   raycre {taken / found['raycre']:6.2f}x")
                rows.append({"tracks": what, "step": step} | found)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
