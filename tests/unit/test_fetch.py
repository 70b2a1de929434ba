"""Fetching published files from a server that cuts, lies and stalls: what is asked, kept, refused."""

from __future__ import annotations

import hashlib
import json
import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raycre.errors import ConfigError, FetchError, FormatError, MissingInputError
from raycre.published import cache as cached
from raycre.published.cache import check_cached, partial_of, place_of, record_of
from raycre.published.catalogue import PUBLISHED, Published, find_published
from raycre.published.download import _copy, note_of
from tests.http_server import Answer, Server, serve

BODY = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
CUT = 100_000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RAYCRE_MIRROR", "RAYCRE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(BODY) as running:
        yield running


def published(server: Server, *, known: bool = True, size: int | None = None) -> Published:
    """A row whose file the server has; `known` says whether its SHA-256 is published."""
    address = f"{server.url}/models/a+b/thing.bin"
    return Published("thing", "a thing", address, "main", "MIT", "inferred", size, SHA256 if known else None)


def fetch(item: Published, *, tries: int = 3, timeout: float = 30, **options: Any) -> bool:
    return cached.fetch(item, tries=tries, pause=0, timeout=timeout, **options)


def files(item: Published) -> set[str]:
    """What lies beside the file."""
    folder = place_of(item).parent
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_a_file_is_whole_checked_and_alone_in_its_place(server: Server) -> None:
    item = published(server, size=len(BODY))
    assert fetch(item) is True
    assert place_of(item).read_bytes() == BODY
    assert (server.paths, server.ranges) == (["/models/a+b/thing.bin"], [None])
    assert files(item) == {"thing.bin", "fetched.json", "lock"}
    assert check_cached(item) == place_of(item)
    assert fetch(item) is False
    assert len(server.paths) == 1  # nothing was asked again


def test_progress_counts_bytes(server: Server) -> None:
    seen: list[tuple[int, int | None]] = []
    cached.fetch(published(server), watch=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (300_000, 300_000)
    assert sorted(seen) == seen
    assert len(seen) > 2


@pytest.mark.parametrize("known", [True, False])
def test_after_a_cut_only_the_rest_is_asked_for(server: Server, known: bool) -> None:
    server.answers = [Answer(cut=CUT), Answer(cut=CUT)]
    assert fetch(published(server, known=known))
    assert server.ranges == [None, "bytes=100000-", "bytes=200000-"]
    assert server.sent == len(BODY)
    assert place_of(published(server)).read_bytes() == BODY


def test_a_server_that_ignores_range_starts_over(server: Server) -> None:
    server.answers = [Answer(cut=CUT), Answer(ranges=False)]
    assert fetch(published(server))
    assert server.ranges == [None, "bytes=100000-"]
    assert place_of(published(server)).read_bytes() == BODY


@pytest.mark.parametrize("if_range", [True, False])
def test_bytes_of_two_versions_are_never_joined(server: Server, if_range: bool) -> None:
    item = published(server, known=False)
    new = Answer(body=OTHER, etag='"2"', if_range=if_range)
    server.answers = [Answer(cut=CUT), new, new]
    assert fetch(item)
    assert place_of(item).read_bytes() == OTHER
    assert len(server.paths) == (2 if if_range else 3)  # If-Range brings all of the new one at once


@pytest.mark.parametrize(("known", "second"), [(True, "bytes=100000-"), (False, None)])
def test_without_a_version_only_a_known_checksum_lets_it_go_on(
    server: Server, known: bool, second: str | None
) -> None:
    server.answers = [Answer(cut=CUT, etag=""), Answer(etag="")]
    assert fetch(published(server, known=known))
    assert server.ranges == [None, second]


def test_a_weak_etag_is_no_version(server: Server) -> None:
    server.answers = [Answer(cut=CUT, etag='W/"1"'), Answer(etag='W/"1"')]
    assert fetch(published(server, known=False))
    assert server.ranges == [None, None]


def test_what_was_whole_but_not_yet_in_place_is_not_fetched_again(server: Server) -> None:
    item = published(server)
    partial_of(item).parent.mkdir(parents=True)
    partial_of(item).write_bytes(BODY)
    assert fetch(item)
    assert server.ranges == ["bytes=300000-"]
    assert server.sent == 0


def test_more_than_the_server_has_is_thrown_away(server: Server) -> None:
    item = published(server)
    partial_of(item).parent.mkdir(parents=True)
    partial_of(item).write_bytes(BODY + b"more")
    assert fetch(item)
    assert server.ranges == ["bytes=300004-", None]
    assert place_of(item).read_bytes() == BODY


def test_a_corrupted_file_is_refused_and_nothing_is_left_of_it(server: Server) -> None:
    item = published(server)
    server.body = OTHER
    with pytest.raises(
        FetchError, match=r"its SHA-256 is [0-9a-f]{64}, not .*thrown away; try again"
    ) as failed:
        fetch(item)
    assert failed.value.exit_code == 1
    assert files(item) == {"lock"}
    server.body = BODY
    assert fetch(item)


def test_a_file_of_another_size_is_refused_before_it_is_read(server: Server) -> None:
    item = published(server, size=1_005_149_571)
    with pytest.raises(
        FetchError, match="the server's file has 300,000 bytes, the published one 1,005,149,571"
    ):
        fetch(item)
    assert len(server.paths) == 1
    assert files(item) == {"lock"}


def test_a_refusal_is_not_repeated(server: Server) -> None:
    server.answers = [Answer(status=404)]
    with pytest.raises(FetchError, match=r"thing\.bin: the server refuses it \(HTTP Error 404"):
        fetch(published(server))
    assert len(server.paths) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: Server, status: int) -> None:
    server.answers = [Answer(status=status), Answer(status=status, headers={"Retry-After": "0"})]
    assert fetch(published(server))
    assert len(server.paths) == 3


