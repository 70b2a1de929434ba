"""Every figure of the papers draws from runs with simulated tables; files, captions and refusals."""

from __future__ import annotations

import base64
import io
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text

from raycre.errors import (
    ConfigError,
    FormatError,
    InputError,
    MissingInputError,
    RunMismatchError,
    TrackError,
)
from raycre.plots.create.ldsc_results import read_results
from raycre.plots.declaration import Choice
from raycre.plots.draw import plot
from raycre.plots.registry import BUILT_IN, FAMILIES, find_figure, list_figures
from raycre.plots.runs import Runs
from raycre.plots.sheet import FORMATS, WIDTHS, new_sheet, print_style, recolour
from tests.figure_runs import write_ldsc, write_matrix, write_perturbed, write_predicted, write_training


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three trainings, a prediction with annotations, two CREME runs."""
    base = tmp_path_factory.mktemp("runs")
    for seed, (name, skill) in enumerate((("CREATE", 0.75), ("DeepSEA", 0.45), ("DanQ", 0.5))):
        write_training(base / name, skill, seed)
    write_predicted(base / "k562")
    write_perturbed(base / "creme")
    write_perturbed(base / "borzoi", seed=1, model="borzoi", only="context")
    write_matrix(base / "matrix.tsv")
    write_ldsc(base / "blood.results")
    return base


MODELS, TRAINED, SCORED, PERTURBED = ("CREATE", "DeepSEA", "DanQ"), ("CREATE",), ("k562",), ("creme",)
OF_FAMILY = {
    "create.models": MODELS,
    "create.by_class": MODELS,
    "create.interpretation": TRAINED,
    "create.motifs": SCORED,
    "create.regions": SCORED,
    "create.genetics": SCORED,
}
OTHERS = {"creme-ed2a": ("creme", "borzoi"), "create-7g": (), "create-4c": TRAINED}


def drawn(folder: Path, name: str, render: bool = False, **more: Any) -> tuple[Any, pd.DataFrame, str]:
    """The sheet, rows and caption of a figure; rendered, it has its tick labels, too."""
    figure = find_figure(name)
    runs = OTHERS.get(name, OF_FAMILY.get(BUILT_IN.get(name, ""), PERTURBED))
    data = (("blood", folder / "blood.results"),) if name == "create-7g" else ()
    track = None if name == "creme-ed1c" else "5111"
    choice = Choice(**({"data": data} | more))
    rows = figure.table(Runs([("", folder / run) for run in runs], track), choice)
    with print_style():
        sheet = new_sheet(figure.columns, figure.height)
        caption = figure.draw(sheet, rows, choice)
        if render:
            sheet.draw_without_rendering()
    return sheet, rows, caption


def is_empty(axes: Axes) -> bool:
    drawn_parts = [*axes.lines, *axes.patches, *axes.collections, *axes.images, *axes.texts]
    return axes.axison and not drawn_parts


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_figure_draws_without_an_empty_panel(folder: Path, name: str) -> None:
    sheet, rows, caption = drawn(folder, name, render=True)
    assert len(rows)
    assert not [i for i, axes in enumerate(sheet.axes) if is_empty(axes)]
    assert not [text for text in sheet.findobj(Text) if "$" in text.get_text()]  # mathematics is not parsed
    assert re.search(r"n = \d|\d %", caption)  # how many, or of what share
    assert re.search(r"[Tt]ests?\b|P [=<]|Pearson|correlation", caption)  # the test, or that there is none


def of_each_kind() -> list[str]:
    """Of the figures that take a choice the first of those that are drawn alike."""
    alike: dict[Any, str] = {}
    for name in BUILT_IN:
        figure = find_figure(name)
        if figure.of:
            alike.setdefault((getattr(figure.draw, "func", figure.draw), figure.of), name)
    return list(alike.values())


@pytest.mark.parametrize("name", of_each_kind())
def test_every_figure_draws_with_the_last_of_its_choices(folder: Path, name: str) -> None:
    of = find_figure(name).of[-1]
    of = "silencer" if name == "create-7f" else of
    sheet, rows, _ = drawn(folder, name, of=of)
    assert len(rows)
    assert not [i for i, axes in enumerate(sheet.axes) if is_empty(axes)]


@pytest.fixture(scope="module")
def written(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A figure as PDF, SVG and PNG, and what the last call said of it."""
    out = tmp_path_factory.mktemp("written")
    for suffix in FORMATS:
        found = plot("creme-2a", [str(folder / "creme")], out / f"figure{suffix}", track="5111")
    return out, found


