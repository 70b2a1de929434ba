"""`raycre creme pipeline` on real Ray, from the command line to the table of elements."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import pytest

from raycre.cli import main
from raycre.demo.genome import DemoGenome
from raycre.store.files import write_json
from raycre.store.parquet import read_table
from tests.run_folders import predict_truth


def test_a_pipeline_on_the_command_line_ends_with_the_table(
    genome: DemoGenome, local_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand = predict_truth(genome, tmp_path / "by_hand")
    config, out = tmp_path / "c.yaml", tmp_path / "run"
    few = dict.fromkeys(
        ["context", "necessity", "sufficiency", "distance", "interaction", "sets", "multiplicity", "finemap"],
        1,
    )
    write_json(  # JSON is YAML
        config,
        {
            "run": {"name": "c", "out": str(out)},
            "inputs": {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": ["ENHA"]},
            "model": {"backbone": "planted"},
            "tracks": [0],
            "resources": {"replicas": 1},
            "creme": {
                "n_shuffles": few, "rounds": 2, "copies": 1, "searches": ["min"],
                "fine": [{"window": 2500, "threshold": 0.9, "batch": 1}],
            },
        },
    )  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main(["creme", "pipeline", "--config", str(config), "--create-run", str(by_hand)])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    table = list(takewhile(lambda line: line.startswith("  "), lines[lines.index("elements:") + 1 :]))
    assert table[0].split()[:4] == ["element", "name", "by_create", "p"]
    assert (
        len(table) == 1 + read_table(out / "summary" / "elements.parquet").num_rows // 2
    )  # two tests a line
    tests = {path.name.removeprefix("test=") for path in (out / "effects").iterdir()}
    assert tests == {*few, "swap"}
