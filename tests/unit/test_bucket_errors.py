"""What a store does wrong ends a run with one line, or is waited for; the run goes on; no secret gets out."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
import yaml

from raycre import log
from raycre.backbones.weights import read_state_dict
from raycre.cli import main
from raycre.create.model.weight_files import write_model
from raycre.demo.genome import DemoGenome
from raycre.errors import BucketAccessError, RaycreError
from raycre.events import heard_by
from raycre.genome.fasta import Fasta
from raycre.genome.fingerprint import check_unchanged, fingerprint
from raycre.genome.gtf import read_genes
from raycre.genome.interval_files import read_intervals
from raycre.genome.regions import read_regions
from raycre.genome.tracks import Track
from raycre.genome.tss_table import read_tss_table
from raycre.store import bucket_client, node_cache
from raycre.store.bucket_path import BucketPath
from raycre.store.location import location
from raycre.store.parquet import read_table, write_table
from tests import in_process
from tests.by_hand import write_training
from tests.conftest import bytes_of, perturb_values, predict_config, predict_values
from tests.in_process import connect_to_nothing
from tests.s3_server import BUCKET, ENVIRONMENT, S3, Fault, bucket_at, hiding, serve_s3
from tests.unit.test_train_plan import TINY

RESULTS = ("passes/model=*/*/*.parquet", "effects/test=*/model=*/part-*.parquet", "summary/*.parquet")


@pytest.fixture(scope="module")
def served() -> Iterator[S3]:
    with serve_s3() as s3, bucket_at(s3, patience=0.2):
        yield s3


@pytest.fixture
def s3(served: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("raycre.store.ledger.PAUSE", 0)
    monkeypatch.setattr(node_cache, "PAUSE", 0)
    monkeypatch.setattr("raycre.workflows.perturb.run.run_creme", in_process.run_creme)
    connect_to_nothing(monkeypatch)
    yield served
    served.faults.clear()


def values_of(genome: DemoGenome, out: str, fasta: str) -> dict[str, Any]:
    values = perturb_values(genome, out, ("ENHA",))  # type: ignore[arg-type]
    values["inputs"]["fasta"] = fasta
    return values | {"tests": ["context"], "creme": {"n_shuffles": {"context": 2}}}


@pytest.fixture(scope="module")
def calm(genome: DemoGenome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from raycre.config import PerturbConfig, make_config

    out = tmp_path_factory.mktemp("calm") / "run"
    with pytest.MonkeyPatch.context() as patch:
        connect_to_nothing(patch)
        in_process.run_creme(make_config(PerturbConfig, values_of(genome, str(out), str(genome.fasta))))
    return out


def is_part(request: dict[str, Any]) -> bool:
    return request["REQUEST_METHOD"] == "PUT" and "/part-" in request["PATH_INFO"]


class Wrong(NamedTuple):
    """A fault of the store, or of what is asked of it; its exit code, and what its line says."""

    fault: Fault | None
    code: int
    said: str
    out: str = f"s3://{BUCKET}/NAME"


# Name -> what goes wrong, from the first request on or when parts are written.
WRONG: dict[str, Wrong] = {
    "no such bucket": Wrong(None, 2, "there is no such bucket", "s3://no-such-bucket/NAME"),
    "another region": Wrong(lambda r: (301, "PermanentRedirect"), 2, "set AWS_REGION to its region"),
    "expired": Wrong(lambda r: (400, "ExpiredToken"), 2, "the credentials have expired"),
    "expires meanwhile": Wrong(
        lambda r: (400, "ExpiredToken") if is_part(r) else None, 3, "failures.parquet says why"
    ),
    "wrong key": Wrong(lambda r: (403, "SignatureDoesNotMatch"), 2, "does not belong to the access key"),
    "may not write": Wrong(
        lambda r: (403, "AccessDenied") if r["REQUEST_METHOD"] == "PUT" else None, 2, "access is denied"
    ),
    "a clock that is off": Wrong(lambda r: (403, "RequestTimeTooSkewed"), 2, "clock is minutes off"),
    "fails": Wrong(lambda r: (500, "InternalError"), 1, "run again to go on"),
    "is overloaded": Wrong(
        lambda r: (503, "SlowDown") if is_part(r) else None, 3, "failures.parquet says why"
    ),
    "an input that is cut": Wrong(
        lambda r: 10**9 if r["REQUEST_METHOD"] == "GET" and "genome.fa" in r["PATH_INFO"] else None,
        1, "bytes came, and in 5 tries no more",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_the_store_is_one_line_and_the_run_goes_on_once_it_is_right(
    name: str,
    genome: DemoGenome,
    calm: Path,
    tmp_path: Path,
    s3: S3,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong, place = WRONG[name], name.replace(" ", "-")
    fasta = location(f"s3://{BUCKET}/{place}/genome.fa")
    fasta.write_bytes(genome.fasta.read_bytes())
    config = tmp_path / "run.yaml"

    def run(out: str) -> tuple[int, str]:
        config.write_text(yaml.safe_dump(values_of(genome, out, str(fasta))))
        with pytest.raises(SystemExit) as end:
            main(["creme", "config", "--config", str(config)])
        return int(end.value.code or 0), capsys.readouterr().err

    s3.faults[:] = [] if wrong.fault is None else [wrong.fault]
    code, error = run(wrong.out.replace("NAME", place))
    s3.faults.clear()
    assert code == wrong.code, error
    *notes, last = error.splitlines()
    assert last.startswith("error: ")
    assert wrong.said in last
    assert not [line for line in notes if "rror" in line or "Traceback" in line]
    code, error = run(f"s3://{BUCKET}/{place}/run")
    assert code == 0, error
    there = location(f"s3://{BUCKET}/{place}/run")
    for pattern in RESULTS:
        expected = bytes_of(calm, pattern)
        assert expected
        assert bytes_of(there, pattern) == expected
    assert not list((there / "lease").iterdir())


def test_a_listing_that_takes_long_is_waited_for(s3: S3) -> None:
    out = location(f"s3://{BUCKET}/long")
    (out / "x").write_bytes(b"x")
    asked, go_on = threading.Event(), threading.Event()

    def wait(request: dict[str, Any]) -> Callable[[bytes], bytes] | None:
        def answer(body: bytes) -> bytes:
            asked.set()
            assert go_on.wait(30)
            return body

        return answer if "list-type" in request["QUERY_STRING"] else None

    s3.faults.append(wait)
    found: list[str] = []
    listing = threading.Thread(target=lambda: found.extend(path.name for path in out.iterdir()))
    listing.start()
    assert asked.wait(30)
    assert not found
    go_on.set()
    listing.join(30)
    assert found == ["x"]


def test_a_store_that_lists_late_does_parts_again_of_which_the_first_stay_and_says_none_failed(
    genome: DemoGenome, tmp_path: Path, s3: S3
) -> None:
    few = tmp_path / "few.bed"
    few.write_text("".join(genome.candidates.read_text().splitlines(keepends=True)[:60]))
    checkpoint = write_training(tmp_path / "train")
    inputs = predict_values(genome, checkpoint, tmp_path)["inputs"] | {"regions": str(few)}
    records: list[dict[str, Any]] = []
    out, first = location(f"s3://{BUCKET}/late"), None
    parts = [f"late/predictions/part-{number:05d}.parquet" for number in range(3)]
    for place, hidden in ((tmp_path / "disk", []), (out, parts), (out, parts[:2])):
        s3.faults[:] = [hiding(hidden)]
        config = predict_config(genome, checkpoint, place, inputs=inputs, views=2, shard_size=25)
        record = in_process.run_predict(config)
        records.append({key: record[key] for key in ("calls", "shards", "failed_shards")})
        if place is out:
            times = [(place / name.partition("/")[2]).stat().st_mtime_ns for name in parts]
            first = first or times
            assert times == first
    s3.faults.clear()
    assert records[0] == records[1] == records[2]
    assert records[0]["failed_shards"] == 0
    for pattern in ("predictions/*.parquet", "summary/*.parquet"):
        assert bytes_of(out, pattern) == bytes_of(tmp_path / "disk", pattern) != {}


SECRETS = {
    **{key: value for key, value in ENVIRONMENT.items() if "KEY" in key},
    "AWS_SESSION_TOKEN": "planted-token-of-the-session",
    "AZURE_STORAGE_ACCOUNT_KEY": "cGxhbnRlZC1henVyZS1rZXk=",
    "AZURE_STORAGE_SAS_KEY": "sv=2026&sig=planted-sas",
    "GOOGLE_SERVICE_ACCOUNT_KEY": '{"private_key": "planted-google-key"}',
    "RAY_AUTH_TOKEN": "planted-ray-token-0123456789abcdef",
    "HF_TOKEN": "hf_planted_token",
}
IN_URLS = {
    "s3://AKIAURL:planted-in-url@runs/x": "planted-in-url",
    "s3://runs/x?X-Amz-Signature=planted-signature": "planted-signature",
    "abfs://c@a.dfs.core.windows.net/x?sig=planted-in-sas": "planted-in-sas",
    "https://user:planted-password@example.org/x.fa": "planted-password",
}


@pytest.fixture(scope="module")
def told(genome: DemoGenome, served: S3, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All that a run in a bucket, which fails once and goes on, tells anyone: by where it is told."""
    base = tmp_path_factory.mktemp("told")
    found: dict[str, str] = {}
    events: list[str] = []
    out = location(f"s3://{BUCKET}/secret/run")
    assert isinstance(out, BucketPath)
    config, lines = base / "run.yaml", logging.StreamHandler((base / "log").open("w"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (SECRETS | {"RAYCRE_CACHE": str(base / "cache")}).items():
            patch.setenv(name, value)
        patch.setattr("raycre.store.ledger.PAUSE", 0)
        patch.setattr("raycre.workflows.perturb.run.run_creme", in_process.run_creme)
        connect_to_nothing(patch)
        config.write_text(yaml.safe_dump(values_of(genome, str(out), str(genome.fasta))))
        log.LOG.addHandler(lines)
        try:
            with heard_by(lambda kind, facts: events.append(f"{kind} {dict(facts)}")):
                run = ["creme", "config", "--config", str(config)]
                served.faults[:] = [lambda r: (403, "AccessDenied") if is_part(r) else None]
                found |= _streams("a run that fails", ["--log-json", *run])
                failures = raycre_failures(out)
                served.faults.clear()
                found |= _streams("a run", run)
        finally:
            log.LOG.removeHandler(lines)
            log.log_json(False)
            served.faults.clear()
        found["failures.parquet"] = failures
        found["metrics"] = "\n".join(events)
        found["logger"] = (base / "log").read_text()
        for name, words in {
            "status": f"status {out}", "status --json": f"status {out} --json",
            "timeline": f"status {out} --timeline {base / 'timeline.html'}", "show": f"show {out} --json",
            "report": f"report {out} --out {base / 'report.html'}", "doctor": f"doctor --config {config}",
            "doctor alone": "doctor --json", "export": f"export {out} --tsv --out {base / 'files'}",
            "init": f"init creme --fill {out} -o {base / 'creme.yaml'}", "version": "--version",
        }.items():  # fmt: skip
            found |= _streams(name, words.split())
        for url in IN_URLS:
            values = values_of(genome, str(base / "x"), url)
            config.write_text(yaml.safe_dump(values))
            found |= _streams(f"a configuration with {url}", run)
            found |= _streams(f"show {url}", ["show", url])
        patch.setenv("AWS_ENDPOINT_URL", "http://user:planted-in-endpoint@127.0.0.1:1")
        bucket_client._opened.cache_clear()
        found |= _streams("a store that is not there", ["show", str(out)])
        try:
            (out / "run.json").read_bytes()
        except RaycreError:
            found["traceback"] = traceback.format_exc()
    bucket_client._opened.cache_clear()
    for name in out.listed():
        found[f"run/{name}"] = (out / name).read_bytes().decode(errors="replace")
    for path in base.rglob("*"):
        if path.is_file() and path.name != "run.yaml" and "cache" not in path.parts:
            found[str(path.relative_to(base))] = path.read_text(errors="replace")
    return found


def raycre_failures(out: Path) -> str:
    return str(read_table(out / "failures.parquet").to_pylist())


def _streams(name: str, words: list[str]) -> dict[str, str]:
    """What a command says on both streams."""
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    out, error = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(error), pytest.raises(SystemExit):
        main(words)
    return {f"{name}: stdout": out.getvalue(), f"{name}: stderr": error.getvalue()}


@pytest.mark.parametrize("secret", [*SECRETS, *IN_URLS, "AWS_ENDPOINT_URL"])
def test_no_secret_gets_into_anything_that_a_run_tells(secret: str, told: dict[str, str]) -> None:
    value = SECRETS.get(secret) or IN_URLS.get(secret) or "planted-in-endpoint"
    parts = [value, *(part for part in value.split('"') if part.startswith("planted-"))]
    leaks = [name for name, text in told.items() for part in parts if part in text and part not in name]
    assert leaks == []


def test_all_that_a_run_tells_was_looked_through(told: dict[str, str]) -> None:
    """So that the test above cannot pass for want of anything to look through."""
    for name in (
        "run/run.json", "failures.parquet", "metrics", "logger", "report.html", "timeline.html",
        "creme.yaml", "traceback", "status: stdout", "doctor: stdout", "a run that fails: stderr",
        "a store that is not there: stderr", "show: stdout",
    ):  # fmt: skip
        assert told[name].strip(), name
    assert any(name.startswith("run/journal/") for name in told)
    assert any(name.startswith("files/") for name in told)
    assert '"unit"' in told["a run that fails: stderr"]
    assert "AccessDenied" not in told["a run that fails: stderr"]
    assert "access is denied" in told["failures.parquet"]
    assert json.loads(told["status --json: stdout"])["state"] == "finished"
    assert "forward" in told["metrics"]
    for url in IN_URLS:
        assert "error: " in told[f"show {url}: stderr"]
        assert "error: " in told[f"a configuration with {url}: stderr"]


# Name of a file of the demo's genome, or of one made of it -> what reads it.
READERS: dict[str, Callable[[Path, dict[str, int]], object]] = {
    "genome.fa": lambda path, sizes: Fasta(path).read("chr1", 0, 100),
    "dnase_rep1.bw": lambda path, sizes: Track(path, sizes).read_many(["chr1"], np.array([0]), 1000),
    "dnase_rep2.bw": lambda path, sizes: read_intervals(path),
    "candidates.bed": lambda path, sizes: read_regions(path),
    "regions.parquet": lambda path, sizes: read_regions(path),
    "genes.gtf": lambda path, sizes: read_genes(path),
    "tss.parquet": lambda path, sizes: read_tss_table(path),
    "model.safetensors": lambda path, sizes: read_state_dict(path),
    "table.parquet": lambda path, sizes: read_table(path),
}


@pytest.mark.parametrize("name", READERS)
def test_a_store_that_refuses_is_never_taken_for_a_damaged_file(
    name: str, genome: DemoGenome, tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever request of a reader is refused."""
    place = location(f"s3://{BUCKET}/readers/{name}")
    place.write_bytes(_file_of(name, genome, tmp_path))
    left, outcomes, sizes = [0], [], Fasta(genome.fasta).sizes

    def refuse(request: dict[str, Any]) -> tuple[int, str] | None:
        left[0] -= 1
        return (403, "AccessDenied") if left[0] == 0 else None

    s3.faults.append(refuse)
    for number in range(1, 40):
        monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / f"cache-{number}"))
        left[0] = number
        try:
            READERS[name](place, sizes)
        except BucketAccessError:
            outcomes.append("refused")
        else:
            outcomes.append("read")
            if left[0] > 0:  # fewer requests than that
                break
    assert outcomes[0] == "refused"
    assert outcomes[-1] == "read"


def test_an_object_that_cannot_be_asked_for_was_not_replaced(s3: S3) -> None:
    place = location(f"s3://{BUCKET}/readers/known")
    place.write_bytes(b"abc")
    known = fingerprint(place)
    s3.faults.append(lambda request: (403, "AccessDenied"))
    with pytest.raises(BucketAccessError, match="access is denied"):
        check_unchanged([known])


def _file_of(name: str, genome: DemoGenome, folder: Path) -> bytes:
    path = folder / name
    if (genome.folder / name).is_file():
        return (genome.folder / name).read_bytes()
    if name.startswith(("regions", "table")):
        write_table(path, pa.table({"chrom": ["chr1"], "start": [0], "end": [1000]}))
    elif name.startswith("tss"):
        rows = {"chrom": ["chr1"], "tss": [100], "strand": ["+"], "gene_id": ["A"], "gene_name": ["A"]}
        write_table(path, pa.table(rows))
    else:
        write_model(path, TINY.build())
    return path.read_bytes()
