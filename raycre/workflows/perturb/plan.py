"""What a CREME run is about, decided before any of it is done: genes, tracks, settings of the tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from raycre import __version__
from raycre.backbones.spec import BackboneSpec
from raycre.creme.settings import Settings
from raycre.creme.shuffle import UNNAMED
from raycre.engine.resources import Share
from raycre.errors import RunMismatchError
from raycre.store.files import read_json
from raycre.store.old_run import RECORD, is_record
from raycre.store.passes import PassStore

_SHOWN = 5  # tracks named of many
PAPER_N = 0.25  # of N in every channel; Methods, "Transcription start site selection"


@dataclass(frozen=True)
class CremePlan:
    """All that is decided before any work starts; what runs later needs no configuration.

    Attributes:
        run_name: of the run, written into every row.
        out: the run folder.
        seed: the run's.
        fasta: the genome.
        tests: names, each once.
        settings: of the tests, for every gene.
        pipeline: the context test comes first, and its classes give the genes of all others.
        per_class: genes of a class and track that go on in a pipeline.
        top: number of the most active genes of each track that the run is about; None where genes are named.
        only_at_peak: genes are dropped on tracks where their wild type does not peak at the TSS.
        backbone: that predicts, its files by whole paths.
        tracks: rows of the model's track table that are asked for.
        stored_tracks: rows of that table of which predictions are stored; `tracks` are among them.
        track_table: rows `tracks`, described.
        genes: one row a TSS; all that may be among the most active where the run asks for those.
        refused: genes whose window cannot be taken, with the reason.
        passes_per_unit: forward passes that make one unit of work.
        share: replicas of the model, and what each takes.
        cache_bytes: activations that a replica keeps.
        model_label: name in every output; ends in -RANDOM-WEIGHTS where the weights are not trained.
        weights_sha256: hash of the weights.
        n_value: what N is in each channel of the model's input.
        notes: what a person should know of the choice, a line each.
    """

    run_name: str
    out: Path
    seed: int
    fasta: Path
    tests: tuple[str, ...]
    settings: Settings
    pipeline: bool
    per_class: int
    top: int | None
    only_at_peak: bool
    backbone: BackboneSpec
    tracks: tuple[int, ...]
    stored_tracks: tuple[int, ...]
    track_table: pd.DataFrame
    genes: pd.DataFrame
    refused: pd.DataFrame
    passes_per_unit: int
    share: Share
    cache_bytes: int
    model_label: str
    weights_sha256: str
    n_value: float = PAPER_N
    notes: tuple[str, ...] = ()

    @property
    def metadata(self) -> dict[str, str]:
        """Key-value metadata for Parquet files: which model it was, and so whether it is trained."""
        apart = {"replicates": str(self.settings.replicates)} if self.settings.replicates > 1 else {}
        return {"model": self.model_label, "weights_sha256": self.weights_sha256, **apart}

    @property
    def trained(self) -> bool:
        """Whether the weights are a trained model's."""
        return "RANDOM" not in self.model_label

    @property
    def passes(self) -> str:
        """The folder of the model's passes, in the run folder."""
        return f"passes/model={self.model_label}"

    @property
    def store(self) -> PassStore:
        """What is known of each gene."""
        return PassStore(self.out / self.passes, self.stored_tracks)


def check_shuffle(out: Path, shuffle: str | None) -> None:
    """Refuse to add to passes whose shuffles were drawn in another way.

    Args:
        out: the run folder; it may hold no run yet.
        shuffle: how this run draws them; None where the identity names no way.

    Raises:
        RunMismatchError: with the version that can go on.
    """
    record = _record_of(out)
    before = {} if record is None else record["identity"]
    drawn = before.get("shuffle", UNNAMED)
    if shuffle in (None, drawn) or (before.get("verb"), before.get("compat")) != ("creme", "fixed"):
        return  # of anything else that differs `open_run` says so
    version = record["versions"]["raycre"] if record else ""
    raise RunMismatchError(
        f"the shuffles of this folder were drawn by {drawn} (raycre {version}), and raycre {__version__} "
        f"draws others ({shuffle}), which must not be mixed with them: go on with raycre {version}, or give "
        "the run another run.out, or --fresh to throw the old one away; `raycre report` and `raycre compare` "
        "read it as it is",
        path=out,
    )


def with_stored_tracks_of(out: Path, plan: CremePlan) -> CremePlan:
    """Store of every pass what the run folder `out` stores already, where that is enough.

    Raises:
        RunMismatchError: its passes lack a track that the plan needs.
    """
    record = _record_of(out)
    before = {} if record is None else record["identity"]
    same = (before.get("model"), before.get("weights_sha256")) == (plan.model_label, plan.weights_sha256)
    if not same or "kept_tracks" not in before:
        return plan  # `open_run` says what differs
    stored = tuple(before["kept_tracks"])
    lacking = sorted(set(plan.stored_tracks) - set(stored))
    if lacking:
        named = ", ".join(map(str, lacking[:_SHOWN])) + (", …" if len(lacking) > _SHOWN else "")
        raise RunMismatchError(
            f"the passes of this folder keep {len(stored):,} tracks and lack {named}: ask for tracks "
            "that they keep, or give the run another run.out (keep: assay or keep: all there lets further "
            "tracks be asked for later without a pass)",
            path=out,
        )
    return replace(plan, stored_tracks=stored)


def _record_of(out: Path) -> dict[str, Any] | None:
    path = out / RECORD
    record = read_json(path) if path.is_file() else None
    return record if is_record(record) else None
