"""The chain: regions classified by CREATE, perturbed by CREME, one table; planted truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from raycre.demo.genome import DemoGenome
from raycre.demo.run import demo_configs, score_chain
from raycre.errors import AssemblyError, RunMismatchError
from raycre.genome.fasta import Fasta
from raycre.report.page import write_report
from raycre.store.classified import read_predict_run
from raycre.store.files import read_json, sha256_of
from raycre.store.parquet import read_parts, read_table
from raycre.store.schemas import EFFECTS, ELEMENTS
from tests.by_hand import write_training
from tests.conftest import bytes_of, perturb_config, predict_config
from tests.in_process import run_creme, run_predict
from tests.run_folders import predict_truth

MISSED = "ENHA"  # the gene one of whose elements CREATE is made to miss


@pytest.fixture(scope="module")
def by_hand(genome: DemoGenome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prediction that is the truth, but for one element."""
    return predict_truth(genome, tmp_path_factory.mktemp("by_hand") / "run", missed(genome))


def missed(genome: DemoGenome) -> str:
    tiles = genome.truth_tiles
    return str(tiles.loc[tiles["gene_name"] == MISSED, "name"].iloc[0])


@pytest.fixture(scope="module")
def chained(
    genome: DemoGenome, by_hand: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("chained") / "run"
    return out, run_creme(perturb_config(genome, out, create_run=str(by_hand)))


Chained = tuple[Path, dict[str, Any]]


def test_planted_elements_stand_in_one_table_with_creates_class_and_cremes_call(
    chained: Chained, genome: DemoGenome
) -> None:
    out, record = chained
    rows = read_table(out / "summary" / "elements.parquet").to_pandas()
    assert list(rows.columns) == ELEMENTS.names
    truth = genome.truth_tiles[genome.truth_tiles["gene_name"].isin(["ENHA", "SILA"])]
    truth = truth[truth["name"] != missed(genome)]
    assert set(rows["name"]) == set(truth["name"])  # nothing else is in these genes' tiles
    for planted in truth.to_dict("records"):
        kind = "enhancer" if planted["sign"] > 0 else "silencer"
        mine = rows[(rows["name"] == planted["name"]) & (rows["track_id"] == 0)]
        assert mine["test"].tolist() == ["necessity", "sufficiency"]
        said = mine[["create_call", "creme_call", "agrees", "tile_start", "overlap_bp"]].drop_duplicates()
        assert said.to_numpy().tolist() == [[kind, kind, True, planted["start"], 1_000]]
    assert list(record)[-1] == "elements"
    assert [row["name"] for row in record["elements"]] != []
    n = len(genome.truth_tiles)  # of seven genes, of which two are run
    assert score_chain(out, genome) == {
        "planted_elements_classified_by_create": f"3 of {n}",
        "planted_elements_found_by_both": f"3 of {n}",
    }


def test_every_tile_carries_the_calls_of_the_regions_in_it(chained: Chained, by_hand: Path) -> None:
    effects = pd.read_parquet(chained[0] / "effects")
    assert list(effects.columns) == EFFECTS.names
    regions = read_parts(by_hand / "predictions")
    assert len(effects[effects["create_calls"] != ""])
    for row in effects.drop_duplicates(["tile_chrom", "tile_start"]).to_dict("records"):
        here = (regions["chrom"] == row["tile_chrom"]) & (regions["start"] < row["tile_end"])
        calls = regions.loc[here & (regions["end"] > row["tile_start"]), "call"].value_counts()
        said = dict(part.split(":") for part in row["create_calls"].split(",") if part)
        assert said == {name: str(n) for name, n in calls.items()}


def test_the_run_says_which_prediction_it_was_joined_to_and_the_report_shows_it(
    chained: Chained, by_hand: Path, tmp_path: Path
) -> None:
    noted = read_json(chained[0] / "run.json")["create_run"]
    assert noted["digest"] == read_json(by_hand / "run.json")["digest"]
    assert noted["regions"] == len(read_parts(by_hand / "predictions"))
    write_report([chained[0]], tmp_path / "page.html")
    assert "Element, class by CREATE, effect on the gene by CREME." in (tmp_path / "page.html").read_text()


def test_effects_without_a_prediction_are_the_same_and_have_no_calls(
    chained: Chained, genome: DemoGenome, tmp_path: Path
) -> None:
    perturbed = tmp_path / "run"
    run_creme(perturb_config(genome, perturbed))
    assert not (perturbed / "summary" / "elements.parquet").exists()
    effects = pd.read_parquet(perturbed / "effects")
    assert effects["create_calls"].isna().all()
    pd.testing.assert_frame_equal(
        effects.drop(columns="create_calls"),
        pd.read_parquet(chained[0] / "effects").drop(columns="create_calls"),
        check_exact=True,
    )


def test_a_folder_that_does_not_fit_is_refused_before_anything_is_written(
    by_hand: Path, chained: Chained, genome: DemoGenome, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(RunMismatchError, match="holds a run of creme"):
        run_creme(perturb_config(genome, out, create_run=str(chained[0])))
    fasta = tmp_path / "other.fa"
    fasta.write_text(genome.fasta.read_text() + ">more\nACGT\n")
    inputs = {"fasta": str(fasta), "gtf": str(genome.gtf), "genes": ["ENHA"]}
    before = bytes_of(by_hand, "**/*.*")
    with pytest.raises(AssemblyError, match="its regions are of another FASTA"):
        run_creme(perturb_config(genome, out, create_run=str(by_hand), inputs=inputs))
    assert not out.exists()
    assert bytes_of(by_hand, "**/*.*") == before


def test_calls_of_another_fasta_are_joined_by_a_chain(
    chained: Chained, genome: DemoGenome, by_hand: Path, tmp_path: Path
) -> None:
    fasta, chain, out = tmp_path / "other.fa", tmp_path / "same.chain", tmp_path / "run"
    fasta.write_text(genome.fasta.read_text() + ">more\nACGT\n")
    with Fasta(genome.fasta) as opened:
        sizes = opened.sizes
    chain.write_text(
        "\n".join(
            f"chain 1 {c} {n} + 0 {n} {c} {n} + 0 {n} {i}\n{n}\n" for i, (c, n) in enumerate(sizes.items())
        )
    )
    inputs = {"fasta": str(fasta), "gtf": str(genome.gtf), "genes": ["ENHA"]}
    given = {"create_run": str(by_hand), "chain": str(chain), "inputs": inputs}
    record = run_creme(perturb_config(genome, out, **given))
    lift = record["create_run"]["lift"]
    assert (lift["mapped"], sum(lift.values())) == (record["create_run"]["regions"],) * 2
    columns = ["name", "gene_name", "test", "track_id", "create_call", "creme_call", "tile_start"]
    rows = read_table(out / "summary" / "elements.parquet", columns).to_pandas()
    expected = read_table(chained[0] / "summary" / "elements.parquet", columns).to_pandas()
    expected = expected[expected["gene_name"] == "ENHA"].reset_index(drop=True)
    assert rows.to_dict("records") == expected.to_dict("records")
    assert next(i for i in record["inputs"] if i["input"] == "chain")["sha256"] == sha256_of(chain)


def test_the_demo_perturbs_what_it_has_predicted(genome: DemoGenome, tmp_path: Path) -> None:
    _, predict, perturb = demo_configs(tmp_path, genome, 0)
    assert perturb.create_run == predict.run.out
    assert perturb.tests == "pipeline"


def test_what_predict_writes_is_taken_whole(genome: DemoGenome, tmp_path: Path) -> None:
    predicted = tmp_path / "run"
    run_predict(predict_config(genome, write_training(tmp_path / "train", n=1), predicted))
    found, noted = read_predict_run(predicted, sha256_of(genome.fasta))
    rows = read_parts(predicted / "predictions").sort_values(["chrom", "start"])
    assert found.start.tolist() == rows["start"].tolist()
    assert found.name.tolist() == rows["name"].tolist()
    assert noted["model_sha256"] == rows["model_sha256"].iloc[0]
