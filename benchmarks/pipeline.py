"""All of CREME's tests of one gene: the sum of creme-nn's runs over enformer-pytorch, against raycre's.

    python benchmarks/pipeline.py --peer PEER_PYTHON [--scale 8] [--threads 1] [--repeats 1] [--tests NAME]
        [--context 100] [--shuffles 10] [--rounds 25] [--copies 15] [--cres 20] [--search-tracks 1]
    python benchmarks/pipeline.py --paper [--cres 20] [--search-tracks 1]

PEER_PYTHON is the interpreter of the environment that necessity.py names. Enformer is built at 1/SCALE of
its published width, input, output, keys and tracks, at its published depth: what its parts cost against one
another stays much as it is, and a run ends. The same random weights for both; 38 tiles as in the paper. In
turn, repeat by repeat: all tests by creme-nn, one after another; all tests by raycre, each pass once;
raycre's sufficiency test alone. Passes are counted on both sides, FLOPs by torch. Some of the very sequences
that creme-nn drew are predicted by raycre, too, and compared.

`--cres` are the tiles taken for sufficient enhancers (distance, multiplicity and fine-tile search need some),
`--search-tracks` the number of tracks in which greedy search and set sufficiency are run. `--paper` runs
nothing: it prints passes and FLOPs of a gene at full size, by formulas that every run checks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Mapping
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

from raycre.backbones.enformer import (
    CHANNEL_STEP,
    CHANNELS,
    KEY_SIZE,
    N_BINS,
    N_BLOCKS,
    N_HEADS,
    N_TRACKS,
    SEQ_LEN,
    Enformer,
)
from raycre.backbones.weights import random_state
from raycre.creme import TESTS
from raycre.creme.edits import Pass, base_of, build, seeded_source
from raycre.creme.library import load_seqpro
from raycre.creme.settings import Settings
from raycre.creme.tiles import context_tiles, tss_tile
from raycre.engine.devices import prepare
from raycre.engine.reading import Reader

NAMES = {  # ours by the peer's, in the order of the authors' instructions
    "context": "context",
    "necessity": "necessity",
    "sufficiency": "sufficiency",
    "finemap": "finemap",
    "distance": "distance",
    "greedy": "interaction",
    "set": "set",
    "multiplicity": "multiplicity",
}
TILE = 4_800  # bp at full size: the paper's 5,000, but so that a hundredth is a whole number at 1/2 to 1/16
PEER_GF, WHOLE_GF, EDITED_GF, FINE_GF = 3_293.1, 2_944.8, 668.6, 613.5  # RESULTS.md, of one full-size pass


def passes_of_peer(n_tiles: int, given: Mapping[str, Any]) -> dict[str, int]:
    """Sequences that creme-nn predicts for a gene; those of fine-tile search depend on it and are given."""
    n, k, cres = given["shuffles"], given["search_tracks"], given["n_cres"]
    searched = sum(n_tiles - r for r in range(given["rounds"]))
    copied = sum(n_tiles - c for c in range(given["copies"]))
    return {
        "context": 1 + given["context"],
        "necessity": 1 + n_tiles * n,
        "sufficiency": 1 + 2 * n_tiles * n,
        "finemap": given.get("finemap", 0),
        "distance": cres * (n_tiles + 1) * n,
        "greedy": 2 * k * (given["rounds"] + searched * n),
        "set": 2 * k * (given["rounds"] + 1) * n,
        "multiplicity": cres * (2 + copied) * n,
    }


def passes_left(n_tiles: int, given: Mapping[str, Any]) -> dict[str, int]:
    """The same without repetition: what a test needs that those before it, in this order, did not predict.

    Backgrounds and shuffles go by number and are shared: controls of sufficiency are the context's mutants, a
    CRE at its own place is sufficiency's mutant, the first round of every search is the necessity test, the
    first copy is the distance test, the first tile of a set is sufficiency's.
    """
    n, k, cres = given["shuffles"], given["search_tracks"], given["n_cres"]
    searched = sum(n_tiles - r for r in range(1, given["rounds"]))
    copied = sum(n_tiles - c for c in range(1, given["copies"]))
    return {
        "context": 1 + given["context"],
        "necessity": n_tiles * n,
        "sufficiency": n_tiles * n,
        "finemap": given.get("finemap_left", 0),
        "distance": cres * (n_tiles - 1) * n,
        "greedy": 2 * k * searched * n,
        "set": 2 * k * (given["rounds"] - 1) * n,
        "multiplicity": cres * copied * n,
    }


def paper(given: argparse.Namespace) -> None:
    """Print the counts of a gene at full size, with all that the paper did.

    Fine-tile search as the published curves have it: of ten sub-tiles of 500 bp nine go, the last of them in
    vain, and of the twenty of 50 bp twice ten, the second time in vain. Edits are taken to start from the
    state that they change (wild type, background, or what a round chose), at 5 kb each.
    """
    n, steps = given.shuffles, (range(10, 1, -1), (20, 10))
    tested = [sum(stage) for stage in steps]
    fine = 1 + n * (2 + sum(tested) + sum(len(stage) + 1 for stage in steps))
    wanted = {**vars(given), "n_cres": len(given.cres)}
    wanted["finemap"] = len(given.cres) * fine
    wanted["finemap_left"] = (
        len(given.cres) * n * (sum(tested) + len(steps[1]))
    )  # one at a time needs no check
    before, after = passes_of_peer(38, wanted), passes_left(38, wanted)
    rows = {}
    for name in before:
        each = {"context": WHOLE_GF, "finemap": FINE_GF}.get(name, EDITED_GF)
        rows[name] = (before[name], after[name], before[name] * PEER_GF, after[name] * each)
    rows["sufficiency alone"] = (
        before["sufficiency"],
        1 + n + after["sufficiency"],
        before["sufficiency"] * PEER_GF,
        (1 + n) * WHOLE_GF + after["sufficiency"] * EDITED_GF,
    )
    rows["all"] = tuple(sum(rows[name][i] for name in before) for i in range(4))  # type: ignore[assignment]
    print("test | passes | raycre | ratio | TFLOP | raycre | ratio")
    for name, (p, q, f, g) in rows.items():
        print(f"{name} | {p:,} | {q:,} | {p / q:.2f} | {f / 1e3:,.0f} | {g / 1e3:,.0f} | {f / g:.2f}")


def build_model(scale: int, weights: Path, sizes: Path) -> Enformer:
    """Our model as the peer's: N a column of zeros, plain gamma functions; weights and sizes are written."""
    tracks = {head: n // scale for head, n in N_TRACKS.items()}
    with torch.device("meta"):
        model = Enformer(
            n_value=0.0,
            gamma_peak="distance",
            seq_len=SEQ_LEN // scale,
            n_bins=N_BINS // scale,
            channels=CHANNELS // scale,
            n_blocks=N_BLOCKS,
            n_heads=N_HEADS,
            key_size=KEY_SIZE // scale,
            channel_step=CHANNEL_STEP // scale,
            n_human=tracks["human"],
            n_mouse=tracks["mouse"],
        )
    state = random_state(model, 0)
    save_file({key: value.contiguous() for key, value in state.items()}, weights)
    model.load_state_dict(state, assign=True)
    model.eval().requires_grad_(False)
    model.precompute()
    described = {
        "seq_len": model.seq_len,
        "dim": CHANNELS // scale,
        "depth": N_BLOCKS,
        "heads": N_HEADS,
        "attn_dim_key": KEY_SIZE // scale,
        "dim_divisible_by": CHANNEL_STEP // scale,
        "target_length": model.n_bins,
        "output_heads": tracks,
    }
    sizes.write_text(json.dumps(described))
    return model


class Ours:
    """raycre's passes of one gene: each once, with what tests share and what passes share."""

    def __init__(self, reader: Reader, wild_type: np.ndarray, settings: Settings) -> None:
        self.reader, self.wild_type, self.settings = reader, wild_type, settings
        self.known: dict[str, np.ndarray] = {}
        source = lru_cache(maxsize=256)(seeded_source(wild_type, 0))
        self._build = lru_cache(maxsize=256)(lambda p: build(wild_type, p, "gene", 0, source))

    def run(self, test: str) -> int:
        """Predict until the test names no pass that is not known; return how many that took."""
        before = len(self.known)
        while missing := {p.key: p for p in self._expand(test) if p.key not in self.known}:
            for key, p in missing.items():
                self.known[key] = self._predict(p)
        return len(self.known) - before

    def _expand(self, test: str) -> list[Pass]:
        expand: Any = TESTS[test].expand
        both = len(signature(expand).parameters) > 1  # a test that does not look at activities takes none
        return expand(self.settings, self.known) if both else expand(self.settings)

    def _predict(self, p: Pass) -> np.ndarray:
        base = base_of(p, self.settings.tss_tile)
        return self.reader.edited(self._build(p), base.key, self._build(base))


def measure(model: Enformer, tracks: list[int], wild_type: np.ndarray, settings: Settings, tests: list[str]):
    """Run each test on what those before it left known, with a new reader: name -> passes and seconds."""
    ours, found = Ours(Reader(model, tuple(tracks)), wild_type, settings), {}
    for name in tests:
        started, used = time.perf_counter(), time.process_time()
        passes = ours.run(NAMES[name])
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        found[name] = {"passes": passes, "seconds": seconds, "cpu_seconds": cpu}
    return found


def count(model: Enformer, tracks: list[int], wild_type: np.ndarray, settings: Settings, tests: list[str]):
    """FLOPs of the same, counted by torch, which takes its own time."""
    ours, found = Ours(Reader(model, tuple(tracks)), wild_type, settings), {}
    for name in tests:
        with FlopCounterMode(display=False) as counter:
            ours.run(NAMES[name])
        found[name] = counter.get_total_flops()
    return found


def compare(reader: Reader, wild_type: np.ndarray, kept: Mapping[str, np.ndarray], tests: list[str], n: int):
    """How far our activities of the peer's own sequences are off, over the mean and over their deviation."""
    found = {}
    for name in tests:
        codes, theirs = kept[f"{name}/codes"], kept[f"{name}/activities"]
        chosen = np.unique(np.linspace(0, len(codes) - 1, n).round().astype(int))
        mine = np.array([reader.edited(codes[i], "compared", wild_type) for i in chosen])
        off = np.abs(mine - theirs[chosen]).max()
        found[name] = {"over_mean": off / np.abs(theirs).mean(), "over_sd": off / theirs.std(axis=0).max()}
    return found


def report(given: argparse.Namespace, folder: Path) -> None:
    """Run the repeats and print them, then the table of medians."""
    weights, sizes = folder / "weights.safetensors", folder / "sizes.json"
    model = build_model(given.scale, weights, sizes)
    n_human = len(model.tracks)
    tracks = [n_human * part // 8 for part in (3, 5, 7)]
    tile = TILE // given.scale
    tiles = [(int(start), int(end)) for start, end in context_tiles(model.seq_len, tile)]
    shuffles = dict.fromkeys(NAMES, given.shuffles) | {"context": given.context}
    settings = Settings(
        seq_len=model.seq_len,
        tile_size=tile,
        tiles=tuple(tiles),
        n_shuffles={ours: shuffles[name] for name, ours in NAMES.items() if ours in TESTS},
    )
    tests = [name for name in NAMES if not given.tests or name in given.tests]
    shared = [name for name in tests if NAMES[name] in TESTS]
    order = {
        "codes": str(folder / "codes.npy"),
        "out": str(folder / "peer.npz"),
        "bins": list(model.tss_bins),
        "tracks": tracks,
        "search_tracks": tracks[: given.search_tracks],
        "tss_tile": list(tss_tile(model.seq_len, tile)),
        "tiles": [list(one) for one in tiles],
        "tests": tests,
        "shuffles": shuffles,
        "rounds": given.rounds,
        "copies": given.copies,
        "cres": [{"tile": one, "track": tracks[0], "class": "Enhancer"} for one in given.cres],
        "windows": [tile // 10, tile // 100],
        "thresholds": [0.9, 0.7],  # Methods, "Fine-tile search", as the authors' instructions have them
        "batches": [1, 10],
        "keep": given.keep,
    }
    peer = subprocess.Popen(
        [given.peer, Path(__file__).with_name("pipeline_peer.py"), weights, sizes, str(given.threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    assert json.loads(peer.stdout.readline())["ready"]
    rows: list[Any] = []
    for r in range(given.repeats):
        wild_type = np.random.default_rng(r).integers(0, 4, model.seq_len, dtype=np.uint8)
        np.save(folder / "codes.npy", wild_type)
        print(json.dumps(order), file=peer.stdin, flush=True)
        answer = json.loads(peer.stdout.readline())
        check(answer, len(tiles), given)
        mine = measure(model, tracks, wild_type, settings, shared)
        if "sufficiency" in shared:
            mine["sufficiency alone"] = measure(model, tracks, wild_type, settings, ["sufficiency"])[
                "sufficiency"
            ]
        rows.append(join(answer, mine))
        with np.load(folder / "peer.npz") as kept:
            reader = Reader(model, tuple(tracks))
            off = compare(reader, wild_type, kept, tests, given.compare)
        print(
            json.dumps({"repeat": r, "tests": rows[-1], "off": off, "peak": answer["peak_bytes"]}), flush=True
        )
    peer.stdin.close()
    peer.wait()
    flops = count(model, tracks, wild_type, settings, shared)
    if "sufficiency" in shared:
        alone = count(model, tracks, wild_type, settings, ["sufficiency"])
        flops["sufficiency alone"] = alone["sufficiency"]
    table(rows, flops, answer["flops_of_a_pass"])


def check(answer: dict[str, Any], n_tiles: int, given: argparse.Namespace) -> None:
    """The formulas of `passes_of_peer` must give what was counted."""
    expected = passes_of_peer(n_tiles, {**vars(given), "n_cres": len(given.cres)})
    for name, one in answer["tests"].items():
        if name != "finemap" and one["passes"] != expected[name]:
            raise SystemExit(f"{name}: {one['passes']} passes counted, {expected[name]} expected")


def join(answer: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """Both sides of a repeat, test by test; null where raycre has no such test yet."""
    peer = dict(answer["tests"])
    if "sufficiency alone" in mine:
        peer["sufficiency alone"] = peer["sufficiency"]
    return {
        name: {
            "peer_passes": one["passes"],
            "peer_seconds": one["seconds"],
            "peer_predicting": one["predicting"],
            "peer_cpu_seconds": one["cpu_seconds"],
            **{key: mine.get(name, {}).get(key) for key in ("passes", "seconds", "cpu_seconds")},
        }
        for name, one in peer.items()
    }


def table(rows: list[Any], flops: dict[str, int], flops_of_a_pass: int) -> None:
    """Print a line a test, medians over repeats, and the sum of the tests that both have.

    Seconds of the peer's passes alone stand in brackets: the rest is shuffles and copies, which weigh more
    in a small model than in a large one. Processor time says more where others use the machine.
    """
    both = [name for name in rows[0] if name != "sufficiency alone" and rows[0][name]["passes"] is not None]
    members = {name: [name] for name in rows[0]} | {"all that both have": both}
    print(
        "test | passes | raycre | GFLOP | raycre | ratio | seconds | raycre | ratio | CPU s | raycre | ratio"
    )
    for label, names in members.items():
        total = {
            key: float(np.median([sum(row[name][key] or 0 for name in names) for row in rows]))
            for key in next(iter(rows[0].values()))
        }
        gf, ours_gf = total["peer_passes"] * flops_of_a_pass / 1e9, sum(flops.get(n, 0) for n in names) / 1e9
        cells = [label, f"{total['peer_passes']:,.0f}", f"{total['passes']:,.0f}"]
        cells += [f"{gf:,.0f}", *_over(gf, ours_gf, ",.0f")]
        cells += [f"{total['peer_seconds']:.1f} ({total['peer_predicting']:.1f})"]
        cells += [*_over(total["peer_seconds"], total["seconds"], ".1f")]
        cells += [
            f"{total['peer_cpu_seconds']:.1f}",
            *_over(total["peer_cpu_seconds"], total["cpu_seconds"], ".1f"),
        ]
        print(" | ".join(cells))


def _over(peer: float, ours: float, how: str) -> tuple[str, str]:
    return (f"{ours:{how}}", f"{peer / ours:.2f}") if ours else ("-", "-")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--paper", action="store_true", help="only print the counts of a gene at full size")
    parser.add_argument("--scale", type=int, choices=[2, 4, 8], default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--tests", nargs="*", choices=list(NAMES))
    parser.add_argument("--context", type=int, default=100)
    parser.add_argument("--shuffles", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--copies", type=int, default=15)
    parser.add_argument("--cres", type=int, nargs="*", default=[20], help="indices of tiles")
    parser.add_argument("--search-tracks", type=int, choices=[1, 2, 3], default=1)
    parser.add_argument("--keep", type=int, default=100, help="sequences of a test to hold for comparison")
    parser.add_argument("--compare", type=int, default=5, help="how many of these to compare")
    given = parser.parse_args()
    if given.paper:
        paper(given)
        return
    if given.peer is None:
        parser.error("--peer is needed to run anything")
    load_seqpro()
    prepare(given.threads, gpus=0)
    with tempfile.TemporaryDirectory() as folder:
        report(given, Path(folder))


if __name__ == "__main__":
    main()
