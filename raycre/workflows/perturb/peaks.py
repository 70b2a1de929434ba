"""Where a wild type's prediction peaks, so that genes whose peak is not at their TSS can be left out.

CREME, Reporting Summary, "Data exclusions": sequences "where the TSS was not aligned with maximum prediction
were excluded to avoid cases with multiple TSSs at the center of the sequence". The authors' drivers have no
such step. So which bins is ours to say: a gene is aligned on a track where no output bin is predicted higher
than the best of the TSS bins (Enformer: 447 and 448 of 896).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import RaycreError
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.passes import PEAKS_PART, PassStore
from raycre.store.run import Run
from raycre.store.schemas import GENE_PEAKS, PEAKS
from raycre.workflows.perturb.plan import CremePlan
from raycre.workflows.perturb.units import Gene, Planned, Stage, Unit, gene_folder

_GENE = ["gene_id", "gene_name", "chrom", "tss", "strand"]


def peaks_stage(plan: CremePlan) -> Stage:
    """Return the step that finds the peaks of all genes in the running."""
    return Stage("peaks", (), plan.settings, plan.tracks)


def peak_units(genes: Sequence[Gene], store: PassStore) -> Iterator[Planned]:
    """Yield one unit a gene: a pass of its wild type, of which all bins are read."""
    for number, gene in enumerate(genes):
        folder = gene_folder(gene)
        unit = Unit(f"{folder}/{PEAKS_PART}", gene, ())
        yield Planned(unit, number, 1, int(not store.peaks(folder).is_file()))


def write_peaks(
    path: Path,
    gene: Gene,
    profile: NDArray[np.float32],
    tss_bins: Sequence[int],
    stored: Sequence[int],
    metadata: Mapping[str, str],
) -> None:
    """Write where a wild type's prediction peaks, atomically.

    Args:
        path: of the part.
        gene: whose.
        profile: float32 (bins, stored tracks), its prediction in all bins.
        tss_bins: those of the TSS.
        stored: rows of the track table, as the columns of `profile`.
        metadata: key-value metadata of the part.

    Raises:
        RaycreError: a prediction that is NaN or infinite.
    """
    if not np.isfinite(profile).all():
        raise RaycreError("the prediction of the wild type is not finite; check the weights, and the dtype")
    bins = peak_bins(profile, tss_bins)
    rows = pd.DataFrame(
        {"track_id": stored, "peak_bin": bins, "peak": profile.max(axis=0), "at_tss": np.isin(bins, tss_bins)}
    )
    write_table(path, as_table(rows.assign(gene_id=gene["gene_id"], tss=gene["tss"]), PEAKS, metadata))


def peak_bins(profile: NDArray[np.float32], tss_bins: Sequence[int]) -> NDArray[np.int64]:
    """Return the bin of the highest prediction on each track; of equals a TSS bin, else the first.

    Args:
        profile: float32 (bins, tracks).
        tss_bins: those of the TSS.

    Returns:
        int64 (tracks,), 0-based.
    """
    at_tss = profile[list(tss_bins)]
    best = np.array(tss_bins, dtype=np.int64)[at_tss.argmax(axis=0)]
    values: NDArray[np.int64] = np.where(
        at_tss.max(axis=0) >= profile.max(axis=0), best, profile.argmax(axis=0)
    )
    return values


def gene_peaks(plan: CremePlan, genes: Sequence[Gene], store: PassStore) -> pd.DataFrame:
    """Return a row for each gene and track in the running: columns of `GENE_PEAKS`, and row (of `genes`)."""
    tables = []
    for number, gene in enumerate(genes):
        running = range(len(plan.tracks)) if gene.get("searched") is None else gene["searched"]
        peaks = read_table(store.peaks(gene_folder(gene))).to_pandas().set_index("track_id")
        peaks = peaks.loc[[plan.tracks[t] for t in running], ["peak_bin", "at_tss"]].reset_index()
        tables.append(peaks.assign(row=number, **{name: gene[name] for name in _GENE}))
    return (
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*GENE_PEAKS.names, "row"])
    )


def aligned_genes(plan: CremePlan, genes: Sequence[Gene], peaks: pd.DataFrame) -> list[Gene]:
    """Return the genes that peak at their TSS on any track, with these tracks; `peaks` is of `gene_peaks`."""
    place = {track: t for t, track in enumerate(plan.tracks)}
    tracks_of: dict[int, list[int]] = {}
    aligned = peaks[peaks["at_tss"].astype(bool)]
    for row, track in zip(aligned["row"].tolist(), aligned["track_id"].tolist(), strict=True):
        tracks_of.setdefault(row, []).append(place[track])
    return [{**genes[row], "searched": tuple(sorted(tracks))} for row, tracks in sorted(tracks_of.items())]


def off_peak(peaks: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the genes that are dropped, and on which tracks, ready for JSON; `peaks` is of `gene_peaks`."""
    return [
        {
            "gene_id": mine["gene_id"].iloc[0],
            "gene_name": mine["gene_name"].iloc[0],
            "tracks": mine["track_id"].tolist(),
        }
        for _, mine in peaks[~peaks["at_tss"].astype(bool)].groupby("row")
    ]


def write_gene_peaks(plan: CremePlan, run: Run, peaks: pd.DataFrame) -> None:
    """Write summary/peaks.parquet."""
    table = as_table(peaks, GENE_PEAKS, run.metadata | plan.metadata)
    write_table(run.out / "summary" / "peaks.parquet", table)
