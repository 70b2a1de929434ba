"""A chromosome that a FASTA does not have: another name is offered where it means the same one."""

from __future__ import annotations

import pytest

from raycre.genome.intervals import unknown_chromosome


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        ("1", ["chr1", "chr10"], "chr1"),
        ("chr1", ["1", "10"], "1"),
        ("Chr1", ["chr1"], "chr1"),
        ("CHR1", ["chr10", "chr1"], "chr1"),
        ("chr01", ["chr1", "chr10"], "chr1"),
        ("chrM", ["1", "MT"], "MT"),
        ("MT", ["chrM"], "chrM"),
        ("chrMT", ["chrM"], "chrM"),
        ("x", ["chrX"], "chrX"),
    ],
)
def test_a_name_in_another_style_is_offered(given: str, known: list[str], meant: str) -> None:
    assert f"it has '{meant}': the names differ in style only" in str(unknown_chromosome(given, known))


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("chr20", ["chr2", "chr10"]),
        ("chrX", ["chr1"]),
        ("chr1_random", ["chr1"]),
        ("chr0", ["chr1"]),
        ("chr10", ["chr1"]),
    ],
)
def test_another_chromosome_is_no_remedy(given: str, known: list[str]) -> None:
    said = str(unknown_chromosome(given, known))
    assert "did you mean" not in said
    assert "style" not in said
    assert f"it has {', '.join(known)}" in said
