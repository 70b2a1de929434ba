"""CREME runs in which something fails: it is listed, and all else is done. One replica, no Ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from raycre.backbones.reader import Reader
from raycre.creme.tiles import context_tiles
from raycre.demo.genome import DemoGenome
from raycre.errors import TasksFailedError
from raycre.store.parquet import read_table
from raycre.workflows.perturb import replica as replicas
from raycre.workflows.perturb.replica import Replica
from tests.conftest import perturb_config
from tests.in_process import run_creme

STARTS = context_tiles(65_536, 5_000)[:, 0].tolist()


def creme(genome: DemoGenome, out: Path, genes: Sequence[str], **changes: Any) -> dict[str, Any]:
    inputs = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": list(genes)}
    settings = {"n_shuffles": {"context": 2, "necessity": 2}, "tiles": STARTS[:2]}
    asked = {"inputs": inputs, "tracks": [0], "creme": settings, "resources": {}, **changes}
    return run_creme(perturb_config(genome, out, **asked))


def poison(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the model answer with NaN for one gene."""
    predict, edited = Replica._predict, Reader.edited
    now: list[str] = []

    def predict_of(replica: Replica, gene: Any, *rest: Any) -> Any:
        now[:] = [gene["gene_name"]]
        return predict(replica, gene, *rest)

    def edited_of(reader: Reader, *rest: Any) -> NDArray[np.float32]:
        found = edited(reader, *rest)
        return found * np.float32("nan") if now == [name] else found

    monkeypatch.setattr(Replica, "_predict", predict_of)
    monkeypatch.setattr(Reader, "edited", edited_of)


def genes_of(out: Path, test: str) -> set[str]:
    parts = sorted((out / "effects" / f"test={test}").rglob("part-*.parquet"))
    return set(pd.concat([read_table(p).to_pandas() for p in parts])["gene_name"])


@pytest.mark.parametrize("tests", [["necessity"], ["interaction"], ["swap", "necessity"], "pipeline"])
def test_a_gene_whose_activity_has_no_value_fails_and_the_others_are_done(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tests: Any
) -> None:
    poison(monkeypatch, "SILA")
    settings = {
        "n_shuffles": dict.fromkeys(("context", "necessity", "sufficiency", "interaction"), 1),
        "tiles": STARTS[:2],
        "rounds": 1,
    }
    with pytest.raises(TasksFailedError):
        creme(genome, tmp_path, ["ENHA", "SILA", "SILB"], tests=tests, creme=settings)
    failures = read_table(tmp_path / "failures.parquet").to_pandas()
    assert set(failures["what"]) == {"SILA"}
    assert failures["error"].str.contains("activity is .*nan").all()
    for test in ("context", "necessity") if tests == "pipeline" else tests:
        assert genes_of(tmp_path, test) == {"ENHA", "SILB"}


def test_a_run_in_which_every_gene_fails_ends_with_the_list_of_failures(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, "SILA")
    with pytest.raises(TasksFailedError, match="1 of 1 units"):
        creme(genome, tmp_path / "pipeline", ["SILA"], tests="pipeline")


def test_a_screening_in_which_every_gene_fails_ends_with_the_list_of_failures(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": {"top": 1}}
    monkeypatch.setattr(Reader, "edited", lambda *_: np.full((2, 1), np.nan, np.float32))
    with pytest.raises(TasksFailedError):
        creme(genome, tmp_path / "top", [], inputs=inputs, tests=["necessity"])


def test_a_chain_that_loses_its_process_again_and_again_is_done_as_long_as_it_gets_on(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "CHUNK", 1)
    predict, calls = Replica._predict, []

    def now_and_then(replica: Replica, *rest: Any) -> Any:
        calls.append(1)
        if len(calls) % 2 == 0:
            raise OSError("the node is gone")
        return predict(replica, *rest)

    monkeypatch.setattr(Replica, "_predict", now_and_then)
    settings = {"n_shuffles": {"interaction": 2}, "tiles": STARTS[:3], "rounds": 3, "searches": ["min"]}
    creme(genome, tmp_path, ["ENHA"], tests=["interaction"], creme=settings)
    assert len(calls) > 2 * 3
    assert not (tmp_path / "failures.parquet").exists()
