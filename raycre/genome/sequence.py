"""Nucleotides as letters and as codes: pure functions of arrays.

Codes are uint8: 0, 1, 2, 3 = A, C, G, T and 4 = anything ambiguous (N).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_CODE = 4
_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_AMBIGUOUS = b"NRYSWKMBDHV"  # IUPAC letters for more than one base
_INVALID = 255
IUPAC_CODE = 5  # from `letter_codes` alone: ambiguity letters other than N
_COMPLEMENT = np.array([3, 2, 1, 0, N_CODE], dtype=np.uint8)


# What a letter that is no nucleotide probably means.
_REMEDIES = {
    "Uu": "this is RNA: write T for U (seqkit seq --rna2dna)",
    "Xx": "write N for a masked base (seqkit replace -s -p X -r N)",
    "-.": "a gap of an alignment: remove the gaps (seqkit seq -g)",
    "EFIJLOPQZefijlopqz*": "a protein? Give a genome",
}


def _codes_of_bytes() -> bytes:
    table = bytearray([_INVALID] * 256)
    for letters, code in zip(
        [b"A", b"C", b"G", b"T", _AMBIGUOUS, b"N"], (0, 1, 2, 3, IUPAC_CODE, N_CODE), strict=True
    ):
        for letter in letters + letters.lower():
            table[letter] = code
    return bytes(table)


_CODE_OF_LETTER = _codes_of_bytes()


def letter_codes(text: bytes | str, without: bytes = b"") -> NDArray[np.uint8]:
    """Return the codes of a sequence: uint8 (length,), writable; `IUPAC_CODE` for ambiguity letters but N.

    Lower case (soft-masked) counts as upper case; letters of `without` are left out. `first_invalid` finds a
    letter that is no nucleotide.
    """
    raw = text.encode("ascii", "replace") if isinstance(text, str) else text
    # bytes.translate needs no index array, which would be eight times the size of the sequence.
    return np.frombuffer(bytearray(raw).translate(_CODE_OF_LETTER, without), dtype=np.uint8)


def first_invalid(codes: NDArray[np.uint8]) -> int | None:
    """Return the 0-based offset of the first letter that is no nucleotide, from `letter_codes`; or None."""
    return int(np.argmax(codes == _INVALID)) if codes.size and codes.max() == _INVALID else None


def no_nucleotide(letter: str) -> str:
    """Say that a letter is none, and what to do."""
    general = "only A, C, G, T and the IUPAC ambiguity letters are read"
    return f"no nucleotide; {next((r for letters, r in _REMEDIES.items() if letter in letters), general)}"


def decode(codes: NDArray[np.uint8]) -> str:
    """Return the letters of codes (length,); 4 becomes N. IndexError for a code above 4."""
    return _LETTERS[codes].tobytes().decode("ascii")


def reverse_complement(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the other strand, 5' to 3', along the last axis; N stays N."""
    return _COMPLEMENT[codes[..., ::-1]]
