"""Tables in the documentation are those that the code would print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raycre.create.model.declaration import table_of_models
from raycre.create.names import BUILT_IN
from raycre.create.training import presets
from raycre.creme import TESTS
from raycre.store import comparison_schemas
from raycre.store.schemas import EFFECTS, ELEMENTS, PREDICTIONS, describe

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("schema", [PREDICTIONS, EFFECTS], ids=["predictions", "effects"])
def test_readme_has_the_schemas_tables(schema) -> None:  # type: ignore[no-untyped-def]
    assert describe(schema) in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "name",
    ["MARKS", "MARK_TESTS", "OVERLAPS", "PAIRS", "PR_CURVES", "SALIENCY", "SALIENCY_BASES", "CORRELATIONS"],
)
def test_tables_of_comparisons_are_documented(name: str) -> None:
    assert describe(getattr(comparison_schemas, name)) in (ROOT / "docs" / "compare.md").read_text()


def test_the_table_of_elements_is_documented() -> None:
    assert describe(ELEMENTS) in (ROOT / "docs" / "creme.md").read_text()


def test_what_the_rows_of_every_test_mean_is_documented() -> None:
    text = (ROOT / "docs" / "creme.md").read_text()
    assert all(f"| `{test}` |" in text for test in TESTS)


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
