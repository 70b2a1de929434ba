"""Bad files through the command line: one line with file, line and value, exit code 2, nothing written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyBigWig
import pytest
from Bio import bgzf

from raycre.cli import main
from raycre.genome.fasta import Fasta
from tests.lab import Lab, Values

GOOD_ROW = "chr1\t6000\t7000\tpromoter\t0\t.\n"

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
