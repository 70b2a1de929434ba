"""The report needs no other file, escapes every name, says what is wrong with a run, and refuses by name."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from raycre.cli import main
from raycre.demo.run import _write_report
from raycre.errors import ConfigError, FormatError, LabelError, MissingInputError
from raycre.figures.blocks import shown
from raycre.figures.calls import Tally
from raycre.figures.canvas import INK
from raycre.figures.header import duration, inputs_table
from raycre.report.page import write_report
from raycre.store.files import write_json
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import FAILURES, PREDICTIONS, SWEEP
from tests.run_folders import (
    SHA,
    effect_rows,
    page_of,
    prediction_rows,
    start_run,
    write_creme,
    write_gene,
    write_prediction,
    write_training,
)


class Tags(HTMLParser):
    """Open tags that were never closed, and closed ones that were not open, in HTML outside of <svg>."""

    VOID = frozenset({"meta", "br", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_one_page_holds_all_verbs_and_needs_nothing_else(tmp_path: Path) -> None:
    runs = [write_training(tmp_path / "t"), write_prediction(tmp_path / "p"), write_gene(tmp_path / "c")]
    page = page_of(tmp_path, *runs)
    svgs = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(svgs) == 8  # two of training, one of calls, one gene; each for a wide and for a narrow page
    for svg in svgs:
        ET.fromstring(svg)
        assert INK not in svg
        assert "currentColor" in svg
    addresses = set(re.findall(r"https?://[^\"'\s]+", page))
    assert addresses == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }  # names of XML, not links
    assert not re.search(r"<link|<img|@import|url\((?!#)|\ssrc=", page)
    html = Tags()
    html.feed(re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL))
    assert html.open == []


def test_names_from_files_are_text_never_markup_nor_mathematics(tmp_path: Path) -> None:
    evil = "<b>$x^2$</b>"
    tiles = effect_rows(evil, "necessity", [0.5], ["enhancer"], track_name="<i>&", biosample="$y_1$")
    run = write_creme(
        tmp_path / "<u>c",
        {"g": [tiles]},
        refused=[{"gene_id": "<s>1", "gene_name": "<s>", "reason": "<s>"}],
    )
    page = page_of(tmp_path, run)
    assert not re.search(r"<(b|i|u|s)>", page)
    assert "<h3>&lt;b&gt;$x^2$&lt;/b&gt;</h3>" in page
    assert "&lt;i&gt;&amp; · $y_1$ (5111)" in page  # in the figure's own title


@pytest.mark.parametrize("finished", [True, False])
def test_random_weights_are_said_loudly_even_in_an_unfinished_run(tmp_path: Path, finished: bool) -> None:
    run = start_run(tmp_path / "c", "creme", model="enformer-RANDOM-WEIGHTS", trained=False)
    if finished:
        run.finish()
    banner = '<p class="loud" role="alert">RANDOM WEIGHTS: enformer-RANDOM-WEIGHTS is not a trained model'
    assert banner in page_of(tmp_path, run.out)


def test_a_prediction_without_cutoffs_is_shown_by_its_most_probable_classes(tmp_path: Path) -> None:
    rows = prediction_rows(["enhancer", "enhancer", "background"], [0.9, 0.7, 0.6])
    run = start_run(tmp_path / "p", "predict")
    run.finish()
    part = tmp_path / "p" / "predictions" / "part-00000.parquet"
    write_table(part, as_table(rows.assign(call=None, score_margin=np.nan), PREDICTIONS))
    page = page_of(tmp_path, run.out)
    assert "3 regions have no call" in page
    assert "enhancer (2)" in page


def test_a_sweep_shows_its_settings_and_what_failed(tmp_path: Path) -> None:
    run = start_run(tmp_path / "s", "sweep")
    assert "No setting is trained yet" in page_of(tmp_path, run.out)
    rows = [("K=50", "auprc", 0.75, 0.125, 3, 0.0, None), ("K=100", "auprc", 0.5, 0.25, 3, -0.25, 0.125)]
    table = pd.DataFrame(rows, columns=SWEEP.names)
    write_table(run.out / "summary" / "sweep.parquet", as_table(table, SWEEP))
    run.finish(failed={"K=200": "folds 1 are not trained"})
    page = page_of(tmp_path, run.out)
    cells = re.findall(r"<t[dh][^>]*>(K=\d+|0\.\d+ ± 0\.\d+|[−0-9.]+)</t[dh]>", page)
    assert cells[:4] == ["K=50", "3", "0.750 ± 0.125", "0"]
    assert cells[4:9] == ["K=100", "3", "0.500 ± 0.250", "−0.25", "0.125"]
    assert "K=200: folds 1 are not trained" in page


def test_a_trained_model_has_no_banner(tmp_path: Path) -> None:
    page = page_of(tmp_path, write_gene(tmp_path / "c", model="enformer", trained=True))
    assert 'role="alert"' not in page
    assert "enformer" in page


def test_an_unfinished_run_shows_what_there_is(tmp_path: Path) -> None:
    creme = start_run(tmp_path / "c", "creme", model="planted")
    write_table(
        tmp_path / "c" / "plan.parquet", pa.table({"unit": ["g/part-0", "g/part-1"], "to_do": [4, 4]})
    )
    (tmp_path / "c" / "passes" / "model=planted" / "g").mkdir(parents=True)
    (tmp_path / "c" / "passes" / "model=planted" / "g" / "part-1.parquet").touch()
    training = write_training(tmp_path / "t")  # two folds, no metrics yet
    page = page_of(tmp_path, creme.out, training, start_run(tmp_path / "p", "predict").out)
    assert page.count("This run is not finished") == 3
    assert ">1 of 2<" in page
    assert "There are no effects yet" in page
    assert "No region is classified yet" in page
    assert "Metrics are written when the training ends" in page


def test_counts_of_dropped_refused_and_failed_are_in_the_header(tmp_path: Path) -> None:
    training = write_training(tmp_path / "t")
    creme = write_creme(
        tmp_path / "c",
        {},
        refused=[{"gene_id": "ENSG9", "gene_name": "OR4F5", "reason": "14,013 N in the window"}],
        failed_units=1,
    )
    failure = {"unit": ["part-000003"], "what": ["MYC"], "attempts": [3], "error": ["KeyError: 'x'"]}
    failure["traceback"] = ["Traceback …"]
    write_table(creme / "failures.parquet", as_table(failure, FAILURES))
    page = re.sub(r' class="\w+"', "", page_of(tmp_path, training, creme))
    assert '<th scope="row">regions dropped by the blacklist</th><td>2</td>' in page
    assert "<td>OR4F5</td><td>ENSG9</td><td>14,013 N in the window</td>" in page
    assert '<th scope="row">units failed</th><td>1</td>' in page
    assert "<td>part-000003</td><td>MYC</td><td>3</td><td>KeyError: &#39;x&#39;</td>" in page


def test_inputs_have_their_path_and_the_first_digits_of_their_hash(tmp_path: Path) -> None:
    record = start_run(tmp_path / "t", "train").record
    record["inputs"].append({"input": "model.weights", "path": None, "sha256": SHA})
    assert inputs_table(record).rows == [
        ["fasta", "hg19.fa", "0123456789ab"],
        ["openness[1]", "b.bw", "fedcba987654"],
        ["model.weights", None, "0123456789ab"],
    ]


def test_what_inputs_were_taken_for_is_shown(tmp_path: Path) -> None:
    reading = "peaks.bed: 10 columns read as narrowPeak, summits used"
    start_run(tmp_path / "run", "predict", inputs_read=[reading])
    assert reading in page_of(tmp_path, tmp_path / "run")


def test_a_page_takes_the_place_of_a_page_and_of_no_other_file(tmp_path: Path) -> None:
    run = write_prediction(tmp_path / "p")
    page_of(tmp_path, run)
    page_of(tmp_path, run)
    (tmp_path / "labels.bed").write_text("chr1\t0\t1000\n")
    with pytest.raises(ConfigError, match=r"labels\.bed: is a file, and no page of raycre report"):
        write_report([run], tmp_path / "labels.bed")
    assert (tmp_path / "labels.bed").read_text() == "chr1\t0\t1000\n"


def test_equal_runs_give_equal_pages(tmp_path: Path) -> None:
    run = write_gene(tmp_path / "c")
    assert page_of(tmp_path, run) == page_of(tmp_path, run)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (12345, "12,345"),
        (0.12345, "0.123"),
        (-2.5, "−2.5"),
        (1246.9, "1,247"),
    ],
)
def test_cells_as_text(value: float | None, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(9.27, "9.3 s"), (490.2, "8 min 10 s"), (12_300, "3 h 25 min")]
)
def test_durations_as_text(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_without_matplotlib_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_gene(tmp_path / "c")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'raycre[plots]'")):
        write_report([run], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
    assert _write_report(tmp_path) == []  # the demo goes on


def test_the_command_writes_the_page_and_ends_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = write_gene(tmp_path / "c"), tmp_path / "new" / "page.html"
    with pytest.raises(SystemExit) as ended:
        main(["report", str(run), "--out", str(out), "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out) == {
        "report": str(out),
        "bytes": out.stat().st_size,
        "runs": ["tiny"],
    }


def test_a_folder_without_a_run_ends_with_2_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "report",
                str(write_gene(tmp_path / "c")),
                str(tmp_path / "empty"),
                "--out",
                str(tmp_path / "p.html"),
            ]
        )
    assert ended.value.code == 2
    assert f"error: {tmp_path / 'empty'}: no run.json here" in capsys.readouterr().err
    assert not (tmp_path / "p.html").exists()


def test_what_is_no_run_is_refused_by_name(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    with pytest.raises(MissingInputError, match=r"no run\.json here"):
        write_report([tmp_path / "absent"], out)
    write_json(tmp_path / "odd" / "run.json", {"verb": "trian"})
    with pytest.raises(FormatError, match=r"run\.json: 'trian': .*did you mean train\?"):
        write_report([tmp_path / "odd"], out)
    write_json(tmp_path / "list" / "run.json", [1])
    with pytest.raises(FormatError, match="not the record of a run"):
        write_report([tmp_path / "list"], out)
    with pytest.raises(LabelError, match="'Enhancer': a call is one of silencer, "):
        Tally().add(prediction_rows(["enhancer"], [0.9]).assign(call="Enhancer"))
    damaged = write_prediction(tmp_path / "p")
    part = damaged / "predictions" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(FormatError, match=r"part-00000\.parquet.*not a whole Parquet file"):
        write_report([damaged], out)
    with pytest.raises(ConfigError, match="is a folder"):
        write_report([write_gene(tmp_path / "c")], tmp_path)
    assert not out.exists()
