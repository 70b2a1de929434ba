"""Perturbation tests of installed packages: what is refused by name, and what the report makes of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from raycre import packages
from raycre.creme.declaration import Adaptive
from raycre.creme.presets import PRESETS
from raycre.creme.settings import Settings
from raycre.creme.tests import (
    INSTALLED,
    TESTS,
    adaptive_groups,
    describe_tests,
    find_test,
    in_order,
    names_of_tests,
    with_needs,
)
from raycre.errors import ConfigError, RaycreError
from raycre.figures.blocks import Note
from raycre.figures.perturbation import drawn_by_figure
from raycre.workflows.perturb.effects import read_test

MINE = """
from dataclasses import replace
from raycre.creme.declaration import Adaptive
from raycre.creme.tests import TESTS
MINE = replace(TESTS["necessity"], name="mine", shuffles=4, shuffles_of={"borzoi": 2})
AFAR = replace(MINE, name="afar", adaptive=Adaptive("afar"), needs=("context",), figure="tilse")
OTHER = 3
"""


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Install a module of tests under the names given to it."""
    (tmp_path / "own_tests.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_tests", raising=False)

    def register(**values: str) -> None:
        points = [EntryPoint(name, value, INSTALLED.group) for name, value in values.items()]
        monkeypatch.setattr(
            packages, "entry_points", lambda group: points if group == INSTALLED.group else []
        )
        find_test.cache_clear()

    yield register
    find_test.cache_clear()


def test_an_installed_test_follows_those_of_the_paper(register) -> None:  # type: ignore[no-untyped-def]
    register(mine="own_tests:MINE", afar="own_tests:AFAR")
    assert names_of_tests() == (*TESTS, "afar", "mine")
    assert in_order(["mine", "afar", "sets", "context"]) == ["context", "sets", "afar", "mine"]
    assert with_needs(["afar", "mine"]) == ("afar", "mine", "context")
    assert find_test("mine").per_tile
    assert adaptive_groups(["afar", "finemap", "mine", "sets"]) == [
        (True, ("sets",)),
        (False, ("finemap",)),
        (False, ("afar",)),
    ]
    assert [PRESETS[preset].shuffles("mine") for preset in ("enformer", "borzoi")] == [4, 2]
    assert describe_tests()[-1].startswith("mine: how much activity is lost")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("necessity", "own_tests:MINE", "registers a test that raycre has; rename it"),
        ("mine", "own_tests:OTHER", r"own_tests:OTHER .* is no raycre.creme.declaration.Test"),
        ("yours", "own_tests:MINE", "declares the test mine; give both one name"),
        ("mine", "no_such_module_at_all:TEST", "cannot be imported"),
        ("mines", "own_tests:MINE", "did you mean mines"),
    ],
)
def test_a_test_that_cannot_be_is_refused_by_name(  # type: ignore[no-untyped-def]
    register, name: str, value: str, says: str
) -> None:
    register(**{name: value})
    with pytest.raises(ConfigError, match=says):
        find_test("mime" if says.startswith("did you mean") else name)
    if name not in TESTS and not says.startswith("did you mean"):
        assert describe_tests()[-1].startswith(f"{name}: the entry point {value} of")


@pytest.mark.parametrize("name", ["pipeline", "config", "two words", "../up"])
def test_a_name_that_is_no_folder_or_a_word_of_the_command_line_is_refused(  # type: ignore[no-untyped-def]
    register, tmp_path: Path, name: str
) -> None:
    (tmp_path / "own_tests.py").write_text(MINE.replace('name="mine"', f"name={name!r}"))
    register(**{name: "own_tests:MINE"})
    with pytest.raises(ConfigError, match="cannot have this name"):
        find_test(name)


def test_a_figure_that_is_not_there_is_said_and_any_rows_are_drawn(  # type: ignore[no-untyped-def]
    register, tmp_path: Path
) -> None:
    register(afar="own_tests:AFAR")
    for test in ("afar", "gone", "sets", "activity"):
        (tmp_path / "effects" / f"test={test}").mkdir(parents=True)
    tests, notes = drawn_by_figure(tmp_path)
    assert {figure: found for figure, found in tests.items() if found} == {
        "searches": ["sets"],
        "rows": ["afar", "gone"],
    }
    assert notes == [
        Note(
            "The test afar names the figure 'tilse'; there are tiles, swaps, searches, placements, "
            "finetiles, rows; did you mean tiles? It is drawn by rows."
        )
    ]


def test_a_test_that_reads_what_it_has_not_asked_for_is_named() -> None:
    settings = Settings(1000, 100, ((0, 100),), {"necessity": 1})
    with pytest.raises(RaycreError, match="the test necessity reads a pass that it has not asked for"):
        read_test("necessity", settings, {})


def test_every_adaptive_test_of_a_group_says_the_same_of_it() -> None:
    groups: dict[str, set[Adaptive]] = {}
    for test in TESTS.values():
        if test.adaptive is not None:
            groups.setdefault(test.adaptive.group, set()).add(test.adaptive)
    assert all(len(said) == 1 for said in groups.values())
