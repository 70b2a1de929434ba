"""From a configuration to the plan of a CREME run: reads the annotation and the model, writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
import torch

from raycre.backbones.contract import Backbone
from raycre.backbones.loading import load, whole_paths
from raycre.backbones.reader import check_views
from raycre.backbones.registry import find_backbone
from raycre.backbones.replicates import Replicates, n_apart
from raycre.backbones.track_query import select_tracks
from raycre.backbones.views import views_of
from raycre.config import PerturbConfig
from raycre.config.from_dataclass import as_dataclass
from raycre.config.perturb import TopGenes
from raycre.creme.backgrounds import CONTEXT
from raycre.creme.presets import PRESETS, Preset
from raycre.creme.settings import Compat, Settings
from raycre.creme.tests import find_test, in_order, with_needs
from raycre.creme.tiles import Interval, context_tiles
from raycre.engine.resources import Share
from raycre.errors import ConfigError, GeneError
from raycre.genome.fasta import Fasta
from raycre.genome.genes import (
    candidate_tss,
    check_windows,
    read_genes,
    read_tss_table,
    select_genes,
)
from raycre.genome.lifting import Lifting
from raycre.genome.name_list import read_names
from raycre.genome.sequence import N_CODE
from raycre.workflows.memory import memory_of_backbone
from raycre.workflows.perturb.notes import (
    notes_of_contexts,
    notes_of_genes,
    notes_of_n,
    notes_of_refused,
    notes_of_tracks,
    with_tiles,
)
from raycre.workflows.perturb.plan import CremePlan

AUTO_TILES_PER_TASK = 4
_GENE_COLUMNS = [
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


def plan_creme(config: PerturbConfig) -> tuple[CremePlan, Backbone]:
    """Read genes and model, the weights for the only time of a run; write nothing.

    Returns:
        The plan, and the model as `load` gives it.

    Raises:
        InputError: anything in the configuration or its files that cannot be.
    """
    inputs, creme, resources = config.inputs, config.creme, config.resources
    fasta = Fasta(inputs.fasta)
    table = _read_annotation(inputs.gtf, inputs.tss_table)
    top, names = (inputs.genes.top, None) if isinstance(inputs.genes, TopGenes) else (None, inputs.genes)
    chosen = _choose_genes(table, names, inputs.tss, creme.compat)
    preset = preset_of(config.model.backbone)
    spec = config.model.spec()
    model = load(spec)
    check_views(model, views_of(spec.shifts, spec.reverse_complement))
    query = config.tracks if isinstance(config.tracks, str) else list(config.tracks)
    tracks = tuple(select_tracks(model.tracks, query))
    max_n, n_value = config.max_n(model.seq_len), spelling_of_n(model)
    genes, refused = check_windows(chosen, fasta, model.seq_len, max_n=max_n)
    if genes.empty:
        first = refused.iloc[0]
        raise GeneError(
            f"no gene is left: {len(refused)} refused, {first.gene_name} because {first.reason}; "
            "choose other genes or a FASTA that holds their windows",
            path=inputs.fasta,
        )
    if isinstance(model, Replicates):
        model.apart = (creme.replicates or preset.replicates) == "mean_of_ratios"
    settings = settings_of(config, model.seq_len, n_apart(model))
    genes = genes[_GENE_COLUMNS].reset_index(drop=True)
    notes = [
        *filter(None, [fasta.note]),
        *notes_of_refused(chosen, genes, refused, top),
        *(notes_of_genes(table, genes, inputs.tss, creme.tile_size) if top is None else []),
        *notes_of_tracks(model.tracks, tracks),
        *notes_of_contexts(settings, preset.shuffles(CONTEXT)),
    ]
    if isinstance(creme.tiles, Path):
        lifting = Lifting(creme.chain, "creme.chain")
        genes, note = with_tiles(genes, creme.tiles, fasta, settings, lifting)
        notes.append(note)
    if max_n:
        notes += notes_of_n(genes, fasta, settings, n_value)
    plan = CremePlan(
        run_name=config.run.name,
        out=config.run.out.resolve(),
        seed=config.run.seed,
        fasta=inputs.fasta,
        tests=config.test_names,
        settings=settings,
        pipeline=config.tests == "pipeline",
        per_class=creme.per_class,
        top=top,
        only_at_peak=config.drops_off_peak,
        backbone=whole_paths(spec),
        tracks=tracks,
        stored_tracks=_stored_tracks(config.keep, model.tracks, tracks),
        track_table=model.tracks.iloc[list(tracks)].reset_index(drop=True),
        genes=genes,
        refused=refused,
        passes_per_unit=_passes_per_unit(resources.tiles_per_task, settings),
        share=Share(
            **resources.share(
                memory_of_backbone(model, spec, resources.cache_bytes, resources.gpus_per_replica)
            )
        ),
        cache_bytes=resources.cache_bytes,
        model_label=model.name if model.trained else f"{model.name}-RANDOM-WEIGHTS",
        weights_sha256=model.weights_sha256,
        n_value=n_value,
        notes=tuple(notes),
    )
    return plan, model


def spelling_of_n(model: Backbone) -> float:
    """Return what N is in each channel of the model's input."""
    n = torch.full((1, 1), N_CODE, dtype=torch.uint8, device=next(model.buffers(), torch.empty(0)).device)
    return float(model.one_hot(n).mean())


