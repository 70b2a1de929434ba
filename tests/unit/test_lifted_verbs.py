"""Every verb that lays regions on data of another assembly takes a chain, and counts the same categories.

The older assembly begins 1,000 bp further on: base b of its chr1 is base b + 1,000 of the newer one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from raycre.annotate import averaged
from raycre.annotate.registry import BUILT_IN, find_annotation
from raycre.annotate.repeats import Options as RepeatOptions
from raycre.cli import main
from raycre.compare.crispri import lift_pairs
from raycre.errors import AssemblyError
from raycre.genome.lift import CATEGORIES, LENGTH_CHANGED
from raycre.genome.lifting import Lifting
from raycre.report.comparisons import read_compared
from raycre.store.parquet import read_table
from raycre.workflows.annotate.plan import _without_paths
from tests.compared_runs import two_genes, write_genome, write_run

OLD, NEW = 19_000, 20_000  # bp of chr1
TO_NEW = f"chain 1 chr1 {OLD} + 0 {OLD} chr1 {NEW} + 1000 {NEW} 1\n{OLD}\n"
TO_OLD = f"chain 1 chr1 {NEW} + 1000 {NEW} chr1 {OLD} + 0 {OLD} 1\n{OLD}\n"
REGIONS = """chrom\tstart\tend\tname\tcall
chr1\t0\t1000\ta\tsilencer
chr1\t2000\t3000\tb\tsilencer
chr1\t4000\t5000\tc\tbackground
chr2\t0\t1000\td\tbackground
"""
CPG = "{}\t1050\t1051\t.\t5\t+\t1050\t1051\t0\t5\t80\n"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[dict[str, Any], str]]:
    """Run a command that must succeed; return what it prints as JSON, and stderr."""
    (tmp_path / "new.chain").write_text(TO_NEW)
    (tmp_path / "old.chain").write_text(TO_OLD)
    (tmp_path / "regions.tsv").write_text(REGIONS)

    def called(*arguments: object) -> tuple[dict[str, Any], str]:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments), "--json"])
        out, err = capsys.readouterr()
        assert not ended.value.code, err
        return json.loads(out), err

    return called


def counted(mapped: int, deleted: int) -> dict[str, int]:
    return dict.fromkeys((*CATEGORIES, LENGTH_CHANGED), 0) | {"mapped": mapped, "deleted": deleted}


def bigwig(path: Path, chrom: str = "chr1") -> Path:
    """2 in [1,000, 2,000) of the older assembly."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([(chrom, OLD)])
        file.addEntries([chrom], [1_000], ends=[2_000], values=[2.0])
    return path


