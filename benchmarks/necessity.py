"""CREME's necessity test of one gene at full size: creme-nn over today's PyTorch ports, against raycre.

    python benchmarks/necessity.py --peer PEER_PYTHON [--model enformer|borzoi] [--threads 2] [--rounds 2]
        [--tiles 2] [--shuffles 1] [--dtype float32|bfloat16] [--count]

PEER_PYTHON is the interpreter of an environment with creme-nn 0.2.5, safetensors and enformer-pytorch 0.8.12
(or borzoi-pytorch 0.5.1; their pins exclude one another). Both load the same random weights. In turn, round
by round: the peer's necessity test on a few tiles; ours on the same tiles and the sequences that it drew, so
that predictions can be compared. It is a sample: the time of the whole test, all tiles x 10 shuffles, is
extrapolated from the time of a wild type and of a mutant. Ours includes drawing as many shuffles.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from raycre.backbones.contract import Backbone
from raycre.backbones.precision import lower
from raycre.backbones.reader import Reader
from raycre.backbones.weights import random_state
from raycre.creme.activities import tss_activity
from raycre.creme.shuffle import dinucleotide_shuffle
from raycre.creme.tiles import context_tiles
from raycre.workflows.devices import prepare

TRACKS = {"enformer": [4824, 5110, 5111], "borzoi": [0, 1, 2]}  # CREME's three CAGE tracks; any three
TILE, SHUFFLES = 5_000, 10  # CREME Methods, "Necessity test"


def build(name: str, weights: Path) -> Backbone:
    """Our model as the peer's: N a column of zeros, plain gamma functions; weights are written for both."""
    with torch.device("meta"):
        if name == "enformer":
            from raycre.backbones.enformer.model import Enformer

            model: Any = Enformer(n_value=0.0, gamma_peak="distance")
        else:
            from raycre.backbones.borzoi.model import Borzoi

            model = Borzoi(n_value=0.0, n_mouse=0)  # the peer is built with the human head alone
    state = random_state(model, 0)
    save_file({key: value.contiguous() for key, value in state.items()}, weights)
    model.load_state_dict(state, assign=True)
    model.eval().requires_grad_(False)
    model.precompute()
    return model


def spread(tiles: np.ndarray, n: int) -> list[list[int]]:
    """n tiles, evenly from the first to the last."""
    chosen = np.linspace(0, len(tiles) - 1, n).round().astype(int)
    return [[int(start), int(end)] for start, end in tiles[chosen]]


def timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def ours(
    reader: Reader, wild_type: np.ndarray, mutants: np.ndarray, tiles: list[list[int]], key: str
) -> dict[str, Any]:
    """Our passes over the peer's sequences, and the time of drawing as many shuffles by ourselves."""
    line = [(key, lambda: wild_type)]
    wt_seconds, wt = timed(lambda: tss_activity(reader.edited(wild_type, line)))
    seconds, values, drawing = [], [], 0.0
    for (start, end), sequences in zip(tiles, mutants, strict=True):
        for k, codes in enumerate(sequences):
            drawing += timed(lambda s=start, e=end, k=k: dinucleotide_shuffle(wild_type[s:e], k))[0]
            took, value = timed(lambda codes=codes: tss_activity(reader.edited(codes, line)))
            seconds.append(took)
            values.append(value)
    return {"wt": wt_seconds, "mutants": seconds, "drawing": drawing, "values": np.array([wt, *values])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--model", choices=list(TRACKS), default="enformer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tiles", type=int, default=2)
    parser.add_argument("--shuffles", type=int, default=1)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--count", action="store_true", help="only count the FLOPs of one pass of the peer")
    given = parser.parse_args()
    prepare(given.threads, gpus=0)
    with tempfile.TemporaryDirectory() as folder:
        report(given, Path(folder))


def report(given: argparse.Namespace, folder: Path) -> None:
    """Run the rounds and print them."""
    weights = folder / "weights.safetensors"
    model = build(given.model, weights)
    if given.dtype == "bfloat16":
        lower(model, torch.bfloat16)
    tracks = TRACKS[given.model]
    reader = Reader(model, tuple(tracks))
    every = context_tiles(model.seq_len, TILE, "fixed")
    tiles = spread(np.array(every), given.tiles)
    script = Path(__file__).with_name("backbone_peer.py")
    peer = subprocess.Popen(
        [given.peer, script, given.model, weights, str(given.threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    assert json.loads(peer.stdout.readline())["ready"]
    rows = []
    for r in range(given.rounds):
        wild_type = np.random.default_rng(r).integers(0, 4, model.seq_len, dtype=np.uint8)
        np.save(folder / "codes.npy", wild_type)
        order = {
            "codes": str(folder / "codes.npy"),
            "tiles": tiles,
            "shuffles": given.shuffles,
            "bins": list(model.tss_bins),
            "tracks": tracks,
            "out": str(folder / "peer.npz"),
        }
        order["count"] = given.count
        print(json.dumps(order), file=peer.stdin, flush=True)
        answer = json.loads(peer.stdout.readline())
        if given.count:
            print(f"{given.model}, one pass of the peer: {answer['flops'] / 1e9:.1f} GFLOP")
            break
        with np.load(folder / "peer.npz") as stored:
            theirs = dict(stored)
        mine = ours(reader, wild_type, theirs["codes"], tiles, f"gene {r}")
        rows.append(compare(answer, mine, theirs, len(every)))
        print(json.dumps(rows[-1]), flush=True)
    peer.stdin.close()
    peer.wait()
    if rows:
        print(
            json.dumps(
                {"model": given.model, "threads": given.threads, "dtype": given.dtype, **summary(rows)}
            )
        )


def compare(
    answer: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any], n_tiles: int
) -> dict[str, Any]:
    """One round: seconds, extrapolation, and how far predictions differ."""
    n = n_tiles * SHUFFLES
    peer_wt, *peer_mutants = answer["passes"]
    overhead = answer["seconds"] - sum(answer["passes"])  # shuffles and copies
    peer_mutant = (sum(peer_mutants) + overhead) / len(peer_mutants)
    our_mutant = (sum(mine["mutants"]) + mine["drawing"]) / len(mine["mutants"])
    golden = np.concatenate(
        [theirs["wild_type"][None], theirs["mutants"].reshape(-1, *theirs["mutants"].shape[2:])]
    )
    golden = golden.astype(np.float64).mean(1)  # over the TSS bins
    effect = np.abs(golden[1:] - golden[0]).max()
    return {
        "peer_wt": round(peer_wt, 2),
        "peer_mutant": round(peer_mutant, 2),
        "raycre_wt": round(mine["wt"], 2),
        "raycre_mutant": round(our_mutant, 2),
        "peer_test_hours": round((peer_wt + n * peer_mutant) / 3600, 2),
        "raycre_test_hours": round((mine["wt"] + n * our_mutant) / 3600, 3),
        "ratio": round((peer_wt + n * peer_mutant) / (mine["wt"] + n * our_mutant), 2),
        "off_over_prediction": float(np.abs(mine["values"] - golden).max() / np.abs(golden).mean()),
        "off_over_effect": float(np.abs(mine["values"] - golden).max() / effect),
        "peer_peak_gib": round(answer["peak_bytes"] / 2**30, 2),
        "raycre_peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Median over rounds of what was timed."""
    keys = ("peer_wt", "peer_mutant", "raycre_wt", "raycre_mutant", "ratio")
    return {f"median_{key}": round(float(np.median([row[key] for row in rows])), 2) for key in keys}


if __name__ == "__main__":
    main()
