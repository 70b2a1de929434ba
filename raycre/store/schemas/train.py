"""What `raycre train` and its sweeps write."""

from __future__ import annotations

import pyarrow as pa

from raycre.genome.classes import CLASSES
from raycre.store.fields import INT, REAL, TEXT, schema_of
from raycre.store.schemas.shared import CENTRED, codes_field

METRICS = schema_of(
    ("fold", INT, "test fold"),
    ("class", TEXT, "class, or macro"),
    ("metric", TEXT, "auroc, auprc, f1, accuracy, precision, recall"),
    ("value", REAL, "value on the test set"),
)

FOLD_PREDICTIONS = schema_of(
    ("region_id", INT, "row of inputs/regions.parquet of the training"),
    ("set", TEXT, "validation or test"),
    ("label", TEXT, "true class"),
    *((f"p_{c}", pa.float32(), f"probability of {c}, mean over views") for c in CLASSES),
)

FOLDS = schema_of(
    ("unit", TEXT, "folder of the fold"),
    ("fold", INT, "test fold"),
    ("n_train", INT, "regions to train on, before augmentation"),
    ("n_validation", INT, "regions to validate on"),
    ("n_test", INT, "regions to test on"),
)

CURVES = schema_of(
    ("fold", INT, "test fold"),
    ("class", TEXT, "class against the rest; one without regions in the test set has no rows"),
    ("curve", TEXT, "roc or pr"),
    ("x", REAL, "roc: false positive rate; pr: recall"),
    ("y", REAL, "roc: true positive rate; pr: precision, held back to the recall of the point before"),
    ("threshold", REAL, "smallest probability that passes, null where none does"),
)

CONFUSION = schema_of(
    ("fold", INT, "test fold"),
    ("truth", TEXT, "true class"),
    ("called", TEXT, "class of the highest probability"),
    ("n", INT, "test regions"),
)

SPECTRUM = schema_of(
    ("class", TEXT, "class of the regions"),
    ("code", INT, "code of the codebook, 0-based"),
    ("count", INT, "times the code stands in the regions of the class"),
    ("t", REAL, "share of the class's codes (CREATE eq. 12), null for a class without regions"),
    ("p", REAL, "feature probability score (eq. 13), null for an unused code or a class without regions"),
    ("p_max", REAL, "highest score of the code over the classes (eq. 14), null for an unused code"),
    ("class_of_feature", TEXT, "class of that score, the first on a tie (eq. 15), null for an unused code"),
    ("order", INT, "column of the code in the spectrum, 0-based, null for an unused code"),
)

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

MAJOR_FEATURES = schema_of(
    ("class", TEXT, "class of the regions"),
    ("code", INT, "its major feature: the code of highest p_max of its own; null where it has none"),
    ("p", REAL, "feature probability score of the code in the class"),
    (
        "n_tied",
        INT,
        "codes of the class with that p_max; of these the one that stands most often in the class is taken, "
        "then the lowest",
    ),
    ("n_regions", INT, "test regions of the class"),
    ("n_with_it", INT, "of these, regions that use the code"),
    ("n_decoded", INT, "regions of the class that were decoded, users or not; what follows is over these"),
    *(
        (f"{name}_{kind}", REAL, f"mean {unit} over bp and regions, {text}")
        for name, unit in _SIGNALS
        for kind, text in _KINDS
    ),
    *(
        (f"{name}_{column}", REAL, f"one-sided Wilcoxon rank-sum test of regions' mean {name}: {text}")
        for name, _ in _SIGNALS
        for column, text in (
            ("p_value", "is original greater than zeroed? (CREATE Fig. 4d, e)"),
            ("p_decoded", "is reconstructed greater than zeroed? (ours: without the decoder's own error)"),
        )
    ),
    ("bases_changed", REAL, "share of bp whose likeliest base differs between reconstructed and zeroed"),
)

ZEROED = schema_of(
    ("region_id", INT, "row of inputs/regions.parquet of the training"),
    ("class", TEXT, "true class"),
    ("code", INT, "major feature of the class"),
    ("n_pieces", INT, "pieces of the region's embedding that the code stands for; 0: nothing is zeroed"),
    *(
        (f"{name}_{kind}", REAL, f"mean {unit} over 1,000 bp, {text}; null if the model reads no {name}")
        for name, unit in _SIGNALS
        for kind, text in _KINDS
    ),
    ("bases_changed", REAL, "share of bp whose likeliest base differs between reconstructed and zeroed"),
)

DECODERS = schema_of(
    ("modality", TEXT, "sequence, openness (accessibility) or loops"),
    ("n_regions", INT, "validation and test regions, centred window, forward strand"),
    (
        "sd_input",
        REAL,
        "s.d. of the input over regions at one bp, root mean square over bp (of sequence: one-hot bases)",
    ),
    ("sd_decoded", REAL, "the same of what is decoded (of sequence: probabilities)"),
    ("share", REAL, "sd_decoded / sd_input; null where the input is the same in all regions"),
    ("constant", pa.bool_(), "share below 0.01: what is decoded hardly depends on the region"),
)

CODEBOOK = schema_of(
    ("code", INT, "code, 0-based"),
    ("vector", _TRACK, "its feature: embedding / M numbers"),
)

RECONSTRUCTION = schema_of(
    ("region_id", INT, "row of inputs/regions.parquet of the training"),
    ("class", TEXT, "true class"),
    ("code", INT, "major feature of the class"),
    *(
        (f"{name}_{kind}", _TRACK, f"{unit} at each of 1,000 bp, {text}; null if the model reads no {name}")
        for name, unit in _SIGNALS
        for kind, text in _KINDS
    ),
    *(
        (f"sequence_{kind}", TEXT, f"likeliest of the 1,000 bases, {text}; null if the model reads none")
        for kind, text in _KINDS
    ),
)

MAP, MAP_WHY, MAP_OF = "map", "map_why", "map_of"  # keys of the metadata of embeddings

_PLACED = (
    "of embeddings, one of two coordinates: UMAP or PCA, as the metadata's map says, of what its embedding "
    "says; null for a region that was not mapped (map_of, map_why)"
)


def embeddings_schema(n_codes: int) -> pa.Schema:
    """Schema of the embeddings of a fold's test regions; `codes` is null without a codebook.

    An embedding is codebook[codes]; its 3,328 numbers are not stored.
    """
    return schema_of(
        ("region_id", INT, "row of inputs/regions.parquet of the training"),
        ("label", TEXT, "true class"),
        ("call_argmax", TEXT, f"class of the highest probability {CENTRED}"),
        *((f"p_{c}", pa.float32(), f"probability of {c} {CENTRED}") for c in CLASSES),
        ("x", pa.float32(), f"place on the map {_PLACED}"),
        ("y", pa.float32(), f"place on the map {_PLACED}"),
        codes_field(n_codes),
    )


SWEEP = schema_of(
    ("setting", TEXT, "the run: its folder below sweep/"),
    ("metric", TEXT, "auroc, auprc, f1, accuracy, precision, recall, f1_of_macro; macro over classes"),
    ("mean", REAL, "mean over the folds' test sets"),
    ("sd", REAL, "s.d. over folds (population)"),
    ("n_folds", INT, "folds with a value"),
    ("difference", REAL, "mean over folds of this setting minus the first one of the sweep"),
    ("p_value", REAL, "one-sided paired Wilcoxon test over folds that the first is greater; null for it"),
)
