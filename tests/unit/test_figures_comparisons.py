"""The report shows comparisons that were made, with their numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from raycre.compare.crispri import PAIRS, PR_CURVES, score_pairs
from raycre.compare.marks import MARK_TESTS, MARKS, compare_groups
from raycre.compare.overlap import OVERLAPS
from raycre.compare.saliency import CORRELATIONS
from raycre.store.parquet import as_table, write_table
from tests.run_folders import page_of, write_gene


def write(run: Path, name: str, rows: pd.DataFrame, schema) -> None:  # type: ignore[no-untyped-def]
    write_table(run / "summary" / f"compare_{name}.parquet", as_table(rows, schema))


def write_marks(run: Path) -> None:
    values = [4.0, 5.0, 6.0, 1.0, 2.0, 3.0]
    rows = pd.DataFrame({"mean": values, "max": values, "group": ["enhancer"] * 3 + ["silencer"] * 3})
    rows = rows.assign(gene_id="A", gene_name="A", chrom="chr1", start=0, end=5, effect=0.5)
    marks = pd.concat([rows.assign(mark="H3K27ac"), rows.assign(mark="<DNase>", mean=2.0)])
    write(run, "marks", marks, MARKS)
    write(run, "mark_tests", compare_groups(marks, "enhancer", "silencer"), MARK_TESTS)


def test_a_run_without_comparisons_says_nothing_of_them(tmp_path: Path) -> None:
    assert "Compared with other data" not in page_of(tmp_path, write_gene(tmp_path / "c"))


def test_marks_are_drawn_with_their_adjusted_p(tmp_path: Path) -> None:
    run = write_gene(tmp_path / "c")
    write_marks(run)
    page = page_of(tmp_path, run)
    assert "Compared with other data" in page
    assert "p = 0.2</text>" in page  # 0.1 of the exact test, times two marks
    assert "&lt;DNase&gt;" in page
    assert "<DNase>" not in page
    assert "0.916" in page  # ln(5 / 2)


def test_precision_is_drawn_with_its_area_and_baselines(tmp_path: Path) -> None:
    run = write_gene(tmp_path / "c")
    pairs = pd.DataFrame({"score": [0.9, 0.5, 0.4, 0.1, np.nan], "outcome": [True, False, True, False, True]})
    pairs = pairs.assign(
        distance=[40, 10, 20, 30, 5], covered=["yes"] * 4 + ["gene not in the run on this track"]
    )
    pairs = pairs.assign(chrom="chr1", start=0, end=1, gene="A", n_tiles=1, effect=pairs["score"])
    _, curves = score_pairs(pairs)
    write(run, "crispri_pairs", pairs, PAIRS)
    write(run, "crispri_curve", curves, PR_CURVES)
    page = page_of(tmp_path, run)
    assert "creme 0.833</text>" in page
    assert "distance 0.500</text>" in page
    assert "share of positives 0.500</text>" in page
    assert "4 of 5 pairs of element and gene have a tile of the run; 3 of all pairs regulate." in page


def test_overlaps_and_saliency_are_tables(tmp_path: Path) -> None:
    run = write_gene(tmp_path / "c")
    overlap = {
        "annotation": ["LINE"], "group": ["silencer"], "n": [222], "n_overlapping": [37], "percent": [16.625],
        "bases": [1110000], "bases_covered": [100], "percent_bases": [9.75], "n_others": [8],
        "n_others_overlapping": [2], "odds_ratio": [np.inf], "p_value": [0.0125],
    }  # fmt: skip
    write(run, "repeats", pd.DataFrame(overlap), OVERLAPS)
    saliency = {"gene_id": [None, "G1"], "gene_name": [None, None], "measure": ["signed"] * 2, "n": [7, 3],
                "pearson": [0.625, np.nan], "spearman": [0.375, 0.5]}  # fmt: skip
    write(run, "saliency_correlations", pd.DataFrame(saliency), CORRELATIONS)
    page = page_of(tmp_path, run)
    for text in ("LINE", "16.6", "9.75", "all tiles", "G1", "0.625", "0.375"):
        assert text in page
    assert "inf" in page
