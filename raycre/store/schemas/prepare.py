"""What `raycre prepare` writes."""

from __future__ import annotations

import pyarrow as pa

from raycre.store.fields import INT, TEXT, schema_of

_REGION = (
    ("chrom", TEXT, "chromosome"),
    ("start", INT, "start of the 1-kb region"),
    ("end", INT, "end of the 1-kb region"),
)
_FROM = (
    ("name", TEXT, "names in the inputs, sorted, with commas between; null if none"),
    ("source", TEXT, "names of the sources that have the region, sorted, with commas between"),
    ("n", INT, "records that have this very region"),
)

LABELS = schema_of(*_REGION, ("label", TEXT, "class"), *_FROM)

LABELS_DROPPED = schema_of(
    *_REGION,
    ("label", TEXT, "class"),
    *_FROM,
    ("overlaps", TEXT, "classes of the regions that it shares bases with, with commas between"),
)

CANDIDATES = schema_of(*_REGION, *_FROM)

LIFT_LOST = schema_of(
    ("source", TEXT, "name of the source"),
    ("chrom", TEXT, "chromosome in the source's assembly"),
    ("start", INT, "start there"),
    ("end", INT, "end there"),
    ("name", TEXT, "name in the input, null if none"),
    ("line", INT, "line, row or record of the file"),
    ("status", TEXT, "deleted, partially_deleted, split, duplicated (UCSC's liftOver) or length_changed"),
)

LIFT_COUNTS = schema_of(
    ("source", TEXT, "name of the source"),
    ("status", TEXT, "mapped, or why not"),
    ("n", INT, "records"),
)

STEP_COUNTS = schema_of(
    ("step", TEXT, "read, resize, join, labels, folds, candidates or background"),
    ("item", TEXT, "what was counted"),
    ("n", INT, "how many"),
    ("paper", pa.int64(), "how many CREATE's paper reports of the cell line; null where it says nothing"),
)
