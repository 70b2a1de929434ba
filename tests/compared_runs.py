"""A finished CREME run on a genome of two small chromosomes, written by hand, for `raycre compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.creme.tiles import to_genomic
from raycre.genome.sequence import decode
from raycre.store.files import sha256_of
from raycre.store.parquet import as_table, write_table
from raycre.store.run import open_run
from raycre.store.schemas import EFFECTS

SEQ_LEN, TILE = 4_096, 256  # of the model that the run seems to have used
SIZES = {"chr1": 20_000, "chr2": 12_000}


def write_genome(folder: Path) -> Path:
    """Random letters on both chromosomes."""
    random = np.random.default_rng(0)
    path = folder / "genome.fa"
    lines = []
    for name, size in SIZES.items():
        letters = decode(random.integers(0, 4, size).astype(np.uint8))
        lines += [f">{name}", *(letters[i : i + 60] for i in range(0, size, 60))]
    path.write_text("\n".join(lines) + "\n")
    return path


def gene_rows(
    gene: str, chrom: str, tss: int, strand: str, effects: list[float], calls: list[str | None], **more: Any
) -> pd.DataFrame:
    """Tiles of one gene, from 640 bp upstream of the TSS tile on, edge to edge across it."""
    middle = SEQ_LEN // 2 - TILE // 2
    offsets = [middle + TILE * (i - 2 + (i >= 2)) for i in range(len(effects))]
    places = [to_genomic((o, o + TILE), tss, strand, SEQ_LEN) for o in offsets]
    rows = {
        "run_id": "tiny", "test": "necessity", "model": "planted", "assembly": "genome.fa",
        "gene_id": f"{gene}.1", "gene_name": gene, "tss": tss, "strand": strand, "tile_chrom": chrom,
        "tile_start": [s for s, _ in places], "tile_end": [e for _, e in places], "offset_start": offsets,
        "offset_end": [o + TILE for o in offsets], "distance": [o - middle for o in offsets], "round": None,
        "copies": None, "track_id": 7, "track_name": "CNhs7", "assay": "CAGE", "biosample": "K562", "wt": 2.0,
        "control": None, "mutant": 1.0, "sd": 0.1, "n": 10, "effect": effects, "metric": "(wt-mutant)/wt",
        "call": calls, "context": None, "context_test": None, "context_n": None, "search": None,
        "context_gene_id": None, "context_tss": None, "create_calls": None,
    }  # fmt: skip
    return pd.DataFrame(rows | more)


def two_genes() -> list[pd.DataFrame]:
    """An enhancer of the + gene A, a silencer of the - gene B, and a tile without a value."""
    return [
        gene_rows("A", "chr1", 8_000, "+", [0.5, 0.01, -0.02, 0.03], ["enhancer", *["neither"] * 3]),
        gene_rows(
            "B", "chr2", 6_000, "-", [0.05, -0.6, np.nan, 0.02], ["neither", "silencer", None, "neither"]
        ),
    ]


def write_run(
    out: Path, fasta: Path, tables: list[pd.DataFrame], *, finished: bool = True, **model: Any
) -> Path:
    """The run's folder; the tables of each gene are of one test or several."""
    label = str(tables[0]["model"].iloc[0])
    run = open_run(
        out,
        verb="creme",
        name="tiny",
        config={"inputs": {"fasta": str(fasta)}, "model": {"backbone": "planted"} | model},
        science={"sha256": {"inputs.fasta": sha256_of(fasta)}, "weights_sha256": "none", "model": label},
        layout={},
    )
    if finished:
        run.finish()
    for number, rows in enumerate(tables):
        for test, of_test in rows.groupby("test"):
            path = out / "effects" / f"test={test}" / f"model={label}" / f"part-{number:06d}.parquet"
            write_table(path, as_table(of_test, EFFECTS))
    return out
