"""How a thread that watches over a run ends it: by an interrupt of the main thread, wherever that is."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNAL = signal.SIGUSR2  # to the main thread: no lock, and no call of Ray's, holds it up
GRACE = 15.0  # seconds for the program to end by itself; it may be stuck in Ray

_listening = 0  # blocks of the main thread that may be interrupted; they need not end in order
_before: Any = None  # the program's own handler


class Interrupt:
    """Lets other threads end what its block runs, by a KeyboardInterrupt in the main thread."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._listens = False

    def __enter__(self) -> Interrupt:
        global _listening, _before
        if threading.current_thread() is threading.main_thread():
            if _listening == 0:
                _before = signal.signal(SIGNAL, _interrupt)
            _listening += 1
            self._listens = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _listening
        self._over.set()
        if self._listens:
            self._listens = False
            _listening -= 1
            if _listening == 0:
                signal.signal(SIGNAL, _before)

    @property
    def over(self) -> bool:
        """Whether the block has ended."""
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the block's end; return whether it has ended."""
        return self._over.wait(seconds)

    def end(self, message: str, grace: float = GRACE) -> None:
        """Interrupt the block; where it goes on for `grace` seconds, end the process with the message."""
        main = threading.main_thread().ident
        if self._listens and main is not None:
            signal.pthread_kill(main, SIGNAL)
        if not self._over.wait(grace):
            print(f"error: {message}", file=sys.stderr, flush=True)
            os._exit(1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
