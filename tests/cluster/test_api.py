"""Verbs called from Python, one after another in one process, on a Ray that each may start."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import raycre
from raycre.demo.genome import DemoGenome
from tests.conftest import bytes_of, perturb_values


def test_verbs_are_called_again_and_again_in_one_process(
    genome: DemoGenome, local_ray: None, tmp_path: Path
) -> None:
    values = perturb_values(genome, tmp_path / "unused", genes=("ENHA",))
    runs = [raycre.creme("necessity", values, out=tmp_path / name, tracks=[0]) for name in ("a", "b")]
    assert [run.finished for run in runs] == [True, True]
    assert bytes_of(tmp_path / "a", "effects/*/*/*") == bytes_of(tmp_path / "b", "effects/*/*/*")
    more = raycre.creme("sufficiency", values, out=runs[0].path, tracks=[0])  # the folder takes further tests
    assert set(more.effects().pandas()["test"]) == {"necessity", "sufficiency"}
    called = more.effects(test="necessity", call="enhancer").pandas()
    assert len(called) == 2  # as planted round ENHA
    found = raycre.export(more, "bed9", out=tmp_path / "tracks")
    assert [Path(path).name for path in found["files"]["bed9"]] == [
        "calls.necessity.bed",
        "calls.sufficiency.bed",
    ]
    lines = Path(found["files"]["bed9"][0]).read_text().splitlines()
    assert [int(line.split("\t")[1]) for line in lines] == sorted(np.sort(called["tile_start"]))
