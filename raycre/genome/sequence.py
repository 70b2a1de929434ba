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
_COMPLEMENT = np.array([3, 2, 1, 0, N_CODE], dtype=np.uint8)


def _code_of_byte() -> bytes:
    table = bytearray([_INVALID] * 256)
    for code, letters in enumerate([b"Aa", b"Cc", b"Gg", b"Tt", _AMBIGUOUS + _AMBIGUOUS.lower()]):
        for letter in letters:
            table[letter] = code
    return bytes(table)


_CODE_OF_BYTE = _code_of_byte()


def encode(text: bytes | str) -> NDArray[np.uint8]:
    """Return the codes of a sequence: uint8 (length,), writable.

    Lower case (soft-masked) counts as upper case; N and the other IUPAC ambiguity letters become 4.

    Raises:
        FormatError: for any other character, with its 0-based offset.
    """
    raw = text.encode("ascii", "replace") if isinstance(text, str) else text
    # bytes.translate needs no index array, which would be eight times the size of the sequence.
    codes = np.frombuffer(bytearray(raw).translate(_CODE_OF_BYTE), dtype=np.uint8)
    if codes.size and codes.max() == _INVALID:
        offset = int(np.argmax(codes == _INVALID))
        raise FormatError(
            f"the character at offset {offset:,} is no nucleotide; "
            "only A, C, G, T and the IUPAC ambiguity letters are read",
            value=text[offset] if isinstance(text, str) else chr(raw[offset]),
        )
    return codes


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
