"""Saliency of tiles against CREME's effects of them: how well the two agree, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from raycre.compare.declaration import Compared, Comparison, ComparisonResult, json_rows, option
from raycre.compare.genes import tiles_of_genes
from raycre.compare.tiles import TILE
from raycre.genome.genes import read_window
from raycre.store.fields import INT, REAL, TEXT, schema_of

_LEAST = 3  # tiles of which a correlation says anything


def correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Correlate effect and saliency over the tiles of each gene, and over all tiles.

    Signed: effect against summed saliency. Absolute: |effect| against summed |saliency|. A gene's activity
    scales its gradients but not its effects, so over all tiles both are put over the gene's own wild type.

    Args:
        table: gene_id, gene_name, tss, wt, effect, saliency, saliency_abs; tiles without an effect are left
            out.

    Returns:
        Columns CORRELATIONS: the rows over all tiles first, gene_id null there.
    """
    known = table[np.isfinite(table["effect"].to_numpy(np.float64))]
    scaled = known.assign(
        saliency=known["saliency"] / known["wt"], saliency_abs=known["saliency_abs"] / known["wt"]
    )
    rows = [{"gene_id": None, "gene_name": None} | row for row in _rows(scaled)]
    for (gene_id, _), mine in known.groupby(["gene_id", "tss"], sort=False):
        name = mine["gene_name"].iloc[0]
        rows += [{"gene_id": gene_id, "gene_name": name} | row for row in _rows(mine)]
    return pd.DataFrame(rows)


def _rows(tiles: pd.DataFrame) -> list[dict[str, object]]:
    effect, signed, absolute = (tiles[c].to_numpy(np.float64) for c in ("effect", "saliency", "saliency_abs"))
    return [
        {"measure": "signed", **_pair(effect, signed)},
        {"measure": "absolute", **_pair(np.abs(effect), absolute)},
    ]


def _pair(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, object]:
    nothing: dict[str, object] = {"n": len(x), "pearson": np.nan, "spearman": np.nan}
    if len(x) < _LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return nothing
    return {"n": len(x), "pearson": float(pearsonr(x, y)[0]), "spearman": float(spearmanr(x, y)[0])}


SALIENCY = schema_of(
    *TILE,
    ("saliency", REAL, "sum over the tile's bases of gradient times input"),
    ("saliency_abs", REAL, "sum over the tile's bases of its absolute value"),
)

SALIENCY_BASES = schema_of(
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("gene_name", TEXT, "gene name in the annotation"),
    ("chrom", TEXT, "chromosome of the gene"),
    ("tss", INT, "0-based position of the TSS base, which is base L // 2 of the L values"),
    ("strand", TEXT, "strand of the gene"),
    (
        "saliency",
        pa.list_(pa.float32()),
        "gradient times input at each base of the model's input, gene direction",
    ),
)

CORRELATIONS = schema_of(
    ("gene_id", TEXT, "gene; null in the rows over all tiles"),
    ("gene_name", TEXT, "gene name; null in the rows over all tiles"),
    ("measure", TEXT, "signed: effect against summed saliency; absolute: both without their signs"),
    ("n", INT, "tiles with an effect"),
    ("pearson", REAL, "null for fewer than 3 tiles or where one side does not vary"),
    ("spearman", REAL, "likewise"),
)


@dataclass(frozen=True)
class Options:
    """Genes, where they are computed, and whether every base is written."""

    genes: tuple[str, ...] = option((), "Names or ids, with commas between; default: all.", none="")
    gpu: bool = option(False, "Compute on the GPU.")
    bases: bool = option(False, "Also write the values of every base.")


def compare_saliency(run: Compared, options: Options) -> ComparisonResult:
    """Compute gradient times input of the run's genes and correlate it, tile by tile, with CREME's effects.

    In this process, one gene after another, in float32, of the forward strand and the unshifted window. A
    gene costs about two whole passes forward and one backward.

    Raises:
        ConfigError: a backbone that gives no gradients.
        GeneError: a gene that the run does not have.
    """
    import torch  # seconds to import

    from raycre.backbones.saliency import gradient_times_input, tile_sums

    window = ["gene_id", "chrom", "tss", "strand"]
    numbers = run.table.groupby(window, sort=False).ngroup()  # of the run's genes, whichever are asked for
    tiles = tiles_of_genes(run.table.assign(number=numbers), options.genes)
    model, device = run.model(gpu=options.gpu)
    genome = run.genome()
    by_gene = [mine for _, mine in tiles.groupby("number")]
    parts = []
    with run.progress("saliency of genes", len(by_gene)) as show:
        for done, mine in enumerate(by_gene, start=1):
            gene = mine.iloc[0]
            codes = read_window(genome, gene["chrom"], int(gene["tss"]), gene["strand"], model.seq_len)
            sequence = torch.from_numpy(codes[None]).to(device)
            saliency = gradient_times_input(model, sequence, [run.track_id])[0, 0]
            places = list(zip(mine["offset_start"], mine["offset_end"], strict=True))
            signed, absolute = tile_sums(saliency, places)
            if options.bases:
                values = mine.iloc[:1].assign(saliency=pd.Series([saliency.cpu().numpy()], mine.index[:1]))
                run.write_part("saliency_bases", int(gene["number"]), values)
            parts.append(mine.assign(saliency=signed.cpu().numpy(), saliency_abs=absolute.cpu().numpy()))
            show(done)
    rows = pd.concat(parts)
    correlated = correlations(rows)
    facts = {"genes": len(by_gene), "correlations": json_rows(correlated)}
    return ComparisonResult(facts, {"saliency": rows, "saliency_correlations": correlated})


COMPARISON = Comparison(
    name="saliency",
    summary="Correlate gradient times input with effects, tile by tile.",
    options=Options,
    compare=compare_saliency,
    test="necessity",
    needs=("model",),
    tables={"saliency": SALIENCY, "saliency_bases": SALIENCY_BASES, "saliency_correlations": CORRELATIONS},
    figure="saliency",
    drawn=("saliency_correlations",),
)
