"""What a CREME run is about, decided before any of it is done: genes, tracks, settings of the tests.

Reads the annotation, the model and what a run folder says of itself; writes nothing and starts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

from raycre.backbones.contract import Backbone
from raycre.backbones.replicates import Replicates
from raycre.backbones.tracks import select_tracks
from raycre.backbones.views import views_of
from raycre.config import PerturbConfig
from raycre.config.perturb import TopGenes
from raycre.creme import NEEDS, TESTS
from raycre.creme.settings import PRESET_OF, PRESETS, Preset, Settings
from raycre.creme.tiles import Interval, context_tiles
from raycre.errors import ConfigError, GeneError, RunMismatchError
from raycre.genome.fasta import Fasta
from raycre.genome.genes import (
    candidate_tss,
    check_windows,
    read_genes,
    read_tss_table,
    select_genes,
)
from raycre.genome.name_list import read_names
from raycre.genome.sequence import N_CODE
from raycre.store.files import read_json
from raycre.store.old_run import is_record
from raycre.workflows.perturb.notes import (
    PAPER_N,
    notes_of_contexts,
    notes_of_genes,
    notes_of_n,
    notes_of_refused,
    notes_of_tracks,
    with_tiles,
)
from raycre.workflows.reading import check_views, load, n_apart

AUTO_TILES_PER_TASK = 4
SHOWN = 5  # tracks named of many
TILED = set(TESTS) - {"activity", "context", "swap"}  # tests of other tiles than that of the TSS
GENE_COLUMNS = [
    "gene_id",
    "gene_name",
    "gene_type",
    "transcript_id",
    "chrom",
    "start",
    "end",
    "strand",
    "tss",
]


@dataclass(frozen=True)
class Study:
    """All that is decided before any work starts.

    Attributes:
        tests: names, each once.
        settings: of the tests, for every gene.
        tracks: rows of the model's track table that are asked for.
        kept: rows of that table that passes keep; `tracks` are among them.
        track_table: rows `tracks`, described.
        genes: kept genes, one row a TSS; all that may be among the most active where the run asks for those.
        refused: genes whose window cannot be taken, with the reason.
        passes_per_unit: forward passes that make one unit of work.
        model_label: name in every output; ends in -RANDOM-WEIGHTS where the weights are not trained.
        weights_sha256: hash of the weights.
        n_value: what N is in each channel of the model's input.
        notes: what a person should know of the choice, a line each.
    """

    tests: tuple[str, ...]
    settings: Settings
    tracks: tuple[int, ...]
    kept: tuple[int, ...]
    track_table: pd.DataFrame
    genes: pd.DataFrame
    refused: pd.DataFrame
    passes_per_unit: int
    model_label: str
    weights_sha256: str
    n_value: float = PAPER_N
    notes: tuple[str, ...] = ()

    @property
    def metadata(self) -> dict[str, str]:
        """Key-value metadata for Parquet files: which model it was, and so whether it is trained."""
        apart = {"replicates": str(self.settings.replicates)} if self.settings.replicates > 1 else {}
        return {"model": self.model_label, "weights_sha256": self.weights_sha256, **apart}


def plan_creme(config: PerturbConfig) -> tuple[Study, Backbone]:
    """Read genes and model; write nothing.

    Returns:
        The study, and the model as `load` gives it.

    Raises:
        InputError: anything in the configuration or its files that cannot be.
    """
    fasta = Fasta(config.inputs.fasta)
    table = _read_annotation(config)
    chosen = _choose(config, table)
    model = load(config.model)
    check_views(model, views_of(config.model.shifts, config.model.reverse_complement))
    tracks = tuple(select_tracks(model.tracks, _query(config)))
    max_n, n_value = config.max_n(model.seq_len), spelling_of_n(model)
    genes, refused = check_windows(chosen, fasta, model.seq_len, max_n=max_n)
    if genes.empty:
        first = refused.iloc[0]
        raise GeneError(
            f"no gene is left: {len(refused)} refused, {first.gene_name} because {first.reason}; "
            "choose other genes or a FASTA that holds their windows",
            path=config.inputs.fasta,
        )
    if isinstance(model, Replicates):
        rule = config.creme.replicates or preset_of(config).replicates
        model.apart = rule == "mean_of_ratios"
    settings = _settings(config, model.seq_len, n_apart(model))
    genes = genes[GENE_COLUMNS].reset_index(drop=True)
    notes = [
        *filter(None, [fasta.note]),
        *notes_of_refused(chosen, genes, refused, config),
        *notes_of_genes(table, genes, config),
        *notes_of_tracks(model.tracks, tracks),
        *notes_of_contexts(settings, preset_of(config).n_shuffles["context"]),
    ]
    if isinstance(config.creme.tiles, Path):
        genes, note = with_tiles(genes, config.creme.tiles, fasta, settings)
        notes.append(note)
    if max_n:
        notes += notes_of_n(genes, fasta, settings, n_value)
    study = Study(
        tests=config.test_names,
        settings=settings,
        tracks=tracks,
        kept=_kept(config, model.tracks, tracks),
        track_table=model.tracks.iloc[list(tracks)].reset_index(drop=True),
        genes=genes,
        refused=refused,
        passes_per_unit=_passes_per_unit(config, settings),
        model_label=model.name if model.trained else f"{model.name}-RANDOM-WEIGHTS",
        weights_sha256=model.weights_sha256,
        n_value=n_value,
        notes=tuple(notes),
    )
    return study, model


def spelling_of_n(model: Backbone) -> float:
    """Return what N is in each channel of the model's input."""
    n = torch.full((1, 1), N_CODE, dtype=torch.uint8, device=next(model.buffers(), torch.empty(0)).device)
    return float(model.one_hot(n).mean())


