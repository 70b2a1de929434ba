"""A file server on the loopback that cuts, lies and stalls as told, and writes down what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """How one request is answered; by default as a good server does.

    Attributes:
        status: an error to send instead.
        body: other bytes than the server's.
        cut: bytes after which the connection ends.
        hold: when set, the connection stays open and silent after `cut` bytes until the event is set.
        ranges: whether Range is honoured.
        if_range: whether If-Range is honoured.
        etag: version of the file; empty for none.
        headers: further ones.
    """

    status: int = 0
    body: bytes | None = None
    cut: int | None = None
    hold: threading.Event | None = None
    ranges: bool = True
    if_range: bool = True
    etag: str = '"1"'
    headers: Mapping[str, str] = field(default_factory=dict)


class Server:
    """What it serves under every path, the answers to come (then good ones), and the requests so far."""

    def __init__(self, url: str, body: bytes) -> None:
        self.url, self.body = url, body
        self.answers: list[Answer] = []
        self.paths: list[str] = []
        self.ranges: list[str | None] = []
        self.sent = 0

    def next_answer(self, path: str, wanted: str | None) -> Answer:
        """Note a request and say how to answer it."""
        self.paths.append(path)
        self.ranges.append(wanted)
        return self.answers.pop(0) if self.answers else Answer()


@contextmanager
def serve(body: bytes) -> Iterator[Server]:
    """Serve `body` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):  # the other side was killed, or has heard enough
                _answer(self, server)

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    http.block_on_close = False
    server = Server(f"http://127.0.0.1:{http.server_port}", body)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _answer(request: BaseHTTPRequestHandler, server: Server) -> None:
    wanted = request.headers["Range"]
    answer = server.next_answer(request.path, wanted)
    body = server.body if answer.body is None else answer.body
    if answer.status:
        request.send_response(answer.status)
        body = b""
    elif wanted and answer.ranges and (not answer.if_range or _same(request.headers["If-Range"], answer)):
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if first >= len(body):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(body)}")
            body = b""
        else:
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
            body = body[first:]
    else:
        request.send_response(200)
    if answer.etag:
        request.send_header("ETag", answer.etag)
    for name, value in answer.headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body[: answer.cut])
    server.sent += len(body[: answer.cut])
    if answer.hold is not None:
        answer.hold.wait(120)


def _same(version: str | None, answer: Answer) -> bool:
    return version is None or version == answer.etag
