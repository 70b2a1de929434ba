"""Dinucleotide shuffles, each drawn from a seed that names what is shuffled.

The seed depends on nothing but that name, never on the order or the place of the work.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from raycre.creme.library import load_seqpro
from raycre.creme.tiles import Interval
from raycre.errors import InputError

N = 4
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


def dinucleotide_shuffle(codes: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Draw a sequence with the same dinucleotide counts, every such sequence being as likely.

    First and last base stay, as the counts and the first base determine the last. N stays where it is and
    every run of A, C, G, T between two N is shuffled by itself, so that counts and N alike are preserved (the
    authors' code draws from a part of the rearrangements and turns N into T: DIVERGENCES 1, 2).

    Args:
        codes: uint8 (n,), 0-3 = A, C, G, T and 4 = N.
        seed: 0 <= seed < 2**63; the run with index r takes seed + r, modulo 2**63.

    Returns:
        uint8 (n,), a new array.

    Raises:
        InputError: another code or type.
    """
    # Here and not above: it takes seconds to load, which a command that shuffles nothing need not wait.
    seqpro = load_seqpro()
    if codes.dtype != np.uint8 or codes.ndim != 1 or (codes.size and int(codes.max()) > N):
        raise InputError(f"a shuffle reads uint8 codes 0-4 (A, C, G, T, N), got {codes.dtype} {codes.shape}")
    shuffled = codes.copy()
    edges = np.flatnonzero(np.diff(codes != N, prepend=False, append=False))
    for r, (start, end) in enumerate(edges.reshape(-1, 2)):
        letters = LETTERS[codes[start:end]]
        run = seqpro.k_shuffle(letters, 2, seqpro.DNA, length_axis=-1, seed=(seed + r) % 2**SEED_BITS)
        shuffled[start:end] = np.searchsorted(LETTERS, run)
    return shuffled
