"""What a person should know of a choice of genes, tracks and tiles before a run: odd, and allowed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from raycre.backbones.tracks import opposite_strands
from raycre.creme.backgrounds import CONTEXT, SUFFICIENCY
from raycre.creme.bed_tiles import read_tile_bed, tiles_from_bed
from raycre.creme.settings import Settings
from raycre.creme.shuffle import all_n
from raycre.errors import ConfigError
from raycre.genome.fasta import Fasta
from raycre.genome.genes import far_apart, read_window
from raycre.genome.lifting import UNLIFTED, Lifting, lifted_in_words
from raycre.genome.sequence import N_CODE
from raycre.workflows.perturb.plan import PAPER_N
from raycre.workflows.perturb.units import as_dicts


def notes_of_genes(table: pd.DataFrame, genes: pd.DataFrame, tss: str, tile_size: int) -> list[str]:
    """Count genes whose TSSs lie too far apart for one TSS tile.

    Args:
        table: the annotation.
        genes: that are taken by name.
        tss: which of their TSSs: "canonical", "outermost" or "all".
        tile_size: bp of the TSS tile.
    """
    if tss == "all":
        return []
    wide = far_apart(table, genes, tile_size // 2)
    if wide.empty:
        return []
    first = wide.iloc[0]
    taken = f"{tss} one is taken"
    if tss == "canonical":
        n = int(wide["gene_id"].isin(table.loc[table["canonical"], "gene_id"]).sum())
        taken = "canonical one is taken" if n else "outermost one is taken, as none is tagged canonical"
        if 0 < n < len(wide):
            taken = f"canonical one is taken of {n:,}, the outermost of the {len(wide) - n:,} without one"
    return [
        f"{len(wide):,} of {len(genes):,} genes have TSSs that the TSS tile does not hold together "
        f"({first.gene_name}: {first.n_tss} over {first.spread:,} bp); the {taken}"
    ]


def notes_of_tracks(table: pd.DataFrame, tracks: Sequence[int]) -> list[str]:
    """Name tracks that are the two strands of one measurement."""
    pairs = opposite_strands(table, tracks)
    return [f"tracks {a} and {b} are the two strands of one measurement" for a, b in pairs[:3]]


def notes_of_n(genes: pd.DataFrame, fasta: Fasta, settings: Settings, spelled: float = 0.25) -> list[str]:
    """Count windows with N, and tiles that hold nothing but N, whose shuffles are themselves.

    Args:
        genes: that are kept.
        fasta: the genome.
        settings: of the run.
        spelled: what N is in each channel of the model's input; 0.25 in the paper.
    """
    n_windows, n_tiles = 0, 0
    for gene in as_dicts(genes):
        window = read_window(fasta, gene["chrom"], gene["tss"], gene["strand"], settings.seq_len)
        n_windows += bool((window == N_CODE).any())
        n_tiles += len(all_n(window, gene.get("tiles", settings.tiles)))
    notes = []
    if n_windows:
        paper = "as in the paper" if spelled == PAPER_N else f"where the paper has {PAPER_N}"
        notes.append(
            f"{n_windows:,} of {len(genes):,} windows hold N and are kept; N is {spelled:g} in every channel "
            f"of the input, {paper}"
        )
    if n_tiles:
        rule = "become T" if settings.compat == "reference" else "are left as they are: effect 0"
        notes.append(f"{n_tiles:,} tiles hold nothing but N; shuffled, they {rule}")
    return notes


def notes_of_refused(
    chosen: pd.DataFrame, genes: pd.DataFrame, refused: pd.DataFrame, top: int | None
) -> list[str]:
    """Say what the rule for windows with N, or that leave the chromosome, costs.

    Args:
        chosen: TSSs that were asked for.
        genes: those of them that are kept.
        refused: the others, with the reason.
        top: most active genes of each track that the run is about; None where genes are named.
    """
    if refused.empty:
        return []
    n = refused["reason"].str.contains(" N in the window").sum()
    leaving = refused["reason"].str.startswith("window leaves").sum()
    lost = refused.loc[~refused["gene_id"].isin(genes["gene_id"]), "gene_id"].nunique()
    counts = {"hold N": n, "leave the chromosome": leaving, "are on others": len(refused) - n - leaving}
    why = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    said = f"{len(refused):,} of {len(chosen):,} TSSs are refused ({why}): "
    said += f"{lost:,} of {chosen['gene_id'].nunique():,} genes are lost"
    if top is not None:
        said += f", which is at most {min(lost, top):,} of the {top:,} most active of a track"
    return [f"{said}. The paper keeps them; inputs.max_n, or creme.compat: reference, does"]


def notes_of_contexts(settings: Settings, paper: int | None) -> list[str]:
    """Say where classes of contexts come from other shuffles than the `paper`'s of the context test."""
    if CONTEXT in settings.n_shuffles or SUFFICIENCY not in settings.n_shuffles:
        return []
    n = settings.n(SUFFICIENCY)
    return [
        f"contexts are classified by the {n:,} controls of the sufficiency test, as the context test is not "
        f"among the tests (the paper: {paper:,} shuffles); context_n says so in every row"
    ]


def with_tiles(
    genes: pd.DataFrame, path: Path, fasta: Fasta, settings: Settings, lifting: Lifting = UNLIFTED
) -> tuple[pd.DataFrame, str]:
    """Give every gene the intervals of a BED in its window as its tiles.

    Raises:
        ConfigError: none has any; else as `read_tile_bed`.
    """
    regions = read_tile_bed(path, fasta.sizes, lifting)
    on = dict(list(regions.groupby("chrom", sort=False)))
    size = (settings.seq_len, settings.tile_size)
    places = zip(genes["chrom"], genes["tss"].tolist(), genes["strand"], strict=True)
    own = [tiles_from_bed(on.get(place[0], regions[:0]), *place, *size) for place in places]
    if not any(f.tiles for f in own):
        raise ConfigError(
            f"no interval lies whole in the window of any of {len(genes):,} genes and off its TSS tile; "
            "give other genes, or other creme.tiles",
            path=path,
        )
    n_tiles, bare = sum(len(f.tiles) for f in own), sum(not f.tiles for f in own)
    note = (
        f"tiles of {path.name}: {n_tiles:,} in {len(genes):,} windows ({bare:,} without any); left out "
        f"{sum(f.n_past_window for f in own):,} partly outside, {sum(f.n_over_tss for f in own):,} over "
        f"the TSS tile, {sum(f.n_repeated for f in own):,} repeated"
    )
    for counts in lifting.counts.values():
        note += f"; lifted from another assembly: {lifted_in_words(counts)}"
    return genes.assign(tiles=pd.Series([f.tiles for f in own], dtype=object)), note
