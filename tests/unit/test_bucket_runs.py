"""Runs whose folder, or whose inputs, are in a bucket: what they write is what they write on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raycre.cli import main
from raycre.create.model.weight_files import write_model
from raycre.demo.genome import DemoGenome
from raycre.errors import RunMismatchError, TasksFailedError
from raycre.report.page import write_report
from raycre.store.bucket_path import BucketPath
from raycre.store.files import read_json
from raycre.store.location import location
from raycre.store.parquet import read_table
from raycre.workflows.predict.run import run_predict
from tests.compared_runs import two_genes, write_genome, write_run
from tests.conftest import bytes_of, perturb_config, predict_config
from tests.in_process import connect_to_nothing, run_creme
from tests.in_process import run_predict as run_here
from tests.s3_server import BUCKET, ENVIRONMENT, S3, bucket_at, serve_s3
from tests.unit.test_cli import ends
from tests.unit.test_train_plan import TINY

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


def test_predict_writes_into_a_bucket_what_it_writes_on_a_disk(
    genome: DemoGenome, tmp_path: Path, s3: S3
) -> None:
    def here(rows: Any, read: Any, kind: type, arguments: tuple[Any, ...], share: Any) -> Iterator[Any]:
        replica = kind(*arguments)
        yield from (replica(read(row)) for row in rows)

    few = tmp_path / "few.bed"
    few.write_text("".join(genome.candidates.read_text().splitlines(keepends=True)[:60]))
    write_model(tmp_path / "model.safetensors", TINY.build())
    remote = location(f"s3://{BUCKET}/models/model.safetensors")
    remote.write_bytes((tmp_path / "model.safetensors").read_bytes())
    there = location(f"s3://{BUCKET}/predict")
    for checkpoint, out in ((tmp_path / "model.safetensors", tmp_path / "local"), (remote, there)):
        inputs: dict[str, Any] = {"fasta": str(genome.fasta), "regions": str(few)}
        inputs["openness"] = [str(path) for path in genome.openness]
        values = {"inputs": inputs, "views": 2, "shard_size": 25}
        run_predict(predict_config(genome, checkpoint, out, **values), stream=here)
    patterns = ("predictions/part-*.parquet", "summary/*.parquet", "plan.parquet", "inputs/*.parquet")
    for pattern in patterns:
        expected = bytes_of(tmp_path / "local", pattern)
        assert expected
        assert bytes_of(there, pattern) == expected
    assert not list((there / "attempts").iterdir())


def test_a_run_in_a_bucket_goes_on_is_found_finished_and_is_removed(
    genome: DemoGenome, tmp_path: Path, s3: S3, capsys: pytest.CaptureFixture[str]
) -> None:
    out = location(f"s3://{BUCKET}/again")
    creme(genome, str(out))
    before = parts_of(out)
    lost = sorted(path for path in out.glob("passes/model=*/*/part-*.parquet"))[0]
    lost.unlink()
    creme(genome, str(out))
    assert parts_of(out) == before
    record = read_json(out / "run.json")
    assert record["finished"]
    assert record["config"]["run"]["out"] == str(out)
    assert not list((out / "lease").iterdir())
    assert not list((out / "attempts").iterdir())
    (out / "notes.txt").write_text("a person's")
    other = {"name": "c", "out": str(out), "seed": 9}
    with pytest.raises(RunMismatchError, match="--fresh"):
        creme(genome, str(out), run=other)
    run_creme(perturb_config(genome, out, tests=["context"], creme=SMALL, run=other), fresh=True)
    assert "notes.txt" in capsys.readouterr().err
    assert {path.name for path in out.glob("effects/test=*")} == {"test=context"}
    assert (out / "notes.txt").read_text() == "a person's"


def test_no_secret_gets_into_a_run_its_errors_or_its_report(
    genome: DemoGenome,
    tmp_path: Path,
    s3: S3,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "planted-token-of-the-session")
    monkeypatch.setenv("RAYCRE_BUCKET_PATIENCE", "0.1")
    monkeypatch.setattr("raycre.store.ledger.PAUSE", 0)
    out = location(f"s3://{BUCKET}/secrets")
    assert isinstance(out, BucketPath)
    s3.faults.append(
        lambda e: (
            (500, "InternalError") if e["REQUEST_METHOD"] == "PUT" and "/part-" in e["PATH_INFO"] else None
        )
    )
    with pytest.raises(TasksFailedError, match=f"s3://{BUCKET}/secrets/failures.parquet says why"):
        creme(genome, str(out))
    errors = read_table(out / "failures.parquet")["error"].to_pylist()
    assert all(f"s3://{BUCKET}/secrets" in error and "InternalError" in error for error in errors)
    s3.faults.clear()
    write_report([out], out / "report.html")
    written = b"".join((out / name).read_bytes() for name in out.listed()).decode(errors="replace")
    texts = [written, "".join(capfd.readouterr()), str(read_table(out / "failures.parquet").to_pydict())]
    for secret in (*[v for k, v in ENVIRONMENT.items() if "KEY" in k], "planted-token-of-the-session"):
        assert not any(secret in text for text in texts)
    creme(genome, str(out))  # goes on
    assert not (out / "failures.parquet").exists()


def test_a_bucket_that_fails_ends_a_command_with_one_line(
    s3: S3, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYCRE_BUCKET_PATIENCE", "0.1")
    assert ends(["report", "s3://no-such-bucket/x", "--out", str(tmp_path / "x.html")]) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    s3.faults.append(lambda e: (503, "SlowDown"))
    assert ends(["report", f"s3://{BUCKET}/x", "--out", str(tmp_path / "x.html")]) == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert f"s3://{BUCKET}" in said
    assert "it answered 503" in said  # a HEAD has no body to say more


def test_a_report_reads_a_run_in_a_bucket(genome: DemoGenome, tmp_path: Path, s3: S3) -> None:
    out = location(f"s3://{BUCKET}/read")
    creme(genome, str(out))
    write_report([out], out / "report.html")
    page = (out / "report.html").read_text()
    assert "<figure" in page
    assert str(out) in page


def test_inputs_in_a_bucket_are_brought_once_and_give_the_same_rows(
    genome: DemoGenome, tmp_path: Path, s3: S3
) -> None:
    creme(genome, tmp_path / "local")
    for path in (genome.fasta, genome.gtf):
        (location(f"s3://{BUCKET}/genome") / path.name).write_bytes(path.read_bytes())
    inputs = {
        "fasta": f"s3://{BUCKET}/genome/{genome.fasta.name}",
        "gtf": f"s3://{BUCKET}/genome/{genome.gtf.name}",
        "genes": ["ENHA", "SILA"],
    }
    s3.requests.clear()
    creme(genome, tmp_path / "remote", inputs=inputs)
    assert s3.requests["GET"] == 2
    creme(genome, tmp_path / "again", inputs=inputs)
    assert s3.requests["GET"] == 2
    expected = parts_of(tmp_path / "local")
    assert parts_of(tmp_path / "remote") == parts_of(tmp_path / "again") == expected
    record = read_json(tmp_path / "remote" / "run.json")
    assert record["config"]["inputs"]["fasta"] == inputs["fasta"]


def test_compare_reads_and_writes_a_run_in_a_bucket(
    genome: DemoGenome, tmp_path: Path, s3: S3, capsys: pytest.CaptureFixture[str]
) -> None:
    intervals = tmp_path / "known.bed"
    intervals.write_text("chr1\t1000\t9000\n")
    tables = {}
    for name, out in (("disk", tmp_path / "compared"), ("bucket", location(f"s3://{BUCKET}/compared"))):
        fasta = write_genome(tmp_path)
        write_run(out, fasta, two_genes())
        with pytest.raises(SystemExit, match="0"):
            main(["compare", "overlap", str(out), str(intervals), "--test", "necessity"])
        tables[name] = {
            str(path.relative_to(out)): path.read_bytes() for path in out.glob("summary/compare_*.parquet")
        }
    assert tables["disk"]
    assert tables["disk"] == tables["bucket"]
    out = location(f"s3://{BUCKET}/compared")
    assert isinstance(out, BucketPath)
    secret = ENVIRONMENT["AWS_SECRET_ACCESS_KEY"].encode()
    assert not [name for name in out.listed() if secret in (out / name).read_bytes()]
    assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in "".join(capsys.readouterr())


def test_a_shard_of_a_prediction_costs_nine_requests(genome: DemoGenome, tmp_path: Path, s3: S3) -> None:
    """Four of reading it (mark, look, regions, mark away), four of its part, and one to count its calls."""
    write_model(tmp_path / "model.safetensors", TINY.build())
    lines = genome.candidates.read_text().splitlines(keepends=True)
    counted = []
    for shards in (4, 9):
        regions, out = tmp_path / f"{shards}.bed", location(f"s3://{BUCKET}/counted-{shards}")
        regions.write_text("".join(lines[: 10 * shards]))
        inputs: dict[str, Any] = {"fasta": str(genome.fasta), "regions": str(regions)}
        inputs["openness"] = [str(path) for path in genome.openness]
        config = predict_config(
            genome, tmp_path / "model.safetensors", out, inputs=inputs, views=1, shard_size=10
        )
        s3.requests.clear()
        run_here(config)
        counted.append(dict(s3.requests))
    few, many = counted
    assert {kind: (many[kind] - few.get(kind, 0)) / 5 for kind in many} == {
        "PUT": 3, "HEAD": 3, "POST": 2, "GET": 1, "LIST": 0,
    }  # fmt: skip
