"""The report in a headless Chromium: no message, no request, driven by keys, held against axe-core's rules.

`make test-report` installs what it needs (the extra report-test: playwright, and axe-core as a package of
Python) and runs it with the system's Chromium or Chrome, else with one that playwright brings. Without them
it is skipped, with the reason; with RAYCRE_REPORT_TEST=1, which that command sets, it fails instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

import pytest

from raycre.report.page import write_report
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import PREDICTIONS
from tests.run_folders import effect_rows, prediction_rows, start_run, write_creme, write_training

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
REQUIRED = bool(os.environ.get("RAYCRE_REPORT_TEST"))
WIDTHS = (420, 800, 1400)


def missing(what: str) -> NoReturn:
    """Skip, or fail where the test is asked for."""
    (pytest.fail if REQUIRED else pytest.skip)(f"{what}; make test-report brings it")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    try:
        from playwright import sync_api as playwright
    except ImportError:
        missing("the extra report-test is not installed")
    with playwright.sync_playwright() as driver:
        if CHROMIUM is None and not Path(driver.chromium.executable_path).is_file():
            missing("no Chromium is here")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training, a prediction of 300 regions and a CREME run of three genes, one of them without effect."""
    folder = tmp_path_factory.mktemp("report")
    calls = [("enhancer", "silencer", "background")[i % 3] for i in range(300)]
    rows = prediction_rows(calls, [0.5 + i / 1000 for i in range(300)])
    rows = rows.assign(name=[f"peak_{i}" for i in range(300)], chrom="chr7", start=200 * rows["region_id"])
    start_run(folder / "p", "predict").finish()
    rows["end"] = rows["start"] + 1000
    write_table(folder / "p" / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    told: list[tuple[str, list[float], list[str | None]]] = [
        ("GATA1", [0.5, -0.6], ["enhancer", "silencer"]),
        ("MYC<b>", [0.4, 0.0], ["enhancer", "neither"]),
        ("QUIET", [0.0, 0.01], ["neither", "neither"]),
    ]
    genes = {
        name: [effect_rows(name, test, effects, called) for test in ("necessity", "sufficiency")]
        for name, effects, called in told
    }
    creme = write_creme(folder / "c", genes, refused=[{"gene_id": "E", "gene_name": "R", "reason": "N"}])
    write_report([write_training(folder / "t"), folder / "p", creme], folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    try:
        return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    except (ImportError, OSError):
        missing("axe-core, of the extra report-test, is not installed")


class Told:
    """What a page says to its console, throws, and asks for."""

    def __init__(self, page: Any, own: Path) -> None:
        self.lines: list[str] = []
        page.on("console", lambda message: self.lines.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.lines.append(f"thrown: {error}"))
        page.on("request", lambda r: self.lines.append(r.url) if r.url != own.as_uri() else None)


@pytest.fixture
def page(chromium: Any, report: Path) -> Iterator[tuple[Any, Told]]:
    opened = chromium.new_page(viewport={"width": 1400, "height": 900})
    told = Told(opened, report)
    opened.goto(report.as_uri())
    yield opened, told
    opened.close()


def test_it_opens_draws_and_shows_every_table_without_a_message_or_a_request(page: tuple[Any, Told]) -> None:
    opened, told = page
    opened.evaluate("genomeView.open()")
    opened.evaluate("Promise.all(grids.map((grid) => grid.open()))")
    opened.wait_for_function("document.querySelectorAll('.grid tbody tr').length >= 25 + 2 + 12")
    assert opened.evaluate("genomeView.browser.trackViews.length") >= 7
    assert opened.evaluate("scrollY") == 0  # it does not jump to the view
    assert told.lines == []


def test_a_gene_is_found_by_keys_and_moves_the_genome_view(page: tuple[Any, Told]) -> None:
    opened, told = page
    opened.focus("#search")
    opened.keyboard.type("myc")
    opened.wait_for_selector("#results li")
    assert opened.inner_text("#results li") == "gene MYC<b>, chr7:100,000"
    opened.keyboard.press("ArrowDown")
    assert opened.get_attribute("#search", "aria-activedescendant") == "result-0"
    opened.keyboard.press("Enter")
    opened.wait_for_function("document.getElementById('place').value.startsWith('chr7:')")
    opened.wait_for_function("document.getElementById('gene').value === 'MYC<b>'")
    assert told.lines == []


def test_regions_are_found_by_name_and_places_are_places(page: tuple[Any, Told]) -> None:
    opened, _ = page
    for text, found in (
        ("peak_299", "background peak_299, chr7:59,800 (tiny (p))"),
        ("chr7:5-9", "place chr7:5-9"),
    ):
        opened.fill("#search", text)
        opened.wait_for_function("t => document.querySelector('#results li')?.textContent === t", arg=found)
    opened.fill("#search", "nothing like it")
    opened.wait_for_function("document.getElementById('search-said').textContent === '0 found'")


def test_tables_are_sorted_and_filtered_by_keys(page: tuple[Any, Told]) -> None:
    opened, _ = page
    opened.evaluate("Promise.all(grids.map((grid) => grid.open()))")
    grid = opened.locator(".grid").first
    header = grid.locator("th", has_text="probability").first
    for way, first in (("ascending", "0.5"), ("descending", "0.799")):
        header.locator("button").focus()
        opened.keyboard.press("Enter")
        assert header.get_attribute("aria-sort") == way
        assert grid.locator("tbody tr").first.locator("td").nth(5).inner_text() == first
    grid.locator("input[type=search]").focus()
    opened.keyboard.type("chr7:59,900-60,000")
    assert grid.locator("[role=status]").first.inner_text() == "Rows 1 to 5 of 5, chosen from 300"
    small = opened.locator("figure.table", has=opened.locator("th button", has_text="most probable")).first
    small.locator("th button", has_text="called").first.press("Enter")
    cells = small.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert cells[0] == "0"
    assert cells[-1] == "300"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    chromium: Any, report: Path, axe: str, width: int, scheme: str
) -> None:
    opened = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened.goto(report.as_uri())
    opened.evaluate("genomeView.open()")
    opened.evaluate("Promise.all(grids.map((grid) => grid.open()))")
    opened.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    opened.evaluate(axe)
    found = opened.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(v["id"], v["impact"], [n["html"][:100] for n in v["nodes"][:3]]) for v in found] == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    opened.close()


