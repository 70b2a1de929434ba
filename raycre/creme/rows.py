"""One row of results, and the way from the activities of passes to rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raycre.creme.activities import of_replicate
from raycre.creme.perturbation import Perturbation
from raycre.creme.tiles import Interval
from raycre.errors import RaycreError

Predicted: TypeAlias = Mapping[str, NDArray[np.float64]]
"""What has been predicted so far: pass key -> float64 (tracks,), TSS activity."""


@dataclass(frozen=True, slots=True)
class Row:
    """The effect of one tile on one track.

    Attributes:
        offset_start: 0-based first base of the tile in the model input; the TSS tile where the test has no
            other (context).
        offset_end: one past its last base.
        track: position among the queried tracks.
        round: round of a greedy search; None where a test has none.
        copies: copies of the tile; None where a test has one.
        wt: TSS activity of the wild type.
        control: mean TSS activity without the tile, None where the formula needs none.
        mutant: mean TSS activity over shuffles.
        sd: population standard deviation of the mutants' TSS activity over shuffles.
        n: shuffles.
        effect: value of the formula; NaN where it divides by an activity that is not above 0.
        metric: the formula, by name.
        call: class of context or CRE; None where there is none.
        tile: the interval of the wild type that the row is about, where the offsets say where it stood
            instead; None: the offsets are its own.
        gene: whose TSS was measured, where it is not the gene that was perturbed; None: it is.
        search: "min" or "max", of a search that goes either way; None elsewhere.
    """

    offset_start: int
    offset_end: int
    track: int
    round: int | None
    copies: int | None
    wt: float
    control: float | None
    mutant: float
    sd: float
    n: int
    effect: float
    metric: str
    call: str | None
    tile: Interval | None = None
    gene: str | None = None
    search: str | None = None


def gather(
    activity: Predicted, passes: Sequence[Perturbation], replicate: int | None = None
) -> NDArray[np.float64]:
    """Stack the activities of passes.

    Args:
        activity: pass key -> float64 (tracks,), TSS activity.
        passes: which, in order.
        replicate: of an ensemble, whose own activity is meant; None: the mean of all.

    Returns:
        float64 (passes, tracks).

    Raises:
        KeyError: a pass that has not been predicted.
        RaycreError: an activity that is NaN or infinite.
    """
    keys = [p.key if replicate is None else of_replicate(p.key, replicate) for p in passes]
    stacked = np.stack([np.asarray(activity[key], dtype=np.float64) for key in keys])
    bad = np.flatnonzero(~np.isfinite(stacked).all(axis=1))
    if bad.size:
        raise RaycreError(
            f"the model's TSS activity is {stacked[bad[0]].tolist()} for pass {passes[bad[0]].key}; check "
            "the weights, and the dtype for overflow"
        )
    return stacked


def row(
    offset: Interval,
    track: int,
    wt: float,
    mutants: NDArray[np.float64],
    effect: float,
    metric: str,
    call: str | None = None,
    *,
    control: float | None = None,
    round: int | None = None,
    copies: int | None = None,
    tile: Interval | None = None,
    gene: str | None = None,
    search: str | None = None,
) -> Row:
    """Make the row of one track; `mutants` is float64 (shuffles,), the rest as in `Row`."""
    return Row(
        offset_start=int(offset[0]),
        offset_end=int(offset[1]),
        track=track,
        round=round,
        copies=copies,
        wt=float(wt),
        control=None if control is None else float(control),
        mutant=float(mutants.mean()),
        sd=float(mutants.std()),
        n=len(mutants),
        effect=float(effect),
        metric=metric,
        call=call,
        tile=tile,
        gene=gene,
        search=search,
    )


def rows(
    tile: Interval,
    wt: NDArray[np.float64],
    mutants: NDArray[np.float64],
    effect: NDArray[np.float64],
    metric: Sequence[str],
    call: Sequence[str | None],
    control: NDArray[np.float64] | None = None,
) -> list[Row]:
    """Make one row per track.

    Args:
        tile: 0-based half-open in the model input.
        wt: float64 (tracks,).
        mutants: float64 (shuffles, tracks).
        effect: float64 (tracks,).
        metric: (tracks,).
        call: (tracks,).
        control: float64 (tracks,), mean over shuffles.
    """
    return [
        row(
            tile,
            t,
            wt[t],
            mutants[:, t],
            effect[t],
            metric[t],
            call[t],
            control=None if control is None else control[t],
        )
        for t in range(len(wt))
    ]
