"""Comparisons that need the genome's sequence: FASTA for motif tools, and saliency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from raycre.backbones.loading import load, ready
from raycre.backbones.saliency import gradient_times_input, tile_sums
from raycre.compare.fasta_export import (
    Shuffle,
    fasta_text,
    gc_of,
    match_background,
    read_codes,
    read_shuffled,
)
from raycre.compare.saliency import correlations
from raycre.config import BackboneConfig
from raycre.creme.shuffle import dinucleotide_shuffle, seed_of
from raycre.errors import ConfigError, GeneError, RunMismatchError, near
from raycre.genome.genes import read_window
from raycre.store.comparison_schemas import CORRELATIONS, SALIENCY, SALIENCY_BASES
from raycre.store.files import write_atomic
from raycre.workflows.compare.compared_run import open_compared
from raycre.workflows.compare.run import CALLED, records
from raycre.workflows.devices import prepare
from raycre.workflows.progress import progress

BACKGROUNDS = ("shuffled", "matched")


def export_fasta(
    run: Path,
    *,
    test: str = "sufficiency",
    track: str | None = None,
    groups: Sequence[str] = CALLED,
    backgrounds: Sequence[str] = BACKGROUNDS,
    seed: int = 0,
    fasta: Path | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Write the tiles of each group as FASTA, and a background for each; see raycre.compare.fasta_export.

    Args:
        run: folder of a finished CREME run.
        test, track: whose calls.
        groups: calls; one without tiles is left out.
        backgrounds: "shuffled" (dinucleotide counts kept), "matched" (tiles that are called neither, of like
            GC and length), both or none.
        seed: of the shuffles.
        fasta: the run's FASTA, where it has moved.
        out: a folder instead of compare_fasta in the run's summary.

    Returns:
        What was written, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
    """
    for name in backgrounds:
        if name not in BACKGROUNDS:
            raise ConfigError(
                f"backgrounds are {' and '.join(BACKGROUNDS)}{near(name, BACKGROUNDS)}", value=name
            )
    opened = open_compared(run, test, track, out)
    folder = opened.out if out is not None else opened.out / "compare_fasta"
    genome = opened.genome(fasta)
    table = opened.table
    others, called = table[table["call"] == "neither"], table[table["call"].isin(CALLED)]
    others_gc = gc_of(read_codes(genome, others)) if "matched" in backgrounds else None
    written: list[dict[str, Any]] = []
    for group in groups:
        size = table.loc[table["call"] == group, "effect"].abs()
        tiles = table.loc[
            size.sort_values(ascending=False, kind="stable").index
        ]  # the strongest choose first
        if tiles.empty:
            written.append({"file": None, "group": group, "background": None, "sequences": 0, "unmatched": 0})
            continue
        sets: list[tuple[str | None, pd.DataFrame, Iterable[NDArray[np.uint8]], int]]
        sets = [(None, tiles, read_codes(genome, tiles), 0)]
        if "shuffled" in backgrounds:
            sets.append(("shuffled", tiles, read_shuffled(genome, tiles, _seeded(seed)), 0))
        if others_gc is not None:
            gc = gc_of(read_codes(genome, tiles))
            found, n_unmatched = match_background(tiles, gc, others, others_gc, called)
            sets.append(("matched", found, read_codes(genome, found), n_unmatched))
        for background, rows, sequences, n_unmatched in sets:
            what = group if background is None else f"{group}-{background}"
            path = folder / f"{what}.fa"
            _write_text(path, fasta_text(rows, sequences, what))
            written.append({"file": str(path), "group": group, "background": background,
                            "sequences": len(rows), "unmatched": n_unmatched})  # fmt: skip
    return {**opened.facts, "seed": seed, "fasta": written}


def _seeded(seed: int) -> Shuffle:
    """A dinucleotide shuffle whose seed is of the tile itself, not of its place in a table."""

    def shuffle(codes: NDArray[np.uint8], row: Mapping[str, Any]) -> NDArray[np.uint8]:
        gene = f"{row['gene_id']}@{row['chrom']}:{row['tss']}{row['strand']}"
        return dinucleotide_shuffle(codes, seed_of(seed, gene, row["offset_start"], row["offset_end"], 0))

    return shuffle


