"""Dinucleotide shuffles, each drawn from a seed that names what is shuffled.

The seed depends on nothing but that name, never on the order or the place of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from raycre.creme.library import load_seqpro
from raycre.creme.tiles import Interval
from raycre.errors import InputError

N = 4
T = 3
LETTERS = np.frombuffer(b"ACGT", dtype="S1")
SEED_BITS = 63


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
    # Here and not above: it takes seconds to load, which a command that shuffles nothing need not wait.
    seqpro = load_seqpro()
    shuffled = codes.copy()
    edges = np.flatnonzero(np.diff(codes != N, prepend=False, append=False))
    for r, (start, end) in enumerate(edges.reshape(-1, 2)):
        letters = LETTERS[codes[start:end]]
        run = seqpro.k_shuffle(letters, 2, seqpro.DNA, length_axis=-1, seed=(seed + r) % 2**SEED_BITS)
        shuffled[start:end] = np.searchsorted(LETTERS, run)
    return shuffled


def _keep_last_edges(codes: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Permute what follows each base, all but the last time it occurs, and read a sequence off (A-T only).

    With the last successor of every base in its place no walk can strand: from any base the last edges
    lead to the last base of the sequence, so all edges are used before the walk ends there.
    """
    rng = np.random.default_rng(seed)
    successors = []
    for base in range(len(LETTERS)):
        after = codes[1:][codes[:-1] == base]
        after[:-1] = rng.permutation(after[:-1])
        successors.append(iter(after.tolist()))
    walk = codes[:1].tolist()
    for _ in range(len(codes) - 1):
        walk.append(next(successors[walk[-1]]))
    return np.array(walk, dtype=np.uint8)


def all_n(wt: NDArray[np.uint8], tiles: Sequence[Interval]) -> list[Interval]:
    """Return the tiles that hold no base but N, which a "fixed" shuffle leaves as they are.

    Every mutant of such a tile is the wild type and its effect exactly 0: a result, not an error, but one to
    count and say. ("reference" makes it a run of T.) Windows with N reach a run only if `max_n` lets them.

    Args:
        wt: uint8 (L,) codes of the wild type.
        tiles: 0-based half-open in it.
    """
    return [(start, end) for start, end in tiles if (wt[start:end] == N).all()]