def preset_of(config: PerturbConfig) -> Preset:
    """Return what the paper ran with the run's backbone."""
    return PRESETS[PRESET_OF.get(config.model.backbone, "enformer")]


def with_kept_of(out: Path, study: Study) -> Study:
    """Keep of every pass what the run folder `out` keeps already, where that is enough.

    Raises:
        RunMismatchError: its passes lack a track that the study needs.
    """
    path = out / "run.json"
    record = read_json(path) if path.is_file() else None
    before = record["identity"] if record is not None and is_record(record) else {}
    same = (before.get("model"), before.get("weights_sha256")) == (study.model_label, study.weights_sha256)
    if not same or "kept_tracks" not in before:
        return study  # `open_run` says what differs
    kept = tuple(before["kept_tracks"])
    lacking = sorted(set(study.kept) - set(kept))
    if lacking:
        named = ", ".join(map(str, lacking[:SHOWN])) + (", …" if len(lacking) > SHOWN else "")
        raise RunMismatchError(
            f"the passes of this folder keep {len(kept):,} tracks and lack {named}: ask for tracks "
            "that they keep, or give the run another run.out (keep: assay or keep: all there lets further "
            "tracks be asked for later without a pass)",
            path=out,
        )
    return replace(study, kept=kept)


def _read_annotation(config: PerturbConfig) -> pd.DataFrame:
    inputs = config.inputs
    if inputs.gtf is not None:
        return read_genes(inputs.gtf)
    assert inputs.tss_table is not None  # the configuration has one of the two
    return read_tss_table(inputs.tss_table)


def _choose(config: PerturbConfig, table: pd.DataFrame) -> pd.DataFrame:
    """Take the genes asked for, or every TSS that may be among the most active."""
    genes, compat = config.inputs.genes, config.creme.compat
    if isinstance(genes, TopGenes):
        return candidate_tss(table, compat=compat)
    names = list(genes) if isinstance(genes, tuple) else read_names(genes)
    if not names:
        raise GeneError(
            "no gene is named; one name or id a line", path=genes if not isinstance(genes, tuple) else None
        )
    return select_genes(table, names, tss=config.inputs.tss, compat=compat)


def _query(config: PerturbConfig) -> str | list[int | str]:
    return config.tracks if isinstance(config.tracks, str) else list(config.tracks)


def _kept(config: PerturbConfig, table: pd.DataFrame, tracks: Sequence[int]) -> tuple[int, ...]:
    if config.keep == "queried":
        return tuple(tracks)
    if config.keep == "all":
        return tuple(range(len(table)))
    alike = table["assay"].isin(table["assay"].iloc[list(tracks)].dropna())
    return tuple(sorted({*tracks, *table.index[alike].tolist()}))


def _settings(config: PerturbConfig, seq_len: int, replicates: int = 1) -> Settings:
    creme, tests, preset = config.creme, config.test_names, preset_of(config)
    if not tests or creme.tiles == ():
        raise ConfigError("tests and creme.tiles must each name at least one")
    needed = dict.fromkeys([*tests, *(more for test in tests for more in NEEDS.get(test, ()))])
    every = context_tiles(seq_len, creme.tile_size, creme.compat)
    grid: tuple[Interval, ...] = tuple((int(start), int(end)) for start, end in every)
    tiles = grid
    if not grid and set(tests) & TILED:
        raise ConfigError(
            f"beside a TSS tile of {creme.tile_size:,} bp no other fits an input of {seq_len:,} bp; "
            "set a smaller creme.tile_size",
            value=creme.tile_size,
        )
    if isinstance(creme.tiles, tuple):
        by_start = {start: (start, end) for start, end in grid}
        for start in creme.tiles:
            if start not in by_start:
                raise ConfigError(
                    f"creme.tiles: no tile starts there; they start at {', '.join(map(str, by_start))}",
                    value=start,
                )
        tiles = tuple(by_start[start] for start in creme.tiles)
    shuffles = dict(preset.n_shuffles) | {str(test): n for test, n in creme.n_shuffles.items()}
    return Settings(
        seq_len=seq_len,
        tile_size=creme.tile_size,
        tiles=tiles,
        n_shuffles={t: n for t, n in shuffles.items() if t in needed},
        places=None if creme.tiles == "all" else grid,
        compat=creme.compat,
        thresholds=creme.thresholds or preset.thresholds,
        replicates=replicates,
        elements=creme.elements,
        rounds=creme.rounds,
        searches=creme.searches,
        copies=creme.copies,
        fine=creme.fine,
    )


def _passes_per_unit(config: PerturbConfig, settings: Settings) -> int:
    tiles = config.resources.tiles_per_task
    shuffles = [n for test, n in settings.n_shuffles.items() if test != "context"]
    return (AUTO_TILES_PER_TASK if tiles == "auto" else tiles) * max(shuffles, default=10)
