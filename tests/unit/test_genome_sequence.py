"""Codes, letters and strands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.genome.sequence import decode, first_invalid, letter_codes, reverse_complement
from tests.sequences import encode

letters = st.text(alphabet="ACGTN", max_size=50)


def test_codes_follow_the_order_a_c_g_t_n() -> None:
    codes = encode("ACGTN")
    assert codes.tolist() == [0, 1, 2, 3, 4]
    assert codes.dtype == np.uint8


def test_soft_masked_letters_are_the_same_bases() -> None:
    assert encode(b"acgtn").tolist() == [0, 1, 2, 3, 4]


def test_iupac_ambiguity_letters_are_n() -> None:
    assert encode("RYSWKMBDHVryswkmbdhv").tolist() == [4] * 20


@pytest.mark.parametrize("text", ["ACG T", "ACG-T", "ACGU", "ACG\n", "ACGé"])
def test_any_other_character_is_found_with_its_offset(text: str) -> None:
    assert first_invalid(letter_codes(text)) == 3


def test_codes_can_be_written_to() -> None:
    codes = encode(b"AC")
    codes[0] = 3
    assert decode(codes) == "TC"


def test_reverse_complement_reads_the_other_strand() -> None:
    assert decode(reverse_complement(encode("AACGN"))) == "NCGTT"


def test_reverse_complement_works_on_the_last_axis() -> None:
    assert reverse_complement(np.array([[0, 1], [2, 4]], dtype=np.uint8)).tolist() == [[2, 3], [4, 1]]


@given(letters)
def test_letters_survive_the_round_trip(text: str) -> None:
    assert decode(encode(text)) == text


@given(letters)
def test_reverse_complement_twice_is_the_sequence(text: str) -> None:
    codes = encode(text)
    assert np.array_equal(reverse_complement(reverse_complement(codes)), codes)
