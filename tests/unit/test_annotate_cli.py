"""`raycre annotate`: what it writes and prints, from files and from runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from raycre.annotate import averaged, contacts, genes, marks, motifs
from raycre.annotate.fimo import Scanner
from raycre.annotate.groups import GROUP_TESTS
from raycre.annotate.registry import BUILT_IN, find_annotation
from raycre.genome.loops import read_anchors
from raycre.genome.regions import read_regions
from raycre.store.parquet import read_table
from tests.annotate_cli import CONTACTS, MOTIF, REGIONS, Cli, write_predictions
from tests.compared_runs import SIZES, gene_rows, two_genes, write_genome, write_run
from tests.installed import install


def test_a_table_by_region_a_comparison_and_the_record_are_written(cli: Cli) -> None:
    bedpe = cli.write("c.bedpe", CONTACTS)
    found = cli.json("contacts", bedpe, "--regions", cli.regions)
    rows = cli.table("contacts")
    assert rows[["region_id", "chrom", "start", "end", "name", "group"]].to_numpy().tolist() == [
        [0, "chr1", 0, 1000, "a", "silencer"], [1, "chr1", 2000, 3000, "b", "silencer"],
        [2, "chr1", 4000, 5000, "c", "background"], [3, "chr2", 0, 1000, "d", "background"],
    ]  # fmt: skip
    # a has the fragment 100-200 of two contacts, and 900-2001; b 900-2001 by a base, 2100-2200; c a point.
    assert rows["anchor_rows"].tolist() == [3, 2, 1, 0]
    assert rows["distinct_anchors"].tolist() == [2, 2, 1, 0]
    assert rows["contacts"].tolist() == [3, 2, 1, 0]
    [test] = cli.table("contacts_groups").to_dict("records")
    assert (test["group"], test["other"], test["n"], test["n_other"]) == ("silencer", "background", 2, 2)
    assert (test["u"], test["auc"], test["difference"]) == (4.0, 1.0, 1.5)
    assert test["p_value"] == test["p_bonferroni"] == test["p_bh"] > 0
    assert found["groups"] == {"silencer": 2, "background": 2}
    assert "1 anchors of zero length taken for one base" in cli.err
    record = json.loads((cli.out_folder / "run.json").read_text())
    assert record["finished"]
    assert {each["input"] for each in record["inputs"]} == {"regions[0][0]", "options.contacts"}
    schema = read_table(cli.out_folder / "annotate_contacts.parquet").schema
    assert json.loads(schema.metadata[b"raycre_inputs"]).keys() == {"regions[0][0]", "options.contacts"}
    assert schema.field("contacts").metadata[b"description"].startswith(b"rows of the file")


def test_the_same_annotation_is_not_done_again_and_another_is_refused_until_fresh(cli: Cli) -> None:
    bedpe = cli.write("c.bedpe", CONTACTS)
    first = cli.json("contacts", bedpe, "-r", cli.regions)
    again = cli.json("contacts", bedpe, "-r", cli.regions)
    assert "nothing is done again" in cli.err
    assert again == first
    assert cli("contacts", bedpe, "-r", cli.regions, "--count", "contacts", "--out", cli.out_folder) == 2
    assert "the folder holds a run of another configuration: options.count was 'distinct_anchors'" in cli.err
    fresh = cli.json("contacts", bedpe, "-r", cli.regions, "--count", "contacts", "--fresh")
    assert fresh["tests"][0]["value"] == "contacts"
    assert "--fresh removes the annotate run" in cli.err


def test_a_dry_run_says_the_plan_and_writes_nothing(cli: Cli) -> None:
    meme = cli.write("m.meme", MOTIF.format(name="X", w=1) + "0.25 0.25 0.25 0.25\n")
    fasta = write_genome(cli.folder)
    found = cli.json("motifs", meme, "-r", cli.regions, "--fasta", fasta, "--dry-run")
    assert (found["regions"], found["motifs"], found["Mb_x_motifs"]) == (4, 1, 0.004)
    assert not cli.out_folder.exists()


def test_groups_of_several_files_have_their_names_before_them(cli: Cli) -> None:
    bedpe = cli.write("c.bedpe", CONTACTS)
    plain = cli.write("plain.bed", "chr1\t0\t1000\nchr1\t2000\t3000\n")
    found = cli.json("contacts", bedpe, "-r", f"true={cli.regions}", "-r", plain)
    assert found["groups"] == {"true:silencer": 2, "true:background": 2, "plain": 2}
    assert found["compare"] == ["true:silencer,true:background"]
    asked = cli.json(
        "contacts",
        bedpe,
        "-r",
        f"true={cli.regions}",
        "-r",
        plain,
        "--compare",
        "plain,true:background",
        out="b",
    )
    assert [(t["group"], t["other"]) for t in asked["tests"]] == [("plain", "true:background")]


def test_regions_of_a_predict_run_are_grouped_by_their_call(cli: Cli) -> None:
    run = write_predictions(cli.folder / "predicted", call=["silencer", "background"])
    found = cli.json("contacts", cli.write("c.bedpe", CONTACTS), "--run", run)
    assert found["groups"] == {"silencer": 1, "background": 1}
    assert cli.table("contacts")["contacts"].tolist() == [3, 2]
    without = write_predictions(cli.folder / "argmax", call=[None, None])
    found = cli.json("contacts", cli.folder / "c.bedpe", "--run", without, out="b")
    assert found["groups"] == {"silencer": 2}
    assert "has no cutoffs, so regions are grouped by the class of the highest probability" in cli.err


def test_tiles_of_a_creme_run_are_regions_and_results_go_into_its_folder(cli: Cli) -> None:
    run = write_run(cli.folder / "run", write_genome(cli.folder), two_genes())
    bed = cli.write("known.bed", "chr1\t7000\t9000\n")
    assert cli("overlap", f"known={bed}", "--run", run, "--test", "necessity", "--json") == 0, cli.err
    found = json.loads(cli.out)
    assert found["groups"] == {"enhancer": 1, "neither": 5, "silencer": 1}
    rows = read_table(run / "annotations" / "overlap" / "annotate_overlap.parquet").to_pandas()
    assert rows["known"].tolist() == [256] * 4 + [0] * 4
    assert rows["name"].tolist() == ["A"] * 4 + ["B"] * 4


def test_known_elements_of_another_assembly_are_lifted_by_a_chain(cli: Cli) -> None:
    bed = cli.write("known.bed", "chr1\t1100\t1200\nchr9\t1\t9\n")
    chain = cli.write("a.chain", "chain 1 chr1 5000 + 0 5000 chr1 6000 + 1000 6000 1\n5000\n")
    found = cli.json("overlap", f"known={bed}", "--chain", chain, "--regions", cli.regions)
    assert cli.table("overlap")["known"].tolist()[:3] == [0, 100, 0]  # 1,100 is 2,100 here
    assert (found["lift"]["known"]["mapped"], found["lift"]["known"]["deleted"]) == (1, 1)


def test_marks_take_negative_values_and_a_chromosome_without_data_is_unknown(cli: Cli) -> None:
    path = cli.folder / "ratio.bw"
    file = pyBigWig.open(str(path), "w")
    file.addHeader([("chr1", SIZES["chr1"])])
    file.addEntries(["chr1"], [500], ends=[1500], values=[-2.0])
    file.close()
    cli.json("marks", path, "-r", cli.regions)
    rows = cli.table("marks")
    assert rows["ratio_mean"].iloc[:3].tolist() == [-1.0, 0.0, 0.0]
    assert rows["ratio_max"].iloc[:3].tolist() == [0.0, 0.0, 0.0]
    assert rows.loc[3, ["ratio_mean", "ratio_max"]].isna().all()


def test_repeats_by_class(cli: Cli) -> None:
    bed = cli.write("r.bed", "chr1\t10\t110\tLINE/L1\nchr1\t100\t200\tLTR?/ERV1\nchr2\t5000\t6000\tLINE/L2\n")
    cli.json("repeats", bed, "-r", cli.regions)
    assert cli.table("repeats")[["any", "LINE", "LTR"]].iloc[0].tolist() == [190, 100, 100]


def test_a_planted_motif_is_found_where_it_is_and_compared(cli: Cli) -> None:
    """GATTACAGATT at base 300 of a and, backwards, at base 2,300: p is that of eleven bases."""
    rows = "".join(" ".join("1" if b == c else "0" for b in "ACGT") + "\n" for c in "GATTACAGATT")
    meme = cli.write("m.meme", MOTIF.format(name="X.1 TF", w=11) + rows)
    bases = ["C"] * 20_000
    bases[300:311], bases[2300:2311] = "GATTACAGATT", "AATCTGTAATC"
    fasta = cli.write("g.fa", f">chr1\n{''.join(bases)}\n>chr2\n{'C' * 12_000}\n")
    cli.json("motifs", meme, "-r", cli.regions, "--fasta", fasta, "--hits")
    parts = {
        kind: pd.read_parquet(cli.out_folder / f"annotate_motifs_{kind}") for kind in ("hits", "regions")
    }
    assert parts["hits"][["region_id", "chrom", "start", "end", "strand", "motif"]].to_numpy().tolist() == [
        [0, "chr1", 300, 311, "+", "X.1"], [1, "chr1", 2300, 2311, "-", "X.1"],
    ]  # fmt: skip
    # Eight A or T and three C or G, of NRDB's frequencies.
    assert parts["hits"]["p"].to_numpy() == pytest.approx(0.274552**8 * 0.225448**3, rel=1e-4)
    assert parts["regions"]["fisher_p"].to_numpy() == pytest.approx(parts["hits"]["p"].to_numpy(), rel=1e-9)
    assert cli.table("motifs")["best_motif"].fillna("").tolist() == ["X.1", "X.1", "", ""]
    tests = cli.table("motifs_groups").set_index(["value", "test"])
    share = tests.loc[("X.1", "Fisher's exact")]
    assert (share["mean"], share["mean_other"], share["p_value"]) == (1.0, 0.0, pytest.approx(1 / 6))


def test_expression_of_the_nearest_and_the_contacted_gene(cli: Cli) -> None:
    genes = cli.write(
        "tss.bed", "chr1\t1500\t1501\tA\t.\t+\nchr1\t2150\t2151\tB\t.\t-\nchr2\t900\t901\tC\t.\t+\n"
    )
    table = cli.write("tpm.tsv", "gene\tDescription\tK562\tHepG2\nA\tx\t1\t5\nB\ty\t3\t7\n")
    cli.json("genes", genes, "-r", cli.regions, "--contacts", cli.write("c.bedpe", CONTACTS),
             "--expression", table, "--tissue", "K562")  # fmt: skip
    rows = cli.table("genes")
    assert rows["nearest_genes"].tolist() == ["A", "B", "B", "C"]
    assert rows["tss_distance"].tolist() == [-501, 0, -1850, 0]
    assert rows["nearest_expression"].fillna(-1).tolist() == [1, 3, 3, -1]
    assert rows["contacted_genes"].fillna("").tolist() == ["B", "", "", ""]
    assert cli("genes", genes, "-r", cli.regions, "--expression", table, "--out", cli.folder / "x") == 2
    assert "the table has 2 columns: K562, HepG2, …; see --tissue" in cli.err


def test_snpsea_scores_the_tissue_whose_genes_lie_at_the_loci(cli: Cli) -> None:
    """Loci with the two of ten genes most specific to liver: p of each is 0.15, the mean of ranks 1 and 2."""
    names = [f"g{i}" for i in range(10)]
    genes = cli.write(
        "genes.bed", "".join(f"chr1\t{1000 * i}\t{1000 * i + 10}\t{n}\t.\t+\n" for i, n in enumerate(names))
    )
    matrix = cli.write(
        "m.tsv",
        "gene\tliver\tblood\n" + "".join(f"{n}\t{9 if i < 2 else 1}\t2\n" for i, n in enumerate(names)),
    )
    kinds = ["silencer"] * 2 + ["background"] * 8
    regions = cli.write("loci.bed", "".join(f"chr1\t{1000 * i}\t{1000 * i + 5}\t{kinds[i]}\n"
                                            for i in range(10)))  # fmt: skip
    found = cli.json("snpsea", matrix, genes, "-r", regions, "--slop", 0)
    rows = cli.table("snpsea_tissues").set_index("tissue")
    assert rows.loc["liver", "score"] == pytest.approx(-2 * np.log(0.15))
    assert rows.loc["liver", ["loci", "null_sets", "null_sets_reaching", "exact"]].tolist() == [2, 64, 0, 1]
    assert rows.loc["liver", "p_value"] == pytest.approx(1 / 65)
    assert found["tissues"][0]["tissue"] == "liver"
    assert (cli.out_folder / "files" / "silencer.intervals.bed").read_text().count("\n") == 2


def test_every_built_in_annotation_is_listed_and_has_rules_for_the_documentation(cli: Cli) -> None:
    assert cli("--help") == 0
    for name in BUILT_IN:
        annotation = find_annotation(name)
        assert name == annotation.name
        assert name in cli.out
        assert annotation.rules
        assert all(table.startswith(f"{name}_") for table in annotation.tables)
    assert GROUP_TESTS.names[:2] == ["value", "test"]


def test_an_annotation_of_a_users_own_runs_by_its_name(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("gc-content") == 2
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    fasta = cli.write("g.fa", f">chr1\n{'GC' * 1_000}{'AN' * 9_000}\n>chr2\n{'A' * 12_000}\n")
    assert cli("--help") == 0
    assert "Share of G and C." in cli.out
    found = cli.json("gc-content", "--percent", "-r", cli.regions, "--fasta", fasta)
    assert cli.table("gc-content")["gc"].tolist() == [100.0, 0.0, 0.0, 0.0]
    assert found["tests"][0]["mean"] == 50.0


def test_an_annotation_that_cannot_be_used_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install(tmp_path / "site")
    monkeypatch.syspath_prepend(str(site))
    points: Callable[[str], Any] = next(site.glob("*.dist-info")).joinpath("entry_points.txt").write_text
    points("[raycre.annotations]\nmotifs = lab_parts.gc_content:ANNOTATION\n")
    find_annotation.cache_clear()
    assert cli("motifs", "x", "-r", cli.regions) == 2
    assert "registers an annotation that raycre has; rename it" in cli.err
    points("[raycre.annotations]\nodd = lab_parts.gc_content:Options\n")
    assert cli("odd", "-r", cli.regions) == 2
    find_annotation.cache_clear()
    assert "is no raycre.annotate.declaration.Annotation" in cli.err


def test_values_are_correlated_with_probabilities_and_averaged_in_their_bins(cli: Cli) -> None:
    lines = [
        line + f"\t{p}"
        for line, p in zip(REGIONS.splitlines(), ("p_silencer", 0.95, 1, 0.31, 0.05), strict=True)
    ]
    regions = cli.write("p.tsv", "\n".join(lines) + "\n")
    cli.json("contacts", cli.write("c.bedpe", CONTACTS), "-r", regions)  # distinct anchors 2, 2, 1, 0
    [row] = cli.table("contacts_scores").to_dict("records")
    assert (row["value"], row["score"], row["n"]) == ("distinct_anchors", "p_silencer", 4)
    assert row["spearman"] == pytest.approx(4.5 / np.sqrt(5 * 4.5))  # ranks 3, 4, 2, 1 and 3.5, 3.5, 2, 1
    bins = cli.table("contacts_bins")
    assert bins["n"].tolist() == [1, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    assert bins["mean"].fillna(-1).tolist() == [0, -1, -1, 1, -1, -1, -1, -1, -1, 2]


def test_parts_that_were_written_are_not_scanned_again(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    meme = cli.write(
        "m.meme", MOTIF.format(name="X", w=6) + "".join("0.97 0.01 0.01 0.01\n" for _ in range(6))
    )
    fasta = write_genome(cli.folder)
    monkeypatch.setattr(motifs, "_PART", 1)
    ask = ("motifs", meme, "-r", cli.regions, "--fasta", fasta, "--threshold", 0.01)
    cli.json(*ask)
    whole, groups = cli.table("motifs"), cli.table("motifs_groups")
    scanned: list[int] = []
    scan = Scanner.scan
    monkeypatch.setattr(Scanner, "scan", lambda self, bases: scanned.append(len(bases)) or scan(self, bases))
    record = json.loads((cli.out_folder / "run.json").read_text())
    (cli.out_folder / "run.json").write_text(json.dumps(record | {"finished": False}))
    (cli.out_folder / "annotate_motifs_regions" / "part-000002.parquet").unlink()
    cli.json(*ask)
    assert scanned == [1]
    pd.testing.assert_frame_equal(cli.table("motifs"), whole)
    pd.testing.assert_frame_equal(cli.table("motifs_groups"), groups)


def test_another_partner_is_another_annotation(cli: Cli) -> None:
    partner = write_predictions(cli.folder / "partner", call=["enhancer", "background"])
    found = cli.json("dual", "--partner", partner, "-r", cli.regions)
    assert (found["DFRE"], found["normal_silencer"]) == (1, 1)
    assert cli.table("dual")["dual_class"].fillna("").tolist() == ["DFRE", "normal_silencer", "", ""]
    write_predictions(partner, call=["background", "enhancer"])
    assert cli("dual", "--partner", partner, "-r", cli.regions, "--out", cli.out_folder) == 2
    assert "sha256.options.partner[0] was" in cli.err


def test_genes_of_a_creme_run_are_grouped_by_context_once_each(cli: Cli) -> None:
    fasta = write_genome(cli.folder)
    contexts = [
        gene_rows(gene, "chr1", tss, "+", [0.1], [context], test="context")
        for gene, tss, context in (("A", 8_000, "neutral"), ("B", 9_000, "enhancing"))
    ]
    effects, calls = [0.5, 0.1], ["enhancer", "neither"]
    tiles = [
        gene_rows(gene, "chr1", tss, "+", effects, [*calls], test="sufficiency")
        for gene, tss in (("A", 8_000), ("B", 9_000))
    ]
    run = write_run(cli.folder / "run", fasta, [*tiles, *contexts])
    names = cli.write("housekeeping.txt", "A\nACTB\n")
    found = cli.json("listed", names, "--run", run, "--group-by", "context")
    assert found["groups"] == {"neutral": 1, "enhancing": 1}
    assert (found["listed"], found["listed_and_found"]) == (2, 1)
    assert cli.table("listed")[["start", "end", "name", "listed"]].to_numpy().tolist() == [
        [8_000, 8_001, "A", 1], [9_000, 9_001, "B", 0],
    ]  # fmt: skip
    assert cli("listed", cli.write("no.txt", "X\n"), "--run", run, "--out", cli.folder / "no") == 2
    assert "no region has a name of the list; the regions' names are A, B" in cli.err
    assert cli("listed", names, "--run", run, "--group-by", "gene", "--out", cli.folder / "no") == 2
    assert "tiles are grouped by call, and genes by context" in cli.err


def test_the_genome_of_a_single_run_is_taken_if_it_is_still_that(cli: Cli) -> None:
    fasta = write_genome(cli.folder)
    run = write_run(cli.folder / "run", fasta, two_genes())
    meme = cli.write("m.meme", MOTIF.format(name="X", w=1) + "0.97 0.01 0.01 0.01\n")
    found = cli.json("motifs", meme, "--run", run, "--test", "necessity")
    assert found["regions"] == 8
    assert f"the genome is that of the run: {fasta}" in cli.err
    fasta.write_text(fasta.read_text().replace("A", "C"))
    assert cli("motifs", meme, "--run", run, "--test", "necessity", "--out", cli.folder / "b") == 2
    assert "not the FASTA that the run read" in cli.err
    assert cli("motifs", meme, "-r", cli.regions, "--out", cli.folder / "b") == 2
    assert "motifs reads sequence; name the genome with --fasta" in cli.err


def write_ratio(path: Path, values: list[float]) -> Path:
    """1-kb blocks of both chromosomes' first kilobases, one value each."""
    file = pyBigWig.open(str(path), "w")
    file.addHeader(list(SIZES.items()))
    for chrom in SIZES:
        starts = [1000 * i for i in range(len(values))]
        file.addEntries([chrom] * len(values), starts, ends=[s + 700 for s in starts], values=values)
    file.close()
    return path


