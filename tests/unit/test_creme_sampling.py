"""Which genes and tracks the tests of a run have rows of, and how many rows the run says it has. No Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from raycre.compare.overlap import COMPARISON
from raycre.compare.tiles import read_tiles
from raycre.demo.genome import DemoGenome
from raycre.errors import RunMismatchError, TrackError
from raycre.figures.choices import read_choices
from raycre.store.files import read_json, write_json
from raycre.store.parquet import read_table
from raycre.workflows.compare.compared_run import open_compared
from raycre.workflows.perturb import stages
from tests.conftest import perturb_config
from tests.in_process import run_creme
from tests.unit.test_creme_failures import STARTS

SHUFFLED = (
    "context",
    "necessity",
    "sufficiency",
    "distance",
    "interaction",
    "sets",
    "multiplicity",
    "finemap",
)
GENES = ("ENHA", "SILA", "ENHB", "SILB", "ENHC", "SILC", "NEUT")
N_TILES = 3
PAIR = ["gene_name", "track_id"]


def creme(genome: DemoGenome, out: Path, genes: Any = GENES, **changes: Any) -> dict[str, Any]:
    """Run on both tracks, one gene of a class, three tiles of which one is an enhancer of ENHA."""
    settings = {
        "n_shuffles": dict.fromkeys(SHUFFLED, 2),
        "tiles": [STARTS[i] for i in (0, 3, 6)],
        "rounds": 2,
        "copies": 2,
        "fine": [[2500, 0.9, 1]],
        "per_class": 1,
    }
    named = genes if isinstance(genes, dict) else list(genes)
    inputs = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": named}
    asked = {"inputs": inputs, "tracks": [0, 1], "tests": "pipeline", "creme": settings, "resources": {}}
    return run_creme(perturb_config(genome, out, **asked | changes))


def effects(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "effects").astype({"test": str, "model": str})


@pytest.fixture(scope="module")
def pipeline(genome: DemoGenome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pipeline") / "run"
    creme(genome, out)
    return out


def sampled_pairs(out: Path) -> set[tuple[str, int]]:
    table = read_table(out / "summary" / "sampled.parquet").to_pandas()
    return set(table.loc[table["sampled"], PAIR].itertuples(index=False, name=None))


def test_the_sampled_genes_of_each_track_are_a_table(pipeline: Path) -> None:
    table = read_table(pipeline / "summary" / "sampled.parquet").to_pandas()
    # Seven genes on two tracks, whose planted classes are the same on both; one of each of three classes.
    assert len(table) == 7 * 2
    classes = {"ENH": "enhancing", "SIL": "silencing", "NEU": "neutral"}
    assert table["context"].tolist() == [classes[name[:3]] for name in table["gene_name"]]
    assert table.groupby(["track_id", "context"])["sampled"].sum().tolist() == [1] * 6
    of_track = {t: {name for name, track in sampled_pairs(pipeline) if track == t} for t in (0, 1)}
    assert of_track[0] != of_track[1]  # else the tests below would show nothing


def test_tests_after_sampling_have_rows_of_the_sampled_genes_and_tracks_alone(pipeline: Path) -> None:
    found, sampled = effects(pipeline), sampled_pairs(pipeline)
    assert len(found[found["test"] == "context"]) == 7 * 2  # the test that is sampled from
    for test in ("necessity", "sufficiency"):
        rows = found[found["test"] == test]
        # Six pairs of gene and track times three tiles; with every track of a sampled gene it would be 30.
        assert len(rows) == 6 * N_TILES
        assert set(rows[PAIR].itertuples(index=False, name=None)) == sampled
    others = found[~found["test"].isin(["context", "swap"])]
    assert set(others[PAIR].itertuples(index=False, name=None)) == sampled
    assert set(others["test"]) == {*SHUFFLED} - {"context"}


def test_a_swap_is_of_two_genes_that_are_both_sampled_on_the_track(pipeline: Path) -> None:
    swaps = effects(pipeline).query("test == 'swap'")
    # Three genes a track, each in the context of the two others.
    assert swaps.groupby("track_id").size().to_dict() == {0: 3 * 2, 1: 3 * 2}
    names = swaps.groupby("gene_id")["gene_name"].first()
    pairs = swaps[[*PAIR]].assign(context=swaps["context_gene_id"].map(names))
    sampled = sampled_pairs(pipeline)
    assert all(
        (own, t) in sampled and (context, t) in sampled for own, t, context in pairs.to_numpy().tolist()
    )


def test_run_json_and_report_count_the_rows_that_lie_on_disk(pipeline: Path) -> None:
    record, found = read_json(pipeline / "run.json"), effects(pipeline)
    assert record["effects"] == len(found) == sum(row["n"] for row in record["calls"])
    # The context test of the genes that go on is asked for twice; its 14 rows and their calls are there once.
    assert sum(row["n"] for row in record["calls"] if row["test"] == "context") == 7 * 2
    plan = read_table(pipeline / "plan.parquet").to_pandas()
    assert set(plan["stage"]) == {"context", "tests"}
    assert record["passes"]["planned"] == record["passes"]["done_now"]  # in a new folder, each once
    (table,) = read_choices(pipeline)
    assert [row[2:] for row in table.rows] == [[3, 1], [1, 1], [3, 1]] * 2


def test_the_plan_names_the_row_of_each_gene(pipeline: Path) -> None:
    plan = read_table(pipeline / "plan.parquet").to_pandas()
    genes = read_table(pipeline / "inputs" / "genes.parquet").to_pandas()
    assert plan["gene_name"].tolist() == genes["gene_name"].iloc[plan["gene"].astype(int)].tolist()


def test_a_second_run_of_a_pipeline_counts_the_same(genome: DemoGenome, pipeline: Path) -> None:
    before = read_json(pipeline / "run.json")
    after = creme(genome, pipeline)
    assert after["effects"] == before["effects"]
    assert after["passes"] == {"planned": before["passes"]["planned"], "done_now": 0}


def test_genes_of_a_track_that_are_not_among_its_most_active_have_no_rows_there(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = {"ENHA": [True, False], "SILA": [False, True], "NEUT": [True, True]}

    def most_active(plan: Any, genes: Any, store: Any) -> Any:
        names = pd.Series([gene["gene_name"] for gene in genes])
        first = ~names.duplicated()  # of two TSSs of a gene
        taken = [
            on.get(name, [False] * 2) if is_first else [False] * 2
            for name, is_first in zip(names, first, strict=True)
        ]
        return np.ones((len(genes), 2)), np.array(taken)

    monkeypatch.setattr(stages, "_most_active", most_active)
    creme(genome, tmp_path, {"top": 2}, tests=["context", "necessity", "swap"])
    found = effects(tmp_path)
    expected = {(name, t) for name, tracks in on.items() for t in (0, 1) if tracks[t]}
    for test in ("context", "necessity"):
        rows = found[found["test"] == test]
        assert set(rows[PAIR].itertuples(index=False, name=None)) == expected
    swaps = found[found["test"] == "swap"]
    # ENHA with NEUT on track 0 and SILA with NEUT on track 1, each both ways.
    assert swaps.groupby("track_id")["gene_name"].agg(set).to_dict() == {
        0: {"ENHA", "NEUT"},
        1: {"SILA", "NEUT"},
    }
    assert len(swaps) == 4


def test_a_comparison_knows_the_tracks_of_all_genes_not_those_of_the_first_alone(pipeline: Path) -> None:
    first = sorted((pipeline / "effects" / "test=necessity").rglob("part-*.parquet"))[0]
    assert len(set(read_table(first, ["track_id"])["track_id"].to_pylist())) == 1
    with pytest.raises(TrackError, match=r"several tracks: 0 \(planted-A\), 1 \(planted-B\)"):
        read_tiles(pipeline, "necessity")
    for track in (0, 1):
        table = read_tiles(pipeline, "necessity", track).table
        assert {(name, track) for name in table["gene_name"]} == {
            p for p in sampled_pairs(pipeline) if p[1] == track
        }
        assert table["context"].notna().all()


def test_a_pipeline_of_an_earlier_raycre_is_not_compared(pipeline: Path, tmp_path: Path) -> None:
    record = read_json(pipeline / "run.json")
    del record["identity"]["rows"]
    write_json(tmp_path / "run.json", record)
    with pytest.raises(RunMismatchError, match="not sampled for; run it again"):
        open_compared(tmp_path, COMPARISON, "necessity", "0")


def test_a_folder_with_rows_of_all_tracks_is_refused_for_resume(genome: DemoGenome, pipeline: Path) -> None:
    record = read_json(pipeline / "run.json")
    before = record["identity"].pop("rows")
    write_json(pipeline / "run.json", record)
    try:
        with pytest.raises(RunMismatchError, match="rows was None, is 'of the tracks"):
            creme(genome, pipeline)
    finally:
        record["identity"]["rows"] = before
        write_json(pipeline / "run.json", record)


def test_a_run_that_samples_no_genes_leaves_no_table_of_samples(genome: DemoGenome, pipeline: Path) -> None:
    creme(genome, pipeline, tests=["necessity"])
    assert not (pipeline / "summary" / "sampled.parquet").exists()
    assert len(effects(pipeline).query("test == 'necessity'")) == 7 * 2 * N_TILES
    assert read_json(pipeline / "run.json")["effects"] == len(effects(pipeline))
