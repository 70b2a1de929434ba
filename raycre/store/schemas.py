"""The tables that raycre promises, as pyarrow schemas with a description on every field.

Coordinates are 0-based half-open int64, positions in the genome unless the name starts with `offset_`.
"""

from __future__ import annotations

import numpy as np
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
    ("call", _TEXT, "class furthest above its cutoff (FPR <= 0.01), else background; null without cutoffs"),
    ("call_argmax", _TEXT, "class of the highest probability"),
    (
        "score_margin",
        pa.float32(),
        "largest probability minus the class's cutoff over the four element classes; null without cutoffs",
    ),
    ("n_views", pa.int32(), "shifts times strands averaged"),
    ("n_folds", pa.int32(), "trained folds averaged"),
    *((f"sd_{c}", pa.float32(), f"s.d. of p_{c} over folds (population)") for c in CLASSES),
    ("model_sha256", _TEXT, "hash over the folds' weights"),
)

PASSES = _schema(
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("tss", _INT, "0-based position of the TSS base"),
    ("pass", _TEXT, "identity of the forward pass: wt, tile=...-.../shuffle=k, background=k..."),
    (
        "prediction",
        pa.large_list(pa.float32()),
        "prediction of the TSS bins, bin by bin the tracks that the file's metadata lists as kept_tracks; "
        "where it has `replicates`, of each of so many members of the ensemble in turn",
    ),
)

EFFECTS = _schema(
    ("run_id", _TEXT, "name of the run"),
    ("test", _KEY, "name of the perturbation test"),
    ("model", _KEY, "backbone; ends in -RANDOM-WEIGHTS where it is not a trained model"),
    ("assembly", _TEXT, "name of the FASTA"),
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("tss", _INT, "0-based position of the TSS base"),
    ("strand", _TEXT, "strand of the gene"),
    ("tile_chrom", _TEXT, "chromosome of the tile"),
    ("tile_start", _INT, "start of the tile in the genome, where it is in the wild type"),
    ("tile_end", _INT, "end of the tile in the genome"),
    ("offset_start", _INT, "start of the tile in the model's input (gene direction), where it stood"),
    ("offset_end", _INT, "end of the tile in the model's input (gene direction)"),
    ("distance", _INT, "offset_start minus the TSS tile's in bp, in gene direction (negative: upstream)"),
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
        "context: enhancing, neutral, silencing or other; tiles: enhancer, silencer or neither; "
        "further tests: see docs/creme.md; null if unknown",
    ),
    ("context", _TEXT, "class of the gene's context on the track, null if unknown and for swaps"),
    (
        "context_test",
        _TEXT,
        "test whose shuffles the class was taken from: context, or sufficiency (its controls) where the "
        "context test was not run; null without a class",
    ),
    ("context_n", pa.int32(), "shuffles that the class was taken from; null without a class"),
    ("search", _TEXT, "min (towards less activity) or max, of a test that searches; null otherwise"),
    ("context_gene_id", _TEXT, "context swap: the gene whose context it is; null otherwise"),
    ("context_tss", _INT, "context swap: the 0-based TSS base of that gene; null otherwise"),
    (
        "create_calls",
        _TEXT,
        "regions in the tile by CREATE's class, as enhancer:2,background:1; null without a create_run",
    ),
)