@pytest.mark.parametrize("what", ["conservation", "marks", "methylation"])
def test_signals_in_parts_are_those_of_all_regions_at_once_and_go_on(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = write_ratio(cli.folder / "s.bw", [7.5, 50.0, 90.0, 1.0, 30.25])
    ask = (what, path, "-r", cli.regions)
    cli.json(*ask, out="whole")
    whole, groups = cli.table(what, "whole"), cli.table(f"{what}_groups", "whole")
    monkeypatch.setattr(averaged, "PART", 1)
    cli.json(*ask)
    pd.testing.assert_frame_equal(cli.table(what), whole)
    parts = sorted((cli.out_folder / f"annotate_{what}_signals").iterdir())
    assert [p.name for p in parts] == [f"part-{i:06d}.parquet" for i in range(4)]
    written = {p: p.stat().st_mtime_ns for p in parts}
    record = json.loads((cli.out_folder / "run.json").read_text())
    (cli.out_folder / "run.json").write_text(json.dumps(record | {"finished": False}))
    parts[2].unlink()
    cli.json(*ask)
    again = {p: p.stat().st_mtime_ns for p in parts}
    assert [p for p in parts if again[p] != written[p]] == [parts[2]]
    pd.testing.assert_frame_equal(cli.table(what), whole)
    pd.testing.assert_frame_equal(cli.table(f"{what}_groups"), groups)


def test_bedgraphs_may_be_negative_and_are_read_once_for_all_parts(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    read = marks.open_signal
    monkeypatch.setattr(marks, "open_signal", lambda path, chroms: opened.append(path) or read(path, chroms))
    monkeypatch.setattr(averaged, "PART", 1)
    cli.json(
        "marks", cli.write("r.bedGraph", "chr1\t500\t1500\t-2\nchr1\t2000\t2500\t1\n"), "-r", cli.regions
    )
    assert cli.table("marks")["r_mean"].iloc[:3].tolist() == [-1.0, 0.5, 0.0]
    assert len(opened) == 2  # to look at it, and for the parts


def test_types_of_nearest_genes_are_counted_by_group(cli: Cli) -> None:
    genes = [(501, "A", "lincRNA"), (2501, "B", "protein_coding"), (4501, "C", "lincRNA")]
    lines = [
        f'chr1\tx\ttranscript\t{start}\t{start + 99}\t.\t+\t.\tgene_id "{name}"; gene_name "{name}"; '
        f'gene_type "{kind}"; transcript_id "t{name}";\n'
        for start, name, kind in genes
    ]
    gtf = cli.write("g.gtf", "".join(lines))
    cli.json("genes", gtf, "-r", cli.regions, "--within", 0)
    assert cli.table("genes_types").to_numpy().tolist() == [
        ["background", "lincRNA", 1, 1, 1.0], ["silencer", "lincRNA", 1, 2, 0.5],
        ["silencer", "protein_coding", 1, 2, 0.5],
    ]  # fmt: skip


def test_logos_of_motifs_are_drawn_and_their_matrices_kept(cli: Cli) -> None:
    rows = "".join(" ".join("0.97" if b == c else "0.01" for b in "ACGT") + "\n" for c in "GATTAC")
    meme = cli.write("m.meme", MOTIF.format(name="X/1 TF", w=6) + rows)
    cli.json("motifs", meme, "-r", cli.regions, "--fasta", write_genome(cli.folder), "--threshold", 0.01)
    assert (cli.out_folder / "files" / "logo.X_1.svg").read_text().startswith("<svg")
    matrix = cli.table("motifs_matrices")
    assert matrix[["motif", "factor", "position"]].iloc[0].tolist() == ["X/1", "TF", 1]
    assert matrix[["A", "C", "G", "T"]].iloc[0].tolist() == [0.01, 0.01, 0.97, 0.01]


def test_groups_of_any_table_are_compared_in_the_columns_that_it_has(cli: Cli) -> None:
    columns = [
        "length\tnote\tp_silencer\tsize",
        "9\tx\t0.9\t1",
        "8\ty\t0.8\t2",
        "7\t.\t0.1\t.",
        "6\t\t0.2\t4",
    ]
    lines = [f"{line}\t{more}" for line, more in zip(REGIONS.splitlines(), columns, strict=True)]
    table = cli.write("table.tsv", "\n".join(lines) + "\n")
    found = cli.json("values", "-r", table)
    assert [test["value"] for test in found["tests"]] == ["length", "size"]  # no text, no probability
    assert found["tests"][0]["auc"] == 1.0
    assert cli.table("values")["size"].fillna(-1).tolist() == [1, 2, -1, 4]
    chosen = cli.json("values", "--columns", "p_silencer", "-r", table, out="p")
    assert [test["value"] for test in chosen["tests"]] == ["p_silencer"]
    # A table that an annotation has written, by another column's groups.
    cli.json("contacts", cli.write("c.bedpe", CONTACTS), "-r", cli.regions, out="contacts")
    again = cli.json(
        "values", "--run", cli.folder / "contacts", "--group-by", "distinct_anchors", out="again"
    )
    assert again["groups"] == {"2": 2, "1": 1, "0": 1}
    assert {"anchor_rows", "contacts"} <= {test["value"] for test in again["tests"]}
    assert {test["n"] + test["n_other"] for test in again["tests"]} == {2, 3}
    assert cli("values", "--columns", "lenght", "-r", table, "--out", cli.folder / "no") == 2
    assert "no column of numbers of this name; did you mean length?" in cli.err


def test_pairs_of_regions_and_anchors_some_regions_at_a_time(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchors = read_anchors(cli.write("c.bedpe", CONTACTS))
    table = read_regions(cli.regions).table
    known = pd.DataFrame({"chrom": "chr1", "tss": [150, 2150, 950]})
    whole, pairs = contacts.count_contacts(table, anchors), genes.contacted_genes(table, anchors, known)
    for module in (contacts, genes):
        monkeypatch.setattr(module, "AT_ONCE", 1)
    again = contacts.count_contacts(table, anchors)
    assert {name: count.tolist() for name, count in again.items()} == {
        k: v.tolist() for k, v in whole.items()
    }
    for first, second in zip(genes.contacted_genes(table, anchors, known), pairs, strict=True):
        assert first.tolist() == second.tolist()
    assert len(pairs[0]) > 1
