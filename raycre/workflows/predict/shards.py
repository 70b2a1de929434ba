"""The second stage of prediction: a shard's regions are classified, and become one part file."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from raycre.create.evaluation.metrics import predicted
from raycre.create.inference.checkpoints import load_ensemble
from raycre.create.inference.ensemble import Predictions
from raycre.create.layout import CLASSES, WIDTH
from raycre.events import FORWARD, emit
from raycre.genome.fingerprint import check_unchanged
from raycre.store.parquet import as_table, read_row_group, write_table
from raycre.store.schemas import PREDICTIONS
from raycre.workflows.codes import codes_table
from raycre.workflows.devices import prepare
from raycre.workflows.predict.reading import REGIONS, ShardSpec, shard_features, unpack_features

CODES = "codes"  # folder of the codebook features


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
            wide = unpack_features(row, len(read))
        else:
            read = read_row_group(self.spec.regions, row["shard"])
            wide = shard_features(read, self.spec)
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
