"""Labels and signals that a training refuses, through the command line: file, line, value and remedy.

What every verb refuses alike is in test_cli_bad_input.py; here is what only labels and read counts can have.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyBigWig
import pytest

from raycre.genome.classes import CLASSES
from raycre.genome.fasta import Fasta
from tests.lab import Lab, RayStartedError, Values

WIDTH = 1000


def rows_of(lab: Lab) -> list[list[str]]:
    """The good labels, as lists of columns."""
    return [line.split("\t") for line in lab.genome.labels.read_text().splitlines()]


def spoilt(lab: Lab, rows: list[list[str]]) -> Values:
    """A training on these rows."""
    values = lab.values("train")
    values["inputs"]["labels"] = lab.write("labels.bed", "".join("\t".join(row) + "\n" for row in rows))
    return values


def other(label: str) -> str:
    return next(c for c in CLASSES if c != label)


# Labels


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("Enhancer", "'Enhancer': not a class; did you mean enhancer, silencer?; the classes are silencer, "),
        ("open", "'open': not a class; the classes are silencer, enhancer, promoter, insulator, background"),
        ("0", "'0': not a class; the classes are silencer"),
    ],
)
def test_a_class_outside_the_five_is_named_by_line(lab: Lab, label: str, message: str) -> None:
    rows = rows_of(lab)
    rows[6][3] = label
    assert lab.refusal("train", spoilt(lab, rows)).startswith(f"labels.bed:7: {message}")


def test_a_class_outside_the_five_in_parquet_is_named_by_row(lab: Lab) -> None:
    rows = rows_of(lab)
    table = pd.DataFrame([row[:4] for row in rows], columns=["chrom", "start", "end", "label"])
    table = table.astype({"start": int, "end": int})
    table.loc[4, "label"] = "enhncer"
    path = lab.folder / "labels.parquet"
    table.to_parquet(path)
    values = lab.values("train")
    values["inputs"]["labels"] = str(path)
    error = lab.refusal("train", values)
    assert error.startswith("labels.parquet:5: 'enhncer': not a class; did you mean enhancer")


@pytest.mark.parametrize("by", ["stratified", "chromosome"])
def test_a_class_with_fewer_regions_than_folds_is_named_with_both_numbers(lab: Lab, by: str) -> None:
    rows = rows_of(lab)
    promoters = [row for row in rows if row[3] == "promoter"]
    few = [row for row in rows if row not in promoters[2:]]
    error = lab.refusal("train", spoilt(lab, few), "--set", f"folds.by={by}")
    assert error == (
        "labels.bed: class promoter has 2 regions, fewer than 3 folds; add regions or ask for fewer folds"
    )


def test_labels_without_background_are_refused(lab: Lab) -> None:
    rows = [row for row in rows_of(lab) if row[3] not in ("silencer", "background")]
    assert lab.refusal("train", spoilt(lab, rows)) == (
        "labels.bed: the labels hold enhancer, promoter, insulator; training needs background and one class "
        "more: add such regions"
    )


def test_one_region_with_two_classes_is_named_with_both_lines_where_overlaps_are_refused(lab: Lab) -> None:
    rows = rows_of(lab)
    again = [*rows[2][:3], other(rows[2][3]), *rows[2][4:]]
    values = spoilt(lab, [*rows[:5], again, *rows[5:]])
    error = lab.refusal("train", values, "--set", "inputs.overlaps=refuse")
    place = f"{again[0]}:{int(again[1]):,}-{int(again[2]):,}"
    shares = f"this window of {again[3]} shares 1,000 bp with that of {rows[2][3]} on line 3"
    assert error.startswith(f"labels.bed:6: '{place}': {shares}")


@pytest.mark.parametrize(("shift", "shared"), [(-999, 1), (350, 650), (999, 1)])
def test_windows_of_two_classes_that_overlap_are_named_with_both_lines_and_counted(
    lab: Lab,
    shift: int,
    shared: int,
) -> None:
    rows = rows_of(lab)
    starts = sorted((row[0], int(row[1])) for row in rows)
    near = {(c, at) for (c, at), (d, next_) in pairwise(starts) if c == d and next_ - at < 4 * WIDTH}
    alone = [i for i in range(1, len(rows)) if not {starts[i - 1], starts[i]} & near][:2]
    assert [[row[0], int(row[1])] for row in rows] == [list(start) for start in starts]
    for row in [rows[i] for i in alone]:
        middle = int(row[1]) + WIDTH // 2 + shift
        # 40 bp wide: the intervals share no base, the windows of 1 kb that are made of them do.
        rows.append([row[0], str(middle - 20), str(middle + 20), other(row[3]), "0", "."])
    first, line = rows[alone[0]], alone[0] + 1
    start = int(first[1]) + shift
    assert lab.refusal("train", spoilt(lab, rows), "--set", "inputs.overlaps=refuse") == (
        f"labels.bed:{len(rows) - 1}: '{first[0]}:{start:,}-{start + WIDTH:,}': this window of "
        f"{other(first[3])} shares {shared:,} bp with that of {first[3]} on line {line}, the first of "
        "2 such pair(s) of neighbours; keep one region of each, or let inputs.overlaps: drop leave out both"
    )


def test_what_touches_or_is_of_one_class_or_is_repeated_is_no_error(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = rows_of(lab)
    chrom, start, end, label = rows[2][:4]
    touching = [chrom, str(int(start) - WIDTH), start, other(label), "0", "."]
    same = [chrom, str(int(start) + 30), str(int(end) + 30), label, "0", "."]
    values = spoilt(lab, [*rows, touching, same, rows[4], rows[4]])
    with pytest.raises(SystemExit, match="0"):
        lab.run("train", values, "--dry-run", "--json")
    regions = json.loads(capsys.readouterr().out)["regions"]
    n = len(rows)
    assert (regions["read"], regions["kept"], regions["dropped_as_repeated"]) == (n + 4, n + 2, 2)
    assert regions["dropped_off_the_fasta"] == 0


# Openness


def write_bigwig(path: Path, sizes: dict[str, int], value: float) -> str:
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        starts = list(range(0, 600, 3))
        values = [1.0] * 100 + [value] + [2.0] * 99
        file.addEntries(["chr1"] * 200, starts, ends=[s + 2 for s in starts], values=values)
    return str(path)


@pytest.mark.parametrize(("value", "shown"), [("nan", "nan"), ("inf", "inf"), ("-0.25", "-0.25")])
def test_openness_that_is_not_finite_or_negative_is_named_with_its_place(
    lab: Lab,
    value: str,
    shown: str,
) -> None:
    values = lab.values("train")
    first = values["inputs"]["openness"][0]
    track = write_bigwig(lab.folder / "rep2.bw", Fasta(lab.genome.fasta).sizes, float(value))
    values["inputs"]["openness"] = [first, track]
    remedy = "values must be finite and not negative"
    assert lab.refusal("train", values) == (
        f"rep2.bw: {shown}: an impossible signal at chr1:300-302; {remedy}"
    )
    text = f"chr1\t0\t10\t3\nchr1\t10\t20\t{value}\n"
    values["inputs"]["openness"] = [first, lab.write("rep2.bedGraph", text)]
    assert lab.refusal("train", values) == f"rep2.bedGraph:2: '{shown}': an impossible signal; {remedy}"


def test_replicates_of_two_assemblies_are_refused_whichever_comes_first(lab: Lab) -> None:
    sizes = Fasta(lab.genome.fasta).sizes
    longer = sizes | {"chr1": sizes["chr1"] + 500}
    values = lab.values("train")
    good = values["inputs"]["openness"][0]
    bigwig = write_bigwig(lab.folder / "hg38.bw", longer, 1.0)
    bedgraph = lab.write("hg38.bedGraph", f"chr1\t0\t10\t3\nchr1\t20\t{longer['chr1']}\t1\n")
    for bad, message in (
        (bigwig, f"hg38.bw: chr1 has {longer['chr1']:,} bp here and {sizes['chr1']:,} bp in the FASTA; use"),
        (bedgraph, f"hg38.bedGraph:2: 'chr1:20-{longer['chr1']:,}': ends 500 bp past chr1 ("),
    ):
        for order in ([good, bad], [bad, good]):
            values["inputs"]["openness"] = order
            assert lab.refusal("train", values).startswith(message)


# Loops


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("anchor", "message"),
    [
        (
            "chr1\t{end}\t{past}",
            "'chr1:{end:,}-{past:,}': ends 7 bp past chr1 ({size:,}) of the FASTA; check",
        ),
        ("chr1\t-5\t400", "'chr1:-5-400': the start is negative"),
        ("chr1\t400\t300", "'chr1:400-300': the end is not past the start"),
        ("chr77\t5\t400", "'chr77': no such chromosome in the FASTA; it has"),
    ],
)
def test_a_loop_with_an_anchor_off_its_chromosome_is_named_by_line(
    lab: Lab,
    side: int,
    anchor: str,
    message: str,
) -> None:
    size = Fasta(lab.genome.fasta).sizes["chr1"]
    places = {"size": size, "end": size - 100, "past": size + 7}
    anchors = ["chr1\t2000\t3000", anchor.format(**places)]
    loops = lab.genome.loops.read_text()
    n = loops.count("\n")
    columns = loops.splitlines()[0].count("\t") + 1
    line = "\t".join([*anchors[:: 1 if side else -1], *["0"] * (columns - 6)])
    values = lab.values("train")
    values["inputs"]["loops"] = lab.write("loops.bedpe", f"{loops}{line}\n")
    error = lab.refusal("train", values)
    assert error.startswith(f"loops.bedpe:{n + 1}: {message.format(**places)}")


def test_loops_off_the_fasta_are_dropped_and_counted_when_asked(lab: Lab) -> None:
    loops = lab.genome.loops.read_text()
    columns = loops.splitlines()[0].count("\t") + 1
    line = "\t".join(["chr1", "5", "9", "chr77", "5", "9", *["0"] * (columns - 6)])
    values = lab.values("train")
    values["inputs"]["loops"] = lab.write("loops.bedpe", f"{loops}{line}\n{line}\n")
    with pytest.raises(RayStartedError):
        lab.run("train", values, "--set", "inputs.outside=drop")
    assert json.loads((lab.out / "run.json").read_text())["loops_dropped"] == 2
