"""One copy of a backbone and the forward passes it is asked for. It does not know that Ray placed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from raycre.backbones.contract import Backbone
from raycre.backbones.registry import load_backbone
from raycre.config import BackboneConfig
from raycre.creme.edits import build, seeded_source
from raycre.creme.library import load_seqpro
from raycre.creme.plan import passes
from raycre.creme.settings import Settings
from raycre.engine.devices import prepare
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_window
from raycre.store.ledger import Ledger, Outcome
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import PASSES


@dataclass(frozen=True)
class Order:
    """What every replica of a run must know; small enough to travel.

    Attributes:
        model: which backbone and weights.
        fasta: path of the genome.
        tests: names of the tests; with `settings` they give every gene's forward passes, in the plan's order.
        settings: of the tests.
        tracks: rows of the track table to read.
        seed: the run's seed.
        ledger: where parts go.
        metadata: key-value metadata of the parts.
        threads: torch threads of one replica; part of what "the same machine kind" means.
        gpus: GPUs of one replica, or its share of one; 0 for the CPU.
    """

    model: BackboneConfig
    fasta: Path
    tests: tuple[str, ...]
    settings: Settings
    tracks: tuple[int, ...]
    seed: int
    ledger: Ledger
    metadata: Mapping[str, str]
    threads: int
    gpus: float = 0


def load(model: BackboneConfig) -> Backbone:
    """Load the configured backbone, ready to predict."""
    loaded = load_backbone(
        model.backbone,
        weights=model.weights,
        head=model.head,
        track_table=model.track_table,
        **model.settings(),
    )
    return loaded.eval()


def activity(model: Backbone, codes: NDArray[np.uint8], tracks: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the TSS activity of one sequence: the mean prediction over the TSS bins (CREME, Methods).

    Args:
        model: the backbone.
        codes: uint8 (seq_len,), in the gene's direction.
        tracks: rows of the track table.

    Returns:
        float64 (len(tracks),).
    """
    device = next(chain(model.parameters(), model.buffers())).device
    with torch.inference_mode():
        predicted = model.read(torch.from_numpy(codes)[None].to(device), model.tss_bins, tracks)
    return predicted[0].cpu().double().mean(0).numpy()


class Replica:
    """Holds one model; `work` turns one unit (a gene's chunk of passes) into one part file."""

    def __init__(self, order: Order) -> None:
        load_seqpro()  # it resets torch's threads when it is loaded, so it must come before they are set
        device = prepare(order.threads, order.gpus)
        self.order = order
        self.model = load(order.model).to(device)
        self.fasta = Fasta(order.fasta)
        self.passes = passes(order.tests, order.settings)
        self._window = lru_cache(maxsize=1)(self._read_window)

    def _read_window(self, chrom: str, tss: int, strand: str) -> NDArray[np.uint8]:
        return read_window(self.fasta, chrom, tss, strand, self.model.seq_len)

    def work(self, unit: str, gene: Mapping[str, Any], first: int, last: int) -> Outcome:
        """Do passes `first` to `last` of `gene`; an exception becomes the outcome."""
        return self.order.ledger.run(unit, lambda: self._write(unit, gene, first, last))

    def _write(self, unit: str, gene: Mapping[str, Any], first: int, last: int) -> None:
        order = self.order
        wild_type = self._window(gene["chrom"], gene["tss"], gene["strand"])
        chosen = self.passes[first:last]
        # A background serves one pass after another: drawn once, as building copies it.
        source = lru_cache(maxsize=2)(seeded_source(wild_type, order.seed))
        key = gene_key(gene)
        values = [
            activity(self.model, build(wild_type, p, key, order.seed, source), order.tracks) for p in chosen
        ]
        n = len(order.tracks)
        rows = pd.DataFrame(
            {
                "gene_id": gene["gene_id"],
                "tss": gene["tss"],
                "pass": np.repeat([p.key for p in chosen], n),
                "track_id": np.tile(order.tracks, len(chosen)),
                "activity": np.concatenate(values),
            }
        )
        write_table(order.ledger.part(unit), as_table(rows, PASSES, order.metadata))


def gene_key(gene: Mapping[str, Any]) -> str:
    """Identity of a gene's window for seeds: its id and TSS, so that two TSSs draw different shuffles."""
    return f"{gene['gene_id']}@{gene['chrom']}:{gene['tss']}{gene['strand']}"
