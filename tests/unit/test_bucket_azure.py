"""Azure Blob Storage by its emulator: what S3 promises, it does, too.

Where the emulator is not installed, the tests are skipped; see `tests/emulators.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raycre.demo.genome import DemoGenome
from raycre.errors import BucketAccessError, MissingInputError, RunHeldError
from raycre.store import bucket
from raycre.store.bucket_path import BucketPath
from raycre.store.lease import Lease
from raycre.store.ledger import Ledger
from raycre.store.location import location
from tests.conftest import bytes_of, perturb_config
from tests.emulators import serve_azure
from tests.in_process import connect_to_nothing, run_creme

pytest.importorskip("obstore", reason="object storage needs raycre[cloud]")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    bucket._opened.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYCRE_BUCKET_PATIENCE", "2")
        with serve_azure(tmp_path_factory.mktemp("azure")) as url:
            yield url
    bucket._opened.cache_clear()


@pytest.fixture
def out(
    url: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> BucketPath:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    found = location(f"{url}/{request.node.name.partition('[')[0]}")
    assert isinstance(found, BucketPath)
    return found


def test_an_object_is_written_read_listed_replaced_and_removed(out: BucketPath) -> None:
    names = ["fold=0/a b.json", "deep/er/x", "x"]
    for name in names:
        (out / name).write_text(name)
    assert sorted(out.listed()) == sorted(names)
    assert [(out / name).read_text() for name in names] == names
    assert {path.name for path in out.iterdir()} == {"fold=0", "deep", "x"}
    assert [path.name for path in out.glob("fold=*")] == ["fold=0"]
    assert (out / "x").read_start(1) == b"x"
    before = (out / "x").stat()
    (out / "x").write_text("other")
    after = (out / "x").stat()
    assert (after.st_size, after.st_ino != before.st_ino) == (5, True)
    (out / "x").unlink()
    (out / "x").unlink()
    assert not (out / "x").exists()
    assert (out / "deep").is_dir()


def test_an_object_is_created_once_and_tries_are_all_counted(out: BucketPath) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda n: (out / "part").create(b"%d" % n), range(8)))
        sizes = list(threads.map(lambda _: (out / "mark").append(b"."), range(8)))
    assert (out / "part").read_bytes() in [b"%d" % n for n, new in enumerate(made) if new]
    assert sum(made) == 1
    assert sorted(sizes) == list(range(1, 9))


def test_a_copy_is_brought_checked_and_brought_again(out: BucketPath) -> None:
    content = os.urandom(100_000)
    (out / "x.bin").put(content)
    copy = Path(os.fspath(out / "x.bin"))
    assert copy.read_bytes() == content
    copy.write_bytes(b"rot" + content[3:])
    assert Path(os.fspath(out / "x.bin")).read_bytes() == content
    with pytest.raises(MissingInputError, match="no such object"):
        os.fspath(out / "nothing")


def test_the_ledger_and_the_lease_hold(out: BucketPath) -> None:
    ledger = Ledger(out, "parts")
    assert ledger.run("a", lambda: (out / "parts" / "a.parquet").create(b"x")).error is None
    assert ledger.pending(["a", "b"]) == ["b"]
    first = Lease(out, "raycre predict")
    first.claim()
    with pytest.raises(RunHeldError):
        Lease(out, "raycre predict").claim()
    first.release()
    assert out.listed() == ["parts/a.parquet"]


def test_a_container_that_is_not_there_is_named(url: str) -> None:
    with pytest.raises(BucketAccessError, match="there is no such"):
        location(f"{url.partition('://')[0]}://no-such-bucket/x").is_dir()


def test_a_run_has_the_bytes_of_a_disk_and_goes_on(
    out: BucketPath, genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_to_nothing(monkeypatch)
    creme = {"n_shuffles": {"context": 2, "necessity": 2}, "tiles": [268, 5268]}
    for place in (tmp_path / "disk", out / "run"):
        run_creme(perturb_config(genome, place, tests=["context", "necessity"], creme=creme))
    sorted((out / "run").glob("passes/model=*/*/part-*.parquet"))[0].unlink()
    run_creme(perturb_config(genome, out / "run", tests=["context", "necessity"], creme=creme))
    for pattern in ("passes/model=*/*/*.parquet", "effects/test=*/model=*/*.parquet", "summary/*.parquet"):
        assert bytes_of(out / "run", pattern) == bytes_of(tmp_path / "disk", pattern) != {}
    assert not list((out / "run" / "lease").iterdir())
