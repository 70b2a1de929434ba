"""What a preparation leaves: its tables, and the configurations of train and predict that use them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from raycre.store.files import write_atomic
from raycre.store.parquet import as_table, write_table
from raycre.store.run import Run
from raycre.store.schemas import (
    CANDIDATES,
    LABELS,
    LABELS_DROPPED,
    LIFT_COUNTS,
    LIFT_LOST,
    STEP_COUNTS,
)
from raycre.workflows.prepare.plan import PreparePlan

_TABLES = {
    "labels": ("labels.parquet", LABELS),
    "candidates": ("candidates.parquet", CANDIDATES),
    "labels_dropped": ("summary/labels_dropped.parquet", LABELS_DROPPED),
    "lift": ("summary/lift.parquet", LIFT_COUNTS),
    "lift_lost": ("summary/lift_lost.parquet", LIFT_LOST),
    "counts": ("summary/counts.parquet", STEP_COUNTS),
}


def write_tables(run: Run, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Write tables by their names, each whole; one that is not there is removed. Return their files."""
    written = []
    for name, (file, schema) in _TABLES.items():
        path = run.out / file
        if name not in tables:
            path.unlink(missing_ok=True)
            continue
        write_table(path, as_table(tables[name], schema, run.metadata))
        written.append(str(path))
    return written


def write_manifest(run: Run, hashes: Mapping[str, str]) -> str:
    """Write the manifest with the checksum of every file, as they were read; return its path."""
    given = run.record["config"]
    sources = [
        {key: value for key, value in source.items() if value not in (None, "auto")}
        | {"sha256": hashes[f"sources.{source['name']}"]}
        for source in given["sources"]
    ]
    return _write_yaml(
        run.out / "sources.yaml",
        "the manifest with the SHA-256 of every file that was read",
        {**given, "sources": sources},
    )


def write_configs(run: Run, plan: PreparePlan, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Write train.yaml and predict.yaml for the tables that there are; return their files.

    Their runs go into folders beside this one. The blacklist is not among their inputs: candidates are
    free of it, and the paper filters no labels by it.
    """
    out = run.out.resolve()
    signals: dict[str, Any] = {}
    if plan.fasta is not None:
        signals["fasta"] = str(plan.fasta.path.resolve())
    if accessibility := plan.of_kind("accessibility"):
        signals["accessibility"] = [str(s.path.resolve()) for s in accessibility if s.path]
    if loops := plan.of_kind("loops"):
        signals["loops"] = str(loops[0].path.resolve()) if loops[0].path else None
    modalities = ["sequence", *(["openness"] if "accessibility" in signals else []),
                  *(["loops"] if "loops" in signals else [])]  # fmt: skip
    name, trained = run.record["name"], out.with_name(f"{out.name}-train")
    written = []
    configs = {
        "train": {
            "run": {"name": f"{name}-train", "out": str(trained), "seed": plan.seed},
            "inputs": {**signals, "labels": str(out / "labels.parquet"), "overlaps": _overlaps(plan)},
            "model": {"modalities": modalities},
        },
        "predict": {
            "run": {
                "name": f"{name}-predict",
                "out": str(out.with_name(f"{out.name}-predict")),
                "seed": plan.seed,
            },
            "inputs": {**signals, "regions": str(out / "candidates.parquet")},
            "model": {"checkpoint": str(trained)},
        },
    }
    for verb, table in (("train", "labels"), ("predict", "candidates")):
        path = run.out / f"{verb}.yaml"
        if table in tables:
            written.append(_write_yaml(path, f"raycre {verb} --config {path.name}", configs[verb]))
        else:
            path.unlink(missing_ok=True)
    return written


def _overlaps(plan: PreparePlan) -> str:
    return plan.rules.labels.overlaps


def _write_yaml(path: Path, title: str, value: Mapping[str, Any]) -> str:
    text = f"# {title}\n{yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=100)}"
    write_atomic(path, lambda temporary: temporary.write_text(text))
    return str(path)
