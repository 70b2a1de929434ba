"""`raycre compare`: what each command writes and prints, and what it refuses, on a run written by hand."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyBigWig
import pytest
import torch

from raycre.backbones.enformer import load as enformer
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.loading import load_backbone
from raycre.backbones.planted import Planted
from raycre.backbones.saliency import gradient_times_input
from raycre.backbones.weights import weights_sha256
from raycre.cli import main
from raycre.compare.crispri import PAIRS, PR_CURVES
from raycre.compare.marks import MARK_TESTS, MARKS
from raycre.compare.overlap import OVERLAPS
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_window
from raycre.genome.sequence import decode, reverse_complement
from raycre.store.parquet import read_table
from tests.compared_runs import SEQ_LEN, SIZES, two_genes, write_genome, write_run
from tests.sequences import encode


class Cli:
    """Runs `raycre compare` on a run; keeps what it printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.fasta = write_genome(folder)
        self.run = write_run(folder / "run", self.fasta, two_genes())
        self.summary = self.run / "summary"
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, what: str, *arguments: object) -> int:
        with pytest.raises(SystemExit) as end:
            main(["compare", what, str(self.run), *map(str, arguments)])
        self.out, self.err = self._capsys.readouterr()
        return int(end.value.code or 0)

    def json(self, what: str, *arguments: object) -> dict[str, Any]:
        assert self(what, *arguments, "--json") == 0, self.err
        assert self.out.count("\n") == 1
        found: dict[str, Any] = json.loads(self.out)
        return found

    def table(self, name: str) -> pd.DataFrame:
        return read_table(self.summary / f"compare_{name}.parquet").to_pandas()


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path, capsys)


def write_bigwig(path: Path, sizes: dict[str, int]) -> Path:
    """Each base of chr1 is 1, of chr2 3."""
    file = pyBigWig.open(str(path), "w")
    file.addHeader(list(sizes.items()))
    for value, (chrom, size) in zip((1.0, 3.0), sizes.items(), strict=False):
        file.addEntries([chrom], [0], ends=[size], values=[value])
    file.close()
    return path


def test_marks_of_called_tiles_are_written_and_tested(cli: Cli, tmp_path: Path) -> None:
    bigwig = write_bigwig(tmp_path / "K27ac.bigWig", SIZES)
    found = cli.json("marks", bigwig, f"again={bigwig}", "--test", "necessity")
    assert [(r["mark"], r["statistic"], r["log_ratio"]) for r in found["marks"]] == [
        (mark, statistic, pytest.approx(np.log(1 / 3)))
        for mark in ("K27ac", "again")
        for statistic in ("mean", "max")
    ]
    rows, tested = cli.table("marks"), cli.table("mark_tests")
    assert list(rows.columns) == MARKS.names
    assert list(tested.columns) == MARK_TESTS.names
    assert rows["mean"].tolist() == [1.0, 3.0] * 2
    assert rows["group"].tolist() == ["enhancer", "silencer"] * 2
    metadata = read_table(cli.summary / "compare_marks.parquet").schema.metadata
    assert metadata[b"test"] == b"necessity"
    assert metadata[b"model"] == b"planted"
    assert cli("marks", bigwig, "--test", "necessity") == 0
    assert "K27ac" in cli.out


def test_intervals_of_another_assembly_are_lifted_by_a_chain(cli: Cli, tmp_path: Path) -> None:
    bed, chain = tmp_path / "cre.bed", tmp_path / "a.chain"
    bed.write_text("chr2\t5200\t5210\tinside\nchr9\t1\t2\tlost\n")
    chain.write_text("chain 1 chr2 11000 + 0 11000 chr2 12000 + 1000 12000 1\n11000\n")
    found = cli.json(
        "overlap", bed, "--chain", chain, "--test", "necessity", "--groups", "silencer"
    )  # 5,200 is 6,200 here, in B's silencer at [6129, 6385)
    assert [row["n_overlapping"] for row in found["overlaps"]] == [1]
    assert (found["lift"]["cre"]["mapped"], found["lift"]["cre"]["deleted"]) == (1, 1)
    chain.write_text("chain 1 chr2 11000 + 0 11000 chr2 13000 + 1000 12000 1\n11000\n")
    assert cli("overlap", bed, "--chain", chain, "--test", "necessity") == 2
    assert "leads to a chr2 of 13,000 bp, and the genome's has 12,000" in cli.err


