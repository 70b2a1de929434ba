"""Figures show what the tables hold: literal counts, areas, places and titles of runs made by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from raycre.creme.tiles import distance, to_genomic, tss_tile
from raycre.figures.blocks import Note, Picture, Table
from raycre.figures.calls import Tally, calls_table
from raycre.figures.canvas import (
    INK,
    as_svg,
    for_any_page,
    is_narrow,
    legend_columns,
    new_figure,
    new_panels,
    style,
)
from raycre.figures.effects import kb_from_tss, read_effects, track_title
from raycre.figures.training import metrics_table
from raycre.genome.classes import CLASSES
from tests.run_folders import (
    effect_rows,
    page_of,
    prediction_rows,
    write_creme,
    write_gene,
    write_metrics,
    write_prediction,
    write_training,
)


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
    kept = [t.most_confident["start"].tolist() if len(t.most_confident) else [] for t in (whole, parts)]
    assert sorted(kept[0]) == sorted(kept[1])


def test_the_most_confident_regions_are_listed_with_their_place(tmp_path: Path) -> None:
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


def test_genes_without_a_called_tile_are_not_drawn(tmp_path: Path) -> None:
    names = [f"G{i:02d}" for i in range(14)]
    genes = {
        name: [effect_rows(name, "necessity", [0.5], ["enhancer" if name == "G13" else "neither"])]
        for name in names
    }
    run = write_creme(tmp_path / "c", genes)
    with style():
        blocks = read_effects(run, ["necessity"])
    counts, which, *pictures = blocks[:-1]
    assert isinstance(counts, Table)
    assert counts.rows == [["necessity", "5111", "CNhs12336", 1, 13]]  # enhancer, neither
    assert isinstance(which, Note)
    assert which.text.startswith("Drawn: 1 of 14 genes")
    assert [p.title for p in pictures if isinstance(p, Picture)] == ["G13"]


def test_twelve_genes_are_drawn_those_with_most_called_tiles_first(tmp_path: Path) -> None:
    genes = {
        f"G{i:02d}": [effect_rows(f"G{i:02d}", "necessity", [0.5] * n, ["enhancer"] * n)]
        for i in range(14)
        for n in [2 if i == 13 else 1]
    }
    with style():
        blocks = read_effects(write_creme(tmp_path / "c", genes), ["necessity"])
    titles = [block.title for block in blocks if isinstance(block, Picture)]
    assert titles == [*list(genes)[:11], "G13"]


def test_a_figure_takes_the_colour_of_the_page() -> None:
    with style():
        figure = new_figure(2, 2)
        figure.subplots().set_title("a < b")
        svg = as_svg(figure)
    assert svg.startswith("<svg")
    assert INK not in svg
    assert "a &lt; b" in svg


def test_a_figure_is_drawn_for_a_narrow_page_as_well() -> None:
    seen = []

    @for_any_page
    def draw(title: str) -> Picture:
        figure, panels = new_panels(4, 2, 3, side_by_side=2, sharex=True)
        seen.append((panels.shape, len(figure.axes), figure.get_size_inches().tolist(), is_narrow()))
        panels[0][0].set_title(title)
        panels[1][2].plot([0, 1], label="a")
        return Picture("t", as_svg(figure), "words", "caption")

    with style():
        picture = draw("one two three four five six seven")
        columns = legend_columns(["enhancer", "silencer", "neither"])
    # A line of three panels becomes two rows of two; the fourth place is empty.
    assert seen == [((2, 3), 6, [10.5, 4.0], False), ((2, 3), 6, [4.0, 8.0], True)]
    assert picture.svg.startswith('<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="756pt"')
    assert 'width="288pt"' in picture.narrow
    assert "one two three four five six seven</text>" in picture.svg
    assert "one two three four five six seven</text>" not in picture.narrow  # in lines that fit the panel
    names = [set(re.findall(r'id="([a-z][0-9a-f]{10})"', svg)) for svg in (picture.svg, picture.narrow)]
    assert names[0]
    assert not names[0] & names[1]
    assert columns == 3
    assert not is_narrow()


def test_a_legend_of_a_narrow_page_has_as_many_columns_as_fit() -> None:
    found = []

    @for_any_page
    def draw() -> Picture:
        found.append(
            [
                legend_columns(["enhancer", "silencer", "neither"]),
                legend_columns(["a" * 60]),
                legend_columns([]),
            ]
        )
        return Picture("t", "", "words", "caption")

    draw()
    assert found == [[3, 1, 1], [3, 1, 1]]
