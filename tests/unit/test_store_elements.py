"""CREATE's regions beside CREME's tiles: overlaps by hand, classes, agreement, and runs that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.creme.tests import tile_tests
from raycre.errors import AssemblyError, FormatError, MissingInputError, RunMismatchError
from raycre.genome.lifting import Lifting
from raycre.store.elements import (
    ClassifiedRegions,
    agreement,
    element_rows,
    iter_elements,
    read_predict_run,
    regions_of,
    side_by_side,
    strongest,
)
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.run import open_run
from raycre.store.schemas import EFFECTS, ELEMENTS, PREDICTIONS
from raycre.workflows.perturb import elements
from raycre.workflows.perturb.elements import write_elements
from tests.run_folders import SHA, effect_rows, prediction_rows, start_run


def regions(places: list[tuple[int, int]], calls: list[str], chrom: str = "chr7") -> ClassifiedRegions:
    """Regions named r0, r1, ... of probability 0.8."""
    start, end = zip(*places, strict=True)
    rows = prediction_rows(calls, [0.8] * len(calls)).assign(chrom=chrom, start=start, end=end)
    return regions_of(rows.assign(name=[f"r{i}" for i in range(len(calls))]))


def tiles(places: list[tuple[str, int, int]]) -> pd.DataFrame:
    return pd.DataFrame(places, columns=["tile_chrom", "tile_start", "tile_end"])


def pairs(found: ClassifiedRegions, table: pd.DataFrame) -> list[tuple[int, str, int]]:
    """(tile, name of the region, bp)."""
    columns = (table[c].to_numpy() for c in ("tile_chrom", "tile_start", "tile_end"))
    interval, region, bp = found.overlapping(*columns)
    return list(zip(interval.tolist(), found.name[region].tolist(), bp.tolist(), strict=True))


def test_a_region_over_the_edge_of_two_tiles_lies_in_both_with_its_share() -> None:
    found = regions([(4_600, 5_600)], ["enhancer"])
    assert pairs(found, tiles([("chr7", 0, 5_000), ("chr7", 5_000, 10_000)])) == [
        (0, "r0", 400),
        (1, "r0", 600),
    ]


def test_intervals_that_touch_share_nothing() -> None:
    found = regions([(4_000, 5_000), (10_000, 11_000)], ["enhancer", "silencer"])
    assert pairs(found, tiles([("chr7", 5_000, 10_000)])) == []
    assert pairs(found, tiles([("chr7", 4_999, 10_001)])) == [(0, "r0", 1), (0, "r1", 1)]


def test_other_chromosomes_share_nothing() -> None:
    found = regions([(0, 1_000)], ["enhancer"])
    assert pairs(found, tiles([("chr8", 0, 5_000), ("chr7", 0, 5_000)])) == [(1, "r0", 1_000)]


_INTERVALS = st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 60), st.integers(1, 30))


@given(st.lists(_INTERVALS, min_size=1, max_size=25), st.lists(_INTERVALS, max_size=10))
def test_overlaps_are_those_of_every_pair_looked_at(
    there: list[tuple[str, int, int]], asked: list[tuple[str, int, int]]
) -> None:
    chrom, start, length = (list(column) for column in zip(*there, strict=True))
    end = [s + n for s, n in zip(start, length, strict=True)]
    rows = prediction_rows(["enhancer"] * len(there), [0.8] * len(there))
    found = regions_of(
        rows.assign(chrom=chrom, start=start, end=end, name=[str(i) for i in range(len(there))])
    )
    table = tiles([(c, s, s + n) for c, s, n in asked])
    expected = sorted(
        (i, str(j), min(s + n, end[j]) - max(s, start[j]))
        for i, (c, s, n) in enumerate(asked)
        for j in range(len(there))
        if c == chrom[j] and min(s + n, end[j]) > max(s, start[j])
    )
    assert sorted(pairs(found, table)) == expected


def test_a_tile_carries_its_regions_by_class_background_included_in_all_of_its_rows() -> None:
    calls = ["enhancer", "background", "silencer", "enhancer"]
    found = regions([(0, 1_000), (2_000, 3_000), (4_500, 5_500), (1_000, 2_000)], calls)
    table = tiles(
        [("chr7", 5_000, 9_000), ("chr7", 0, 5_000), ("chr7", 5_000, 9_000), ("chr7", 9_000, 9_500)]
    )
    both = "silencer:1,enhancer:2,background:1"
    assert found.calls_in(table).tolist() == ["silencer:1", both, "silencer:1", ""]
    assert found.calls_in(table[:0]).tolist() == []


def test_without_cutoffs_the_most_probable_class_stands_for_the_call() -> None:
    rows = prediction_rows(["enhancer", "silencer"], [0.9, 0.7])
    rows["call"] = ["background", None]  # one fell short of its cutoff, one never had any
    found = regions_of(rows)
    # Background's probability, not the enhancer's: it belongs to the class that is given.
    assert found.p.tolist() == pytest.approx([0.025, 0.7])
    assert found.calls_in(tiles([("chr1", 0, 2_000)])).tolist() == ["silencer:1,background:1"]


@pytest.mark.parametrize(
    ("create", "creme", "agrees"),
    [
        ("enhancer", "enhancer", True),
        ("silencer", "silencer", True),
        ("silencer", "enhancer", False),
        ("enhancer", "neither", False),
        ("enhancer", None, None),
        ("promoter", "enhancer", None),
        ("insulator", "neither", None),
    ],
)
def test_agreement(create: str, creme: str | None, agrees: bool | None) -> None:
    (found,) = agreement(pd.Series([create]), pd.Series([creme], dtype=object))
    assert (found is pd.NA and agrees is None) or found == agrees


def chain(tests: dict[str, list[tuple[float, str | None]]]) -> pd.DataFrame:
    """Effects of the tiles 92,500-97,500 and 87,500-92,500 of chr7 on the gene A."""
    parts = [effect_rows("A", test, [e for e, _ in of], [c for _, c in of]) for test, of in tests.items()]
    return pd.concat(parts, ignore_index=True)


def test_an_element_has_a_row_for_every_tile_track_and_test_with_both_classes() -> None:
    found = regions(
        [(92_000, 93_000), (96_000, 97_000), (97_500, 98_500)], ["enhancer", "background", "promoter"]
    )
    effects = chain(
        {"necessity": [(0.5, "enhancer"), (0.1, "neither")], "sufficiency": [(0.4, "enhancer")] * 2}
    )
    rows = element_rows(found, effects)
    shown = rows[["name", "create_call", "tile_start", "overlap_bp", "test", "effect", "creme_call"]]
    assert shown.to_numpy().tolist() == [
        ["r0", "enhancer", 87_500, 500, "necessity", 0.1, "neither"],
        ["r0", "enhancer", 87_500, 500, "sufficiency", 0.4, "enhancer"],
        ["r0", "enhancer", 92_500, 500, "necessity", 0.5, "enhancer"],
        ["r0", "enhancer", 92_500, 500, "sufficiency", 0.4, "enhancer"],
    ]
    assert rows["agrees"].tolist() == [False, True, True, True]
    assert as_table(rows, ELEMENTS).schema.names == ELEMENTS.names


def test_tests_stand_side_by_side_and_agree_only_together() -> None:
    found = regions([(92_000, 93_000)], ["enhancer"])
    effects = chain(
        {"necessity": [(0.5, "enhancer"), (0.1, "neither")], "sufficiency": [(0.4, "enhancer")] * 2}
    )
    table = side_by_side(element_rows(found, effects), tile_tests())
    columns = ["tile_start", "necessity", "sufficiency", "creme_call", "agrees"]
    assert table[columns].to_numpy().tolist() == [
        [87_500, 0.1, 0.4, "neither, enhancer", False],
        [92_500, 0.5, 0.4, "enhancer", True],
    ]
    assert strongest(table, 1, tile_tests())["tile_start"].tolist() == [92_500]


def test_a_test_that_was_not_run_has_no_effect_and_an_unknown_call_no_agreement() -> None:
    found = regions([(93_000, 94_000)], ["silencer"])
    (row,) = side_by_side(element_rows(found, chain({"necessity": [(np.nan, None)]})), tile_tests()).to_dict(
        "records"
    )
    assert np.isnan(row["sufficiency"])
    assert row["creme_call"] == "unknown"
    assert row["agrees"] is None


def predicted(out: Path, **facts: object) -> Path:
    """A finished prediction of one enhancer at chr7:93,000-94,000."""
    run = start_run(out, "predict")
    rows = prediction_rows(["enhancer"], [0.9]).assign(chrom="chr7", start=93_000, end=94_000)
    write_table(out / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    run.finish(**{"shards": 1, "failed_shards": 0, **facts})
    return out


def test_a_prediction_is_read_and_noted(tmp_path: Path) -> None:
    found, noted = read_predict_run(predicted(tmp_path / "p"), SHA)
    assert found.name.tolist() == ["peak"]
    assert {"regions": 1, "elements": 1, "path": str(tmp_path / "p")}.items() <= noted.items()


def test_regions_of_another_assembly_are_lifted_by_a_chain(tmp_path: Path) -> None:
    path = tmp_path / "a.chain"
    path.write_text("chain 1 chr7 200000 + 0 200000 chr7 201000 + 1000 201000 1\n200000\n")
    found, noted = read_predict_run(predicted(tmp_path / "p"), SHA[::-1], Lifting(path))
    assert (found.start.tolist(), found.end.tolist()) == ([94_000], [95_000])
    assert (noted["lift"]["mapped"], noted["lift"]["deleted"], noted["chain"]) == (1, 0, str(path))
    with pytest.raises(AssemblyError, match="of this very FASTA; leave chain out"):
        read_predict_run(tmp_path / "p", SHA, Lifting(path))
    path.write_text(path.read_text().replace("chr7", "chr8"))
    with pytest.raises(AssemblyError, match="nothing of create_run is mapped"):
        read_predict_run(tmp_path / "p", SHA[::-1], Lifting(path))


def test_what_is_no_whole_prediction_of_this_fasta_is_refused_by_name(tmp_path: Path) -> None:
    good = predicted(tmp_path / "p")
    with pytest.raises(MissingInputError, match=r"create_run: no run\.json here"):
        read_predict_run(tmp_path / "absent", SHA)
    with pytest.raises(RunMismatchError, match="holds a run of train, not a run of `raycre predict`"):
        read_predict_run(start_run(tmp_path / "t", "train").out, SHA)
    with pytest.raises(RunMismatchError, match="not finished"):
        read_predict_run(start_run(tmp_path / "half", "predict").out, SHA)
    with pytest.raises(RunMismatchError, match="some of its shards failed"):
        read_predict_run(predicted(tmp_path / "f", failed_shards=1), SHA)
    with pytest.raises(AssemblyError, match="another FASTA"):
        read_predict_run(good, SHA[::-1])
    with pytest.raises(RunMismatchError, match="1 of 2 parts are there"):
        read_predict_run(predicted(tmp_path / "lost", shards=2), SHA)
    part = good / "predictions" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(FormatError, match=r"part-00000\.parquet"):
        read_predict_run(good, SHA)


def test_the_table_is_remade_from_parts_in_pieces_of_whole_genes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(tmp_path, verb="creme", name="c", config={}, science={}, layout={})
    for gene in ("A", "B", "C"):
        for test in ("necessity", "sufficiency"):
            rows = effect_rows(gene, test, [0.5, 0.1], ["enhancer", "neither"])
            folder = tmp_path / "effects" / f"test={test}" / "model=planted"
            write_table(folder / f"part-{gene}.parquet", as_table(rows, EFFECTS))
    found = regions([(92_000, 93_000)], ["enhancer"])
    monkeypatch.setattr(elements, "_PIECE", 5)  # a gene has four effects
    record = write_elements(run, "planted", found)
    path = tmp_path / "summary" / "elements.parquet"
    pieces = [rows["gene_name"].unique().tolist() for rows in iter_elements(path)]
    assert pieces == [["A", "B"], ["C"]]
    assert record["element_rows"] == len(read_table(path)) == 12
    assert [row["gene"] for row in record["elements"]] == ["A", "B", "C", "A", "B", "C"]
    assert record["elements"][0] == {
        "element": "chr7:92,000-93,000", "name": "r0", "by_create": "enhancer", "p": 0.8, "gene": "A",
        "track": "CNhs12336", "distance": -5000, "necessity": 0.5, "sufficiency": 0.5, "by_creme": "enhancer",
        "agrees": True,
    }  # fmt: skip
    assert write_elements(run, "planted", None) == {}
    assert not path.exists()  # an older table would not be of this run


def test_a_run_without_an_element_in_a_tile_has_an_empty_table(tmp_path: Path) -> None:
    run = open_run(tmp_path, verb="creme", name="c", config={}, science={}, layout={})
    record = write_elements(run, "planted", regions([(0, 1_000)], ["enhancer"]))
    assert record == {"element_rows": 0, "elements": []}
    assert read_table(tmp_path / "summary" / "elements.parquet").schema.names == ELEMENTS.names
