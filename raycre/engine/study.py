"""What a CREME run will do, decided before any of it is done: genes, tracks, forward passes, units, cost.

Reads the annotation and the model; writes nothing and starts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from raycre.backbones.tracks import select_tracks
from raycre.backbones.views import views_of
from raycre.config import PerturbConfig
from raycre.creme.edits import Pass
from raycre.creme.plan import chunks, n_before, passes
from raycre.creme.settings import PAPER_SHUFFLES, Settings
from raycre.creme.tiles import Interval, context_tiles
from raycre.engine.reading import check_views, load
from raycre.errors import ConfigError, GeneError
from raycre.genome.fasta import Fasta
from raycre.genome.genes import check_windows, read_genes, read_tss_table, select_genes
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
        settings: of the tests.
        passes: distinct forward passes of each gene, in order.
        tracks: rows of the model's track table.
        track_table: those rows, described.
        genes: kept genes, one row a TSS.
        refused: genes whose window cannot be taken, with the reason.
        units: the plan, columns of `PASS_UNITS`.
        model_label: name in every output; ends in -RANDOM-WEIGHTS where the weights are not trained.
        weights_sha256: hash of the weights.
        n_before: forward passes of all genes without de-duplication.
    """

    settings: Settings
    passes: tuple[Pass, ...]
    tracks: tuple[int, ...]
    track_table: pd.DataFrame
    genes: pd.DataFrame
    refused: pd.DataFrame
    units: pd.DataFrame
    model_label: str
    weights_sha256: str
    n_before: int

    @property
    def n_after(self) -> int:
        """Forward passes of all genes, each once."""
        return len(self.passes) * len(self.genes)

    @property
    def metadata(self) -> dict[str, str]:
        """Key-value metadata for Parquet files: which model it was, and so whether it is trained."""
        return {"model": self.model_label, "weights_sha256": self.weights_sha256}


def plan_creme(config: PerturbConfig) -> Study:
    """Read genes and model, decide every forward pass; write nothing.

    Raises:
        InputError: anything in the configuration or its files that cannot be.
    """
    fasta = Fasta(config.inputs.fasta)
    table = _read_annotation(config)
    chosen = select_genes(table, _gene_names(config), tss=config.inputs.tss, compat=config.creme.compat)
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
    planned = tuple(passes(config.tests, settings))
    size = _passes_per_unit(config, settings)
    genes = genes[GENE_COLUMNS].reset_index(drop=True)
    return Study(
        settings=settings,
        passes=planned,
        tracks=tracks,
        track_table=model.tracks.iloc[list(tracks)].reset_index(drop=True),
        genes=genes,
        refused=refused,
        units=_units(genes, chunks(planned, size)),
        model_label=model.name if model.trained else f"{model.name}-RANDOM-WEIGHTS",
        weights_sha256=model.weights_sha256,
        n_before=n_before(config.tests, settings) * len(genes),
    )


def _read_annotation(config: PerturbConfig) -> pd.DataFrame:
    inputs = config.inputs
    if inputs.gtf is not None:
        return read_genes(inputs.gtf)
    assert inputs.tss_table is not None  # the configuration has one of the two
    return read_tss_table(inputs.tss_table)


def _gene_names(config: PerturbConfig) -> list[str]:
    genes = config.inputs.genes
    # Bytes that are no text become a name that no gene has, and the error shows it.
    names = list(genes) if isinstance(genes, tuple) else read_text(genes).decode(errors="replace").split()
    if not names:
        raise GeneError(
            "no gene is named; one name or id a line", path=genes if not isinstance(genes, tuple) else None
        )
    return names


def _query(config: PerturbConfig) -> str | list[int | str]:
    return config.tracks if isinstance(config.tracks, str) else list(config.tracks)


def _settings(config: PerturbConfig, seq_len: int) -> Settings:
    creme = config.creme
    if not config.tests or not creme.tiles:
        raise ConfigError("tests and creme.tiles must each name at least one")
    every = context_tiles(seq_len, creme.tile_size, creme.compat)
    tiles: list[Interval] = [(int(start), int(end)) for start, end in every]
    if creme.tiles != "all":
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
        n_shuffles={t: creme.n_shuffles.get(t, PAPER_SHUFFLES[t]) for t in config.tests},
        compat=creme.compat,
        thresholds=creme.thresholds or THRESHOLDS_OF.get(config.model.backbone, "enformer"),
    )


def _passes_per_unit(config: PerturbConfig, settings: Settings) -> int:
    tiles = config.resources.tiles_per_task
    return (AUTO_TILES_PER_TASK if tiles == "auto" else tiles) * max(settings.n_shuffles.values())


def _units(genes: pd.DataFrame, pieces: list[tuple[int, int]]) -> pd.DataFrame:
    n = len(genes)
    first, last = np.array(pieces, np.int64).T
    gene = np.repeat(np.arange(n), len(pieces))
    return pd.DataFrame(
        {
            "unit": [f"part-{i:06d}" for i in range(n * len(pieces))],
            "gene": gene,
            "gene_id": genes["gene_id"].to_numpy()[gene],
            "gene_name": genes["gene_name"].to_numpy()[gene],
            "first": np.tile(first, n),
            "last": np.tile(last, n),
        }
    )
