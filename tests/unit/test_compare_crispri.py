"""Pairs of element and gene: read from both formats, joined to tiles, scored against answers by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.compare.crispri import score_pairs
from raycre.compare.pairs import NO_EFFECT, NO_GENE, NO_TILE, OUTSIDE, join_pairs
from raycre.compare.tiles import read_tiles
from raycre.errors import ConfigError, FormatError, RegionError
from raycre.genome.crispr_pairs import read_pairs
from tests.compared_runs import two_genes, write_genome, write_run

TITLE = ["chrom", "chromStart", "chromEnd", "name", "chrTSS", "startTSS", "endTSS", "measuredGeneSymbol",
         "measuredGeneEnsemblId", "ValidConnection", "Regulated"]  # fmt: skip


def row(chrom: str, start: int, end: int, gene: str, regulated: str, *, gene_id: str = "NA", tss: int = 8_000,
        valid: str = "TRUE") -> str:  # fmt: skip
    fields = [chrom, start, end, f"{gene}|x", chrom, tss, tss + 1, gene, gene_id, valid, regulated]
    return "\t".join(map(str, fields))


def write_tsv(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["\t".join(TITLE), *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Two tiles on each side of the TSS tile.

    A, + of chr1: [7360, 7616) 0.5, [7616, 7872) 0.01, [8128, 8384) -0.02, [8384, 8640) 0.03.
    B, - of chr2: [6385, 6641) 0.05, [6129, 6385) -0.6, [5617, 5873) null, [5361, 5617) 0.02.
    """
    folder = tmp_path_factory.mktemp("run")
    return read_tiles(write_run(folder / "run", write_genome(folder), two_genes()), "necessity").table


def test_a_table_is_read_by_its_column_names_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    path = write_tsv(
        tmp_path / "p.tsv",
        row("chr1", 7_400, 7_500, "A", "TRUE", gene_id="ENSG1"),
        row("chr1", 7_700, 7_700, "A", "FALSE"),
        row("chr1", 7_700, 7_800, "A", "TRUE", valid="overlaps target gene exon"),
        row("chr1", 7_700, 7_800, "A", "NA"),
    )
    table, n_read, n_invalid, n_unknown = read_pairs(path)
    assert (n_read, n_invalid, n_unknown) == (4, 1, 1)
    assert table["outcome"].tolist() == [True, False]
    assert table["gene_id"].tolist() == ["ENSG1", None]
    assert table["end"].tolist() == [7_500, 7_701]  # of zero length: the base at its start
    assert table["line"].tolist() == [2, 3]


def test_bedpe_has_its_outcome_in_a_column_of_choice(tmp_path: Path) -> None:
    path = tmp_path / "p.bedpe"
    path.write_text(
        "chr1\t10\t20\tchr1\t90\t90\tA|x\t0.5\t.\t.\t1\tA\nchr1\t30\t40\tchr1\t90\t90\tB|x\t0.1\t.\t.\t0\tA\n"
    )
    table = read_pairs(path, outcome_column=11, gene_column=12).table
    assert table["outcome"].tolist() == [True, False]
    assert table["gene"].tolist() == ["A", "A"]
    assert table[["tss_start", "tss_end"]].to_numpy().tolist() == [[90, 91]] * 2
    assert read_pairs(path, outcome_column=11).table["gene"].isna().all()
    with pytest.raises(FormatError, match=r":1: '0\.5': the outcome \(column 8\) is none of TRUE"):
        read_pairs(path, outcome_column=8)
    with pytest.raises(FormatError, match="the first six columns of BEDPE are the anchors"):
        read_pairs(path, outcome_column=6)


def test_bad_tables_are_named(tmp_path: Path) -> None:
    path = tmp_path / "p.tsv"
    path.write_text("chrom\tchromStart\tchromEnd\nchr1\t1\t2\n")
    with pytest.raises(FormatError, match=r"no column measuredGeneSymbol, Regulated;.*--outcome-column"):
        read_pairs(path)
    write_tsv(path, row("chr1", 500, 400, "A", "TRUE"))
    with pytest.raises(RegionError, match=r":2: 'chr1:500-400'"):
        read_pairs(path)