def preset_of(backbone: str) -> Preset:
    """Return what the paper ran with a backbone."""
    return PRESETS[find_backbone(backbone).preset]


def settings_of(config: PerturbConfig, seq_len: int, replicates: int = 1) -> Settings:
    """Return the settings of the tests; what is left open is the backbone's preset.

    Args:
        config: of the run.
        seq_len: of the model, in bp.
        replicates: members of the model that are predicted each by itself.

    Raises:
        ConfigError: no test or tile, a tile that is none, a number of shuffles for a test without any.
    """
    creme, tests, preset = config.creme, config.test_names, preset_of(config.model.backbone)
    if not tests or creme.tiles == ():
        raise ConfigError("tests and creme.tiles must each name at least one")
    every = context_tiles(seq_len, creme.tile_size, creme.compat)
    grid: tuple[Interval, ...] = tuple((int(start), int(end)) for start, end in every)
    tiles = grid
    if not grid and any(find_test(test).tiled for test in tests):
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
    return as_dataclass(
        Settings,
        creme,
        seq_len=seq_len,
        tiles=tiles,
        n_shuffles=_shuffles(with_needs(tests), preset, creme.n_shuffles),
        places=None if creme.tiles == "all" else grid,
        thresholds=creme.thresholds or preset.thresholds,
        replicates=replicates,
    )


def _shuffles(tests: Sequence[str], preset: Preset, given: dict[str, int]) -> dict[str, int]:
    """The shuffles of each test that has any, in the order of all tests."""
    for test in given:
        if find_test(test).shuffles is None:
            raise ConfigError(
                f"the test {test} shuffles nothing; leave creme.n_shuffles.{test} out", value=test
            )
    numbers = {test: given.get(test, preset.shuffles(test)) for test in in_order(tests)}
    return {test: n for test, n in numbers.items() if n is not None}


def _read_annotation(gtf: Path | None, tss_table: Path | None) -> pd.DataFrame:
    if gtf is not None:
        return read_genes(gtf)
    assert tss_table is not None  # the configuration has one of the two
    return read_tss_table(tss_table)


def _choose_genes(
    table: pd.DataFrame,
    names: tuple[str, ...] | Path | None,
    tss: Literal["canonical", "outermost", "all"],
    compat: Compat,
) -> pd.DataFrame:
    """Take the genes asked for; without `names` every TSS that may be among the most active."""
    if names is None:
        return candidate_tss(table, compat=compat)
    wanted = list(names) if isinstance(names, tuple) else read_names(names)
    if not wanted:
        raise GeneError(
            "no gene is named; one name or id a line", path=names if isinstance(names, Path) else None
        )
    return select_genes(table, wanted, tss=tss, compat=compat)


def _stored_tracks(
    keep: Literal["queried", "assay", "all"], table: pd.DataFrame, tracks: Sequence[int]
) -> tuple[int, ...]:
    if keep == "queried":
        return tuple(tracks)
    if keep == "all":
        return tuple(range(len(table)))
    alike = table["assay"].isin(table["assay"].iloc[list(tracks)].dropna())
    return tuple(sorted({*tracks, *table.index[alike].tolist()}))


def _passes_per_unit(tiles_per_task: int | Literal["auto"], settings: Settings) -> int:
    shuffles = [n for test, n in settings.n_shuffles.items() if find_test(test).tiled]
    tiles = AUTO_TILES_PER_TASK if tiles_per_task == "auto" else tiles_per_task
    return tiles * max(shuffles, default=10)
