"""The two stages of prediction, one shard at a time: read features, then classify regions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from raycre.create.evaluation.metrics import predicted
from raycre.create.inference.checkpoints import load_ensemble
from raycre.create.inference.ensemble import Predictions, flank_of
from raycre.create.layout import CLASSES, WIDTH
from raycre.events import FORWARD, emit
from raycre.genome.features import SignalPaths, Signals, Wide
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, read_row_group, write_table
from raycre.store.schemas import PREDICTIONS
from raycre.workflows.codes import codes_table
from raycre.workflows.devices import prepare

CODES = "codes"  # folder of the codebook features
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
        found.update(_serialise(regions, _read(regions, spec)))

    spec.ledger.run(f"read-{row['unit']}", read, counted=False)
    return {**row, **(found or dict.fromkeys((REGIONS, *Wide._fields), b""))}


class CrePredictor:
    """Holds all folds; turns one shard into one part file."""

    def __init__(self, spec: ShardSpec) -> None:
        device = prepare(spec.threads, spec.gpus)
        self.spec, self._device = spec, device.type
        self.ensemble = load_ensemble(spec.checkpoint, spec.folds, spec.n_views, device, spec.cutoffs)
        self._unsure = True  # whether these weights are the hashed ones; told by the first shard's outcome

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do one shard; the outcome is the row."""
        outcome = self.spec.ledger.run(row["unit"], lambda: self._write(row))
        return asdict(outcome)

    def _write(self, row: dict[str, Any]) -> None:
        if self._unsure:
            # Here and not when they are loaded: Ray Data starts an actor that fails over and over.
            self.spec.ledger.join()
            check_unchanged(self.spec.weights)
            self._unsure = False
        if row[REGIONS]:
            read = pa.ipc.open_stream(row[REGIONS]).read_all()
            wide = _deserialise(row, len(read))
        else:
            read = read_row_group(self.spec.regions, row["shard"])
            wide = _read(read, self.spec)
        row[REGIONS] = b""  # a second try reads again: the first may have failed on what was read
        regions, first = read.to_pandas(), int(row["first"])
        began = time.perf_counter()
        found = self.ensemble.predict(*wide, first=first)
        n = len(regions) * self.spec.n_views * len(self.spec.folds)
        emit(
            FORWARD, passes=n, bases=n * WIDTH, seconds=time.perf_counter() - began, device=self._device,
        )  # fmt: skip
        table = as_table(_columns(regions, found, self.spec), PREDICTIONS, self.spec.metadata)
        if self.spec.n_codes is not None:  # before the part, whose existence says that all is written
            features = self.ensemble.features(*wide, first=first)
            self._write_features(row["unit"], regions["region_id"].to_numpy(), features)
        write_table(self.spec.ledger.part(row["unit"]), table, once=True)

    def _write_features(self, unit: str, region_id: NDArray[np.int64], features: NDArray[np.int64]) -> None:
        spec = self.spec
        assert spec.n_codes is not None
        tables = [
            codes_table(region_id, fold, codes, spec.n_codes, dict(spec.metadata))
            for fold, codes in zip(spec.folds, features, strict=True)
        ]
        write_table(spec.ledger.out / CODES / f"{unit}.parquet", pa.concat_tables(tables))


def _read(regions: pa.Table, spec: ShardSpec) -> Wide:
    return _open(spec.signals).read_wide(regions.to_pandas(), flank_of(spec.n_views))


def _serialise(regions: pa.Table, wide: Wide) -> dict[str, bytes]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, regions.schema) as stream:
        stream.write_table(regions)
    features = {name: b"" if array is None else array.tobytes() for name, array in wide._asdict().items()}
    return {REGIONS: sink.getvalue().to_pybytes(), **features}


def _deserialise(row: Mapping[str, bytes], n: int) -> Wide:
    def array(name: str, dtype: type) -> Any:
        return np.frombuffer(row[name], dtype).reshape(n, -1) if row[name] else None

    return Wide(array("codes", np.uint8), array("openness", np.float32), array("loops", np.float32))


def _columns(regions: pd.DataFrame, found: Predictions, spec: ShardSpec) -> dict[str, Any]:
    n = len(regions)
    assert int((regions["end"] - regions["start"]).max()) == WIDTH
    names = np.array(CLASSES)
    call = pd.Series(names[found.call], dtype=object).where(np.isfinite(found.margin))
    return {
        **{c: regions[c] for c in ("region_id", "chrom", "start", "end", "name", "strand", "source")},
        **{f"p_{c}": found.mean[:, i] for i, c in enumerate(CLASSES)},
        "call": call,  # null where the model brings no cutoffs
        "call_argmax": names[predicted(found.mean)],
        "score_margin": found.margin,
        "n_views": np.full(n, spec.n_views),
        "n_folds": np.full(n, len(spec.folds)),
        **{f"sd_{c}": found.sd[:, i] for i, c in enumerate(CLASSES)},
        "model_sha256": np.full(n, spec.model_sha256),
    }
