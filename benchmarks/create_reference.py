"""What the CREATE benchmarks share: the authors' network, made-up windows, and timing in turn.

Nothing of the authors' code is here: it is read from a checkout of their repository that the user made.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from raycre.create.inputs import region_input
from raycre.create.layout import MODALITIES
from raycre.create.model.create import Create
from raycre.create.model.published import to_published


def arguments(description: str, reference: bool = True) -> argparse.ArgumentParser:
    """Options of every CREATE benchmark."""
    parser = argparse.ArgumentParser(description=description)
    if reference:
        parser.add_argument(
            "--reference", type=Path, required=True, help="checkout of the authors' repository"
        )
    parser.add_argument("--rounds", type=int, default=5, help="how often each program runs, in turn")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="by autocast")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser


def reference_module(checkout: Path, name: str) -> ModuleType:
    """Import create/model/<name>.py alone; the rest of the package has needs of its own."""
    path = checkout / "create" / "model" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"authors_{name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SystemExit(f"{path} is missing; --reference takes a checkout of the authors' repository")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pair(checkout: Path, device: str, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, Create]:
    """The authors' network and ours, of the paper's size, with the same weights."""
    torch.manual_seed(0)
    ours = Create().to(device, dtype)
    theirs = reference_module(checkout, "layer").create().to(device, dtype)
    theirs.load_state_dict(to_published(ours.state_dict()))
    return theirs, ours


def raw_windows(n: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bases uint8, mean reads float32 and loop counts uint8, constant over stretches, each (n, width)."""
    random = np.random.default_rng(seed)
    reads = random.poisson(3.0, (n, width)).astype(np.float32)
    loops = np.repeat(random.integers(0, 4, (n, -(-width // 100)), np.uint8), 100, axis=1)[:, :width]
    return random.integers(0, 4, (n, width), np.uint8), reads, loops


def inputs(n: int, width: int, device: str) -> Tensor:
    """Model input of `raw_windows`: float32 (n, 6, width)."""
    return region_input(*(torch.from_numpy(a).to(device) for a in raw_windows(n, width)), MODALITIES)


def in_turn(
    programs: Mapping[str, Callable[[], Any]], rounds: int, device: str
) -> dict[str, dict[str, float]]:
    """Seconds of each program; they run alternately, after one round unmeasured.

    min, median: by the clock. cpu: least process time, which other programs on the machine disturb less
    (with several threads, waiting counts as work).
    """
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    busy: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name, program in programs.items():
            _wait(device)
            start, start_busy = time.perf_counter(), time.process_time()
            program()
            _wait(device)
            if number:
                seconds[name].append(time.perf_counter() - start)
                busy[name].append(time.process_time() - start_busy)
    return {
        name: {"min": min(taken), "median": median(taken), "cpu": min(busy[name])}
        for name, taken in seconds.items()
    }


def machine(device: str) -> dict[str, str | int | None]:
    """What ran it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    found: dict[str, str | int | None] = {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    if device.startswith("cuda"):
        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def report(title: str, device: str, rows: list[dict[str, Any]], path: Path | None) -> None:
    """Print rows as a table, and write them with the machine to `path`."""
    print(f"\n{title}; {', '.join(f'{k} {v}' for k, v in machine(device).items())}")
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|")
    for row in rows:
        print("| " + " | ".join(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()) + " |")
    if path is not None:
        path.write_text(json.dumps({"title": title, "machine": machine(device), "rows": rows}, indent=1))


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