def test_pairs_find_their_tiles_or_a_reason(tmp_path: Path, tiles: pd.DataFrame) -> None:
    path = write_tsv(
        tmp_path / "p.tsv",
        row("chr1", 7_500, 7_700, "A", "TRUE"),  # two tiles, 0.5 and 0.01
        row("chr1", 7_616, 7_700, "A", "FALSE"),  # touches the first, is in the second
        row("chr2", 6_000, 6_200, "renamed", "FALSE", gene_id="B.7"),  # by id without version
        row("chr1", 7_900, 8_000, "A", "TRUE"),  # the TSS tile
        row("chr1", 1_000, 1_100, "A", "FALSE"),
        row("chr1", 7_400, 7_500, "C", "TRUE"),
        row("chr2", 5_700, 5_800, "B", "FALSE"),  # the tile without a value
        row("chr2", 7_400, 7_500, "A", "FALSE"),  # A is on chr1
    )
    joined = join_pairs(read_pairs(path).table, tiles)
    assert joined["covered"].tolist() == ["yes"] * 3 + [NO_TILE, OUTSIDE, NO_GENE, NO_EFFECT, NO_GENE]
    assert joined["n_tiles"].tolist() == [2, 1, 1, 0, 0, 0, 1, 0]
    assert joined["score"].tolist()[:3] == [0.5, 0.01, -0.6]
    assert joined["score"][3:].isna().all()
    assert joined["distance"].tolist()[0] == 8_000 - 7_600


@pytest.mark.parametrize(
    ("direction", "combine", "score", "effect"),
    [
        ("decrease", "max", 0.05, 0.05),
        ("increase", "max", 0.6, -0.6),
        ("either", "max", 0.6, -0.6),
        ("decrease", "sum", -0.55, -0.55),
        ("increase", "mean", 0.275, -0.275),
    ],
)
def test_direction_and_combination_of_tiles(
    tmp_path: Path, tiles: pd.DataFrame, direction: str, combine: str, score: float, effect: float
) -> None:
    pairs = read_pairs(write_tsv(tmp_path / "p.tsv", row("chr2", 6_300, 6_500, "B", "TRUE"))).table
    joined = join_pairs(pairs, tiles, direction=direction, combine=combine)  # type: ignore[arg-type]
    assert joined["score"][0] == pytest.approx(score)
    assert joined["effect"][0] == pytest.approx(effect)


def test_a_pair_without_a_name_is_found_by_its_tss(tmp_path: Path, tiles: pd.DataFrame) -> None:
    path = tmp_path / "p.bedpe"
    lines = [f"chr1\t7400\t7500\tchr1\t{tss}\t{tss}\tx\t1" for tss in (7_499, 7_500, 8_499, 8_501)]
    path.write_text("\n".join(lines) + "\n")
    joined = join_pairs(read_pairs(path, outcome_column=8).table, tiles)
    # 500 bp on both sides: [7500, 8501) round base 8000.
    assert joined["covered"].tolist() == [NO_GENE, "yes", "yes", NO_GENE]


def joined_of(scores: list[float], truth: list[bool], distance: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"score": scores, "outcome": truth, "distance": distance})


def test_average_precision_is_by_hand_and_beside_two_baselines() -> None:
    joined = joined_of([0.9, 0.5, 0.4, 0.1], [True, False, True, False], [40, 10, 20, 30])
    numbers, curves = score_pairs(joined)
    # Positives at ranks 1 and 3: (1/1 + 2/3) / 2; by distance at ranks 2 and 4: (1/2 + 2/4) / 2.
    assert numbers["average_precision"] == pytest.approx(5 / 6)
    assert numbers["average_precision_distance"] == pytest.approx(1 / 2)
    assert (numbers["pairs"], numbers["positives"], numbers["baseline"]) == (4, 2, 0.5)
    assert numbers["best_f1"] == pytest.approx(2 * (2 / 3) / (1 + 2 / 3))
    ours = curves[curves["predictor"] == "creme"]
    assert ours["recall"].tolist() == [1.0, 1.0, 0.5, 0.5, 0.0]
    assert ours["precision"].tolist() == pytest.approx([0.5, 2 / 3, 0.5, 1.0, 1.0])
    assert ours["threshold"].tolist()[:4] == [0.1, 0.4, 0.5, 0.9]
    assert np.isnan(ours["threshold"].iloc[-1])


def test_pairs_without_a_tile_are_left_out_or_ranked_last() -> None:
    joined = joined_of([0.9, np.nan, 0.4], [True, True, False], [1, 2, np.nan])
    assert score_pairs(joined)[0] | {"best_f1": 0} == {
        "pairs": 2, "positives": 1, "average_precision": 1.0, "average_precision_distance": 1.0,
        "baseline": 0.5, "best_f1": 0,
    }  # fmt: skip
    numbers, _ = score_pairs(joined, missing="lowest")
    assert (numbers["pairs"], numbers["positives"]) == (3, 2)
    assert numbers["average_precision"] == pytest.approx((1 + 2 / 3) / 2)


def test_without_both_outcomes_there_is_no_curve() -> None:
    with pytest.raises(ConfigError, match="1 pairs can be scored, 1 of them positive"):
        score_pairs(joined_of([0.5, np.nan], [True, False], [1, 2]))
