"""Tables in the documentation are those that the code would print."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from raycre.compare import registry
from raycre.create.model.declaration import table_of_models
from raycre.create.names import BUILT_IN
from raycre.creme.tests import TESTS

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> Any:
    """A program of docs/, which are in no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docs = load("tables")


TABLES = docs.tables()


@pytest.mark.parametrize(
    ("page", "table"), TABLES, ids=[f"{page}:{number}" for number, (page, _) in enumerate(TABLES)]
)
def test_a_page_has_the_table_that_code_makes(page: str, table: str) -> None:
    assert table in (ROOT / page).read_text(), "python docs/tables.py writes it"


def test_the_command_line_has_the_declarations_that_its_help_is_made_of() -> None:
    assert (ROOT / docs.BUILT_IN).read_text() == docs.built_in(), "python docs/tables.py writes it"


def test_a_table_is_written_where_its_earlier_form_stands() -> None:
    page = "a\n\n| x | y |\n|---|---|\n| 1 | old |\n\nb\n\n| x | y |\n|---|---|\n| 2 | other |\n"
    new = "| x | y |\n|---|---|\n| 2 | new |\n| 3 | more |"
    assert docs.written_into(page, new) == page.replace("| 2 | other |", "| 2 | new |\n| 3 | more |")
    with pytest.raises(ValueError, match="no table begins with"):
        docs.written_into(page, "| x | z |\n|---|---|\n| 2 | new |")


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_tables_of_comparisons_are_named_in_their_page(name: str) -> None:
    text = (ROOT / "docs" / "compare.md").read_text()
    assert all(f"<code>compare_{table}" in text for table in registry.find_comparison(name).tables)


def test_every_declaration_says_what_its_row_of_the_table_needs() -> None:
    assert all(test.row and test.metrics for test in TESTS.values())
    assert all(f"`{kind}`" in table_of_models() for kind in BUILT_IN)


def test_every_difference_of_cremes_paper_and_code_is_documented(shared: Path) -> None:
    listed = (shared / "golden" / "creme" / "DIVERGENCES.md").read_text()
    rows = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "docs" / "creme.md").read_text(), flags=re.MULTILINE)
    documented = {number for row in rows for number in re.findall(r"\d+", row)}
    assert documented == set(re.findall(r"^(\d+)\.", listed, flags=re.MULTILINE))


def test_the_catalogue_of_errors_has_every_class_and_what_it_says() -> None:
    catalogue = load("catalogue")
    text, said = catalogue.catalogue(), catalogue.messages()
    assert all(f"## {name}\n" in text for name in catalogue.CLASSES)
    assert len(said) > 400  # of all that raycre raises
    assert len(text.splitlines()) >= len(said)
    missing = {name for name in catalogue.CLASSES if name not in {message.name for message in said}}
    assert missing <= {"RaycreError", "InputError"}  # what others derive from
    options = [message.words for message in said if message.file == "raycre/options.py"]
    assert "no file is given" in options
    assert "… is at least …" in options


@pytest.mark.parametrize("page", ["creme", "create"])
def test_a_page_of_a_method_begins_with_how_to_and_ends_with_where_paper_and_code_differ(page: str) -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "docs" / f"{page}.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "How to"
    assert headings[-1].casefold().endswith("where paper and code differ")
