"""One run, one owner: the driver that holds a run folder, told to all others by two small files in it.

RUN/lease/00001.json is the claim of epoch 1: who holds the folder. It is created only if absent, so that one
of two drivers gets it. Beside it lies a beat, written again every few seconds. A claim ends when its holder
removes it; when the beat has not moved for a while by the clock of whoever looks; and at once when the holder
was a process of this very machine that has ended. The next holder takes the next epoch and removes this one.

Whoever has made a claim lists all claims again, and withdraws where there is one that it has not judged: of
two that did not see each other at first, one does then. A holder that finds its claim gone (it was suspended,
or cut off) has been overtaken and stops. List, read, write, create if absent and remove are all that is asked
of the storage: buckets have these, too.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from raycre.errors import LeaseLostError, RunHeldError, UnsharedPathError
from raycre.log import say
from raycre.store.claims import beat_path, claim_path, put_text, read_claims, remove_claim, text_at, write_new
from raycre.store.files import work_for
from raycre.store.owner import owner_here, parse_owner

BEAT = 10.0  # seconds between two beats of a holder
LATE = 25.0  # seconds without a beat after which a holder may be dead
EXPIRY = 60.0  # seconds without a beat after which it is
LOOK_EVERY = 0.5
SHARED_WITHIN = 5.0  # seconds for what one node has written to be seen by another
FOLDER = "lease"  # in the run folder; gone when no run is under way


class Lease:
    """The right to write into a run folder, from `claim` to `release`.

    Args:
        out: the run folder.
        command: what the holder does, for a person.
        on_loss: called with a message, by a thread, when the holder finds that it was overtaken.
        tidy: whether `out` is removed at the end if it is empty then, as it is where the claim has made it.

    Attributes:
        epoch: which claim it is; empty while there is none.
        lost: whether the holder was overtaken.
    """

    def __init__(
        self,
        out: Path,
        command: str,
        on_loss: Callable[[str], object] | None = None,
        *,
        tidy: bool = False,
    ) -> None:
        self.out, self.epoch, self.lost = out, "", False
        self._command, self._on_loss = command, on_loss
        self._folder, self._text, self._number = out / FOLDER, "", 0
        self._released, self._beating = threading.Event(), threading.Lock()
        self._tidy = tidy

    def claim(self) -> None:
        """Take the folder; wait, at most `EXPIRY`, where a holder elsewhere seems dead.

        Raises:
            RunHeldError: another driver holds it. Nothing was written.
            OSError: nothing can be written there.
        """
        while True:
            over = find_over(self.out)
            if self._create(max(over, default=0) + 1):
                seen = read_claims(self._folder)
                if seen.pop(self._number, None) == self._text and seen.items() <= over.items():
                    break
                remove_claim(self._path)
            time.sleep(random.uniform(0, LOOK_EVERY))
        self._beat()
        for number in seen:
            remove_claim(claim_path(self._folder, number), beat_path(self._folder, number))
        work_for(self.epoch)
        threading.Thread(target=self._keep, name="raycre-lease", daemon=True).start()

    def check(self) -> None:
        """Raise LeaseLostError where another driver has taken the folder over."""
        if self.lost or not self._is_mine():
            self.lost = True
            raise LeaseLostError(self.message)

    def release(self) -> None:
        """Give the folder back; what the lease has written there is gone then."""
        with self._beating:
            self._released.set()
        if not self._text:
            return
        work_for("")
        with suppress(OSError):  # the next driver finds that this process has ended, or waits
            if text_at(self._path) == self._text:
                remove_claim(beat_path(self._folder, self._number), self._path)
            self._folder.rmdir()
            if self._tidy:
                self.out.rmdir()  # which stays where anything else is in it

    @property
    def message(self) -> str:
        """What a person should know once the lease is lost."""
        newest = [
            owner for _, text in sorted(read_claims(self._folder).items()) if (owner := parse_owner(text))
        ]
        by = f"by {newest[-1]}" if newest else "or its lease was removed by hand"
        return (
            f"{self.out}: another driver has taken over this run folder {by}: this one was suspended, or cut "
            "off from the folder; what it finished is kept"
        )

    @property
    def _path(self) -> Path:
        return claim_path(self._folder, self._number)

    def _create(self, number: int) -> bool:
        """Make the claim of a number; False where it is there."""
        self._tidy = self._tidy or not self.out.exists()
        self._folder.mkdir(parents=True, exist_ok=True)
        epoch = f"{number:05d}.{uuid.uuid4().hex[:8]}"
        owner = owner_here(epoch, self._command)
        self._number, self._text, self.epoch = number, json.dumps(asdict(owner), indent=2) + "\n", epoch
        return write_new(self._path, self._text)

    def _beat(self) -> None:
        put_text(beat_path(self._folder, self._number), f"{time.monotonic():.3f}")

    def _is_mine(self) -> bool:
        try:
            return text_at(self._path) == self._text
        except OSError:  # not to be read just now
            return True

    def _keep(self) -> None:
        while not self._released.wait(BEAT):
            if not self._is_mine():
                if not self._released.is_set() and not self.lost:
                    self.lost = True
                    if self._on_loss is not None:
                        self._on_loss(self.message)
                return
            with self._beating, suppress(OSError):  # the disk is full, or away: the next beat may do
                if not self._released.is_set():
                    self._beat()


def find_over(out: Path) -> dict[int, str]:
    """Return the claims on a run folder, all of which are over: number -> text.

    Raises:
        RunHeldError: one is not; whether it is, is watched for `EXPIRY` at most.
    """
    while True:
        claims = read_claims(out / FOLDER)
        if all(_is_over(out, number, text) for number, text in claims.items()):
            return claims


def check_epoch(out: Path, epoch: str) -> None:
    """Raise where a driver of another epoch holds a run folder.

    Args:
        out: the run folder.
        epoch: of the caller; an empty one is never overtaken.

    Raises:
        LeaseLostError: it does.
    """
    if epoch and epoch not in live_epochs(out):
        raise LeaseLostError(f"{out}: another driver has taken over this run folder")


def join_epoch(out: Path, epoch: str) -> None:
    """Let this process work for a run: its temporary files carry the epoch. See that the folder is the run's.

    Raises:
        UnsharedPathError: the driver's claim is not in `out` as this machine sees it.
        LeaseLostError: another driver has taken the folder over.
    """
    work_for(epoch)
    deadline = time.monotonic() + SHARED_WITHIN
    while epoch and epoch not in (found := live_epochs(out)):
        if found:
            check_epoch(out, epoch)
        if time.monotonic() >= deadline:
            raise UnsharedPathError(
                f"run.out is not the driver's folder on this node ({socket.gethostname()}); give a folder "
                "that all nodes share",
                path=out,
            )
        time.sleep(LOOK_EVERY)


def live_epochs(out: Path) -> set[str]:
    """Return the epochs of a run folder that have a claim."""
    return {owner.epoch for text in read_claims(out / FOLDER).values() if (owner := parse_owner(text))}


def newest_claim(out: Path) -> tuple[str, Path] | None:
    """Return the text of the newest claim on a run folder, and where its beat lies; None without any."""
    claims = read_claims(out / FOLDER)
    if not claims:
        return None
    number = max(claims)
    return claims[number], beat_path(out / FOLDER, number)


def _is_over(out: Path, number: int, text: str) -> bool:
    """Watch a claim until it is over; False where it changes, so that all are looked at again."""
    folder, owner, began, told = out / FOLDER, parse_owner(text), time.monotonic(), False
    first = text_at(beat_path(folder, number))
    while True:
        if owner is not None and owner.has_ended:
            return True
        waited = time.monotonic() - began
        silent = waited
        if owner is not None and owner.is_here:
            silent = max(waited, time.monotonic() - _seconds(first, owner.clock))
        moved = text_at(beat_path(folder, number)) != first
        if text_at(claim_path(folder, number)) != text:
            return False
        who = owner or "a driver that has not said its name"
        if moved or (owner is not None and owner.is_here and silent < LATE):
            raise RunHeldError(
                f"the run folder is in use: {who}; wait until that ends, end it, or give the run another "
                "run.out",
                path=out,
            )
        if silent >= EXPIRY:
            return True
        if not told and waited >= 2 * LOOK_EVERY:
            told = True
            say(
                f"{out} is held by {who}: watching whether that still lives, for at most "
                f"{EXPIRY - silent:.0f} s"
            )
        time.sleep(LOOK_EVERY)


def _seconds(beat: str | None, otherwise: float) -> float:
    try:
        return float(beat or "")
    except ValueError:
        return otherwise