def test_overlap_puts_minus_tiles_where_they_are_or_where_the_notebook_had_them(
    cli: Cli, tmp_path: Path
) -> None:
    # B's silencer, on -, is [6129, 6385); mirrored about 6001 it is [5617, 5873).
    bed = tmp_path / "cre.bed"
    bed.write_text("chr2\t6200\t6210\tinside\nchr2\t5700\t5800\tmirrored\nchr9\t1\t2\telsewhere\n")
    arguments = ("overlap", bed, "--by-name", "--test", "necessity", "--groups", "silencer")
    rows = {r["annotation"]: r["n_overlapping"] for r in cli.json(*arguments)["overlaps"]}
    assert rows == {"cre:inside": 1, "cre:mirrored": 0}
    rows = {r["annotation"]: r for r in cli.json(*arguments, "--compat", "reference")["overlaps"]}
    assert rows["cre:inside"]["n_overlapping"] == 0
    assert rows["cre:mirrored"]["n_overlapping"] == 1
    assert rows["cre:mirrored"]["percent_bases"] == pytest.approx(100 * 100 / 256)
    found = cli.json(*arguments)
    assert (found["tiles"], found["tiles_without_call"]) == (7, 1)
    assert found["tiles_on_chromosomes_without_annotation"] == 4  # those of chr1
    assert list(cli.table("overlap").columns) == OVERLAPS.names
    whole = cli.json("overlap", f"cres={bed}", "--test", "necessity", "--groups", "silencer")
    assert [r["annotation"] for r in whole["overlaps"]] == ["cres"]


def test_repeats_by_class_and_by_family(cli: Cli, tmp_path: Path) -> None:
    bed = tmp_path / "rmsk.bed"
    bed.write_text("chr1\t7360\t7488\tLINE/L1\nchr1\t7400\t7488\tLINE/L2\nchr2\t6129\t6193\tLTR\n")
    found = cli.json("repeats", bed, "--test", "necessity")
    percent = {(r["annotation"], r["group"]): r["percent_bases"] for r in found["overlaps"]}
    assert percent == {
        ("any", "enhancer"): 50.0, ("any", "silencer"): 25.0, ("LINE", "enhancer"): 50.0,
        ("LINE", "silencer"): 0.0, ("LTR", "enhancer"): 0.0, ("LTR", "silencer"): 25.0,
    }  # fmt: skip
    found = cli.json("repeats", bed, "--test", "necessity", "--by", "family")
    assert {r["annotation"] for r in found["overlaps"]} == {"any", "L1", "L2", "LTR"}


