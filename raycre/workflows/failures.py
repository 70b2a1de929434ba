"""Units that failed for good: written to failures.parquet, and the run's exit code 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from raycre.errors import TasksFailedError
from raycre.store.ledger import MAX_ATTEMPTS, Outcome
from raycre.store.parquet import as_table, write_table
from raycre.store.run import Run
from raycre.store.schemas import FAILURES

_SILENT = "no word from it: its process was ended (killed, or out of memory)"


def write_failures(
    run: Run, missing: Sequence[str], failed: Mapping[str, Outcome], what: Mapping[str, str]
) -> None:
    """Write failures.parquet, or remove an old one when nothing is missing.

    Args:
        run: the run.
        missing: planned units without a part file at the end; these are the failures, whatever was reported.
        failed: outcomes of units with an error, where one was reported.
        what: what each unit stands for.
    """
    path = run.out / "failures.parquet"
    path.unlink(missing_ok=True)
    if missing:
        said = [failed.get(unit, Outcome(unit, MAX_ATTEMPTS, _SILENT)) for unit in missing]
        rows = pd.DataFrame(
            {
                "unit": missing,
                "what": [what[u] for u in missing],
                "attempts": [each.attempts for each in said],
                "error": [each.error for each in said],
                "traceback": [each.traceback for each in said],
            }
        )
        write_table(path, as_table(rows, FAILURES, run.metadata))


def raise_failures(run: Run, missing: Sequence[str], planned: int, untried: int = 0) -> None:
    """Raise `TasksFailedError` when anything is missing; `untried` units waited for what is."""
    if missing:
        waiting = f"{untried} that wait for them were not tried, " if untried else ""
        raise TasksFailedError(
            f"{len(missing)} of {planned} units failed for good, {waiting}all others are done; "
            f"{run.out / 'failures.parquet'} says why, and running again tries them again"
        )
