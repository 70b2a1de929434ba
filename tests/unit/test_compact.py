"""`raycre compact`: the same rows in few files, wherever it is cut off, and a run that goes on and grows."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import raycre
from raycre.cli import main
from raycre.demo.genome import DemoGenome
from raycre.errors import (
    ConfigError,
    FormatError,
    LeaseLostError,
    MissingInputError,
    RunHeldError,
    RunMismatchError,
)
from raycre.figures.blocks import Table
from raycre.figures.header import read_bookkeeping
from raycre.store.bucket_path import BucketPath
from raycre.store.classified import read_predict_run
from raycre.store.fields import INT, schema_of
from raycre.store.lease import Lease
from raycre.store.ledger import Ledger
from raycre.store.location import location
from raycre.store.parquet import as_table, iter_parts, read_parts, read_table, write_table
from raycre.store.schemas import PREDICTIONS, SHARDS
from raycre.store.summary import read_record
from raycre.workflows import compact
from raycre.workflows.compact import Held, groups_of, run_compact
from raycre.workflows.status.read import read_status
from tests.by_hand import write_training
from tests.conftest import bytes_of, predict_config
from tests.in_process import run_predict
from tests.run_folders import SHA, prediction_rows, start_run
from tests.s3_server import BUCKET, bucket_at, serve_s3

N = 12  # parts


class Killed(BaseException):
    """Ends a merging as a kill does: nothing is put right."""


class _Free:
    """A lease that nobody holds."""

    def __init__(self, out: Path, command: str) -> None:
        pass

    def claim(self) -> None:
        pass

    check = release = claim


def unit(i: int) -> str:
    return f"part-{i:05d}"


def write_predictions(out: Path, n: int = N, lacking: tuple[int, ...] = (), digest: str = "a") -> Path:
    """A finished prediction in parts of two regions, with the digest of their run; some parts may lack."""
    run = start_run(out, "predict")
    rows = prediction_rows(["enhancer", "background"] * n, [0.9, 0.6] * n)
    plan = pd.DataFrame({"unit": [unit(i) for i in range(n)], "shard": range(n)})
    plan = plan.assign(first=2 * plan["shard"], last=2 * plan["shard"] + 2)
    write_table(out / "plan.parquet", as_table(plan, SHARDS))
    for i in range(n):
        if i not in lacking:
            own = as_table(rows[2 * i : 2 * i + 2], PREDICTIONS, {"raycre_digest": digest[i % len(digest)]})
            write_table(out / "predictions" / f"{unit(i)}.parquet", own)
    run.finish(shards=n, failed_shards=len(lacking))
    return out


def stems(folder: Path) -> list[str]:
    return [path.stem.removeprefix("part-") for path in iter_parts(folder)]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_parts_become_one_with_the_same_rows_in_order_and_the_run_is_done(tmp_path: Path) -> None:
    out = write_predictions(tmp_path / "run")
    before, record = read_parts(out / "predictions"), (out / "run.json").read_bytes()
    seen = read_status(out).units
    found = run_compact(out)
    assert found["folders"]["predictions"]["files"] == N
    assert found["folders"]["predictions"]["files_after"] == 1
    assert files(out / "predictions") == ["part-00000-00011.parquet"]
    pd.testing.assert_frame_equal(read_parts(out / "predictions"), before, check_exact=True)
    table = read_table(out / "predictions" / "part-00000-00011.parquet")
    assert table.schema.equals(PREDICTIONS, check_metadata=False)
    assert table.schema.metadata == {b"raycre_digest": b"a"}
    assert table.schema.field("p_enhancer").metadata  # what the column means
    assert (out / "run.json").read_bytes() == record
    assert Ledger(out, "predictions").pending([unit(i) for i in range(N)]) == []
    now = read_status(out).units
    assert seen is not None
    assert now is not None
    assert (now.total, now.done, now.pending) == (seen.total, seen.done, seen.pending) == (N, N, 0)
    assert max(now.at) == max(seen.at)  # when the last unit was done
    assert not (out / "lease").exists()


def test_compacting_again_finds_nothing_to_do(tmp_path: Path) -> None:
    out = write_predictions(tmp_path / "run")
    run_compact(out)
    before = bytes_of(out, "**/*.parquet")
    again = run_compact(out)["folders"]["predictions"]
    assert (again["files"], again["files_after"]) == (1, 1)
    assert bytes_of(out, "**/*.parquet") == before


def test_row_groups_are_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "ROWS", 10)
    out = write_predictions(tmp_path / "run")
    run_compact(out)
    (path,) = (out / "predictions").iterdir()
    file = pq.ParquetFile(path)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [10, 10, 4]


def test_neighbours_are_merged_up_to_a_size_and_what_is_large_stays() -> None:
    def sizes(*given: int) -> list[list[int]]:
        parts = [Held(Path(f"part-{i:05d}.parquet"), size) for i, size in enumerate(given)]
        return [[part.size for part in group] for group in groups_of(parts, 100)]

    assert sizes(30, 30, 30, 30, 30) == [[30, 30, 30], [30, 30]]
    assert sizes(49, 51, 49) == [[49], [51], [49]]
    assert sizes(10, 200, 10, 10) == [[10], [200], [10, 10]]
    assert sizes(40, 40, 20, 1) == [[40, 40, 20], [1]]
    assert sizes() == []


def test_a_unit_without_a_part_is_not_taken_for_done(tmp_path: Path) -> None:
    out = write_predictions(tmp_path / "run", lacking=(3, 7, 8))
    run_compact(out)
    assert stems(out / "predictions") == ["00000-00002", "00004-00006", "00009-00011"]
    ledger = Ledger(out, "predictions")
    assert ledger.pending([unit(i) for i in range(N)]) == [unit(3), unit(7), unit(8)]
    for i in (3, 7, 8):  # the same command again, which does them
        write_predictions(tmp_path / "whole")
        shutil.copy(tmp_path / "whole" / "predictions" / f"{unit(i)}.parquet", out / "predictions")
    run_compact(out)
    assert stems(out / "predictions") == ["00000-00011"]
    whole = read_parts(tmp_path / "whole" / "predictions")
    pd.testing.assert_frame_equal(read_parts(out / "predictions"), whole, check_exact=True)


def test_parts_of_another_digest_are_not_mixed(tmp_path: Path) -> None:
    out = write_predictions(tmp_path / "run", digest="aaaaaaaabbbb")  # regions were added
    run_compact(out)
    assert stems(out / "predictions") == ["00000-00007", "00008-00011"]
    metadata = [pq.read_schema(path).metadata for path in iter_parts(out / "predictions")]
    assert metadata == [{b"raycre_digest": b"a"}, {b"raycre_digest": b"b"}]


def test_codebook_features_are_merged_as_well(tmp_path: Path) -> None:
    out = write_predictions(tmp_path / "run", n=3)
    for i in range(3):
        rows = pa.table({"region_id": [2 * i, 2 * i + 1], "fold": [0, 0], "z0": [0.25, 0.75]})
        write_table(out / "codes" / f"{unit(i)}.parquet", rows)
    before = read_parts(out / "codes")
    assert set(run_compact(out)["folders"]) == {"codes", "predictions"}
    assert stems(out / "codes") == ["00000-00002"]
    pd.testing.assert_frame_equal(read_parts(out / "codes"), before, check_exact=True)


def test_parts_of_an_annotation_are_merged(tmp_path: Path) -> None:
    run = start_run(tmp_path / "run", "annotate", name="motifs")
    schema = schema_of(("region_id", INT, "region"))
    for folder in ("annotate_motifs_hits", "annotate_motifs_regions"):
        for i in range(3):
            rows = pd.DataFrame({"region_id": [i]})
            write_table(run.out / folder / f"part-{i:06d}.parquet", as_table(rows, schema))
    write_table(run.out / "annotate_motifs.parquet", as_table(pd.DataFrame({"region_id": [7]}), schema))
    regions = as_table(pd.DataFrame({"region_id": range(3)}), schema)
    write_table(run.out / "inputs" / "regions.parquet", regions, row_group_size=1)
    run.finish(result={"regions": 3})
    assert set(run_compact(run.out)["folders"]) == {"annotate_motifs_hits", "annotate_motifs_regions"}
    assert files(run.out / "annotate_motifs_hits") == ["part-000000-000002.parquet"]
    assert raycre.open_run(run.out).table("annotate_motifs_hits").pandas()["region_id"].tolist() == [0, 1, 2]
    units = read_status(run.out).units
    assert units is not None
    assert (units.total, units.done, units.pending) == (6, 6, 0)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """`steps[0]`: how many more files may be put in place or removed before a kill; counted down."""
    left = [10**6]

    def counted(name: str) -> None:
        real = getattr(Path, name)

        def step(self: Path, *arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return real(self, *arguments, **named)

        monkeypatch.setattr(Path, name, step)

    monkeypatch.setattr(compact, "Lease", _Free)
    counted("replace")
    counted("unlink")
    return left


def readings(out: Path) -> tuple[Any, ...]:
    """What readers of all kinds see of a prediction."""
    units = read_status(out).units
    assert units is not None
    facts = read_bookkeeping(out, read_record(out)[1])[0]
    assert isinstance(facts, Table)
    return (
        read_parts(out / "predictions").to_dict("list"),
        raycre.open_run(out).predictions().pandas().to_dict("list"),
        read_predict_run(out, SHA)[1]["regions"],
        [row[1] for row in facts.rows if row[0] == "units done"],
        units.done,
        Ledger(out, "predictions").pending([unit(i) for i in range(N)]),
    )


def test_killed_at_any_moment_a_run_reads_as_before(tmp_path: Path, steps: list[int]) -> None:
    whole = write_predictions(tmp_path / "whole", n=6, digest="aaaabb")
    expected = readings(whole)
    assert len(expected[0]["region_id"]) == 12
    assert expected[-1] == [unit(i) for i in range(6, N)]  # of no plan
    calm = tmp_path / "calm"
    shutil.copytree(whole, calm)
    run_compact(calm)
    merged = bytes_of(calm, "predictions/*")
    kills, ended = 0, False
    while not ended:
        out = tmp_path / f"killed-{kills}"
        shutil.copytree(whole, out)
        steps[0] = kills
        with suppress(Killed):
            run_compact(out)
            ended = True
        steps[0] = 10**6
        assert readings(out) == expected, f"killed before step {kills + 1}"
        run_compact(out)
        assert readings(out) == expected
        assert bytes_of(out, "predictions/*") == merged
        kills += not ended
        shutil.rmtree(out)
    assert kills > 6


def test_what_is_not_to_be_merged_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MissingInputError, match="no such folder"):
        run_compact(tmp_path / "nowhere")
    start_run(tmp_path / "creme", "creme").finish()
    with pytest.raises(RunMismatchError, match="a run of creme; compact merges the parts of predict and"):
        run_compact(tmp_path / "creme")
    out = write_predictions(tmp_path / "run")
    with pytest.raises(ConfigError, match="--part-mb is from 1 to 4,096"):
        run_compact(out, part_mb=0)
    record = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(record | {"finished": False}))
    with pytest.raises(RunMismatchError, match="not finished; run its command again"):
        run_compact(out)
    (out / "run.json").write_text(json.dumps(record))
    holder = Lease(out, "raycre predict")
    holder.claim()
    try:
        with pytest.raises(RunHeldError, match="the run folder is in use: raycre predict of "):
            run_compact(out)
    finally:
        holder.release()
    assert len(list(iter_parts(out / "predictions"))) == N


def test_a_damaged_part_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    out = write_predictions(tmp_path / "run")
    part = out / "predictions" / f"{unit(5)}.parquet"
    whole = part.read_bytes()
    part.write_bytes(whole[:-9])
    with pytest.raises(FormatError, match=r"part-00005\.parquet"):
        run_compact(out)
    assert len(files(out / "predictions")) == N
    part.write_bytes(whole)
    run_compact(out)
    assert len(files(out / "predictions")) == 1


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = write_predictions(tmp_path / "run")
    before = bytes_of(out, "**/*.*")
    with pytest.raises(SystemExit) as end:
        main(["compact", str(out), "--dry-run"])
    assert not end.value.code
    assert capsys.readouterr().out.startswith("predictions: 12 files would become 1 (")
    assert bytes_of(out, "**/*.*") == before


def test_annotations_that_name_the_parts_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = write_predictions(tmp_path / "run")
    start_run(out / "annotations" / "motifs", "annotate").finish()
    with pytest.raises(SystemExit):
        main(["compact", str(out)])
    said = capsys.readouterr()
    assert "predictions: 12 files are now 1 (" in said.out
    assert "annotations of this run (motifs) were made of its parts as they were" in said.err


def test_a_compacted_run_goes_on_grows_and_is_removed(genome: DemoGenome, tmp_path: Path) -> None:
    lines = genome.candidates.read_text().splitlines(keepends=True)
    checkpoint = write_training(tmp_path / "train", n=1)

    def config(out: str, n: int) -> Any:
        (tmp_path / "regions.bed").write_text("".join(lines[:n]))
        given = replace(genome, candidates=tmp_path / "regions.bed")
        return predict_config(given, checkpoint, tmp_path / out, shard_size=8, resources={"replicas": 1})

    run_predict(config("run", 40))
    parts = tmp_path / "run" / "predictions"
    run_compact(tmp_path / "run")
    assert stems(parts) == ["00000-00004"]
    merged = (parts / "part-00000-00004.parquet").read_bytes()
    run_predict(config("run", 40))  # finds all of it done
    assert files(parts) == ["part-00000-00004.parquet"]
    run_predict(config("run", 60))
    assert stems(parts) == ["00000-00004", "00005", "00006", "00007"]
    assert (parts / "part-00000-00004.parquet").read_bytes() == merged
    run_predict(config("calm", 60))
    calm = read_parts(tmp_path / "calm" / "predictions")
    pd.testing.assert_frame_equal(read_parts(parts), calm, check_exact=True)
    run_compact(tmp_path / "run")  # the new ones have another digest
    assert stems(parts) == ["00000-00004", "00005-00007"]
    pd.testing.assert_frame_equal(read_parts(parts), calm, check_exact=True)
    (parts / "part-00005-00007.parquet").unlink()  # what is lost is done again
    run_predict(config("run", 60))
    pd.testing.assert_frame_equal(read_parts(parts), calm, check_exact=True)
    run_predict(config("run", 40), fresh=True)
    assert stems(parts) == ["00000", "00001", "00002", "00003", "00004"]


def test_parts_in_a_bucket_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    with serve_s3() as s3, bucket_at(s3):
        out = location(f"s3://{BUCKET}/compacted")
        assert isinstance(out, BucketPath)
        write_predictions(out)
        before = read_parts(out / "predictions")
        assert run_compact(out)["folders"]["predictions"]["files_after"] == 1
        assert [path.name for path in (out / "predictions").iterdir()] == ["part-00000-00011.parquet"]
        pd.testing.assert_frame_equal(read_parts(out / "predictions"), before, check_exact=True)
        assert Ledger(out, "predictions").pending([unit(i) for i in range(N)]) == []
        units = read_status(out).units
        assert units is not None
        assert (units.done, units.pending) == (N, 0)


def test_one_that_was_overtaken_overlays_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = write_predictions(tmp_path / "run")
    before = bytes_of(out, "predictions/*")
    tables = compact._tables

    def overtaken(parts: Any) -> Any:
        yield from tables(parts)
        (claim,) = (out / "lease").glob("*.json")  # suspended here, while another driver takes the folder
        claim.unlink()

    monkeypatch.setattr(compact, "_tables", overtaken)
    with pytest.raises(LeaseLostError):
        run_compact(out)
    assert bytes_of(out, "predictions/*") == before