def test_a_figure_is_written_with_its_table_and_caption(written: tuple[Path, dict[str, Any]]) -> None:
    out, found = written
    for suffix, begins in ((".pdf", b"%PDF"), (".svg", b"<?xml"), (".png", b"\x89PNG")):
        assert (out / f"figure{suffix}").read_bytes().startswith(begins)
    assert [Path(f).name for f in found["files"]] == [
        "figure.png", "figure.parquet", "figure.tsv", "figure.txt",
    ]  # fmt: skip
    table, text = pd.read_parquet(out / "figure.parquet"), pd.read_csv(out / "figure.tsv", sep="\t")
    assert len(table) == len(text) == found["rows"] == 18 * 38  # 6 genes of each context, 38 tiles each
    assert list(table.columns) == list(text.columns)
    np.testing.assert_allclose(table["effect"], text["effect"], rtol=1e-9)
    assert (out / "figure.txt").read_text().strip() == found["caption"]
    assert "enhancing n = 228" in found["caption"]


def test_text_in_a_pdf_is_embedded_truetype(written: tuple[Path, dict[str, Any]]) -> None:
    pdf = (written[0] / "figure.pdf").read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


def test_equal_figures_are_equal_bytes_whatever_the_file_is_called(
    folder: Path, tmp_path: Path, written: tuple[Path, dict[str, Any]]
) -> None:
    for suffix in FORMATS:
        plot("creme-2a", [str(folder / "creme")], tmp_path / f"b{suffix}", track="5111")
    for suffix in (*FORMATS, ".parquet", ".tsv", ".txt"):
        assert (tmp_path / f"b{suffix}").read_bytes() == (written[0] / f"figure{suffix}").read_bytes(), suffix


def test_an_svg_has_the_letters_that_it_uses(folder: Path, tmp_path: Path) -> None:
    from fontTools.ttLib import TTFont

    out = tmp_path / "f.svg"
    plot("create-7g", [], out, data=[f"blood={folder / 'blood.results'}"])
    svg = out.read_text()
    (packed,) = re.findall(r"font-family:'DejaVu Sans';src:url\(data:font/woff;base64,([^)]+)\)", svg)
    font = TTFont(io.BytesIO(base64.b64decode(packed)))
    known = set(font.getBestCmap())
    assert {ord(letter) for letter in "heritability enrichmentblood"} <= known
    assert ord("W") not in known  # no text of this figure has it
    assert set(re.findall(r"'([A-Z][A-Za-z ]+)'", svg)) == {"DejaVu Sans"}


def test_a_figure_is_as_wide_as_the_columns_asked_for(
    folder: Path, tmp_path: Path, written: tuple[Path, dict[str, Any]]
) -> None:
    from PIL import Image

    assert Image.open(written[0] / "figure.png").width == round(300 * WIDTHS[1])
    out = tmp_path / "wide.png"
    plot("creme-2a", [str(folder / "creme")], out, columns=2, track="5111")
    assert Image.open(out).width == round(300 * WIDTHS[2])


def test_dark_figures_have_no_dark_ink(folder: Path) -> None:
    from raycre.figures.canvas import INK

    sheet, _, _ = drawn(folder, "create-2e")
    recolour(sheet, "#ffffff")
    texts = [text for axes in sheet.axes for text in axes.texts]
    assert texts
    assert all(text.get_color() != INK for text in texts)


