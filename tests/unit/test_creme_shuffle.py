"""Dinucleotide shuffles: what they keep, how they are drawn, and what their seeds depend on."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2

from raycre.creme.shuffle import SHUFFLE, all_n, dinucleotide_shuffle, seed_of
from raycre.errors import InputError

SEEDS = st.integers(0, 2**63 - 1)


def codes_of(letters: str) -> NDArray[np.uint8]:
    return np.array(["ACGTN".index(c) for c in letters], dtype=np.uint8)


def letters_of(codes: NDArray[np.uint8]) -> str:
    return "".join("ACGTN"[c] for c in codes)


def dinucleotides(letters: str) -> Counter[str]:
    return Counter(a + b for a, b in pairwise(letters))


@given(letters=st.text("ACGT", min_size=1, max_size=200), seed=SEEDS)
def test_dinucleotides_and_both_ends_are_kept(letters: str, seed: int) -> None:
    shuffled = letters_of(dinucleotide_shuffle(codes_of(letters), seed))
    assert dinucleotides(shuffled) == dinucleotides(letters)
    assert (shuffled[0], shuffled[-1]) == (letters[0], letters[-1])


@given(letters=st.text("ACGTN", max_size=200), seed=SEEDS)
def test_n_stays_in_place_and_each_run_between_keeps_its_dinucleotides(letters: str, seed: int) -> None:
    shuffled = letters_of(dinucleotide_shuffle(codes_of(letters), seed))
    assert [c == "N" for c in shuffled] == [c == "N" for c in letters]
    for before, after in zip(letters.split("N"), shuffled.split("N"), strict=True):
        assert dinucleotides(after) == dinucleotides(before)
        assert before[:1] == after[:1]


def test_two_equal_runs_of_one_sequence_are_shuffled_differently() -> None:
    run = "ACGTTGCAACGGTATTCAGCATGCCATAGGCT"
    first, second = letters_of(dinucleotide_shuffle(codes_of(f"{run}N{run}"), 0)).split("N")
    assert first != second


def test_the_12_rearrangements_of_acagacgta_are_equally_likely() -> None:
    # The authors' code reaches 2 of the 12 (DIVERGENCES 1). Chi-square with 11 degrees of freedom:
    # 31.26 is exceeded with probability 0.001; the seeds are fixed, so this test never flickers.
    wt, n = codes_of("ACAGACGTA"), 6_000
    seeds = (seed_of(0, "gene", 0, 9, k) for k in range(n))
    drawn = Counter(letters_of(dinucleotide_shuffle(wt, seed)) for seed in seeds)
    assert len(drawn) == 12
    assert sum((count - n / 12) ** 2 / (n / 12) for count in drawn.values()) < 31.26


def rearrangements(letters: str) -> set[str]:
    """Every sequence with the first letter and the dinucleotides of `letters`."""
    walks, left = {letters[0]: dinucleotides(letters)}, len(letters) - 1
    for _ in range(left):
        walks = {
            walk + pair[1]: counts - Counter([pair])
            for walk, counts in walks.items()
            for pair in counts
            if pair[0] == walk[-1]
        }
    return set(walks)


@pytest.mark.parametrize(
    ("letters", "n_rearrangements"),
    [
        ("AACAAGATAC", 60),  # from one base in runs to the three others and back
        ("CATTGACCATGACAT", 54),  # all bases, more than one way for each last exit
        ("GATCGATCAAC", 18),  # begins with a base that comes back, ends with another
        ("ACGTGCATTA", 16),  # ends where it began
        ("TTATATTTGTT", 105),  # two bases to and fro, a third one once
    ],
)
def test_every_rearrangement_is_drawn_with_the_same_chance(letters: str, n_rearrangements: int) -> None:
    # How many there are is also what Whittle (1955) counts. The chi-square is exceeded with probability
    # 0.001; the seeds are fixed, so this test never flickers.
    expected = rearrangements(letters)
    assert len(expected) == n_rearrangements
    wt, each = codes_of(letters), 40
    n = each * n_rearrangements
    drawn = Counter(letters_of(dinucleotide_shuffle(wt, seed)) for seed in range(n))
    assert set(drawn) == expected
    assert sum((count - each) ** 2 / each for count in drawn.values()) < chi2.ppf(0.999, len(expected) - 1)


@pytest.mark.parametrize("letters", ["A" * 4_999 + "C", "AC" * 2_500 + "G", "G" + "TA" * 2_500])
def test_the_last_exit_is_found_however_rare_it_is(letters: str) -> None:
    # Drawing last exits until they lead to the end would take thousands of draws here.
    shuffled = letters_of(dinucleotide_shuffle(codes_of(letters), 1))
    assert dinucleotides(shuffled) == dinucleotides(letters)


def test_a_shuffle_is_the_same_in_every_version_of_this_name() -> None:
    # Fixed letters: drawing others changes every result of a seed, so it needs another name in SHUFFLE.
    assert SHUFFLE == "euler-2026"
    wt = codes_of("ACGTTGCAACGGTATTCAGCATGCCATAGGCTNNACCAGATTACA")
    assert letters_of(dinucleotide_shuffle(wt, 1)) == "ATAACAGGCTTGCACCGGTTATCGTGCAGCATNNAGACCATTACA"


def reached_with_last_edges_kept(letters: str) -> set[str]:
    """Every walk over permuted successors, the last one of each base staying last."""
    after = {b: [letters[i + 1] for i in range(len(letters) - 1) if letters[i] == b] for b in "ACGT"}
    orders = [{(*p, *a[-1:]) for p in permutations(a[:-1])} for a in after.values()]
    walks = set()
    for chosen in product(*orders):
        left = {b: list(order) for b, order in zip("ACGT", chosen, strict=True)}
        walk = letters[0]
        while left[walk[-1]]:
            walk += left[walk[-1]].pop(0)
        walks.add(walk)
    return walks


def test_reference_draws_the_2_rearrangements_of_acagacgta_that_the_authors_code_draws() -> None:
    # creme-nn, run 4,000 times: 2,026 and 1,974. Here within 4 standard deviations of a half.
    wt, n = codes_of("ACAGACGTA"), 2_000
    drawn = Counter(letters_of(dinucleotide_shuffle(wt, seed, "reference")) for seed in range(n))
    assert set(drawn) == {"ACAGACGTA", "AGACACGTA"} == reached_with_last_edges_kept("ACAGACGTA")
    assert abs(drawn["ACAGACGTA"] - n / 2) < 4 * (n / 4) ** 0.5


def test_reference_draws_all_that_it_can_reach_with_the_same_chance() -> None:
    # creme-nn, run 12,000 times, drew the same 120 sequences: chi-square 93.0, 119 degrees of freedom.
    # 173.6 is exceeded with probability 0.001; the seeds are fixed, so this test never flickers.
    letters, n = "CATTGACCATGACATGACA", 6_000
    drawn = Counter(letters_of(dinucleotide_shuffle(codes_of(letters), s, "reference")) for s in range(n))
    assert len(drawn) == 120
    assert set(drawn) == reached_with_last_edges_kept(letters)
    assert sum((count - n / 120) ** 2 / (n / 120) for count in drawn.values()) < 173.6


@given(letters=st.text("ACGTN", max_size=200), seed=SEEDS)
def test_reference_reads_n_as_t_and_keeps_the_dinucleotides_of_that(letters: str, seed: int) -> None:
    shuffled = letters_of(dinucleotide_shuffle(codes_of(letters), seed, "reference"))
    read = letters.replace("N", "T")
    assert dinucleotides(shuffled) == dinucleotides(read)
    assert (shuffled[:1], shuffled[-1:]) == (read[:1], read[-1:])


@pytest.mark.parametrize(
    ("letters", "compat", "expected"),
    [
        ("", "fixed", ""),
        ("", "reference", ""),
        ("G", "fixed", "G"),
        ("G", "reference", "G"),
        ("N", "fixed", "N"),
        ("N", "reference", "T"),
        ("NNNNNNNN", "fixed", "NNNNNNNN"),  # unchanged: the tile's effect is 0
        ("NNNNNNNN", "reference", "TTTTTTTT"),  # creme-nn alike
        ("AAAAAAAA", "fixed", "AAAAAAAA"),
        ("AAAAAAAA", "reference", "AAAAAAAA"),
    ],
)
def test_sequences_with_a_single_shuffle(letters: str, compat: str, expected: str) -> None:
    before = codes_of(letters)
    shuffled = dinucleotide_shuffle(before, 5, compat)
    assert letters_of(shuffled) == expected
    assert shuffled.dtype == np.uint8
    assert not np.shares_memory(shuffled, before)


def test_tiles_of_n_alone_are_found() -> None:
    assert all_n(codes_of("ACNNNNGT"), [(0, 2), (2, 6), (3, 5), (4, 7)]) == [(2, 6), (3, 5)]


def test_reference_really_shuffles_long_input_and_depends_on_the_seed_alone() -> None:
    wt = np.random.default_rng(3).integers(0, 4, 5_000, dtype=np.uint8)
    before = wt.copy()
    shuffled = dinucleotide_shuffle(wt, 1, "reference")
    np.testing.assert_array_equal(wt, before)
    assert 0.2 < (shuffled == wt).mean() < 0.3
    np.testing.assert_array_equal(shuffled, dinucleotide_shuffle(wt, 1, "reference"))
    assert (shuffled != dinucleotide_shuffle(wt, 2, "reference")).any()


def test_the_input_is_left_alone_and_long_input_is_really_shuffled() -> None:
    wt = np.random.default_rng(3).integers(0, 4, 5_000, dtype=np.uint8)
    before = wt.copy()
    shuffled = dinucleotide_shuffle(wt, 1)
    np.testing.assert_array_equal(wt, before)
    assert 0.2 < (shuffled == wt).mean() < 0.3  # a quarter of the bases agree by chance


def test_same_seed_same_result_and_other_seed_other_result() -> None:
    wt = np.random.default_rng(3).integers(0, 4, 500, dtype=np.uint8)
    np.testing.assert_array_equal(dinucleotide_shuffle(wt, 7), dinucleotide_shuffle(wt, 7))
    assert (dinucleotide_shuffle(wt, 7) != dinucleotide_shuffle(wt, 8)).any()


def test_every_part_of_the_identity_changes_the_seed() -> None:
    seeds = [
        seed_of(0, "TP53", 804, 5_804, 0),
        seed_of(1, "TP53", 804, 5_804, 0),
        seed_of(0, "MYC", 804, 5_804, 0),
        seed_of(0, "TP53", 805, 5_804, 0),
        seed_of(0, "TP53", 804, 5_805, 0),
        seed_of(0, "TP53", 804, 5_804, 1),
        seed_of(0, "TP53", 804, 5_804, 0, owner=(0, 804)),
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seed_is_the_same_in_another_process_and_for_numpy_integers() -> None:
    # A fixed value: changing it changes every published result.
    assert seed_of(0, "TP53", 804, 5_804, 3) == 2443281114273326288
    start, end = np.array([804, 5_804])
    assert seed_of(0, "TP53", start, end, 3, (start, end)) == seed_of(0, "TP53", 804, 5_804, 3, (804, 5_804))


@pytest.mark.parametrize(
    "codes", [np.array([0, 5], dtype=np.uint8), np.zeros((2, 3), dtype=np.uint8), np.zeros(3, dtype=np.int64)]
)
def test_anything_but_codes_is_refused(codes: NDArray[np.uint8]) -> None:
    with pytest.raises(InputError, match="uint8 codes 0-4"):
        dinucleotide_shuffle(codes, 0)
