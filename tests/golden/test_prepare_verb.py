"""`raycre prepare` on golden/biology/prepare: the tables that it writes are the golden ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from raycre.cli import main
from raycre.config import PredictConfig, TrainConfig, read_config
from raycre.genome.regions import read_labels, read_regions
from tests.golden.prepare_set import PLACE, PrepareSet, as_rows


@pytest.fixture(scope="module")
def prepared(shared: Path) -> PrepareSet:
    folder = shared / "golden" / "biology" / "prepare"
    if not folder.is_dir():
        pytest.skip(f"no golden tables at {folder}")
    return PrepareSet.of(folder)


def manifest(prepared: PrepareSet, out: Path, fasta: Path) -> dict[str, Any]:
    def source(name: str, kind: str, path: Path) -> dict[str, str]:
        other = prepared.other_assembly(path)
        return {"name": name, "kind": kind, "path": str(path)} | ({"assembly": other} if other else {})

    genes, blacklist = next(prepared.inputs.glob("genes*")), next(prepared.inputs.glob("blacklist*"))
    other = prepared.chain.name.partition("_to_")[0]
    chain = {"name": "chain", "kind": "chain", "path": str(prepared.chain), "assembly": other}
    return {
        "run": {"name": "golden", "out": str(out), "seed": 3},
        "assembly": prepared.assembly,
        "sources": [
            source("genome", "fasta", fasta),
            source("genes", "genes", genes),
            source("blacklist", "blacklist", blacklist),
            chain,
            *(source(f"known-{c}", f"{c}s", path) for c, path in prepared.labelled_files().items()),
            *(source(name, "peaks", path) for name, path in prepared.experiments().items()),
        ],
        # The golden tables keep regions however long they have become.
        "rules": {"lift": {"max_length_change": None}, "background": {"n": 1_500}},
    }


@pytest.fixture(scope="module")
def run(prepared: PrepareSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepare")
    fasta = next(prepared.inputs.glob("*.fa.gz"))
    copy = folder / fasta.name
    copy.write_bytes(fasta.read_bytes())
    path = folder / "sources.yaml"
    path.write_text(yaml.safe_dump(manifest(prepared, folder / "out", copy)))
    main_ok(["prepare", "--config", str(path)])
    return folder / "out"


def main_ok(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


def test_the_labels_are_the_golden_ones_and_background(prepared: PrepareSet, run: Path) -> None:
    labels = pd.read_parquet(run / "labels.parquet")
    elements = labels[labels["label"] != "background"]
    expected = prepared.table("04_labels").rename(columns={"class": "label", "names": "name"})
    columns = [*PLACE, "label", "name"]
    assert as_rows(elements, columns) == as_rows(expected, columns)
    background = labels[labels["label"] == "background"]
    starts = prepared.bed("08_background_starts", PLACE)
    legal = starts.merge(background, on="chrom", suffixes=("_legal", ""))
    inside = (legal["start_legal"] <= legal["start"]) & (legal["start"] < legal["end_legal"])
    assert inside.sum() == len(background) == 1_500


def test_the_candidates_are_the_golden_ones_with_their_sources(prepared: PrepareSet, run: Path) -> None:
    expected = prepared.table("07_candidates_unique").rename(
        columns={"sources": "source", "peaks": "name", "n_peaks": "n"}
    )
    columns = [*PLACE, "source", "name", "n"]
    assert as_rows(pd.read_parquet(run / "candidates.parquet"), columns) == as_rows(expected, columns)


def test_lifts_are_counted_by_category(prepared: PrepareSet, run: Path) -> None:
    lift = pd.read_parquet(run / "summary" / "lift.parquet").set_index(["source", "status"])["n"]
    counts = prepared.counts()
    for source, item in (("known-silencer", "silencers"), ("ATAC", "ATAC")):
        for status in ("mapped", "deleted", "partially_deleted", "split", "duplicated"):
            assert lift[source, status] == counts.get(f"01_lift.{item}.{status}", 0)
    lost = pd.read_parquet(run / "summary" / "lift_lost.parquet")
    assert len(lost) == sum(lift) - lift.xs("mapped", level="status").sum()


def test_train_and_predict_take_what_was_written(run: Path) -> None:
    train, predict = (
        read_config(TrainConfig, run / "train.yaml"),
        read_config(PredictConfig, run / "predict.yaml"),
    )
    assert train.model.modalities == ("sequence",)
    assert (train.inputs.blacklist, predict.inputs.blacklist) == (None, None)  # no label is lost to it
    labels = read_labels(train.inputs.labels)
    assert (len(labels.table), labels.n_dropped) == (len(pd.read_parquet(run / "labels.parquet")), 0)
    regions = read_regions(predict.inputs.regions).table
    assert regions["source"].tolist() == pd.read_parquet(run / "candidates.parquet")["source"].tolist()


def test_the_record_says_what_was_read_and_the_manifest_pins_it(run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    assert (record["verb"], record["finished"]) == ("prepare", True)
    hashes = {source["name"]: source["sha256"] for source in record["sources"]}
    pinned = yaml.safe_load((run / "sources.yaml").read_text())["sources"]
    assert {source["name"]: source["sha256"] for source in pinned} == hashes
    assert len({row["source"] for row in record["lift"]}) == 2


def test_the_same_command_gives_the_same_bytes_again(run: Path) -> None:
    tables = sorted(run.glob("**/*.parquet"))
    before = [path.read_bytes() for path in tables]
    main_ok(["prepare", "--config", str(run.parent / "sources.yaml")])
    assert [path.read_bytes() for path in tables] == before


def test_a_dry_run_counts_and_writes_nothing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run.parent / "dry"
    given = ["--config", str(run.parent / "sources.yaml"), "--set", f"run.out={out}", "--dry-run", "--json"]
    main_ok(["prepare", *given])
    found = json.loads(capsys.readouterr().out)
    counts = {(row["step"], row["item"]): row["n"] for row in found["counts"]}
    assert counts["candidates", "final"] == len(pd.read_parquet(run / "candidates.parquet"))
    assert not out.exists()


def test_the_report_shows_the_counts(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    main_ok(["report", str(run), "--out", str(tmp_path / "report.html")])
    page = (tmp_path / "report.html").read_text()
    assert "Rows at each step" in page
    assert "partially_deleted" in page
