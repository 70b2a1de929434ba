"""All of CREME's tests of one gene: the sum of creme-nn's runs over enformer-pytorch, against raycre's.

    python benchmarks/pipeline.py --peer PEER_PYTHON [--scale 8] [--threads 1] [--repeats 1] [--tests NAME]
        [--context 100] [--shuffles 10] [--rounds 25] [--copies 15] [--cres 20] [--search-tracks 1]

PEER_PYTHON is the interpreter of the environment that necessity.py names. Enformer is built at 1/SCALE of
its published width, input, output, keys and tracks, at its published depth: what its parts cost against one
another stays much as it is, and a run ends. The same random weights for both; 38 tiles as in the paper. In
turn, repeat by repeat: all tests by creme-nn, one after another; all tests by raycre, each pass once;
raycre's sufficiency test alone. Passes are counted on both sides, FLOPs by torch. Some of the very sequences
that creme-nn drew are predicted by raycre, too, and compared.

`--cres` are the tiles taken for sufficient enhancers (distance, multiplicity and fine-tile search need some),
`--search-tracks` the number of tracks in which greedy search and set sufficiency are run. pipeline_counts.py
has passes and FLOPs of a gene at full size, by formulas that every run checks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pipeline_counts import passes_left, passes_of_peer
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

from raycre.backbones.enformer.model import (
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
from raycre.backbones.reader import Reader
from raycre.backbones.weights import random_state
from raycre.creme.activities import tss_activity
from raycre.creme.backgrounds import controls, inserted
from raycre.creme.perturbation import Perturbation, apply, lineage, reference_of, seeded_source
from raycre.creme.plan import complete
from raycre.creme.rows import gather
from raycre.creme.settings import FineStage, Settings
from raycre.creme.tests import distance, finemap, multiplicity
from raycre.creme.tests.sufficiency import Element
from raycre.creme.tiles import Interval, context_tiles, tss_tile
from raycre.workflows.devices import prepare

NAMES = {  # ours by the peer's, in the order of the authors' instructions
    "context": "context",
    "necessity": "necessity",
    "sufficiency": "sufficiency",
    "finemap": "finemap",
    "distance": "distance",
    "greedy": "interaction",
    "set": "sets",
    "multiplicity": "multiplicity",
}
ALONE = "sufficiency alone"
TILE = 4_800  # bp at full size: the paper's 5,000, but so that a hundredth is a whole number at 1/2 to 1/16


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
    """raycre's passes of one gene: each once, with what tests share and what passes share.

    A model without training calls no element, and its score would never leave 1 in the fine-tile search. So
    the elements are given, and that search's thresholds are shares of what the element makes of the
    prediction, on both sides.
    """

    def __init__(
        self,
        model: Enformer,
        tracks: list[int],
        wild_type: np.ndarray,
        settings: Settings,
        cres: list[Interval],
    ) -> None:
        self.reader, self.settings, self.cres = Reader(model, tuple(tracks)), settings, cres
        self.known: dict[str, np.ndarray] = {}
        source = lru_cache(maxsize=4)(seeded_source(wild_type, 0))
        self._build = lru_cache(maxsize=4)(lambda p: apply(wild_type, p, "gene", 0, source))

    def run(self, test: str) -> int:
        """Predict until the test asks for no pass that is not known; return how many that took."""
        before = len(self.known)
        if test == "finemap":
            for cre in self.cres:
                self._complete(test, *self._fine(cre))
        else:
            self._complete(test, self.settings, [Element(cre, 0, "enhancer") for cre in self.cres])
        return len(self.known) - before

    def _complete(self, test: str, settings: Settings, elements: list[Element]) -> None:
        for module in (distance, finemap, multiplicity):
            module.elements = lambda settings, known: elements  # type: ignore[attr-defined]
        self.known = complete([test], settings, self._predict, self.known)

    def _fine(self, cre: Interval) -> tuple[Settings, list[Element]]:
        settings = self.settings
        passes = (controls(settings, cre, "finemap"), inserted(settings, cre, "finemap"))
        self.known |= self._predict([p for ps in passes for p in ps if p.key not in self.known])
        alone, whole = (gather(self.known, ps)[:, 0].mean() for ps in passes)
        kept = [alone / whole + stage.threshold * (1 - alone / whole) for stage in settings.fine]
        if alone > whole:  # thresholds of silencers are mirrored at 1
            kept = [2 - threshold for threshold in kept]
        fine = tuple(s._replace(threshold=t) for s, t in zip(settings.fine, kept, strict=True))
        kind = "silencer" if alone > whole else "enhancer"
        return replace(settings, fine=fine), [Element(cre, 0, kind)]

    def _predict(self, passes: Sequence[Perturbation]) -> dict[str, np.ndarray]:
        return {p.key: tss_activity(self.reader.edited(self._build(p), self._line(p))) for p in passes}

    def _line(self, p: Perturbation) -> list[tuple[str, Callable[[], np.ndarray]]]:
        bases = lineage(reference_of(p, self.settings.tss_tile), self.settings.tss_tile)
        return [(base.key, lambda base=base: self._build(base)) for base in bases]


Start = Callable[[], Ours]
"""A gene of which nothing is known yet."""


def measure(start: Start, tests: list[str]) -> dict[str, dict[str, float]]:
    """Run each test on what those before it left known: name -> passes, seconds, processor seconds."""
    ours, found = start(), {}
    for name in tests:
        started, used = time.perf_counter(), time.process_time()
        passes = ours.run(NAMES[name])
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        found[name] = {"passes": passes, "seconds": seconds, "cpu_seconds": cpu}
    return found


def count(start: Start, tests: list[str]) -> dict[str, int]:
    """FLOPs of the same, counted by torch, which takes its own time."""
    ours, found = start(), {}
    for name in tests:
        with FlopCounterMode(display=False) as counter:
            ours.run(NAMES[name])
        found[name] = counter.get_total_flops()
    return found


def compare(
    reader: Reader, wild_type: np.ndarray, kept: Mapping[str, np.ndarray], tests: list[str], n: int
) -> dict[str, dict[str, float]]:
    """How far our activities of the peer's own sequences are off, over the mean and over their deviation."""
    found = {}
    for name in tests:
        codes, theirs = kept[f"{name}/codes"], kept[f"{name}/activities"]
        chosen = np.unique(np.linspace(0, len(codes) - 1, n).round().astype(int))
        line = [("compared", lambda: wild_type)]
        mine = np.array([tss_activity(reader.edited(codes[i], line)) for i in chosen])
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
        n_shuffles={ours: shuffles[name] for name, ours in NAMES.items()},
        rounds=given.rounds,
        copies=given.copies,
        fine=(FineStage(tile // 10, 0.9, 1), FineStage(tile // 100, 0.7, 10)),  # as the authors' instructions
        searched=tuple(range(given.search_tracks)),
    )
    cres = [tiles[i] for i in given.cres]
    tests = [name for name in NAMES if not given.tests or name in given.tests]
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
        "windows": [stage.window for stage in settings.fine],
        "thresholds": [stage.threshold for stage in settings.fine],
        "batches": [stage.batch for stage in settings.fine],
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
        asked = {**vars(given), "n_cres": len(given.cres)}
        check(answer["tests"], passes_of_peer(len(tiles), asked))
        start = partial(Ours, model, tracks, wild_type, settings, cres)
        mine = measure(start, tests)
        if "sufficiency" in tests:
            mine[ALONE] = measure(start, ["sufficiency"])["sufficiency"]
        if tests == list(NAMES):
            check(mine, passes_left(len(tiles), asked))
        rows.append(join(answer, mine))
        with np.load(folder / "peer.npz") as kept:
            off = compare(Reader(model, tuple(tracks)), wild_type, kept, tests, given.compare)
        peak = answer["peak_bytes"] / 2**30
        print(json.dumps({"repeat": r, "tests": rows[-1], "off": off, "peer_peak_gib": peak}), flush=True)
    peer.stdin.close()
    peer.wait()
    flops = count(start, tests)
    if "sufficiency" in tests:
        flops[ALONE] = count(start, ["sufficiency"])["sufficiency"]
    table(rows, flops, answer["flops_of_a_pass"])


def check(passes: Mapping[str, Any], expected: dict[str, int]) -> None:
    """The formulas of pipeline_counts.py must give what was counted; fine-tile search depends on the gene."""
    for name, one in passes.items():
        if name not in ("finemap", ALONE) and one["passes"] != expected[name]:
            raise SystemExit(f"{name}: {one['passes']} passes counted, {expected[name]} expected")


def join(answer: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """Both sides of a repeat, test by test."""
    peer = dict(answer["tests"])
    if ALONE in mine:
        peer[ALONE] = peer["sufficiency"]
    return {
        name: {
            "peer_passes": one["passes"],
            "peer_seconds": one["seconds"],
            "peer_predicting": one["predicting"],
            "peer_cpu_seconds": one["cpu_seconds"],
            **mine[name],
        }
        for name, one in peer.items()
    }


def table(rows: list[Any], flops: dict[str, int], flops_of_a_pass: int) -> None:
    """Print a line a test, medians over repeats, and their sum.

    Seconds of the peer's passes alone stand in brackets: the rest is shuffles and copies, which weigh more
    in a small model than in a large one. Processor time says more where others use the machine.
    """
    print(
        "test | passes | raycre | GFLOP | raycre | ratio | seconds | raycre | ratio | CPU s | raycre | ratio"
    )
    members = {name: [name] for name in rows[0]} | {"all": [name for name in rows[0] if name != ALONE]}
    for label, names in members.items():
        total = {
            key: float(np.median([sum(row[name][key] for name in names) for row in rows]))
            for key in next(iter(rows[0].values()))
        }
        gf, our_gf = total["peer_passes"] * flops_of_a_pass / 1e9, sum(flops[n] for n in names) / 1e9
        seconds, cpu = total["peer_seconds"], total["peer_cpu_seconds"]
        print(
            f"{label} | {total['peer_passes']:,.0f} | {total['passes']:,.0f} | "
            f"{gf:,.0f} | {our_gf:,.0f} | {gf / our_gf:.2f} | "
            f"{seconds:.1f} ({total['peer_predicting']:.1f}) | {total['seconds']:.1f} | "
            f"{seconds / total['seconds']:.2f} | "
            f"{cpu:.1f} | {total['cpu_seconds']:.1f} | {cpu / total['cpu_seconds']:.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, required=True)
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
    prepare(given.threads, gpus=0)
    with tempfile.TemporaryDirectory() as folder:
        report(given, Path(folder))


if __name__ == "__main__":
    main()
