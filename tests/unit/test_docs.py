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


def load_tables() -> Any:
    """docs/tables.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docs = load_tables()


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
