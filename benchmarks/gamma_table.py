"""Enformer's gamma features against the table of TensorFlow that its published weights were trained with.

    python benchmarks/gamma_table.py TABLE [--full-size]

TABLE is `precomputed/tf_gammas.pt` of enformer-pytorch (`raycre weights fetch tf-gamma` prints where it is).
Compared are: float64, plain float32 (the formula as it is written, PyTorch's functions), and what raycre
computes. --full-size also predicts random sequences with each of them (random weights, one thread: a minute).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from raycre.backbones.enformer.model import Enformer
from raycre.backbones.enformer.relative import distance_features
from raycre.backbones.weights import read_weights

ROWS, FUNCTIONS = 1536, 32
GAMMA = slice(64, 96)  # of 192 features: 32 exponential, 32 central, 32 gamma, then all of them signed


def plain(dtype: torch.dtype) -> Tensor:
    """The formula as it is written, in one precision: (2 ROWS - 1, FUNCTIONS)."""
    x = torch.arange(1 - ROWS, ROWS, dtype=dtype).abs()[:, None]
    mean, sd = torch.linspace(ROWS / FUNCTIONS, ROWS, FUNCTIONS, dtype=dtype), ROWS / (2 * FUNCTIONS)
    shape, rate = (mean / sd) ** 2, mean / sd**2
    log_norm = torch.lgamma(shape) - shape * torch.log(rate)
    density = torch.exp((torch.xlogy(shape - 1, x) - rate * x) - log_norm) + 1e-8
    return density / density.amax(0)


def compare(name: str, ours: Tensor, table: Tensor) -> None:
    """Print how far one computation is from the table, and where it is farthest."""
    off = (ours.double() - table.double()).abs()
    row, function = divmod(int(off.argmax()), FUNCTIONS)
    print(
        f"{name:14} max {float(off.max()):.2e} at distance {abs(row + 1 - ROWS)}, function {function}; "
        f"mean {float(off.mean()):.2e}; above 1e-5 {int((off > 1e-5).sum())} of {off.numel()}; "
        f"equal bits {float((ours.float() == table).double().mean()):.1%}"
    )


def predict(gammas: dict[str, Tensor]) -> None:
    """Print what each set of gamma features changes in full-size outputs, in s.d. of those with the table."""
    with torch.device("meta"):
        model = Enformer()
    read_weights(model, "random:0")
    codes = torch.randint(0, 4, (1, model.seq_len), generator=torch.Generator().manual_seed(0))
    outputs = {}
    with torch.inference_mode():
        trunk = model.trunk(codes.to(torch.uint8))
        for name, gamma in gammas.items():
            half = torch.cat([model.distance_features[:, :64], gamma.float()], dim=1)
            sign = torch.arange(1 - ROWS, ROWS)[:, None].sign()
            model.distance_features = torch.cat([half, sign * half], dim=1)
            outputs[name] = model.read_trunk(trunk, range(model.n_bins), range(len(model.tracks)))
    for name, output in outputs.items():
        off = (output - outputs["table"]).abs().max() / outputs["table"].std()
        print(f"{name:14} full-size outputs: max {float(off):.2e} s.d.")


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--full-size", action="store_true")
    arguments = parser.parse_args()
    table = torch.load(arguments.table, weights_only=True)
    ours = {
        "float64": plain(torch.float64),
        "plain float32": plain(torch.float32),
        "raycre": distance_features(ROWS, 6 * FUNCTIONS, "function")[:, GAMMA],
    }
    for name, values in ours.items():
        compare(name, values, table)
    if arguments.full_size:
        torch.set_num_threads(1)
        predict({"table": table, **ours})


if __name__ == "__main__":
    main()
