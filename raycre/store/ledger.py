"""Exactly once: a unit of work is done when its part file exists; nothing else is believed.

Attempts are counted in small files, so that a unit that kills its process is given up after a few tries
whoever runs it, while the loss of a node costs the units in flight one try.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from raycre.errors import BucketAccessError, BucketError, InputError
from raycre.events import UNIT, emit
from raycre.log import detail, log_unit
from raycre.store.bucket import keys_below
from raycre.store.bucket_path import BucketPath
from raycre.store.lease import check_epoch, join_epoch
from raycre.store.parts import MergedUnits

if TYPE_CHECKING:
    import pandas as pd

MAX_ATTEMPTS = 3
PAUSE = 0.25  # seconds after the first try that failed
_MARK = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def is_mark(path: Path) -> bool:
    """Whether a file is the mark of a unit's tries, a dot each, and not something of a person's."""
    return path.is_file() and 0 < path.stat().st_size < 2**10 and not path.read_bytes().strip(b".")


@dataclass(frozen=True)
class Outcome:
    """What became of one unit: `error`, in a line, and its `traceback` are None when its part exists."""

    unit: str
    attempts: int
    error: str | None = None
    traceback: str | None = None


@dataclass(frozen=True)
class Ledger:
    """Units of one kind in a run folder: parts in `out/parts`, attempts in `out/attempts`.

    Attributes:
        out: the run folder.
        parts: folder of the parts, relative to `out`.
        suffix: what follows the unit's name.
        epoch: of the run's lease, for its driver and all that work for it; empty without one.
    """

    out: Path
    parts: str
    suffix: str = ".parquet"
    epoch: str = ""

    def join(self) -> None:
        """Let this process work for the run; see `join_epoch`."""
        join_epoch(self.out, self.epoch)

    def part(self, unit: str) -> Path:
        """Return the file whose existence means that `unit` is done."""
        return self.out / self.parts / f"{unit}{self.suffix}"

    def pending(self, units: Iterable[str]) -> list[str]:
        """Return the units without a part, in order: the plan minus what exists. Of a bucket: one listing.

        The part of a unit may be a merged one; see `store.parts`.
        """
        folder = self.out / self.parts
        if isinstance(folder, BucketPath):
            there, base = keys_below(folder.place), f"{folder.place.key}/"
            lacking = [unit for unit in units if f"{base}{unit}{self.suffix}" not in there]
            merged = MergedUnits(key.removeprefix(base) for key in there) if lacking else MergedUnits(())
        else:
            merged = MergedUnits(path.name for path in folder.glob("part-*-*.parquet"))
            lacking = [unit for unit in units if not self.part(unit).is_file()]
        return [unit for unit in lacking if merged.part_of(unit) is None]

    def missing(self, units: Iterable[str]) -> list[str]:
        """Return the units without a part once all were tried; each is looked for: a store may list late."""
        return [unit for unit in self.pending(units) if not self.part(unit).is_file()]

    def todo(self, plan: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a plan (column `unit`) without a part."""
        return plan[plan["unit"].isin(self.pending(plan["unit"]))]

    def forget_attempts(self) -> None:
        """Give every unit its tries again; called once by the driver when a run starts.

        Raises:
            LeaseLostError: the tries are another driver's by now.
        """
        check_epoch(self.out, self.epoch)
        for path in self._attempts.iterdir() if self._attempts.is_dir() else ():
            if is_mark(path):
                path.unlink(missing_ok=True)

    def progressed(self, unit: str) -> None:
        """Give one unit its tries again, which has kept some of its work: a long one may lose many nodes."""
        self._mark(unit).unlink(missing_ok=True)

    def run(self, unit: str, work: Callable[[], object], *, counted: bool = True) -> Outcome:
        """Do `work` unless the part exists, at most `MAX_ATTEMPTS` times over all processes.

        An exception counts as a try and is kept as the outcome; so does a try that ended its process,
        since its mark was written before the work began. Bad input is not tried again; after anything else
        there is a pause, the longer the more tries there were. `counted`: it is a unit, and no step of one.
        """
        started = time.perf_counter()
        with log_unit(unit):
            outcome = self._outcome(unit, work)
            seconds = time.perf_counter() - started
            if counted:
                emit(UNIT, name=unit, seconds=seconds, error=outcome.error)
            tries = f"tries: {outcome.attempts}"
            what = "done" if outcome.error is None else f"failed: {outcome.error}"
            detail(f"{what} ({seconds:.2f} s, {tries})")
        return outcome

    def _outcome(self, unit: str, work: Callable[[], object]) -> Outcome:
        try:
            return self._run(unit, work)
        except (BucketAccessError, BucketError) as error:  # the marks could not be kept
            return Outcome(unit, 1, f"{type(error).__name__}: {error}", traceback.format_exc())

    def _run(self, unit: str, work: Callable[[], object]) -> Outcome:
        error, trace = "its process ended without a word (killed, or out of memory)", None
        while (attempt := self._begin(unit)) <= MAX_ATTEMPTS:
            if self.part(unit).is_file():
                self._mark(unit).unlink(missing_ok=True)
                return Outcome(unit, attempt - 1)
            try:
                work()
            except Exception as caught:
                error, trace = f"{type(caught).__name__}: {caught}", traceback.format_exc()
                if isinstance(caught, InputError):
                    return Outcome(unit, attempt, error, trace)
                if attempt < MAX_ATTEMPTS:
                    time.sleep(PAUSE * 4 ** (attempt - 1))
            else:
                self._mark(unit).unlink(missing_ok=True)
                return Outcome(unit, attempt)
        return Outcome(unit, MAX_ATTEMPTS, error, trace)

    @property
    def _attempts(self) -> Path:
        return self.out / "attempts"

    def _mark(self, unit: str) -> Path:
        return self._attempts / unit.replace("/", "_")

    def _begin(self, unit: str) -> int:
        mark = self._mark(unit)
        if isinstance(mark, BucketPath):
            return mark.append(b".")
        try:
            descriptor = os.open(mark, _MARK)
        except FileNotFoundError:
            self._attempts.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(mark, _MARK)
        try:
            os.write(descriptor, b".")
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
