"""`raycre export`: what other programs read back from the files is what the run holds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyBigWig
import pytest

import raycre
from raycre.cli import main
from raycre.errors import ChromosomeError, ConfigError, GeneError, InputError, MissingInputError, TrackError
from raycre.export.features import apart, clip, file_name, item_name, sorted_rows
from raycre.export.formats import FORMATS
from raycre.export.hub import LONG, SHORT
from raycre.genome.chromosomes import ASSEMBLIES
from raycre.genome.classes import CLASSES
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import PREDICTIONS
from tests.compared_runs import SIZES, gene_rows, two_genes, write_genome, write_run
from tests.run_folders import prediction_rows, start_run, write_metrics, write_training

ORANGE, BLUE, VERMILLION = "210,121,8", "42,130,199", "197,56,40"  # enhancer, silencer, promoter in figures
BED9 = ["chrom", "start", "end", "name", "score", "strand", "thickStart", "thickEnd", "itemRgb"]


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sizes") / "chrom.sizes"
    path.write_text("".join(f"{name}\t{size}\n" for name, size in SIZES.items()))
    return path


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Regions out of order: at the first and the last base of chr1, two that overlap, and background."""
    out = tmp_path_factory.mktemp("predicted") / "run"
    start_run(out, "predict", name="my run").finish()
    calls = ["silencer", "enhancer", "promoter", "enhancer", "background"]
    rows = prediction_rows(calls, [0.9, 0.75, 0.5, 0.25, 0.6]).assign(
        chrom=["chr2", "chr1", "chr1", "chr1", "chr1"],
        start=[500, 19_000, 0, 500, 5_000],
        end=[1_500, 20_000, 1_000, 1_500, 6_000],
        name=["a", "", "with blank", "c", "d"],
        strand=["+", ".", "-", ".", "."],
    )
    write_table(out / "predictions" / "part-00000.parquet", as_table(rows[:3], PREDICTIONS))
    write_table(out / "predictions" / "part-00001.parquet", as_table(rows[3:], PREDICTIONS))
    return out


