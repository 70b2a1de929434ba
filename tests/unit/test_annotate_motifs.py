"""The scan by hand: one-base motifs, windows at the ends, other letters; and motifs that say nothing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.annotate.combined import combine_hits, fisher_log_p
from raycre.annotate.fimo import Scanner, background, scale_motif
from raycre.annotate.motifs import per_factor
from raycre.genome.meme import Motif
from raycre.genome.sequence import letter_codes


def motif_of(word: str, name: str = "m", weight: float = 0.97) -> Motif:
    rows = [[weight if base == letter else (1 - weight) / 3 for base in "ACGT"] for letter in word]
    return Motif(name, None, np.array(rows), 1000.0, 1)


def found(words: list[str], regions: list[str], threshold: float = 1e-3) -> list[tuple[int, int, int, str]]:
    hits = Scanner([motif_of(w, w) for w in words], threshold).scan([letter_codes(r) for r in regions])
    strands = np.where(hits.minus, "-", "+")
    return list(
        zip(hits.region.tolist(), hits.motif.tolist(), hits.start.tolist(), strands.tolist(), strict=True)
    )


def test_windows_at_both_ends_on_both_strands_and_none_across_regions() -> None:
    # GATTACA, and its reverse complement TGTAATC; the third region ends within the word that the fourth ends.
    assert found(["GATTACA"], ["GATTACACC", "CCTGTAATC", "CCGAT", "TACACC", "GAT"]) == [
        (0, 0, 0, "+"),
        (1, 0, 2, "-"),
    ]


def test_a_window_with_another_letter_is_not_scored_and_lower_case_is() -> None:
    assert found(["GATTACA"], ["gattaca", "GATTNCA", "GATTRCA", "N", ""]) == [(0, 0, 0, "+")]


def test_a_palindrome_hits_both_strands_at_one_place() -> None:
    hits = Scanner([motif_of("GAATTC")], 1e-3).scan([letter_codes("CGAATTCG")])
    pairs = combine_hits(hits)
    assert (pairs.n_hits.tolist(), pairs.n_starts.tolist()) == ([2], [1])
    p = hits.p[0]
    # Fisher's method of two equal p: q (1 - ln q) with q = p^2; of one p: itself.
    assert fisher_log_p(pairs.chi2, pairs.n_hits)[0] == pytest.approx(-np.log10(p**2 * (1 - np.log(p**2))))
    assert fisher_log_p(pairs.chi2_one, pairs.n_starts)[0] == pytest.approx(-np.log10(p))


def test_p_of_every_total_is_that_of_all_words() -> None:
    """All 64 words of three bases, each with its chance: the share that scores as much or more."""
    scale = scale_motif(motif_of("CAT", weight=0.7))
    by = background()
    words = list(product(range(4), repeat=3))
    total = np.array([sum(scale.cells[i, b] for i, b in enumerate(word)) for word in words])
    chance = np.array([np.prod([by[b] for b in word]) for word in words])
    for t in total:
        assert scale.p_values[t] == pytest.approx(chance[total >= t].sum())


def test_a_motif_that_is_the_background_has_no_hit() -> None:
    flat = Motif("flat", None, np.tile(background(), (8, 1)), 20.0, 1)
    assert len(Scanner([flat]).scan([letter_codes("ACGTACGTACGT")]).p) == 0


@given(
    st.lists(st.text("ACGTN", max_size=30), max_size=5),
    st.lists(st.text("ACGT", min_size=2, max_size=6), min_size=1, max_size=4, unique=True),
)
def test_many_motifs_at_once_are_each_by_itself(regions: list[str], words: list[str]) -> None:
    together = found(words, regions, 0.05)
    alone = [
        (region, i, start, strand)
        for i, word in enumerate(words)
        for region, _, start, strand in found([word], regions, 0.05)
    ]
    assert together == sorted(alone, key=lambda hit: (hit[0], hit[1], hit[2], hit[3] == "-"))


def test_the_first_motif_of_each_factor_is_taken() -> None:
    rows = np.full((2, 4), 0.25)
    motifs = [Motif("A.0", None, rows, 1, 1), Motif("A.1", None, rows, 1, 2), Motif("MA1", "B", rows, 1, 3)]
    assert [motif.name for motif in per_factor(motifs, "first")] == ["A.0", "MA1"]
    assert len(per_factor(motifs, "each")) == 3
