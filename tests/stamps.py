"""Which run a file says that it is of: each Parquet, JSON, safetensors and checkpoint file of a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from safetensors import safe_open

from raycre.store.files import STAMP, read_json

TEXT = {".npy", ".fa"}  # hold no metadata; the files beside them do


def of_parquet(path: Path) -> Mapping[str, str]:
    return {k.decode(): v.decode() for k, v in (pq.read_schema(path).metadata or {}).items()}


def of_safetensors(path: Path) -> Mapping[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata() or {})


def of_checkpoint(path: Path) -> Mapping[str, str]:
    return dict(torch.load(path, weights_only=True)[STAMP])


READERS: Mapping[str, Callable[[Path], Mapping[str, str]]] = {
    ".parquet": of_parquet,
    ".safetensors": of_safetensors,
    ".pt": of_checkpoint,
    ".json": lambda path: read_json(path)[STAMP],
}


def unstamped(out: Path) -> dict[str, Any]:
    """Files of a run that do not say its digest and the hashes of what it read, with what they say."""
    wrong: dict[str, Any] = {}
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        if path.name == "run.json" or path.suffix in TEXT or path.parent.name == "journal":
            continue
        run = next(folder for folder in path.parents if (folder / "run.json").is_file())
        record = read_json(run / "run.json")
        known = {item["input"]: item["sha256"] for item in record["inputs"]}
        said = READERS[path.suffix](path)  # a kind of file that is not here must learn to say it
        inputs = json.loads(said.get("raycre_inputs", "{}"))
        ours = {key: sha256 for key, sha256 in inputs.items() if not key.startswith("compare.")}
        # Parts of passes are of those inputs alone that all runs of the folder share.
        least = {"inputs.fasta"} if path.is_relative_to(run / "passes") else set(known)
        right = ours.items() <= known.items() and least <= set(ours)
        if said.get("raycre_digest") != record["digest"] or not right:
            wrong[str(path.relative_to(out))] = dict(said)
    return wrong
