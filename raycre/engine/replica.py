"""One copy of a backbone and the forward passes it is asked for. It does not know that Ray placed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.backbones.incremental import CACHE_BYTES
from raycre.config import BackboneConfig
from raycre.creme.edits import Pass, base_of, build, seeded_source
from raycre.creme.library import load_seqpro
from raycre.creme.plan import passes
from raycre.creme.settings import Settings
from raycre.engine.devices import prepare
from raycre.engine.reading import Reader, open_reader
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
        cache_bytes: activations that one replica keeps.
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
    cache_bytes: int = CACHE_BYTES


class Replica:
    """Holds one model; `work` turns one unit (a gene's chunk of passes) into one part file."""

    def __init__(self, order: Order) -> None:
        load_seqpro()  # it resets torch's threads when it is loaded, so it must come before they are set
        device = prepare(order.threads, order.gpus, tf32=order.model.dtype == "tf32")
        self.order = order
        self.reader: Reader = open_reader(order.model, order.tracks, order.cache_bytes, device)
        self.model = self.reader.model
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

        @lru_cache(maxsize=2)
        def base_codes(base: Pass) -> NDArray[np.uint8]:
            return build(wild_type, base, key, order.seed, source)

        values = []
        for p in chosen:
            base = base_of(p, order.settings.tss_tile)
            same = base_codes(base)
            codes = same if p == base else build(wild_type, p, key, order.seed, source)
            values.append(self.reader.edited(codes, f"{key} {base.key}", same))
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
