"""What `raycre predict` writes."""

from __future__ import annotations

import pyarrow as pa

from raycre.genome.classes import CLASSES
from raycre.store.fields import INT, TEXT, schema_of

PREDICTIONS = schema_of(
    ("region_id", INT, "number of the region in the run, in input order"),
    ("chrom", TEXT, "chromosome"),
    ("start", INT, "start of the 1-kb region"),
    ("end", INT, "end of the 1-kb region"),
    ("name", TEXT, "name in the input, null if none"),
    ("strand", TEXT, "strand in the input: +, - or ."),
    ("source", TEXT, "experiment or file that the region comes from"),
    *((f"p_{c}", pa.float32(), f"probability of {c}, mean over folds and views") for c in CLASSES),
    ("call", TEXT, "class furthest above its cutoff (FPR <= 0.01), else background; null without cutoffs"),
    ("call_argmax", TEXT, "class of the highest probability"),
    (
        "score_margin",
        pa.float32(),
        "largest probability minus the class's cutoff over the four element classes; null without cutoffs",
    ),
    ("n_views", pa.int32(), "shifts times strands averaged"),
    ("n_folds", pa.int32(), "trained folds averaged"),
    *((f"sd_{c}", pa.float32(), f"s.d. of p_{c} over folds (population)") for c in CLASSES),
    ("model_sha256", TEXT, "hash over the folds' weights"),
)

CLASS_COUNTS = schema_of(
    ("class", TEXT, "called class"),
    ("n", INT, "regions; null for a class that the models were not trained on"),
)

SHARDS = schema_of(
    ("unit", TEXT, "name of the part file without its suffix"),
    ("shard", INT, "number of the shard, and row group of inputs/regions.parquet"),
    ("first", INT, "first region"),
    ("last", INT, "one past the last region"),
)