def test_crispri_counts_pairs_and_writes_the_curves(cli: Cli, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text(
        "chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tRegulated\n"
        "chr1\t7400\t7500\tA\tTRUE\n"
        "chr1\t7700\t7800\tA\tFALSE\n"
        "chr1\t100\t200\tA\tFALSE\n"
        "chr2\t6200\t6300\tnone\tTRUE\n"
    )
    found = cli.json("crispri", pairs)
    assert (found["pairs_read"], found["pairs_covered"], found["scored_pairs"]) == (4, 2, 2)
    assert (found["average_precision"], found["baseline"]) == (1.0, 0.5)
    assert found["average_precision_distance"] == 0.5  # the pair that is no enhancer is the nearer one
    assert {r["covered"]: (r["pairs"], r["positives"]) for r in found["join"]} == {
        "yes": (2, 1), "outside the gene's tiles": (1, 0), "gene not in the run on this track": (1, 1),
    }  # fmt: skip
    assert list(cli.table("crispri_pairs").columns) == PAIRS.names
    assert list(cli.table("crispri_curve").columns) == PR_CURVES.names
    assert cli.json("crispri", pairs, "--missing", "lowest")["scored_pairs"] == 4


def records(path: Path) -> dict[str, str]:
    parts = path.read_text().split(">")[1:]
    return {head: body.replace("\n", "") for head, _, body in (part.partition("\n") for part in parts)}


def test_fasta_has_the_tiles_their_shuffles_and_matched_tiles(cli: Cli, tmp_path: Path) -> None:
    found = cli.json("fasta", "--test", "necessity", "--out", tmp_path / "fa")
    assert {Path(r["file"]).name: r["sequences"] for r in found["fasta"]}.keys() == {
        f"{group}{background}.fa"
        for group in ("enhancer", "silencer")
        for background in ("", "-shuffled", "-matched")
    }
    ((name, letters),) = records(tmp_path / "fa" / "silencer.fa").items()
    assert name == "B|chr2:6129-6385(-)|silencer effect=-0.6 distance=-256"
    genome = Fasta(cli.fasta)
    assert letters == decode(reverse_complement(genome.read("chr2", 6129, 6385)))
    ((_, shuffled),) = records(tmp_path / "fa" / "silencer-shuffled.fa").items()
    assert shuffled != letters
    assert sorted(pairwise(shuffled)) == sorted(pairwise(letters))
    for name, letters in records(tmp_path / "fa" / "enhancer-matched.fa").items():
        assert len(encode(letters)) == 256
        assert "|enhancer-matched" in name
    again = cli.json("fasta", "--test", "necessity", "--out", tmp_path / "again", "--backgrounds", "shuffled")
    assert len(again["fasta"]) == 4
    text = (tmp_path / "again" / "enhancer-shuffled.fa").read_text()
    assert text == (tmp_path / "fa" / "enhancer-shuffled.fa").read_text()
    cli.json("fasta", "--test", "necessity", "--out", tmp_path / "other", "--seed", "1")
    assert text != (tmp_path / "other" / "enhancer-shuffled.fa").read_text()


def of_model(cli: Cli, folder: Path, backbone: str, weights: str | None, sha256: str) -> None:
    """Let the run be of this model and of its track 1."""
    tables = [rows.assign(track_id=1) for rows in two_genes()]
    cli.run = write_run(folder / backbone, cli.fasta, tables, backbone=backbone, weights=weights)
    cli.summary = cli.run / "summary"
    record = json.loads((cli.run / "run.json").read_text())
    record["identity"]["weights_sha256"] = sha256
    (cli.run / "run.json").write_text(json.dumps(record))


def test_saliency_of_a_model_without_gradients_is_refused(cli: Cli, tmp_path: Path) -> None:
    of_model(cli, tmp_path, "planted", None, Planted().weights_sha256)
    assert cli("saliency") == 2
    assert "planted gives no gradients, so it has no saliency" in cli.err
    assert not list(cli.summary.glob("compare_saliency*"))


def test_saliency_of_tiles_stands_beside_their_effects(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"seq_len": SEQ_LEN, "n_bins": 8, "channels": 24, "n_blocks": 1, "n_heads": 2, "key_size": 4}
    small = partial(Enformer, **sizes, channel_step=4, n_human=3, n_mouse=1)  # type: ignore[arg-type]
    monkeypatch.setattr(enformer, "Enformer", small)
    monkeypatch.setattr(enformer, "N_TRACKS", {"human": 3, "mouse": 1})
    of_model(cli, tmp_path, "enformer", "random:5", weights_sha256("random:5"))
    found = cli.json("saliency")
    rows = cli.table("saliency")
    assert rows["gene_name"].tolist() == ["A"] * 4 + ["B"] * 4
    model = load_backbone("enformer", weights="random:5")
    codes = read_window(Fasta(cli.fasta), "chr2", 6_000, "-", SEQ_LEN)
    whole = gradient_times_input(model, torch.from_numpy(codes[None]), [1])[0, 0].numpy()
    tile = whole[1_408:1_664].astype(np.float64)  # B's first, in the model's input
    assert rows["saliency"][4] == pytest.approx(tile.sum())
    assert rows["saliency_abs"][4] == pytest.approx(np.abs(tile).sum())
    mine = rows[(rows["gene_name"] == "B") & rows["effect"].notna()]
    pearson = np.corrcoef(mine["effect"], mine["saliency"])[0, 1]
    of_b = next(r for r in found["correlations"] if (r["gene_name"], r["measure"]) == ("B", "signed"))
    assert (of_b["n"], of_b["pearson"]) == (3, pytest.approx(pearson))
    assert [r["n"] for r in found["correlations"] if r["gene_id"] is None] == [7, 7]
    assert cli.json("saliency", "--genes", "B", "--bases")["genes"] == 1
    (values,) = cli.table("saliency_bases/part-000001")["saliency"]
    assert np.array_equal(values, whole)
    assert list(cli.table("saliency")["gene_name"]) == ["B"] * 4


def bad_bigwig(folder: Path) -> Path:
    return write_bigwig(folder / "other.bw", {"chr1": 19_999, "chr2": 12_000})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("marks BW --test necessity", "chr1 has 19,999 bp here and 20,000 bp in genome.fa; use files"),
        ("marks BW", "'sufficiency': the run did not do this test, it has necessity; take --test necessity"),
        ("marks BW --test necessity --groups enhancer", "between two groups"),
        ("marks BW BW --test necessity", "'other': two files have this name"),
        ("marks BW --test necessity --groups enhancer,promoter", "'promoter': no tile is of this group"),
        ("marks BW --test necessity --groups enhancer,neutral", "the run has no context test"),
        ("marks none.bw --test necessity", "none.bw: no such file"),
        ("marks BW --test necessity --track 8", "'8': the run's tracks are 7 (CNhs7)"),
        ("overlap BED --test necessity", "BED:1: 'chr1:1-30,000': ends 10,000 bp past chr1"),
        ("overlap none.bed --test necessity", "none.bed: no such file"),
        ("repeats none.out --test necessity", "none.out: no such file"),
        ("repeats BED --test necessity --by name", "'name': repeats are told apart by class or family"),
        ("crispri BED", "no column chrom, chromStart"),
        (
            "fasta --test necessity --backgrounds shufled",
            "backgrounds are shuffled and matched; did you mean",
        ),
        ("saliency --genes a", "'a': the run has no such gene; did you mean A"),
        ("saliency", "weights are not the ones that the run used"),
    ],
)
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(
    cli: Cli, tmp_path: Path, arguments: str, says: str
) -> None:
    (tmp_path / "BED").write_text("chr1\t1\t30000\n")
    names = {"BW": bad_bigwig(tmp_path), "BED": tmp_path / "BED"}
    assert cli(*[str(names.get(word, word)) for word in arguments.split()]) == 2
    last = cli.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert says in last
    assert not list(cli.run.rglob("compare_*"))


