"""The perturbation tests by name: those that come with raycre, a row each, and those of installed packages.

A package of a user's own adds a test by an entry point of the group `raycre.tests` that names its
declaration (`raycre.creme.declaration.Test`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from raycre.creme.declaration import Test
from raycre.creme.tests import (
    activity,
    context,
    distance,
    finemap,
    interaction,
    multiplicity,
    necessity,
    sets,
    sufficiency,
    swap,
)
from raycre.errors import ConfigError, near
from raycre.packages import Installed, check_name

TESTS: dict[str, Test] = {
    test.name: test
    for test in (
        activity.TEST,
        context.TEST,
        swap.TEST,
        necessity.TEST,
        sufficiency.TEST,
        distance.TEST,
        interaction.TEST,
        sets.TEST,
        multiplicity.TEST,
        finemap.TEST,
    )
}
"""The tests that come with raycre, in the order of the paper."""

INSTALLED = Installed("raycre.tests", "a test")
DEFAULT_TESTS = (context.TEST.name, necessity.TEST.name, sufficiency.TEST.name)  # where none is asked for
PIPELINE = tuple(name for name, test in TESTS.items() if test.pipeline)  # all tests, as in the paper
RESERVED = ("pipeline", "config")  # words of the command line in a test's place


def names_of_tests() -> tuple[str, ...]:
    """Return the name of every test: in the paper's order, then installed ones, which are not imported."""
    return INSTALLED.names(TESTS)


def hand_over(test: Test) -> str:
    """Let this process, and workers of its runs, find a test by its name; return the name.

    Raises:
        ConfigError: a name that cannot be one, or that raycre has.
    """
    INSTALLED.hand_over(test.name, test, TESTS, RESERVED)
    find_test.cache_clear()
    return test.name


@cache
def find_test(name: str) -> Test:
    """Return the declaration of a test.

    Raises:
        ConfigError: no such test; of a package, one that cannot be imported, is no test, or has a name that
            is taken or is none.
    """
    point = INSTALLED.find(name, TESTS)
    if name in TESTS:
        return TESTS[name]
    if point is None:
        raise ConfigError(
            f"tests are {', '.join(names_of_tests())}{near(name, names_of_tests())}", value=name
        )
    test = INSTALLED.load(point, Test)
    check_name(point, RESERVED)
    return test


def in_order(tests: Iterable[str]) -> list[str]:
    """Return tests in the order of the paper, those of packages after them by name."""
    place = {name: number for number, name in enumerate(TESTS)}
    return sorted(tests, key=lambda name: (place.get(name, len(place)), name))


def with_needs(tests: Sequence[str]) -> tuple[str, ...]:
    """Return the tests and those whose passes they read as well, each once."""
    return tuple(dict.fromkeys([*tests, *(more for test in tests for more in find_test(test).needs)]))


def adaptive_groups(tests: Sequence[str]) -> list[tuple[bool, tuple[str, ...]]]:
    """Return the tests that choose passes by earlier ones, in groups that are followed together.

    Returns:
        (whether each way of a search is followed by itself, the tests of the group): those by ways first, as
        they take longest, then in the order of the table.
    """
    groups: dict[tuple[bool, str], list[str]] = {}
    for name in in_order(tests):
        if (adaptive := find_test(name).adaptive) is not None:
            groups.setdefault((adaptive.each_way, adaptive.group), []).append(name)
    ordered = sorted(groups.items(), key=lambda item: not item[0][0])
    return [(each_way, tuple(group)) for (each_way, _), group in ordered]


def tile_tests() -> tuple[str, ...]:
    """Return the tests of raycre with one effect of each tile, at its own place."""
    return tuple(name for name, test in TESTS.items() if test.per_tile)


def describe_tests() -> list[str]:
    """Return a line for each test, its name and what it asks; one that cannot be imported says so."""
    lines = []
    for name in names_of_tests():
        try:
            lines.append(f"{name}: {find_test(name).summary}")
        except ConfigError as error:
            lines.append(f"{name}: {error.message}")
    return lines


def table_of_tests() -> str:
    """Return the table of docs/creme.md: what a row of each test is, its formulas, calls and columns."""
    lines = ["| test | a row is | `metric`: `effect` | `call` | also |", "|---|---|---|---|---|"]
    lines += [
        f"| `{t.name}` | {t.row} | {t.metrics} | {t.calls or '–'} | {t.columns} |".replace("|  |", "| |")
        for t in TESTS.values()
    ]
    return "\n".join(lines)
