"""The head of a Ray cluster: whether RAY_ADDRESS names one, whether it answers, and who notices its death.

Ray itself waits for minutes for a head that is not there, and ends the process without a word a minute after
one has died. So a head is asked before Ray connects to it, and every few seconds while a run uses it.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
import threading
import time
from types import TracebackType

import grpc

from raycre.engine.interrupt import Interrupt
from raycre.errors import ConfigError, RaycreError

EVERY, PATIENCE = 5.0, 10.0  # seconds between two questions to the head, and for its answer
LOST_AFTER = 30.0  # seconds without an answer
BUSY_FOR = 50.0  # the same of a head whose port takes connections: its machine is busy; Ray's own limit is 60
GRACE = 15.0  # seconds for the program to end by itself; it may be stuck in Ray
_HEALTH = "/grpc.health.v1.Health/Check"  # gRPC's standard question, which Ray's control service answers
_SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_UNSET = "unset RAY_ADDRESS to run on this machine alone"


def find_head() -> str | None:
    """Return HOST:PORT of the head that RAY_ADDRESS names; None where a run starts a Ray of its own.

    Raises:
        ConfigError: RAY_ADDRESS is no address of a head.
        RaycreError: no head answers there.
    """
    given = os.environ.get("RAY_ADDRESS", "").strip()
    if given in ("", "local"):
        return None
    address = _running_here() if given == "auto" else given
    _check_form(given, address)
    state = _ask(address, PATIENCE)
    if state in _SILENT:
        raise RaycreError(
            f"RAY_ADDRESS={given}: no Ray head answers at {address} ({_why(address)}); start one there "
            f"(ray start --head), correct the address, or {_UNSET}"
        )
    if state is grpc.StatusCode.UNIMPLEMENTED:
        raise ConfigError(
            f"RAY_ADDRESS={given}: what answers at {address} is no Ray head; give the port that `ray start "
            f"--head` printed (6379 by default), or {_UNSET}"
        )
    return address


def answers(address: str) -> bool:
    """Whether a head answers; one that refuses to tell who asks without its token is there, too."""
    return _ask(address, PATIENCE) not in _SILENT


class Watch:
    """Asks the head every few seconds while its block runs; ends the block once it is lost.

    Attributes:
        lost: whether it has not answered for `LOST_AFTER` seconds, or for `BUSY_FOR` where its port still
            takes connections. The block has then been ended by a
            KeyboardInterrupt in the main thread; where that is stuck, the process ends with the message.
    """

    def __init__(self, address: str) -> None:
        self.address, self.lost = address, False
        self._interrupt = Interrupt()
        self._thread = threading.Thread(target=self._watch, name="raycre-head", daemon=True)

    @property
    def message(self) -> str:
        """What a person should know when the head is lost."""
        return (
            f"the Ray head at {self.address} was lost: it does not answer any more (it was ended, or its "
            "machine or the network is down); finished parts are whole: start Ray again where it is not this "
            "run's own, then run the same command again to go on"
        )

    def __enter__(self) -> Watch:
        self._interrupt.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._interrupt.__exit__(kind, error, trace)

    def _watch(self) -> None:
        heard = time.monotonic()
        while not self._interrupt.wait(EVERY):
            if answers(self.address):
                heard = time.monotonic()
            elif self._is_lost(time.monotonic() - heard) and not self._interrupt.over:
                self.lost = True
                atexit.register(_leave)
                self._interrupt.end(self.message, GRACE)
                return

    def _is_lost(self, silent: float) -> bool:
        """Whether a head that has been silent for so many seconds is gone, and not only slow."""
        return silent >= BUSY_FOR or (silent >= LOST_AFTER and _reached(self.address) is not None)


def _leave() -> None:
    """End the process at its exit, before Ray's own way out, which waits for the lost head for ever."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _ask(address: str, patience: float) -> grpc.StatusCode:
    """Return how a head answers: OK, or why not."""
    if os.environ.get("RAY_USE_TLS", "0").casefold() in ("1", "true"):  # it would want certificates
        return grpc.StatusCode.OK if _reached(address) is None else grpc.StatusCode.UNAVAILABLE
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    try:
        with grpc.insecure_channel(address, options=(("grpc.enable_http_proxy", 0),)) as channel:
            channel.unary_unary(_HEALTH)(b"", timeout=patience)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def _running_here() -> str:
    """Return the address of the Ray that runs on this machine, as `auto` means it.

    Raises:
        RaycreError: none does, or several.
    """
    from ray._private import services

    try:
        return str(services.canonicalize_bootstrap_address_or_die("auto"))
    except ConnectionError as error:
        several = "Found multiple" in str(error)
        what = "several Rays run" if several else "no Ray runs"
        raise RaycreError(
            f"RAY_ADDRESS=auto: {what} on this machine; start one (ray start --head), name its HOST:PORT, or "
            f"{_UNSET}"
        ) from error


def _check_form(given: str, address: str) -> None:
    """Raise where an address is none of a head."""
    if address.startswith(("http://", "https://")):
        raise ConfigError(
            f"RAY_ADDRESS={given}: the jobs API, which `ray job submit --address` takes; a run needs its "
            f"head's HOST:PORT (6379 by default), or {_UNSET}"
        )
    if address.startswith("ray://"):
        raise ConfigError(
            f"RAY_ADDRESS={given}: Ray Client, through which neither Ray Train nor Ray Data can be used; "
            f"submit the run as a job (ray job submit -- python jobs/…), or {_UNSET}"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ConfigError(
            f"RAY_ADDRESS={given}: not HOST:PORT of a Ray head, as in 10.0.0.1:6379; correct it, or {_UNSET}"
        )


def _why(address: str) -> str:
    return _reached(address) or "something listens there, and says nothing"


def _reached(address: str) -> str | None:
    """Return why a connection cannot be made, None where it can."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), PATIENCE):
            return None
    except TimeoutError:
        return f"no connection within {PATIENCE:g} s"
    except OSError as error:
        return error.strerror or str(error)
