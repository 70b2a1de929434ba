"""The first stage of prediction: a shard's regions and their features, read on the CPU without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from raycre.create.views import flank_of
from raycre.genome.features import SignalPaths, Signals, Wide
from raycre.genome.fingerprint import Fingerprint
from raycre.store.ledger import Ledger
from raycre.store.parquet import read_row_group

REGIONS = "regions"  # column: a shard's regions, as an Arrow stream


@dataclass(frozen=True)
class ShardSpec:
    """What both stages need of the plan; small enough to travel.

    Attributes:
        signals: files to read.
        regions: inputs/regions.parquet of the run, one row group a shard.
        checkpoint: folder of a finished training, or a file of weights.
        folds: which folds to average.
        cutoffs: by class, of the mean probability; NaN where there are none.
        n_views: shifts times strands.
        ledger: where parts go.
        metadata: key-value metadata of the parts.
        model_sha256: hash over the folds' weights.
        threads: torch threads of one replica; part of what "the same machine kind" means.
        n_codes: K where codebook features are to be written, too; else None.
        gpus: GPUs of one replica, or its share of one; 0 for the CPU.
        weights: fingerprints of the files of weights and cutoffs.
    """

    signals: SignalPaths
    regions: Path
    checkpoint: Path
    folds: tuple[int, ...]
    cutoffs: tuple[float, ...]
    n_views: int
    ledger: Ledger
    metadata: Mapping[str, str]
    model_sha256: str
    threads: int
    n_codes: int | None = None
    gpus: float = 0
    weights: tuple[Fingerprint, ...] = ()


# A process may outlive the run: it opens files anew where a fingerprint is another.
@lru_cache(maxsize=1)
def _open(paths: SignalPaths) -> Signals:
    return Signals(paths)  # once per process: indices and loops are read here


def read_shard(row: dict[str, Any], spec: ShardSpec) -> dict[str, Any]:
    """Add the shard's regions and their features to its plan row, as bytes; leave them out if reading fails.

    The second stage then reads by itself and reports the error, so that both stages fail in one way.
    """
    found: dict[str, bytes] = {}

    def read() -> None:
        regions = read_row_group(spec.regions, row["shard"])
        found.update(_serialise(regions, shard_features(regions, spec)))

    spec.ledger.run(f"read-{row['unit']}", read, counted=False)
    return {**row, **(found or dict.fromkeys((REGIONS, *Wide._fields), b""))}


def shard_features(regions: pa.Table, spec: ShardSpec) -> Wide:
    """Read bases and tracks of a shard's regions, wide enough for every view."""
    return _open(spec.signals).read_wide(regions.to_pandas(), flank_of(spec.n_views))


def _serialise(regions: pa.Table, wide: Wide) -> dict[str, bytes]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, regions.schema) as stream:
        stream.write_table(regions)
    features = {name: b"" if array is None else array.tobytes() for name, array in wide._asdict().items()}
    return {REGIONS: sink.getvalue().to_pybytes(), **features}


def unpack_features(row: Mapping[str, bytes], n: int) -> Wide:
    """Return what `read_shard` has put into a row of n regions."""

    def array(name: str, dtype: type) -> Any:
        return np.frombuffer(row[name], dtype).reshape(n, -1) if row[name] else None

    return Wide(array("codes", np.uint8), array("openness", np.float32), array("loops", np.float32))
