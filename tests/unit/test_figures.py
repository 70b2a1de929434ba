"""The report says what run folders hold, needs no other file, escapes every name, and refuses by name."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.cli import main
from raycre.creme.tiles import distance, to_genomic, tss_tile
from raycre.demo import _write_report
from raycre.errors import ConfigError, FormatError, LabelError, MissingInputError
from raycre.figures.blocks import shown
from raycre.figures.calls import Tally, calls_table
from raycre.figures.canvas import INK, as_svg, new_figure, style
from raycre.figures.effects import kb_from_tss, read_effects, track_title
from raycre.figures.header import duration, inputs_table
from raycre.figures.report import write_report
from raycre.figures.training import metrics_table
from raycre.genome.classes import CLASSES
from raycre.store.files import write_json
from raycre.store.parquet import as_table, write_table
from raycre.store.run import Run, open_run
from raycre.store.schemas import EFFECTS, FAILURES, FOLD_PREDICTIONS, METRICS, PREDICTIONS

SHA = "0123456789abcdef" * 4


def start_run(out: Path, verb: str, name: str = "tiny", **facts: Any) -> Run:
    """A run folder as the engine opens it, not finished."""
    config = {"inputs": {"fasta": "hg19.fa", "openness": ["a.bw", "b.bw"]}}
    science = {"sha256": {"inputs.fasta": SHA, "inputs.openness[1]": SHA[::-1]}}
    run = open_run(out, verb=verb, name=name, config=config, science=science, layout={})
    run.note(**facts)
    return run


def write_training(out: Path) -> Path:
    """Two folds of five test regions, one a class; fold 1 takes the silencer for an enhancer."""
    start_run(out, "train", regions={"read": 12, "dropped_by_the_blacklist": 2, "kept": 10})
    for fold in (0, 1):
        folder = out / "folds" / f"fold={fold}"
        p = 0.8 * np.eye(5) + 0.04
        if fold == 1:
            p[0] = p[1]
        rows = pd.DataFrame({"region_id": range(10), "set": ["test"] * 5 + ["validation"] * 5})
        rows["label"] = [*CLASSES, *["silencer"] * 5]
        for i, name in enumerate(CLASSES):
            rows[f"p_{name}"] = np.concatenate([p[:, i], np.full(5, 0.2)])
        write_table(folder / "predictions.parquet", as_table(rows, FOLD_PREDICTIONS))
        history = {"epoch": [0.0, 1.0, 2.0], "loss": [1.0, 3.0, 2.0], "auprc": [np.nan, 0.5, 0.75]}
        write_table(folder / "history.parquet", pa.table(history))
        thresholds = dict.fromkeys(CLASSES, 0.625)
        write_json(
            folder / "cutoffs.json",
            {"thresholds": thresholds, "best_epoch": 2, "epochs": 3},
        )
    return out


def write_metrics(out: Path, values: list[float]) -> None:
    rows = {"fold": range(len(values)), "class": "macro", "metric": "auprc", "value": values}
    write_table(out / "summary" / "metrics.parquet", as_table(pd.DataFrame(rows), METRICS))


def prediction_rows(calls: list[str], p: list[float], name: str = "peak") -> pd.DataFrame:
    """Regions with the given call and probability of it; the most probable class is the call."""
    rows = pd.DataFrame({"region_id": range(len(calls)), "call": calls, "call_argmax": calls})
    for c in CLASSES:
        rows[f"p_{c}"] = [v if call == c else (1 - v) / 4 for call, v in zip(calls, p, strict=True)]
        rows[f"sd_{c}"] = 0.125
    return rows.assign(
        chrom="chr1", start=1000 * rows["region_id"], end=1000 * rows["region_id"] + 1000, name=name,
        strand=".", source="x", score_margin=0.25, n_views=1, n_folds=1, model_sha256=SHA,
    )  # fmt: skip


def write_prediction(out: Path) -> Path:
    start_run(out, "predict").finish()
    rows = prediction_rows(["enhancer", "enhancer", "background"], [0.9, 0.7, 0.6])
    write_table(out / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    return out


def effect_rows(
    gene: str, test: str, effects: list[float], calls: list[str | None], **more: Any
) -> pd.DataFrame:
    """Effects of 5-kb tiles upstream of a + gene whose TSS is 100,000, nearest first."""
    n = len(effects)
    end = 97_500 - 5000 * np.arange(n)
    rows = {
        "run_id": "tiny", "test": test, "model": "planted", "assembly": "hg38.fa", "gene_id": f"ID-{gene}",
        "gene_name": gene, "tss": 100_000, "strand": "+", "tile_chrom": "chr7", "tile_start": end - 5000,
        "tile_end": end, "offset_start": 0, "offset_end": 5000, "distance": end - 102_500, "round": None,
        "copies": None, "track_id": 5111, "track_name": "CNhs12336", "assay": "CAGE", "biosample": "K562",
        "wt": 2.0, "control": None, "mutant": 1.0, "sd": 0.1, "n": 10, "effect": effects,
        "metric": "(wt-mutant)/wt", "call": calls,
    }  # fmt: skip
    return pd.DataFrame(rows | more)


def write_creme(out: Path, genes: dict[str, list[pd.DataFrame]], **facts: Any) -> Path:
    """A CREME run with these tables of effects for each gene."""
    label = facts.setdefault("model", "planted")
    start_run(out, "creme", **facts).finish()
    for number, tables in enumerate(genes.values()):
        for rows in tables:
            folder = out / "effects" / f"test={rows['test'].iloc[0]}" / f"model={label}"
            write_table(folder / f"part-{number:06d}.parquet", as_table(rows, EFFECTS))
    return out


def write_gene(out: Path, name: str = "GATA1", **facts: Any) -> Path:
    """One gene: enhancing context, an enhancer 5 kb upstream, a tile without a value 10 kb upstream."""
    context = effect_rows(name, "context", [0.975], ["enhancing"])
    tiles = effect_rows(name, "necessity", [0.5, np.nan], ["enhancer", None])
    return write_creme(out, {name: [context, tiles]}, **facts)


def page_of(tmp_path: Path, *runs: Path) -> str:
    out = tmp_path / "page.html"
    write_report(runs, out)
    return out.read_text()


class Tags(HTMLParser):
    """Open tags that were never closed, and closed ones that were not open, in HTML outside of <svg>."""

    VOID = frozenset({"meta", "br"})

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
    assert len(svgs) == 4  # two of training, one of calls, one gene
    for svg in svgs:
        ET.fromstring(svg)
        assert INK not in svg
        assert "currentColor" in svg
    addresses = set(re.findall(r"https?://[^\"'\s]+", page))
    assert addresses == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }  # names of XML, not links
    assert not re.search(r"<script|<link|<img|@import|url\((?!#)|src=", page)
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


def test_a_trained_model_has_no_banner(tmp_path: Path) -> None:
    page = page_of(tmp_path, write_gene(tmp_path / "c", model="enformer", trained=True))
    assert 'role="alert"' not in page
    assert "enformer" in page


def test_an_unfinished_run_shows_what_there_is(tmp_path: Path) -> None:
    creme = start_run(tmp_path / "c", "creme", model="planted")
    write_table(tmp_path / "c" / "plan.parquet", pa.table({"unit": ["part-000000", "part-000001"]}))
    (tmp_path / "c" / "passes" / "model=planted").mkdir(parents=True)
    (tmp_path / "c" / "passes" / "model=planted" / "part-000001.parquet").touch()
    training = write_training(tmp_path / "t")  # two folds, no metrics yet
    page = page_of(tmp_path, creme.out, training, start_run(tmp_path / "p", "predict").out)
    assert page.count("This run is not finished") == 3
    assert ">1 of 2<" in page
    assert "There are no effects yet" in page
    assert "No region is classed yet" in page
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
    write_table(creme / "failures.parquet", as_table(failure, FAILURES))
    page = re.sub(r' class="\w+"', "", page_of(tmp_path, training, creme))
    assert "<td>regions dropped by the blacklist</td><td>2</td>" in page
    assert "<td>OR4F5</td><td>ENSG9</td><td>14,013 N in the window</td>" in page
    assert "<td>units failed</td><td>1</td>" in page
    assert "<td>part-000003</td><td>MYC</td><td>3</td><td>KeyError: &#39;x&#39;</td>" in page


def test_inputs_have_their_path_and_the_first_digits_of_their_hash(tmp_path: Path) -> None:
    record = start_run(tmp_path / "t", "train").record
    record["identity"]["weights_sha256"] = SHA
    assert inputs_table(record).rows == [
        ["fasta", "hg19.fa", "0123456789ab"],
        ["openness[1]", "b.bw", "fedcba987654"],
        ["model.weights", None, "0123456789ab"],
    ]


def test_metrics_are_mean_and_population_sd_over_folds() -> None:
    rows = pd.DataFrame({"fold": [0, 1], "class": "macro", "metric": "auprc", "value": [0.8, 0.9]})
    table = metrics_table(rows)
    assert table.columns[2] == "auPRC"
    assert table.rows[0] == ["macro", None, "0.850 ± 0.050", None, None, None, None]
    assert metrics_table(rows[:1]).rows[0][2] == "0.800"  # one fold has no spread


def test_curves_pool_the_test_sets_and_leave_validation_out(tmp_path: Path) -> None:
    run = write_training(tmp_path / "t")
    write_metrics(run, [0.8, 0.9])
    page = page_of(tmp_path, run)
    assert "The 10 test regions of 2 folds, pooled" in page
    assert "0.850 ± 0.050" in page
    # Of two silencers one scores 0.84, the other 0.04 as all eight others do: (1 + 1/2) / 2 = 0.75.
    assert "silencer 0.750</text>" in page
    assert "insulator 1.000</text>" in page


def test_calls_are_counted_by_cutoff_and_by_largest_probability() -> None:
    crossed = np.zeros((5, 5), np.int64)
    crossed[1, 1], crossed[4, 1], crossed[4, 4] = 3, 2, 5  # two likely enhancers fell short of the cutoff
    rows = calls_table(crossed).rows
    assert rows[1] == ["enhancer", 3, "30.0%", 5, "50.0%", 3]
    assert rows[4] == ["background", 7, "70.0%", 5, "50.0%", 5]
    assert rows[5] == ["all", 10, "", 10, "", 8]


@given(
    st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from([0.5, 0.75, 1.0])), min_size=1, max_size=30),
    st.integers(0, 30),
)
def test_a_tally_does_not_depend_on_how_regions_lie_in_parts(
    regions: list[tuple[str, float]], cut: int
) -> None:
    rows = prediction_rows([c for c, _ in regions], [p for _, p in regions])
    whole, parts = Tally(), Tally()
    whole.add(rows)
    parts.add(rows[:cut])
    parts.add(rows[cut:])
    assert whole.crossed.tolist() == parts.crossed.tolist()
    assert whole.histogram.tolist() == parts.histogram.tolist()
    assert whole.crossed.sum() == whole.histogram.sum() == len(regions)
    kept = [t.surest["start"].tolist() if len(t.surest) else [] for t in (whole, parts)]
    assert sorted(kept[0]) == sorted(kept[1])


def test_the_surest_regions_are_listed_with_their_place(tmp_path: Path) -> None:
    page = re.sub(r' class="\w+"', "", page_of(tmp_path, write_prediction(tmp_path / "p")))
    first = "<td>enhancer</td><td>chr1:0-1,000</td><td>peak</td><td>0.9</td><td>0.125</td><td>0.25</td>"
    second = "<td>enhancer</td><td>chr1:1,000-2,000</td><td>peak</td><td>0.7</td>"
    assert 0 < page.index(first) < page.index(second)


def test_upstream_is_left_on_both_strands() -> None:
    rows = pd.DataFrame(
        {
            "tss": [10_000, 10_000],
            "strand": ["+", "-"],
            "tile_start": [500, 14_501],
            "tile_end": [5500, 19_501],
        }
    )
    begin, width = kb_from_tss(rows)
    assert begin.tolist() == [-9.5, -9.5]  # on -, base 19,500 is 9,500 bp upstream of base 10,000
    assert width.tolist() == [5.0, 5.0]


@given(st.sampled_from("+-"), st.integers(100_000, 10**8), st.integers(0, 38))
def test_the_middle_of_a_bar_is_the_distance_of_the_tables(strand: str, tss: int, number: int) -> None:
    seq_len, tile = 196_608, (804 + 5000 * number, 5804 + 5000 * number)
    start, end = to_genomic(tile, tss, strand, seq_len)
    rows = pd.DataFrame({"tss": [tss], "strand": [strand], "tile_start": [start], "tile_end": [end]})
    begin, width = kb_from_tss(rows)
    assert begin[0] + width[0] / 2 == distance(tile, tss_tile(seq_len, 5000)) / 1000


def test_a_gene_shows_its_context_and_its_called_tiles(tmp_path: Path) -> None:
    page = page_of(tmp_path, write_gene(tmp_path / "c"))
    assert "CNhs12336 · K562 (5111), wild type 2; context effect 0.975, enhancing" in page
    assert "necessity: (wt − mutant) / wt" in page
    assert "ID-GATA1, TSS at chr7:100,000 (+), 0-based." in page
    plain = re.sub(r' class="\w+"', "", page)
    assert "<td>chr7:92,500-97,500</td><td>−5</td><td>0.5</td><td>enhancer</td>" in plain
    assert "All 1 called tile, strongest first" in plain


def test_a_context_that_was_not_tested_or_has_no_value_is_said() -> None:
    tiles = effect_rows("A", "necessity", [0.5], ["neither"])
    assert track_title(tiles).endswith("wild type 2; context not tested")
    unknown = pd.concat([tiles, effect_rows("A", "context", [np.nan], [None])])
    assert track_title(unknown).endswith("; context unknown")


def test_twelve_genes_are_drawn_those_with_called_tiles_first(tmp_path: Path) -> None:
    names = [f"G{i:02d}" for i in range(14)]
    genes = {
        name: [effect_rows(name, "necessity", [0.5], ["enhancer" if name == "G13" else "neither"])]
        for name in names
    }
    run = write_creme(tmp_path / "c", genes)
    with style():
        blocks = read_effects(run)
    titles = [b.title for b in blocks if b.kind == "picture"]
    assert titles == [*names[:11], "G13"]
    assert blocks[0].rows == [["necessity", 5111, "CNhs12336", 1, 13]]  # enhancer, neither
    assert blocks[1].text.startswith("Drawn: 12 of 14 genes")


def test_equal_runs_give_equal_pages(tmp_path: Path) -> None:
    run = write_gene(tmp_path / "c")
    assert page_of(tmp_path, run) == page_of(tmp_path, run)


def test_a_figure_takes_the_colour_of_the_page() -> None:
    with style():
        figure = new_figure(2, 2)
        figure.subplots().set_title("a < b")
        svg = as_svg(figure)
    assert svg.startswith("<svg")
    assert INK not in svg
    assert "a &lt; b" in svg


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