@pytest.fixture(scope="module")
def perturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Genes A (+) and B (-) of `compared_runs`: an enhancer of A, a silencer of B, a tile without a value."""
    folder = tmp_path_factory.mktemp("perturbed")
    return write_run(folder / "run", write_genome(folder), two_genes())


def export(run: Path, out: Path, *formats: str, **options: Any) -> dict[str, Path]:
    """Write a run; return its files by their name."""
    found = raycre.export(run, *formats, out=out, **options)
    return {Path(path).name: Path(path) for files in found["files"].values() for path in files}


def read_bed(path: Path, columns: list[str] = BED9) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", header=None, names=columns, na_filter=False)


# --- calls


def test_calls_are_bed9_sorted_coloured_and_named_by_class(
    predicted: Path, tmp_path: Path, sizes: Path
) -> None:
    found = raycre.export(predicted, "bed9", out=tmp_path, sizes=sizes)
    assert read_bed(tmp_path / "calls.bed").to_numpy().tolist() == [
        ["chr1", 0, 1_000, "promoter:with_blank", 500, "-", 0, 1_000, VERMILLION],
        ["chr1", 500, 1_500, "enhancer:c", 250, ".", 500, 1_500, ORANGE],
        ["chr1", 19_000, 20_000, "enhancer:region1", 750, ".", 19_000, 20_000, ORANGE],
        ["chr2", 500, 1_500, "silencer:a", 900, "+", 500, 1_500, BLUE],
    ]
    assert found["left_out"] == {"background regions left out (--every writes them)": 1}
    every = export(predicted, tmp_path, "bed9", sizes=sizes, every=True)
    assert "background:d" in read_bed(every["calls.bed"])["name"].tolist()


def test_weights_without_cutoffs_give_the_most_probable_class(tmp_path: Path, sizes: Path) -> None:
    start_run(tmp_path / "run", "predict").finish()
    rows = prediction_rows(["enhancer"], [0.5]).assign(call=None)
    write_table(tmp_path / "run" / "predictions" / "part-0.parquet", as_table(rows, PREDICTIONS))
    found = export(tmp_path / "run", tmp_path, "bed9", sizes=sizes)
    assert read_bed(found["calls.bed"])["name"].tolist() == ["enhancer:peak"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of bioframe, with pandas 3.1
def test_bioframe_reads_the_calls_as_valid_intervals(predicted: Path, tmp_path: Path, sizes: Path) -> None:
    bioframe = pytest.importorskip("bioframe")
    path = export(predicted, tmp_path, "bed9", sizes=sizes)["calls.bed"]
    rows = bioframe.read_table(path, schema="bed9")
    assert bioframe.is_bedframe(rows)
    assert bioframe.is_contained(rows, bioframe.make_viewframe(SIZES))
    assert bioframe.sort_bedframe(rows).equals(rows)


@pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not installed")
def test_bedtools_takes_the_calls_as_sorted(predicted: Path, tmp_path: Path, sizes: Path) -> None:
    path = export(predicted, tmp_path, "bed9", sizes=sizes)["calls.bed"]
    run = subprocess.run(["bedtools", "merge", "-i", path], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[0] == "chr1\t0\t1500"


def test_bigbed_holds_the_same_rows_also_at_both_ends(predicted: Path, tmp_path: Path, sizes: Path) -> None:
    pybigtools = pytest.importorskip("pybigtools")
    found = export(predicted, tmp_path, "bed9", "bigbed", sizes=sizes)
    file = pybigtools.open(str(found["calls.bb"]))
    rows = [[c, int(r[0]), int(r[1]), *r[2:]] for c in SIZES for r in file.records(c)]
    text = [line.split("\t") for line in found["calls.bed"].read_text().splitlines()]
    assert [[str(cell) for cell in row] for row in rows] == text
    assert file.chroms() == SIZES
    assert (rows[0][1], rows[2][2]) == (0, SIZES["chr1"])  # the first and the last base
    assert [r[2] for r in file.records("chr1", 19_999, 20_000)] == ["enhancer:region1"]
    with pyBigWig.open(str(found["calls.bb"])) as other:
        assert other.isBigBed()
        assert b"thickStart" in other.SQL()
        assert not other.entries("chr1", 1_500, 1_501)  # ends are not included
    raw = found["calls.bb"].read_bytes()
    assert [int.from_bytes(raw[at : at + 2], "little") for at in (32, 34)] == [9, 9]  # fields, all defined


# --- values


def test_probabilities_are_means_where_regions_overlap(predicted: Path, tmp_path: Path, sizes: Path) -> None:
    found = export(predicted, tmp_path, "bedgraph", "bigwig", sizes=sizes)
    rows = read_bed(found["p_enhancer.bedgraph"], ["chrom", "start", "end", "value"])
    here = rows[rows["chrom"] == "chr1"]
    # 0-1,000 is a promoter of 0.5, so 0.125 an enhancer; 500-1,500 an enhancer of 0.25.
    assert here[["start", "end"]].to_numpy().tolist() == [
        [0, 500], [500, 1_000], [1_000, 1_500], [5_000, 6_000], [19_000, 20_000],
    ]  # fmt: skip
    assert here["value"].tolist() == pytest.approx([0.125, 0.1875, 0.25, 0.1, 0.75])
    assert {f"p_{name}.bw" for name in CLASSES} <= found.keys()
    with pyBigWig.open(str(found["p_enhancer.bw"])) as file:
        assert file.chroms() == SIZES
        read = [(c, s, e, v) for c in SIZES for s, e, v in file.intervals(c)]
        assert file.values("chr1", 19_999, 20_000) == [pytest.approx(0.75)]
    assert [r[:3] for r in read] == list(rows[["chrom", "start", "end"]].itertuples(index=False, name=None))
    assert [r[3] for r in read] == pytest.approx(rows["value"].tolist())


def test_pybigtools_reads_the_bigwig(predicted: Path, tmp_path: Path, sizes: Path) -> None:
    pybigtools = pytest.importorskip("pybigtools")
    path = export(predicted, tmp_path, "bigwig", sizes=sizes)["p_silencer.bw"]
    records = list(pybigtools.open(str(path)).records("chr2"))
    assert [(start, end) for start, end, _ in records] == [(500, 1_500)]
    assert records[0][2] == pytest.approx(0.9)


def test_intervals_come_apart_with_the_mean_where_they_overlap() -> None:
    rows = pd.DataFrame(
        {
            "chrom": ["b", "a", "a", "a", "a"], "start": [0, 10, 0, 5, 30], "end": [1, 20, 10, 15, 40],
            "value": [9.0, 3.0, 1.0, 2.0, np.nan],
        }
    )  # fmt: skip
    assert apart(rows).to_numpy().tolist() == [
        ["a", 0, 5, 1.0], ["a", 5, 10, 1.5], ["a", 10, 15, 2.5], ["a", 15, 20, 3.0], ["b", 0, 1, 9.0],
    ]  # fmt: skip
    assert apart(rows[:0]).empty


def test_intervals_are_cut_at_the_ends_and_what_lies_outside_goes_and_is_counted() -> None:
    rows = pd.DataFrame(
        {"chrom": ["c", "c", "c", "c", "x"], "start": [-5, 0, 99, 100, 0], "end": [1, 100, 120, 110, 9]}
    )
    left_out: dict[str, int] = {}
    kept = clip(rows, {"c": 100}, left_out)
    assert kept[["start", "end"]].to_numpy().tolist() == [[0, 1], [0, 100], [99, 100]]
    assert left_out == {
        "intervals outside their chromosome left out": 2,
        "intervals cut at a chromosome's end": 2,
    }
    assert clip(rows, {}, left_out) is rows  # lengths that are not known cut nothing


def test_chromosomes_are_in_the_order_of_their_bytes() -> None:
    rows = pd.DataFrame({"chrom": ["chr2", "chr10", "chrX", "chr1"], "start": 0, "end": 1})
    assert sorted_rows(rows)["chrom"].tolist() == ["chr1", "chr10", "chr2", "chrX"]


def test_names_are_those_that_every_format_takes() -> None:
    assert item_name("a b\tc\n") == "a_b_c"
    assert item_name(" ") == "."
    assert len(item_name("x" * 999)) == 255
    assert file_name("effect", "HLA-A/B", "", "CNhs 7") == "effect.HLA-A_B.CNhs_7"


# --- CREME


def test_called_tiles_effects_and_arcs_of_a_creme_run(perturbed: Path, tmp_path: Path) -> None:
    found = export(perturbed, tmp_path, "bed9", "bedgraph", "bedpe-arcs")
    # A's tiles begin 640 bp before its TSS at 8,000; B is read from right to left, so its second tile is the
    # one from 6,128 to 6,384.
    assert read_bed(found["calls.necessity.bed"]).to_numpy().tolist() == [
        ["chr1", 7_360, 7_616, "A:enhancer", 500, ".", 7_360, 7_616, ORANGE],
        ["chr2", 6_129, 6_385, "B:silencer", 600, ".", 6_129, 6_385, BLUE],
    ]
    values = read_bed(found["effect.necessity.B.bedgraph"], ["chrom", "start", "end", "value"])
    assert values["value"].tolist() == pytest.approx([0.02, -0.6, 0.05])  # the tile without a value has none
    head, *arcs = found["arcs.necessity.bedpe"].read_text().splitlines()
    assert head.startswith("#chrom1\tstart1\tend1\tchrom2\tstart2\tend2\tname\tscore\tstrand1\tstrand2\t")
    assert arcs[1].split("\t")[:11] == [
        "chr2", "6129", "6385", "chr2", "6000", "6001", "B:silencer", "600", ".", "-", "-0.6",
    ]  # fmt: skip


def test_genes_tests_and_tracks_are_chosen_by_name(perturbed: Path, tmp_path: Path) -> None:
    found = export(perturbed, tmp_path, "bedgraph", gene="A.1", track=7, test="necessity")
    assert list(found) == ["effect.necessity.A.bedgraph"]
    for error, options, words in (
        (GeneError, {"gene": "AA"}, "the run has no effects of it"),
        (TrackError, {"track": "CNhs8"}, r"did you mean CNhs7\?"),
        (ConfigError, {"test": "necesity"}, r"did you mean necessity\?"),
        (ConfigError, {"genes": "A"}, r"no such option; did you mean gene\?"),
    ):
        with pytest.raises(error, match=words):
            raycre.export(perturbed, "bed9", out=tmp_path, **options)


def test_a_gene_with_two_tss_and_a_run_with_two_tracks_have_files_apart(tmp_path: Path) -> None:
    tables = [
        gene_rows("A", "chr1", tss, "+", [0.5], ["enhancer"], track_id=track, track_name=name)
        for tss in (8_000, 9_000)
        for track, name in ((7, "CNhs7"), (8, None))
    ]
    run = write_run(tmp_path / "run", write_genome(tmp_path), [pd.concat(tables)])
    assert sorted(export(run, tmp_path / "out", "bedgraph")) == [
        f"effect.necessity.A_{tss}.{track}.bedgraph" for tss in (8000, 9000) for track in ("CNhs7", "track8")
    ]


def test_a_test_without_calls_is_said_and_written_whole_when_asked_for(tmp_path: Path) -> None:
    """Without a context test no class of the context is known, so that necessity calls nothing."""
    tables = [gene_rows("A", "chr1", 8_000, "+", [0.5, 0.1], [None, None])]
    run = write_run(tmp_path / "run", write_genome(tmp_path), tables)
    found = raycre.export(run, "bed9", out=tmp_path / "out")
    assert found["files"] == {"bed9": []}
    left_out = "tiles left out of necessity, which has no calls without a context test (--every)"
    assert found["left_out"] == {left_out: 2}
    every = export(run, tmp_path / "out", "bed9", "bedpe-arcs", every=True)
    assert read_bed(every["calls.necessity.bed"])["name"].tolist() == ["A:none", "A:none"]
    with pytest.raises(ConfigError, match="with a context test, or --every"):
        raycre.export(run, "bedpe-arcs", out=tmp_path / "out")


def test_a_test_that_calls_neither_has_an_empty_file(tmp_path: Path) -> None:
    tables = [gene_rows("A", "chr1", 8_000, "+", [0.01], ["neither"])]
    run = write_run(tmp_path / "run", write_genome(tmp_path), tables)
    assert export(run, tmp_path / "out", "bed9")["calls.necessity.bed"].read_text() == ""


def test_interactions_are_read_back_with_their_ends(perturbed: Path, tmp_path: Path) -> None:
    pybigtools = pytest.importorskip("pybigtools")
    export(perturbed, tmp_path, "ucsc-hub", assembly="hg38", email="lab@example.org")
    (row,) = pybigtools.open(str(tmp_path / "hub" / "arcs.necessity.inter.bb")).records("chr2")
    assert row[:3] == (6_000, 6_385, "B:silencer")  # from the TSS to the tile's end
    assert row[6:] == (BLUE, "chr2", "6129", "6385", "B:silencer", ".", "chr2", "6000", "6001", "B", "-")


# --- hub, session, text


def check_hub(text: str, folder: Path) -> list[dict[str, str]]:
    """UCSC's rules for a hub of one file (Track Hub help, trackDb definitions); returns the tracks."""
    stanzas = [dict(line.split(" ", 1) for line in part.splitlines()) for part in text.strip().split("\n\n")]
    hub, genome, *tracks = stanzas
    assert {"hub", "shortLabel", "longLabel", "email"} <= hub.keys()
    assert hub["useOneFile"] == "on"
    assert re.fullmatch(r"\w+", hub["hub"])
    assert list(genome) == ["genome"]
    assert genome["genome"] in {name.partition("/")[0] for name in ASSEMBLIES}
    names = [track["track"] for track in tracks]
    assert len(set(names)) == len(names) > 0
    for track in tracks:
        assert next(iter(track)) == "track"
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", track["track"])
        assert {"bigDataUrl", "shortLabel", "longLabel", "type"} <= track.keys()
        assert len(track["shortLabel"]) <= 17
        assert len(track["longLabel"]) <= 76
        assert (folder / track["bigDataUrl"]).is_file()  # relative to the hub.txt
        kind, *numbers = track["type"].split()
        assert (kind, len(numbers)) in (("bigBed", 1), ("bigWig", 2), ("bigInteract", 0))
        assert track["visibility"] in ("hide", "dense", "squish", "pack", "full")
        if kind == "bigWig":
            assert float(numbers[0]) <= float(numbers[1])
        for colour in ("color", "altColor"):
            assert re.fullmatch(r"\d{1,3},\d{1,3},\d{1,3}", track.get(colour, "0,0,0"))
    return tracks


