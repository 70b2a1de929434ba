"""How tests are shared out between the processes of pytest-xdist; `make test` starts them.

A file is one group, which one process does, so that its fixtures are made once. The files of tests/cluster
are one group on the session's Ray, and so are those of tests/fault: no third process has a Ray.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from raycre.engine.local_ray import usable_cpus

SHARING = ("cluster", "fault")  # folders whose files share the session's Ray
ALONE = ("test_disk", "test_fetch", "test_head", "test_own_backbone", "test_own_model")  # but for these
RAY = "local_ray"  # the fixture
# Files of whole runs, or of a process a test: a seventh of the files, half of the seconds of units and golden
# arrays. `make test-fast` leaves them out.
LONG = frozenset(
    (
        "bucket_errors", "bucket_runs", "bucket_training", "bucket_verbs", "chain", "cli",
        "cli_bad_files", "cli_help", "cli_manners", "cli_signals", "cli_weights", "compact",
        "compare_cli", "creme_dry_run", "creme_sampling", "examples", "figures", "figures_creme",
        "figures_training", "float64", "four_classes", "given_weights", "interpretation",
        "label_classes", "notebook", "perturbation", "platforms", "plots", "predict_growth",
        "predict_regions", "prepare_bad_input", "replica", "report", "report_rows", "sweep_runs",
        "tutorial", "unseen_inputs",
    )
)  # fmt: skip


def group_of(path: str) -> str:
    """Name the group of a test file: its folder where that shares a Ray, else the file itself."""
    folder, name = PurePosixPath(path).parts[-2:]
    return folder if folder in SHARING and name.removesuffix(".py") not in ALONE else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: a process for every processor, and one more where tests are asked for that wait for Ray."""
    asked = [PurePosixPath(argument.partition("::")[0]).parts for argument in config.args]
    return usable_cpus() + any("unit" not in parts and "golden" not in parts for parts in asked)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadscope`, take `group_of` for the scope of a test."""
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid.partition("::")[0])

    return Groups(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a test on the session's Ray outside the groups that share it; put these groups first."""
    path = {item: str(PurePosixPath(item.path)) for item in items}
    for item in items:
        if item.path.stem.removeprefix("test_") in LONG:
            item.add_marker(pytest.mark.long)
        if RAY in getattr(item, "fixturenames", ()) and group_of(path[item]) == path[item]:
            raise pytest.UsageError(f"{item.nodeid}: a test on the session's Ray belongs to tests/cluster")
    if hasattr(config, "workerinput"):  # one of several processes: they take groups in this order
        items.sort(key=lambda i: (i.path.parent.name not in SHARING, group_of(path[i]) == path[i]))
