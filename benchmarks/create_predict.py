"""Time of predicting regions from ten views with CREATE at the paper's size, against the authors' code.

Codes and probabilities are compared first. The authors' network gets its views ready cut, at each of several
batch sizes; ours gets the wide windows' input. "ensemble" is the whole of `Ensemble.predict`, from bases and
tracks, for as many folds as --folds says, beside as many passes of the authors' network. "replicas" are
processes of one thread that share the regions, as `raycre predict` runs, timed in turn with the others.

    python benchmarks/create_predict.py --reference CREATE
"""

from __future__ import annotations

import multiprocessing
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from create_reference import arguments, in_turn, inputs, pair, raw_windows, report
from torch import Tensor, nn

from raycre.create.inference.ensemble import Ensemble
from raycre.create.inference.fast import FastClassifier, both_strands_of
from raycre.create.views import flank_of, region_views


def cut(wide: Tensor, n_views: int) -> Tensor:
    """Views of wide input (n, 6, width), both strands: (n, views, 6, 1000)."""
    spare = wide.shape[2] - 1000
    strands = both_strands_of(wide, has_sequence=True)
    return torch.stack(
        [
            strands[int(is_rc)][:, :, start : start + 1000]
            for shift, is_rc in zip(*region_views(n_views), strict=True)
            for start in [spare // 2 + (-shift if is_rc else shift)]
        ],
        dim=1,
    )


def their_probabilities(model: nn.Module, views: Tensor, batch: int) -> Tensor:
    """Mean over views: float64 (n, classes)."""
    with torch.no_grad():
        found = torch.cat([model(part)[0].softmax(1) for part in views.flatten(0, 1).split(batch)])
    return found.double().view(*views.shape[:2], -1).mean(1)


class Replicas:
    """Processes of one thread that predict shares of the regions at once."""

    def __init__(self, n: int, args: Any) -> None:
        shares = [len(share) for share in np.array_split(np.arange(args.regions), n)]
        context, self.ends = multiprocessing.get_context("spawn"), []
        for share in shares:
            mine, its = context.Pipe()
            context.Process(target=_replica, args=(its, args, share), daemon=True).start()
            self.ends.append(mine)
        self()

    def __call__(self) -> None:
        for end in self.ends:
            end.send(True)
        for end in self.ends:
            end.recv()

    def close(self) -> None:
        for end in self.ends:
            end.send(False)


def _replica(orders: Connection, args: Any, n_regions: int) -> None:
    """Predict the same regions whenever told to."""
    torch.set_num_threads(1)
    fast = FastClassifier(pair(args.reference, args.device)[1].eval())
    wide = inputs(n_regions, 1000 + 2 * flank_of(args.views), args.device)
    while orders.recv():
        fast.probabilities(wide, region_views(args.views))
        orders.send(None)


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--regions", type=int, default=32)
    parser.add_argument("--views", type=int, default=10)
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 20, 40, 160], help="views, for theirs")
    parser.add_argument("--folds", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=2, help="processes of one thread; 0 for none")
    args = parser.parse_args()
    theirs, ours = (model.eval() for model in pair(args.reference, args.device))
    width = 1000 + 2 * flank_of(args.views)
    wide = inputs(args.regions, width, args.device)
    views, fast = cut(wide, args.views), FastClassifier(ours)
    chosen = region_views(args.views)

    gap = (their_probabilities(theirs, views, 20) - fast.probabilities(wide, chosen)).abs().max().item()
    forward = sorted({(width - 1000) // 2 + int(s) for s in chosen.offsets})
    with torch.no_grad():
        of_theirs = torch.stack([theirs(wide[:, :, s : s + 1000])[3] for s in forward])
    of_ours = fast.codes(wide, forward)
    assert of_ours is not None
    same = (of_theirs.view_as(of_ours) == of_ours).sum().item()
    print(f"codes equal: {same:,} of {of_ours.numel():,}; probabilities differ by at most {gap:.1e}")

    ensemble = Ensemble([ours] * args.folds, np.full(5, 0.2, np.float32), args.views, args.device)
    codes, reads, loops = raw_windows(args.regions, width)
    programs = {
        f"authors, {batch} views": partial(their_probabilities, theirs, views, batch) for batch in args.batch
    } | {
        "raycre": partial(fast.probabilities, wide, chosen),
        f"ensemble of {args.folds}": partial(
            ensemble.predict, codes, reads, loops.astype(np.float32), first=0
        ),
    }
    if args.replicas:
        programs[f"{args.replicas} replicas"] = replicas = Replicas(args.replicas, args)
    rows = []
    for threads in args.threads:
        torch.set_num_threads(threads)
        with torch.autocast(args.device.split(":")[0], torch.bfloat16, enabled=args.dtype == "bfloat16"):
            taken = in_turn(programs, args.rounds, args.device)
        for kind in ("min", "median", "cpu"):
            best = min(taken[name][kind] for name in programs if name.startswith("authors"))
            seconds = {name: of[kind] for name, of in taken.items()}
            if kind == "cpu":  # of this process: the replicas' is not seen
                seconds |= {name: float("nan") for name in seconds if "replicas" in name}
            factors = {name: args.folds if "ensemble" in name else 1 for name in seconds}
            rows.append(
                {"threads": threads, "seconds": kind}
                | {f"{name}, regions/s": args.regions / of for name, of in seconds.items()}
                | {
                    f"{name} / authors' best": factors[name] * best / of
                    for name, of in seconds.items()
                    if not name.startswith("authors")
                }
            )
    if args.replicas:
        replicas.close()
    title = f"{args.regions} regions, {args.views} views, paper size, {args.dtype} on {args.device}"
    report(title, args.device, rows, args.json)


if __name__ == "__main__":
    main()
