"""CREME's paper today: its tests of one gene, one after another, by creme-nn over enformer-pytorch.

    python pipeline_peer.py WEIGHTS.safetensors SIZES.json THREADS

Started by pipeline.py in an environment of its own; it must not know raycre. Calls what the authors' drivers
call, in the order of their instructions, and counts every sequence that the model is given. Reads one order
a line on stdin (`report` of pipeline.py writes it) and answers with one line: passes, seconds and outputs of
each test. The first sequences of each test and their activities go to the order's `out` (npz).

creme-nn's context, necessity, sufficiency and distance tests serve all tracks at once; greedy search,
multiplicity and fine-tile search read one, and the drivers run them, and set sufficiency, track by track.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from creme import creme, shuffle
from enformer_pytorch import Enformer
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

warnings.filterwarnings("ignore")


class Model:
    """What creme-nn asks of a model, and a count of what it was given.

    As creme-nn's own wrapper: one sequence at a time, whatever the batch; the whole prediction is made, of
    which `bins` and `tracks` are returned (all bins where None).
    """

    def __init__(self, weights: str, sizes: dict[str, Any]) -> None:
        self.seq_length = sizes.pop("seq_len")
        self.model = Enformer.from_hparams(**sizes, use_tf_gamma=False)
        missing, unexpected = self.model.load_state_dict(load_file(weights), strict=False)
        # enformer-pytorch names its layers a second time, under _trunk: the same tensors.
        left = [key for key in missing if not key.startswith("_trunk.") and "num_batches" not in key]
        if left or unexpected:
            raise SystemExit(f"weights do not fit: missing {left[:5]}, unexpected {unexpected[:5]}")
        self.model.eval()
        self.bins: list[int] | None = None
        self.tracks: list[int] = []
        self.all_tracks: list[int] = []
        self.tss_bins: list[int] = []
        self.start(0)

    def start(self, keep: int) -> None:
        """Forget what was counted; from now on hold the first `keep` sequences and their activities."""
        self.passes, self.seconds, self.keep = 0, 0.0, keep
        self.codes: list[np.ndarray] = []
        self.activities: list[np.ndarray] = []

    def predict(self, x: np.ndarray) -> np.ndarray:
        """One-hot (length, 4) or (n, length, 4) to (n, bins, tracks)."""
        found = [self._one(one) for one in (x[np.newaxis] if x.ndim == 2 else x)]
        chosen = np.stack(found)[..., self.tracks]
        return chosen if self.bins is None else chosen[:, self.bins]

    def _one(self, one_hot: np.ndarray) -> np.ndarray:
        started = time.perf_counter()
        with torch.inference_mode():
            found = self.model(torch.from_numpy(np.ascontiguousarray(one_hot)).float()[None])["human"][0]
            predicted = found.numpy()
        self.seconds += time.perf_counter() - started
        self.passes += 1
        if len(self.codes) < self.keep:
            self.codes.append(one_hot.argmax(-1).astype(np.uint8))
            self.activities.append(predicted[self.tss_bins][:, self.all_tracks].astype(np.float64).mean(0))
        return predicted


def context(model: Model, x: np.ndarray, order: dict[str, Any]) -> Any:
    """Wild type and n shuffles."""
    wt, mean, _ = creme.context_dependence_test(model, x, order["tss_tile"], order["shuffles"]["context"])
    return {"wt": _tss(wt, order), "mutant": _tss(mean, order)}


def necessity(model: Model, x: np.ndarray, order: dict[str, Any]) -> Any:
    """Wild type again, and n shuffles a tile. Holds every mutant as float64 one-hot, read or not."""
    model.bins = order["bins"]
    wt, mean, _ = creme.necessity_test(model, x, order["tiles"], order["shuffles"]["necessity"])
    return {"wt": wt[0].mean(0).tolist(), "mutant": mean.mean(1).tolist()}


def sufficiency(model: Model, x: np.ndarray, order: dict[str, Any]) -> Any:
    """Wild type again; for each tile its own n backgrounds, each with and without the tile."""
    n = order["shuffles"]["sufficiency"]
    wt, mutant, _, control, _ = creme.sufficiency_test(model, x, order["tss_tile"], order["tiles"], n)
    pairs = {"mutant": mutant, "control": control}
    return {
        "wt": _tss(wt, order),
        **{name: [_tss(one, order) for one in values] for name, values in pairs.items()},
    }


def finemap(model: Model, x: np.ndarray, order: dict[str, Any]) -> Any:
    """For each enhancer and its track: sufficiency of the one tile anew, then two stages of pruning."""
    found = []
    for cre in order["cres"]:
        if cre["class"] != "Enhancer":
            continue  # as the driver
        model.bins, model.tracks = order["bins"], [cre["track"]]
        start, end = order["tiles"][cre["tile"]]
        n = order["shuffles"]["finemap"]
        _, mutants, controls, backgrounds = creme.sufficiency_test(
            model, x, order["tss_tile"], [[start, end]], n, mean=False, return_seqs=True
        )
        whole = mutants.mean()
        # A model without training hardly reacts to a tile, and the score would never leave 1: so the paper's
        # thresholds are of the part of the prediction that the tile makes.
        alone = controls.mean() / whole
        thresholds = [alone + share * (1 - alone) for share in order["thresholds"]]
        kind = "enhancer" if alone < 1 else "silencer"
        arguments = (order["windows"], thresholds, 1, order["batches"], kind)
        try:
            result = creme.prune_sequence(model, x, backgrounds, whole, start, end, *arguments)
        except (IndexError, ValueError) as error:  # it has run out of sub-tiles
            found.append({**cre, "stopped": str(error)})
            continue
        stages = {
            window: {"scores": [float(score) for score in stage["scores"]], "bps": stage["bps"]}
            for window, stage in result.items()
        }
        found.append({**cre, "alone": float(alone), "kind": kind, "stages": stages})
    return found


def distance(model: Model, x: np.ndarray, order: dict[str, Any]) -> Any:
    """For each CRE: at its own place, then at every tile's, each in n backgrounds drawn by seed."""
    starts = [start for start, _ in order["tiles"]]
    n, found = order["shuffles"]["distance"], []
    for tile in sorted({cre["tile"] for cre in order["cres"]}):
        result = creme.distance_test(
            model, x, order["tss_tile"], order["tiles"][tile], starts, n, mean=True, seed=True
        )
        found.append({"tile": tile, "mutant": [_tss(one, order) for one in result["mean_mut"]]})
    return found


