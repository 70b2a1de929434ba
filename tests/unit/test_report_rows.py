"""What a page holds whole: packed columns, headlines, names that are told apart, rows left out and said."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.figures.blocks import Table, shown
from raycre.report import page as pages
from raycre.report.columns import NULL, as_decimals, pack_column
from raycre.report.headline import headline, interval, run_labels
from raycre.report.rows import gene_labels, read_region_rows, read_tile_rows
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import PREDICTIONS
from tests.run_folders import (
    effect_rows,
    page_of,
    prediction_rows,
    start_run,
    write_creme,
    write_gene,
    write_prediction,
    write_training,
)


def about(page: str) -> dict[str, dict[str, dict[str, object]]]:
    found = re.search(r'id="about">(.*?)</script>', page)
    assert found is not None
    read: dict[str, dict[str, dict[str, object]]] = json.loads(found[1])
    return read


def payload(page: str, key: str) -> bytes:
    found = re.search(rf'id="{key}">([^<]*)</script>', page)
    assert found is not None, key
    return gzip.decompress(base64.b64decode(found[1]))


def test_numbers_keep_four_digits_whatever_their_size() -> None:
    values = np.array([0.123456, -2.5, 0.0, 99999.0, 1.23456e-7, np.nan, np.inf, 0.9999999])
    mantissa, exponent = as_decimals(values)
    known = mantissa != NULL
    assert (mantissa * 10.0**exponent)[known] == pytest.approx([0.1235, -2.5, 0, 100000, 1.235e-7, 1.0])
    assert known.tolist() == [True] * 5 + [False] * 2 + [True]


def test_columns_are_packed_by_what_they_hold() -> None:
    places = pack_column("start", "start", pd.Series([1000, 5, 2**31 + 7]))
    assert (places.kind, places.width) == ("place", 8)  # a step from 5 is no int32
    few = pack_column("call", "call", pd.Series(["a", None, "b", "a"]))
    assert (few.kind, list(few.values), few.width) == ("category", ["a", "", "b"], 1)
    many = pack_column("name", "name", pd.Series([f"n{i}" for i in range(100)]))
    assert many.kind == "text"
    assert json.loads(gzip.decompress(base64.b64decode(many.payload)))[99] == "n99"


def test_half_a_million_places_and_probabilities_take_a_few_bytes_a_row() -> None:
    rng = np.random.default_rng(0)
    start = pack_column("start", "", pd.Series(np.sort(rng.integers(0, 10**8, 50_000))))
    p = pack_column("p", "", pd.Series(rng.random(50_000)))
    assert len(start.payload) + len(p.payload) < 50_000 * 7  # so that 500,000 regions fit in 15 MB


def test_regions_lie_along_the_genome_with_the_probability_of_their_call(tmp_path: Path) -> None:
    rows = prediction_rows(["enhancer", "background", "silencer"], [0.9, 0.6, 0.7])
    rows["chrom"] = ["chr10", "chr2", "chr2"]
    start_run(tmp_path, "predict")
    write_table(tmp_path / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    found = read_region_rows(tmp_path)
    assert found["chrom"].tolist() == ["chr2", "chr2", "chr10"]
    assert found["p"].tolist() == pytest.approx([0.6, 0.7, 0.9])
    assert read_region_rows(tmp_path / "none").empty


def test_genes_count_their_called_tiles_and_those_without_any_are_one_line(tmp_path: Path) -> None:
    genes = {
        "A": [effect_rows("A", "necessity", [0.5, -0.6, 0.0], ["enhancer", "silencer", "neither"])],
        "B": [effect_rows("B", "necessity", [0.01], ["neither"])],
        "C": [effect_rows("C", "necessity", [0.4], [None])],
    }
    run = write_creme(tmp_path / "c", genes)
    tiles, found = read_tile_rows(run)
    by = found.set_index("gene")
    assert by["found"].to_dict() == {"A": "some", "B": "none", "C": "not known"}
    assert by.loc["A", ["enhancers", "silencers", "strongest"]].tolist() == [1, 1, -0.6]
    # sd 0.1 of the mutant over a wild type of 2
    assert tiles.loc[tiles["gene"] == "A", "sd"].tolist() == pytest.approx([0.05] * 3)
    page = page_of(tmp_path, run)
    assert "<summary>Genes without a called tile</summary><p>B.</p>" in page
    assert about(page)["first"] == {"t0": {"found": "some"}, "t1": {}}


def test_genes_of_one_name_are_told_apart_by_their_tss() -> None:
    rows = pd.DataFrame({"gene_name": ["A", "A", "B"], "gene_id": ["1", "2", "3"], "tss": [5, 9, 7]})
    assert gene_labels(rows).tolist() == ["A@5", "A@9", "B"]


def test_wilsons_interval_of_a_share() -> None:
    # Brown, Cai & DasGupta (2001), Statistical Science 16:101: the interval of 0 in n ends at z²/(n + z²).
    assert interval(0, 10) == (0, pytest.approx(1.959964**2 / (10 + 1.959964**2)))
    assert interval(5, 10) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))


def test_runs_of_one_name_are_told_apart_by_their_folders() -> None:
    folders = [Path("x/a/run"), Path("x/b/run"), Path("y/c")]
    assert run_labels(["n", "n", "m"], folders) == ["n (a/run)", "n (b/run)", "m"]
    assert run_labels(["n", "n"], [Path("a"), Path("a")]) == ["n (a)", "n (a, 2)"]


def test_the_first_screen_says_what_was_run_on_what_with_its_uncertainty(tmp_path: Path) -> None:
    cutoff = {"class": "enhancer", "cutoff": 0.5, "expected_fpr": 0.01, "standard_error": 0.002}
    record = {
        "verb": "predict",
        "config": {
            "inputs": {"fasta": "g/hg38.fa", "regions": "p/peaks.bed"},
            "model": {"checkpoint": "t/k562"},
        },
        "identity": {"folds": [0, 1]},
        "cutoffs": [cutoff],
    }
    rows = pd.DataFrame({"call": ["enhancer"] * 200 + ["background"] * 800})
    told = headline(record, rows)
    assert told.sentence == "2 folds of k562 classified 1,000 regions of peaks.bed on hg38.fa."
    assert told.numbers[0] == (
        "200", "enhancers", "20.0% of regions; of other classes up to 8 ± 2 are expected among them",
    )  # fmt: skip
    scores = {"auroc": {"mean": 0.98307, "sd": 0.00682}}
    told = headline({"verb": "train", "metrics": scores, "folds_done": [0, 1], "config": {}})
    assert told.numbers == [("0.983 ± 0.007", "auROC on held-out regions", "mean ± s.d. of 2 folds")]
    page = page_of(tmp_path, write_gene(tmp_path / "c"))
    assert (
        page.index("What was found")
        < page.index("enhancer tiles by necessity")
        < page.index("Genome view</h2>")
    )
    assert page.index("Genome view</h2>") < page.index("How the runs were made</h2>")


def test_warnings_stand_on_the_first_screen_and_bookkeeping_is_folded_at_the_end(tmp_path: Path) -> None:
    run = write_creme(tmp_path / "c", {}, failed_units=2)
    page = page_of(tmp_path, run)
    warning = page.index("2 units of work failed for good")
    assert warning < page.index('id="run-1"') < page.index("<details>\n<summary>tiny: inputs")
    assert "digest of science" not in page


def test_a_page_that_would_be_too_long_leaves_rows_out_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = ["enhancer"] * 40 + ["background"] * 4000
    rows = prediction_rows(calls, list(np.random.default_rng(1).uniform(0.5, 1, len(calls))))
    rows["name"] = [f"peak_{i * 7919 % 100_003}" for i in range(len(rows))]
    start_run(tmp_path / "p", "predict").finish()
    write_table(tmp_path / "p" / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    whole = page_of(tmp_path, tmp_path / "p")
    assert about(whole)["tables"]["t0"]["n"] == 4040
    monkeypatch.setattr(pages, "MOST_BYTES", len(whole) - 10_000)
    page = page_of(tmp_path, tmp_path / "p")
    assert about(page)["tables"]["t0"]["n"] == 40  # the called ones
    assert "The page holds 40 of them" in page
    assert "raycre export RUN --tsv writes all" in page
    assert len(page) < len(whole) - 10_000


def test_hostile_names_reach_the_page_as_data_alone(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    rows = prediction_rows(["enhancer", "enhancer"], [0.9, 0.8], name=evil).assign(chrom=evil)
    start_run(tmp_path / "p", "predict", name=evil).finish()
    write_table(tmp_path / "p" / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    page = page_of(tmp_path, tmp_path / "p")
    assert "<script>alert" not in page
    assert page.count("<script") == page.count("</script>")
    assert evil in str(about(page)["tables"]["t0"]["columns"])  # the chromosome, a category


def test_the_genome_view_has_lengths_and_says_which_files_are_gone(tmp_path: Path) -> None:
    page = page_of(tmp_path, write_prediction(tmp_path / "p"))
    assert about(page)["view"]["sizes"] == {"chr1": 3000}  # no FASTA: to where the regions reach
    assert "Not shown: the sequence; hg19.fa is not where the run read it." in page
    assert payload(page, "view-sequence") == b">chr1:1-1 @len=3000\nN\n"
    assert b"igv" in payload(page, "igv-code")


def test_sequence_at_the_shown_places_goes_into_the_page(tmp_path: Path) -> None:
    fasta = tmp_path / "g.fa"
    fasta.write_text(">chr1\n" + "ACGT" * 750 + "\n>chr2\n" + "N" * 60 + "\n")
    run = write_prediction(tmp_path / "p")
    record = json.loads((run / "run.json").read_text())
    record["config"]["inputs"] = {"fasta": str(fasta)}
    (run / "run.json").write_text(json.dumps(record))
    page = page_of(tmp_path, run)
    assert about(page)["view"]["sizes"] == {"chr1": 3000, "chr2": 60}
    text = payload(page, "view-sequence").decode()
    assert text == f">chr1:1-3000 @len=3000\n{'ACGT' * 750}\n>chr2:1-1 @len=60\nN\n"


def test_a_page_without_anything_along_the_genome_has_no_genome_view(tmp_path: Path) -> None:
    page = page_of(tmp_path, write_training(tmp_path / "t"), start_run(tmp_path / "p", "predict").out)
    assert 'id="genome"' not in page
    assert "igv-code" not in page.partition('id="about"')[0]


def test_text_in_figures_is_never_below_11_px(tmp_path: Path) -> None:
    page = page_of(tmp_path, write_gene(tmp_path / "c"), write_training(tmp_path / "t"))
    svgs = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    sizes = [float(size) for svg in svgs for size in re.findall(r"font(?:-size)?: ([\d.]+)px", svg)]
    assert len(sizes) > 20
    assert min(sizes) * 96 / 72 >= 11  # an <svg> of so many pt, shown in its own size


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.2345e-5, "1.23×10⁻⁵"), (-2e-12, "−2×10⁻¹²"), (0.000123456, "0.000123"), (1.0, "1")],
)
def test_small_numbers_have_a_power_of_ten(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_column_of_numbers_is_set_to_the_right_with_its_dashes() -> None:
    table = Table("", ["a", "b", "c"], [["0.750 ± 0.125", "chr1:5-9", None], [None, "x", 0.5]])
    assert [table.is_number(i) for i in range(3)] == [True, False, True]
