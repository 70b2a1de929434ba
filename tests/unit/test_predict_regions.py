"""Regions of a large file are planned by a process of their own; what comes of them is the same."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raycre.demo.genome import DemoGenome
from raycre.errors import RaycreError, RegionError
from raycre.store.files import read_json
from raycre.workflows.apart import call_apart
from raycre.workflows.predict import regions
from raycre.workflows.readings import listen
from tests.by_hand import write_training
from tests.conftest import bytes_of, predict_config
from tests.in_process import run_predict
from tests.said_apart import end, refuse, say_and_add


def test_what_a_process_of_its_own_says_is_said_here_and_its_errors_are_raised(
    capfd: pytest.CaptureFixture[str],
) -> None:
    heard = listen()
    found, pid = call_apart(say_and_add, (1, 2))
    assert (found, heard) == (3, ["a.txt: two numbers"])
    assert pid != os.getpid()
    said = capfd.readouterr()
    assert (said.out, said.err.splitlines()) == ("", ["to nobody", "note: adding"])
    with pytest.raises(RegionError, match=r"regions\.bed:3: 7: cannot be"):
        call_apart(refuse, 7)
    with pytest.raises(RaycreError, match=r"end: its process ended with -9 and without an answer \(killed"):
        call_apart(end, 0)


@pytest.fixture
def run(genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a prediction of the first n candidates, here or in a process of their own."""
    lines = genome.candidates.read_text().splitlines(keepends=True)
    checkpoint = write_training(tmp_path / "train", n=1)

    def predict(out: str, n: int, large: bool, text: str = "") -> None:
        monkeypatch.setattr(regions, "LARGE", 0 if large else 2**40)
        bed = tmp_path / "regions.bed"
        bed.write_text(text or "".join(lines[:n]))
        changes = {"shard_size": 32, "resources": {"replicas": 1}}
        run_predict(predict_config(replace(genome, candidates=bed), checkpoint, tmp_path / out, **changes))

    return predict


def test_a_large_file_gives_the_bytes_of_a_small_one(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for out, large in {"here": False, "apart": True}.items():
        for n in (70, 100):  # 30 regions are added
            run(out, n, large)
        lines = capsys.readouterr().err.splitlines()
        said.append([line for line in lines if " after " not in line])  # seconds
    assert any("30 regions are added to the 70" in line for line in said[0])
    assert said[0] == said[1]
    here, there = (
        {
            name: data
            for pattern in ("inputs/*.parquet", "predictions/*.parquet", "plan.parquet", "summary/*.parquet")
            for name, data in bytes_of(tmp_path / out, pattern).items()
        }
        for out in ("here", "apart")
    )
    assert here == there
    records = [read_json(tmp_path / out / "run.json") for out in ("here", "apart")]
    for key in ("digest", "identity", "regions", "ambiguous_letters", "without_data", "inputs_read"):
        assert records[0][key] == records[1][key]


def test_a_wrong_line_of_a_large_file_is_named_and_nothing_is_written(run: Any, tmp_path: Path) -> None:
    with pytest.raises(RegionError, match=r"regions\.bed:2"):
        run("out", 0, True, text="chr1\t100\t2000\nchr1\t300\t200\n")
    assert not (tmp_path / "out").exists()
