"""Object storage below the runs: what it promises, what its errors say, and how many requests it takes."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from raycre.errors import BucketAccessError, BucketError, MissingInputError, RunHeldError
from raycre.genome.fingerprint import check_unchanged, fingerprint, sha256_of
from raycre.store import bucket
from raycre.store.bucket_path import BucketPath
from raycre.store.lease import Lease, check_epoch
from raycre.store.ledger import Ledger
from raycre.store.location import location
from raycre.store.old_run import find_old, remove_run
from raycre.store.passes import PassStore
from tests.run_folders import start_run
from tests.s3_server import BUCKET, ENVIRONMENT, S3, bucket_at, serve_s3


@pytest.fixture(scope="module")
def served() -> Iterator[S3]:
    with serve_s3() as s3, bucket_at(s3, patience=1.0):
        yield s3


@pytest.fixture
def s3(served: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    served.requests.clear()
    yield served
    served.faults.clear()


@pytest.fixture
def out(s3: S3, request: pytest.FixtureRequest) -> BucketPath:
    found = location(f"s3://{BUCKET}/{request.node.name.partition('[')[0]}")
    assert isinstance(found, BucketPath)
    return found


def test_an_object_is_created_once_whoever_is_first(out: BucketPath) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda n: (out / "part").create(b"%d" % n), range(8)))
    assert sum(made) == 1
    assert (out / "part").read_bytes() == b"%d" % made.index(True)


def test_tries_of_several_processes_are_all_counted(out: BucketPath) -> None:
    with ThreadPoolExecutor(8) as threads:
        sizes = list(threads.map(lambda _: (out / "mark").append(b"."), range(8)))
    assert sorted(sizes) == list(range(1, 9))


def test_names_of_any_kind_are_kept(out: BucketPath) -> None:
    names = ["fold=0/a b.json", "x%20y", "ü~#.txt", "deep/er/than/that"]
    for name in names:
        (out / name).write_text(name)
    assert sorted(out.listed()) == sorted(names)
    assert [(out / name).read_text() for name in names] == names
    assert {path.name for path in out.iterdir()} == {"fold=0", "x%20y", "ü~#.txt", "deep"}
    assert [str(path.relative_to(out)) for path in out.glob("fold=*/*.json")] == ["fold=0/a b.json"]
    assert [path.name for path in out.glob("fold=*")] == ["fold=0"]
    assert (out / "deep" / "er").is_dir()
    assert not (out / "deep" / "er").is_file()
    assert not (out / "dee").exists()


def test_the_ledger_is_one_listing_of_a_thousand_parts_a_request(out: BucketPath, s3: S3) -> None:
    held = pytest.importorskip("moto.s3.models").s3_backends["123456789012"]["aws"]
    units = [f"part-{i:05d}" for i in range(2500)]
    for unit in units[:2300]:  # a thousand times as fast as over the loopback
        held.put_object(BUCKET, f"{out.place.key}/parts/{unit}.parquet", b"x")
    s3.requests.clear()
    assert Ledger(out, "parts").pending(units) == units[2300:]
    assert s3.requests == {"LIST": 3}


def test_the_parts_of_many_genes_are_one_listing(out: BucketPath, s3: S3) -> None:
    for gene in range(5):
        for name in ("part-1.parquet", "peaks.parquet", "chain-1/piece-0.parquet", "notes.txt"):
            (out / f"gene{gene}" / name).put(b"x")
    s3.requests.clear()
    names_of = PassStore(out, ()).names()
    assert [names_of(f"gene{gene}") for gene in range(6)] == [{"part-1"}] * 5 + [set()]
    assert s3.requests == {"LIST": 1}
    assert [path.name for path in PassStore(out, ()).parts("gene0")] == ["part-1.parquet"]


def test_a_unit_costs_four_requests(out: BucketPath, s3: S3) -> None:
    ledger = Ledger(out, "parts")
    s3.requests.clear()
    outcome = ledger.run("part-0", lambda: (out / "parts" / "part-0.parquet").create(b"x"))
    assert (outcome.attempts, outcome.error) == (1, None)
    assert s3.requests == {"PUT": 2, "HEAD": 1, "POST": 1}  # its mark and the part; seen; the mark removed
    assert ledger.run("part-0", lambda: pytest.fail("done already")).error is None


def test_a_unit_that_fails_is_tried_three_times_and_its_tries_are_kept(
    out: BucketPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raycre.store.ledger.PAUSE", 0)
    ledger, tries = Ledger(out, "parts"), []
    assert ledger.run("u", lambda: tries.append(1) or 1 / 0).attempts == 3
    assert ledger.run("u", lambda: tries.append(1)).error is not None
    assert len(tries) == 3
    ledger.forget_attempts()
    assert ledger.run("u", lambda: tries.append(1)).error is None


def test_a_lease_in_a_bucket_keeps_a_second_driver_out_and_fences_the_first(out: BucketPath) -> None:
    first = Lease(out, "raycre predict")
    first.claim()
    with pytest.raises(RunHeldError, match="the run folder is in use"):
        Lease(out, "raycre predict").claim()
    check_epoch(out, first.epoch)
    first.release()
    assert not out.listed()


@pytest.mark.parametrize("status", [(500, "InternalError"), (503, "ServiceUnavailable"), (503, "SlowDown")])
def test_a_store_that_fails_for_a_moment_is_asked_again(
    out: BucketPath, s3: S3, status: tuple[int, str]
) -> None:
    def twice(environ: dict[str, Any]) -> tuple[int, str] | None:
        left.append(1)
        return status if len(left) <= 2 else None

    for work in (
        lambda: (out / "x").put(b"abc"),
        lambda: (out / "y").create(b"abc"),
        lambda: (out / "x").read_bytes(),
        lambda: (out / "x").is_file(),
        lambda: out.listed(),
        lambda: (out / "y").unlink(),
    ):
        left: list[int] = []
        s3.faults[:] = [twice]
        work()
        assert len(left) >= 3
    s3.faults.clear()
    assert set(out.listed()) == {"x"}


@pytest.mark.parametrize(
    ("status", "kind", "exit_code", "said"),
    [
        ((500, "InternalError"), BucketError, 1, r"cannot be .*InternalError 500.*run again to go on"),
        ((503, "SlowDown"), BucketError, 1, r"SlowDown 503"),
        ((403, "InvalidAccessKeyId"), BucketAccessError, 2, "does not know the access key"),
        ((403, "SignatureDoesNotMatch"), BucketAccessError, 2, "secret key does not belong"),
        ((400, "ExpiredToken"), BucketAccessError, 2, "credentials have expired"),
        ((403, "AccessDenied"), BucketAccessError, 2, "access is denied"),
        ((403, "RequestTimeTooSkewed"), BucketAccessError, 2, "clock is minutes off"),
        ((301, "PermanentRedirect"), BucketAccessError, 2, "another region; set AWS_REGION"),
        ((404, "NoSuchBucket"), BucketAccessError, 2, "no such bucket"),
    ],
)
def test_an_error_of_the_store_is_one_line_with_bucket_and_remedy(
    out: BucketPath, s3: S3, status: tuple[int, str], kind: type[Exception], exit_code: int, said: str
) -> None:
    s3.faults.append(lambda environ: status)
    for work in (lambda: (out / "x").put(b"abc"), lambda: (out / "x").read_bytes(), lambda: out.listed()):
        with pytest.raises(kind, match=said) as failed:
            work()
        text = str(failed.value)
        assert text.startswith(f"s3://{BUCKET}/")
        assert "\n" not in text
        assert not any(secret in text for secret in ENVIRONMENT.values() if len(secret) > 10)
        assert failed.value.exit_code == exit_code  # type: ignore[attr-defined]
        assert str(pickle.loads(pickle.dumps(failed.value))) == text


def test_no_credentials_are_named(out: BucketPath, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    bucket._opened.cache_clear()
    with pytest.raises(BucketAccessError, match="no credentials were found"):
        out.listed()
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    assert not out.listed()
    bucket._opened.cache_clear()


def test_a_bucket_that_is_not_there_is_named(s3: S3) -> None:
    with pytest.raises(BucketAccessError, match=r"s3://no-such-bucket/x: cannot be .*no such bucket"):
        location("s3://no-such-bucket/x").is_dir()


def test_a_copy_on_the_node_is_brought_once_checked_and_brought_again(out: BucketPath, s3: S3) -> None:
    content = os.urandom(300_000)
    (out / "x.bin").put(content)
    s3.requests.clear()
    copy = Path(os.fspath(out / "x.bin"))
    assert copy.read_bytes() == content
    assert copy.parent.name == sha256_of(copy) == sha256_of(out / "x.bin")
    assert s3.requests["GET"] == 1
    with copy.open("r+b") as file:
        file.seek(1000)
        file.write(b"rot")
    assert Path(os.fspath(out / "x.bin")).read_bytes() == content
    assert s3.requests["GET"] == 2
    copy.write_bytes(content[:1000])
    with (out / "x.bin").open("rb") as file:
        assert file.read() == content
    assert s3.requests["GET"] == 3
    with pytest.raises(MissingInputError, match=f"s3://{BUCKET}/.*nothing: no such object"):
        os.fspath(out / "nothing")


def test_two_nodes_have_copies_of_their_own(
    out: BucketPath, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "x").put(b"abc")
    copies = set()
    for node in ("a", "b", "a"):
        monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / node))
        copies.add(os.fspath(out / "x"))
    assert len(copies) == s3.requests["GET"] == 2


def test_many_processes_of_a_node_bring_a_copy_once(out: BucketPath, s3: S3) -> None:
    (out / "x").put(b"abc" * 1000)
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: os.fspath(out / "x"), range(8)))) == 1
    assert s3.requests["GET"] == 1


def test_a_body_that_is_cut_is_asked_for_again(out: BucketPath, s3: S3) -> None:
    content = os.urandom(100_000)
    (out / "x").put(content)
    cuts = iter([60_000, 60_000])
    s3.faults.append(lambda e: next(cuts, None) if e["REQUEST_METHOD"] == "GET" else None)
    assert (out / "x").read_bytes() == content
    cuts = iter([60_000, 60_000])
    assert Path(os.fspath(out / "x")).read_bytes() == content


def test_an_object_that_was_replaced_is_not_the_hashed_one(out: BucketPath) -> None:
    (out / "x").put(b"abc")
    was = fingerprint(out / "x")
    check_unchanged([was])
    (out / "x").put(b"abd")
    with pytest.raises(Exception, match="the file was replaced after the run had begun"):
        check_unchanged([was])


def test_what_is_right_below_a_folder_is_one_request_however_much_lies_deeper(
    out: BucketPath, s3: S3
) -> None:
    for name in ("a.parquet", "b.txt", "deep/c.parquet", "deep/er/d.parquet"):
        (out / name).put(b"x")
    s3.requests.clear()
    assert [path.name for path in out.glob("*.parquet")] == ["a.parquet"]
    assert [path.name for path in out.glob("deep/*")] == ["c.parquet", "er"]
    assert s3.requests == {"LIST": 2}
    assert [str(p.relative_to(out)) for p in out.glob("*/*.parquet")] == ["deep/c.parquet"]


def test_a_thousand_objects_are_removed_by_one_request(out: BucketPath, s3: S3) -> None:
    held = pytest.importorskip("moto.s3.models").s3_backends["123456789012"]["aws"]
    names = [f"parts/{i:05d}" for i in range(1500)]
    for name in names:
        held.put_object(BUCKET, f"{out.place.key}/{name}", b"x")
    assert sum(out.sizes().values()) == 1500
    s3.requests.clear()
    out.remove([out / name for name in [*names, "not-there"]])
    assert s3.requests == {"POST": 2}
    assert not out.listed()


def test_the_start_of_an_object_is_read_without_the_rest(out: BucketPath, s3: S3) -> None:
    (out / "x").put(os.urandom(300_000))
    (out / "empty").put(b"")
    s3.sent.clear()
    assert (out / "x").read_start(100) == (out / "x").read_bytes()[:100]
    assert (out / "empty").read_start(100) == b""
    assert len((out / "x").read_start(400_000)) == 300_000
    assert s3.sent["GET"] == 100 + 300_000 + 300_000


def test_fresh_takes_a_run_out_of_a_bucket_with_few_requests(out: BucketPath, s3: S3) -> None:
    held = pytest.importorskip("moto.s3.models").s3_backends["123456789012"]["aws"]
    start_run(out, "train").finish()
    names = ["a person's.txt", f"train/{'0' * 32}/deep/er.json", "train/mine.txt"]
    names += [f"folds/fold={i}/cutoffs.json" for i in range(1200)]
    for name in names:
        held.put_object(BUCKET, f"{out.place.key}/{name}", b"{}")
    s3.requests.clear()
    old = find_old(out, "train")
    assert old is not None
    assert "1,202 files" in str(old)
    assert "left as they are: a person's.txt, train/" in str(old)
    remove_run(old)
    assert s3.requests.total() < 30
    assert sorted(out.listed()) == ["a person's.txt", "train/mine.txt"]
