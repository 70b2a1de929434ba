"""What a CREME run does with a folder that knows something already, and with genes that fail.

No Ray: one replica in this process takes the pool's place, so that passes can be counted.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from raycre.creme.perturbation import Perturbation
from raycre.creme.shuffle import SHUFFLE
from raycre.creme.tiles import context_tiles
from raycre.demo.genome import DemoGenome
from raycre.errors import AssemblyError, RunHeldError, RunMismatchError, TasksFailedError
from raycre.report.page import write_report
from raycre.store.files import read_json, write_json
from raycre.store.lease import Lease
from raycre.store.parquet import read_table
from raycre.workflows.compare.run import run_comparison
from raycre.workflows.perturb import replica as replicas
from raycre.workflows.perturb.replica import Replica
from tests.conftest import bytes_of, perturb_config
from tests.in_process import OneReplica, n_predicted, parts, predictions, run_creme

STARTS = context_tiles(65_536, 5_000)[:, 0].tolist()
# ENHA's enhancers are 3 tiles before and 2 behind its TSS tile; so they are in every test that has 5 tiles.
TILES = [STARTS[i] for i in (0, 3, 6, 7, 10)]
N = {"context": 2, "necessity": 2, "sufficiency": 2, "interaction": 2, "sets": 2}


def creme(
    genome: DemoGenome, out: Path, genes: tuple[str, ...] = ("ENHA",), **changes: Any
) -> dict[str, Any]:
    """Run the necessity test of five tiles on one track, with changes; those of `creme` are added."""
    inputs = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": list(genes)}
    settings = {"n_shuffles": N, "tiles": TILES, "rounds": 3, **changes.pop("creme", {})}
    dry_run, fresh = changes.pop("dry_run", False), changes.pop("fresh", False)
    asked = {"inputs": inputs, "tracks": [0], "tests": ["necessity"], "creme": settings}
    asked |= {"resources": {"tiles_per_task": 9}, **changes}  # all passes of a gene in one unit
    return run_creme(perturb_config(genome, out, **asked), dry_run=dry_run, fresh=fresh)


def effects(out: Path) -> pd.DataFrame:
    columns = ["test", "track_id", "gene_id", "metric", "search", "round", "offset_start"]
    table = pd.read_parquet(out / "effects").astype({"test": str, "model": str, "run_id": str})
    return table.sort_values(columns).reset_index(drop=True)


def n_rounds(n_tiles: int, rounds: int) -> int:
    """Passes of one search after its first round: every tile that is left, twice."""
    return sum(2 * (n_tiles - r) for r in range(1, rounds))


def test_a_further_test_predicts_only_what_is_missing(genome: DemoGenome, tmp_path: Path) -> None:
    creme(genome, tmp_path)
    assert n_predicted(tmp_path) == 1 + 5 * 2
    creme(genome, tmp_path, tests=["necessity", "interaction"])
    searched = 1 + 5 * 2 + 2 * n_rounds(5, 3)  # both ways; the necessity test is round 0
    assert n_predicted(tmp_path) == searched
    creme(genome, tmp_path, tests=["interaction", "sets"])
    assert n_predicted(tmp_path) == searched + 2 + 2 * 3 * 2  # the TSS tile alone once, then three sets a way
    assert len(predictions(tmp_path)) == n_predicted(tmp_path)  # nothing twice
    before = n_predicted(tmp_path)
    record = creme(genome, tmp_path, tests=["necessity", "interaction", "sets"])
    assert n_predicted(tmp_path) == before
    assert record["passes"]["done_now"] == 0
    assert set(effects(tmp_path)["test"]) == {"necessity", "interaction", "sets"}


@pytest.mark.parametrize(
    ("changes", "further"),
    [
        ({"creme": {"n_shuffles": N | {"necessity": 5}}}, 5 * 3),
        ({"creme": {"tiles": TILES + STARTS[1:3]}}, 2 * 2),
        ({"genes": ("ENHA", "SILA")}, 1 + 5 * 2),
        ({"resources": {"tiles_per_task": 1}}, 0),
        ({"run": {"name": "other"}}, 0),
    ],
    ids=["shuffles", "tiles", "genes", "size of units", "name"],
)
def test_further_work_of_a_known_folder_is_the_difference(
    genome: DemoGenome, tmp_path: Path, changes: dict[str, Any], further: int
) -> None:
    creme(genome, tmp_path / "grown")
    if "run" in changes:
        changes = {"run": {"out": str(tmp_path / "grown"), **changes["run"]}}
    before = {path: path.stat().st_mtime_ns for path in parts(tmp_path / "grown")}
    creme(genome, tmp_path / "grown", **changes)
    assert n_predicted(tmp_path / "grown") == 1 + 5 * 2 + further
    assert {path: path.stat().st_mtime_ns for path in before} == before
    if "run" not in changes:
        creme(genome, tmp_path / "at once", **changes)
        assert predictions(tmp_path / "grown") == predictions(tmp_path / "at once")
        assert bytes_of(tmp_path / "grown", "effects/*/*/*") == bytes_of(
            tmp_path / "at once", "effects/*/*/*"
        )


def test_effects_of_a_test_are_of_the_genes_that_it_was_last_asked_for(
    genome: DemoGenome, tmp_path: Path
) -> None:
    creme(genome, tmp_path, ("ENHA", "SILA"), tests=["context", "necessity"])
    n_passes = n_predicted(tmp_path)
    creme(genome, tmp_path, ("SILA",), creme={"n_shuffles": N | {"necessity": 1}})
    rows = effects(tmp_path)
    of_test = rows.groupby("test")["gene_name"].unique().map(sorted).to_dict()
    assert of_test == {"context": ["ENHA", "SILA"], "necessity": ["SILA"]}
    assert set(rows.loc[rows["test"] == "necessity", "n"]) == {1}
    assert n_predicted(tmp_path) == n_passes


def test_a_kept_track_costs_no_pass_where_tests_do_not_search(genome: DemoGenome, tmp_path: Path) -> None:
    creme(genome, tmp_path, keep="all")
    before = n_predicted(tmp_path)
    creme(genome, tmp_path, keep="all", tracks=[1, 0])
    creme(genome, tmp_path, tracks=[1])  # keep: queried, and what is queried is kept
    assert n_predicted(tmp_path) == before
    assert set(effects(tmp_path)["track_id"]) == {1}
    assert read_json(tmp_path / "run.json")["identity"]["kept_tracks"] == [0, 1]


def test_a_track_that_is_not_kept_is_refused_by_name(genome: DemoGenome, tmp_path: Path) -> None:
    creme(genome, tmp_path)
    before = bytes_of(tmp_path, "**/*.parquet")
    for changes in ({"tracks": [0, 1]}, {"keep": "all"}):
        with pytest.raises(RunMismatchError, match=r"keep 1 tracks and lack 1: .* another run\.out"):
            creme(genome, tmp_path, **changes)
        with pytest.raises(RunMismatchError, match="lack 1"):
            creme(genome, tmp_path, dry_run=True, **changes)
    assert bytes_of(tmp_path, "**/*.parquet") == before


@pytest.fixture
def shuffled_by_seqpro(genome: DemoGenome, tmp_path: Path) -> Path:
    """A finished run as raycre 0.1 left it: its identity names no shuffle."""
    creme(genome, tmp_path / "run", ("ENHA", "SILA"), tests=["context", "necessity"])
    record = read_json(tmp_path / "run" / "run.json")
    assert record["identity"].pop("shuffle") == SHUFFLE
    record["versions"]["raycre"] = "0.1.0"
    write_json(tmp_path / "run" / "run.json", record)
    return tmp_path / "run"


def test_a_folder_with_shuffles_of_seqpro_takes_no_further_work(
    genome: DemoGenome, shuffled_by_seqpro: Path
) -> None:
    before = bytes_of(shuffled_by_seqpro, "**/*.parquet") | bytes_of(shuffled_by_seqpro, "run.json")
    refusal = r"drawn by seqpro \(raycre 0\.1\.0\).* go on with raycre 0\.1\.0"
    asked: list[dict[str, Any]] = [{}, {"tests": ["interaction"]}, {"dry_run": True}]
    for changes in asked:
        with pytest.raises(RunMismatchError, match=refusal):
            creme(genome, shuffled_by_seqpro, **changes)
    after = bytes_of(shuffled_by_seqpro, "**/*.parquet") | bytes_of(shuffled_by_seqpro, "run.json")
    assert after == before
    creme(genome, shuffled_by_seqpro, fresh=True)
    assert read_json(shuffled_by_seqpro / "run.json")["identity"]["shuffle"] == SHUFFLE


def test_a_folder_with_shuffles_of_seqpro_is_read_by_report_and_compare(
    shuffled_by_seqpro: Path, tmp_path: Path
) -> None:
    write_report([shuffled_by_seqpro], tmp_path / "page.html")
    assert "necessity" in (tmp_path / "page.html").read_text()
    (tmp_path / "a.bed").write_text("chr1\t0\t100000\n")
    compared = run_comparison(
        "overlap", shuffled_by_seqpro, {"beds": [tmp_path / "a.bed"]}, test="necessity", out=tmp_path
    )
    # ENHA's two enhancers are among the tiles, and one of SILA's two silencers.
    assert [(row["group"], row["n"]) for row in compared["overlaps"]] == [("enhancer", 2), ("silencer", 1)]


def test_a_comparison_owns_the_folder_that_it_writes_to(shuffled_by_seqpro: Path, tmp_path: Path) -> None:
    (tmp_path / "a.bed").write_text("chr1\t0\t100000\n")
    compare = partial(
        run_comparison, "overlap", shuffled_by_seqpro, {"beds": [tmp_path / "a.bed"]}, test="necessity"
    )
    driver = Lease(shuffled_by_seqpro, "raycre creme")
    driver.claim()
    try:
        with pytest.raises(RunHeldError, match="raycre creme of "):
            compare()
        assert not list((shuffled_by_seqpro / "summary").glob("compare_*"))
        compare(out=tmp_path / "elsewhere")  # writes nothing to the run
    finally:
        driver.release()
    compare()
    assert list((shuffled_by_seqpro / "summary").glob("compare_*"))
    assert not list(tmp_path.rglob("lease"))


def test_a_folder_as_the_authors_shuffle_goes_on_whatever_shuffles_otherwise(
    genome: DemoGenome, tmp_path: Path
) -> None:
    named = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": ["ENHA"], "peak_at_tss": "keep"}
    asked: dict[str, Any] = {"inputs": named, "creme": {"compat": "reference"}}
    creme(genome, tmp_path, **asked)
    assert "shuffle" not in read_json(tmp_path / "run.json")["identity"]  # theirs did not change
    creme(genome, tmp_path, **asked, tests=["context"])
    assert set(effects(tmp_path)["test"]) == {"context", "necessity"}


def test_every_track_has_a_search_of_its_own(genome: DemoGenome, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"keep": "all", "tests": ["interaction"]}
    creme(genome, tmp_path / "grown", **changes, tracks=[0])
    creme(genome, tmp_path / "grown", **changes, tracks=[1])
    creme(genome, tmp_path / "grown", **changes, tracks=[0, 1])
    # The planted tracks go the same ways, but that is known only when each was asked to.
    assert len(list((tmp_path / "grown").rglob("chain-*.parquet"))) == 3 * 2
    creme(genome, tmp_path / "at once", **changes, tracks=[0, 1])
    assert predictions(tmp_path / "grown") == predictions(tmp_path / "at once")
    pd.testing.assert_frame_equal(
        effects(tmp_path / "grown"), effects(tmp_path / "at once"), check_exact=True
    )


def test_nothing_depends_on_order_or_size_of_units(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"genes": ("ENHA", "SILB"), "tests": ["interaction", "sets"]}
    creme(genome, tmp_path / "a", **changes)
    monkeypatch.setattr(OneReplica, "order", lambda units: units[::-1])
    creme(genome, tmp_path / "b", **changes, resources={"tiles_per_task": 1})
    assert predictions(tmp_path / "a") == predictions(tmp_path / "b")
    assert bytes_of(tmp_path / "a", "effects/*/*/*") == bytes_of(tmp_path / "b", "effects/*/*/*")
    chains = "passes/*/*/chain-*.parquet"
    assert bytes_of(tmp_path / "a", chains) == bytes_of(tmp_path / "b", chains) != {}


def test_a_chain_goes_on_from_its_last_piece(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "CHUNK", 3)
    changes: dict[str, Any] = {"tests": ["interaction"], "creme": {"searches": ["min"]}}
    creme(genome, tmp_path / "calm", **changes)

    predict, asked = Replica._predict, [0]

    def interrupted(replica: Replica, gene: Any, chosen: list[Perturbation], stage: Any) -> Any:
        asked[0] += len(chosen)
        if asked[0] > 18:
            raise KeyboardInterrupt
        return predict(replica, gene, chosen, stage)

    monkeypatch.setattr(Replica, "_predict", interrupted)
    with pytest.raises(KeyboardInterrupt):
        creme(genome, tmp_path / "cut", **changes)
    pieces = list((tmp_path / "cut" / "passes").rglob("piece-*.parquet"))
    done = n_predicted(tmp_path / "cut") + sum(len(read_table(p, ["pass"])) for p in pieces)
    assert n_predicted(tmp_path / "cut") == 11 < done <= 18

    asked[0] = -1000
    creme(genome, tmp_path / "cut", **changes)
    assert 1000 + asked[0] == n_predicted(tmp_path / "calm") - done
    both = [bytes_of(tmp_path / name, "passes/*/*/*.parquet") for name in ("calm", "cut")]
    assert both[0].keys() == both[1].keys()
    assert [name for name in both[0] if both[0][name] != both[1][name]] == []
    assert list((tmp_path / "cut" / "passes").rglob("piece-*")) == []


def test_a_gene_that_cannot_be_predicted_is_listed_and_all_others_have_effects(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict, tried = Replica._predict, []

    def poisoned(replica: Replica, gene: Any, chosen: list[Perturbation], stage: Any) -> Any:
        if gene["gene_name"] == "SILA":
            tried.append(len(chosen))
            raise ValueError("the window of SILA is bad")
        return predict(replica, gene, chosen, stage)

    changes: dict[str, Any] = {"genes": ("ENHA", "SILA", "SILB"), "tests": ["necessity", "interaction"]}
    with monkeypatch.context() as patch:
        patch.setattr(Replica, "_predict", poisoned)
        for _ in range(2):  # running again tries it again
            tried.clear()
            with pytest.raises(TasksFailedError, match="1 of 9 units failed for good, 2 that") as caught:
                creme(genome, tmp_path, **changes)
            assert caught.value.exit_code == 3
            assert tried == [11] * 3  # the unit of passes three times, no chain
    failures = read_table(tmp_path / "failures.parquet").to_pandas()
    assert failures["what"].tolist() == ["SILA"]
    assert failures["attempts"].tolist() == [3]
    assert failures["error"].tolist() == ["ValueError: the window of SILA is bad"]
    assert set(effects(tmp_path)["gene_name"]) == {"ENHA", "SILB"}
    assert len(list((tmp_path / "effects").rglob("part-*.parquet"))) == 2 * 2

    creme(genome, tmp_path, **changes)
    assert not (tmp_path / "failures.parquet").exists()
    assert set(effects(tmp_path)["gene_name"]) == {"ENHA", "SILA", "SILB"}


def test_a_chain_that_cannot_be_written_fails_alone(genome: DemoGenome, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"genes": ("ENHA", "SILA"), "tests": ["necessity", "interaction"]}
    creme(genome, tmp_path, **changes)
    chain = parts(tmp_path)[-1]
    chain.unlink()
    (chain / "in the way").mkdir(parents=True)
    (tmp_path / "effects").rename(tmp_path / "before")
    with pytest.raises(TasksFailedError, match="1 of 6 units failed for good, all others"):
        creme(genome, tmp_path, **changes)
    assert len(read_table(tmp_path / "failures.parquet")) == 1
    made = {path.parent.parent.name for path in (tmp_path / "effects").rglob("part-*.parquet")}
    assert made == {"test=necessity", "test=interaction"}  # of the other gene


def test_dry_run_counts_searches_and_says_what_is_done(genome: DemoGenome, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"genes": ("ENHA", "SILA"), "tests": ["interaction", "sets"]}
    before = creme(genome, tmp_path, **changes, dry_run=True)
    assert list(tmp_path.iterdir()) == []
    every = 1 + 5 * 2 + 2 * n_rounds(5, 3) + 2 + 2 * 3 * 2
    assert before["passes"] == before["passes_to_do"] == 2 * every
    assert (before["units"], before["units_done"]) == (2 * 3, 0)
    creme(genome, tmp_path, **changes)
    assert n_predicted(tmp_path) == 2 * every
    after = creme(genome, tmp_path, **changes, dry_run=True)
    assert after["passes"] == 2 * every
    assert (after["units"], after["units_done"]) == (2 * 3, 2 * 3)
    assert {name: after[name] for name in ("passes_to_do", "bases_to_compute", "flops_to_do")} == {
        "passes_to_do": 0, "bases_to_compute": 0, "flops_to_do": 0,
    }  # fmt: skip


@pytest.mark.parametrize("gene", ["ENHA", "ENHB"])  # of the + and of the - strand
def test_tiles_of_a_bed_are_perturbed_where_they_lie(genome: DemoGenome, tmp_path: Path, gene: str) -> None:
    planted = genome.truth_tiles[genome.truth_tiles["gene_name"] == gene]
    chrom, start, end = next(planted[["chrom", "start", "end"]].itertuples(index=False))
    bed = tmp_path / "peaks.bed"
    rows = [(start, end), (start + 600, end - 300), (start, end)]
    bed.write_text("".join(f"{chrom}\t{a}\t{b}\n" for a, b in rows))
    record = creme(
        genome, tmp_path / "run", (gene,), tests=["context", "necessity"], creme={"tiles": str(bed)}
    )
    assert "2 in 1 windows" in " ".join(record["notes"])
    assert "1 repeated" in " ".join(record["notes"])
    found = effects(tmp_path / "run")
    found = found[found["test"] == "necessity"]
    assert {(chrom, a, b) for a, b in rows} == set(
        zip(found["tile_chrom"], found["tile_start"], found["tile_end"], strict=True)
    )
    whole = found[found["tile_end"] - found["tile_start"] == end - start]
    assert whole["call"].tolist() == ["enhancer"]


def test_a_bed_of_another_assembly_is_refused_and_nothing_is_written(
    genome: DemoGenome, tmp_path: Path
) -> None:
    bed = tmp_path / "peaks.bed"
    bed.write_text("chr1\t100\t200\nchr1\t900000000\t900000100\n")
    with pytest.raises(AssemblyError, match=r"peaks\.bed:2: .*lift the file over") as caught:
        creme(genome, tmp_path / "run", creme={"tiles": str(bed)})
    assert caught.value.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_a_run_about_the_most_active_genes_predicts_all_and_goes_on_with_these(
    genome: DemoGenome, tmp_path: Path
) -> None:
    inputs = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": {"top": 2}}
    creme(genome, tmp_path, inputs=inputs)
    activity = read_table(tmp_path / "summary" / "activity.parquet").to_pandas()
    ranked = activity.sort_values("activity", ascending=False)
    chosen = set(ranked["gene_name"].iloc[:2])
    assert set(activity.loc[activity["chosen"], "gene_name"]) == chosen
    assert set(effects(tmp_path)["gene_name"]) == chosen
    assert n_predicted(tmp_path) == len(activity) + 2 * 5 * 2  # wild types, and tiles of the two
    genes = read_table(tmp_path / "inputs" / "genes.parquet").to_pandas()
    assert set(genes["gene_name"]) == chosen
    assert [list(tracks) for tracks in genes["searched"]] == [[0], [0]]


def test_a_pipeline_gives_every_test_to_the_genes_that_context_classes_choose(
    genome: DemoGenome, tmp_path: Path
) -> None:
    every = dict.fromkeys(("context", "necessity", "sufficiency", "distance", "interaction", "sets"), 1)
    settings = {
        "n_shuffles": {**every, "multiplicity": 1, "finemap": 1},
        "tiles": [STARTS[3], STARTS[8]],
        "rounds": 2,
        "copies": 2,
        "fine": [[2500, 0.9, 1]],
        "per_class": 1,
    }
    genes = ("ENHA", "ENHB", "SILA", "NEUT")
    creme(genome, tmp_path, genes, tests="pipeline", creme=settings, resources={})
    found = effects(tmp_path)
    screened = found[found["test"] == "context"]
    assert set(screened["gene_name"]) == set(genes)
    on = set(found.loc[found["test"] == "necessity", "gene_name"])
    by_class = screened.groupby("call")["gene_name"].agg(set)
    assert [len(on & names) for names in by_class] == [1] * len(by_class)  # per_class, on one track
    assert len(on) == len(by_class) == 3
    for test in ("sufficiency", "interaction", "sets"):
        assert set(found.loc[found["test"] == test, "gene_name"]) == on
    plan = read_table(tmp_path / "plan.parquet").to_pandas()
    assert set(plan.loc[plan["stage"] == "context", "gene_name"]) == set(genes)
    assert set(plan.loc[plan["stage"] == "tests", "gene_name"]) == on
