"""Bad input through the command line: one line with file, line and value, exit code 2, nothing written.

Everything here is found before Ray would start; the tests see to it that it cannot.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pyBigWig
import pytest
import torch
import yaml
from Bio import bgzf
from safetensors.torch import save_file

from raycre.cli import main
from raycre.create.inference.checkpoints import WEIGHTS, fold_folder
from raycre.demo.genome import DemoGenome
from raycre.engine import pool, stream, train_workers
from raycre.genome.fasta import Fasta
from raycre.workflows import run as start
from tests.conftest import bytes_of, perturb_values, predict_values, train_values
from tests.unit.test_checkpoints import rewrite, write_training

Values = dict[str, Any]
STARTS = (stream, train_workers, pool)  # what uses Ray
GOOD_ROW = "chr1\t6000\t7000\tpromoter\t0\t.\n"


class RayStartedError(Exception):
    """The run has passed every check and would now connect to Ray."""


def _no_ray() -> NoReturn:
    raise RayStartedError


class Lab:
    """A command line in a folder of its own, with good files to start from.

    Attributes:
        folder: for the files that a test spoils.
        out: the run folder of every verb.
    """

    def __init__(self, folder: Path, genome: DemoGenome, checkpoint: Path, capsys: Any) -> None:
        self.folder, self.genome, self.checkpoint, self._capsys = folder, genome, checkpoint, capsys
        self.out = folder / "run"

    def values(self, verb: str) -> Values:
        """Return a good configuration."""
        if verb == "train":
            return train_values(self.genome, self.out)
        if verb == "predict":
            return predict_values(self.genome, self.checkpoint, self.out)
        return perturb_values(self.genome, self.out)

    def write(self, name: str, content: str | bytes) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def run(self, verb: str, values: Values, *options: str) -> None:
        """Run the command line on these values."""
        config = self.write("config.yaml", yaml.safe_dump(values, sort_keys=False))
        main([verb, *(["config"] if verb == "creme" else []), "--config", config, *options])

    def refusal(self, verb: str, values: Values, *options: str) -> str:
        """Run what must be refused; return what stderr says, without the folder of the files."""
        with pytest.raises(SystemExit) as end:
            self.run(verb, values, *options)
        out, error = self._capsys.readouterr()
        assert end.value.code == 2
        assert out == ""
        assert error.startswith("error: ")
        assert error.count("\n") == 1
        assert not self.out.exists()
        return error.removeprefix("error: ").replace(f"{self.folder}/", "").rstrip("\n")


@pytest.fixture
def lab(
    tmp_path: Path,
    genome: DemoGenome,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    for module in STARTS:
        monkeypatch.setattr(module, "connected", _no_ray)
    return Lab(tmp_path, genome, checkpoint, capsys)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training(tmp_path_factory.mktemp("checkpoint") / "train")


@pytest.mark.parametrize("verb", ["train", "predict", "creme"])
def test_the_configurations_that_are_spoilt_below_are_good(lab: Lab, verb: str) -> None:
    with pytest.raises(RayStartedError):
        lab.run(verb, lab.values(verb))
    assert (lab.out / "run.json").is_file()


# Files that are missing, cut or of another kind

PATHS = [
    *(("train", f"inputs.{key}") for key in ("fasta", "openness", "loops", "blacklist", "labels")),
    *(("predict", f"inputs.{key}") for key in ("fasta", "openness", "loops", "blacklist", "regions")),
    *(("creme", key) for key in ("inputs.fasta", "inputs.gtf", "inputs.genes", "model.track_table")),
]


def point(values: Values, key: str, path: str) -> str:
    """Let a key of the configuration name `path`; return the key as errors spell it."""
    group, name = key.split(".")
    if name == "openness":
        values[group][name] = [*values[group][name][:1], path]
        return f"{key}[1]"
    values[group][name] = path
    return key


@pytest.mark.parametrize(("verb", "key"), PATHS)
def test_a_missing_file_is_named_with_its_key(lab: Lab, verb: str, key: str) -> None:
    values = lab.values(verb)
    key = point(values, key, str(lab.folder / "absent"))
    assert lab.refusal(verb, values) == f"absent: {key}: no such file"


@pytest.mark.parametrize("verb", ["train", "predict", "creme"])
def test_a_folder_and_files_with_a_comma_between_are_named_for_what_they_are(lab: Lab, verb: str) -> None:
    values = lab.values(verb)
    values["inputs"]["fasta"] = str(lab.folder)
    assert lab.refusal(verb, values).endswith("inputs.fasta: a folder, not a file")
    if verb != "creme":
        values = lab.values(verb)
        values["inputs"]["openness"] = "a.bw,b.bw"
        assert "inputs.openness[0]: no such file; several files are a list" in lab.refusal(verb, values)


def test_a_missing_configuration_checkpoint_weights_or_tss_table_is_named(lab: Lab) -> None:
    values = lab.values("predict")
    values["model"]["checkpoint"] = str(lab.folder / "absent")
    assert lab.refusal("predict", values).startswith("absent: model.checkpoint: no training run here")
    values = lab.values("creme")
    values["model"] = {"backbone": "enformer", "weights": str(lab.folder / "absent.pt")}
    assert lab.refusal("creme", values) == "absent.pt: no such weights"
    values = lab.values("creme")
    del values["inputs"]["gtf"]
    values["inputs"]["tss_table"] = str(lab.folder / "absent.tsv")
    assert lab.refusal("creme", values) == "absent.tsv: inputs.tss_table: no such file"
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--config", str(lab.folder / "absent.yaml")])


TEXTS = [(verb, key) for verb, key in PATHS if key.split(".")[1] not in ("openness", "fasta", "track_table")]


@pytest.mark.parametrize(("verb", "key"), TEXTS)
def test_truncated_gzip_is_named(lab: Lab, verb: str, key: str) -> None:
    rows = "".join(f"chr1\t{i}\t{i * i + 7}\tchr1\t{i}\t{i + 5}\n" for i in range(2000))
    whole = gzip.compress(rows.encode())
    values = lab.values(verb)
    point(values, key, lab.write("cut.bedpe.gz", whole[: len(whole) // 2]))
    assert lab.refusal(verb, values).startswith("cut.bedpe.gz: the gzip data is truncated or damaged")


@pytest.mark.parametrize("verb", ["train", "predict", "creme"])
@pytest.mark.parametrize("compress", [gzip.open, bgzf.open])
def test_a_truncated_fasta_is_named(lab: Lab, verb: str, compress: Callable[[Path, str], Any]) -> None:
    path = lab.folder / "cut.fa.gz"
    with compress(path, "wb") as file:
        file.write(lab.genome.fasta.read_bytes()[:200_000])
    path.write_bytes(path.read_bytes()[:-100])
    values = lab.values(verb)
    point(values, "inputs.fasta", str(path))
    assert lab.refusal(verb, values).startswith("cut.fa.gz: not a whole FASTA")


def bigwig(path: Path, sizes: dict[str, int]) -> str:
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        chrom = next(iter(sizes))
        file.addEntries([chrom], [0], ends=[10], values=[1.0])
    return str(path)


@pytest.mark.parametrize("verb", ["train", "predict"])
@pytest.mark.parametrize("key", ["inputs.openness", "inputs.loops"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda whole: whole[:40], "track.bw: the bigWig is truncated or damaged; get the file again"),
        (lambda whole: whole[:-9], "track.bw: the bigWig is truncated or damaged; get the file again"),
        (lambda whole: b"\x89PNG\r\n\x1a\n\0\0", "track.bw: binary data where"),
        (lambda whole: b"404: not found\n", "track.bw:1: '404: not found': 1 tab-separated column where"),
        (lambda whole: b"", "track.bw: the file is empty"),
    ],
)
def test_a_bigwig_that_is_none_is_named(
    lab: Lab, verb: str, key: str, spoil: Callable[[bytes], bytes], message: str
) -> None:
    values = lab.values(verb)
    point(values, key, lab.write("track.bw", spoil(lab.genome.openness[0].read_bytes())))
    assert lab.refusal(verb, values).startswith(message)


@pytest.mark.parametrize("verb", ["train", "predict"])
@pytest.mark.parametrize("key", ["inputs.openness", "inputs.loops"])
def test_a_bigwig_of_another_assembly_is_named_with_both_lengths(lab: Lab, verb: str, key: str) -> None:
    sizes = Fasta(lab.genome.fasta).sizes
    values = lab.values(verb)
    point(values, key, bigwig(lab.folder / "hg18.bw", sizes | {"chr2": sizes["chr2"] + 3}))
    assert lab.refusal(verb, values) == (
        f"hg18.bw: chr2 has {sizes['chr2'] + 3:,} bp here and {sizes['chr2']:,} bp in the FASTA; "
        "use files of one assembly"
    )


# Regions that cannot be


@pytest.mark.parametrize(("verb", "key"), [("train", "labels"), ("predict", "regions")])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1\t6000\t7000", "'1': no such chromosome in the FASTA; it has 'chr1': the names differ in style"),
        ("chrX\t6000\t7000", "'chrX': no such chromosome in the FASTA; it has chr1, chr2, "),
        ("chr1\t700\t{past}", "'chr1:700-{past:,}': ends 7 bp past chr1 ({size:,}) of the FASTA; check"),
        ("chr1\t700\t700", "'chr1:700-700': the end is not past the start"),
        ("chr1\t700\t300", "'chr1:700-300': the end is not past the start"),
        ("chr1\t-1\t999", "'chr1:-1-999': the start is negative"),
        ("chr1\t7.5\t999", "'7.5': the start (column 2) is not an integer"),
        ("chr1\t700\t1e4", "'1e4': the end (column 3) is not an integer"),
    ],
)
def test_a_region_that_cannot_be_is_named_by_line_and_value(
    lab: Lab, verb: str, key: str, row: str, message: str
) -> None:
    size = Fasta(lab.genome.fasta).sizes["chr1"]
    places = {"size": size, "past": size + 7}
    values = lab.values(verb)
    text = GOOD_ROW + row.format(**places) + "\tenhancer\t0\t.\n"
    values["inputs"][key] = lab.write("regions.bed", text)
    assert lab.refusal(verb, values).startswith(f"regions.bed:2: {message.format(**places)}")


@pytest.mark.parametrize(("verb", "key"), [("train", "labels"), ("predict", "regions")])
@pytest.mark.parametrize("row", ["chr20\t6000\t7000", "chr1\t6000\t70000000"])
def test_the_remedy_for_regions_off_the_fasta_is_to_drop_them(
    lab: Lab, verb: str, key: str, row: str
) -> None:
    values = lab.values(verb)
    values["inputs"][key] = lab.write("regions.bed", f"{GOOD_ROW}{row}\tenhancer\t0\t.\n")
    said = lab.refusal(verb, values)
    assert "did you mean" not in said
    assert said.endswith("inputs.outside: drop leaves out and counts what is off the FASTA, 1 of 2 rows")
    del values["inputs"][key]  # nothing would be left: then it is no remedy
    values["inputs"][key] = lab.write("regions.bed", f"{row}\tenhancer\t0\t.\n")
    assert "inputs.outside" not in lab.refusal(verb, values)


@pytest.mark.parametrize(("verb", "key"), [("train", "labels"), ("predict", "regions")])
@pytest.mark.parametrize(
    ("text", "message"), [("", "the file is empty"), ("# chrom start end\n", "the file has no rows of BED")]
)
def test_an_empty_bed_is_named(lab: Lab, verb: str, key: str, text: str, message: str) -> None:
    values = lab.values(verb)
    values["inputs"][key] = lab.write("none.bed", text)
    assert lab.refusal(verb, values).startswith(f"none.bed: {message}")


def test_a_blacklist_in_the_other_style_of_names_does_not_pass_for_one_that_hits_nothing(lab: Lab) -> None:
    for verb in ("train", "predict"):
        values = lab.values(verb)
        values["inputs"]["blacklist"] = lab.write("blacklist.bed", "# hg19\n1\t0\t99999\n")
        assert lab.refusal(verb, values).startswith(
            "blacklist.bed:2: '1': no such chromosome in the FASTA; it has"
        )


def test_tracks_loops_and_genes_in_the_other_style_of_names_are_refused(lab: Lab) -> None:
    hint = "'1': no such chromosome in {}; it has 'chr1': the names differ in style only"
    values = lab.values("predict")
    values["inputs"]["openness"] = [bigwig(lab.folder / "ensembl.bw", {"1": 514_408})]
    assert lab.refusal("predict", values).startswith(f"ensembl.bw: {hint.format('the FASTA')}")
    values = lab.values("train")
    loops = lab.genome.loops.read_text().replace("chr", "")
    values["inputs"]["loops"] = lab.write("ensembl.bedpe", loops)
    assert lab.refusal("train", values).startswith(f"ensembl.bedpe:1: {hint.format('the FASTA')}")
    values = lab.values("creme")
    values["inputs"]["gtf"] = lab.write("ensembl.gtf", lab.genome.gtf.read_text().replace("chr", ""))
    assert lab.refusal("creme", values).startswith(f"ensembl.gtf: {hint.format('genome.fa')}")


# Genes and tracks


def test_an_unknown_gene_is_refused_with_near_matches(lab: Lab) -> None:
    values = lab.values("creme")
    values["inputs"]["genes"] = ["ENHA", "SILX"]
    assert "genes.gtf: 'SILX': no such gene; did you mean SIL" in lab.refusal("creme", values)
    values["inputs"]["genes"] = lab.write("genes.txt", "ENHA\nneut1\n")
    assert "'neut1': no such gene; did you mean NEUT" in lab.refusal("creme", values)
    values["inputs"]["genes"] = lab.write("genes.txt", b"ENHA\n\xff\xfe\n")
    assert "no such gene" in lab.refusal("creme", values)
    values["inputs"]["genes"] = lab.write("genes.txt", b"\n")
    assert lab.refusal("creme", values) == "genes.txt: the file is empty"


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ("assay=CAG", "'assay=CAG': no track has 'assay=CAG'; did you mean CAGE?"),
        ("asay=CAGE", "'asay=CAGE': a query has no key 'asay'; did you mean assay?"),
        (["planted-C"], "'planted-C': no track has this identifier; did you mean planted-"),
        ([2], "2: the table has tracks 0-1"),
        ([], "[]: no track is asked for"),
    ],
)
def test_an_unknown_track_is_refused(lab: Lab, tracks: object, message: str) -> None:
    assert lab.refusal("creme", lab.values("creme") | {"tracks": tracks}).startswith(message)


# Configurations


@pytest.mark.parametrize(
    ("verb", "block", "key", "message"),
    [
        ("train", "recipe", "epoch", "unknown key recipe.epoch; did you mean epochs"),
        ("predict", "inputs", "blaklist", "unknown key inputs.blaklist; did you mean blacklist"),
        ("creme", "creme", "tile_sise", "unknown key creme.tile_sise; did you mean tile_size"),
    ],
)
def test_an_unknown_key_is_refused_with_its_line_and_near_matches(
    lab: Lab, verb: str, block: str, key: str, message: str
) -> None:
    good = lab.values(verb)
    error = lab.refusal(verb, {block: {key: 1, **good.pop(block)}, **good})
    assert error.startswith(f"config.yaml:2: {message}")  # the first line of the file is the block's name
    given = lab.refusal(verb, lab.values(verb), "--set", f"{block}.{key}=1")  # no line of the file has it
    assert given.startswith(message)
    assert given.endswith("(given on the command line)")


@pytest.mark.parametrize(
    ("verb", "setting", "message"),
    [
        ("predict", "views=3", "config.yaml: views are shifts times two strands"),
        ("predict", "model.folds=[]", "[]: model.folds: name each fold once, or all"),
        ("predict", "model.folds=[0, 9]", "folds 9 are not trained"),
        ("predict", "inputs.openness=[]", "was trained on sequence, openness, loops: give inputs.openness"),
        ("train", "folds.only=[1, 1]", "[1, 1]: folds.only: name each fold once"),
        ("train", "folds.n=50", "class silencer has 30 regions, fewer than 50 folds"),
        ("train", "recipe.warmup_epochs=3", "3: warm-up must leave some of the 3 epochs"),
        ("creme", "model.backbone=enformr", "'enformr': no such backbone; did you mean enformer"),
        ("creme", "creme.tiles=[1]", "1: creme.tiles: no tile starts there"),
        ("creme", "tests=[]", "tests and creme.tiles must each name at least one"),
        ("creme", "creme.searches=[min, min]", "('min', 'min'): creme.searches are of min, max, each once"),
        ("creme", "creme.n_shuffles={swap: 3}", "'swap': creme.n_shuffles.swap"),
    ],
)
def test_a_value_that_cannot_be_is_refused(lab: Lab, verb: str, setting: str, message: str) -> None:
    assert message in lab.refusal(verb, lab.values(verb), "--set", setting)


def test_a_choice_of_tss_for_the_most_active_genes_is_refused(lab: Lab) -> None:
    values = lab.values("creme")
    values["inputs"] |= {"genes": {"top": 3}, "tss": "all"}
    assert "inputs.tss is of genes by name" in lab.refusal("creme", values)


# Weights


def test_create_weights_that_do_not_fit_their_description_are_refused(lab: Lab) -> None:
    training = write_training(lab.folder / "train")
    rewrite(fold_folder(training, 1) / WEIGHTS, {"base_norm.bias": torch.zeros(7)})
    values = lab.values("predict")
    values["model"]["checkpoint"] = str(training)
    assert lab.refusal("predict", values) == (
        "train/folds/fold=1/best.safetensors: tensors of another shape: "
        "base_norm.bias is (7,), the model has (4,)"
    )


def test_enformer_weights_of_another_shape_are_refused(lab: Lab) -> None:
    path = lab.folder / "enformer.safetensors"
    save_file({"stem.0.weight": torch.zeros(2, 4, 15), "decoder.weight": torch.zeros(1)}, path)
    values = lab.values("creme") | {"tracks": [0]}
    values["model"] = {"backbone": "enformer", "weights": str(path)}
    error = lab.refusal("creme", values)
    assert error.startswith("enformer.safetensors: does not fit Enformer: ")
    assert "1 unexpected (decoder.weight)" in error
    assert "stem.0.weight (2, 4, 15) torch.float32 for (768, 4, 15) torch.float32" in error


# Run folders


@pytest.mark.parametrize(
    ("verb", "setting", "message"),
    [
        ("train", "recipe.epochs=4", "recipe.epochs was 3, is 4"),
        ("predict", "views=2", "views was 4, is 2"),
        (
            "creme",
            "creme.compat=reference",
            "compat was 'fixed', is 'reference'; shuffle was 'euler-2026', is None",
        ),
    ],
)
def test_a_folder_of_another_configuration_is_refused_and_left_as_it_is(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    setting: str,
    message: str,
) -> None:
    with pytest.raises(RayStartedError):
        lab.run(verb, lab.values(verb))
    before = bytes_of(lab.out, "**/*.*")
    capsys.readouterr()
    monkeypatch.setattr(start, "connected", _no_ray)  # it is refused before Ray is started
    with pytest.raises(SystemExit, match="2"):
        lab.run(verb, lab.values(verb), "--set", setting)
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(
        f"error: {lab.out}: the folder holds a run of another configuration: {message}. Give"
    )
    assert bytes_of(lab.out, "**/*.*") == before


def test_fresh_throws_nothing_away_before_the_new_input_is_known_to_be_good(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RayStartedError):
        lab.run("predict", lab.values("predict"))
    before = bytes_of(lab.out, "**/*.*")
    values = lab.values("predict")
    values["inputs"]["regions"] = lab.write("none.bed", "")
    with pytest.raises(SystemExit, match="2"):
        lab.run("predict", values, "--fresh")
    assert bytes_of(lab.out, "**/*.*") == before


def test_a_run_folder_that_is_a_file_is_refused(lab: Lab) -> None:
    values = lab.values("predict")
    values["run"]["out"] = lab.write("notes.txt", "mine")
    assert lab.refusal("predict", values) == "notes.txt: run.out is a file; name a folder"
    assert (lab.folder / "notes.txt").read_text() == "mine"