def _write_text(path: Path, records: Iterable[str]) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("w") as file:
            file.writelines(records)

    write_atomic(path, write)


def compare_saliency(
    run: Path,
    *,
    test: str = "necessity",
    track: str | None = None,
    genes: Sequence[str] = (),
    fasta: Path | None = None,
    gpu: bool = False,
    bases: bool = False,
    out: Path | None = None,
) -> dict[str, Any]:
    """Compute gradient times input of the run's genes and correlate it, tile by tile, with CREME's effects.

    In this process, one gene after another, in float32, of the forward strand and the unshifted window. A
    gene costs about two whole passes forward and one backward.

    Args:
        run: folder of a finished CREME run.
        test, track: whose effects.
        genes: names or ids; all of the run's when none is given.
        fasta: the run's FASTA, where it has moved.
        gpu: compute on the GPU.
        bases: also write the values of every base, a part a gene.
        out: a folder instead of the run's summary.

    Returns:
        What was found, ready for JSON.

    Raises:
        ConfigError: a backbone that gives no gradients.
        RunMismatchError: weights or FASTA are not those of the run.
        GeneError: a gene that the run does not have.
        InputError: bad input; nothing was written.
    """
    opened = open_compared(run, test, track, out)
    window = ["gene_id", "chrom", "tss", "strand"]
    numbers = opened.table.groupby(window, sort=False).ngroup()  # of the run's genes, whichever are asked for
    tiles = _of_genes(opened.table.assign(number=numbers), genes)
    config = BackboneConfig.model_validate(opened.record["config"]["model"])
    threads = int(opened.record["config"].get("resources", {}).get("cpus_per_replica", 1))
    device = prepare(threads, 1 if gpu else 0)
    model = ready(load(config.spec()), device=device)  # in float32, whatever the run was in
    if model.weights_sha256 != opened.record.get("identity", {}).get("weights_sha256"):
        raise RunMismatchError("model.weights are not the ones that the run used; put them back", path=run)
    genome = opened.genome(fasta)
    found = []
    by_gene = list(tiles.groupby("number"))
    with progress("saliency of genes", len(by_gene)) as show:
        for done, (number, mine) in enumerate(by_gene, start=1):
            gene = mine.iloc[0]
            codes = read_window(genome, gene["chrom"], int(gene["tss"]), gene["strand"], model.seq_len)
            sequence = torch.from_numpy(codes[None]).to(device)
            saliency = gradient_times_input(model, sequence, [opened.elements.track_id])[0, 0]
            signed, absolute = tile_sums(
                saliency, list(zip(mine["offset_start"], mine["offset_end"], strict=True))
            )
            if bases:
                values = mine.iloc[:1].assign(saliency=pd.Series([saliency.cpu().numpy()], mine.index[:1]))
                opened.write(f"saliency_bases/part-{number:06d}", values, SALIENCY_BASES)
            found.append(mine.assign(saliency=signed.cpu().numpy(), saliency_abs=absolute.cpu().numpy()))
            show(done)
    rows = pd.concat(found)
    correlated = correlations(rows)
    files = [opened.write("saliency", rows, SALIENCY)]
    files.append(opened.write("saliency_correlations", correlated, CORRELATIONS))
    files += [str(opened.out / "compare_saliency_bases")] * bases
    return {**opened.facts, "genes": len(by_gene), "correlations": records(correlated), "files": files}


def _of_genes(table: pd.DataFrame, genes: Sequence[str]) -> pd.DataFrame:
    for gene in genes:
        if not ((table["gene_name"] == gene) | (table["gene_id"] == gene)).any():
            known = [*table["gene_name"].dropna().unique(), *table["gene_id"].unique()]
            raise GeneError(f"the run has no such gene{near(gene, known)}", value=gene)
    if not genes:
        return table
    return table[table["gene_name"].isin(genes) | table["gene_id"].isin(genes)]
