"""Runs the authors' CREATE with the interpreter that starts this file. It must not know raycre.

    python reference_driver.py ORDER.json

Started by train_reference.py. ORDER holds `reference` (a checkout of the authors' repository), `arguments`
(of its create.main.CREATE), `threads`, `workers` (loading processes) and `result` (a JSON file to write).
"""

from __future__ import annotations

import json
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from sklearn import preprocessing


def one_hot_encoder(sparse: bool = True, **others: Any) -> preprocessing.OneHotEncoder:
    """Take the keyword that scikit-learn renamed in 1.2 and dropped in 1.4."""
    return _Encoder(sparse_output=sparse, **others)


_Encoder = preprocessing.OneHotEncoder


def main() -> None:
    """Train, and write what it took: seconds of loading and of training, steps, peak memory."""
    order = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(order["threads"])
    preprocessing.OneHotEncoder = one_hot_encoder
    sys.path.insert(0, order["reference"])
    import create.data
    import create.main

    # The reference starts four processes per loader and epoch and pins memory: for a GPU with cores to spare.
    create.data.DataLoader = partial(_loader, create.data.DataLoader, order["workers"])
    seen: dict[str, float] = {}
    train, started = create.main.CREATE_train, time.perf_counter()

    def timed(model: torch.nn.Module, train_loader: Any, *others: Any, **named: Any) -> None:
        seen["seconds_loading"] = time.perf_counter() - started
        seen["steps_per_epoch"] = len(train_loader)
        seen["parameters"] = sum(p.numel() for p in model.parameters())
        train(model, train_loader, *others, **named)
        seen["seconds_training"] = time.perf_counter() - started - seen["seconds_loading"]

    create.main.CREATE_train = timed
    create.main.CREATE(**order["arguments"])
    seen["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    Path(order["result"]).write_text(json.dumps(seen))


def _loader(make: Any, workers: int, *given: Any, **named: Any) -> Any:
    return make(*given, **{**named, "num_workers": workers, "pin_memory": torch.cuda.is_available()})


if __name__ == "__main__":
    main()
