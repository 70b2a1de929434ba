"""Verbs called from Python, one after another in one process, on a Ray that each may start."""

from __future__ import annotations

from pathlib import Path

import raycre
from raycre.demo.genome import DemoGenome
from tests.conftest import perturb_values


def test_verbs_are_called_again_and_again_in_one_process(
    genome: DemoGenome, local_ray: None, tmp_path: Path
) -> None:
    values = perturb_values(genome, tmp_path / "run", genes=("ENHA",))
    first = raycre.creme("necessity", values, tracks=[0])
    assert first.finished
    more = raycre.creme("sufficiency", values, tracks=[0])  # the folder takes further tests
    assert more.path == first.path
    assert set(more.effects().pandas()["test"]) == {"necessity", "sufficiency"}
    called = more.effects(test="sufficiency", call="enhancer").pandas()
    assert len(called) == 2  # as planted round ENHA
    found = raycre.export(more, "bed9", out=tmp_path / "tracks")
    (path,) = found["files"]["bed9"]  # necessity has no calls without a context test
    assert Path(path).name == "calls.sufficiency.bed"
    lines = Path(path).read_text().splitlines()
    assert [int(line.split("\t")[1]) for line in lines] == sorted(called["tile_start"])
