"""What `raycre creme` writes."""

from __future__ import annotations

import pyarrow as pa

from raycre.store.fields import INT, KEY, REAL, TEXT, schema_of

PASSES = schema_of(
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("tss", INT, "0-based position of the TSS base"),
    ("pass", TEXT, "identity of the forward pass: wt, tile=...-.../shuffle=k, background=k..."),
    (
        "prediction",
        pa.large_list(pa.float32()),
        "prediction of the TSS bins, bin by bin the tracks that the file's metadata lists as kept_tracks; "
        "where it has `replicates`, of each of so many members of the ensemble in turn",
    ),
)

EFFECTS = schema_of(
    ("run_id", TEXT, "name of the run"),
    ("test", KEY, "name of the perturbation test"),
    ("model", KEY, "backbone; ends in -RANDOM-WEIGHTS where it is not a trained model"),
    ("assembly", TEXT, "name of the FASTA"),
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("gene_name", TEXT, "gene name in the annotation"),
    ("tss", INT, "0-based position of the TSS base"),
    ("strand", TEXT, "strand of the gene"),
    ("tile_chrom", TEXT, "chromosome of the tile"),
    ("tile_start", INT, "start of the tile in the genome, where it is in the wild type"),
    ("tile_end", INT, "end of the tile in the genome"),
    ("offset_start", INT, "start of the tile in the model's input (gene direction), where it stood"),
    ("offset_end", INT, "end of the tile in the model's input (gene direction)"),
    ("distance", INT, "offset_start minus the TSS tile's in bp, in gene direction (negative: upstream)"),
    ("round", pa.int32(), "round of an iterative test, null otherwise"),
    ("copies", pa.int32(), "copies of the tile, null where it does not apply"),
    ("track_id", INT, "row of the model's track table"),
    ("track_name", TEXT, "identifier of the track, null without a track table"),
    ("assay", TEXT, "assay of the track"),
    ("biosample", TEXT, "biosample of the track"),
    ("wt", REAL, "TSS activity of the wild type"),
    ("control", REAL, "mean TSS activity of the control, null where the test has none"),
    ("mutant", REAL, "mean TSS activity over shuffles"),
    ("sd", REAL, "s.d. of the mutant's TSS activity over shuffles (population)"),
    ("n", pa.int32(), "shuffles"),
    ("effect", REAL, "normalised effect, null where it would divide by an activity that is not above 0"),
    ("metric", TEXT, "formula of the effect"),
    (
        "call",
        TEXT,
        "context: enhancing, neutral, silencing or other; tiles: enhancer, silencer or neither; "
        "further tests: see docs/creme.md; null if unknown",
    ),
    ("context", TEXT, "class of the gene's context on the track, null if unknown and for swaps"),
    (
        "context_test",
        TEXT,
        "test whose shuffles the class was taken from: context, or sufficiency (its controls) where the "
        "context test was not run; null without a class",
    ),
    ("context_n", pa.int32(), "shuffles that the class was taken from; null without a class"),
    ("search", TEXT, "min (towards less activity) or max, of a test that searches; null otherwise"),
    ("context_gene_id", TEXT, "context swap: the gene whose context it is; null otherwise"),
    ("context_tss", INT, "context swap: the 0-based TSS base of that gene; null otherwise"),
    (
        "create_calls",
        TEXT,
        "regions in the tile by CREATE's class, as enhancer:2,background:1; null without a create_run",
    ),
)

