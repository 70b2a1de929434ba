"""The verb `compare`: opens a finished CREME run, hands it to a comparison, and writes what that finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raycre.compare.declaration import Comparison
from raycre.compare.registry import find_comparison
from raycre.errors import ConfigError, near
from raycre.figures.comparisons import FIGURES
from raycre.options import option_files, read_options
from raycre.store.lease import Lease
from raycre.workflows.compare.compared_run import open_compared


def run_comparison(
    name: str,
    run: Path,
    given: Mapping[str, Any],
    *,
    test: str | None = None,
    track: str | None = None,
    fasta: Path | None = None,
    sizes: Path | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Compare a finished CREME run with other data.

    Args:
        name: of the comparison: of raycre's own, or of an installed package.
        run: folder of the run.
        given: the comparison's own files and options, by name; see `options.read_options`.
        test: whose effects and calls; by default the comparison's.
        track: row or identifier of the track, where the run has several.
        fasta: the run's FASTA, where it has moved.
        sizes: a table of chromosome sizes, where the FASTA is not at hand.
        out: a folder for the results instead of the run's summary.

    Returns:
        What was found, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        RunHeldError: a driver is at work in the folder that results go to; nothing was written.
        LeaseLostError: another driver has taken that folder over meanwhile.
    """
    comparison = find_comparison(name)
    _check_figure(comparison)
    options = read_options(comparison, given)
    compared = open_compared(
        run,
        comparison,
        comparison.test if test is None else test,
        track,
        out=out,
        fasta=fasta,
        sizes=sizes,
        calls=comparison.calls(options),
        files=dict(option_files(comparison, options)),
    )
    lease = Lease(run if out is None else out, f"raycre compare {name}")
    lease.claim()
    try:
        facts, tables = comparison.compare(compared, options)
        compared.lift.update(facts.get("lift", {}))
        lease.check()
        files = [compared.write(table, rows) for table, rows in tables.items()] + list(compared.folders)
    finally:
        lease.release()
    return {**compared.facts, **facts, **({"files": files} if files else {})}


def _check_figure(comparison: Comparison) -> None:
    if comparison.figure not in FIGURES:
        raise ConfigError(
            f"the comparison {comparison.name} names a figure that raycre does not have"
            f"{near(comparison.figure, FIGURES)}; there are {', '.join(FIGURES)}",
            value=comparison.figure,
        )