@pytest.mark.parametrize("which", ["predicted", "perturbed"])
def test_a_hub_keeps_the_rules_that_ucsc_has_written(
    which: str, tmp_path: Path, sizes: Path, request: pytest.FixtureRequest
) -> None:
    pytest.importorskip("pybigtools")
    run = request.getfixturevalue(which)
    export(run, tmp_path, "ucsc-hub", sizes=sizes, assembly="hg38", email="lab@example.org")
    tracks = check_hub((tmp_path / "hub" / "hub.txt").read_text(), tmp_path / "hub")
    kinds = [track["type"].split()[0] for track in tracks]
    assert kinds == (["bigBed"] + ["bigWig"] * 5 if which == "predicted" else
                     ["bigBed", "bigWig", "bigWig", "bigInteract"])  # fmt: skip
    assert (SHORT, LONG) == (17, 76)


def test_a_hub_asks_for_what_ucsc_asks_for(perturbed: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give --assembly"):
        raycre.export(perturbed, "ucsc-hub", out=tmp_path / "out", email="lab@example.org")
    with pytest.raises(ConfigError, match="give --email"):
        raycre.export(perturbed, "ucsc-hub", out=tmp_path / "out", assembly="hg38", email="lab")
    assert not (tmp_path / "out").exists()


def test_an_igv_session_names_files_beside_it_and_the_genome(perturbed: Path, tmp_path: Path) -> None:
    export(perturbed, tmp_path, "igv-session")
    session = ElementTree.parse(tmp_path / "igv_session.xml").getroot()
    assert session.attrib["genome"] == str(perturbed.parent / "genome.fa")
    assert session.attrib["locus"] == "chr1:7361-7616"  # IGV counts from 1
    paths = [resource.attrib["path"] for resource in session.iter("Resource")]
    assert paths == [
        "calls.necessity.bed", "effect.necessity.A.bw", "effect.necessity.B.bw", "arcs.necessity.bedpe",
    ]  # fmt: skip
    assert all((tmp_path / path).is_file() for path in paths)


def test_known_lengths_tell_the_assembly(predicted: Path, tmp_path: Path) -> None:
    table = tmp_path / "hg38.sizes"
    table.write_text("".join(f"chr{c}\t{n}\n" for c, n in ASSEMBLIES["hg38/GRCh38"].items()))
    export(predicted, tmp_path, "igv-session", sizes=table)
    assert ElementTree.parse(tmp_path / "igv_session.xml").getroot().attrib["genome"] == "hg38"


def test_tables_are_written_whole_with_whole_numbers(
    perturbed: Path, predicted: Path, tmp_path: Path
) -> None:
    found = export(perturbed, tmp_path, "tsv")
    rows = pd.read_csv(found["effects.necessity.tsv"], sep="\t")
    effects = raycre.open_run(perturbed).effects().pandas()
    assert list(rows) == list(effects)
    assert len(rows) == len(effects) == 8
    assert rows["effect"].tolist() == pytest.approx(effects["effect"].tolist(), nan_ok=True)
    assert rows["copies"].isna().all()
    line = found["effects.necessity.tsv"].read_text().splitlines()[1]
    assert '"' not in line
    text = export(predicted, tmp_path, "tsv")["predictions.tsv"].read_text().splitlines()
    assert len(text) == 1 + 5
    assert text[1].split("\t")[:5] == ["0", "chr2", "500", "1500", "a"]


def test_a_training_gives_its_tables_and_says_that_it_has_no_tracks(tmp_path: Path, sizes: Path) -> None:
    run = write_training(tmp_path / "run")
    write_metrics(run, [0.5])
    assert list(export(run, tmp_path / "out", "tsv", sizes=sizes)) == ["metrics.tsv"]
    with pytest.raises(ConfigError, match="a run of train has nothing to draw"):
        raycre.export(run, "bed9", out=tmp_path / "none", sizes=sizes)
    assert not (tmp_path / "none").exists()


# --- what is asked for


def test_formats_are_named_with_near_matches(predicted: Path, tmp_path: Path, sizes: Path) -> None:
    with pytest.raises(ConfigError, match="name a format: --bed9, --bigbed"):
        raycre.export(predicted, out=tmp_path)
    with pytest.raises(ConfigError, match=r"no such format; did you mean bigwig\?"):
        raycre.export(predicted, "bigwg", out=tmp_path)
    with pytest.raises(ConfigError, match="arcs tie called tiles to genes"):
        raycre.export(predicted, "bedpe-arcs", out=tmp_path, sizes=sizes)


def test_a_fasta_that_has_moved_is_needed_for_indexed_files_alone(predicted: Path, tmp_path: Path) -> None:
    assert "calls.bed" in export(predicted, tmp_path, "bed9", "bedgraph")
    with pytest.raises(ConfigError, match="give --sizes"):
        raycre.export(predicted, "bigwig", out=tmp_path)


def test_lengths_of_another_genome_are_refused(predicted: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.sizes"
    for names, words in (
        (("1", "2"), "it has '2', the same in another style"),
        (("x",), "give this genome's"),
    ):
        path.write_text("".join(f"{name}\t20000\n" for name in names))
        with pytest.raises(ChromosomeError, match=words):
            raycre.export(predicted, "bed9", out=tmp_path / "out", sizes=path)
    assert not (tmp_path / "out").exists()


def test_bigbed_says_what_to_install(
    predicted: Path, tmp_path: Path, sizes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pybigtools", None)
    with pytest.raises(ConfigError, match=r"pip install 'raycre\[browser\]'"):
        raycre.export(predicted, "bigbed", out=tmp_path / "out", sizes=sizes)
    assert not (tmp_path / "out").exists()


def test_an_empty_run_is_named(tmp_path: Path) -> None:
    start_run(tmp_path / "run", "creme")
    with pytest.raises(MissingInputError, match="no effects here; has the run finished"):
        raycre.export(tmp_path / "run", "bed9")
    with pytest.raises(InputError):
        raycre.export(tmp_path / "absent", "bed9")


def test_the_command_line_has_an_option_for_each_format(
    perturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as end:
        main(["export", str(perturbed), "--bed9", "--tsv", "-o", str(out), "--gene", "A"])
    assert end.value.code == 0
    assert capsys.readouterr().out.splitlines() == [
        "bed9: 1 file", "tsv: 1 file", f"files: {out}",
        "next: open them in IGV (File, Load from File, or drop them on igv.org/app) on the run's genome",
    ]  # fmt: skip
    with pytest.raises(SystemExit):
        main(["export", str(perturbed), "--igv-session", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert Path(found["out"]) == perturbed.with_name("run-export")
    with pytest.raises(SystemExit) as end:
        main(["export", "--help"])
    words = capsys.readouterr().out
    assert all(f"--{name}" in words for name in FORMATS)
