"""Motifs on Ray's replicas: the tables are those of one process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.annotate import averaged, motifs
from raycre.demo.genome import DemoGenome
from raycre.workflows.annotate.run import run_annotation

MOTIFS = ("GATAAG", "CACGTG", "TGACTCA")


def write_meme(path: Path) -> Path:
    lines = ["MEME version 4", "", "ALPHABET= ACGT", ""]
    for name in MOTIFS:
        lines += [f"MOTIF {name}", f"letter-probability matrix: alength= 4 w= {len(name)} nsites= 100"]
        lines += [" ".join("0.97" if base == letter else "0.01" for base in "ACGT") for letter in name]
    path.write_text("\n".join(lines) + "\n")
    return path


def contents(out: Path) -> dict[str, pd.DataFrame]:
    return {
        str(p.relative_to(out)): pd.read_parquet(p) for p in sorted(out.rglob("annotate_*/*.parquet"))
    } | {p.name: pd.read_parquet(p) for p in sorted(out.glob("annotate_*.parquet"))}


def test_two_replicas_write_what_one_process_writes(
    genome: DemoGenome, local_ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motifs, "_PART", 40)
    given = {"motifs": write_meme(tmp_path / "m.meme"), "threshold": 1e-3, "hits": True}
    ask = {"regions": [str(genome.labels)], "fasta": genome.fasta}
    here = run_annotation("motifs", given, out=tmp_path / "here", **ask)  # type: ignore[arg-type]
    there = run_annotation("motifs", given, out=tmp_path / "there", replicas="2", **ask)  # type: ignore[arg-type]
    assert here["pairs_with_a_hit"] == there["pairs_with_a_hit"] > 0
    ours, theirs = contents(tmp_path / "here"), contents(tmp_path / "there")
    n_parts = -(-here["regions"] // 40)
    assert len(ours) == 2 * n_parts + 3  # by region, by group, and the matrices
    assert ours.keys() == theirs.keys()
    for name, rows in ours.items():
        pd.testing.assert_frame_equal(rows, theirs[name], obj=name)
    records = [json.loads((tmp_path / name / "run.json").read_text()) for name in ("here", "there")]
    assert records[0]["digest"] == records[1]["digest"]
    assert not (tmp_path / "there" / "lease").exists()
    assert not list((tmp_path / "there" / "attempts").iterdir())
    assert np.isfinite(ours["annotate_motifs_groups.parquet"]["p_value"]).any()


def test_signals_on_two_replicas_are_those_of_one_process(
    genome: DemoGenome, local_ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(averaged, "PART", 40)
    ask = {"regions": [str(genome.labels)]}
    given = {"signals": [f"dnase={genome.openness[0]}"]}
    run_annotation("marks", given, out=tmp_path / "here", **ask)  # type: ignore[arg-type]
    run_annotation("marks", given, out=tmp_path / "there", replicas="2", **ask)  # type: ignore[arg-type]
    ours, theirs = contents(tmp_path / "here"), contents(tmp_path / "there")
    assert ours.keys() == theirs.keys()
    assert sum("marks_signals" in name for name in ours) == -(-len(ours["annotate_marks.parquet"]) // 40)
    for name, rows in ours.items():
        pd.testing.assert_frame_equal(rows, theirs[name], obj=name)
