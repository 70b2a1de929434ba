"""Does a refactor change a result? Run every verb on the demo's genome, hash what the run folders hold.

    python benchmarks/same_results.py run OUT             the runs, then OUT/hashes.json
    python benchmarks/same_results.py hash FOLDER...      hashes of any run folders, as JSON
    python benchmarks/same_results.py diff A.json B.json  what differs; exit code 1 if anything does

Call it with the interpreter of the version that is meant. Hashed are rows, values and weights, and a run's
identity (a folder of the one version resumes under the other); not times, versions, paths or metadata.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors import safe_open

BASELINES = ("deepsea", "danq", "es-transition", "deepicsh")
SKIPPED = {"seconds", "run", "versions", "machine", "config", "inputs", "name", "started"}
SKIPPED_FILES = (".ray", "progress.json", "lease/", "journal/")  # of runs under way, or cut off
SHORT = ("recipe.epochs=2", "recipe.warmup_epochs=0", "folds.only=[0]", "run.seed=1")


def hash_file(path: Path) -> str | None:
    """Return the SHA-256 of what a file holds; None of one that says nothing lasting."""
    sha256 = hashlib.sha256()
    if path.suffix == ".parquet":
        table = pq.ParquetFile(path).read().replace_schema_metadata(None)
        for name, column in zip(table.column_names, table.columns, strict=True):
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            sha256.update(f"{name} {column.type} ".encode())
            _hash_column(sha256, column)
    elif path.suffix == ".safetensors":
        with safe_open(path, "np") as file:
            for name in sorted(file.keys()):
                sha256.update(name.encode() + np.ascontiguousarray(file.get_tensor(name)).tobytes())
    elif path.suffix == ".pt":
        _hash_state(sha256, torch.load(path, weights_only=True))
    elif path.suffix == ".json":
        _hash_state(sha256, json.loads(path.read_text()))
    elif path.suffix in (".npy", ".fa"):
        sha256.update(path.read_bytes())
    else:
        return None
    return sha256.hexdigest()


def _hash_column(sha256: Any, column: pa.ChunkedArray) -> None:
    whole = column.combine_chunks()
    if pa.types.is_floating(whole.type) or pa.types.is_integer(whole.type):
        values = whole.fill_null(0).to_numpy(zero_copy_only=False)
        sha256.update(np.ascontiguousarray(values).tobytes())
        sha256.update(np.ascontiguousarray(whole.is_null().to_numpy(zero_copy_only=False)).tobytes())
    else:
        sha256.update(repr(whole.to_pylist()).encode())


def _hash_state(sha256: Any, value: Any) -> None:
    """Hash nested values in order of their keys; times and versions are left out."""
    if isinstance(value, torch.Tensor):
        sha256.update(value.detach().cpu().contiguous().numpy().tobytes())
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            if key not in SKIPPED:
                sha256.update(f"{key}:".encode())
                _hash_state(sha256, value[key])
    elif isinstance(value, list | tuple):
        for one in value:
            _hash_state(sha256, one)
    else:
        sha256.update(repr(value).encode())


def identity_of(folder: Path) -> dict[str, str]:
    """Return a run's digest and its identity, field by field, each hashed."""
    record = json.loads((folder / "run.json").read_text())
    fields = {f"identity.{key}": repr(value) for key, value in record["identity"].items()}
    return {"digest": record["digest"], **fields}


def hash_folder(folder: Path) -> dict[str, str]:
    """Return the hash of every file of a run folder, by its path in it, and the run's identity."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.name == "run.json":
            fields = identity_of(path.parent)
            found |= {f"{name} {key}": value for key, value in fields.items()}
        elif path.is_file() and not any(part in name for part in SKIPPED_FILES):
            sha256 = hash_file(path)
            if sha256 is not None:
                found[name] = sha256
    return found


def raycre(*arguments: str) -> None:
    """Run one verb to its end."""
    print("raycre", *arguments, flush=True)
    subprocess.run(_command(*arguments), check=True, stdout=subprocess.DEVNULL)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from raycre.cli import main; main()", *arguments]


def write_yaml(path: Path, values: Any) -> str:
    """Write a configuration (JSON is YAML); return its path."""
    path.write_text(json.dumps(values, indent=1))
    return str(path)


def run_all(out: Path) -> dict[str, str]:
    """Make all runs in `out`, which is emptied; return their hashes."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    os.chdir(out)  # equal relative paths in every version
    raycre("demo", "--out", "demo", "--seed", "0")
    genome = Path("demo/genome")
    signals: dict[str, Any] = {
        "fasta": str(genome / "genome.fa"),
        "openness": [str(genome / f"dnase_rep{i}.bw") for i in (1, 2)],
        "loops": str(genome / "loops.bedpe"),
        "blacklist": str(genome / "blacklist.bed"),
    }
    train = {
        "run": {"out": "train"},
        "inputs": signals | {"labels": str(genome / "labels.bed")},
        "model": {"size": "tiny"},
        "recipe": {"batch_size": 32, "learning_rate": 1e-3, "ratios": [1] * 5, "eval_ratio": 1},
    }
    config = write_yaml(Path("train.yaml"), train)
    short = [part for text in SHORT for part in ("--set", text)]
    raycre("train", "-c", config, *short, "--set", "run.out=sweep", "--sweep", "K=10,20")
    raycre("train", "-c", config, *short, "--set", "run.out=paper", "--set", "recipe.preset=paper")
    for name in BASELINES:
        epochs = ["--set", "recipe.epochs=3", "--set", "recipe.warmup_epochs=1"] if name == "deepicsh" else []
        raycre(
            "train", "-c", config, *short, "--set", f"run.out={name}", "--set", f"model.kind={name}", *epochs
        )
    run_resumed(signals | {"regions": str(genome / "candidates.bed")})
    run_creme(genome)
    run_comparisons(genome)
    return hash_folder(Path())


