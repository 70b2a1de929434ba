"""Time of one training step of CREATE at the paper's size, against the authors' code, in turn.

Loss terms (float32) and gradients (float64) are compared first, without dropout. The authors' step is
their network, loss modules and optimiser, called as their training loop does, five numbers read included.

    python benchmarks/create_step.py --reference CREATE --batch 64 256
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from create_reference import arguments, in_turn, inputs, pair, reference_module, report
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.model.create import Create
from raycre.create.model.loss_weights import AUTHORS_CODE
from raycre.create.model.published import MODULES, POINTWISE

RATE = 5e-5


def their_losses(model: nn.Module, checkout: Path) -> Callable[[Tensor, Tensor], dict[str, Tensor]]:
    """Their joint-phase loss of a batch, with its parts."""
    utils = reference_module(checkout, "utils")
    penalty, focal = utils.Regularization(model, weight_decay1=1e-8, weight_decay2=5e-7), utils.FocalLoss()

    def losses(x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits, sigmoid, rebuilt, _, latent, _ = model(x)
        norms = penalty(model)
        silencer = (labels == 0).to(sigmoid.dtype)
        with torch.autocast(x.device.type, enabled=False):  # BCE on probabilities has no autocast
            rebuilt, sigmoid = rebuilt.to(x.dtype), sigmoid.to(x.dtype)
            silencer = silencer.to(x.dtype)
            rebuild = F.binary_cross_entropy(rebuilt[:, :4], x[:, :4])
            rebuild = rebuild + 0.01 * F.mse_loss(rebuilt[:, 4:5], x[:, 4:5])
            rebuild = rebuild + 0.1 * F.mse_loss(rebuilt[:, 5:6], x[:, 5:6])
            classes = F.cross_entropy(logits.to(x.dtype), labels) + focal(sigmoid[:, 0], silencer) + norms
        total = classes + norms + 0.5 * (rebuild + latent)
        return {"total": total, "rebuild": rebuild, "latent": latent, "classes": classes}

    return losses


def our_losses(model: Create, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The same parts of ours."""
    total, t, _ = model.losses(x, labels, AUTHORS_CODE, warming_up=False)
    return {
        "total": total,
        "rebuild": t["sequence"] + AUTHORS_CODE.openness * t["openness"] + AUTHORS_CODE.loops * t["loops"],
        "latent": AUTHORS_CODE.commitment * t["commitment"],
        "classes": t["cross_entropy"] + t["focal_silencer"] + t["norms"],
    }


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Their quantiser makes its one-hot matrix in the default dtype."""
    torch.set_default_dtype(dtype)
    yield
    torch.set_default_dtype(torch.float32)


def differences(checkout: Path, device: str, dtype: torch.dtype, n: int = 8) -> tuple[float, float]:
    """Largest relative difference of a loss term, and largest absolute one of a gradient, without dropout."""
    with default_dtype(dtype):
        theirs, ours = pair(checkout, device, dtype)
        for module in [*theirs.modules(), *ours.modules()]:
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        x, labels = inputs(n, 1000, device).to(dtype), torch.arange(n, device=device) % 5
        a, b = their_losses(theirs.train(), checkout)(x, labels), our_losses(ours.train(), x, labels)
        a["total"].backward()
        b["total"].backward()
    term = max(abs(a[k].item() - b[k].item()) / abs(a[k].item()) for k in a)
    gradients = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    worst = 0.0
    for module, name in MODULES.items():
        if name == "heads.sequence":  # its bias stands before a batch norm: gradient zero, rounding only
            gradients.pop(f"{module}.bias")
        for kind in ("weight", "bias"):
            grad = gradients.get(f"{module}.{kind}")
            if grad is not None:
                key = f"{name}.{kind}"
                mine = ours.get_parameter(key).grad
                assert mine is not None, key
                grad = grad.squeeze(-1) if key in POINTWISE else grad
                worst = max(worst, (grad - mine).abs().max().item())
    return term, worst


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 256])
    args = parser.parse_args()
    for dtype in (torch.float32, torch.float64):
        term, gradient = differences(args.reference, args.device, dtype)
        print(f"{dtype}: loss terms differ by {term:.1e} (relative), gradients by {gradient:.1e}")
    theirs, ours = pair(args.reference, args.device)
    losses = their_losses(theirs, args.reference)
    their_adam = torch.optim.Adam(theirs.parameters(), lr=RATE)
    our_adam = torch.optim.Adam(ours.parameters(), lr=RATE, fused=True)
    half = args.dtype == "bfloat16"
    rows = []
    for batch in args.batch:
        x, labels = inputs(batch, 1000, args.device), torch.arange(batch, device=args.device) % 5

        def their_step(x: Tensor = x, labels: Tensor = labels) -> None:
            with torch.autocast(args.device.split(":")[0], torch.bfloat16, enabled=half):
                found = losses(x, labels)
            [value.item() for value in found.values()]
            their_adam.zero_grad()
            found["total"].backward()
            their_adam.step()

        def our_step(x: Tensor = x, labels: Tensor = labels) -> None:
            our_adam.zero_grad(set_to_none=True)
            with torch.autocast(args.device.split(":")[0], torch.bfloat16, enabled=half):
                step = ours.losses(x, labels, AUTHORS_CODE, warming_up=False)
            assert torch.isfinite(step.total)
            step.total.backward()
            our_adam.step()

        for threads in args.threads:
            torch.set_num_threads(threads)
            taken = in_turn({"authors": their_step, "raycre": our_step}, args.rounds, args.device)
            rows.append(
                {"batch": batch, "threads": threads}
                | {f"{who} {k}, s": v for who, of in taken.items() for k, v in of.items()}
                | {f"ratio, {k}": taken["authors"][k] / taken["raycre"][k] for k in ("min", "median", "cpu")}
            )
    report(f"One training step, paper size, {args.dtype} on {args.device}", args.device, rows, args.json)


if __name__ == "__main__":
    main()