def test_models_are_tested_against_the_first_run_by_class_too(folder: Path) -> None:
    for of in ("", "silencer"):
        _, rows, caption = drawn(folder, "create-2a", of=of)
        others = rows[rows["run"] != "CREATE"]
        # Five folds that all agree: 1 / 2^5, exact.
        assert np.allclose(others["p_value"], 1 / 32)
        assert "auPRC of DanQ P = 0.031" in caption
        assert set(rows["class"]) == {of or "macro"}


def test_numbers_of_two_tiles_are_those_of_the_search_at_its_second_tile(folder: Path) -> None:
    _, rows, caption = drawn(folder, "creme-6e")
    assert rows["class"].value_counts().to_dict() == {"superadditive": 2, "subadditive": 2, "additive": 2}
    gap = (rows["additive"] - rows["greedy search"]).groupby(rows["class"]).mean()
    assert gap.round(6).to_dict() == {"additive": 0.0, "subadditive": 0.24, "superadditive": -0.24}
    # Two values on each side: the search's are 0.24 below the additive model's, or equal (p = 1).
    p = rows.groupby("class")[["p_additive", "p_multiplicative"]].first()
    assert p.loc["subadditive", "p_additive"] == pytest.approx(1 / 3)
    assert p.loc["additive"].tolist() == [1.0, 1.0]
    assert "Two-sided Mann-Whitney U tests: superadditive, search and additive: P = 0.33" in caption


def test_every_class_and_the_macro_average_are_tested_between_any_two_runs(folder: Path) -> None:
    _, rows, caption = drawn(folder, "create-classes")
    tests = rows.drop_duplicates(["run", "class", "metric"])
    assert len(tests) == 3 * 6 * 3  # runs, macro and five classes, metrics
    assert tests[tests["run"] != "CREATE"]["p_value"].notna().all()
    silencer = drawn(folder, "create-2a", of="silencer")[1].drop_duplicates(["run", "class", "metric"])
    key = ["run", "class", "metric"]
    both = tests.merge(silencer, on=key, suffixes=("", "_alone"))
    assert both["p_value"].equals(both["p_value_alone"])
    assert "auPRC of silencer, DanQ P = 0.031" in caption
    assert "paired by number" not in caption  # which regions the folds are of, these folders do not say


def test_runs_whose_folds_are_of_other_regions_are_paired_by_number_and_that_is_said(
    folder: Path, tmp_path: Path
) -> None:
    for name, start in (("a", 0), ("same", 0), ("other", 10)):
        shutil.copytree(folder / "CREATE", tmp_path / name)
        regions = pd.DataFrame({"chrom": "chr1", "start": [start], "end": [1000], "label": 0, "fold": 0})
        (tmp_path / name / "inputs").mkdir()
        regions.to_parquet(tmp_path / name / "inputs" / "regions.parquet")
    figure = find_figure("create-2a")
    rows = figure.table(Runs([("", tmp_path / name) for name in ("a", "same", "other")]), Choice())
    caption = figure.draw(new_sheet(2, 3), rows, Choice())
    assert rows.groupby("run")["same_regions"].first().to_dict() == {"a": True, "same": True, "other": False}
    assert "Folds of other are of other regions: they are paired by number." in caption


@pytest.mark.parametrize("figure", ["create-2a", "create-2c", "create-classes"])
def test_averages_of_runs_of_other_classes_are_refused(folder: Path, tmp_path: Path, figure: str) -> None:
    four = tmp_path / "four"
    shutil.copytree(folder / "DanQ", four)
    path = four / "summary" / "metrics.parquet"
    metrics = pd.read_parquet(path)
    metrics.loc[metrics["class"] == "silencer", "value"] = np.nan
    metrics.to_parquet(path)
    runs = [str(folder / "CREATE"), str(four)]
    with pytest.raises(
        RunMismatchError, match="of four of enhancer, promoter, insulator, background; hold one"
    ):
        plot(figure, runs, tmp_path / "f.pdf")
    assert not (tmp_path / "f.pdf").exists()
    one_class = find_figure("create-2f").table(Runs([("", Path(run)) for run in runs]), Choice(of="enhancer"))
    assert one_class["run"].nunique() == 2


