"""What object storage costs a run: a listing beside a bare client's, and requests and bytes of a prediction.

    python benchmarks/buckets.py --parts 100000
    python benchmarks/buckets.py --shards 40 80

Both talk to S3 on the loopback. The first lists so many parts, in turn by obstore alone, into a set of names,
and by the ledger; a process of its own answers with pages made before, so that its time is in neither. The
second runs `predict` in this process, against moto, with two numbers of shards: the difference is what shards
cost, the rest is the run's own. It needs the extras test and cloud.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 1000  # keys of a listing's answer, as S3 has it
ROUNDS = 9


def page(keys: list[str], following: int | None) -> bytes:
    """One answer to ListObjectsV2."""
    entries = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{number:032x}&quot;</ETag><Size>102400</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for number, key in enumerate(keys)
    )
    more = "" if following is None else f"<NextContinuationToken>{following}</NextContinuationToken>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>runs</Name><KeyCount>'
        f"{len(keys)}</KeyCount><MaxKeys>{PAGE}</MaxKeys><IsTruncated>{str(following is not None).lower()}"
        f"</IsTruncated>{more}{entries}</ListBucketResult>"
    ).encode()


def serve(n: int, told: Any) -> None:
    """Serve a bucket of n parts that can be listed; tell the port, then the number of requests when asked."""
    keys = [f"run/predictions/part-{number:06d}.parquet" for number in range(n)]
    starts = range(0, n, PAGE)
    pages = [page(keys[at : at + PAGE], at // PAGE + 1 if at + PAGE < n else None) for at in starts]
    asked: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            asked["LIST"] += "list-type" in query
            body = pages[int(query.get("continuation-token", ["0"])[0])]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_port)
    import threading

    threading.Thread(target=server.serve_forever, daemon=True).start()
    while told.recv() is not None:
        told.send(asked["LIST"])


def measure_listing(n: int) -> dict[str, Any]:
    """Time a bare listing and the ledger's, turn by turn, and count the requests of each."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(n, theirs), daemon=True)
    process.start()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ours.recv()}",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
    }
    from obstore.store import S3Store

    from raycre.store.ledger import Ledger
    from raycre.store.location import location

    endpoint = os.environ["AWS_ENDPOINT_URL"]
    store = S3Store("runs", endpoint=endpoint, client_options={"allow_http": True})
    ledger = Ledger(location("s3://runs/run"), "predictions")
    units = [f"part-{number:06d}" for number in range(n)]

    def bare() -> None:
        import obstore

        names = {
            meta["path"] for some in obstore.list(store, "run/predictions", chunk_size=PAGE) for meta in some
        }
        assert len(names) == n

    def pending() -> None:
        assert not ledger.pending(units)

    works: dict[str, Callable[[], None]] = {"bare client": bare, "ledger": pending}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    requests: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, work in works.items():
            before = _asked(ours)
            wall, processor = time.perf_counter(), time.process_time()
            work()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - processor))
            requests[name] = _asked(ours) - before
    ours.send(None)
    process.join(5)
    middle = {
        name: {
            "wall_s": round(min(wall for wall, _ in each), 3),  # others use the machine as well
            "processor_s": round(statistics.median(cpu for _, cpu in each), 3),
            "requests": requests[name],
        }
        for name, each in seconds.items()
    }
    ours_s, bare_s = middle["ledger"], middle["bare client"]
    ratios = {what: round(ours_s[what] / bare_s[what], 3) for what in ("wall_s", "processor_s")}
    return {"parts": n, **middle, "ledger over bare client": ratios}


def _asked(told: Any) -> int:
    told.send("how many")
    found: int = told.recv()
    return found


def measure_run(shards: list[int]) -> dict[str, Any]:
    """Count requests and bytes of predictions of so many shards of 25 regions each."""
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
    import pytest

    from raycre.demo.genome import write_demo_genome
    from raycre.store.location import location
    from tests.by_hand import write_training
    from tests.conftest import predict_config, predict_values
    from tests.in_process import connect_to_nothing, run_predict
    from tests.s3_server import BUCKET, bucket_at, serve_s3

    found = []
    with (
        tempfile.TemporaryDirectory() as base,
        serve_s3() as s3,
        bucket_at(s3),
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(base)
        connect_to_nothing(patch)
        patch.setenv("RAYCRE_CACHE", str(folder / "cache"))
        genome = write_demo_genome(folder / "genome", n_labelled=50, n_candidates=25 * max(shards) + 200)
        checkpoint = write_training(folder / "train", n=1)
        lines = genome.candidates.read_text().splitlines(keepends=True)
        for n in shards:
            regions, out = folder / f"{n}.bed", location(f"s3://{BUCKET}/run-{n}")
            regions.write_text("".join(lines[: 25 * n]))
            inputs = predict_values(genome, checkpoint, folder)["inputs"] | {
                "regions": str(regions),
                "blacklist": None,
            }
            for count in (s3.requests, s3.sent, s3.received):
                count.clear()
            run_predict(predict_config(genome, checkpoint, out, inputs=inputs, views=2, shard_size=25))
            found.append(
                {
                    "shards": n,
                    "requests": dict(s3.requests),
                    "sent": dict(s3.sent),
                    "received": dict(s3.received),
                }
            )
    few, many = found[0], found[-1]
    more = many["shards"] - few["shards"]
    kinds = sorted(many["requests"])
    each = {
        what: {kind: (many[what].get(kind, 0) - few[what].get(kind, 0)) / more for kind in kinds}
        for what in ("requests", "sent", "received")
    }
    own = {
        kind: round(few["requests"].get(kind, 0) - few["shards"] * each["requests"][kind], 1)
        for kind in kinds
    }
    return {
        "measured": found,
        "of a shard": each,
        "of the run itself": own,
        "requests of 100,000 shards": round(100_000 * sum(each["requests"].values()) + sum(own.values())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=int, help="how many to list")
    parser.add_argument("--shards", type=int, nargs=2, help="of two predictions whose requests are counted")
    given = parser.parse_args()
    if given.parts:
        print(json.dumps(measure_listing(given.parts), indent=1))
    if given.shards:
        print(json.dumps(measure_run(sorted(given.shards)), indent=1))


if __name__ == "__main__":
    main()
