"""What a CREME run is about, decided before any of it is done: genes, tracks, settings of the tests.

Reads the annotation and the model; writes nothing and starts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from raycre.backbones.contract import Backbone
from raycre.backbones.tracks import opposite_strands, select_tracks
from raycre.backbones.views import views_of
from raycre.config import PerturbConfig
from raycre.config.perturb import TopGenes
from raycre.creme import NEEDS
from raycre.creme.bed_tiles import read_tile_bed, tiles_from_bed
from raycre.creme.settings import PAPER_SHUFFLES, Settings
from raycre.creme.tiles import Interval, context_tiles
from raycre.engine.reading import check_views, load
from raycre.errors import ConfigError, GeneError
from raycre.genome.fasta import Fasta
from raycre.genome.genes import (
    candidate_tss,
    check_windows,
    far_apart,
    read_genes,
    read_tss_table,
    select_genes,
)
from raycre.genome.textfile import read_text

AUTO_TILES_PER_TASK = 4
THRESHOLDS_OF = {"borzoi": "borzoi", "flashzoi": "borzoi"}  # of effects.THRESHOLDS; every other: Enformer's
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
    notes: tuple[str, ...] = ()

    @property
    def metadata(self) -> dict[str, str]:
        """Key-value metadata for Parquet files: which model it was, and so whether it is trained."""
        return {"model": self.model_label, "weights_sha256": self.weights_sha256}


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
    genes, refused = check_windows(chosen, fasta, model.seq_len, max_n=config.inputs.max_n)
    if genes.empty:
        first = refused.iloc[0]
        raise GeneError(
            f"no gene is left: {len(refused)} refused, {first.gene_name} because {first.reason}; "
            "choose other genes or a FASTA that holds their windows",
            path=config.inputs.fasta,
        )
    settings = _settings(config, model.seq_len)
    genes = genes[GENE_COLUMNS].reset_index(drop=True)
    notes = [*_notes_of_genes(table, genes, config), *_notes_of_tracks(model.tracks, tracks)]
    if isinstance(config.creme.tiles, Path):
        genes, note = _with_tiles(genes, config.creme.tiles, fasta, settings)
        notes.append(note)
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
        notes=tuple(notes),
    )
    return study, model


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
    # Bytes that are no text become a name that no gene has, and the error shows it.
    names = list(genes) if isinstance(genes, tuple) else read_text(genes).decode(errors="replace").split()
    if not names:
        raise GeneError(
            "no gene is named; one name or id a line", path=genes if not isinstance(genes, tuple) else None
        )
    return select_genes(table, names, tss=config.inputs.tss, compat=compat)


def _notes_of_genes(table: pd.DataFrame, genes: pd.DataFrame, config: PerturbConfig) -> list[str]:
    if isinstance(config.inputs.genes, TopGenes) or config.inputs.tss == "all":
        return []
    wide = far_apart(table, genes, config.creme.tile_size // 2)
    if wide.empty:
        return []
    first = wide.iloc[0]
    return [
        f"{len(wide):,} of {len(genes):,} genes have TSSs that the TSS tile does not hold together "
        f"({first.gene_name}: {first.n_tss} over {first.spread:,} bp); the {config.inputs.tss} one is taken"
    ]


def _notes_of_tracks(table: pd.DataFrame, tracks: Sequence[int]) -> list[str]:
    pairs = opposite_strands(table, tracks)
    return [f"tracks {a} and {b} are the two strands of one measurement" for a, b in pairs[:3]]


def _with_tiles(
    genes: pd.DataFrame, path: Path, fasta: Fasta, settings: Settings
) -> tuple[pd.DataFrame, str]:
    """Give every gene the intervals of a BED in its window as its tiles."""
    regions = read_tile_bed(path, fasta.sizes)
    size = (settings.seq_len, settings.tile_size)
    places = zip(genes["chrom"], genes["tss"].tolist(), genes["strand"], strict=True)
    found = [tiles_from_bed(regions, *place, *size) for place in places]
    n_tiles, bare = sum(len(f.tiles) for f in found), sum(not f.tiles for f in found)
    note = (
        f"tiles of {path.name}: {n_tiles:,} in {len(genes):,} windows ({bare:,} without any); left out "
        f"{sum(f.n_past_window for f in found):,} partly outside, {sum(f.n_over_tss for f in found):,} over "
        f"the TSS tile, {sum(f.n_repeated for f in found):,} repeated"
    )
    return genes.assign(tiles=pd.Series([f.tiles for f in found], dtype=object)), note


def _query(config: PerturbConfig) -> str | list[int | str]:
    return config.tracks if isinstance(config.tracks, str) else list(config.tracks)


def _kept(config: PerturbConfig, table: pd.DataFrame, tracks: Sequence[int]) -> tuple[int, ...]:
    if config.keep == "queried":
        return tuple(tracks)
    if config.keep == "all":
        return tuple(range(len(table)))
    alike = table["assay"].isin(table["assay"].iloc[list(tracks)].dropna())
    return tuple(sorted({*tracks, *table.index[alike].tolist()}))


def _settings(config: PerturbConfig, seq_len: int) -> Settings:
    creme, tests = config.creme, config.test_names
    if not tests or creme.tiles == ():
        raise ConfigError("tests and creme.tiles must each name at least one")
    needed = dict.fromkeys([*tests, *(more for test in tests for more in NEEDS.get(test, ()))])
    every = context_tiles(seq_len, creme.tile_size, creme.compat)
    tiles: list[Interval] = [(int(start), int(end)) for start, end in every]
    if isinstance(creme.tiles, tuple):
        by_start = {start: (start, end) for start, end in tiles}
        for start in creme.tiles:
            if start not in by_start:
                raise ConfigError(
                    f"creme.tiles: no tile starts there; they start at {', '.join(map(str, by_start))}",
                    value=start,
                )
        tiles = [by_start[start] for start in creme.tiles]
    return Settings(
        seq_len=seq_len,
        tile_size=creme.tile_size,
        tiles=tuple(tiles),
        n_shuffles={t: n for t, n in (PAPER_SHUFFLES | dict(creme.n_shuffles)).items() if t in needed},
        compat=creme.compat,
        thresholds=creme.thresholds or THRESHOLDS_OF.get(config.model.backbone, "enformer"),
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
