"""What forward passes cost here, measured before a run starts. Reads the model; writes and starts nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from raycre.config import PerturbConfig
from raycre.creme.edits import base_of
from raycre.engine.reading import open_reader
from raycre.engine.study import Study

SHORT = 1.0  # seconds of a pass below which warming up matters


class Cost(NamedTuple):
    """Seconds, and FLOPs of matrix products and convolutions."""

    seconds: float
    flops: int

    def __sub__(self, other: Cost) -> Cost:
        return Cost(max(0.0, self.seconds - other.seconds), max(0, self.flops - other.flops))


class Costs(NamedTuple):
    """Of a whole sequence; of the activations of a base that its edits share; of one edited sequence."""

    whole: Cost
    base: Cost
    edited: Cost


def count_bases(study: Study, todo: pd.DataFrame) -> int:
    """Count the bases whose activations the units of `todo` compute, once in each unit that needs them."""
    bases = [base_of(p, study.settings.tss_tile) for p in study.passes]
    spans = zip(todo["first"], todo["last"], strict=True)
    return sum(n * len(set(bases[first:last])) for (first, last), n in Counter(spans).items())


def measure_passes(config: PerturbConfig, study: Study) -> Costs:
    """Do a whole pass and one with a shuffled tile here, and take their time.

    A short pass is done again and that one timed, when the processor is warm.
    """
    reader = open_reader(config.model, study.tracks, config.resources.cache_bytes)
    base = np.zeros(reader.model.seq_len, np.uint8)
    edited = base.copy()
    start, end = study.settings.tiles[0]
    edited[start:end] = 1
    before = torch.get_num_threads()
    torch.set_num_threads(config.resources.cpus_per_replica)
    try:
        whole = _measure(lambda: reader.whole(base))
        if reader.reuse is None:
            return Costs(whole, Cost(0, 0), whole)
        reader.edited(base, "base", base)  # from here on its activations are kept
        unchanged = _measure(lambda: reader.edited(base, "base", base))
        changed = _measure(lambda: reader.edited(edited, "base", base))
        return Costs(whole, whole - unchanged, changed)
    finally:
        torch.set_num_threads(before)


def _measure(work: Callable[[], object]) -> Cost:
    def timed() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    with FlopCounterMode(display=False) as counter:
        seconds = timed()
    if seconds < SHORT:
        seconds = timed()
    return Cost(seconds, counter.get_total_flops())
