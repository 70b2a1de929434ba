"""Training inputs on disk: small, exact, whole or absent. Nothing here starts Ray."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from raycre.create.fold_data import FoldData
from raycre.create.layout import WIDTH
from raycre.create.views import Views
from raycre.demo.genome import DemoGenome
from raycre.genome.features import Signals, Wide
from raycre.store.files import TEMPORARY
from raycre.workflows.inputs import signal_paths
from raycre.workflows.train import materialise
from raycre.workflows.train.fold import fold_data
from raycre.workflows.train.materialise import Arrays, open_inputs, read_labelled, write_inputs
from tests.conftest import train_values
from tests.trainings import plan_from

FLANK = 20
CPU = torch.device("cpu")


class Tracks:
    """Signals of `values` at every base of a region, for as many replicates as are named."""

    def __init__(self, sums: list[float], counts: list[float], replicates: int = 2) -> None:
        self.sums, self.counts, self.openness = np.array(sums), np.array(counts), [None] * replicates
        self.fails_at = -1

    def read_sums(self, regions: pd.DataFrame, flank: int) -> Wide:
        rows = regions["region_id"].to_numpy()
        if self.fails_at in rows:
            raise OSError("lost")
        ones = np.ones((1, WIDTH + 2 * flank))
        codes = (rows[:, None] * ones % 5).astype(np.uint8)
        return Wide(codes, self.sums[rows, None] * ones, (self.counts[rows, None] * ones).astype(np.float32))


def regions(n: int) -> pd.DataFrame:
    ids = np.arange(n)
    return pd.DataFrame({"region_id": ids, "chrom": "chr1", "start": 2000 * ids, "end": 2000 * ids + WIDTH,
                         "label": ids % 5, "fold": ids % 3})  # fmt: skip


def store(folder: Path, signals: Any, table: pd.DataFrame) -> Arrays:
    write_inputs(folder, table, signals, FLANK)
    return open_inputs(folder)


def reference(sums: NDArray, replicates: int) -> NDArray[np.float32]:
    """The mean as `mean_of` takes it: a quotient in float64, rounded to float32."""
    return (np.asarray(sums, np.float64) / replicates).astype(np.float32)


def inputs_of(arrays: Arrays, rows: NDArray[np.int64]) -> torch.Tensor:
    views = Views(np.resize([0, -20, 10], len(rows)), np.resize([False, True], len(rows)))
    return fold_data(arrays, 0, 3).inputs(rows, views, ("sequence", "openness", "loops"), CPU)


def test_every_mean_of_integer_sums_comes_back_bit_for_bit() -> None:
    sums = np.arange(65_536, dtype=np.uint16).reshape(64, 1024)
    for replicates in range(1, 17):
        divided = sums.astype(np.float32) / np.float32(replicates)
        assert np.array_equal(divided, reference(sums, replicates))
        # As a fold's data does it, up to the logarithm.
        rows, n = np.arange(64), len(sums)
        codes = np.zeros_like(sums, dtype=np.uint8)
        whole = FoldData(codes, sums, None, rows % 5, rows, rows, rows, replicates=replicates)
        mean = replace(whole, openness=reference(sums, replicates), replicates=1)
        centre = Views(np.zeros(n, np.int64), np.zeros(n, bool))
        found = [data.inputs(rows, centre, ("openness",), CPU) for data in (whole, mean)]
        assert torch.equal(*found)


def test_reads_of_two_replicates_take_a_byte_a_base_and_give_the_inputs_of_their_float_mean(
    genome: DemoGenome, tmp_path: Path
) -> None:
    plan = plan_from(train_values(genome, tmp_path / "run"))
    signals = Signals(signal_paths(plan.signals, plan.network.modalities))
    labelled = read_labelled(plan, signals)
    table, counts = labelled.table, labelled.counts
    arrays = store(tmp_path / "inputs", signals, table)
    assert [array.dtype for array in arrays.wide] == [np.uint8] * 3  # 3,120 bytes a region, not 9,360
    assert (arrays.replicates, counts["dropped_as_repeated"]) == (2, 0)
    rows = np.arange(len(table))
    as_floats = arrays._replace(wide=signals.read_wide(table, FLANK), replicates=1)
    assert as_floats.wide.openness is not None
    assert (as_floats.wide.openness % 1 == 0.5).any()  # else the division would not show
    assert torch.equal(inputs_of(arrays, rows), inputs_of(as_floats, rows))


@pytest.mark.parametrize(
    ("sums", "kind"),
    [
        ([0, 255, 3, 1, 2, 7, 9], np.uint8),
        ([0, 255, 3, 1, 256, 7, 9], np.uint16),
        ([0, 255, 3, 65_535, 256, 7, 9], np.uint16),
        ([65_536, 255, 3, 1, 2, 7, 9], np.float32),
        ([0, 255, 3, 1, 2, 65_537, 16_777_217], np.float32),
        ([0, 300, 3, 1, 2, 7, 0.1], np.float32),
        ([0.5, 1, 3, 1, 2, 7, 9], np.float32),
    ],
)
@pytest.mark.parametrize("replicates", [1, 3])
def test_the_smallest_kind_that_is_exact_is_found_in_any_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sums: list[float], kind: type, replicates: int
) -> None:
    signals = Tracks(sums, [0, 1, 2, 3, 4, 5, 300], replicates)
    written = []
    for chunk in (1, 2, 7):
        monkeypatch.setattr(materialise, "CHUNK", chunk)
        arrays = store(tmp_path / str(chunk), signals, regions(7))
        openness, loops = arrays.wide.openness, arrays.wide.loops
        assert openness is not None
        assert loops is not None
        assert (openness.dtype, loops.dtype) == (kind, np.uint16)
        assert arrays.replicates == (1 if kind is np.float32 else replicates)
        mean = openness.astype(np.float32) / np.float32(arrays.replicates)
        assert np.array_equal(mean[:, 0], reference(np.array(sums), replicates))
        assert loops[:, -1].tolist() == [0, 1, 2, 3, 4, 5, 300]
        written.append({p.name: p.read_bytes() for p in (tmp_path / str(chunk)).iterdir()})
    assert written[0] == written[1] == written[2]
    assert not any(name.startswith(TEMPORARY) for name in written[0])


@pytest.mark.parametrize("replicates", [1, 2])
def test_tracks_that_are_not_read_have_no_file(tmp_path: Path, replicates: int) -> None:
    def read_sums(table: pd.DataFrame, flank: int) -> Wide:
        return Wide(np.zeros((len(table), WIDTH + 2 * flank), np.uint8), None, None)

    arrays = store(tmp_path, SimpleNamespace(read_sums=read_sums, openness=[None] * replicates), regions(6))
    assert arrays.wide[1:] == (None, None)
    assert arrays.replicates == 1


def test_what_is_interrupted_leaves_nothing_that_could_be_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materialise, "CHUNK", 2)
    signals = Tracks([1, 2, 3, 300, 5], [1, 1, 1, 1, 1])
    signals.fails_at = 4
    with pytest.raises(OSError, match="lost"):
        store(tmp_path, signals, regions(5))
    assert list(tmp_path.iterdir()) == []
    signals.fails_at = -1
    assert store(tmp_path, signals, regions(5)).wide.openness[:, 7].tolist() == [1, 2, 3, 300, 5]
    signals.fails_at = 0  # it is not read again
    store(tmp_path, signals, regions(5))
