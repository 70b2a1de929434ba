"""Comparisons on the published K562 tables and on real data: coordinates, marks, overlaps, CRISPRi pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from raycre.compare.crispri import score_pairs
from raycre.compare.marks import compare_groups, coverage_of_marks
from raycre.compare.overlap import overlaps, place_tiles
from raycre.compare.pairs import COVERED, join_pairs
from raycre.creme.tiles import to_genomic
from raycre.errors import AssemblyError
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.crispr_pairs import read_pairs
from raycre.genome.intervals import on_known_chromosomes
from raycre.genome.regions import read_regions


@pytest.fixture(scope="module")
def published(shared: Path) -> Path:
    folder = shared / "golden" / "creme_published"
    if not folder.is_dir():
        pytest.skip("no published tables there")
    return folder


@pytest.fixture(scope="module")
def data(shared: Path) -> Path:
    return shared / "data"


def seq_len(published: Path) -> int:
    """Of the model: the TSS tile lies in its middle."""
    tile = pd.read_csv(published / "tile_coordinates.csv.gz")["tss"]
    return int(tile.sum())


def elements(published: Path, name: str) -> pd.DataFrame:
    """A published table of tiles, as `raycre compare` has them; the TSS of - genes is one past the base."""
    rows = pd.read_csv(published / f"{name}.csv.gz")
    parts = rows["seq_id"].str.extract(r"^(?P<gene_name>.*)_(?P<chrom>[^_]+)_(?P<tss>\d+)_(?P<strand>[+-])$")
    assert parts.notna().all(axis=None)
    tss = parts["tss"].astype(int) - (parts["strand"] == "-")
    length = seq_len(published)
    places = [
        to_genomic((start, end), t, strand, length)
        for start, end, t, strand in zip(
            rows["tile_start"], rows["tile_end"], tss, parts["strand"], strict=True
        )
    ]
    found = pd.concat([rows, parts.assign(tss=tss)], axis=1).assign(gene_id=parts["gene_name"])
    return found.assign(start=[s for s, _ in places], end=[e for _, e in places])


@pytest.fixture(scope="module")
def cres(published: Path) -> pd.DataFrame:
    rows = elements(published, "sufficient_CREs")
    return rows.assign(group=rows["tile class"].str.lower(), effect=rows["Normalized CRE effect"])


def test_genome_coordinates_are_the_published_ones(published: Path, cres: pd.DataFrame) -> None:
    table = pd.read_csv(published / "sufficient_CRE_coordinates.csv.gz")
    assert len(table) == len(cres)
    assert (table["chromosome"] == cres["chrom"]).all()
    assert (table["CRE start coordinate"] == cres["start"]).all()
    assert (table["CRE end coordinate"] == cres["end"]).all()


def test_reference_mirrors_every_tile_of_a_minus_gene(published: Path, cres: pd.DataFrame) -> None:
    # README of the tables: 33 of 74 enhancers and 104 of 222 silencers (DIVERGENCES 11).
    table = pd.read_csv(published / "sufficient_CRE_coordinates.csv.gz")
    mirrored = place_tiles(cres, "reference")
    moved = mirrored["start"] != cres["start"]
    for name in ("Enhancer", "Silencer"):
        minus = (table["CRE type"] == name) & (table["strand"] == "-")
        assert moved[cres["tile class"] == name].sum() == minus.sum()
    # The notebook: TSS of the table - half the input + offset, whatever the strand.
    first = table["TSS coordinate"] - seq_len(published) // 2
    assert (mirrored["start"] == first + cres["tile_start"]).all()
    assert (mirrored["end"] == first + cres["tile_end"]).all()


def test_overlap_with_real_promoters_is_that_of_a_loop(data: Path, cres: pd.DataFrame) -> None:
    promoters = read_regions(data / "hg38" / "K562_cCRE_PLS.bed.gz").table
    promoters = promoters[on_known_chromosomes(promoters, "PLS", read_sizes(data / "hg38/hg38.chrom.sizes"))]
    by_chrom = {str(name): rows for name, rows in promoters.groupby("chrom")}
    for compat in ("fixed", "reference"):
        placed = place_tiles(cres, compat)
        found = overlaps(placed, {"PLS": promoters}, ["enhancer", "silencer"]).set_index("group")
        hit = np.array([
            ((by_chrom[c]["start"] < e) & (s < by_chrom[c]["end"])).any() if c in by_chrom else False
            for c, s, e in zip(placed["chrom"], placed["start"], placed["end"], strict=True)
        ])  # fmt: skip
        for group in ("enhancer", "silencer"):
            assert found.loc[group, "n_overlapping"] == hit[placed["group"] == group].sum()


def test_marks_over_a_real_chromosome_are_pybigwigs_own(data: Path, cres: pd.DataFrame) -> None:
    path = data / "hg38" / "GM12878_H3K27me3_chr21.bw"
    sizes = read_sizes(data / "hg38" / "hg38.chrom.sizes")
    bigwig = pyBigWig.open(str(path))
    (chrom,) = bigwig.chroms()
    random = np.random.default_rng(0)
    start = random.integers(5_000_000, sizes[chrom] - 5_000, 200)  # the published ones are few on it
    tiles = pd.DataFrame({"chrom": chrom, "start": start, "end": start + 5_000})
    rows = coverage_of_marks(pd.concat([cres, tiles]), {"H3K27me3": path}, sizes, sizes_from="hg38")
    on_it = (rows["chrom"] == chrom).to_numpy()
    assert rows.loc[~on_it, ["mean", "max"]].isna().all(axis=None)
    for row in rows[on_it].itertuples():
        values = np.nan_to_num(bigwig.values(chrom, row.start, row.end, numpy=True).astype(np.float64))
        assert row.mean == pytest.approx(values.mean(), rel=1e-6)
        assert row.max == values.max()
        if not np.isnan(bigwig.values(chrom, row.start, row.end)).any():
            assert row.mean == pytest.approx(bigwig.stats(chrom, row.start, row.end, exact=True)[0], rel=1e-6)
    assert rows.loc[on_it, "mean"].nunique() > 100


def test_a_mark_of_the_other_assembly_is_refused(data: Path, cres: pd.DataFrame) -> None:
    sizes = {name: read_sizes(data / name / f"{name}.chrom.sizes") for name in ("hg19", "hg38")}
    tiles = pd.DataFrame({"chrom": ["chr9"], "start": [5_000_000], "end": [5_005_000]})
    for name, own, other in (
        ("hg19/K562_H3K27ac_chr9_4m_6m.bw", "hg19", "hg38"),
        ("hg38/K562_H3K4me3_chr9_4m_6m.bw", "hg38", "hg19"),
    ):
        rows = coverage_of_marks(tiles, {"mark": data / name}, sizes[own], sizes_from=own)
        assert rows["mean"].notna().all()
        with pytest.raises(AssemblyError, match="chr9 has"):
            coverage_of_marks(tiles, {"mark": data / name}, sizes[other], sizes_from=other)


def test_active_chromatin_has_more_h3k27ac_than_quiet_chromatin(data: Path) -> None:
    sizes = read_sizes(data / "hg19" / "hg19.chrom.sizes")
    states = read_regions(data / "hg19" / "chromHMM_chr9_4m_6m.bed").table
    groups = {"1_Active_Promoter": "active", "4_Strong_Enhancer": "active", "13_Heterochrom/lo": "quiet"}
    states = states.assign(group=states["name"].map(groups)).dropna(subset="group")
    rows = coverage_of_marks(
        states, {"H3K27ac": data / "hg19" / "K562_H3K27ac_chr9_4m_6m.bw"}, sizes, sizes_from="hg19"
    )
    tested = compare_groups(rows, "active", "quiet")
    assert (tested["sign"] == 1).all()
    assert (tested["p_adjusted"] < 0.001).all()


def test_the_benchmarks_file_is_read_as_pandas_reads_it(data: Path) -> None:
    path = data / "hg38" / "EPCrispr_K562_training.tsv.gz"
    pairs = read_pairs(path)
    raw = pd.read_csv(path, sep="\t")
    assert pairs.n_read == len(raw)
    kept = raw[raw["ValidConnection"].astype(str).str.upper() == "TRUE"].reset_index(drop=True)
    assert len(pairs.table) == len(kept)
    assert (pairs.table["outcome"] == kept["Regulated"]).all()
    for ours, theirs in {"chrom": "chrom", "start": "chromStart", "gene": "measuredGeneSymbol",
                         "gene_id": "measuredGeneEnsemblId", "tss_start": "startTSS"}.items():  # fmt: skip
        assert (pairs.table[ours] == kept[theirs]).all()
    assert (kept["chromEnd"] - kept["chromStart"] > 0).all()
    assert (pairs.table["end"] == kept["chromEnd"]).all()


def test_real_pairs_meet_the_published_necessity_effects(data: Path, published: Path) -> None:
    rows = elements(published, "necessity_test")
    tiles = rows.assign(effect=rows["Normalized shuffle effect"])
    pairs = read_pairs(data / "hg38" / "EPCrispr_K562_training.tsv.gz").table
    joined = join_pairs(pairs, tiles)
    # Once more, pair by pair.
    of_gene = {str(name): mine for name, mine in tiles.groupby("gene_name")}
    for pair, found in zip(pairs.itertuples(), joined.itertuples(), strict=True):
        mine = of_gene.get(str(pair.gene))
        if mine is None:
            assert found.n_tiles == 0
            continue
        hit = mine[(mine["chrom"] == pair.chrom) & (mine["start"] < pair.end) & (pair.start < mine["end"])]
        assert found.n_tiles == len(hit)
        assert (found.covered == COVERED) == bool(len(hit))
        if len(hit):
            assert found.score == hit["effect"].max()
    everyone, _ = score_pairs(joined, missing="lowest")
    assert everyone["pairs"] == len(pairs)
    scored = joined[joined["covered"] == COVERED]
    if scored["outcome"].nunique() < 2:
        pytest.skip("the tables' genes have no tested pairs of both outcomes")
    numbers, curves = score_pairs(joined)
    assert numbers["pairs"] == len(scored)
    assert numbers["positives"] == scored["outcome"].sum()
    # Average precision once more: over positives, the precision at their score (no two pairs tie here).
    ranked = scored.sort_values("score", ascending=False)
    if ranked["score"].is_unique:
        precision = ranked["outcome"].cumsum() / np.arange(1, len(ranked) + 1)
        assert numbers["average_precision"] == pytest.approx(precision[ranked["outcome"]].mean())
    assert curves["recall"].between(0, 1).all()
