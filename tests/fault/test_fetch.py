"""`raycre weights fetch` as processes: killed, twice at once, on a full disk, each against a local server."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.http_server import Answer, Server, serve
from tests.processes import kill_tree, until

BODY = random.Random(0).randbytes(1_000_000)
NAME = "borzoi-0"  # its checksum is not published, so any bytes may stand for it
CUT = 393_216  # whole chunks, so that all of it is written before the silence
LIMIT = 512  # of `ulimit -f`: blocks of 512 or 1,024 bytes, in either case less than the file


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serve(BODY) as running:
        yield running


class Fetches:
    """Starts `raycre weights fetch` with the server as mirror and a cache of its own."""

    def __init__(self, server: Server, tmp_path: Path) -> None:
        self.folder = tmp_path / "cache" / "published" / NAME
        self.errors = tmp_path / "stderr"
        self.environment = os.environ | {
            "RAYCRE_CACHE": str(tmp_path / "cache"),
            "RAYCRE_MIRROR": server.url,
            "RAYCRE_OFFLINE": "",
            "no_proxy": "127.0.0.1",
        }

    def start(self, *, limit: bool = False) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "raycre.cli", "weights", "fetch", NAME, "--json"]
        limited = ["sh", "-c", f'ulimit -f {LIMIT} && exec "$@"', "sh"] if limit else []
        with self.errors.open("a") as errors:
            return subprocess.Popen(
                [*limited, *command],
                cwd=ROOT,
                env=self.environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def partial_bytes(self) -> int:
        partial = self.folder / ".part-model.safetensors"
        return partial.stat().st_size if partial.exists() else 0

    def check_whole(self, process: subprocess.Popen[str], was: str) -> None:
        """The process ends well, and what is in the cache is the file and its record."""
        out, _ = process.communicate()
        assert process.returncode == 0, self.errors.read_text()
        assert json.loads(out)["fetched"][0]["was"] == was
        assert (self.folder / "model.safetensors").read_bytes() == BODY
        assert {p.name for p in self.folder.iterdir()} == {"model.safetensors", "fetched.json", "lock"}


@pytest.fixture
def fetches(server: Server, tmp_path: Path) -> Fetches:
    return Fetches(server, tmp_path)


def test_a_killed_fetch_goes_on_where_it_was(server: Server, fetches: Fetches) -> None:
    hold = threading.Event()
    server.answers = [Answer(cut=CUT, hold=hold)]
    with fetches.start() as killed:
        until(lambda: fetches.partial_bytes() == CUT, lambda: f"{fetches.partial_bytes()} bytes came")
        kill_tree(killed.pid)
    hold.set()
    assert not (fetches.folder / "model.safetensors").exists()
    with fetches.start() as again:
        fetches.check_whole(again, "fetched")
    assert server.ranges == [None, f"bytes={CUT}-"]
    assert server.sent == len(BODY)


def test_two_at_once_fetch_it_once(server: Server, fetches: Fetches) -> None:
    hold = threading.Event()
    server.answers = [Answer(cut=len(BODY) - 1, hold=hold)]
    with fetches.start() as first:
        until(lambda: fetches.partial_bytes() > 0, lambda: "nothing came")
        with fetches.start() as second:
            said = fetches.errors.read_text
            until(lambda: "another process is at work" in said(), said)
            assert len(server.paths) == 1
            hold.set()
            fetches.check_whole(first, "fetched")
            fetches.check_whole(second, "there")
    assert server.ranges == [None, f"bytes={len(BODY) - 1}-"]  # the last byte, asked for by the first


def test_a_full_disk_keeps_what_came_and_is_named(server: Server, fetches: Fetches) -> None:
    with fetches.start(limit=True) as full:
        full.wait()
    assert full.returncode == 1
    assert "error: File too large" in fetches.errors.read_text()
    kept = fetches.partial_bytes()
    assert 0 < kept < len(BODY)
    assert not (fetches.folder / "model.safetensors").exists()
    with fetches.start() as again:
        fetches.check_whole(again, "fetched")
    assert server.ranges == [None, f"bytes={kept}-"]