ELEMENTS = schema_of(
    ("chrom", TEXT, "chromosome"),
    ("start", INT, "start of the element"),
    ("end", INT, "end of the element"),
    ("name", TEXT, "name in the input of raycre predict, null if none"),
    ("create_call", TEXT, "class by CREATE's cutoffs; the most probable class where there are none"),
    ("create_p", pa.float32(), "probability of that class"),
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("gene_name", TEXT, "gene name in the annotation"),
    ("tss", INT, "0-based position of the TSS base"),
    ("strand", TEXT, "strand of the gene"),
    ("tile_start", INT, "start of CREME's tile in the genome"),
    ("tile_end", INT, "end of that tile"),
    ("overlap_bp", INT, "bp of the element in the tile; one over two tiles has rows for both"),
    ("distance", INT, "as in effects, of the tile"),
    ("track_id", INT, "row of the model's track table"),
    ("track_name", TEXT, "identifier of the track, null without a track table"),
    ("biosample", TEXT, "biosample of the track"),
    ("test", TEXT, "necessity or sufficiency: tests with one effect of each tile"),
    ("effect", REAL, "effect of the tile on the gene, as in effects"),
    ("metric", TEXT, "formula of the effect"),
    ("creme_call", TEXT, "call of the tile by CREME: enhancer, silencer or neither; null if unknown"),
    (
        "agrees",
        pa.bool_(),
        "both call enhancer, or both silencer; null where CREATE's class is another, or CREME has no call",
    ),
)

ACTIVITIES = schema_of(
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("gene_name", TEXT, "gene name in the annotation"),
    ("chrom", TEXT, "chromosome"),
    ("tss", INT, "0-based position of the TSS base"),
    ("strand", TEXT, "strand of the gene"),
    ("track_id", INT, "row of the model's track table"),
    ("activity", REAL, "TSS activity of the wild type"),
    ("chosen", pa.bool_(), "highest TSS of its gene and among the most active genes of the track"),
)

PEAKS = schema_of(
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("tss", INT, "0-based position of the TSS base"),
    ("track_id", INT, "row of the model's track table"),
    ("peak_bin", INT, "0-based output bin of the highest prediction of the wild type; of equals a TSS bin"),
    ("peak", pa.float32(), "that prediction"),
    ("at_tss", pa.bool_(), "the bin is one of the TSS bins"),
)

GENE_PEAKS = schema_of(
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("gene_name", TEXT, "gene name in the annotation"),
    ("chrom", TEXT, "chromosome"),
    ("tss", INT, "0-based position of the TSS base"),
    ("strand", TEXT, "strand of the gene"),
    ("track_id", INT, "row of the model's track table"),
    ("peak_bin", INT, "0-based output bin of the highest prediction of the wild type; of equals a TSS bin"),
    ("at_tss", pa.bool_(), "the bin is one of the TSS bins; else the gene is dropped on this track"),
)

SAMPLED = schema_of(
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("gene_name", TEXT, "gene name in the annotation"),
    ("chrom", TEXT, "chromosome"),
    ("tss", INT, "0-based position of the TSS base"),
    ("strand", TEXT, "strand of the gene"),
    ("track_id", INT, "row of the model's track table"),
    ("context", TEXT, "class of the gene's context on the track; null where it has none"),
    (
        "sampled",
        pa.bool_(),
        "the gene is one of those of its class that go on for this track: tests other than context have rows "
        "of these genes and tracks alone",
    ),
)

CALLS = schema_of(
    ("test", TEXT, "name of the perturbation test"),
    ("track_id", INT, "row of the model's track table"),
    ("call", TEXT, "class, or none"),
    ("n", INT, "rows of effects with this call"),
)

PASS_UNITS = schema_of(
    ("unit", TEXT, "name of the part file below passes/model=..., without its suffix"),
    (
        "stage",
        TEXT,
        "step of the run: activity and peaks choose genes; context chooses those of a pipeline; tests",
    ),
    ("kind", TEXT, "passes: known beforehand; chain: tests that choose each step by the one before"),
    ("gene", INT, "row of inputs/genes.parquet, null for a gene that the run did not choose"),
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("gene_name", TEXT, "gene name in the annotation"),
    ("passes", INT, "forward passes of the unit, null where it chooses them"),
    ("to_do", INT, "of these, not known from earlier runs of the folder"),
)
