"""Nucleotides as letters, as codes and as one-hot channels. Pure functions of arrays; no file is known here.

Codes are uint8: 0, 1, 2, 3 = A, C, G, T and 4 = anything ambiguous (N).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycre.errors import FormatError

N_CODE = 4
_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_AMBIGUOUS = b"NRYSWKMBDHV"  # IUPAC letters for more than one base
_INVALID = 255
IUPAC_CODE = 5  # of `letter_codes` alone: ambiguity letters other than N
_COMPLEMENT = np.array([3, 2, 1, 0, N_CODE], dtype=np.uint8)


# What a letter that is no nucleotide probably means.
_REMEDIES = {
    "Uu": "this is RNA: write T for U (seqkit seq --rna2dna)",
    "Xx": "write N for a masked base (seqkit replace -s -p X -r N)",
    "-.": "a gap of an alignment: remove the gaps (seqkit seq -g)",
    "EFIJLOPQZefijlopqz*": "a protein? Give a genome",
}


def _code_of_byte(iupac: int) -> bytes:
    table = bytearray([_INVALID] * 256)
    for letters, code in zip(
        [b"A", b"C", b"G", b"T", _AMBIGUOUS, b"N"], (0, 1, 2, 3, iupac, N_CODE), strict=True
    ):
        for letter in letters + letters.lower():
            table[letter] = code
    return bytes(table)


_CODE_OF_BYTE = _code_of_byte(N_CODE)
_CODE_OF_LETTER = _code_of_byte(IUPAC_CODE)


def encode(text: bytes | str) -> NDArray[np.uint8]:
    """Return the codes of a sequence: uint8 (length,), writable.

    Lower case (soft-masked) counts as upper case; N and the other IUPAC ambiguity letters become 4.

    Raises:
        FormatError: for any other character, with its 0-based offset.
    """
    codes = _translate(text, _CODE_OF_BYTE)
    if (offset := first_invalid(codes)) is not None:
        letter = text[offset] if isinstance(text, str) else chr(text[offset])
        raise FormatError(f"the character at offset {offset:,} is {no_nucleotide(letter)}", value=letter)
    return codes


def letter_codes(text: bytes | str) -> NDArray[np.uint8]:
    """Return what `encode` does, but `IUPAC_CODE` for ambiguity letters other than N, and no error.

    `first_invalid` finds a letter that is no nucleotide.
    """
    return _translate(text, _CODE_OF_LETTER)


def first_invalid(codes: NDArray[np.uint8]) -> int | None:
    """Return the 0-based offset of the first letter that is no nucleotide, from `letter_codes`; or None."""
    return int(np.argmax(codes == _INVALID)) if codes.size and codes.max() == _INVALID else None


def no_nucleotide(letter: str) -> str:
    """Say that a letter is none, and what to do."""
    general = "only A, C, G, T and the IUPAC ambiguity letters are read"
    return f"no nucleotide; {next((r for letters, r in _REMEDIES.items() if letter in letters), general)}"


def _translate(text: bytes | str, table: bytes) -> NDArray[np.uint8]:
    raw = text.encode("ascii", "replace") if isinstance(text, str) else text
    # bytes.translate needs no index array, which would be eight times the size of the sequence.
    return np.frombuffer(bytearray(raw).translate(table), dtype=np.uint8)


def decode(codes: NDArray[np.uint8]) -> str:
    """Return the letters of codes (length,); 4 becomes N. IndexError for a code above 4."""
    return _LETTERS[codes].tobytes().decode("ascii")


def one_hot(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32 (..., 4, length) for codes (..., length); N is a column of zeros (CREATE's coding)."""
    bases = np.arange(4, dtype=np.uint8)[:, np.newaxis]
    return (codes[..., np.newaxis, :] == bases).astype(np.float32)


def reverse_complement(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the other strand, 5' to 3', along the last axis; N stays N."""
    return _COMPLEMENT[codes[..., ::-1]]
