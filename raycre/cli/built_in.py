"""Comparisons, annotations and tests that come with raycre, as the command line's help needs them.

`python docs/tables.py` writes this file from their declarations.
"""
# fmt: off
# ruff: noqa: E501

from __future__ import annotations

import collections.abc
import pathlib
import typing
from dataclasses import MISSING

from raycre.cli.declared import Declared
from raycre.options import Taken

COMPARISONS = {
    'marks': Declared(
        'marks', 'Test whether two groups of tiles differ in mean or maximal coverage of marks.', (
            Taken('signals', collections.abc.Mapping[str, pathlib.Path], MISSING, 'files', 'bigWig or bedGraph, one a mark.', '[NAME=]FILE...', None, None),
            Taken('groups', tuple[str, ...], ('enhancer', 'silencer'), None, 'Two calls, or neutral: a sample of tiles that do little.', None, None, None),
            Taken('seed', int, 0, None, 'Seed of what is drawn.', None, None, 0),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the run to the signals'.", None, None, None),
        ), ('sizes',), 'sufficiency',
    ),
    'overlap': Declared(
        'overlap', 'Count tiles and bases of tiles in annotated intervals, against all other tiles.', (
            Taken('beds', collections.abc.Mapping[str, pathlib.Path], MISSING, 'files', 'One file an annotation.', '[NAME=]BED...', None, None),
            Taken('groups', tuple[str, ...], ('enhancer', 'silencer'), None, 'Calls, with commas between.', None, None, None),
            Taken('by_name', bool, False, None, 'Every name in column 4 is an annotation.', None, None, None),
            Taken('compat', str, 'fixed', None, "fixed; reference: tiles of - genes mirrored, as in the authors' notebook.", None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the annotations to the run's.", None, None, None),
        ), ('sizes',), 'sufficiency',
    ),
    'repeats': Declared(
        'repeats', 'Count tiles and bases of tiles in repeats, class by class, against all other tiles.', (
            Taken('repeats', pathlib.Path, MISSING, 'file', 'rmsk.txt of UCSC, .out of RepeatMasker, or BED by class.', 'FILE', None, None),
            Taken('by', str, 'class', None, 'class or family.', None, None, None),
            Taken('groups', tuple[str, ...], ('enhancer', 'silencer'), None, 'Calls, with commas between.', None, None, None),
            Taken('compat', str, 'fixed', None, "fixed; reference: tiles of - genes mirrored, as in the authors' notebook.", None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the repeats to the run's.", None, None, None),
        ), ('sizes',), 'sufficiency',
    ),
    'crispri': Declared(
        'crispri', 'Score CRISPR-tested pairs of element and gene: precision and recall.', (
            Taken('pairs', pathlib.Path, MISSING, 'file', 'TSV of the EPCrispr benchmark, or BEDPE of pairs.', 'TABLE', None, None),
            Taken('direction', typing.Literal['decrease', 'increase', 'either'], 'decrease', None, 'Of expression on repression: decrease, increase or either.', None, None, None),
            Taken('combine', typing.Literal['max', 'mean', 'sum'], 'max', None, "Scores of a pair's tiles: max, mean or sum.", None, None, None),
            Taken('missing', typing.Literal['drop', 'lowest'], 'drop', None, 'Pairs without a tile: drop, or lowest (ranked last).', None, None, None),
            Taken('outcome_column', int | None, None, None, 'BEDPE: column, from 1, with TRUE or FALSE.', None, None, None),
            Taken('gene_column', int | None, None, None, "BEDPE: column with the gene's name; else by TSS.", None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the pairs to the run's.", None, None, None),
        ), ('sizes',), 'necessity',
    ),
    'fasta': Declared(
        'fasta', 'Write called tiles and backgrounds as FASTA, for XSTREME (--p and --n) and the like.', (
            Taken('groups', tuple[str, ...], ('enhancer', 'silencer'), None, 'Calls, with commas between.', None, None, None),
            Taken('backgrounds', tuple[str, ...], ('shuffled', 'matched'), None, 'shuffled, matched (by GC and length), both with a comma, or none.', None, 'none', None),
            Taken('seed', int, 0, None, 'Seed of what is drawn.', None, None, 0),
        ), ('genome',), 'sufficiency',
    ),
    'saliency': Declared(
        'saliency', 'Correlate gradient times input with effects, tile by tile.', (
            Taken('genes', tuple[str, ...], (), None, 'Names or ids, with commas between; default: all.', None, '', None),
            Taken('gpu', bool, False, None, 'Compute on the GPU.', None, None, None),
            Taken('bases', bool, False, None, 'Also write the values of every base.', None, None, None),
        ), ('model',), 'necessity',
    ),
    'pruning': Declared(
        'pruning', 'Embed the bases that saliency, motif hits and chance choose of called tiles, and score them.', (
            Taken('groups', tuple[str, ...], ('enhancer', 'silencer'), None, 'Calls, with commas between.', None, None, None),
            Taken('step', int, 500, None, 'Bases that each step of saliency and random shuffles more.', None, None, 1),
            Taken('shuffles', int, 10, None, 'Shuffled backgrounds, the same for all methods.', None, None, 1),
            Taken('rank', typing.Literal['absolute', 'signed'], 'absolute', None, 'Saliency of a base: the size of gradient times input, or with its sign.', None, None, None),
            Taken('hits', pathlib.Path | None, None, None, "Motif hits in the genome (BED): what FIMO finds of XSTREME's motifs.", None, None, None),
            Taken('seed', int, 0, None, "Seed of the backgrounds and of chance: the run's own for its backgrounds.", None, None, 0),
            Taken('gpu', bool, False, None, 'Compute on the GPU.', None, None, None),
        ), ('model',), 'sufficiency',
    ),
    'profiles': Declared(
        'profiles', 'Predict whole profiles of chosen genes: wild type, and with the context shuffled.', (
            Taken('genes', tuple[str, ...], (), None, 'Names or ids, with commas between; default: all.', None, '', None),
            Taken('shuffles', int, 10, None, 'Shuffles of the context; 0: the wild type alone.', None, None, 0),
            Taken('seed', int, 0, None, 'Seed of the shuffles.', None, None, 0),
            Taken('gpu', bool, False, None, 'Compute on the GPU.', None, None, None),
        ), ('model',), 'necessity',
    ),
}

ANNOTATIONS = {
    'motifs': Declared(
        'motifs', "Motif hits by FIMO's rule, combined by Fisher's method for each region and motif.", (
            Taken('motifs', pathlib.Path, MISSING, 'file', 'Motifs in MEME format (HOCOMOCO, JASPAR).', 'MEME', None, None),
            Taken('threshold', float, 0.0001, None, 'Hits have a smaller p.', None, None, None),
            Taken('strands', typing.Literal['both', 'one'], 'both', None, "both: a palindrome's two hits count twice, as FIMO prints them; one: the better at a place.", None, None, None),
            Taken('several', typing.Literal['each', 'first'], 'each', None, 'Several motifs of a factor: each by itself, or the first in the file.', None, None, None),
            Taken('hits', bool, False, None, 'Write every hit, too.', None, None, None),
        ), ('genome',), '',
    ),
    'decoded': Declared(
        'decoded', "Motifs that a training's regions lose when they are decoded without their major feature.", (
            Taken('motifs', pathlib.Path, MISSING, 'file', 'Motifs in MEME format (HOCOMOCO, JASPAR).', 'MEME', None, None),
            Taken('threshold', float, 0.0001, None, 'Hits have a smaller p.', None, None, None),
            Taken('strands', typing.Literal['both', 'one'], 'both', None, "both: a palindrome's two hits count twice, as FIMO prints them; one: the better at a place.", None, None, None),
            Taken('several', typing.Literal['each', 'first'], 'each', None, 'Several motifs of a factor: each by itself, or the first in the file.', None, None, None),
        ), ('decoded',), '',
    ),
    'conservation': Declared(
        'conservation', 'Mean score of bases (phastCons) as bigWigAverageOverBed gives it.', (
            Taken('scores', pathlib.Path, MISSING, 'file', 'bigWig of scores (phastCons, phyloP); values may be negative.', 'BIGWIG', None, None),
            Taken('compared', typing.Literal['mean0', 'mean'], 'mean0', None, 'Groups are compared in mean0 (bases without a score are 0) or mean (bases with one alone).', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the regions to the scores'.", None, None, None),
        ), (), '',
    ),
    'methylation': Declared(
        'methylation', 'Mean methylation over CpGs, then over replicates.', (
            Taken('replicates', collections.abc.Mapping[str, pathlib.Path], MISSING, 'files', 'bedMethyl (or bigWig of percent), one a replicate.', '[NAME=]FILE...', None, None),
            Taken('coverage', int, 1, None, 'Reads that a CpG must have; 0 takes those without any as 0 %.', None, None, 0),
            Taken('weigh', typing.Literal['cpg', 'coverage'], 'cpg', None, 'Groups are compared in the mean over CpGs, or weighted by coverage.', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the CpGs to the regions'.", None, None, None),
        ), (), '',
    ),
    'contacts': Declared(
        'contacts', 'Fragments and contacts (promoter-capture Hi-C, loops) that overlap.', (
            Taken('contacts', pathlib.Path, MISSING, 'file', 'Contacts, two anchors a row (promoter-capture Hi-C, loops).', 'BEDPE', None, None),
            Taken('count', typing.Literal['distinct_anchors', 'anchor_rows', 'contacts'], 'distinct_anchors', None, 'Groups are compared in: distinct_anchors, anchor_rows or contacts.', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the contacts to the regions'.", None, None, None),
        ), (), '',
    ),
    'variants': Declared(
        'variants', 'Variants of a VCF: all, common, and rare ones by their id.', (
            Taken('variants', pathlib.Path, MISSING, 'file', 'All variants (dbSNP), plain or bgzip; no index is needed.', 'VCF', None, None),
            Taken('common', pathlib.Path | None, None, None, 'VCF of the common variants; all others are rare.', None, None, None),
            Taken('rare_by', typing.Literal['id', 'allele'], 'id', None, 'A variant is common by its id, or by its place and alleles (allele).', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the variants to the regions'.", None, None, None),
        ), (), '',
    ),
    'eqtls': Declared(
        'eqtls', "GTEx's eQTLs: variants, or pairs of variant and gene.", (
            Taken('eqtls', collections.abc.Mapping[str, pathlib.Path], MISSING, 'files', "GTEx's signif_variant_gene_pairs, one a tissue.", '[NAME=]FILE...', None, None),
            Taken('count', typing.Literal['variants', 'pairs'], 'variants', None, 'Groups are compared in variants, or pairs.', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the variants to the regions'.", None, None, None),
        ), (), '',
    ),
    'genes': Declared(
        'genes', 'Nearest and contacted genes, their types and expression.', (
            Taken('genes', pathlib.Path, MISSING, 'file', 'GTF, or a list of TSSs (BED of six columns, or a table).', 'GENES', None, None),
            Taken('contacts', pathlib.Path | None, None, None, 'BEDPE: also the genes whose TSS is in the other anchor.', None, None, None),
            Taken('expression', pathlib.Path | None, None, None, 'Table of genes and TPM, or bigWig (mean over the gene).', None, None, None),
            Taken('tissue', str | None, None, None, 'Column of the table of expression, where it has several.', None, None, None),
            Taken('within', int | None, None, None, 'The nearest gene counts at most so many bp away.', None, None, 0),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the files to the regions'.", None, None, None),
        ), (), '',
    ),
    'marks': Declared(
        'marks', 'Mean and maximum of signals (ChIP-seq, accessibility).', (
            Taken('signals', collections.abc.Mapping[str, pathlib.Path], MISSING, 'files', 'bigWig or bedGraph, one a mark.', '[NAME=]FILE...', None, None),
            Taken('statistic', typing.Literal['both', 'mean', 'max'], 'both', None, 'Groups are compared in mean, max or both.', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the regions to the signals'.", None, None, None),
        ), (), '',
    ),
    'overlap': Declared(
        'overlap', 'Bases in known elements or other intervals.', (
            Taken('beds', collections.abc.Mapping[str, pathlib.Path], MISSING, 'files', 'Known elements, one file a kind.', '[NAME=]BED...', None, None),
            Taken('by_name', bool, False, None, 'Every name in column 4 is a kind of its own.', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the intervals to the regions'.", None, None, None),
        ), (), '',
    ),
    'repeats': Declared(
        'repeats', "Bases in RepeatMasker's repeats, class by class.", (
            Taken('repeats', pathlib.Path, MISSING, 'file', 'rmsk.txt of UCSC, .out of RepeatMasker, or BED by class.', 'FILE', None, None),
            Taken('by', typing.Literal['class', 'family'], 'class', None, 'class or family.', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the repeats to the regions'.", None, None, None),
        ), (), '',
    ),
    'listed': Declared(
        'listed', 'Whether the name is on a list (housekeeping genes).', (
            Taken('names', pathlib.Path, MISSING, 'file', 'Names of genes or regions, one a line.', 'NAMES', None, None),
        ), (), '',
    ),
    'dual': Declared(
        'dual', 'Dual-function elements: silencers here, enhancers in another run.', (
            Taken('partner', pathlib.Path, pathlib.Path(), None, 'Calls of the other cell type: a run of `raycre predict`, or a table.', None, None, None),
            Taken('min_overlap', int, 600, None, 'bp shared with one element; so many count.', None, None, 1),
            Taken('first', str, 'silencer', None, 'What an element is here.', None, None, None),
            Taken('second', str, 'enhancer', None, 'What it is in the other cell type.', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the other cell type's calls to the regions'.", None, None, None),
        ), ('groups',), '',
    ),
    'sources': Declared(
        'sources', 'Share of every experiment in the regions of each group.', (
            Taken('sources', pathlib.Path | None, None, None, "Table of region (its name) and sources, with commas between; else the regions' own.", None, None, None),
        ), ('groups',), '',
    ),
    'ldsc': Declared(
        'ldsc', 'Annotation files for partitioned LDSC, a column for each group.', (
            Taken('bims', collections.abc.Mapping[str, pathlib.Path], MISSING, 'files', "PLINK's .bim of the reference panel, one a chromosome.", 'BIM...', None, None),
            Taken('prefix', str, 'raycre', None, 'What the names of the .annot.gz begin with.', None, None, None),
            Taken('thin', bool, False, None, 'One file a group with a single column (ldsc.py --thin-annot).', None, None, None),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the SNPs to the regions'.", None, None, None),
        ), ('groups',), '',
    ),
    'snpsea': Declared(
        'snpsea', "Tissues whose specific genes lie at the regions, by SNPsea's formulas; and its input.", (
            Taken('matrix', pathlib.Path, MISSING, 'file', 'Genes x tissues (Gene Atlas, GTEx), or sets of genes as 0 and 1.', 'MATRIX', None, None),
            Taken('genes', pathlib.Path, MISSING, 'file', 'GTF, or a table with start and end of genes.', 'GENES', None, None),
            Taken('score', typing.Literal['single', 'total'], 'single', None, 'Of a locus: its most specific gene, or all of them (total).', None, None, None),
            Taken('slop', int, 10000, None, 'bp on both sides of a region whose genes it has.', None, None, 0),
            Taken('merge', bool, True, None, 'Loci that share a gene are one.', None, None, None),
            Taken('null', str, 'background', None, 'Group whose regions are the null loci.', None, None, None),
            Taken('null_sets', int, 10000, None, 'Null sets that are drawn; all where there are no more.', None, None, 1),
            Taken('seed', int, 0, None, 'Seed of what is drawn.', None, None, 0),
            Taken('chain', pathlib.Path | None, None, None, "Chain file from the assembly of the genes to the regions'.", None, None, None),
        ), ('groups',), '',
    ),
    'great': Declared(
        'great', 'BED of each group and of all regions, for GREAT.', (
        ), ('groups',), '',
    ),
    'values': Declared(
        'values', 'Numbers that regions already have, in any table: to compare its groups.', (
            Taken('columns', tuple[str, ...], (), None, 'Columns of numbers, with commas between; default: all but probabilities.', None, '', None),
        ), ('values',), '',
    ),
}

TESTS = {
    'activity': 'how active is the TSS of the wild type?',
    'context': 'how much activity is left when everything outside the TSS tile is shuffled?',
    'swap': 'how active is the TSS tile of one gene in the context of another?',
    'necessity': 'how much activity is lost when one tile is shuffled?',
    'sufficiency': 'what does one tile add to the TSS tile when all else is shuffled?',
    'distance': 'what does an element do from other places, when all else is shuffled?',
    'interaction': 'which tiles change activity most together, in a greedy search?',
    'sets': 'what do the tiles of a greedy search bring back, one after another?',
    'multiplicity': 'how does activity scale with copies of an element, when all else is shuffled?',
    'finemap': 'which few short stretches of an element do what the whole of it does?',
}
