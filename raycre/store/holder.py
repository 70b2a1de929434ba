"""Who holds a run folder just now, and whether that driver lives; looked at from anywhere, writing nothing.

Clocks of two machines may differ by minutes. So silence is judged by the storage's times alone where they
agree with ours, and else by watching whether the holder's beat moves.
"""

from __future__ import annotations

import time
from calendar import timegm
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from raycre.store.lease import BEAT, EXPIRY, LATE, LOOK_EVERY, newest_claim
from raycre.store.owner import Owner, parse_owner

WATCH = BEAT + 3.0  # seconds in which a holder that lives is sure to beat
AGREE = 5.0  # seconds by which times may differ that are taken for equal


class Holder(NamedTuple):
    """A driver whose claim lies in a run folder.

    Attributes:
        owner: who; None where the claim cannot be read.
        alive: whether it beats; None where that could not be told.
        silent: seconds since its newest beat, as far as is known.
        ahead: seconds by which its clock is ahead of the storage's; None where that is not known.
        ended: its process is of this machine and has ended.
    """

    owner: Owner | None
    alive: bool | None
    silent: float
    ahead: float | None = None
    ended: bool = False

    @property
    def name(self) -> str:
        """Who it is, for a person."""
        return str(self.owner) if self.owner else "a driver that has not said its name"


def find_holder(out: Path, watch: float = WATCH) -> Holder | None:
    """Return who holds a run folder; None where nobody does.

    Args:
        out: the run folder.
        watch: seconds for which a beat is watched at most, where times do not tell.
    """
    claim = newest_claim(out)
    if claim is None:
        return None
    text, beat = claim
    owner = parse_owner(text)
    first, written = _beat(beat)
    ahead = None if owner is None else _ahead(owner, first, written)
    silent = float("inf") if written is None else time.time() - written
    if owner is not None and owner.has_ended:
        return Holder(owner, False, max(0.0, silent), ahead, ended=True)
    if owner is not None and owner.is_here and first:
        with suppress(ValueError):
            silent = time.monotonic() - float(first)
            return Holder(owner, silent < LATE or None if silent < EXPIRY else False, silent, ahead)
    if -AGREE <= silent < LATE:
        return Holder(owner, True, max(0.0, silent), ahead)
    began = time.monotonic()
    while (waited := time.monotonic() - began) < watch:
        time.sleep(min(LOOK_EVERY, watch))
        if _beat(beat)[0] != first:
            return Holder(owner, True, 0.0, ahead)
    known = waited >= WATCH or silent >= EXPIRY
    return Holder(owner, False if known else None, max(waited, silent), ahead)


def _beat(path: Path) -> tuple[str, float | None]:
    """Text of a beat, and when it was written by the storage's clock."""
    try:
        return path.read_text().strip(), float(path.stat().st_mtime)
    except FileNotFoundError:
        return "", None


def _ahead(owner: Owner, beat: str, written: float | None) -> float | None:
    """Seconds by which the holder's clock at its newest beat was ahead of the storage's."""
    with suppress(ValueError):
        began = timegm(time.strptime(owner.since, "%Y-%m-%d %H:%M:%S UTC"))
        if written is not None:
            return began + float(beat) - owner.clock - written
    return None