def greedy(model: Model, x: np.ndarray, order: dict[str, Any]) -> Any:
    """For each track, down and up: rounds of a necessity test on what is left, each with a first pass."""
    found: dict[str, Any] = {}
    for track in order["search_tracks"]:
        for name, choose in (("min", np.argmin), ("max", np.argmax)):
            model.bins, model.tracks = order["bins"], [track]
            result = creme.higher_order_interaction_test(
                model, x, list(order["tiles"]), choose, order["shuffles"]["greedy"], order["rounds"]
            )
            found[f"{track} {name}"] = [
                {"tile": one["selected_tile"], "mean": float(one["selected_mean_pred"])}
                for one in result.values()
            ]
    order["chosen"] = found
    return found


def set_sufficiency(model: Model, x: np.ndarray, order: dict[str, Any]) -> Any:
    """For each search: its tiles one after another in n backgrounds. The drivers' own, not in creme-nn."""
    start, end = order["tss_tile"]
    found = {}
    for name, rounds in order["chosen"].items():
        model.bins, model.tracks = order["bins"], [int(name.split()[0])]
        sequences = shuffle.dinuc_shuffle(x, order["shuffles"]["set"])
        sequences[:, start:end] = x[start:end]
        means = [float(model.predict(sequences).mean())]
        for one in rounds:
            first, last = one["tile"]
            sequences[:, first:last] = x[first:last]
            means.append(float(model.predict(sequences).mean()))
        found[name] = means
    return found


def multiplicity(model: Model, x: np.ndarray, order: dict[str, Any]) -> Any:
    """For each CRE and its track: one copy after another, each time at the best of all places left."""
    found = []
    for cre in order["cres"]:
        model.bins, model.tracks = order["bins"], [cre["track"]]
        start, end = order["tiles"][cre["tile"]]
        result = creme.multiplicity_test(
            model,
            x,
            order["tss_tile"],
            [start, end],
            x[start:end],
            list(order["tiles"]),
            order["shuffles"]["multiplicity"],
            order["copies"],
            np.argmax if cre["class"] == "Enhancer" else np.argmin,
        )
        signal = [float(one) for one in result["best_tss_signal"]]
        found.append({**cre, "tiles": result["selected_tile_order"], "signal": signal})
    return found


TESTS: dict[str, Callable[[Model, np.ndarray, dict[str, Any]], Any]] = {
    "context": context,
    "necessity": necessity,
    "sufficiency": sufficiency,
    "finemap": finemap,
    "distance": distance,
    "greedy": greedy,
    "set": set_sufficiency,
    "multiplicity": multiplicity,
}
"""In the order of the authors' instructions."""


def _tss(predicted: np.ndarray, order: dict[str, Any]) -> list[float]:
    """(bins, tracks) to the mean over the TSS bins."""
    return predicted[order["bins"]].mean(0).tolist()


def run(model: Model, order: dict[str, Any]) -> dict[str, Any]:
    """All tests of one gene."""
    x = np.eye(5, 4, dtype=np.float32)[np.load(order["codes"])]
    model.all_tracks, model.tss_bins = order["tracks"], order["bins"]
    with FlopCounterMode(display=False) as counter:
        model.predict(x)
    answer: dict[str, Any] = {"flops_of_a_pass": counter.get_total_flops(), "tests": {}}
    kept: dict[str, np.ndarray] = {}
    for name in order["tests"]:
        model.start(order["keep"])
        model.bins, model.tracks = None, order["tracks"]
        started, used = time.perf_counter(), time.process_time()
        outputs = TESTS[name](model, x, order)
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        answer["tests"][name] = {
            "passes": model.passes,
            "seconds": seconds,
            "predicting": model.seconds,
            "cpu_seconds": cpu,
            "outputs": outputs,
        }
        kept[f"{name}/codes"] = np.array(model.codes, np.uint8)
        kept[f"{name}/activities"] = np.array(model.activities)
    np.savez(order["out"], **kept)
    answer["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return answer


def main() -> None:
    weights, sizes, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not pass for an answer
    model = Model(weights, json.loads(Path(sizes).read_text()))
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        answer = run(model, json.loads(line))
        print(json.dumps(answer, default=float), file=answers, flush=True)


if __name__ == "__main__":
    main()
