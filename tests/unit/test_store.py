"""Files are whole or absent; a unit is done when its part exists; a folder belongs to one configuration."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from raycre.errors import FormatError, MissingInputError, RunMismatchError
from raycre.store import files
from raycre.store.fields import table_of_fields
from raycre.store.files import TEMPORARY, folders_synced_at_end, read_json, sha256_of, write_atomic
from raycre.store.identity import digest_of
from raycre.store.ledger import MAX_ATTEMPTS, PAUSE, Ledger
from raycre.store.parquet import as_table, iter_parts, read_parts, read_table, with_metadata, write_table
from raycre.store.run import open_run
from raycre.store.schemas import EFFECTS, FAILURES, METRICS, PREDICTIONS


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def half(temporary: Path) -> None:
        temporary.write_text("ne")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_of_many_parts_is_synced_once_each_part_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, int]] = []  # what, and how many parts had their names by then

    def sync(path: Path, mode: int) -> None:
        synced.append(("folder" if path.is_dir() else path.name[-1], len(list(tmp_path.glob("[abc]")))))

    monkeypatch.setattr(files, "_sync", sync)
    with folders_synced_at_end():
        for name in "abc":
            write_atomic(tmp_path / name, lambda temporary: temporary.write_text("whole"))
            assert (tmp_path / name).read_text() == "whole"
        with pytest.raises(OSError, match="full"):
            write_atomic(tmp_path / "d", _full)
    assert synced == [("a", 0), ("b", 1), ("c", 2), ("folder", 3)]
    write_atomic(tmp_path / "c", lambda temporary: temporary.write_text("new"))
    assert synced[4:] == [("c", 3), ("folder", 3)]  # outside, at once
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


def _full(temporary: Path) -> None:
    temporary.write_text("a piece")
    raise OSError(errno.ENOSPC, "the disk is full")


def test_readers_ignore_what_a_killed_writer_left(tmp_path: Path) -> None:
    table = as_table({"fold": [0], "class": ["macro"], "metric": ["auroc"], "value": [0.5]}, METRICS)
    write_table(tmp_path / "part-0.parquet", table)
    leftover = tmp_path / f"{TEMPORARY}1-2-part-1.parquet"
    leftover.write_bytes(b"PAR1 half")
    assert [p.name for p in iter_parts(tmp_path)] == ["part-0.parquet"]
    assert len(read_parts(tmp_path)) == 1


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    rows = {"fold": [0, 1], "class": ["macro"] * 2, "metric": ["auroc"] * 2, "value": [0.1, None]}
    for name in ("a", "b"):
        write_table(tmp_path / name, as_table(rows, METRICS, {"raycre_digest": "x"}))
    assert sha256_of(tmp_path / "a") == sha256_of(tmp_path / "b")


def test_truncated_parquet_is_a_format_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "part-0.parquet"
    write_table(path, pa.table({"x": list(range(1000))}))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FormatError, match=r"part-0\.parquet.*not a whole Parquet file"):
        read_table(path)


def test_missing_file_and_damaged_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        read_json(tmp_path / "no.json")
    (tmp_path / "bad.json").write_text('{"a": 1,\n "b"')
    with pytest.raises(FormatError, match=r"bad\.json:2"):
        read_json(tmp_path / "bad.json")


def test_pending_is_the_plan_minus_the_parts_that_exist(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "parts")
    ledger.part("b").parent.mkdir()
    ledger.part("b").touch()
    assert ledger.pending(["a", "b", "c"]) == ["a", "c"]


def test_a_unit_that_always_raises_is_given_up_with_its_error(tmp_path: Path) -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        raise ValueError("bad tile")

    outcome = Ledger(tmp_path, "parts").run("a", work)
    assert len(tries) == MAX_ATTEMPTS == outcome.attempts
    assert outcome.error == "ValueError: bad tile"
    assert outcome.traceback is not None
    assert outcome.traceback.splitlines()[-2:] == ['    raise ValueError("bad tile")', "ValueError: bad tile"]


def test_bad_input_is_not_tried_again(tmp_path: Path) -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        raise MissingInputError("no such file", path=tmp_path)

    outcome = Ledger(tmp_path, "parts").run("a", work)
    assert (len(tries), outcome.attempts) == (1, 1)
    assert outcome.error is not None
    assert outcome.error.startswith("MissingInputError")


def test_the_pause_after_a_failed_try_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    Ledger(tmp_path, "parts").run("a", lambda: [][0])
    assert slept == [PAUSE, 4 * PAUSE]  # and none after the last


def test_tries_are_counted_across_processes_that_died(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "parts")
    for _ in range(MAX_ATTEMPTS):
        ledger._begin("poison")  # what a process does before the work that kills it
    outcome = ledger.run("poison", lambda: pytest.fail("must not be tried a fourth time"))
    assert outcome.error is not None
    assert "killed" in outcome.error
    ledger.forget_attempts()
    assert ledger.run("poison", lambda: None).error is None


def test_a_transient_error_is_tried_again(tmp_path: Path) -> None:
    errors = iter([OSError("gone"), None])

    def work() -> None:
        if error := next(errors):
            raise error

    outcome = Ledger(tmp_path, "parts").run("a", work)
    assert (outcome.attempts, outcome.error) == (2, None)


def _open(out: Path, seed: int = 0, shard: int = 10, fresh: bool = False):  # type: ignore[no-untyped-def]
    return open_run(
        out,
        verb="predict",
        name="x",
        config={},
        science={"seed": seed, "sha256": {"fasta": "ab"}},
        layout={"shard_size": shard},
        remove=(lambda old: None) if fresh else None,
    )


def test_a_run_folder_of_another_configuration_is_refused_and_untouched(tmp_path: Path) -> None:
    _open(tmp_path)
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(RunMismatchError, match=r"seed was 0, is 1"):
        _open(tmp_path, seed=1)
    with pytest.raises(RunMismatchError, match="shard_size"):
        _open(tmp_path, shard=20)
    assert (tmp_path / "run.json").read_bytes() == before


def test_fresh_removes_the_old_run_and_only_it(tmp_path: Path) -> None:
    _open(tmp_path)
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "part-00000.parquet").touch()
    (tmp_path / "notes.txt").write_text("the user's own")
    run = _open(tmp_path, seed=1, fresh=True)
    assert not (tmp_path / "predictions").exists()
    assert (tmp_path / "notes.txt").exists()
    assert json.loads((tmp_path / "run.json").read_text())["digest"] == run.digest


def test_digest_depends_on_values_not_on_order() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": 1, "b": 3})


def test_run_json_keeps_the_time_of_every_session(tmp_path: Path) -> None:
    for _ in range(2):
        _open(tmp_path).finish()
    record = read_json(tmp_path / "run.json")
    assert len(record["seconds"]) == 2
    assert record["finished"]


@pytest.mark.parametrize("schema", [PREDICTIONS, EFFECTS, METRICS, FAILURES])
def test_every_field_of_a_schema_is_described(schema: pa.Schema) -> None:
    assert table_of_fields(schema).count("\n") == len(schema) + 1
    assert all(f.metadata[b"description"] for f in schema)


def test_effects_open_as_one_folder_in_pandas(tmp_path: Path) -> None:
    row = {f.name: None for f in EFFECTS} | {"model": "planted", "gene_id": "G", "tss": 5}
    for test in ("context", "necessity"):
        table = as_table(pd.DataFrame([{**row, "test": test}]), EFFECTS)
        write_table(tmp_path / f"test={test}" / "model=planted" / "part-0.parquet", table)
    frame = pd.read_parquet(tmp_path)
    assert sorted(frame["test"]) == ["context", "necessity"]
    assert list(frame["tss"]) == [5, 5]


def test_metadata_of_a_run_takes_the_place_of_that_of_another(tmp_path: Path) -> None:
    table = with_metadata(pa.table({"a": [1]}), {"raycre_digest": "of another", "kept": "yes"})
    write_table(tmp_path / "t.parquet", with_metadata(table, {"raycre_digest": "own"}))
    found = read_table(tmp_path / "t.parquet").schema.metadata
    assert found == {b"raycre_digest": b"own", b"kept": b"yes"}
