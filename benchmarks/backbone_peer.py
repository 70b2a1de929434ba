"""Today's way: creme-nn over enformer-pytorch or borzoi-pytorch, in an environment of its own.

    python backbone_peer.py MODEL WEIGHTS.safetensors THREADS

Started by necessity.py; it must not know raycre. Reads one order a line on stdin, runs creme-nn's necessity
test on it, writes predictions and mutated sequences to the order's `out` (npz), and answers with one line:
seconds of the whole test and of each forward pass; or, asked to count, the FLOPs of one. MODEL is enformer or
borzoi.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

warnings.filterwarnings("ignore")


class Model:
    """What creme-nn asks of a model: `predict`, one-hot (n, length, 4) to (n, bins, tracks), human head."""

    def __init__(self, name: str, weights: str) -> None:
        state = load_file(weights)
        if name == "enformer":
            from enformer_pytorch import Enformer

            self.model = Enformer.from_hparams(use_tf_gamma=False)
        else:
            from borzoi_pytorch import Borzoi
            from borzoi_pytorch.config_borzoi import BorzoiConfig

            self.model = Borzoi(BorzoiConfig())
        self.name = name
        missing, unexpected = self.model.load_state_dict(state, strict=False)
        # enformer-pytorch names its layers a second time, under _trunk: the same tensors.
        left = [key for key in missing if not key.startswith("_trunk.") and "num_batches" not in key]
        if left or unexpected:
            raise SystemExit(f"weights do not fit: missing {left[:5]}, unexpected {unexpected[:5]}")
        self.model.eval()
        self.seconds: list[float] = []

    def predict(self, x: np.ndarray) -> np.ndarray:
        """As creme-nn's own wrapper: all bins and tracks, as numpy."""
        started = time.perf_counter()
        with torch.inference_mode():
            one_hot = torch.from_numpy(np.ascontiguousarray(x)).float()
            if self.name == "enformer":
                found = self.model(one_hot)["human"].numpy()
            else:
                found = self.model(one_hot.transpose(1, 2)).transpose(1, 2).numpy()
        self.seconds.append(time.perf_counter() - started)
        return found


def run(model: Model, order: dict[str, Any]) -> dict[str, Any]:
    """One necessity test by creme-nn."""
    from creme import creme

    one_hot = np.eye(5, 4, dtype=np.float32)[np.load(order["codes"])]
    if order["count"]:
        with FlopCounterMode(display=False) as counter:
            model.predict(one_hot[np.newaxis])
        return {"flops": counter.get_total_flops()}
    model.seconds.clear()
    started = time.perf_counter()
    wild_type, mutants, sequences = creme.necessity_test(
        model, one_hot, order["tiles"], order["shuffles"], mean=False, return_seqs=True
    )
    seconds = time.perf_counter() - started
    bins, tracks = order["bins"], order["tracks"]
    np.savez(
        order["out"],
        wild_type=wild_type[0][bins][:, tracks],
        mutants=mutants[:, :, bins][:, :, :, tracks],
        codes=sequences.argmax(-1).astype(np.uint8),
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "passes": list(model.seconds), "peak_bytes": peak}


def main() -> None:
    name, weights, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not pass for an answer
    model = Model(name, weights)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(run(model, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
