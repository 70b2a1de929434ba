"""Chosen stretches of a gene's window in its shuffled backgrounds, as the run's model sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.creme.perturbation import Perturbation, apply
from raycre.creme.shuffle import dinucleotide_shuffle, seed_of
from raycre.creme.tiles import Interval
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_window


class Window(NamedTuple):
    """A gene's input: its name in seeds as a run has it, uint8 (L,) bases, and the TSS tile in it."""

    key: str
    bases: NDArray[np.uint8]
    tss_tile: Interval


def read_gene_window(genome: Fasta, row: Mapping[Any, Any], seq_len: int) -> Window:
    """Read the window of the gene of a tile.

    Args:
        genome: of the run.
        row: a tile: gene_id, chrom, tss, strand, offset_start, distance.
        seq_len: bp of the model's input.
    """
    bases = read_window(genome, str(row["chrom"]), int(row["tss"]), str(row["strand"]), seq_len)
    start = int(row["offset_start"]) - int(row["distance"])
    key = f"{row['gene_id']}@{row['chrom']}:{row['tss']}{row['strand']}"
    return Window(key, bases, (start, 2 * (seq_len // 2) - start))


@dataclass
class Embedding:
    """Predicts sequences of one model on one track.

    Attributes:
        model, device: as `Compared.model` gives them.
        track: row of the track table.
        backgrounds: shuffles of the whole input; the same for whatever is embedded.
        seed: of the shuffles.
    """

    model: Any
    device: Any
    track: int
    backgrounds: int
    seed: int

    def sequences(self, window: Window, kept: Sequence[Interval]) -> list[NDArray[np.uint8]]:
        """Return the window with nothing of its own but `kept`, in each background."""
        shuffled = _shuffled(self.seed, window.key, window.bases.tobytes(), self.backgrounds)

        def source(gene: str, start: int, end: int, k: int, owner: Interval | None) -> NDArray[np.uint8]:
            return shuffled[k]

        edits = [Perturbation(background=(None, k), kept=tuple(kept)) for k in range(self.backgrounds)]
        return [apply(window.bases, edit, window.key, self.seed, source) for edit in edits]

    def activity(self, window: Window, kept: Sequence[Interval]) -> float:
        """Return the mean TSS activity over backgrounds with `kept` embedded."""
        bins = self.model.tss_bins
        return float(np.mean([self.read(s, bins).mean() for s in self.sequences(window, kept)]))

    def read(self, bases: NDArray[np.uint8], bins: Sequence[int]) -> NDArray[np.float64]:
        """Return the prediction of one sequence: float64 (bins,)."""
        import torch

        with torch.inference_mode():
            sequence = torch.from_numpy(bases[None]).to(self.device)
            found = self.model.read(sequence, list(bins), [self.track])
        values: NDArray[np.float64] = found[0, :, 0].cpu().numpy().astype(np.float64)
        return values


@lru_cache(maxsize=2)
def _shuffled(seed: int, key: str, bases: bytes, n: int) -> list[NDArray[np.uint8]]:
    """The gene's own backgrounds, those of a run of this seed."""
    wild = np.frombuffer(bases, dtype=np.uint8)
    return [dinucleotide_shuffle(wild, seed_of(seed, key, 0, len(wild), k)) for k in range(n)]


def runs_of(positions: NDArray[np.int64]) -> list[Interval]:
    """Return ascending positions as half-open intervals of neighbours."""
    if not len(positions):
        return []
    breaks = np.flatnonzero(np.diff(positions) > 1)
    starts, ends = np.append(0, breaks + 1), np.append(breaks, len(positions) - 1)
    return [(int(positions[a]), int(positions[b]) + 1) for a, b in zip(starts, ends, strict=True)]


def genes_of(table: pd.DataFrame) -> Iterable[pd.DataFrame]:
    """Yield the tiles of each gene, in the order of the run."""
    return (mine for _, mine in table.groupby(["gene_id", "chrom", "tss", "strand"], sort=False))
