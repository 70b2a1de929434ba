"""What the model does not see of regions is said on stderr, in run.json, in a dry run and in the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyBigWig
import pytest

from raycre.create.views import flank_of
from raycre.figures.header import read_bookkeeping, read_warnings
from raycre.genome.fasta import Fasta
from raycre.store.files import read_json
from tests.lab import Lab, RayStartedError

KEYS = {"train": "labels", "predict": "regions"}


def without_chr2(lab: Lab, chr2: str | None = None) -> str:
    """Write a track with data on chr1 alone; `chr2` is the name that it gives chr2, if it has that."""
    sizes = Fasta(lab.genome.fasta).sizes
    held = {"chr1": sizes["chr1"]} | ({} if chr2 is None else {chr2: sizes["chr2"]})
    path = lab.folder / "chr1.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(held.items()))
        file.addEntries(["chr1"], [5_000], ends=[9_000], values=[3.0])
    return str(path)


def n_on(path: str, chrom: str) -> int:
    return sum(line.split("\t")[0] == chrom for line in Path(path).read_text().splitlines())


@pytest.mark.parametrize("verb", ["train", "predict"])
def test_regions_that_a_track_has_no_data_of_are_counted_everywhere(
    lab: Lab,
    verb: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values = lab.values(verb)
    values["inputs"].pop("blacklist", None)
    values["inputs"]["openness"][1] = without_chr2(lab)
    on = {chrom: n_on(values["inputs"][KEYS[verb]], chrom) for chrom in ("chr2", "chr3")}
    assert all(on.values())
    n, where = sum(on.values()), f"reads as 0: chr2 ({on['chr2']:,}), chr3 ({on['chr3']:,})"
    with pytest.raises(RayStartedError):
        lab.run(verb, values)
    said = f"note: inputs.openness[1] (chr1.bw) has no data on chromosomes of {n:,} of"
    lines = capsys.readouterr().err.splitlines()
    assert [line.endswith(where) for line in lines if line.startswith(said)] == [True]
    record = read_json(lab.out / "run.json")
    assert record["without_data"] == [
        {
            "input": "inputs.openness[1]",
            "path": str(lab.folder / "chr1.bw"),
            "regions": n,
            "by_chromosome": on,
        }
    ]
    notes = read_warnings(record)
    assert any(f"openness[1] (chr1.bw) has no data on chromosomes of {n:,} of" in note for note in notes)
    with pytest.raises(SystemExit, match="0"):
        lab.run(verb, values, "--dry-run", "--json", "--fresh")
    assert json.loads(capsys.readouterr().out)["without_data"] == record["without_data"]


@pytest.mark.parametrize("verb", ["train", "predict"])
@pytest.mark.parametrize("key", ["openness", "loops"])
def test_a_track_that_names_a_chromosome_in_another_style_is_refused(
    lab: Lab,
    verb: str,
    key: str,
) -> None:
    values = lab.values(verb)
    track = without_chr2(lab, "2")
    values["inputs"][key] = [track] if key == "openness" else track
    assert lab.refusal(verb, values) == (
        "chr1.bw: '2': the file has '2', which is 'chr2' of the regions: the names differ in style only; "
        "rename them in one of the two files"
    )


def spoilt(lab: Lab, at: dict[int, str]) -> dict[str, Any]:
    """A prediction of two regions, chr1:6000-7000 and chr1:9000-10000, with letters of chr1 replaced."""
    head, _, bases = lab.genome.fasta.read_text().partition("\n")
    lines = bases.split("\n")
    width = len(lines[0])
    for base, letter in at.items():
        line, column = divmod(base, width)
        lines[line] = lines[line][:column] + letter + lines[line][column + 1 :]
    values = lab.values("predict")
    values["inputs"].pop("blacklist")
    values["inputs"]["fasta"] = lab.write("n.fa", "\n".join([head, *lines]))
    values["inputs"]["regions"] = lab.write("r.bed", "chr1\t6000\t7000\nchr1\t9000\t10000\n")
    return values


def test_n_and_iupac_letters_in_regions_are_counted_everywhere(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values = spoilt(lab, {5_999: "N", 6_000: "N", 6_001: "n", 6_500: "R", 9_999: "N", 10_000: "Y"})
    with pytest.raises(RayStartedError):
        lab.run("predict", values)
    record = read_json(lab.out / "run.json")
    # Bases 5,999 and 10,000 lie beside the regions.
    assert record["ambiguous_letters"] == {
        "regions_with_n": 2, "n_bases": 3, "regions_with_iupac": 1, "iupac_bases": 1,
    }  # fmt: skip
    said = capsys.readouterr().err
    assert "note: 2 of 2 regions hold N: 3 bases that the model sees as no base\n" in said
    assert "note: 1 of 2 regions hold IUPAC ambiguity letters other than N: 1 bases" in said
    facts = read_bookkeeping(lab.out, record)[0]
    assert ["regions with N (bases)", "2 (3)"] in facts.rows
    assert ["regions with other IUPAC ambiguity letters (bases)", "1 (1)"] in facts.rows


@pytest.mark.parametrize("base", [6_500, 10_000 + flank_of(4) - 1])
def test_a_letter_that_is_no_nucleotide_stops_a_run_before_it_begins(
    lab: Lab,
    base: int,
) -> None:
    assert lab.refusal("predict", spoilt(lab, {base: "*"})) == (
        f"n.fa: '*': chr1:{base:,}-{base + 1:,}: no nucleotide; a protein? Give a genome"
    )


def test_a_stale_index_is_told(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    values = spoilt(lab, {})
    fasta = Path(values["inputs"]["fasta"])
    Fasta(fasta).close()
    index = Path(f"{fasta}.fai").read_bytes()
    fasta.write_text(fasta.read_text().replace(">chr1", ">chr1 " + "x" * 60))
    Path(f"{fasta}.fai").write_bytes(index)
    with pytest.raises(RayStartedError):
        lab.run("predict", values)
    record = read_json(lab.out / "run.json")
    assert (
        "n.fa.fai is not the index of n.fa (no line >chr1 before byte 6); a new one" in record["fasta_index"]
    )
    assert f"note: {record['fasta_index']}\n" in capsys.readouterr().err
