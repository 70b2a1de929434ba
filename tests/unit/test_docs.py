"""Tables in the documentation are those that the code would print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raycre.backbones.registry import table_of_backbones
from raycre.compare import registry
from raycre.create.model.declaration import table_of_models
from raycre.create.names import BUILT_IN
from raycre.create.training import presets
from raycre.creme.tests import TESTS, table_of_tests
from raycre.store.fields import describe
from raycre.store.schemas import EFFECTS, ELEMENTS, PREDICTIONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("schema", [PREDICTIONS, EFFECTS], ids=["predictions", "effects"])
def test_readme_has_the_schemas_tables(schema) -> None:  # type: ignore[no-untyped-def]
    assert describe(schema) in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_tables_of_comparisons_are_documented(name: str) -> None:
    text = (ROOT / "docs" / "compare.md").read_text()
    for table, schema in registry.find_comparison(name).tables.items():
        assert f"<code>compare_{table}" in text
        assert describe(schema) in text


def test_the_table_of_comparisons_is_documented() -> None:
    assert registry.table_of_comparisons() in (ROOT / "docs" / "compare.md").read_text()


def test_the_table_of_elements_is_documented() -> None:
    assert describe(ELEMENTS) in (ROOT / "docs" / "creme.md").read_text()


def test_what_the_rows_of_every_test_mean_is_documented() -> None:
    assert table_of_tests() in (ROOT / "docs" / "creme.md").read_text()
    assert all(test.row and test.metrics for test in TESTS.values())


def test_every_backbone_is_documented() -> None:
    assert table_of_backbones() in (ROOT / "docs" / "backbones.md").read_text()


def test_differences_of_paper_and_code_are_documented_as_they_are() -> None:
    assert presets.describe() in (ROOT / "docs" / "create.md").read_text()


def test_the_table_of_models_is_made_of_their_declarations() -> None:
    assert table_of_models() in (ROOT / "docs" / "create.md").read_text()
    assert all(f"`{kind}`" in table_of_models() for kind in BUILT_IN)


def test_every_difference_of_cremes_paper_and_code_is_documented(shared: Path) -> None:
    listed = (shared / "golden" / "creme" / "DIVERGENCES.md").read_text()
    rows = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "docs" / "creme.md").read_text(), flags=re.MULTILINE)
    documented = {number for row in rows for number in re.findall(r"\d+", row)}
    assert documented == set(re.findall(r"^(\d+)\.", listed, flags=re.MULTILINE))
