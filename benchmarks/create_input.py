"""Time of making a batch's input for CREATE, against the training step that consumes it, in turn.

`FoldData.inputs` gathers regions, cuts and complements views, makes one-hot bases and logarithms; it is run
for tracks kept as float32, uint16 and uint8.

    python benchmarks/create_input.py --size paper --batch 256
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from create_reference import arguments, in_turn, raw_windows, report

from raycre.create.fold_data import FoldData
from raycre.create.layout import MODALITIES
from raycre.create.model.create import Create
from raycre.create.model.loss_weights import AUTHORS_CODE
from raycre.create.model.sizes import SIZES
from raycre.create.training.recipe import Recipe
from raycre.create.views import Views

REGIONS = 4096  # 17 MB of bases and more of tracks: not in a processor's inner caches


def main() -> None:
    parser = arguments(__doc__ or "", reference=False)
    parser.add_argument("--size", choices=list(SIZES), default="paper")
    parser.add_argument("--batch", type=int, default=256)
    args = parser.parse_args()
    device, flank = torch.device(args.device), Recipe().flank
    codes, reads, loops = raw_windows(REGIONS, 1000 + 2 * flank)
    random = np.random.default_rng(1)
    rows = random.integers(0, REGIONS, args.batch)
    views = Views(random.integers(-flank, flank + 1, args.batch), random.random(args.batch) < 0.5)
    labels = torch.from_numpy(rows % 5).to(device)
    empty = np.empty(0, np.int64)
    model = Create(SIZES[args.size]).to(device)
    adam = torch.optim.Adam(model.parameters(), lr=5e-5, fused=True)

    def data(dtype: type) -> FoldData:
        tracks = reads.astype(dtype), loops.astype(dtype)
        return FoldData(codes, *tracks, np.zeros(REGIONS, np.uint8), empty, empty, empty)

    def step(x: torch.Tensor) -> None:
        adam.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=args.dtype == "bfloat16"):
            total = model.losses(x, labels, AUTHORS_CODE, warming_up=False).total
        total.backward()
        adam.step()

    kept = {dtype.__name__: data(dtype) for dtype in (np.float32, np.uint16, np.uint8)}
    x = kept["float32"].inputs(rows, views, MODALITIES, device)
    for name, of in kept.items():
        assert torch.equal(x, of.inputs(rows, views, MODALITIES, device)), name
    programs = {name: partial(of.inputs, rows, views, MODALITIES, device) for name, of in kept.items()}
    found = []
    for threads in args.threads:
        torch.set_num_threads(threads)
        taken = in_turn({"step": partial(step, x), **programs}, args.rounds, args.device)
        for name in programs:
            found.append(
                {"tracks": name, "threads": threads}
                | {f"input {kind}, ms": taken[name][kind] * 1e3 for kind in ("min", "median")}
                | {f"step {kind}, ms": taken["step"][kind] * 1e3 for kind in ("min", "median")}
                | {"inputs made in a step": taken["step"]["min"] / taken[name]["min"]}
            )
    title = f"Input of {args.batch} windows and the step of size {args.size}, {args.dtype} on {args.device}"
    report(title, args.device, found, args.json)


if __name__ == "__main__":
    main()
