"""Dual-function elements, contacts, variants, genes and sources on the golden set `biology/overlaps`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from raycre.annotate import dual
from raycre.annotate.contacts import count_contacts
from raycre.annotate.declaration import GroupValues
from raycre.annotate.eqtls import count_eqtls, read_eqtls
from raycre.annotate.groups import group_tests
from raycre.annotate.sources import source_shares
from raycre.annotate.variants import count_variants
from raycre.genome.loops import read_anchors
from raycre.genome.nearest import nearest_points
from raycre.genome.tss_table import read_tss_table
from tests.golden.biology import part_of, read_tsv

CELLS = ("A", "B")
COUNTS = {
    "snps_all_bedtools_vcf": "variants_spanning", "snps_all_by_pos": "variants", "snps_all_snv_only": "snvs",
    "snps_common_by_pos": "common", "snps_rare_by_id_by_pos": "rare",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return part_of(shared, "overlaps")


def calls(folder: Path, cell: str) -> pd.DataFrame:
    table = read_tsv(folder / "inputs" / f"calls_cell{cell}.tsv")
    return table.rename(columns={"region": "name", "call": "group"})


@pytest.fixture(scope="module")
def totals(folder: Path) -> dict[str, int]:
    table = read_tsv(folder / "expected" / "totals.tsv")
    return dict(zip(table["item"], table["n"], strict=True))


def only(folder: Path, pattern: str) -> Path:
    [path] = (folder / "inputs").glob(pattern)
    return path


class Given:
    """Regions and their partner's, as the verb hands them to an annotation."""

    def __init__(self, ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
        self.table, self.theirs = ours, theirs

    def read_calls(self, path: Path) -> pd.DataFrame:
        return self.theirs


@pytest.fixture(scope="module")
def dual_function(folder: Path) -> Any:
    regions: Any = Given(calls(folder, "A"), calls(folder, "B"))
    return dual.annotate_dual(regions, dual.Options(Path("b")))


def test_silencers_with_600_bp_of_one_enhancer_are_dual(
    folder: Path, dual_function: Any, totals: dict[str, int]
) -> None:
    expected = read_tsv(folder / "expected" / "dfre_silencers.tsv").set_index("region")
    ours = calls(folder, "A")
    columns = {column.name: column.values for column in dual_function.columns}
    found = pd.DataFrame(columns, index=ours["name"])[(ours["group"] == "silencer").to_numpy()]
    found = found.loc[expected.index]
    assert len(expected) == (ours["group"] == "silencer").sum() == totals["silencers_A"]
    assert found["dual_class"].tolist() == expected["class"].tolist()
    assert found["max_overlap_bp"].tolist() == expected["max_overlap_bp"].tolist()
    assert found["n_partners"].tolist() == expected["n_enhancers_ge_600"].tolist()
    assert found["partners"].fillna(".").tolist() == expected["enhancers_ge_600"].tolist()
    for bp in (599, 600, 601):
        assert (found["max_overlap_bp"] == bp).sum() == totals[f"silencers_with_exactly_{bp}bp"]
    facts = dual_function.facts
    assert (facts["DFRE"], facts["normal_silencer"]) == (totals["DFRE"], totals["normal_silencers"])


def test_enhancers_of_the_partner_are_normal_partners_or_neither(
    folder: Path, dual_function: Any, totals: dict[str, int]
) -> None:
    expected = read_tsv(folder / "expected" / "dfre_enhancers.tsv")
    partners = dual_function.tables["dual_partners"].set_index("name").loc[expected["region"]]
    assert partners["class"].tolist() == expected["class"].tolist()
    assert len(partners) == totals["enhancers_B"]
    assert dual_function.facts["normal_enhancer"] == totals["normal_enhancers"]
    assert dual_function.facts["DFRE_partner"] == totals["DFRE_partner_enhancers"]


def counted(folder: Path, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Every count of regions, under the names of the expected tables."""
    path = only(folder, "*signif_variant_gene_pairs.txt.gz")
    of_variants, _ = count_variants(
        table, only(folder, "snps_all.vcf.gz"), only(folder, "snps_common.vcf.gz")
    )
    eqtls = count_eqtls(table, read_eqtls(path), path)
    return (
        count_contacts(table, read_anchors(only(folder, "*.bedpe")))
        | {theirs: of_variants[ours] for theirs, ours in COUNTS.items()}
        | {f"eqtl_{name}": count for name, count in eqtls.items()}
    )


@pytest.mark.parametrize("cell", CELLS)
def test_counts_of_contacts_variants_and_eqtls(folder: Path, cell: str) -> None:
    expected = read_tsv(folder / "expected" / f"counts_cell{cell}.tsv.gz")
    table = calls(folder, cell)
    assert table["name"].tolist() == expected["region"].tolist()
    found = counted(folder, table)
    assert set(found) == set(expected.columns[5:])
    for name, count in found.items():
        assert count.tolist() == expected[name].tolist(), name


def test_rare_variants_by_id_and_by_allele(folder: Path, totals: dict[str, int]) -> None:
    files = (only(folder, "snps_all.vcf.gz"), only(folder, "snps_common.vcf.gz"))
    table = calls(folder, "A")
    by_id = count_variants(table, *files)[1]
    assert by_id == {
        "variants": totals["snps_all"],
        "common": totals["snps_common"],
        "rare": totals["rare_by_id"],
    }
    by_allele = count_variants(table, *files, by="allele")[1]
    assert by_allele["rare"] == totals["rare_by_chrom_pos_ref_alt_set"]


def test_rank_sum_tests_of_groups(folder: Path, dual_function: Any) -> None:
    expected = read_tsv(folder / "expected" / "rank_sum_tests.tsv")
    table = calls(folder, "A")
    found = counted(folder, table)
    for row in expected.to_dict("records"):
        group = dual_function.groups if "DFRE" in (row["greater"], row["than"]) else table["group"].to_numpy()
        measured, pair = (
            [GroupValues(row["what"], found[row["what"]], "values")],
            [(row["greater"], row["than"])],
        )
        p = []
        for reading in ("continuity", "no-continuity", "no-tie-correction"):
            [ours] = group_tests(measured, group, pair, reading=reading).to_dict("records")
            p.append(ours["p_value"])
        assert (ours["n"], ours["n_other"]) == (row["n1"], row["n2"])
        for name, column in (("mean", "mean1"), ("mean_other", "mean2"), ("median", "median1"),
                             ("median_other", "median2"), ("u", "U1"), ("auc", "AUC")):  # fmt: skip
            assert ours[name] == pytest.approx(row[column], rel=1e-6)
        assert p == pytest.approx([row[c] for c in expected.columns if c.startswith("p_")], rel=1e-6)


def test_nearest_tss_with_ties_and_the_sign_of_bedtools(folder: Path) -> None:
    expected = read_tsv(folder / "expected" / "nearest_tss_cellA.tsv.gz")
    table, genes = calls(folder, "A"), read_tss_table(folder / "inputs" / "tss.bed")
    found = nearest_points(table, genes)
    ours = zip(table["name"].to_numpy()[found.row], genes["gene_name"].to_numpy()[found.point],
               found.distance.tolist(), strict=True)  # fmt: skip
    theirs = zip(expected["region"], expected["gene"], expected["distance_D_b"], strict=True)
    assert sorted(ours) == sorted(theirs)


def test_shares_of_sources_in_three_ways(folder: Path) -> None:
    expected = read_tsv(folder / "expected" / "source_shares.tsv")
    sources = read_tsv(folder / "inputs" / "sources_cellA.tsv").set_index("region")["sources"]
    table = calls(folder, "A")
    found = source_shares(table["group"], sources.loc[table["name"]].reset_index(drop=True))
    key = ["group", "source"]
    both = expected.rename(columns={"call": "group"}).merge(
        found, on=key, suffixes=("", "_ours"), how="outer"
    )
    assert len(both) == len(expected) == len(found)
    for column in expected.columns[2:]:
        assert both[f"{column}_ours"].to_numpy() == pytest.approx(both[column].to_numpy(), rel=1e-6), column


def test_probabilities_of_the_partners_elements_are_compared(folder: Path, dual_function: Any) -> None:
    """Figure 6b: silencer scores in the other cell type, of partners of DFREs against normal enhancers."""
    theirs = calls(folder, "B").set_index("name")["p_silencer"]
    kinds = dual_function.tables["dual_partners"].set_index("name")["class"]
    first, second = (theirs[kinds.index[kinds == kind]] for kind in ("DFRE_partner", "normal_enhancer"))
    table = dual_function.tables["dual_partner_groups"].set_index("value")
    expected = mannwhitneyu(first, second, alternative="greater", method="asymptotic").pvalue
    assert table.loc["p_silencer", "p_value"] == pytest.approx(expected, rel=1e-9)
    assert table.loc["p_silencer", "n"] == len(first)
