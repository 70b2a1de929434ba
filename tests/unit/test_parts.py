"""Names of parts: which of them count, in which order, and which units merged ones hold."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, iter_parts, read_parts, write_table
from raycre.store.parts import (
    MergedUnits,
    Span,
    current_parts,
    merged_name,
    n_units,
    span_of,
    superseded_parts,
)
from raycre.store.schemas import SHARDS


def names(paths: list[Path]) -> list[str]:
    return [path.stem.removeprefix("part-") for path in paths]


def parts(*numbers: str, folder: str = "predictions") -> list[Path]:
    return [Path(folder, f"part-{number}.parquet") for number in numbers]


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("part-00007.parquet", Span(7, 7)),
        ("part-00007", Span(7, 7)),
        ("part-00000-00127.parquet", Span(0, 127)),
        ("part-99990-100010.parquet", Span(99_990, 100_010)),
        ("part-00009-00003.parquet", None),  # no such span
        ("part-a6f22d8bb609.parquet", None),  # of a pass
        ("part-ENSG01_chr1_7_plus.parquet", None),  # of a gene
        ("part-٣.parquet", None),  # a digit of another script
        (".part-00001.parquet", None),
    ],
)
def test_units_of_a_part_by_its_name(name: str, span: Span | None) -> None:
    assert span_of(name) == span


def test_part_100000_follows_part_99999() -> None:
    given = parts("100000", "99999", "00003", "1000000")
    assert names(current_parts(given)) == ["00003", "99999", "100000", "1000000"]


def test_rows_of_more_than_100000_parts_are_read_in_order(tmp_path: Path) -> None:
    for number in (99_999, 100_000, 5):
        rows = pd.DataFrame({"unit": ["x"], "shard": [number], "first": [0], "last": [1]})
        write_table(tmp_path / f"part-{number:05d}.parquet", as_table(rows, SHARDS))
    assert read_parts(tmp_path)["shard"].tolist() == [5, 99_999, 100_000]


def test_parts_of_genes_stay_in_order_of_their_names() -> None:
    given = parts("b_chr1", "7", "a_chr2", "10")  # an id may be a number
    assert current_parts(given) == sorted(given)


def test_folders_follow_each_other() -> None:
    given = [*parts("1", folder="b"), *parts("2", "10", folder="a")]
    assert [str(path) for path in current_parts(given)] == [
        "a/part-2.parquet", "a/part-10.parquet", "b/part-1.parquet"
    ]  # fmt: skip


def test_parts_beside_the_one_that_they_were_merged_into_count_no_more() -> None:
    given = parts("00000", "00001", "00000-00002", "00002", "00003", "00004-00005", "00005")
    assert names(current_parts(given)) == ["00000-00002", "00003", "00004-00005"]
    assert names(superseded_parts(given)) == ["00000", "00001", "00002", "00005"]
    assert n_units(current_parts(given)) == 6


def test_a_merged_part_that_was_merged_again_counts_no_more() -> None:
    given = parts("00000-00002", "00000-00005", "00003-00005", "00006")
    assert names(current_parts(given)) == ["00000-00005", "00006"]


def test_a_merged_part_has_the_digits_of_its_parts() -> None:
    assert merged_name("part-00098.parquet", "part-00127.parquet") == "part-00098-00127.parquet"
    assert merged_name("part-99998.parquet", "part-100001.parquet") == "part-99998-100001.parquet"
    assert merged_name("part-00000-00003.parquet", "part-00004-00009.parquet") == "part-00000-00009.parquet"


def test_units_of_merged_parts_are_found() -> None:
    merged = MergedUnits(["part-00004-00009.parquet", "part-00011.parquet", "part-99990-100010.parquet"])
    found = {i: merged.part_of(f"part-{i:05d}") for i in (3, 4, 9, 10, 11, 99_990, 100_000, 100_011)}
    first, second = "part-00004-00009.parquet", "part-99990-100010.parquet"
    assert found == {
        3: None, 4: first, 9: first, 10: None, 11: None, 99_990: second, 100_000: second, 100_011: None
    }  # fmt: skip
    assert not MergedUnits(["part-00011.parquet"])


def test_units_of_a_merged_part_are_done(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "predictions")
    units = [f"part-{i:05d}" for i in range(6)]
    assert ledger.pending(units) == units
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "part-00001-00003.parquet").touch()
    (tmp_path / "predictions" / "part-00005.parquet").touch()
    assert ledger.pending(units) == ["part-00000", "part-00004"]
    assert len(list(iter_parts(tmp_path / "predictions"))) == 2