SIZES_OF_TEXT = """
() => [...document.querySelectorAll('.picture svg')].filter((svg) => svg.getClientRects().length)
.flatMap((svg) => {
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return [...svg.querySelectorAll('text')].map((text) => parseFloat(getComputedStyle(text).fontSize) * scale);
})
"""


@pytest.mark.parametrize("width", WIDTHS)
def test_figures_are_whole_without_scrolling_and_their_text_has_11_px(
    chromium: Any, report: Path, width: int
) -> None:
    opened = chromium.new_page(viewport={"width": width, "height": 900})
    opened.goto(report.as_uri())
    boxes = opened.evaluate(
        "[...document.querySelectorAll('.picture')].map((b) => b.scrollWidth - b.clientWidth)"
    )
    assert len(boxes) >= 4
    assert max(boxes) <= 0
    sizes = opened.evaluate(SIZES_OF_TEXT)
    assert len(sizes) > 50
    assert min(sizes) >= 10.9  # 8.5 points are 11.3 px, of a figure that is shrunk by 3% at most
    opened.close()


def test_printed_it_has_all_rows_on_white_and_is_as_before_afterwards(chromium: Any, report: Path) -> None:
    opened = chromium.new_page(viewport={"width": 690, "height": 980}, color_scheme="dark")
    opened.goto(report.as_uri())
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    said = opened.locator(".grid [role=status]").first.inner_text()
    assert "the button Print of the page reads all tables" in said
    opened.evaluate("dispatchEvent(new Event('afterprint'))")
    opened.evaluate("print = () => { dispatchEvent(new Event('beforeprint')); window.printed = true; }")
    opened.click("#print")
    opened.wait_for_function("window.printed")
    opened.emulate_media(media="print", color_scheme="dark")
    assert opened.locator(".grid").first.locator("tbody tr").count() == 300
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert (
        opened.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--blue')").strip()
        == "#0072b2"
    )
    assert opened.evaluate("document.documentElement.scrollWidth") <= 690
    assert opened.locator("details:not([open])").count() == 0
    opened.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.locator(".grid").first.locator("tbody tr").count() == 25
    assert opened.locator("#made details:not([open])").count() == 3
    opened.close()


def test_exons_outside_the_coding_part_are_thin(page: tuple[Any, Told]) -> None:
    opened, _ = page
    assert opened.evaluate("exonsOf('0-10 20-40 60-80 90-95', '25-65')") == [
        {"start": 0, "end": 10, "utr": True},
        {"start": 20, "end": 40, "cdStart": 25},
        {"start": 60, "end": 80, "cdEnd": 65},
        {"start": 90, "end": 95, "utr": True},
    ]
    assert opened.evaluate("exonsOf('0-10', '')") == [{"start": 0, "end": 10, "utr": True}]
