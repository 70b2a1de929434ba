"""What a run of each verb writes, as patterns below its folder."""

from __future__ import annotations

from collections.abc import Mapping

ATTEMPTS = "attempts/*"

_JOURNAL = "journal/*.jsonl"

_COMMON = ("plan.parquet", "failures.parquet", ATTEMPTS, _JOURNAL)

_MATERIALISED = tuple(
    f"inputs/{name}"
    for name in ("regions.parquet", "codes.npy", "openness.npy", "loops.npy", "label.npy", "fold.npy",
                 "divisors.json")
)  # fmt: skip

_FOLD = ("cutoffs.json", "best.safetensors", "last.pt", "history.parquet", "predictions.parquet",
         "progress.json", "error.json", "embeddings.parquet", "spectrum.parquet", "major_features.parquet",
         "reconstruction.parquet", "decoders.parquet", "zeroed.parquet", "codebook.parquet")  # fmt: skip

RAY_FOLDERS = f"train/{'[0-9a-f]' * 32}"  # Ray Train's own folders, of trainings that were cut off

WRITES: Mapping[str, tuple[str, ...]] = {
    "train": (
        *_COMMON,
        *_MATERIALISED,
        *(f"folds/fold=[0-9]*/{name}" for name in _FOLD),
        *(f"summary/{name}.parquet" for name in ("metrics", "curves", "confusion")),
        RAY_FOLDERS,
    ),
    "sweep": (*_COMMON, *_MATERIALISED, "summary/sweep.parquet", RAY_FOLDERS),
    "predict": (
        *_COMMON,
        "inputs/regions.parquet",
        "predictions/part-*.parquet",
        "codes/part-*.parquet",
        "summary/calls.parquet",
    ),
    "prepare": (
        _JOURNAL,
        "labels.parquet",
        "candidates.parquet",
        "train.yaml",
        "predict.yaml",
        "sources.yaml",
        *(f"summary/{name}.parquet" for name in ("counts", "labels_dropped", "lift", "lift_lost")),
    ),
    "creme": (
        *_COMMON,
        "inputs/genes.parquet",
        *(f"passes/model=*/*/{kind}-*.parquet" for kind in ("part", "chain")),
        "passes/model=*/*/chain-*/piece-*.parquet",
        "passes/model=*/*/peaks.parquet",
        "effects/test=*/model=*/part-*.parquet",
        *(f"summary/{name}.parquet" for name in ("calls", "activity", "elements", "sampled", "peaks")),
        # Of `raycre compare`, whose results go with the run that they are about.
        "summary/compare_*.parquet",
        "summary/compare_*/part-*.parquet",
        "summary/compare_fasta/*.fa",
    ),
    "annotate": (
        "failures.parquet",
        ATTEMPTS,
        "inputs/regions.parquet",
        "annotate_*.parquet",
        "annotate_*/part-*.parquet",
        "files/*",
    ),
}
"""Verb -> patterns of the files that a run writes, below its folder; run.json itself is beside them, and the
lease while a run is under way, which whoever holds it takes away."""
