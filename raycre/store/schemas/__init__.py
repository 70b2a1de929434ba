"""The tables that raycre promises, a file a verb, as pyarrow schemas with a description on every field.

Coordinates are 0-based half-open int64, positions in the genome unless the name starts with `offset_`.
"""

from raycre.store.schemas.creme import (
    ACTIVITIES,
    CALLS,
    EFFECTS,
    ELEMENTS,
    GENE_PEAKS,
    PASS_UNITS,
    PASSES,
    PEAKS,
    SAMPLED,
)
from raycre.store.schemas.predict import CLASS_COUNTS, PREDICTIONS, SHARDS
from raycre.store.schemas.shared import FAILURES, codes_schema
from raycre.store.schemas.train import (
    CODEBOOK,
    CONFUSION,
    CURVES,
    DECODERS,
    FOLD_PREDICTIONS,
    FOLDS,
    MAJOR_FEATURES,
    MAP,
    MAP_OF,
    MAP_WHY,
    METRICS,
    OPENNESS_UNIT,
    OPENNESS_UNITS,
    RECONSTRUCTION,
    SPECTRUM,
    SWEEP,
    ZEROED,
    embeddings_schema,
)

__all__ = [
    "ACTIVITIES",
    "CALLS",
    "CLASS_COUNTS",
    "CODEBOOK",
    "CONFUSION",
    "CURVES",
    "DECODERS",
    "EFFECTS",
    "ELEMENTS",
    "FAILURES",
    "FOLDS",
    "FOLD_PREDICTIONS",
    "GENE_PEAKS",
    "MAJOR_FEATURES",
    "MAP",
    "MAP_OF",
    "MAP_WHY",
    "METRICS",
    "OPENNESS_UNIT",
    "OPENNESS_UNITS",
    "PASSES",
    "PASS_UNITS",
    "PEAKS",
    "PREDICTIONS",
    "RECONSTRUCTION",
    "SAMPLED",
    "SHARDS",
    "SPECTRUM",
    "SWEEP",
    "ZEROED",
    "codes_schema",
    "embeddings_schema",
]
