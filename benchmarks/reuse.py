"""What one prediction costs at full size: FLOPs, seconds and error, whole and by reuse of activations.

    python benchmarks/reuse.py [--model enformer|borzoi] [--threads 2] [--dtype float32|tf32|bfloat16]
        [--device cpu|cuda] [--batch 1] [--peak TFLOPS] [--rounds 3]

Random weights. One prediction is of the TSS bins and three tracks. `--batch` predicts so many edited
sequences at once; seconds and FLOPs (counted, not estimated) are of one. Errors are the largest difference
from a whole float32 prediction, over the standard deviation of that prediction over all bins. `--peak` is the
device's, for the fraction achieved.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from raycre.backbones.contract import LocalBackbone
from raycre.backbones.incremental import Incremental
from raycre.backbones.loading import load_backbone
from raycre.backbones.precision import lower
from raycre.workflows.devices import prepare

EDITS = (5_000, 500, 50)  # CREME's tiles: necessity, and the two steps of its fine-tile search
TRACKS = (4824, 5110, 5111)
N_TRACKS = (1, 3, 100, 1_000)


class Bench:
    """One model and sequence, timed."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.device = prepare(given.threads, gpus=float(given.device == "cuda"), tf32=given.dtype == "tf32")
        model = load_backbone(given.model, weights="random:0").to(self.device)
        assert isinstance(model, LocalBackbone)
        model.precompute()
        self.model = model
        rng = np.random.default_rng(0)
        self.base = self._codes(rng.integers(0, 4, model.seq_len, dtype=np.uint8))
        self.other = self._codes(rng.integers(0, 4, model.seq_len, dtype=np.uint8))

    def _codes(self, codes: np.ndarray) -> Tensor:
        return torch.from_numpy(codes).to(self.device)

    def edited(self, size: int) -> Tensor:
        """uint8 (batch, seq_len): in each sequence one tile is another, at places along the input."""
        starts = np.linspace(804, self.model.seq_len - 804 - size, max(2, self.given.batch)).astype(int)
        sequences = self.base.repeat(self.given.batch, 1)
        for row, start in enumerate(starts[: self.given.batch]):
            sequences[row, start : start + size] = self.other[start : start + size]
        return sequences

    def measure(self, work: Callable[[], Tensor]) -> tuple[Tensor, float, float]:
        """What it gives, the least seconds over rounds, and FLOPs."""
        with FlopCounterMode(display=False) as counter:
            found = work()
        seconds = []
        for _ in range(self.given.rounds):
            self.wait()
            started = time.perf_counter()
            work()
            self.wait()
            seconds.append(time.perf_counter() - started)
        return found, min(seconds), counter.get_total_flops()

    def wait(self) -> None:
        """Let the device finish."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="enformer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "tf32", "bfloat16"], default="float32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--peak", type=float, help="TFLOP/s of the device in this precision")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with torch.inference_mode():
        run(Bench(given))


def run(bench: Bench) -> None:
    """Print one line a measurement."""
    given, model = bench.given, bench.model
    bins, tracks = list(model.tss_bins), list(TRACKS)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    edits = {size: bench.edited(size) for size in EDITS}
    scale = float(model.read(bench.base[None], range(model.n_bins), tracks).std())
    exact = {size: model.read(edits[size][:1], bins, tracks) for size in EDITS}
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = given.dtype == "tf32"
    if given.dtype == "bfloat16":
        lower(model, torch.bfloat16)

    def line(name: str, seconds: float, flops: float, error: float | None) -> None:
        used = "" if given.peak is None else f"  {100 * flops / seconds / (given.peak * 1e12):.1f} % of peak"
        off = "" if error is None else f"  off by {error:.1e} s.d."
        print(f"{name:38s} {flops / 1e9:9.1f} GFLOP  {seconds:8.4f} s{used}{off}", flush=True)

    print(f"{given.model}, {given.dtype}, {given.device}, {given.threads} threads, batch {given.batch}")
    _, whole, flops = bench.measure(lambda: model.read(bench.base[None], bins, tracks))
    line("whole", whole, flops, None)
    reader = Incremental(model, cache_bytes=1)  # its one base, and no crop: each edit is as if it were new
    reader.read("wt", bench.base, bench.base[None], bins, tracks)
    for size, sequences in edits.items():
        found, seconds, flops = bench.measure(
            lambda s=sequences: reader.read("wt", bench.base, s, bins, tracks)  # type: ignore[misc]
        )
        error = float((found[:1] - exact[size]).abs().max()) / scale
        line(f"edit of {size} bp", seconds / given.batch, flops / given.batch, error)
    for n in N_TRACKS:
        wanted = list(range(min(n, len(model.tracks))))
        _, seconds, flops = bench.measure(
            lambda w=wanted: reader.read("wt", bench.base, edits[5_000], bins, w)  # type: ignore[misc]
        )
        line(f"edit of 5000 bp, {n} tracks", seconds / given.batch, flops / given.batch, None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB; kept for one base {reader.bytes_kept() / 2**20:.0f} MiB")
    if bench.device.type == "cuda":
        print(f"peak memory of the GPU {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
