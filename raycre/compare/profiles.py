"""Predicted profiles of chosen genes along the whole window: wild type, and with the context shuffled.

CREME Fig. 1d, and the mean profile of the wild type near the TSS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from raycre.compare.declaration import Compared, Comparison, ComparisonResult, option
from raycre.compare.embedded import Embedding, genes_of, read_gene_window
from raycre.compare.genes import tiles_of_genes
from raycre.store.fields import INT, TEXT, schema_of

_VALUES = pa.list_(pa.float32())

PROFILES = schema_of(
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("gene_name", TEXT, "gene name in the annotation"),
    ("chrom", TEXT, "chromosome of the gene"),
    ("tss", INT, "0-based position of the TSS base"),
    ("strand", TEXT, "strand of the gene"),
    ("context", TEXT, "class of the gene's context; null if unknown"),
    ("tss_bin", INT, "first of the bins of the TSS in the profiles"),
    ("wt", _VALUES, "prediction of the wild type in every output bin, gene direction"),
    ("shuffled", _VALUES, "mean over shuffles of all outside the TSS tile; null without shuffles"),
)


@dataclass(frozen=True)
class Options:
    """Genes, and shuffles of their context."""

    genes: tuple[str, ...] = option((), "Names or ids, with commas between; default: all.", none="")
    shuffles: int = option(10, "Shuffles of the context; 0: the wild type alone.", least=0)
    seed: int = option(0, "Seed of the shuffles.", least=0)
    gpu: bool = option(False, "Compute on the GPU.")


def compare_profiles(run: Compared, options: Options) -> ComparisonResult:
    """Predict every output bin of chosen genes, one whole pass for the wild type and each shuffle.

    Raises:
        GeneError: a gene that the run does not have.
    """
    tiles = tiles_of_genes(run.table, options.genes)
    model, device = run.model(gpu=options.gpu)
    embedding = Embedding(model, device, run.track_id, options.shuffles, options.seed)
    genome, every = run.genome(), range(model.n_bins)
    rows = []
    with run.progress("profiles of genes", tiles["gene_id"].nunique()) as show:
        for done, mine in enumerate(genes_of(tiles), start=1):
            gene = mine.iloc[0]
            window = read_gene_window(genome, gene.to_dict(), model.seq_len)
            wt = embedding.read(window.bases, every)
            mutants = [embedding.read(s, every) for s in embedding.sequences(window, (window.tss_tile,))]
            own = {c: gene[c] for c in ("gene_id", "gene_name", "chrom", "tss", "strand", "context")}
            mean = np.mean(mutants, axis=0) if mutants else None
            rows.append(own | {"tss_bin": int(min(model.tss_bins)), "wt": wt, "shuffled": mean})
            show(done)
    return ComparisonResult({"genes": len(rows), "bins": model.n_bins}, {"profiles": pd.DataFrame(rows)})


COMPARISON = Comparison(
    name="profiles",
    summary="Predict whole profiles of chosen genes: wild type, and with the context shuffled.",
    options=Options,
    compare=compare_profiles,
    test="necessity",
    needs=("model",),
    tables={"profiles": PROFILES},
)
