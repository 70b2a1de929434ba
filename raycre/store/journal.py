"""What a driver saw while it held a run folder: when replicas came and were lost, and how it ended.

RUN/journal/EPOCH.jsonl is one driver's: a line an event, in order. Results never depend on it.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from raycre.errors import BucketAccessError, BucketError, LeaseLostError
from raycre.events import LOST, REPLICAS, heard_by
from raycre.store.bucket_path import BucketPath

FOLDER = "journal"  # in the run folder
START, END = "start", "end"
PUT_EVERY = 10.0  # seconds between two puts of a journal in a bucket
_KEPT = (START, REPLICAS, LOST, END)


class JournalLine(NamedTuple):
    """An event: seconds since 1970 by the driver's clock, its kind and its facts."""

    at: float
    kind: str
    facts: Mapping[str, Any]


class Session(NamedTuple):
    """One driver's journal.

    Attributes:
        epoch: of its lease.
        lines: in order; one at least.
        written: when the newest of them was written, in seconds since 1970 by the storage's clock.
    """

    epoch: str
    lines: tuple[JournalLine, ...]
    written: float


class Journal:
    """Writes what happens.

    Args:
        out: the run folder.
        epoch: of the driver's lease.
    """

    def __init__(self, out: Path, epoch: str) -> None:
        self._path = out / FOLDER / f"{epoch}.jsonl"
        self._text, self._due, self._lock = "", threading.Event(), threading.Lock()
        self._over = threading.Event()

    def __call__(self, kind: str, facts: Mapping[str, object]) -> None:
        if kind in _KEPT:
            self._add(json.dumps({"at": round(time.time(), 2), "kind": kind, **facts}) + "\n")

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Write what happens while the block runs, and how it ends; of an error its kind alone."""
        self(START, {"host": socket.gethostname()})
        writer = threading.Thread(target=self._keep_putting, name="raycre-journal", daemon=True)
        if isinstance(self._path, BucketPath):
            writer.start()
        how: dict[str, object] = {"how": "finished"}
        try:
            with heard_by(self):
                yield
        except LeaseLostError:
            how = {}
            raise
        except BaseException as error:
            how = {"how": "stopped" if isinstance(error, KeyboardInterrupt) else "failed",
                   "error": type(error).__name__}  # fmt: skip
            raise
        finally:
            self._over.set()
            if writer.is_alive():
                writer.join()
            if how:  # else the folder is another driver's
                self(END, how)
                self._put()

    def _add(self, line: str) -> None:
        with self._lock:
            self._text += line
        self._due.set()
        if isinstance(self._path, BucketPath):
            return
        with suppress(OSError):  # a full disk ends the run by itself
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(line)

    def _keep_putting(self) -> None:
        while not self._over.is_set():
            self._put()
            self._over.wait(PUT_EVERY)

    def _put(self) -> None:
        if isinstance(self._path, BucketPath) and self._due.is_set():
            self._due.clear()
            with suppress(BucketError, BucketAccessError):  # which end the run by themselves
                self._path.put(self._text.encode())


def read_journal(out: Path) -> list[Session]:
    """Return the journals of all drivers of a run folder, in order; what is damaged is left out."""
    folder = out / FOLDER
    found = []
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        with suppress(OSError):
            lines = tuple(_lines(path.read_text(errors="replace")))
            if lines:
                found.append(Session(path.name.removesuffix(".jsonl"), lines, float(path.stat().st_mtime)))
    return sorted(found, key=lambda session: session.lines[0].at)


def _lines(text: str) -> Iterator[JournalLine]:
    for line in text.splitlines():
        with suppress(ValueError, KeyError, TypeError, AttributeError):  # cut off, or another's
            value = json.loads(line)
            yield JournalLine(float(value.pop("at")), str(value.pop("kind")), value)