def test_silence_counts_as_a_cut(server: Server) -> None:
    hold = threading.Event()
    server.answers = [Answer(cut=131_072, hold=hold)]
    try:
        assert fetch(published(server), timeout=3)  # a server that is only slow answers within that
    finally:
        hold.set()
    assert server.ranges == [None, "bytes=131072-"]


def test_no_progress_ends_after_some_tries_and_keeps_what_came(server: Server) -> None:
    item = published(server)
    server.answers = [Answer(cut=CUT), *[Answer(cut=0)] * 3]
    with pytest.raises(
        FetchError, match=r"in 3 tries .*the 100,000 bytes that came are kept, run again to go on"
    ):
        fetch(item)
    assert partial_of(item).read_bytes() == BODY[:CUT]
    assert not place_of(item).exists()
    assert fetch(item)  # a later run
    assert server.ranges == [None, *["bytes=100000-"] * 4]


def test_progress_renews_the_tries(server: Server) -> None:
    server.answers = [Answer(cut=30_000)] * 9
    assert fetch(published(server), tries=2)
    assert len(server.paths) == 10


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound, not listening
        item = Published("t", "", f"http://127.0.0.1:{reserved.getsockname()[1]}/t.bin", "", "", "inferred")
        with pytest.raises(FetchError, match=r"not to be had in 3 tries \(.*refused\)"):
            fetch(item)


def test_the_first_fetch_records_and_a_changed_file_is_refused(server: Server) -> None:
    item = published(server, known=False)
    assert fetch(item)
    record = record_of(item)
    assert (record["sha256"], record["size"], record["source"]) == (SHA256, 300_000, item.address)
    place_of(item).unlink()
    server.body = OTHER
    with pytest.raises(FetchError, match=r"not [0-9a-f]{64}; which was recorded .*fetched\.json"):
        fetch(item)
    assert files(item) == {"lock", "fetched.json"}
    server.body = BODY
    assert fetch(item)
    assert record_of(item) == record
    place_of(item).unlink()
    place_of(item).with_name("fetched.json").unlink()  # as the message says
    server.body = OTHER
    assert fetch(item)
    assert record_of(item)["sha256"] == hashlib.sha256(OTHER).hexdigest()


def test_gits_name_of_the_content_is_checked(server: Server) -> None:
    server.body = b"hello\n"
    # git hash-object of a file that holds "hello" and a newline
    item = replace(published(server, known=False), git_blob="ce013625030ba8dba906f756967f9e9ca394464a")
    assert fetch(item)
    place_of(item).write_bytes(b"hallo\n")
    with pytest.raises(FormatError, match=r"its git blob is .*, not ce013625"):
        check_cached(item)
    place_of(item).unlink()
    server.body = b"hallo\n"
    with pytest.raises(FetchError, match="not ce013625"):
        fetch(item)


def test_a_cached_file_that_was_changed_is_refused(server: Server) -> None:
    item = published(server, known=False)
    fetch(item)
    place_of(item).write_bytes(OTHER)
    for check in (check_cached, fetch):
        with pytest.raises(FormatError, match=r"thing\.bin: its SHA-256 .*remove it and run `raycre weights"):
            check(item)


def test_a_file_put_there_by_hand_is_checked_or_recorded(server: Server) -> None:
    known, unknown = published(server), published(server, known=False)
    place_of(known).parent.mkdir(parents=True)
    place_of(known).write_bytes(BODY)
    assert check_cached(known) == place_of(known)
    with pytest.raises(MissingInputError, match="never recorded; `raycre weights fetch thing` records it"):
        check_cached(unknown)
    assert fetch(unknown, offline=True) is False
    assert record_of(unknown)["sha256"] == SHA256
    assert check_cached(unknown) == place_of(unknown)