def test_a_fasta_that_moved_or_changed_is_named(cli: Cli, tmp_path: Path) -> None:
    moved = cli.fasta.rename(tmp_path / "moved.fa")
    assert cli("fasta", "--test", "necessity") == 2
    assert "the run's FASTA is not where it was; say with --fasta" in cli.err
    assert cli("fasta", "--test", "necessity", "--fasta", moved) == 0
    moved.write_text(moved.read_text().replace("A", "C", 1))
    assert cli("fasta", "--test", "necessity", "--fasta", moved) == 2
    assert "not the FASTA that the run read" in cli.err
    sizes = tmp_path / "chrom.sizes"
    sizes.write_text("chr1\t20000\nchr2\t12000\n")
    assert cli("marks", write_bigwig(tmp_path / "m.bw", SIZES), "--test", "necessity", "--sizes", sizes) == 0


def test_only_finished_creme_runs_are_compared(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for change, says in (
        ({"finished": False}, "not finished"),
        ({"verb": "train"}, "not a run of `raycre creme`"),
    ):
        record = json.loads((cli.run / "run.json").read_text())
        (tmp_path / "new" / "run.json").write_text(json.dumps(record | change))
        cli.run = tmp_path / "new"
        assert cli("fasta") == 2
        assert says in cli.err
        cli.run = tmp_path / "run"
    cli.run = tmp_path
    assert cli("fasta") == 2
    assert "no run.json here" in cli.err
