"""Commands of docs/tutorial.md run as they stand, on a small genome and small runs; pages are in the site."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from raycre.cli import main
from raycre.cli.app import app
from raycre.demo.genome import DemoGenome, write_demo_genome
from tests.run_folders import effect_rows, predict_truth, write_creme, write_metrics, write_training

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TEXT = (DOCS / "tutorial.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", TEXT, flags=re.DOTALL)
    for line in block.replace("\\\n", "").splitlines()
]
HEAVY = {"demo", "train"}  # on Ray, or of seconds: `make demo` and the tests of these verbs run them


def test_the_tutorial_has_commands_of_every_step() -> None:
    verbs = [shlex.split(line)[1] for line in COMMANDS]
    steps = "demo prepare init train show export annotate compare report"
    assert set(verbs) >= set(steps.split())
    assert set(verbs) <= set(get_command(app).commands)  # type: ignore[attr-defined]


def record_of_genome(path: Path, genome: DemoGenome) -> None:
    """Have a small run say which FASTA it has read."""
    record = json.loads(path.read_text())
    record["config"] = {"inputs": {"fasta": str(genome.fasta)}}
    path.write_text(json.dumps(record))


def test_the_commands_of_the_tutorial_run_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    genome = write_demo_genome(Path("demo-run/genome"), n_labelled=50, n_candidates=40)
    write_training(Path("demo-run/train"))
    write_metrics(Path("demo-run/train"), [0.9])
    predict_truth(genome, Path("demo-run/predict"))
    calls: list[str | None] = ["enhancer", "silencer", "neither"]
    places = {"tile_chrom": "chr1", "track_name": "planted-A"}
    tiles = effect_rows("ENHA", "necessity", [0.5, -0.4, 0.0], calls, **places)
    sufficient = effect_rows("ENHA", "sufficiency", [0.5, -0.4, 0.0], calls, **places)
    write_creme(Path("demo-run/creme"), {"ENHA": [tiles, sufficient]})
    for verb in ("predict", "creme"):
        record_of_genome(Path("demo-run") / verb / "run.json", genome)
    for command in COMMANDS:
        words = shlex.split(command)
        assert words[0] == "raycre"
        if words[1] in HEAVY:
            continue
        with pytest.raises(SystemExit) as stopped:
            main(words[1:])
        assert stopped.value.code == 0, f"{command}: {capsys.readouterr().err}"
    assert Path("report.html").stat().st_size > 10_000
    assert Path("tracks/calls.bed").exists()
    assert Path("train.yaml").exists()
    assert "next: raycre train --config train.yaml --dry-run" in capsys.readouterr().out


def test_every_page_is_in_the_navigation_once() -> None:
    listed = re.findall(r"```\{toctree\}.*?```", (DOCS / "index.md").read_text(), flags=re.DOTALL)
    entries = [line for block in listed for line in block.splitlines() if re.fullmatch(r"[\w/]+", line)]
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")} - {"index"}
    assert len(entries) == len(set(entries))
    assert pages <= set(entries)
    assert set(entries) - pages == {"first_look"}
