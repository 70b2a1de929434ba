"""Code of docs/python.md that needs no files runs as it stands; all of it calls what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import raycre
from raycre import packages
from raycre.api.runs import OpenRun
from raycre.api.tables import RunTable
from raycre.api.verbs import as_written
from raycre.config import PerturbConfig, make_config
from raycre.demo.genome import DemoGenome
from tests.conftest import perturb_values
from tests.in_process import connect_to_nothing, run_creme

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_blocks_about_arrays_run_as_they_stand() -> None:
    names: dict[str, object] = {"raycre": raycre, "torch": torch}
    mine = [block for block in BLOCKS if "raycre.planted()" in block or "class Mine" in block]
    assert len(mine) == 2
    for block in mine:
        exec(compile(block, "docs/python.md", "exec"), names)
    before, after = names["before"], names["after"]
    assert isinstance(before, torch.Tensor)
    assert isinstance(after, torch.Tensor)
    assert before.shape == after.shape == (2, 1)
    assert names["mine"].read("ACGT" * 512).shape == (1, 1)  # type: ignore[attr-defined]


def test_tangermeme_takes_the_module_where_it_is_installed() -> None:
    pytest.importorskip("tangermeme")
    names: dict[str, object] = {"raycre": raycre, "torch": torch}
    for block in (block for block in BLOCKS if "raycre.planted()" in block or "tangermeme" in block):
        exec(compile(block, "docs/python.md", "exec"), names)
    before, after = names["before"], names["after"]
    assert isinstance(before, torch.Tensor)
    assert isinstance(after, torch.Tensor)
    assert before.shape == (2, 1)
    assert after.shape == (2, 20, 1)  # of as many shuffles as tangermeme makes by default


@pytest.mark.parametrize("block", BLOCKS, ids=[str(number) for number in range(len(BLOCKS))])
def test_every_block_is_python_and_calls_what_there_is(block: str) -> None:
    compile(block, "docs/python.md", "exec")
    for name in re.findall(r"\braycre\.([a-z_]+)\(", block):
        assert callable(getattr(raycre, name))
    for name in re.findall(r"\brun\.([a-z_]+)\(", block):
        assert callable(getattr(OpenRun, name))
    for name in re.findall(r"\brun\.predictions\([^)]*\)\.([a-z_]+)", block):
        assert hasattr(RunTable, name)


def test_the_test_of_ones_own_runs_as_it_stands(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, object] = {"raycre": raycre}
    (block,) = (block for block in BLOCKS if "upstream = Test(" in block)
    exec(compile(block, "docs/python.md", "exec"), names)
    monkeypatch.setattr(packages, "_HANDED_OVER", {})
    connect_to_nothing(monkeypatch)
    values = perturb_values(genome, tmp_path / "run", genes=("ENHA",))
    values |= {"tests": ["necessity", names["upstream"]]}
    values["creme"]["n_shuffles"]["upstream"] = 4
    run_creme(make_config(PerturbConfig, as_written(values)))
    effects = raycre.open_run(tmp_path / "run").effects(test="upstream").pandas()
    assert (effects["n"] == 4).all()
    lost = (effects["wt"] - effects["mutant"]) / effects["wt"]
    assert effects["effect"].to_numpy() == pytest.approx(lost.to_numpy())
    assert (effects["offset_start"] == 0).all()
