"""One copy of a backbone, and the forward passes that it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from traceback import format_exc
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycre.backbones.incremental import CACHE_BYTES
from raycre.backbones.loading import load
from raycre.backbones.reader import Reader, open_reader
from raycre.backbones.replicates import Replicates
from raycre.backbones.shared_model import SharedModel, restore
from raycre.backbones.spec import BackboneSpec
from raycre.creme.activities import activities
from raycre.creme.perturbation import Perturbation, apply, lineage, reference_of, seeded_source
from raycre.creme.plan import complete, passes
from raycre.creme.settings import Settings
from raycre.errors import ChangedInputError, RaycreError
from raycre.events import FORWARD, emit
from raycre.genome.fasta import Fasta
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.genome.genes import read_window
from raycre.packages import take_over
from raycre.store.ledger import Ledger, Outcome
from raycre.store.passes import PassStore, StoredPredictions, read_part, remove_folder
from raycre.workflows.devices import prepare
from raycre.workflows.perturb.effects import EffectsSpec, read_activity
from raycre.workflows.perturb.peaks import write_peaks
from raycre.workflows.perturb.units import Stage, Unit, gene_folder, gene_key

CHUNK = 64  # passes of an adaptive search that are written together: what one that is killed can lose


@dataclass(frozen=True)
class ReplicaSpec:
    """What every replica of a run must know; small enough to travel.

    Attributes:
        backbone: that predicts, and its weights.
        fasta: path of the genome.
        tracks: rows of the track table that the tests read.
        stored: rows of the track table that parts hold; `tracks` are among them.
        seed: the run's seed.
        ledger: where parts go.
        metadata: key-value metadata of the parts.
        threads: torch threads of one replica; part of what "the same machine kind" means.
        gpus: GPUs of one replica, or its share of one; 0 for the CPU.
        cache_bytes: activations that one replica keeps.
        replicates: members of the model that are predicted each by itself; 1: their mean, or no ensemble.
        fingerprints: of the genome.
        handed: objects that the driver was given where others have names (`packages.handed_over`).
    """

    backbone: BackboneSpec
    fasta: Path
    tracks: tuple[int, ...]
    stored: tuple[int, ...]
    seed: int
    ledger: Ledger
    metadata: Mapping[str, str]
    threads: int
    gpus: float = 0
    cache_bytes: int = CACHE_BYTES
    replicates: int = 1
    fingerprints: tuple[Fingerprint, ...] = ()
    handed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def store(self) -> PassStore:
        """What is known of each gene."""
        return PassStore(self.ledger.out / self.ledger.parts, self.stored)


class Replica:
    """Holds one model; `work` turns one unit into one part file.

    Args:
        spec: of the run.
        fetch: gets the run's model from where it lies on this node; None comes back, as without `fetch`, for
            a model that the replica must load by itself.
    """

    def __init__(self, spec: ReplicaSpec, fetch: Callable[[], SharedModel | None] | None = None) -> None:
        spec.ledger.join()
        take_over(spec.handed)
        device = prepare(spec.threads, spec.gpus, tf32=spec.backbone.dtype == "tf32")
        self._device = device.type
        self.spec, self.store = spec, spec.store
        shared = fetch() if fetch is not None else None
        loaded = load(spec.backbone) if shared is None else restore(shared)
        if isinstance(loaded, Replicates):
            loaded.apart = spec.replicates > 1
        if loaded.weights_sha256 != spec.metadata.get("weights_sha256", loaded.weights_sha256):
            raise ChangedInputError(
                "the weights were replaced after the run had begun; start the run again with --fresh",
                path=str(spec.backbone.weights),
            )
        self.reader: Reader = open_reader(loaded, spec.backbone, spec.stored, spec.cache_bytes, device)
        self.model = self.reader.model
        self.fasta = Fasta(spec.fasta)
        self._asked = [spec.stored.index(track) for track in spec.tracks]  # columns of a prediction
        self._window = lru_cache(maxsize=16)(self._read_window)
        self._listed: tuple[tuple[tuple[str, ...], Settings], list[Perturbation]] | None = None

    def work(self, unit: Unit, stage: Stage) -> Outcome:
        """Do a unit; an exception becomes the outcome."""
        do = self._write_passes if unit.passes is not None else self._write_search
        return self.spec.ledger.run(unit.name, lambda: do(unit, stage))

    def peaks(self, unit: Unit, stage: Stage) -> Outcome:
        """Find where the wild type of a unit's gene peaks; an exception becomes the outcome."""
        return self.spec.ledger.run(unit.name, lambda: self._write_peaks(unit))

    def _write_peaks(self, unit: Unit) -> None:
        spec, gene = self.spec, unit.gene
        every = range(self.model.n_bins)
        reader = Reader(self.model, spec.stored, incremental=False, views=self.reader.views, bins=every)
        apart = reader.whole(self._window(gene["chrom"], gene["tss"], gene["strand"]))
        profile = apart.reshape(reader.n_apart, self.model.n_bins, -1).mean(axis=0)
        path = spec.ledger.part(unit.name)
        write_peaks(path, gene, profile, self.model.tss_bins, spec.stored, spec.metadata)

    def effects(self, gene: Mapping[str, Any], spec: EffectsSpec) -> Outcome:
        """Write the effects of a gene; it needs no model, only a process that is there."""
        try:
            spec.write(gene)
            return Outcome(gene_folder(gene), 1)
        except Exception as error:
            return Outcome(gene_folder(gene), 1, f"{type(error).__name__}: {error}", format_exc())

    def _write_passes(self, unit: Unit, stage: Stage) -> None:
        assert unit.passes is not None
        settings = stage.settings_of(unit.gene)
        asked = (stage.tests, settings)
        if self._listed is None or self._listed[0] != asked:
            self._listed = asked, passes(stage.tests, settings)
        chosen = [self._listed[1][i] for i in unit.passes]
        self._write(self.spec.ledger.part(unit.name), unit.gene, self._predict(unit.gene, chosen, stage))

    def _write_search(self, unit: Unit, stage: Stage) -> None:
        """Ask the tests what they need, until they need no more; what is done is kept in pieces meanwhile."""
        settings = replace(stage.settings_of(unit.gene), searches=unit.searches)
        part = self.spec.ledger.part(unit.name)
        pieces = part.with_suffix("")
        mine: StoredPredictions = {}
        for piece in sorted(pieces.glob("piece-*.parquet")):
            mine |= read_part(piece, self.spec.stored)
        n = self.spec.replicates
        known = read_activity(self.store, unit.gene, self.spec.tracks, n)
        known |= activities({key: values[:, self._asked] for key, values in mine.items()}, n)

        def predict(needed: Sequence[Perturbation]) -> dict[str, NDArray[np.float64]]:
            for i in range(0, len(needed), CHUNK):
                predicted = self._predict(unit.gene, needed[i : i + CHUNK], stage)
                if part.is_file():  # another replica, which was given the search as well, has done it
                    raise RaycreError("done elsewhere")
                self._write(pieces / f"piece-{len(mine):08d}.parquet", unit.gene, predicted)
                self.spec.ledger.progressed(unit.name)
                mine.update(predicted)
            return activities({p.key: mine[p.key][:, self._asked] for p in needed}, n)

        complete(unit.tests, settings, predict, known)
        # In an order of their own: it must not show where a search was interrupted.
        self._write(part, unit.gene, {key: mine[key] for key in sorted(mine)})
        remove_folder(pieces)

    def _write(self, path: Path, gene: Mapping[str, Any], predicted: StoredPredictions) -> None:
        check_unchanged(self.spec.fingerprints)
        self.store.write(path, gene["gene_id"], gene["tss"], predicted, self.spec.metadata)

    def _predict(
        self, gene: Mapping[str, Any], chosen: Sequence[Perturbation], stage: Stage
    ) -> StoredPredictions:
        """Predict passes of one gene: float32 (bins, stored tracks) each, by key."""
        spec, key = self.spec, gene_key(gene)
        wild_type = self._window(gene["chrom"], gene["tss"], gene["strand"])
        # A background serves one pass after another: drawn once, as building copies it.
        source = lru_cache(maxsize=2)(seeded_source(wild_type, spec.seed, stage.settings.compat))

        def sequence(p: Perturbation) -> NDArray[np.uint8]:
            return apply(
                wild_type, p, key, spec.seed, source, lambda other: self._window(*stage.partners[other][:3])
            )

        reference_codes = lru_cache(maxsize=4)(sequence)

        @lru_cache(maxsize=4)
        def lineage_of(reference: Perturbation) -> list[tuple[str, Any]]:
            references = lineage(reference, stage.settings.tss_tile)
            return [(f"{key} {b.key}", lambda b=b: reference_codes(b)) for b in references]

        predicted, began = {}, time.perf_counter()
        for p in chosen:
            reference = reference_of(p, stage.settings.tss_tile)
            codes = reference_codes(p) if p == reference else sequence(p)
            predicted[p.key] = self._checked(p, self.reader.edited(codes, lineage_of(reference)))
        n = len(chosen) * len(self.reader.views)
        emit(
            FORWARD, passes=n, bases=n * self.model.seq_len, seconds=time.perf_counter() - began,
            device=self._device,
        )  # fmt: skip
        return predicted

    def _checked(self, p: Perturbation, predicted: NDArray[np.float32]) -> NDArray[np.float32]:
        # Here, where it costs the gene: a part that held it would stop whoever reads the run.
        asked = predicted[:, self._asked]
        if np.isfinite(asked).all():
            return predicted
        raise RaycreError(
            f"the model's TSS activity is {asked.tolist()} for pass {p.key}; check the weights, and the "
            "dtype for overflow"
        )

    def _read_window(self, chrom: str, tss: int, strand: str) -> NDArray[np.uint8]:
        return read_window(self.fasta, chrom, tss, strand, self.model.seq_len)
