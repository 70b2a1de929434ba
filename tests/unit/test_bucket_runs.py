"""Runs whose folder, or whose inputs, are in a bucket: what they write is what they write on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raycre.demo.genome import DemoGenome
from raycre.store.location import location
from tests.conftest import perturb_config
from tests.in_process import connect_to_nothing, run_creme
from tests.s3_server import BUCKET, S3, bucket_at, serve_s3

SMALL = {"n_shuffles": {"context": 2, "necessity": 2}, "tiles": [268, 5268]}


@pytest.fixture(scope="module")
def served() -> Iterator[S3]:
    with serve_s3() as s3, bucket_at(s3):
        yield s3


@pytest.fixture
def s3(served: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    connect_to_nothing(monkeypatch)
    served.requests.clear()
    yield served
    served.faults.clear()


def parts_of(out: Path) -> dict[str, bytes]:
    patterns = ("passes/model=*/*/*.parquet", "effects/test=*/model=*/part-*.parquet", "summary/*.parquet")
    found = {path for pattern in patterns for path in out.glob(pattern)}
    return {str(path.relative_to(out)): path.read_bytes() for path in found}


def creme(genome: DemoGenome, out: Path | str, **changes: Any) -> dict[str, Any]:
    given = {"tests": ["context", "necessity"], "creme": SMALL} | changes
    return run_creme(perturb_config(genome, out, **given))  # type: ignore[arg-type]


def test_creme_writes_into_a_bucket_what_it_writes_on_a_disk(
    genome: DemoGenome, tmp_path: Path, s3: S3
) -> None:
    creme(genome, tmp_path / "local")
    creme(genome, f"s3://{BUCKET}/creme")
    there = location(f"s3://{BUCKET}/creme")
    expected, found = parts_of(tmp_path / "local"), parts_of(there)
    assert expected.keys() == found.keys()
    assert len(expected) > 4
    assert expected == found