ELEMENTS = _schema(
    ("chrom", _TEXT, "chromosome"),
    ("start", _INT, "start of the element"),
    ("end", _INT, "end of the element"),
    ("name", _TEXT, "name in the input of raycre predict, null if none"),
    ("create_call", _TEXT, "class by CREATE's cutoffs; the most probable class where there are none"),
    ("create_p", pa.float32(), "probability of that class"),
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("tss", _INT, "0-based position of the TSS base"),
    ("strand", _TEXT, "strand of the gene"),
    ("tile_start", _INT, "start of CREME's tile in the genome"),
    ("tile_end", _INT, "end of that tile"),
    ("overlap_bp", _INT, "bp of the element in the tile; one over two tiles has rows for both"),
    ("distance", _INT, "as in effects, of the tile"),
    ("track_id", _INT, "row of the model's track table"),
    ("track_name", _TEXT, "identifier of the track, null without a track table"),
    ("biosample", _TEXT, "biosample of the track"),
    ("test", _TEXT, "necessity or sufficiency: tests with one effect of each tile"),
    ("effect", _REAL, "effect of the tile on the gene, as in effects"),
    ("metric", _TEXT, "formula of the effect"),
    ("creme_call", _TEXT, "call of the tile by CREME: enhancer, silencer or neither; null if unknown"),
    (
        "agrees",
        pa.bool_(),
        "both call enhancer, or both silencer; null where CREATE's class is another, or CREME has no call",
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
    ("n", _INT, "regions; null for a class that the models were not trained on"),
)

FOLD_PREDICTIONS = _schema(
    ("region_id", _INT, "row of inputs/regions.parquet of the training"),
    ("set", _TEXT, "validation or test"),
    ("label", _TEXT, "true class"),
    *((f"p_{c}", pa.float32(), f"probability of {c}, mean over views") for c in CLASSES),
)

ACTIVITIES = _schema(
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("chrom", _TEXT, "chromosome"),
    ("tss", _INT, "0-based position of the TSS base"),
    ("strand", _TEXT, "strand of the gene"),
    ("track_id", _INT, "row of the model's track table"),
    ("activity", _REAL, "TSS activity of the wild type"),
    ("chosen", pa.bool_(), "highest TSS of its gene and among the most active genes of the track"),
)

PEAKS = _schema(
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("tss", _INT, "0-based position of the TSS base"),
    ("track_id", _INT, "row of the model's track table"),
    ("peak_bin", _INT, "0-based output bin of the highest prediction of the wild type; of equals a TSS bin"),
    ("peak", pa.float32(), "that prediction"),
    ("at_tss", pa.bool_(), "the bin is one of the TSS bins"),
)

GENE_PEAKS = _schema(
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("chrom", _TEXT, "chromosome"),
    ("tss", _INT, "0-based position of the TSS base"),
    ("strand", _TEXT, "strand of the gene"),
    ("track_id", _INT, "row of the model's track table"),
    ("peak_bin", _INT, "0-based output bin of the highest prediction of the wild type; of equals a TSS bin"),
    ("at_tss", pa.bool_(), "the bin is one of the TSS bins; else the gene is dropped on this track"),
)

SAMPLED = _schema(
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("chrom", _TEXT, "chromosome"),
    ("tss", _INT, "0-based position of the TSS base"),
    ("strand", _TEXT, "strand of the gene"),
    ("track_id", _INT, "row of the model's track table"),
    ("context", _TEXT, "class of the gene's context on the track; null where it has none"),
    (
        "sampled",
        pa.bool_(),
        "the gene is one of those of its class that go on for this track: tests other than context have rows "
        "of these genes and tracks alone",
    ),
)

CALLS = _schema(
    ("test", _TEXT, "name of the perturbation test"),
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
    ("unit", _TEXT, "name of the part file below passes/model=..., without its suffix"),
    (
        "stage",
        _TEXT,
        "step of the run: activity and peaks choose genes; context chooses those of a pipeline; tests",
    ),
    ("kind", _TEXT, "passes: known beforehand; chain: tests that choose each step by the one before"),
    ("gene", _INT, "row of inputs/genes.parquet, null for a gene that the run did not choose"),
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("passes", _INT, "forward passes of the unit, null where it chooses them"),
    ("to_do", _INT, "of these, not known from earlier runs of the folder"),
)

FOLDS = _schema(
    ("unit", _TEXT, "folder of the fold"),
    ("fold", _INT, "test fold"),
    ("n_train", _INT, "regions to train on, before augmentation"),
    ("n_validation", _INT, "regions to validate on"),
    ("n_test", _INT, "regions to test on"),
)


CURVES = _schema(
    ("fold", _INT, "test fold"),
    ("class", _TEXT, "class against the rest; one without regions in the test set has no rows"),
    ("curve", _TEXT, "roc or pr"),
    ("x", _REAL, "roc: false positive rate; pr: recall"),
    ("y", _REAL, "roc: true positive rate; pr: precision, held back to the recall of the point before"),
    ("threshold", _REAL, "smallest probability that passes, null where none does"),
)

CONFUSION = _schema(
    ("fold", _INT, "test fold"),
    ("truth", _TEXT, "true class"),
    ("called", _TEXT, "class of the highest probability"),
    ("n", _INT, "test regions"),
)

SPECTRUM = _schema(
    ("class", _TEXT, "class of the regions"),
    ("code", _INT, "code of the codebook, 0-based"),
    ("count", _INT, "times the code stands in the regions of the class"),
    ("t", _REAL, "share of the class's codes (CREATE eq. 12), null for a class without regions"),
    ("p", _REAL, "feature probability score (eq. 13), null for an unused code or a class without regions"),
    ("p_max", _REAL, "highest score of the code over the classes (eq. 14), null for an unused code"),
    ("class_of_feature", _TEXT, "class of that score, the first on a tie (eq. 15), null for an unused code"),
    ("order", _INT, "column of the code in the spectrum, 0-based, null for an unused code"),
)

_CENTRED = "of the centred window, forward strand"
_TRACK = pa.list_(pa.float32())
OPENNESS_UNIT = "openness_unit"  # key of the metadata of the two tables below
OPENNESS_UNITS = {True: "log10(mean reads + 1)", False: "mean reads"}  # by model.log_openness
_SIGNALS = (
    ("openness", f"{OPENNESS_UNITS[True]} (or what the metadata's {OPENNESS_UNIT} says)"),
    ("loops", "log10(loops + 1)"),
)
_KINDS = (
    ("original", "of the input"),
    ("reconstructed", "decoded from the region's codes"),
    ("zeroed", "decoded with the pieces of the code set to 0"),
)

MAJOR_FEATURES = _schema(
    ("class", _TEXT, "class of the regions"),
    ("code", _INT, "its major feature: the code of highest p_max of its own; null where it has none"),
    ("p", _REAL, "feature probability score of the code in the class"),
    (
        "n_tied",
        _INT,
        "codes of the class with that p_max; of these the one that stands most often in the class is taken, "
        "then the lowest",
    ),
    ("n_regions", _INT, "test regions of the class"),
    ("n_with_it", _INT, "of these, regions that use the code"),
    ("n_decoded", _INT, "regions of the class that were decoded, users or not; what follows is over these"),
    *(
        (f"{name}_{kind}", _REAL, f"mean {unit} over bp and regions, {text}")
        for name, unit in _SIGNALS
        for kind, text in _KINDS
    ),
    *(
        (f"{name}_{column}", _REAL, f"one-sided Wilcoxon rank-sum test of regions' mean {name}: {text}")
        for name, _ in _SIGNALS
        for column, text in (
            ("p_value", "is original greater than zeroed? (CREATE Fig. 4d, e)"),
            ("p_decoded", "is reconstructed greater than zeroed? (ours: without the decoder's own error)"),
        )
    ),
    ("bases_changed", _REAL, "share of bp whose likeliest base differs between reconstructed and zeroed"),
)

ZEROED = _schema(
    ("region_id", _INT, "row of inputs/regions.parquet of the training"),
    ("class", _TEXT, "true class"),
    ("code", _INT, "major feature of the class"),
    ("n_pieces", _INT, "pieces of the region's embedding that the code stands for; 0: nothing is zeroed"),
    *(
        (f"{name}_{kind}", _REAL, f"mean {unit} over 1,000 bp, {text}; null if the model reads no {name}")
        for name, unit in _SIGNALS
        for kind, text in _KINDS
    ),
    ("bases_changed", _REAL, "share of bp whose likeliest base differs between reconstructed and zeroed"),
)

DECODERS = _schema(
    ("modality", _TEXT, "sequence, openness or loops"),
    ("n_regions", _INT, "validation and test regions, centred window, forward strand"),
    (
        "sd_input",
        _REAL,
        "s.d. of the input over regions at one bp, root mean square over bp (of sequence: one-hot bases)",
    ),
    ("sd_decoded", _REAL, "the same of what is decoded (of sequence: probabilities)"),
    ("share", _REAL, "sd_decoded / sd_input; null where the input is the same in all regions"),
    ("constant", pa.bool_(), "share below 0.01: what is decoded hardly depends on the region"),
)

CODEBOOK = _schema(
    ("code", _INT, "code, 0-based"),
    ("vector", _TRACK, "its feature: embedding / M numbers"),
)

RECONSTRUCTION = _schema(
    ("region_id", _INT, "row of inputs/regions.parquet of the training"),
    ("class", _TEXT, "true class"),
    ("code", _INT, "major feature of the class"),
    *(
        (f"{name}_{kind}", _TRACK, f"{unit} at each of 1,000 bp, {text}; null if the model reads no {name}")
        for name, unit in _SIGNALS
        for kind, text in _KINDS
    ),
    *(
        (f"sequence_{kind}", _TEXT, f"likeliest of the 1,000 bases, {text}; null if the model reads none")
        for kind, text in _KINDS
    ),
)


MAP, MAP_WHY, MAP_OF = "map", "map_why", "map_of"  # keys of the metadata of embeddings
_PLACED = (
    "of embeddings, one of two coordinates: UMAP or PCA, as the metadata's map says, of what its embedding "
    "says; null for a region that was not mapped (map_of, map_why)"
)


def _codes_field(n_codes: int) -> tuple[str, pa.DataType, str]:
    kind = pa.from_numpy_dtype(np.min_scalar_type(n_codes - 1))  # uint8 to 256 codes, uint16 above
    return (
        "codes",
        pa.list_(kind),
        f"26 x M codes {_CENTRED}, position by position, in the smallest unsigned type that holds K; "
        "codebook[codes] laid end to end is the quantised embedding (26, embedding), codebook being the "
        "fold's codebook.parquet, or quantizer.codebook of its weights",
    )


def codes_schema(n_codes: int) -> pa.Schema:
    """Schema of the codes of predicted regions, for a codebook of n_codes."""
    return _schema(
        ("region_id", _INT, "number of the region in the run, in input order"),
        ("fold", pa.int32(), "fold whose codebook it is"),
        _codes_field(n_codes),
    )


def embeddings_schema(n_codes: int) -> pa.Schema:
    """Schema of the embeddings of a fold's test regions; `codes` is null without a codebook.

    An embedding is codebook[codes]; its 3,328 numbers are not stored.
    """
    return _schema(
        ("region_id", _INT, "row of inputs/regions.parquet of the training"),
        ("label", _TEXT, "true class"),
        ("call_argmax", _TEXT, f"class of the highest probability {_CENTRED}"),
        *((f"p_{c}", pa.float32(), f"probability of {c} {_CENTRED}") for c in CLASSES),
        ("x", pa.float32(), f"place on the map {_PLACED}"),
        ("y", pa.float32(), f"place on the map {_PLACED}"),
        _codes_field(n_codes),
    )


def describe(schema: pa.Schema) -> str:
    """Return the schema as a Markdown table (the README's tables are made with it)."""
    rows = [f"| `{f.name}` | {f.type} | {f.metadata[b'description'].decode()} |" for f in schema]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


SWEEP = _schema(
    ("setting", _TEXT, "the run: its folder below sweep/"),
    ("metric", _TEXT, "auroc, auprc, f1, accuracy, precision, recall, f1_of_macro; macro over classes"),
    ("mean", _REAL, "mean over the folds' test sets"),
    ("sd", _REAL, "s.d. over folds (population)"),
    ("n_folds", _INT, "folds with a value"),
    ("difference", _REAL, "mean over folds of this setting minus the first one of the sweep"),
    ("p_value", _REAL, "one-sided paired Wilcoxon test over folds that the first is greater; null for it"),
)
