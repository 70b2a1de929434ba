"""The tables that `raycre compare` writes, as pyarrow schemas with a description on every field."""

from __future__ import annotations

import pyarrow as pa

from raycre.store.schemas import _INT, _REAL, _TEXT, _schema

_GROUP = (
    "group",
    _TEXT,
    "call of the tile: enhancer, silencer, …; or neutral, a sample of tiles that do little",
)
_TILE = (
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("chrom", _TEXT, "chromosome of the tile"),
    ("start", _INT, "start of the tile in the genome"),
    ("end", _INT, "end of the tile in the genome"),
    ("effect", _REAL, "effect of the tile, null where it has no value"),
)

MARKS = _schema(
    *_TILE,
    _GROUP,
    ("mark", _TEXT, "name of the signal"),
    (
        "mean",
        _REAL,
        "mean over the tile's bases, those without data being 0; null if the file lacks the chromosome",
    ),
    ("max", _REAL, "largest value in the tile, likewise"),
)

MARK_TESTS = _schema(
    ("mark", _TEXT, "name of the signal"),
    ("statistic", _TEXT, "mean or max, of a tile"),
    ("group", _TEXT, "first group"),
    ("other", _TEXT, "second group"),
    ("n", _INT, "tiles of the first group with a value"),
    ("n_other", _INT, "tiles of the second group with a value"),
    ("n_without_signal", _INT, "tiles of the first group that are 0 throughout"),
    ("n_other_without_signal", _INT, "tiles of the second group that are 0 throughout"),
    ("average", _REAL, "mean over tiles of the first group"),
    ("average_other", _REAL, "mean over tiles of the second group"),
    ("log_ratio", _REAL, "natural logarithm of the two averages' ratio, null where one is 0"),
    ("sign", pa.int32(), "1 where the first average is the higher, -1 where it is the lower, else 0"),
    ("u", _REAL, "Mann-Whitney U of the first group"),
    ("p_value", _REAL, "two-sided; null where a group is empty"),
    ("p_adjusted", _REAL, "p_value times the number of marks, at most 1 (Bonferroni)"),
)

OVERLAPS = _schema(
    ("annotation", _TEXT, "name of the BED, or class or family of repeats"),
    _GROUP,
    ("n", _INT, "tiles of the group"),
    ("n_overlapping", _INT, "of them with at least one base of the annotation"),
    ("percent", _REAL, "n_overlapping of n, in percent"),
    ("bases", _INT, "bases of the group's tiles"),
    ("bases_covered", _INT, "of them in the annotation, counted once however often it covers them"),
    ("percent_bases", _REAL, "bases_covered of bases, in percent"),
    ("n_others", _INT, "all other tiles of the test whose call is known"),
    ("n_others_overlapping", _INT, "of them with at least one base of the annotation"),
    ("odds_ratio", _REAL, "of overlapping, the group against the others; infinite where no other overlaps"),
    ("p_value", _REAL, "Fisher's exact test, two-sided; null where there are no others"),
)

PAIRS = _schema(
    ("chrom", _TEXT, "chromosome of the tested element"),
    ("start", _INT, "start of the element"),
    ("end", _INT, "end of the element"),
    ("gene", _TEXT, "gene as the table names it, null where it has only a TSS"),
    ("outcome", pa.bool_(), "whether the experiment found that the element regulates the gene"),
    ("covered", _TEXT, "yes, or why no tile stands for the pair"),
    ("n_tiles", _INT, "tiles of the gene that overlap the element"),
    ("effect", _REAL, "combined effect of these tiles"),
    ("score", _REAL, "the effect in the direction asked for; null where not covered"),
    ("distance", _REAL, "bp from the element's middle base to the TSS; null where no TSS is known"),
)

PR_CURVES = _schema(
    ("predictor", _TEXT, "creme, or distance (the nearer the likelier)"),
    ("recall", _REAL, "share of the positives that reach the threshold"),
    ("precision", _REAL, "share of positives among pairs that reach the threshold"),
    ("threshold", _REAL, "lowest score that passes; null at recall 0"),
)

SALIENCY = _schema(
    *_TILE,
    ("saliency", _REAL, "sum over the tile's bases of gradient times input"),
    ("saliency_abs", _REAL, "sum over the tile's bases of its absolute value"),
)

SALIENCY_BASES = _schema(
    ("gene_id", _TEXT, "gene identifier in the annotation"),
    ("gene_name", _TEXT, "gene name in the annotation"),
    ("chrom", _TEXT, "chromosome of the gene"),
    ("tss", _INT, "0-based position of the TSS base, which is base L // 2 of the L values"),
    ("strand", _TEXT, "strand of the gene"),
    (
        "saliency",
        pa.list_(pa.float32()),
        "gradient times input at each base of the model's input, gene direction",
    ),
)

CORRELATIONS = _schema(
    ("gene_id", _TEXT, "gene; null in the rows over all tiles"),
    ("gene_name", _TEXT, "gene name; null in the rows over all tiles"),
    ("measure", _TEXT, "signed: effect against summed saliency; absolute: both without their signs"),
    ("n", _INT, "tiles with an effect"),
    ("pearson", _REAL, "null for fewer than 3 tiles or where one side does not vary"),
    ("spearman", _REAL, "likewise"),
)
