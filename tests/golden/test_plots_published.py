"""Figures drawn from CREME's published tables: their numbers are those of creme_published/README.md."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from raycre.plots.declaration import Choice
from raycre.plots.registry import find_figure
from raycre.plots.runs import Runs
from raycre.plots.sheet import new_sheet, print_style
from tests.published_runs import write_published


@pytest.fixture(scope="module")
def run(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(shared, tmp_path_factory.mktemp("published") / "k562")


def drawn(run: Path, name: str) -> tuple[pd.DataFrame, str]:
    """The rows and the caption of a figure."""
    figure, choice = find_figure(name), Choice()
    rows = figure.table(Runs([("", run)]), choice)
    with print_style():
        return rows, figure.draw(new_sheet(figure.columns, figure.height), rows, choice)


@pytest.mark.parametrize(
    ("figure", "says"),
    [
        ("creme-1c", ["n = 600 genes", "enhancing n = 200, neutral n = 200, silencing n = 200"]),
        ("creme-2a", ["enhancing n = 7,600", "means enhancing 0.0266, neutral -0.00548, silencing -0.0188"]),
        ("creme-2d", ["enhancer n = 74, silencer n = 222"]),
        ("creme-4a", ["11,248 placements", "enhancer at -5 kb 0.481", "enhancer at +5 kb 0.852",
                      "silencer at -5 kb 0.701", "silencer at +5 kb 0.539"]),
        ("creme-4c", ["enhancer at -5 kb 0.365", "enhancer at +5 kb 0.571", "silencer at -5 kb -0.218",
                      "silencer at +5 kb -0.385"]),
        ("creme-3b", ["CREME n = 74, saliency n = 74, random n = 74, motifs n = 74",
                      "with 2,500 bp pruned CREME 1.2654"]),
        ("creme-5d", ["+5 kb 159, -5 kb 124, +10 kb 120"]),  # tiles 19, 18 and 20
        ("creme-5e", ["+5 kb 83, +20 kb 82, +10 kb 75"]),  # tiles 19, 22 and 20
        ("creme-5f", ["0 tiles 0.023", "5 tiles 0.769", "11 tiles 0.955"]),
        ("creme-5g", ["3 tiles 0.586", "25 tiles 0.429"]),
    ],
)  # fmt: skip
def test_a_caption_has_the_published_numbers(run: Path, figure: str, says: list[str]) -> None:
    _, caption = drawn(run, figure)
    assert [words for words in says if words not in caption] == []


def test_two_tiles_have_the_published_means_before_they_are_classed(run: Path) -> None:
    rows, _ = drawn(run, "creme-6a")
    means = rows[rows["tiles"] == 2].groupby("metric")["effect"].mean().round(5)
    assert means.to_dict() == {"additive/wt": 0.37837, "greedy/wt": 0.41311}
