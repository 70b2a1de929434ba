"""How tests are shared out between the processes of pytest-xdist; `make test` starts them.

A file is one group, so that its fixtures are made once. Tests on the session's Ray are two groups, those of
tests/fault and all others, so that two of the processes have a Ray and no other starts one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from raycre.engine.local_ray import usable_cpus

WAITING = ("cluster", "fault")  # folders of tests that wait for other processes more than they compute
RAY = "local_ray"  # the fixture


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: a process for every processor, and one more where Ray's tests are among those asked for."""
    asked = [Path(argument.partition("::")[0]).parts for argument in config.args]
    waits = any("unit" not in parts and "golden" not in parts for parts in asked)
    return usable_cpus() + waits


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests on the session's Ray; name each test's group and put the longest groups first."""
    for item in items:
        if RAY in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.ray)
    if not getattr(config.option, "loadgroup", False):  # --dist loadgroup, in one of the processes
        return
    on_ray = {item.path for item in items if item.get_closest_marker("ray")}

    def rank(item: pytest.Item) -> int:
        folder = item.path.parent.name
        waits = folder in WAITING
        shares = item.get_closest_marker("ray") is not None or (waits and item.path in on_ray)
        group = f"{folder}/{item.path.stem}" if not shares else "fault" if folder == "fault" else "cluster"
        item.add_marker(pytest.mark.xdist_group(group))
        return 0 if shares else 1 if waits else 2

    items.sort(key=rank)
