"""Regions that are added to a finished prediction: the new ones alone are predicted, and rows are equal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from raycre.demo.genome import DemoGenome
from raycre.errors import RunMismatchError
from raycre.store.files import read_json
from raycre.store.parquet import read_parts, read_table
from raycre.workflows.predict import shards
from raycre.workflows.predict.growth import ENDS, Grown
from tests.by_hand import write_training
from tests.conftest import bytes_of, predict_config
from tests.in_process import run_predict

PARTS = "predictions/part-*.parquet"


@pytest.fixture
def of(genome: DemoGenome, tmp_path: Path) -> Any:
    """Returns the configuration of a run in shards of 32, of the first regions, or of such lines."""
    lines = genome.candidates.read_text().splitlines(keepends=True)
    checkpoint = write_training(tmp_path / "train", n=1)

    def config(out: str, n: int, first: str = "", **changes: Any) -> Any:
        regions = tmp_path / "regions.bed"
        regions.write_text(first + "".join(lines[:n]))
        changes = {"shard_size": 32, "resources": {"replicas": 1}} | changes
        return predict_config(replace(genome, candidates=regions), checkpoint, tmp_path / out, **changes)

    return config


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Units that are worked on."""
    seen: list[str] = []
    write = shards.CrePredictor._write

    def noted(self: shards.CrePredictor, row: dict[str, Any]) -> None:
        seen.append(row["unit"])
        write(self, row)

    monkeypatch.setattr(shards.CrePredictor, "_write", noted)
    return seen


def rows(out: Path) -> pd.DataFrame:
    return read_parts(out / "predictions")


def test_new_regions_are_predicted_alone_and_all_rows_are_those_of_a_calm_run(
    of: Any, predicted: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_predict(of("grown", 40))
    before = bytes_of(tmp_path / "grown", PARTS)
    digest = read_json(tmp_path / "grown" / "run.json")["digest"]
    for n in (75, 80):  # twice, and neither end is one of a shard, nor of a batch
        predicted.clear()
        capsys.readouterr()
        run_predict(of("grown", n))
        kept = bytes_of(tmp_path / "grown", PARTS)
        assert {name: kept[name] for name in before} == before
        assert f"{n - (40 if n == 75 else 75)} regions are added to the" in capsys.readouterr().err
        assert predicted == (["part-00002", "part-00003"] if n == 75 else ["part-00004"])
        before = kept
    record = read_json(tmp_path / "grown" / "run.json")
    assert record[ENDS] == [40, 75]
    assert record["finished"]
    run_predict(of("calm", 80))
    calm = read_json(tmp_path / "calm" / "run.json")
    assert (record["identity"], record["digest"]) == (calm["identity"], calm["digest"])
    assert record["digest"] != digest
    assert record["calls"] == calm["calls"]
    pd.testing.assert_frame_equal(rows(tmp_path / "grown"), rows(tmp_path / "calm"), check_exact=True)
    regions = [read_table(tmp_path / name / "inputs" / "regions.parquet") for name in ("grown", "calm")]
    assert regions[0].equals(regions[1])
    predicted.clear()
    run_predict(of("grown", 80))  # goes on as it is
    assert predicted == []


def test_a_growth_that_is_cut_off_goes_on(of: Any, predicted: list[str], tmp_path: Path) -> None:
    run_predict(of("grown", 40))
    run_predict(of("grown", 80))
    (tmp_path / "grown" / "predictions" / "part-00003.parquet").unlink()  # as if it was not yet done
    # Cut off before the new regions were written: run.json knows of them, and of the old end.
    run_predict(of("short", 40))
    (tmp_path / "short/inputs/regions.parquet").replace(tmp_path / "grown/inputs/regions.parquet")
    predicted.clear()
    run_predict(of("grown", 80))
    assert predicted == ["part-00003"]
    run_predict(of("calm", 80))
    pd.testing.assert_frame_equal(rows(tmp_path / "grown"), rows(tmp_path / "calm"), check_exact=True)


def test_a_dry_run_counts_what_is_missing_alone(of: Any, tmp_path: Path) -> None:
    run_predict(of("grown", 40))
    before = bytes_of(tmp_path / "grown", "**/*.*")
    cost = run_predict(of("grown", 80), dry_run=True)
    assert (cost["shards"], cost["shards_done"]) == (4, 2)
    assert cost["forward_passes_to_do"] == 40 * 1 * cost["views"]
    assert bytes_of(tmp_path / "grown", "**/*.*") == before


@pytest.mark.parametrize(
    ("n", "first", "changes", "message"),
    [
        (30, "", {}, "a run of 40 regions, and the 30 of inputs.regions do not begin with these"),
        (60, "chr1\t5000\t6000\tx\t0\t.\n", {}, "40 regions, and the 61 of inputs.regions do not begin"),
        (60, "", {"views": 2}, "another configuration"),
        (60, "", {"shard_size": 16}, "another configuration"),
    ],
)
def test_other_regions_or_another_run_are_refused_and_nothing_is_written(
    of: Any, tmp_path: Path, n: int, first: str, changes: dict[str, Any], message: str
) -> None:
    run_predict(of("grown", 40))
    before = bytes_of(tmp_path / "grown", "**/*.*")
    with pytest.raises(RunMismatchError, match=message):
        run_predict(of("grown", n, first, **changes))
    assert bytes_of(tmp_path / "grown", "**/*.*") == before


def test_regions_say_in_which_file_they_were_first_read(of: Any, tmp_path: Path) -> None:
    run_predict(of("grown", 40))
    config = of("grown", 50)
    moved = tmp_path / "more.bed"
    config.inputs.regions.rename(moved)
    config = config.model_copy(update={"inputs": config.inputs.model_copy(update={"regions": moved})})
    for _ in range(2):
        run_predict(config)
        table = read_table(tmp_path / "grown" / "inputs" / "regions.parquet")
        assert rows(tmp_path / "grown")["source"].tolist() == table["source"].to_pylist()
        assert table["source"].to_pylist() == ["regions.bed"] * 40 + ["more.bed"] * 10


def test_fresh_forgets_the_old_ends(of: Any, predicted: list[str], tmp_path: Path) -> None:
    run_predict(of("grown", 40))
    run_predict(of("grown", 80))
    predicted.clear()
    run_predict(of("grown", 80), fresh=True)
    assert predicted == ["part-00000", "part-00001", "part-00002"]
    assert ENDS not in read_json(tmp_path / "grown" / "run.json")


def test_no_shard_reaches_over_an_old_end() -> None:
    units = Grown(pd.DataFrame(index=range(100)), (40, 64)).units(32)
    assert units["first"].tolist() == [0, 32, 40, 64, 96]
    assert units["last"].tolist() == [32, 40, 64, 96, 100]
    assert Grown(pd.DataFrame(index=range(33))).units(32)["unit"].tolist() == ["part-00000", "part-00001"]