def test_a_damaged_record_is_named(server: Server) -> None:
    item = published(server, known=False)
    fetch(item)
    place_of(item).with_name("fetched.json").write_text("[]")
    with pytest.raises(FormatError, match=r"fetched\.json: is no record"):
        check_cached(item)


@pytest.mark.parametrize("by", ["option", "variable"])
def test_offline_touches_no_network_and_says_where_the_file_goes(
    server: Server, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    item = published(server, size=300_000)
    if by == "variable":
        monkeypatch.setenv("RAYCRE_OFFLINE", "1")
    with pytest.raises(MissingInputError) as missing:
        fetch(item, offline=by == "option")
    assert missing.value.exit_code == 2
    assert f"put {item.address} (300,000 bytes) as {place_of(item)}" in str(missing.value)
    assert server.paths == []
    assert not place_of(item).parent.exists()
    place_of(item).parent.mkdir(parents=True)
    place_of(item).write_bytes(BODY)
    assert fetch(item, offline=by == "option") is False


@pytest.mark.parametrize("value", ["", "0"])
def test_offline_can_be_switched_off(server: Server, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RAYCRE_OFFLINE", value)
    assert fetch(published(server))


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_mirror_stands_for_scheme_and_host(
    server: Server, monkeypatch: pytest.MonkeyPatch, slash: str
) -> None:
    item = replace(published(server), address="https://huggingface.co/someone/thing/thing.bin")
    monkeypatch.setenv("RAYCRE_MIRROR", f"{server.url}/copies{slash}")
    assert fetch(item)
    assert server.paths == ["/copies/someone/thing/thing.bin"]


def test_a_folder_is_a_mirror_even_offline(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    item = replace(published(server), address="https://huggingface.co/someone/a%2Bb/thing.bin")
    mirror = tmp_path / "mirror"
    monkeypatch.setenv("RAYCRE_MIRROR", str(mirror))
    with pytest.raises(ConfigError, match="RAYCRE_MIRROR is neither"):
        fetch(item)
    mirror.mkdir()
    with pytest.raises(
        MissingInputError, match=r"someone/a\+b/thing\.bin: RAYCRE_MIRROR's folder has no such"
    ):
        fetch(item)
    (mirror / "someone/a+b").mkdir(parents=True)
    (mirror / "someone/a+b/thing.bin").write_bytes(OTHER)
    with pytest.raises(FetchError, match="its SHA-256"):
        fetch(item)
    (mirror / "someone/a+b/thing.bin").write_bytes(BODY)
    assert fetch(item, offline=True)
    assert place_of(item).read_bytes() == BODY
    assert server.paths == []


def test_rows_are_found_by_name_and_pattern() -> None:
    assert [item.name for item in find_published(["borzoi-[0-3]", "borzoi-1", "enformer"])] == [
        "borzoi-0", "borzoi-1", "borzoi-2", "borzoi-3", "enformer",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"'enfromer': nothing published.*did you mean enformer"):
        find_published(["enfromer"])


def test_rows_are_in_order() -> None:
    assert all(name == item.name for name, item in PUBLISHED.items())
    assert len({place_of(item) for item in PUBLISHED.values()}) == len(PUBLISHED)
    for item in PUBLISHED.values():
        assert item.address.startswith("https://")
        assert item.revision == "main" or item.revision in item.address
        assert item.sha256 is None or (len(item.sha256) == 64 and int(item.sha256, 16))
        assert item.git_blob is None or (len(item.git_blob) == 40 and int(item.git_blob, 16))
    # From the page of the model and, for the tables, from the authors' repository at that commit.
    assert PUBLISHED["enformer"].sha256 == "99b09d602e195d89c7d4debe144bb2f43907ba0d74006e97098e99d9171c439c"
    assert PUBLISHED["enformer"].size == 1_005_149_571
    assert PUBLISHED["create-sequence-openness-loops"].address == (
        "https://github.com/cuixj19/CREATE/raw/be7c696525a15cbe3cca1d14d7e1ca2fb4cc5986/"
        "pth/pretrain_seq+open+loop.pth"
    )


def test_a_record_is_readable_json(server: Server) -> None:
    item = published(server, known=False)
    fetch(item)
    assert set(json.loads(place_of(item).with_name("fetched.json").read_text())) == {
        "source", "size", "sha256", "time",
    }  # fmt: skip


def test_a_copy_from_a_folder_leaves_no_note_of_another_source(tmp_path: Path) -> None:
    source, partial = tmp_path / "mirror.bin", tmp_path / ".part-file"
    source.write_bytes(b"new")
    partial.write_bytes(b"half of the old")
    note_of(partial).write_text("{}")
    _copy(source, partial, lambda *_: None)
    assert partial.read_bytes() == b"new"
    assert not note_of(partial).exists()