@pytest.mark.parametrize(
    ("verb", "name", "text", "column", "expected", "lifted", "n"),
    [
        ("overlap", "a.bed", "chr1\t1010\t1110\nchr9\t1\t9\n", "a", [0, 100, 0, 0], "a", (1, 1)),
        ("repeats", "a.bed", "chr1\t1010\t1110\tLINE/L1\nchr9\t1\t9\tLTR\n", "LINE", [0, 100, 0, 0],
         "repeats", (1, 1)),
        ("contacts", "a.bedpe", "chr1\t1100\t1200\tchr1\t3100\t3200\nchr1\t1100\t1200\tchr9\t1\t9\n",
         "contacts", [0, 1, 1, 0], "anchors", (3, 1)),
        ("variants", "a.vcf", "##fileformat=VCFv4.2\n1\t1051\trs1\tA\tC\n1\t2000\t.\tAA\tA\n9\t5\t.\tA\tC\n",
         "variants", [0, 2, 0, 0], "a.vcf", (2, 1)),
        ("eqtls", "a.txt", "variant_id\tp\n1_1051_A_C_b37\t1\n9_5_A_C_b37\t1\n", "a_variants", [0, 1, 0, 0],
         "a.txt", (1, 1)),
        ("methylation", "a.bed", CPG.format("chr1") + CPG.format("chr9"), "methylation",
         [None, 80, None, None], "a.bed", (1, 1)),
        ("genes", "a.bed", "chr1\t1100\t1101\tG\t.\t+\nchr9\t5\t6\tH\t.\t+\n", "nearest_genes",
         ["G", "G", "G", None], "TSSs", (1, 1)),
        ("ldsc", "a.bim", "1 rs1 0 1051 A C\n9 rs2 0 5 A C\n", "n_snps", [0, 1, 0, 0], "a.bim", (1, 1)),
        ("marks", "a.bedGraph", "chr1\t1000\t2000\t2\n", "a_mean", [None, 2, 0, None], "regions", (2, 2)),
        ("conservation", "a.bw", None, "mean0", [None, 2, 0, None], "regions", (2, 2)),
    ],
)  # fmt: skip
def test_an_annotation_of_another_assembly_is_lifted_counted_and_said(
    run: Callable[..., tuple[dict[str, Any], str]],
    tmp_path: Path,
    verb: str,
    name: str,
    text: str | None,
    column: str,
    expected: list[Any],
    lifted: str,
    n: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, out = tmp_path / name, tmp_path / "out"
    monkeypatch.setattr(averaged, "PART", 1)  # in some parts no region is mapped
    bigwig(path) if text is None else path.write_text(text)
    chain = "old.chain" if lifted == "regions" else "new.chain"
    found, said = run(
        "annotate", verb, path, "-r", tmp_path / "regions.tsv", "--chain", tmp_path / chain, "--out", out
    )
    rows = read_table(out / f"annotate_{verb}.parquet").to_pandas()
    assert [None if pd.isna(value) else value for value in rows[column]] == expected
    assert found["lift"][lifted] == counted(*n)
    assert f"note: chain: {lifted}: {n[0]} mapped, {n[1]} deleted by {chain}" in said
    assert json.loads((out / "run.json").read_text())["result"]["lift"] == found["lift"]


def test_the_other_cell_types_calls_are_lifted(
    run: Callable[..., tuple[dict[str, Any], str]], tmp_path: Path
) -> None:
    (tmp_path / "p.tsv").write_text(
        "chrom\tstart\tend\tcall\nchr1\t1100\t2100\tenhancer\nchr9\t1\t9\tenhancer\n"
    )
    found, _ = run(
        "annotate", "dual", "--partner", tmp_path / "p.tsv", "-r", tmp_path / "regions.tsv",
        "--chain", tmp_path / "new.chain", "--out", tmp_path / "out", "--fasta", write_genome(tmp_path),
    )  # fmt: skip
    rows = read_table(tmp_path / "out" / "annotate_dual.parquet").to_pandas()
    assert rows["dual_class"].fillna("").tolist() == ["normal_silencer", "DFRE", "", ""]
    assert found["lift"] == {"partner": counted(1, 1)}


def test_the_genes_of_snpsea_are_lifted(
    run: Callable[..., tuple[dict[str, Any], str]], tmp_path: Path
) -> None:
    (tmp_path / "g.bed").write_text(
        "".join(f"chr1\t{1000 * i}\t{1000 * i + 10}\tg{i}\t.\t+\n" for i in range(10))
    )
    (tmp_path / "m.tsv").write_text("gene\tliver\n" + "".join(f"g{i}\t{i + 1}\n" for i in range(10)))
    kinds = ["silencer"] * 2 + ["background"] * 8
    (tmp_path / "loci.bed").write_text(
        "".join(f"chr1\t{1000 * i + 1000}\t{1000 * i + 1005}\t{kinds[i]}\n" for i in range(10))
    )
    found, _ = run(
        "annotate", "snpsea", tmp_path / "m.tsv", tmp_path / "g.bed", "-r", tmp_path / "loci.bed",
        "--slop", 0, "--chain", tmp_path / "new.chain", "--out", tmp_path / "out",
    )  # fmt: skip
    assert read_table(tmp_path / "out" / "annotate_snpsea.parquet")["n_genes"].to_pylist() == [1] * 10
    assert found["lift"] == {"genes": counted(10, 0)}


@pytest.mark.parametrize(
    ("verb", "name", "text", "chain", "lifted", "n", "fact", "value"),
    [
        # A's enhancer is chr1:7,360-7,616; B's silencer is on chr2, which the chain does not have.
        ("overlap", "a.bed", "chr1\t6360\t6370\nchr9\t1\t9\n", "new.chain", "a", (1, 1), "overlaps", [1, 0]),
        ("repeats", "a.bed", "chr1\t6360\t6370\tLINE\nchr9\t1\t9\tLINE\n", "new.chain", "repeats", (1, 1),
         "overlaps", [1, 0, 1, 0]),
        ("marks", "a.bedGraph", "chr1\t6360\t6616\t2\n", "old.chain", "tiles", (1, 1), "marks", [1, 1]),
        ("crispri", "a.tsv", "chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tRegulated\n"
         "chr1\t6400\t6500\tA\tTRUE\nchr1\t6700\t6800\tA\tFALSE\nchr9\t1\t9\tA\tFALSE\n", "new.chain",
         "elements", (2, 1), "scored_pairs", 2),
    ],
)  # fmt: skip
def test_a_comparison_with_another_assembly_is_lifted_counted_said_and_reported(
    run: Callable[..., tuple[dict[str, Any], str]],
    tmp_path: Path,
    verb: str,
    name: str,
    text: str,
    chain: str,
    lifted: str,
    n: tuple[int, int],
    fact: str,
    value: Any,
) -> None:
    (tmp_path / name).write_text(text)
    out = write_run(tmp_path / "run", write_genome(tmp_path), two_genes())
    found, said = run(
        "compare", verb, out, tmp_path / name, "--test", "necessity", "--chain", tmp_path / chain
    )
    column = "n" if verb == "marks" else "n_overlapping"
    rows = found[fact]
    if isinstance(rows, list):
        rows = [row.get(column, round(row.get("percent", 0) * row["n"] / 100)) for row in rows]
    assert rows == value
    assert found["lift"] == {lifted: counted(*n)}
    told = f"{lifted}: {n[0]} mapped, {n[1]} deleted"
    assert f"note: chain: {told} by {chain}" in said
    assert f"Lifted from another assembly: {told}." in str(read_compared(out))


def test_marks_are_read_where_the_tiles_are_on_their_assembly(
    run: Callable[..., tuple[dict[str, Any], str]], tmp_path: Path
) -> None:
    (tmp_path / "a.bedGraph").write_text("chr1\t6360\t6488\t2\n")
    out = write_run(tmp_path / "run", write_genome(tmp_path), two_genes())
    run("compare", "marks", out, tmp_path / "a.bedGraph", "--test", "necessity", "--chain",
        tmp_path / "old.chain")  # fmt: skip
    rows = read_table(out / "summary" / "compare_marks.parquet").to_pandas()
    assert rows["mean"].tolist()[:1] == [1.0]  # 2 over half of A's tile
    assert rows["mean"].isna().tolist() == [False, True]


def refused(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_a_chain_the_wrong_way_round_is_refused_where_the_data_show_it(
    run: Callable[..., tuple[dict[str, Any], str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = write_run(tmp_path / "run", write_genome(tmp_path), two_genes())
    (tmp_path / "a.bed").write_text("chr1\t19500\t19600\n")
    common = ["-r", tmp_path / "regions.tsv", "--out", tmp_path / "out", "--chain"]
    bw = bigwig(tmp_path / "a.bw")
    for arguments, says in (
        (["compare", "repeats", out, tmp_path / "a.bed", "--test", "necessity", "--chain",
          tmp_path / "old.chain"],
         "leads to a chr1 of 19,000 bp, and the genome's has 20,000"),
        (["compare", "marks", out, bw, "--test", "necessity", "--chain", tmp_path / "new.chain"],
         "comes from a chr1 of 19,000 bp, and the genome's has 20,000"),
        (["annotate", "conservation", bw, *common, tmp_path / "new.chain"], "chr1 of 20,000 bp"),
        (["annotate", "overlap", tmp_path / "a.bed", *common, tmp_path / "new.chain"],
         "a has chr1:19,500-19,600, past the end of chr1 (19,000 bp) of the assembly that the chain"),
        (["annotate", "methylation", bw, *common, tmp_path / "new.chain"], "give the bedMethyl"),
    ):  # fmt: skip
        assert says in refused(arguments, capsys)
    (tmp_path / "a.bed").write_text("chr7\t1\t9\tLINE\n")
    said = refused(["annotate", "repeats", tmp_path / "a.bed", *common, tmp_path / "new.chain"], capsys)
    assert "nothing of repeats is mapped (1 deleted)" in said
    assert not (tmp_path / "out").exists()


def test_a_pair_keeps_its_tss_only_where_that_is_mapped(tmp_path: Path) -> None:
    (tmp_path / "new.chain").write_text(TO_NEW)
    pairs = pd.DataFrame(
        {
            "chrom": "chr1", "start": [100, 200, 300], "end": [150, 250, 350], "gene": "A",
            "tss_chrom": ["chr1", "chr9", None], "tss_start": [500, 5, -1], "tss_end": [501, 6, -1],
        }
    )  # fmt: skip
    lifting = Lifting(tmp_path / "new.chain")
    found = lift_pairs(pairs, lifting)
    assert found["start"].tolist() == [1_100, 1_200, 1_300]
    assert found["tss_start"].tolist() == [1_500, -1, -1]
    assert found["tss_start"].dtype == np.int64
    assert lifting.counts == {"TSSs": counted(1, 1), "elements": counted(3, 0)}


def test_pieces_of_a_file_add_up_and_one_without_any_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new.chain").write_text(TO_NEW)
    lifting = Lifting(tmp_path / "new.chain")
    for chrom in ("chr1", "chr9"):
        lifting.points("a.vcf", pd.Series([chrom, chrom]), np.array([5, 6]))
    assert lifting.facts()["lift"] == {"a.vcf": counted(2, 2)}
    lifting.points("b.vcf", pd.Series(["chr9"]), np.array([5]))
    with pytest.raises(AssemblyError, match=r"nothing of b\.vcf is mapped \(1 deleted\)"):
        lifting.facts()


def test_a_chain_that_is_not_given_is_no_part_of_an_annotations_identity() -> None:
    assert _without_paths(find_annotation("repeats"), RepeatOptions(repeats=Path("r"))) == {"by": "class"}
    taking = [name for name in BUILT_IN if hasattr(find_annotation(name).options, "chain")]
    assert taking == [
        "conservation", "methylation", "contacts", "variants", "eqtls", "genes", "marks", "overlap",
        "repeats", "dual", "ldsc", "snpsea",
    ]  # fmt: skip