def test_an_unknown_figure_names_the_near_ones() -> None:
    with pytest.raises(ConfigError, match="did you mean creme-2"):
        find_figure("creme-2")
    assert find_figure("creme-ed3b").name == "creme-2a"  # a panel that is the same figure


def test_what_a_figure_lacks_is_said_with_the_command_that_makes_it(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "f.pdf"
    with pytest.raises(MissingInputError, match=r"raycre creme; named are CREATE \(train\)"):
        plot("creme-2a", [str(folder / "CREATE")], out)
    with pytest.raises(
        MissingInputError, match="annotate_methylation; write it with `raycre annotate methyl"
    ):
        plot("create-5d", [str(folder / "CREATE")], out)
    with pytest.raises(TrackError, match=r"5110 \(CNhs5110\), 5111 \(CNhs5111\): choose one with --track"):
        plot("creme-2a", [str(folder / "creme")], out)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"of": "both"}, "it takes none"),
        ({"names": ["MYC"]}, "takes no names"),
        ({"data": ["x.results"]}, "takes no files"),
        ({"columns": 3}, "one column or two"),
        ({"out": Path("f.jpg")}, r"ends so"),
    ],
)
def test_what_a_figure_does_not_take_is_refused(folder: Path, more: dict[str, Any], error: str) -> None:
    given: dict[str, Any] = {"out": Path("f.pdf"), "track": "5111"}
    with pytest.raises(InputError, match=error):
        plot("creme-2a", [str(folder / "creme")], **(given | more))


def test_ldsc_results_are_read_by_name_and_a_bad_value_is_named_with_its_line(tmp_path: Path) -> None:
    path = write_ldsc(tmp_path / "x.results")
    table = read_results(path)
    assert table["category"].tolist()[:2] == ["base", "silencer"]
    assert table["enrichment"].tolist()[1] == 9.0
    assert np.isnan(table["enrichment_p"].iloc[0])  # LDSC's NA
    path.write_text(path.read_text().replace("9.0", "nine"))
    with pytest.raises(FormatError, match="enrichment is a number or NA") as caught:
        read_results(path)
    assert caught.value.line == 3
    path.write_text("Category\tEnrichment\n")
    with pytest.raises(FormatError, match="is missing"):
        read_results(path)


def test_the_list_has_every_panel_once() -> None:
    rows = list_figures()
    names = [row["figure"] for row in rows]
    panels = [panel for name in names for panel in find_figure(name).also]
    assert names[: len(BUILT_IN)] == list(BUILT_IN)
    assert len({*names, *panels}) == len(names) + len(panels)
    assert sum(map(len, FAMILIES.values())) == len(BUILT_IN)


def test_a_figure_of_an_installed_package_is_drawn_and_listed_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from raycre.cli import main
    from tests.installed import install
    from tests.run_folders import write_gene

    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    run, out = write_gene(tmp_path / "run"), tmp_path / "own.svg"
    with pytest.raises(SystemExit) as end:
        main(["plot", "effect-sizes", str(run), "-o", str(out)])
    assert not end.value.code
    assert "caption: Sizes of effects. Sizes of effects, n = 1 tiles." in capsys.readouterr().out
    assert "size of the effect" in out.read_text()
    with pytest.raises(SystemExit):
        main(["plot", "--list"])
    listed = capsys.readouterr().out
    assert "effect-sizes" in listed
    assert "creme-2a" in listed
