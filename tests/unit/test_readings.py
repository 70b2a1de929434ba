"""What readers took a file for is kept, shown once, and belongs to a run's identity."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from raycre.demo.genome import DemoGenome
from raycre.genome.genes import read_genes, select_genes
from raycre.genome.regions import read_regions
from raycre.store.files import read_json
from raycre.store.passes import LONGEST, folder_of
from raycre.workflows.inputs import hash_rows
from raycre.workflows.perturb.notes import notes_of_genes
from raycre.workflows.readings import listen, show_readings
from tests.conftest import perturb_config
from tests.in_process import run_creme


def test_lines_are_shown_once_however_often_a_file_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "peaks.bed"
    path.write_text("chr1\t1\t9\tp\t0\t.\t1\t1\t1\t3\n")
    lines = listen()
    read_regions(path)
    read_regions(path)
    assert capsys.readouterr().err == ""  # an error would stand alone
    show_readings()
    show_readings()
    assert lines == ["peaks.bed: 10 columns read as narrowPeak, summits used"]
    assert capsys.readouterr().err == f"input: {lines[0]}\n"


def test_a_run_keeps_what_it_took_its_inputs_for(
    genome: DemoGenome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_creme(perturb_config(genome, tmp_path / "out", tests=["context"]))
    kept = read_json(tmp_path / "out" / "run.json")["inputs_read"]
    assert len(kept) == 1
    assert kept[0].startswith("genes.gtf: read as GTF, 14 transcripts, 7 tagged Ensembl_canonical")
    assert f"input: {kept[0]}" in capsys.readouterr().err


def test_regions_read_by_another_rule_are_other_regions() -> None:
    table = pd.DataFrame({"chrom": ["chr1", "chr2"], "start": [100, 200], "end": [1100, 1200]})
    moved = table.assign(start=table["start"] + 1)
    assert hash_rows(table) == hash_rows(table.copy()) != hash_rows(moved)
    assert hash_rows(table) != hash_rows(table[::-1])
    assert hash_rows(table.assign(label=0)) not in (hash_rows(table), hash_rows(table.assign(label=1)))


def transcript(start: int, gene: str, tag: str) -> str:
    attributes = f'gene_id "{gene}"; transcript_id "{gene}{start}"; gene_name "{gene}"; {tag}'
    return f"chr1\tX\ttranscript\t{start}\t520000\t.\t+\t.\t{attributes}\n"


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        (("Ensembl_canonical", "Ensembl_canonical"), "; the canonical one is taken"),
        (("basic", "basic"), "; the outermost one is taken, as none is tagged canonical"),
        (
            ("basic,Ensembl_canonical", "basic"),
            "; the canonical one is taken of 1, the outermost of the 1 without one",
        ),
    ],
)
def test_the_canonical_tss_is_said_to_be_taken_only_where_there_is_one(
    tmp_path: Path, tags: tuple[str, str], says: str
) -> None:
    path = tmp_path / "genes.gtf"
    path.write_text(
        "".join(
            transcript(500_001, gene, "") + transcript(508_001, gene, f'tag "{tag}";')
            for gene, tag in zip(("A", "B"), tags, strict=True)
        )
    )
    table = read_genes(path)
    (note,) = notes_of_genes(table, select_genes(table, ["A", "B"]), "canonical", 5_000)
    assert note.endswith(says)
    assert note.startswith("2 of 2 genes have TSSs that the TSS tile does not hold together")


ODD = ["G" * 260, "A/B/../../etc/escape", "id with space", "Gé:*?", ".hidden", "_x", "a=b", "..", "<b>",
       "-x", "e\u0301", "\u00e9", "A\nB", "", "geneA", "genea", "GENEA", "A:B", "A*B",
       "G" * 256 + "1"]  # fmt: skip


def test_every_gene_id_has_a_folder_of_its_own_on_every_file_system(tmp_path: Path) -> None:
    names = [folder_of(gene, "chr1", 500_000, "+") for gene in ODD]
    assert len({name.casefold() for name in names}) == len(ODD)
    for name in names:
        assert name.isascii()
        assert name[0].isalnum()  # not hidden, not passed over by readers of Parquet folders
        assert not set(name) & set('/=:*?<>\\|" \n')
        assert len(name) <= LONGEST + 13
        (tmp_path / name / "part-0123456789ab").mkdir(parents=True)
    assert folder_of("ENSG00000182378.15_PAR_Y", "chrY", 5, "-") == "ENSG00000182378.15_PAR_Y_chrY_5_minus"


def test_genes_of_odd_ids_do_not_stop_a_run(genome: DemoGenome, tmp_path: Path) -> None:
    """The demo's gene ENHA under three ids, one of 260 letters: all are predicted, and found again."""
    table = read_genes(genome.gtf)
    row = select_genes(table, ["ENHA"]).iloc[0]
    path = tmp_path / "tss.csv"
    ids = ["G" * 260, "A/../B", ".hidden=x"]
    rows = [f"{row['chrom']},{row['tss']},{row['strand']},{gene},N{i}" for i, gene in enumerate(ids)]
    path.write_text("\n".join(["chrom,tss,strand,gene_id,gene_name", *rows]) + "\n")
    inputs = {"fasta": str(genome.fasta), "tss_table": str(path), "genes": ["N0", "N1", "N2"]}
    config = perturb_config(genome, tmp_path / "out", inputs=inputs, tests=["context"])
    first = run_creme(config)
    assert (first["genes"], first["failed_units"]) == (3, 0)
    again = run_creme(config)
    assert again["passes"]["done_now"] == 0
    found = pd.concat(
        pd.read_parquet(part) for part in (tmp_path / "out" / "effects").rglob("part-*.parquet")
    )
    assert set(found["gene_id"]) == set(ids)
    assert not [p for p in tmp_path.iterdir() if p.name not in ("out", "tss.csv")]
