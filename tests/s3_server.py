"""A local S3 on the loopback for tests: moto's server, with its requests counted and faults as told."""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

BUCKET = "runs"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDKEYOFTESTS",
    "AWS_SECRET_ACCESS_KEY": "planted+secret/of-the-tests",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
Change = Callable[[bytes], bytes]
Fault = Callable[[dict[str, Any]], tuple[int, str] | int | Change | None]
"""What to do with a request (of WSGI): answer a status and an S3 code, cut the body by so many bytes, put
another of no more bytes in its place, or serve it (None)."""


@dataclass
class S3:
    """A running server.

    Attributes:
        url: its address.
        requests: how many of each kind there were: "LIST", "GET", "HEAD", "PUT", "DELETE", "POST".
        faults: asked in turn about each request; the first that is not None counts.
        sent, received: bytes of answers and of requests, without their headers, by kind.
        served: called with a request (of WSGI) that has been carried out and not been answered yet.
    """

    url: str
    requests: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    served: list[Callable[[dict[str, Any]], object]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)


@contextmanager
def serve_s3() -> Iterator[S3]:
    """Serve an empty bucket until the block ends; skip where moto or obstore is not installed."""
    pytest.importorskip("obstore", reason="object storage needs raycre[cloud]")
    pytest.importorskip("moto", reason="the local S3 of the tests is moto's")
    server = pytest.importorskip("moto.server", reason="moto's server needs flask")
    serving = pytest.importorskip("werkzeug.serving")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    served = server.DomainDispatcherApplication(server.create_backend_app)
    lock, changing = threading.Lock(), threading.Lock()

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        kind = "LIST" if "list-type" in environ["QUERY_STRING"] else environ["REQUEST_METHOD"]
        with lock:
            s3.requests[kind] += 1
            s3.received[kind] += int(environ.get("CONTENT_LENGTH") or 0)
            fault = next((found for ask in s3.faults if (found := ask(environ)) is not None), None)
        if isinstance(fault, tuple):
            status, code = fault
            length = int(environ.get("CONTENT_LENGTH") or 0)
            environ["wsgi.input"].read(length)
            body = f"<Error><Code>{code}</Code><Message>planted</Message></Error>".encode()
            start(f"{status} Planted", [("Content-Length", str(len(body)))])
            return [body]
        with (
            changing if kind == "PUT" else nullcontext()
        ):  # S3 checks a condition and writes at once; moto does not
            content = served(environ, start)
        for tell in s3.served:
            tell(environ)
        whole = b"".join(content)
        getattr(content, "close", lambda: None)()
        with lock:
            s3.sent[kind] += len(whole)
        if callable(fault):
            return [fault(whole).ljust(len(whole))]
        return [whole] if fault is None else [whole[: len(whole) - fault]]

    running = serving.make_server("127.0.0.1", 0, application, threaded=True)
    s3 = S3(f"http://127.0.0.1:{running.server_port}")
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield s3
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


@contextmanager
def bucket_at(s3: S3, patience: float = 5.0) -> Iterator[None]:
    """Make the bucket and let this process, and those that it starts, use it until the block ends."""
    import requests

    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", s3.url)
        patch.setenv("RAYCRE_BUCKET_PATIENCE", str(patience))
        requests.put(f"{s3.url}/{BUCKET}", timeout=10).raise_for_status()
        yield


def hiding(keys: Iterable[str]) -> Fault:
    """Return the fault of a store that lists late: its listings lack these objects."""
    hidden = [key.encode() for key in keys]

    def without(answer: bytes) -> bytes:
        entries = re.findall(rb"<Contents>.*?</Contents>", answer, re.DOTALL)
        for entry in entries:
            if any(b"<Key>" + key + b"</Key>" in entry for key in hidden):
                answer = answer.replace(entry, b"")
        return answer

    return lambda environ: without if "list-type" in environ["QUERY_STRING"] else None
