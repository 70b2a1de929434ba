"""`raycre init`: a commented configuration that the verb takes, filled in by what files hold."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from raycre.cli import main
from raycre.config import PerturbConfig, PredictConfig, PrepareConfig, TrainConfig, read_config
from raycre.demo.genome import DemoGenome
from raycre.errors import ConfigError, FormatError, MissingInputError
from raycre.genome.roles import role_of
from raycre.workflows.init import verbs, write_config
from tests.run_folders import start_run

KINDS: dict[str, Any] = {
    "prepare": PrepareConfig,
    "train": TrainConfig,
    "predict": PredictConfig,
    "creme": PerturbConfig,
}


@pytest.mark.parametrize("verb", KINDS)
def test_a_template_without_files_is_a_configuration_that_says_what_to_fill_in(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = write_config(verb, ())
    path = Path(f"{verb}.yaml")
    read_config(KINDS[verb], path)
    text = path.read_text()
    assert found["to_fill_in"]
    assert text.count("FILL IN") == len(found["to_fill_in"])
    assert "@" not in text
    assert max(map(len, text.splitlines())) <= 130


def test_every_verb_with_a_configuration_has_a_template() -> None:
    assert set(verbs()) == set(KINDS)


def test_a_folder_of_files_fills_in_what_each_is_by_its_content(genome: DemoGenome, tmp_path: Path) -> None:
    folder = genome.fasta.parent
    found = write_config("train", [folder], tmp_path / "t.yaml")
    config = read_config(TrainConfig, tmp_path / "t.yaml")
    assert found["to_fill_in"] == []
    assert config.inputs.fasta == genome.fasta
    assert config.inputs.labels == genome.labels
    assert config.inputs.openness == tuple(genome.openness)
    assert config.inputs.loops == genome.loops
    assert config.inputs.blacklist == genome.blacklist
    assert config.model.modalities == ("sequence", "openness", "loops")
    assert str(genome.candidates) in found["not_used"]
    write_config("creme", [genome.fasta, genome.gtf, genome.genes], tmp_path / "c.yaml")
    creme = read_config(PerturbConfig, tmp_path / "c.yaml")
    assert (creme.inputs.gtf, creme.inputs.genes) == (genome.gtf, genome.genes)
    assert creme.model.weights == "registry:enformer"


def test_sources_of_prepare_are_a_list_by_content_and_name(genome: DemoGenome, tmp_path: Path) -> None:
    silencers, peaks = tmp_path / "known_silencers.bed", tmp_path / "H3K27ac.narrowPeak"
    for path in (silencers, peaks):
        path.write_text("chr1\t0\t900\tx\n")
    given = [genome.fasta, genome.gtf, genome.blacklist, *genome.openness, silencers, peaks, genome.genes]
    found = write_config("prepare", given, tmp_path / "p.yaml")
    config = read_config(PrepareConfig, tmp_path / "p.yaml")
    assert [(source.name, source.kind, source.path) for source in config.sources] == [
        ("genome", "fasta", genome.fasta), ("genes", "promoters", genome.gtf),
        ("genes-genes", "genes", genome.gtf), ("blacklist", "blacklist", genome.blacklist),
        ("dnase_rep1", "accessibility", genome.openness[0]),
        ("dnase_rep2", "accessibility", genome.openness[1]),
        ("known_silencers", "silencers", silencers), ("H3K27ac", "peaks", peaks),
    ]  # fmt: skip
    assert (found["to_fill_in"], found["not_used"]) == ([], [str(genome.genes)])


def test_a_training_run_fills_in_its_checkpoint_and_the_signals_that_it_has_read(tmp_path: Path) -> None:
    run = tmp_path / "train"
    start_run(run, "train").finish()
    found = write_config("predict", [run], tmp_path / "p.yaml")
    config = read_config(PredictConfig, tmp_path / "p.yaml")
    assert config.model.checkpoint == run
    assert (config.inputs.fasta, config.inputs.openness) == (Path("hg19.fa"), (Path("a.bw"), Path("b.bw")))
    assert found["to_fill_in"] == ["regions"]


def test_a_file_that_is_named_wins_over_what_the_training_has_read(
    genome: DemoGenome, tmp_path: Path
) -> None:
    inputs = {"fasta": "theirs.fa", "openness": ["theirs.bw"], "loops": "theirs.bedpe"}
    run = start_run(tmp_path / "train", "train")
    record = json.loads((run.out / "run.json").read_text())
    (run.out / "run.json").write_text(json.dumps(record | {"config": {"inputs": inputs}}))
    ours = [genome.fasta, *genome.openness]
    found = write_config("predict", [run.out, *ours], tmp_path / "p.yaml")["filled"]
    assert found["fasta"] == str(genome.fasta)
    assert "theirs" not in found["openness"]
    assert found["checkpoint"] == str(run.out)
    assert found["loops"] == "theirs.bedpe"  # nothing of that kind is named


def test_names_that_yaml_would_read_otherwise_are_quoted(genome: DemoGenome, tmp_path: Path) -> None:
    odd = tmp_path / "a: b #1.fa"
    odd.write_text(">c\nACGT\n")
    write_config("train", [odd], tmp_path / "t.yaml")
    assert read_config(TrainConfig, tmp_path / "t.yaml").inputs.fasta == odd


@pytest.mark.parametrize(
    ("name", "text", "role"),
    [
        ("x", ">chr1\nACGT\n", "fasta"),
        ("x", "chr1\t0\t9\tenhancer\t0\t+\n", "labels"),
        ("x", "chr1\t0\t9\tpeak1\n", "regions"),
        ("x", "chr1\t0\t9\t2.5\n", "openness"),
        ("x", "track type=bedGraph\nchr1\t0\t9\t-1e3\n", "openness"),
        ("my.blacklist.bed", "chr1\t0\t9\n", "blacklist"),
        ("x", "chr1\t0\t9\tchr1\t50\t60\n", "loops"),
        ("x", "GATA1\nMYC\n", "genes"),
        ("x", "index\tidentifier\tdescription\n0\tCNhs1\tCAGE:x\n", "track_table"),
        ("x", "gene\tchrom\ttss\tstrand\nA\tchr1\t7\t+\n", "tss_table"),
        ("w.pth", "anything", "weights"),
        ("x", "", None),
        ("x", "some words of a note\n", None),
    ],
)
def test_a_file_is_told_by_its_content(name: str, text: str, role: str | None, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert role_of(path) == role
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    if role != "weights":
        assert role_of(packed) == role


def test_a_file_that_no_verb_reads_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "reads.bam"
    path.write_bytes(b"BAM\x01rest")
    with pytest.raises(FormatError, match=r"this is BAM, which no verb reads; .*bamCoverage"):
        write_config("train", [path], tmp_path / "t.yaml")
    broken = tmp_path / "x.gz"
    broken.write_bytes(b"\x1f\x8bnot gzip at all")
    with pytest.raises(FormatError, match="damaged"):
        role_of(broken)


def test_what_cannot_be_is_refused_and_nothing_is_written(tmp_path: Path, genome: DemoGenome) -> None:
    path = tmp_path / "t.yaml"
    other = tmp_path / "other.fa"
    other.write_text(">c\nACGT\n")
    with pytest.raises(ConfigError, match="2 files for fasta, which takes one"):
        write_config("train", [genome.fasta, other], path)
    with pytest.raises(MissingInputError, match="no such file or folder"):
        write_config("train", [tmp_path / "absent"], path)
    with pytest.raises(
        ConfigError, match=r"templates of creme, predict, prepare, train; did you mean train\?"
    ):
        write_config("trian", (), path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("[]")
    with pytest.raises(FormatError, match="not the record of a run"):
        write_config("train", [tmp_path / "run"], path)
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        write_config("train", (), path)
    assert path.read_text() == "mine"
    write_config("train", (), path, force=True)
    assert path.read_text() != "mine"


def test_the_command_says_what_is_left_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(SystemExit) as end:
        main(["init", "creme", "-o", str(path)])
    assert end.value.code == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{path}: a template; --fill FILE… puts files in",
        "to fill in by hand: fasta, gtf",
        "examples to replace: genes, tracks",
        f"next: raycre creme config --config {path} --dry-run",
    ]
    with pytest.raises(SystemExit):
        main(["init", "train", "-o", str(tmp_path / "t.yaml"), "--json"])
    assert json.loads(capsys.readouterr().out)["to_fill_in"] == ["fasta", "labels"]


def test_files_of_a_run_are_found_from_elsewhere_and_what_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = tmp_path / "lab"
    run = lab / "runs" / "k562"
    run.mkdir(parents=True)
    (lab / "loops.bedpe").write_text("chr1\t0\t10\tchr1\t20\t30\n")
    inputs = {"fasta": "genome.fa", "openness": ["a.bw"], "loops": "loops.bedpe"}
    config = {"run": {"out": "runs/k562"}, "inputs": inputs}
    (run / "run.json").write_text(json.dumps({"verb": "train", "finished": True, "config": config}))
    monkeypatch.chdir(tmp_path)
    found = write_config("predict", [run], tmp_path / "p.yaml")["filled"]
    assert found["loops"] == str((lab / "loops.bedpe").resolve())
    assert found["fasta"] == "genome.fa"
    said = capsys.readouterr().err
    assert "note: fasta: genome.fa, which the run has read, is not here; name it with --fill" in said
    assert "loops" not in said
