"""Sequences as tests write them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycre.genome.sequence import IUPAC_CODE, N_CODE, first_invalid, letter_codes


def encode(text: bytes | str) -> NDArray[np.uint8]:
    """Return the codes of a sequence as `Fasta` gives them: uint8 (length,), 4 for all ambiguity letters."""
    codes = letter_codes(text)
    assert first_invalid(codes) is None, text
    codes[codes == IUPAC_CODE] = N_CODE
    return codes
