"""The tables that raycre promises, as pyarrow schemas with a description on every field.

Coordinates are 0-based half-open int64, positions in the genome unless the name starts with `offset_`.
"""

from __future__ import annotations

import pyarrow as pa

from raycre.genome.classes import CLASSES


def _schema(*fields: tuple[str, pa.DataType, str]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, metadata={"description": text}) for name, kind, text in fields])


_TEXT, _INT, _REAL = pa.string(), pa.int64(), pa.float64()
# Columns that are also part of the path: pandas reads such a folder only if both have one type.
_KEY = pa.dictionary(pa.int32(), pa.string())

PREDICTIONS = _schema(
    ("region_id", _INT, "number of the region in the run, in input order"),
    ("chrom", _TEXT, "chromosome"),
    ("start", _INT, "start of the 1-kb region"),
    ("end", _INT, "end of the 1-kb region"),
    ("name", _TEXT, "name in the input, null if none"),
    ("strand", _TEXT, "strand in the input: +, - or ."),
    ("source", _TEXT, "experiment or file that the region comes from"),
    *((f"p_{c}", pa.float32(), f"probability of {c}, mean over folds and views") for c in CLASSES),
    ("call", _TEXT, "class by the validation cutoffs (FPR <= 0.01), background if none is reached"),
    ("call_argmax", _TEXT, "class of the highest probability"),
    ("score_margin", pa.float32(), "largest probability minus cutoff over the four element classes"),
    ("n_views", pa.int32(), "shifts times strands averaged"),
    ("n_folds", pa.int32(), "trained folds averaged"),
    *((f"sd_{c}", pa.float32(), f"s.d. of p_{c} over folds (population)") for c in CLASSES),
    ("model_sha256", _TEXT, "hash over the folds' weights"),
)

PASSES = _schema(
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("tss", _INT, "0-based position of the TSS base"),
    ("pass", _TEXT, "identity of the forward pass: wt, tile=...-.../shuffle=k, background=k..."),
    ("track_id", _INT, "row of the model's track table"),
    ("activity", _REAL, "mean prediction over the TSS bins"),
)

EFFECTS = _schema(
    ("run_id", _TEXT, "name of the run"),
    ("test", _KEY, "context, necessity or sufficiency"),
    ("model", _KEY, "backbone; ends in -RANDOM-WEIGHTS where it is not a trained model"),
    ("assembly", _TEXT, "name of the FASTA"),
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("tss", _INT, "0-based position of the TSS base"),
    ("strand", _TEXT, "strand of the gene"),
    ("tile_chrom", _TEXT, "chromosome of the tile"),
    ("tile_start", _INT, "start of the tile in the genome"),
    ("tile_end", _INT, "end of the tile in the genome"),
    ("offset_start", _INT, "start of the tile in the model's input (gene direction)"),
    ("offset_end", _INT, "end of the tile in the model's input (gene direction)"),
    ("distance", _INT, "tile start minus TSS tile start in bp, in gene direction (negative: upstream)"),
    ("round", pa.int32(), "round of an iterative test, null otherwise"),
    ("copies", pa.int32(), "copies of the tile, null where it does not apply"),
    ("track_id", _INT, "row of the model's track table"),
    ("track_name", _TEXT, "identifier of the track, null without a track table"),
    ("assay", _TEXT, "assay of the track"),
    ("biosample", _TEXT, "biosample of the track"),
    ("wt", _REAL, "TSS activity of the wild type"),
    ("control", _REAL, "mean TSS activity of the control, null where the test has none"),
    ("mutant", _REAL, "mean TSS activity over shuffles"),
    ("sd", _REAL, "s.d. of the mutant's TSS activity over shuffles (population)"),
    ("n", pa.int32(), "shuffles"),
    ("effect", _REAL, "normalised effect, null where it would divide by an activity that is not above 0"),
    ("metric", _TEXT, "formula of the effect"),
    (
        "call",
        _TEXT,
        "context: enhancing, neutral, silencing or other; "
        "tiles: enhancer, silencer or neither; null if unknown",
    ),
)

METRICS = _schema(
    ("fold", _INT, "test fold"),
    ("class", _TEXT, "class, or macro"),
    ("metric", _TEXT, "auroc, auprc, f1, accuracy, precision, recall"),
    ("value", _REAL, "value on the test set"),
)

CLASS_COUNTS = _schema(
    ("class", _TEXT, "called class"),
    ("n", _INT, "regions"),
)

FOLD_PREDICTIONS = _schema(
    ("region_id", _INT, "row of inputs/regions.parquet of the training"),
    ("set", _TEXT, "validation or test"),
    ("label", _TEXT, "true class"),
    *((f"p_{c}", pa.float32(), f"probability of {c}, mean over views") for c in CLASSES),
)

CALLS = _schema(
    ("test", _TEXT, "context, necessity or sufficiency"),
    ("track_id", _INT, "row of the model's track table"),
    ("call", _TEXT, "class, or none"),
    ("n", _INT, "rows of effects with this call"),
)

FAILURES = _schema(
    ("unit", _TEXT, "unit of work in plan.parquet"),
    ("what", _TEXT, "the gene or the regions it stands for"),
    ("attempts", pa.int32(), "times it was tried"),
    ("error", _TEXT, "the last error"),
)

SHARDS = _schema(
    ("unit", _TEXT, "name of the part file without its suffix"),
    ("shard", _INT, "number of the shard, and row group of inputs/regions.parquet"),
    ("first", _INT, "first region"),
    ("last", _INT, "one past the last region"),
)

PASS_UNITS = _schema(
    ("unit", _TEXT, "name of the part file without its suffix"),
    ("gene", _INT, "row of inputs/genes.parquet"),
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("first", _INT, "first forward pass of the gene's list"),
    ("last", _INT, "one past the last forward pass"),
)

FOLDS = _schema(
    ("unit", _TEXT, "folder of the fold"),
    ("fold", _INT, "test fold"),
    ("n_train", _INT, "regions to train on, before augmentation"),
    ("n_validation", _INT, "regions to validate on"),
    ("n_test", _INT, "regions to test on"),
)


def describe(schema: pa.Schema) -> str:
    """Return the schema as a Markdown table (the README's tables are made with it)."""
    rows = [f"| `{f.name}` | {f.type} | {f.metadata[b'description'].decode()} |" for f in schema]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])
