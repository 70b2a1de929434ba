"""FIMO's hits on the golden set `biology/motifs`, made by MEME's own code: README.md there has the rule."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from raycre.annotate.combined import combine_hits, fisher_log_p
from raycre.annotate.declaration import GroupValues
from raycre.annotate.fimo import Hits, Scanner, background, scale_motif
from raycre.annotate.groups import group_tests
from raycre.genome.meme import Motif, read_meme
from raycre.genome.sequence import letter_codes
from tests.golden.biology import part_of, read_tsv


class Scanned(NamedTuple):
    folder: Path
    names: list[str]
    motifs: list[Motif]
    hits: Hits


@pytest.fixture(scope="module")
def scanned(shared: Path) -> Scanned:
    folder = part_of(shared, "motifs")
    records = (folder / "inputs" / "regions.fa").read_text().split(">")[1:]
    names = [record.split("\n", 1)[0].split()[0] for record in records]
    bases = [letter_codes(record.split("\n", 1)[1].replace("\n", "")) for record in records]
    motifs = read_meme(folder / "inputs" / "motifs.meme")
    return Scanned(folder, names, motifs, Scanner(motifs).scan(bases))


def test_background_is_nrdb_averaged_over_the_strands(scanned: Scanned) -> None:
    expected = read_tsv(scanned.folder / "expected" / "background.tsv")
    assert background() == pytest.approx(expected[list("ACGT")].to_numpy()[0], abs=1e-6)


def test_scale_offset_and_p_of_totals(scanned: Scanned) -> None:
    expected = read_tsv(scanned.folder / "expected" / "pvalue_table_own_rule.tsv")
    motifs = {motif.name: motif for motif in scanned.motifs}
    for name, rows in expected.groupby("motif"):
        scale = scale_motif(motifs[str(name)])
        assert (scale.factor, scale.offset) == (rows["scale"].iloc[0], rows["offset"].iloc[0])
        assert scale.p_values[rows["integer_score"]] == pytest.approx(rows["p"].to_numpy(), rel=1e-6)


def test_hits_are_fimos_and_whole_number_scores_are_equal(scanned: Scanned) -> None:
    hits, motifs = scanned.hits, scanned.motifs
    widths = np.array([len(motif) for motif in motifs])
    found = pd.DataFrame({
        "region": np.array(scanned.names)[hits.region], "motif": [motifs[i].name for i in hits.motif],
        "start": hits.start, "end": hits.start + widths[hits.motif],
        "strand": np.where(hits.minus, "-", "+"), "total": hits.total, "score": hits.score, "p": hits.p,
    })  # fmt: skip
    expected = read_tsv(scanned.folder / "expected" / "hits_fimo.tsv.gz")
    key = ["region", "motif", "start", "end", "strand"]
    both = expected.merge(found, on=key, how="outer", suffixes=("_fimo", ""), indicator=True)
    assert (both["_merge"] == "both").all()
    assert len(found) == len(expected)
    assert both["score"].to_numpy() == pytest.approx(both["score_fimo"].to_numpy(), abs=1e-4)
    assert both["p"].to_numpy() == pytest.approx(both["p_fimo"].to_numpy(), rel=1e-5)
    scales = {motif.name: scale_motif(motif) for motif in motifs}
    totals = [
        round((score - len(scale.cells) * scale.offset) * scale.factor)
        for score, scale in zip(both["score_fimo"].tolist(), [scales[m] for m in both["motif"]], strict=True)
    ]  # fmt: skip
    assert both["total"].tolist() == totals


def per_region(scanned: Scanned) -> pd.DataFrame:
    """Every pair of region and motif, as the expected table has them."""
    pairs, hits = combine_hits(scanned.hits), scanned.hits
    names = [motif.name for motif in scanned.motifs]
    found = pd.DataFrame({
        "region": np.array(scanned.names)[pairs.region], "motif": np.array(names)[pairs.motif],
        "n_hits": pairs.n_hits, "best_p": hits.p[pairs.best], "best_score": hits.score[pairs.best],
        "chi2": pairs.chi2, "value": fisher_log_p(pairs.chi2, pairs.n_hits),
        "one": fisher_log_p(pairs.chi2_one, pairs.n_starts),
    }).set_index(["region", "motif"])  # fmt: skip
    every = pd.MultiIndex.from_product([scanned.names, names], names=["region", "motif"])
    return found.reindex(every)


def test_every_region_and_motif_by_fishers_method(scanned: Scanned) -> None:
    expected = read_tsv(scanned.folder / "expected" / "per_region.tsv.gz").set_index(["region", "motif"])
    found = per_region(scanned).loc[expected.index]
    assert len(found) == len(scanned.names) * len(scanned.motifs)
    assert found["n_hits"].fillna(0).astype(int).tolist() == expected["n_hits"].tolist()
    assert found["best_p"].to_numpy() == pytest.approx(expected["best_p"].to_numpy(), rel=1e-5, nan_ok=True)
    assert found["best_score"].to_numpy() == pytest.approx(
        expected["best_score"].to_numpy(), abs=1e-4, nan_ok=True
    )
    for ours, theirs in (("chi2", "fisher_chi2"), ("value", "neglog10_fisher_p"),
                         ("one", "neglog10_fisher_p_one_strand")):  # fmt: skip
        assert found[ours].fillna(0).to_numpy() == pytest.approx(expected[theirs].to_numpy(), rel=1e-6)
    assert 10 ** -found["value"].fillna(0).to_numpy() == pytest.approx(
        expected["fisher_p"].to_numpy(), rel=2e-5
    )


def test_groups_differ_as_the_table_says(scanned: Scanned) -> None:
    expected = read_tsv(scanned.folder / "expected" / "group_comparison.tsv")
    regions = read_tsv(scanned.folder / "inputs" / "regions.tsv").set_index("region")
    group = regions.loc[scanned.names, "group"].to_numpy()
    values = per_region(scanned)["value"].fillna(0).unstack("motif")
    measured = [
        GroupValues(name, values.loc[scanned.names, name].to_numpy(), compare)
        for name in expected["motif"]
        for compare in ("values", "share")
    ]
    tests = group_tests(measured, group, [("A", "B")])
    ranks = tests[tests["test"] == "rank-sum"].reset_index(drop=True)
    shares = tests[tests["test"] != "rank-sum"].reset_index(drop=True)
    uncorrected = group_tests(measured, group, [("A", "B")], reading="no-tie-correction")
    other = uncorrected[uncorrected["test"] == "rank-sum"]
    for ours, theirs in (
        (ranks["n"], "n_A"), (ranks["n_other"], "n_B"), (shares["mean"] * shares["n"], "n_sig_A"),
        (shares["mean"], "size_A"), (shares["mean_other"], "size_B"), (ranks["mean"], "mean_neglog10_A"),
        (ranks["mean_other"], "mean_neglog10_B"), (ranks["u"], "mannwhitney_U_A"),
        (ranks["p_value"], "mannwhitney_p_A_greater"), (shares["p_value"], "fisher_exact_p_A_greater"),
        (other["p_value"], "ranksums_p_A_greater"),
    ):  # fmt: skip
        assert ours.to_numpy() == pytest.approx(expected[theirs].to_numpy(), rel=1e-6, abs=1e-12), theirs
