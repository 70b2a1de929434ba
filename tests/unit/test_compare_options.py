"""Files and options of a comparison, from texts or values to the dataclass of its declaration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from raycre.compare import crispri, marks
from raycre.compare.declaration import Comparison, ComparisonResult, file, option
from raycre.compare.registry import BUILT_IN, find_comparison
from raycre.errors import ConfigError
from raycre.options import option_files, read_options, taken_by


@dataclass(frozen=True)
class Options:
    table: Path = file("TABLE", "A table.")
    way: Literal["up", "down"] = option("up", "Which way.")
    names: tuple[str, ...] = option((), "Names.", none="none")
    least: int = option(1, "A number.", least=1)


OWN = Comparison(
    name="own", summary="A comparison.", options=Options, compare=lambda run, options: ComparisonResult({})
)


def test_texts_with_commas_and_names_of_files_become_tuples_and_paths() -> None:
    options = read_options(
        marks.COMPARISON, {"signals": ["a/K27.bw.gz", "x=b.bw"], "groups": "neutral,silencer"}
    )
    assert options.groups == ("neutral", "silencer")
    assert options.signals == {"K27": Path("a/K27.bw.gz"), "x": Path("b.bw")}
    assert options.seed == 0
    assert dict(option_files(marks.COMPARISON, options)) == options.signals
    assert read_options(OWN, {"table": "t", "names": "none"}) == Options(Path("t"))
    assert read_options(OWN, {"table": Path("t"), "names": ["a", "b"]}).names == ("a", "b")
    assert dict(option_files(OWN, Options(Path("t")))) == {"table": Path("t")}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"tabel": "t"}, "'tabel': own has no such option; did you mean table"),
        ({}, "own needs table"),
        ({"table": "t", "way": "upp"}, "'upp': way is up or down; did you mean up"),
        ({"table": "t", "least": 0}, "0: least is at least 1"),
    ],
)
def test_an_option_that_cannot_be_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_options(OWN, given)
    assert says in str(error.value)


def test_two_marks_of_one_name_and_one_group_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'a': two files have this name; tell them apart as NAME=FILE"):
        read_options(marks.COMPARISON, {"signals": ["a.bw", "b/a.bw"]})
    with pytest.raises(ConfigError, match="marks are compared between two groups"):
        read_options(marks.COMPARISON, {"signals": ["a.bw"], "groups": "enhancer"})


def test_every_comparison_declares_what_its_options_are_for_and_what_its_columns_mean() -> None:
    for name in BUILT_IN:
        comparison = find_comparison(name)
        assert comparison.name == name
        assert all(each.help.endswith(".") for each in taken_by(comparison))
        for schema in comparison.tables.values():
            assert all(field.metadata[b"description"] for field in schema)
    assert [each.name for each in taken_by(crispri.COMPARISON) if each.takes] == ["pairs"]


def test_a_comparison_that_is_not_there_is_told_the_one_that_is_near() -> None:
    with pytest.raises(ConfigError, match=r"'overlaps': no such comparison; did you mean overlap"):
        find_comparison("overlaps")


def test_files_of_one_beginning_go_by_their_whole_names() -> None:
    given = ["p/panel.21.bim", "p/panel.22.bim", "x=panel.1.bim"]
    options = read_options(marks.COMPARISON, {"signals": given})
    assert list(options.signals) == ["panel.21.bim", "panel.22.bim", "x"]
