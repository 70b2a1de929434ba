"""LDSC's annotation files and SNPsea's formulas on the golden set `biology/genetics`."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.annotate import specificity
from raycre.annotate.ldsc import annot_lines, read_bim, snps_in
from raycre.genome.regions import read_regions
from tests.golden.biology import part_of, read_tsv

SCORES = ("single", "total")


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return part_of(shared, "genetics")


def test_annot_files_have_a_row_for_every_snp_of_the_bim(folder: Path) -> None:
    beds = {p.stem: read_regions(p).table for p in sorted((folder / "inputs").glob("*.bed"))}
    bims = sorted((folder / "inputs").glob("*.bim"))
    assert bims
    for path in bims:
        bim, label = read_bim(path), path.suffixes[0].lstrip(".")
        chrom = "chr" + bim["CHR"]
        with gzip.open(folder / "expected" / f"full.{label}.annot.gz", "rt") as file:
            expected = file.read()
        groups = expected.split("\n", 1)[0].split("\t")[5:]
        marks = {group: snps_in(bim, chrom, beds[group]) for group in groups}
        assert "".join(annot_lines(bim, marks, thin=False)) == expected
        for group in groups:
            with gzip.open(folder / "expected" / f"thin.{group}.{label}.annot.gz", "rt") as file:
                assert "".join(annot_lines(bim, {group: marks[group]}, thin=True)) == file.read()


def read_matrix(path: Path) -> pd.DataFrame:
    return read_tsv(path).set_index("gene")


def sets(folder: Path) -> list[tuple[str, specificity.Score]]:
    """Every matrix and score that the set has an answer for."""
    found = [p.name.split(".")[:2] for p in sorted((folder / "expected").glob("*.scores.tsv"))]
    assert found
    return [(name, score) for name, score in found]  # type: ignore[misc]


def test_snpsea_from_the_matrix_to_p_over_every_null_set(folder: Path) -> None:
    for name, score in sets(folder):
        matrix = read_matrix(folder / "inputs" / f"{name}.matrix.tsv")
        expected = {
            kind: read_tsv(folder / "expected" / f"{name}.{score}.{kind}.tsv")
            for kind in ("specificity_A1", "percentile_A2", "locus_P", "scores")
        }
        specific = specificity.specificity(matrix.to_numpy(float))
        ranks = specificity.percentiles(specific)
        assert specific == pytest.approx(expected["specificity_A1"][matrix.columns].to_numpy(), rel=1e-6)
        assert ranks == pytest.approx(expected["percentile_A2"][matrix.columns].to_numpy(), rel=1e-6)
        position = {gene: i for i, gene in enumerate(matrix.index)}
        loci = read_tsv(folder / "inputs" / f"{name}.loci.tsv")
        genes = [[position[g] for g in text.split(",")] for text in loci["genes"]]
        p = np.array([specificity.locus_p(ranks, locus, score) for locus in genes])
        assert p == pytest.approx(expected["locus_P"][matrix.columns].to_numpy(), rel=1e-6)
        null: dict[int, list[np.ndarray]] = {}
        for n_genes, text in read_tsv(folder / "inputs" / f"{name}.null_loci.tsv").to_numpy().tolist():
            drawn = specificity.locus_p(ranks, [position[g] for g in text.split(",")], score)
            null.setdefault(n_genes, []).append(-np.log(drawn))
        pools = {n: np.array(rows) for n, rows in null.items()}
        found = specificity.score_tissues(-np.log(p), [len(g) for g in genes], pools, most=10**9)
        scores = expected["scores"]
        assert found.exact
        assert {found.n_sets} == set(scores["n_null_sets"])
        assert found.n_reach.tolist() == scores["n_null_ge_S"].tolist()
        for ours, column in (
            (found.score, "S"),
            (found.share, "exact_p"),
            (found.p, "p_plus_one_over_all_sets"),
        ):
            assert ours == pytest.approx(scores[column].to_numpy(), rel=1e-6), column


def test_snpsea_of_sets_of_genes_is_hypergeometric(folder: Path) -> None:
    matrix = read_matrix(folder / "inputs" / "binary.matrix.tsv")
    expected = read_tsv(folder / "expected" / "binary.locus_P.tsv")
    loci = read_tsv(folder / "inputs" / "continuous.loci.tsv").set_index("locus")["genes"]
    position = {gene: i for i, gene in enumerate(matrix.index)}
    values = matrix.to_numpy(float)
    assert specificity.is_binary(values)
    for locus, rows in expected.groupby("locus"):
        genes = [position[g] for g in loci[locus].split(",")]
        assert values[genes].sum(axis=0).tolist() == rows["both"].tolist()
        for score in SCORES:
            found = specificity.binary_locus_p(values, genes, score)  # type: ignore[arg-type]
            by_tissue = dict(zip(matrix.columns, found, strict=True))
            ours = [by_tissue[tissue] for tissue in rows["tissue"]]
            assert ours == pytest.approx(rows[f"P_{score}"].to_numpy(), rel=1e-6)


def test_p_counts_null_sets_that_reach_the_score() -> None:
    """One locus scores 7, and of ten null loci 7, 8 and 9 reach it: 0.3, and p is (3 + 1) / (10 + 1)."""
    null = {1: np.arange(10.0)[:, None]}
    every = specificity.score_tissues(np.array([[7.0]]), [1], null, most=10)
    assert (every.share.tolist(), every.p.tolist(), every.exact) == ([0.3], [pytest.approx(4 / 11)], True)
    drawn = specificity.score_tissues(np.array([[7.0], [0.0]]), [1, 1], null, most=50, seed=3)
    assert (drawn.n_sets, drawn.exact) == (50, False)
    again = specificity.score_tissues(np.array([[7.0], [0.0]]), [1, 1], null, most=50, seed=3)
    assert again.n_reach.tolist() == drawn.n_reach.tolist()
    assert drawn.p.tolist() == [(drawn.n_reach[0] + 1) / 51]
