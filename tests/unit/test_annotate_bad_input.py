"""Odd and bad input of `raycre annotate`, in one table: named with nothing written, or taken and said."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from raycre.annotate.declaration import GroupValues
from raycre.annotate.groups import group_tests
from tests.annotate_cli import CONTACTS, HEAD, MOTIF, REGIONS, Cli, write_predictions
from tests.compared_runs import write_genome

BAD, TAKEN = 2, 0
VCF = "##fileformat=VCFv4.2\n"
VARIANT = "chr1\t1\trs1\tA\tC\t.\t.\t.\n"
BED9 = "\t".join(["chr1", "10", "11", ".", "5", "+", "10", "11", "0"])
GENES = "chr1\t0\t10\tA\t.\t+\n"


class Case(NamedTuple):
    """What is annotated, with a file of this text, further files, what comes of it, and what is said."""

    what: str
    file: tuple[str, str] | None
    code: int
    says: str
    more: tuple[tuple[str, str], ...] = ()


CASES = {
    # Motifs
    "a MEME file with no row": Case(
        "motifs", ("m.meme", MOTIF.format(name="X", w=0)), BAD, "m.meme:5: 'X': the motif has no rows"),
    "motifs of another alphabet": Case(
        "motifs", ("m.meme", HEAD.format(alphabet="ACDEFGHIKLMNPQRSTVWY")), BAD,
        "another alphabet than ACGT"),
    "JASPAR's own format": Case(
        "motifs", ("m.meme", ">X\n1 2 3 4\n"), BAD, "no motifs in MEME format"),
    "a motif that is cut": Case(
        "motifs", ("m.meme", MOTIF.format(name="X", w=2) + "1 0 0 0\n"), BAD, "says w= 2 and has 1 rows"),
    "counts in place of frequencies": Case(
        "motifs", ("m.meme", MOTIF.format(name="X", w=1) + "3 0 0 7\n"), BAD, "not four frequencies"),
    "two motifs of one name": Case(
        "motifs", ("m.meme", 2 * (MOTIF.format(name="X", w=1) + "1 0 0 0\n")), BAD,
        "two motifs have this name"),
    # Methylation
    "bedMethyl with 9 columns": Case(
        "methylation", ("a.bed", BED9 + "\n"), BAD, "9 tab-separated columns where bedMethyl"),
    "a percent above 100": Case(
        "methylation", ("a.bed", BED9 + "\t5\t170\n"), BAD, "the percent is not between 0 and 100"),
    "methylation of other chromosomes": Case(
        "methylation", ("a.bed", BED9.replace("chr1", "chr9") + "\t5\t70\n"), BAD, "none of the regions'"),
    # Variants
    "a VCF without an index": Case("variants", ("a.vcf", VCF + "#CHROM\tPOS\n" + VARIANT), TAKEN, ""),
    "no VCF": Case("variants", ("a.vcf", "chr1\t1\t.\tA\tC\n"), BAD, "not a VCF, whose first line is"),
    "a VCF of another assembly": Case(
        "variants", ("a.vcf", VCF + "##contig=<ID=chr1,length=4500>\n#CHROM\tPOS\n" + VARIANT), BAD,
        "chr1 has 4,500 bp here, and a region ends at 5,000; use files of one assembly"),
    "a VCF with a position that is none": Case(
        "variants", ("a.vcf", VCF + "chr1\tx\t.\tA\tC\n"), BAD, "a.vcf:2: 'x': the position (column 2)"),
    "a VCF without a variant": Case(
        "variants", ("a.vcf", VCF + "#CHROM\tPOS\n"), BAD, "a header and no variant"),
    # Contacts
    "a BEDPE anchor before the chromosome": Case(
        "contacts", ("a.bedpe", "chr1\t5\t9\t.\t-1\t-1\n"), BAD, "the start is negative"),
    "a BEDPE anchor that ends before it starts": Case(
        "contacts", ("a.bedpe", "chr1\t9\t5\tchr1\t20\t30\n"), BAD,
        "a.bedpe:1: 'chr1:9-5': the end is not past"),
    "a BEDPE anchor of no length": Case(
        "contacts", ("a.bedpe", CONTACTS), TAKEN, "1 anchors of zero length taken for one base"),
    "BEDPE of another style": Case(
        "contacts", ("a.bedpe", "1\t5\t9\t1\t20\t30\n"), BAD, "the names differ in style only"),
    "BED in place of BEDPE": Case("contacts", ("a.bedpe", "chr1\t5\t9\n"), BAD, "3 tab-separated columns"),
    # Genetics
    "a .bim in another order": Case(
        "ldsc", ("p.1.bim", "1 rs1 0 2500 A C\n1\trs2\t0\t1\tA\tC\n"), TAKEN,
        "1 rows lie before the row above them, and the order is kept"),
    "a .bim with a position of 0": Case(
        "ldsc", ("a.bim", "1\trs1\t0\t0\tA\tC\n"), BAD, "the position is not 1 or more"),
    "a .bim with 4 columns": Case(
        "ldsc", ("a.bim", "1\trs1\t0\t5\n"), BAD, "4 tab-separated columns where PLINK's .bim"),
    "eQTLs without ids": Case(
        "eqtls", ("a.txt", "gene\tp\nx\t1\n"), BAD, "no column variant_id; it has gene, p"),
    "an eQTL that is not GTEx's": Case(
        "eqtls", ("a.txt", "variant_id\tp\nrs12\t1\n"), BAD, "a.txt:2: 'rs12': not a variant_id of GTEx"),
    "a matrix of genes with NaN": Case(
        "snpsea", ("m.tsv", "g\tliver\nA\tNaN\n"), BAD,
        "m.tsv:2: 'NaN': the value of liver is missing, infinite or negative", (("g.bed", GENES),)),
    "a matrix with a gene twice": Case(
        "snpsea", ("m.tsv", "g\tliver\nA\t1\nA\t2\n"), BAD, "m.tsv:3: 'A': two rows have this gene",
        (("g.bed", GENES),)),
    "a matrix of other genes": Case(
        "snpsea", ("m.tsv", "g\tliver\nZ\t1\n"), BAD, "none of the genes (A, …) is in it, but Z",
        (("g.bed", GENES),)),
    "a matrix with a short row": Case(
        "snpsea", ("m.tsv", "g\tliver\tblood\nA\t1\n"), BAD, "m.tsv:2: 2 columns below a title of 3",
        (("g.bed", GENES),)),
    # Signals and runs
    "text in place of a bigWig": Case("conservation", ("a.bw", "chr1\t1\t2\t3\n"), BAD, "not a bigWig"),
    "no partner": Case("dual", None, BAD, "name the other cell type's calls with --partner"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
def test_odd_input_is_named_and_nothing_is_written_or_taken_and_said(cli: Cli, case: Case) -> None:
    files = [cli.write(*named) for named in ((case.file,) if case.file else ()) + case.more]
    genome = ["--fasta", write_genome(cli.folder)] if case.what == "motifs" else []
    assert cli(case.what, *files, "-r", cli.regions, "--out", cli.out_folder, *genome) == case.code
    assert case.says in cli.err
    assert cli.err.count("error: ") == (case.code == BAD)
    assert cli.out_folder.exists() == (case.code == TAKEN)


def test_a_bim_in_another_order_keeps_its_order(cli: Cli) -> None:
    bim = cli.write(
        "p.1.bim", "1 rs1 0 2500 A C\n1\trs2\t0\t1\tA\tC\n1\trs3\t0\t1000\tA\tC\n1 rs4 0 1001 A C\n"
    )
    cli.json("ldsc", bim, "-r", cli.regions, "--thin", "--prefix", "k562")
    found = pd.read_csv(cli.out_folder / "files" / "k562.silencer.1.annot.gz")
    assert found["ANNOT"].tolist() == [1, 1, 1, 0]  # 0-based [0, 1000) holds BP 1 to 1,000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-r", "regions.tsv", "--compare", "silencer,enhancr"], "no region is of this group"),
        (["-r", "regions.tsv", "--compare", "silencer"], "two groups are compared, as in --compare"),
        (["-r", "regions.tsv", "--compare", "silencer,silencer"], "two different groups are compared"),
        (["-r", "regions.tsv", "--group-by", "cal"], "no such column; did you mean call?"),
        (["-r", "regions.tsv", "-r", "regions.tsv"], "regions of two places have this name"),
        (["--run", "regions.tsv"], "--run names the folder of a finished run"),
        ([], "no regions: name a file with --regions, or a finished run with --run"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    cli: Cli, arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cli.folder)
    bedpe = cli.write("c.bedpe", CONTACTS)
    assert cli("contacts", bedpe, *arguments, "--out", cli.out_folder) == 2
    assert says in cli.err
    assert not cli.out_folder.exists()


def test_a_group_of_one_has_no_p_and_that_is_said(cli: Cli) -> None:
    bedpe = cli.write("c.bedpe", CONTACTS)
    regions = cli.write("one.tsv", "\n".join(REGIONS.splitlines()[:4]) + "\n")
    found = cli.json("contacts", bedpe, "-r", regions)
    assert found["tests"][0]["p_value"] is None
    assert "1 of 1 comparisons have no p: no test: a group has 1 region with a value" in cli.err
    assert cli.table("contacts_groups")["note"].tolist() == ["no test: a group has 1 region with a value"]


def test_a_group_without_any_value_has_no_p_and_others_keep_theirs() -> None:
    values = GroupValues("m", np.array([1.0, 2, 3, np.nan, np.nan, 0, 0, 1]), "values")
    group = np.array(["a"] * 3 + ["b"] * 2 + ["background"] * 3)
    tests = group_tests([values], group, [("a", "background"), ("b", "background")])
    assert tests["n"].tolist() == [3, 0]
    assert tests["note"].fillna("").tolist() == ["", "no test: a group has 0 regions with a value"]
    assert np.isfinite(tests["p_bh"][0])
    assert tests.loc[1, ["mean", "auc", "p_value", "p_bh", "p_bonferroni"]].isna().all()


def test_a_run_of_another_class_set_has_the_groups_that_it_has(cli: Cli, tmp_path: Path) -> None:
    """A partner that was trained without enhancers makes no dual-function element, and that is said."""
    partner = write_predictions(tmp_path / "partner", call=["silencer", "background"])
    bedpe = cli.write("c.bedpe", CONTACTS)
    assert cli.json("contacts", bedpe, "--run", partner)["groups"] == {"silencer": 1, "background": 1}
    assert cli("dual", "--partner", partner, "-r", cli.regions, "--out", tmp_path / "no") == 2
    assert "no region of the partner's regions has this call; there are background, silencer" in cli.err
    assert not (tmp_path / "no").exists()