def run_resumed(inputs: dict[str, Any]) -> None:
    """A prediction of half of the folds that is killed and goes on."""
    model = {"checkpoint": "demo/train", "folds": [0, 1, 2]}
    values = {
        "run": {"out": "resumed"}, "inputs": inputs, "model": model,
        "views": 4, "shard_size": 64, "codes": True,
    }  # fmt: skip
    config = write_yaml(Path("predict.yaml"), values)
    running = subprocess.Popen(_command("predict", "-c", config), start_new_session=True)
    while running.poll() is None and not list(Path("resumed").glob("predictions/part-*.parquet")):
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGKILL)
    raycre("predict", "-c", config)


def run_creme(genome: Path) -> None:
    """Tests by name, beside the demo's pipeline: of the most active genes, and as the authors' code does."""
    values: dict[str, Any] = {
        "run": {"out": "top"},
        "inputs": {"fasta": str(genome / "genome.fa"), "gtf": str(genome / "genes.gtf"), "genes": {"top": 2}},
        "model": {"backbone": "planted"}, "tracks": "all",
        "tests": ["activity", "context", "necessity", "sufficiency", "swap"],
        "creme": {"n_shuffles": {"context": 3, "necessity": 2, "sufficiency": 2}},
    }  # fmt: skip
    raycre("creme", "config", "-c", write_yaml(Path("creme.yaml"), values))
    sets = ("run.out=reference", "creme.compat=reference", f"inputs.genes={genome / 'genes.txt'}")
    raycre("creme", "necessity", "-c", "creme.yaml", *(part for text in sets for part in ("--set", text)))


def run_comparisons(genome: Path) -> None:
    """Every comparison of the demo's CREME run; but saliency, as the planted model has no gradients."""
    tiles = pd.read_csv(genome / "truth_tiles.tsv", sep="\t")
    pairs = tiles.assign(
        tss=tiles["start"] + 1000, yes=["TRUE", "FALSE"] * (len(tiles) // 2) + ["TRUE"] * (len(tiles) % 2)
    )
    columns = [
        pairs["chrom"],
        pairs["start"],
        pairs["end"],
        pairs["chrom"],
        pairs["tss"],
        pairs["tss"] + 1,
        pairs["gene_name"],
        pairs["yes"],
    ]
    pd.concat(columns, axis=1).to_csv("pairs.bedpe", sep="\t", header=False, index=False)
    repeats = tiles.assign(name=[("LINE/L1", "SINE/Alu")[i % 2] for i in range(len(tiles))])
    repeats[["chrom", "start", "end", "name"]].to_csv("repeats.bed", sep="\t", header=False, index=False)
    run = "demo/creme"
    raycre("compare", "marks", run, f"dnase={genome / 'dnase_rep1.bw'}", "--track", "0", "--out", "marks")
    raycre(
        "compare",
        "overlap",
        run,
        f"labels={genome / 'labels.bed'}",
        "--track",
        "0",
        "--by-name",
        "--out",
        "overlap",
    )
    raycre("compare", "repeats", run, "repeats.bed", "--track", "0", "--out", "repeats")
    raycre(
        "compare",
        "crispri",
        run,
        "pairs.bedpe",
        "--track",
        "0",
        "--outcome-column",
        "8",
        "--gene-column",
        "7",
        "--out",
        "crispri",
    )
    raycre("compare", "fasta", run, "--track", "0", "--out", "fasta")


def differences(one: dict[str, str], other: dict[str, str]) -> Iterator[str]:
    """Yield what two sets of hashes do not have alike."""
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield f"{name}: {one.get(name, 'absent')} -> {other.get(name, 'absent')}"


def main(what: str, *paths: str) -> int:
    if what == "run":
        out = Path(paths[0]).resolve()
        hashes = run_all(out)
        (out / "hashes.json").write_text(json.dumps(hashes, indent=1))
        print(f"{len(hashes):,} hashes in {out / 'hashes.json'}")
    elif what == "hash":
        print(json.dumps({path: hash_folder(Path(path)) for path in paths}, indent=1))
    else:
        one, other = (json.loads(Path(path).read_text()) for path in paths)
        unlike = list(differences(one, other))
        print(*unlike, f"{len(unlike)} of {len(one)} differ", sep="\n")
        return int(bool(unlike))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
