"""Dinucleotide shuffles, each drawn from a seed that names what is shuffled.

The seed depends on nothing but that name, never on the order or the place of the work.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate, product, repeat
from math import prod

import numpy as np
from numpy.typing import NDArray

from raycre.creme.tiles import Interval
from raycre.errors import InputError

N = 4
T = 3
N_BASES = 4
SEED_BITS = 63
SHUFFLE = "euler-2026"  # how "fixed" draws, in a run's identity: another way to draw needs another name
UNNAMED = "seqpro"  # the way of folders whose identity names none


def seed_of(run_seed: int, gene: str, start: int, end: int, k: int, owner: Interval | None = None) -> int:
    """Hash the identity of a shuffle to its seed.

    Args:
        run_seed: the run's own seed.
        gene: what names the wild-type sequence.
        start: 0-based first base of the shuffled interval in the model input.
        end: one past its last base.
        k: which of the interval's shuffles.
        owner: the tile for which a whole-sequence shuffle was drawn, None where all tiles share it.

    Returns:
        0 <= seed < 2**63, the same on every machine and in every process.
    """
    owned = None if owner is None else (int(owner[0]), int(owner[1]))
    identity = repr((int(run_seed), str(gene), int(start), int(end), int(k), owned))
    digest = blake2b(identity.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - SEED_BITS)


def dinucleotide_shuffle(codes: NDArray[np.uint8], seed: int, compat: str = "fixed") -> NDArray[np.uint8]:
    """Draw a sequence with the same dinucleotide counts.

    First and last base stay, as the counts and the first base determine the last.

    - "fixed" draws every such sequence with the same chance. N stays where it is and every run of A, C, G, T
      between two N is shuffled by itself, so that counts and N alike are preserved. A sequence of N alone
      therefore comes back as it was, as does one of a single base; `all_n` finds such tiles.
    - "reference" draws as the authors' code does: every base keeps its last outgoing edge, so a part of
      these sequences is never drawn and the rest with the same chance (DIVERGENCES 1); and N is read as T
      (2), so what comes back holds no N and has the counts of the sequence with T for N.

    Both draw from `seed` alone. The authors' tests draw without one (3, 4), so that "reference" repeats their
    distribution and never their sequences.

    Args:
        codes: uint8 (n,), 0-3 = A, C, G, T and 4 = N; n may be 0.
        seed: 0 <= seed < 2**63; the run with index r takes seed + r, modulo 2**63.
        compat: "fixed" or "reference".

    Returns:
        uint8 (n,), a new array.

    Raises:
        InputError: another code or type.
    """
    if codes.dtype != np.uint8 or codes.ndim != 1 or (codes.size and int(codes.max()) > N):
        raise InputError(f"a shuffle reads uint8 codes 0-4 (A, C, G, T, N), got {codes.dtype} {codes.shape}")
    if compat == "reference":
        return _keep_last_edges(np.where(codes == N, T, codes).astype(np.uint8), seed)
    shuffled = codes.copy()
    edges = np.flatnonzero(np.diff(codes != N, prepend=False, append=False))
    for r, (start, end) in enumerate(edges.reshape(-1, 2)):
        shuffled[start:end] = _euler_path(codes[start:end], (seed + r) % 2**SEED_BITS)
    return shuffled


def _euler_path(bases: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Walk over all dinucleotides of a sequence, every such walk with the same chance (A-T only).

    Kandel, Matias, Unger and Winkler (1996): draw the exit that each base takes the last time, permute its
    other exits, and walk from the first base.

    Args:
        bases: uint8 (n,), n at least 1.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    counts = np.bincount(bases[:-1] * np.uint8(N_BASES) + bases[1:], minlength=N_BASES**2)
    left = counts.reshape(N_BASES, N_BASES).tolist()  # exits of each base, to each base
    last = _last_exits(left, int(bases[-1]), rng)
    exits = []
    for base, to in last.items():
        left[base][to] -= 1
    for base in range(N_BASES):
        others = np.repeat(np.arange(N_BASES, dtype=np.uint8), left[base])
        rng.shuffle(others)
        exits.append(others.tobytes() + bytes([last[base]] if base in last else []))
    return _walk(int(bases[0]), exits, len(bases) - 1)


def _last_exits(counts: list[list[int]], end: int, rng: np.random.Generator) -> dict[int, int]:
    """Draw where each base but `end` goes when it is left for the last time.

    Those exits must lead to `end` from every base, or a walk strands. Each set of them that does so stands
    for as many walks as there are ways to take its dinucleotides from those of the sequence.

    Args:
        counts: [from][to], of a sequence that ends with `end`.
        end: its last base.
        rng: draws once.
    """
    inner = [base for base in range(N_BASES) if base != end and any(counts[base])]
    away = ([to for to in range(N_BASES) if to != base and counts[base][to]] for base in inner)
    sets, ways = [], []
    for choice in product(*away):
        last = dict(zip(inner, choice, strict=True))
        if all(_leads(last, base, end) for base in inner):
            sets.append(last)
            ways.append(prod(counts[base][to] for base, to in last.items()))
    drawn = int(rng.integers(sum(ways)))
    return sets[bisect(list(accumulate(ways)), drawn)]


def _leads(last: dict[int, int], base: int, end: int) -> bool:
    for _ in last:
        base = last.get(base, base)
    return base == end


def _walk(first: int, exits: Sequence[bytes], steps: int) -> NDArray[np.uint8]:
    """Go from base to base by the next exit of each: uint8 (steps + 1,)."""
    left, at = [iter(to) for to in exits], first
    walk = [at, *[at := next(left[at]) for _ in repeat(None, steps)]]
    return np.frombuffer(bytearray(walk), dtype=np.uint8)


def _keep_last_edges(codes: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Permute what follows each base, all but the last time it occurs, and read a sequence off (A-T only).

    With the last successor of every base in its place no walk can strand: from any base the last edges
    lead to the last base of the sequence, so all edges are used before the walk ends there.
    """
    rng = np.random.default_rng(seed)
    exits = []
    for base in range(N_BASES):
        after = codes[1:][codes[:-1] == base]
        after[:-1] = rng.permutation(after[:-1])
        exits.append(after.tobytes())
    return _walk(int(codes[0]), exits, len(codes) - 1) if len(codes) else codes


def all_n(wt: NDArray[np.uint8], tiles: Sequence[Interval]) -> list[Interval]:
    """Return the tiles that hold no base but N, which a "fixed" shuffle leaves as they are.

    Every mutant of such a tile is the wild type and its effect exactly 0: a result, not an error, but one to
    count and say. ("reference" makes it a run of T.) Windows with N reach a run only if `max_n` lets them.

    Args:
        wt: uint8 (L,) codes of the wild type.
        tiles: 0-based half-open in it.
    """
    return [(start, end) for start, end in tiles if (wt[start:end] == N).all()]
