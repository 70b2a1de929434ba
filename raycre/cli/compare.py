"""The verb `compare` of the command line: one command for each kind of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.store.location import local_path

compare = typer.Typer(
    help="A finished CREME run against other data: marks, annotations, repeats, CRISPRi, motifs, saliency.",
    no_args_is_help=True,
)

CremeRun = Annotated[
    Path, typer.Argument(metavar="RUN", parser=local_path, help="Folder of a finished `raycre creme` run.")
]
Test = Annotated[str, typer.Option(help="Whose effects and calls: necessity or sufficiency.")]
Track = Annotated[str | None, typer.Option(help="Row or identifier of the track, where the run has several.")]
Groups = Annotated[str, typer.Option(help="Calls, with commas between.")]
RunFasta = Annotated[
    Path | None, typer.Option("--fasta", parser=local_path, help="The run's FASTA, where it has moved.")
]
Sizes = Annotated[
    Path | None,
    typer.Option(parser=local_path, help="Table of chromosome sizes, where the FASTA is not at hand."),
]
Compat = Annotated[
    str, typer.Option(help="fixed; reference: tiles of - genes mirrored, as in the authors' notebook.")
]
CompareOut = Annotated[
    Path | None,
    typer.Option("--out", parser=local_path, help="Folder for the results; default: the run's summary."),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of what is drawn.")]


@compare.command("marks")
def compare_marks(
    run: CremeRun,
    signals: Annotated[
        list[str], typer.Argument(metavar="[NAME=]FILE...", help="bigWig or bedGraph, one a mark.")
    ],
    test: Test = "sufficiency",
    track: Track = None,
    groups: Annotated[
        str, typer.Option(help="Two calls, or neutral: a sample of tiles that do little.")
    ] = "enhancer,silencer",
    fasta: RunFasta = None,
    sizes: Sizes = None,
    seed: Seed = 0,
    out: CompareOut = None,
    json_: Json = False,
) -> None:
    """Test whether two groups of tiles differ in mean or maximal coverage of marks."""
    from raycre.workflows.compare.run import compare_marks as compare_

    found = compare_(
        run, signals, test=test, track=track, groups=groups.split(","), fasta=fasta, sizes=sizes,
        seed=seed, out=out,
    )  # fmt: skip
    print_result(found, json_)


@compare.command("overlap")
def compare_overlap(
    run: CremeRun,
    beds: Annotated[list[str], typer.Argument(metavar="[NAME=]BED...", help="One file an annotation.")],
    test: Test = "sufficiency",
    track: Track = None,
    groups: Groups = "enhancer,silencer",
    by_name: Annotated[
        bool, typer.Option("--by-name", help="Every name in column 4 is an annotation.")
    ] = False,
    compat: Compat = "fixed",
    fasta: RunFasta = None,
    sizes: Sizes = None,
    out: CompareOut = None,
    json_: Json = False,
) -> None:
    """Count tiles and bases of tiles in annotated intervals, against all other tiles."""
    from raycre.workflows.compare.run import compare_overlap as compare_

    found = compare_(
        run, beds, test=test, track=track, groups=groups.split(","), by_name=by_name, compat=compat,
        fasta=fasta, sizes=sizes, out=out,
    )  # fmt: skip
    print_result(found, json_)


@compare.command("repeats")
def compare_repeats(
    run: CremeRun,
    repeats: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", parser=local_path, help="rmsk.txt of UCSC, .out of RepeatMasker, or BED by class."
        ),
    ],
    by: Annotated[str, typer.Option(help="class or family.")] = "class",
    test: Test = "sufficiency",
    track: Track = None,
    groups: Groups = "enhancer,silencer",
    compat: Compat = "fixed",
    fasta: RunFasta = None,
    sizes: Sizes = None,
    out: CompareOut = None,
    json_: Json = False,
) -> None:
    """Count tiles and bases of tiles in repeats, class by class, against all other tiles."""
    from raycre.workflows.compare.run import compare_repeats as compare_

    found = compare_(
        run, repeats, by=by, test=test, track=track, groups=groups.split(","), compat=compat, fasta=fasta,
        sizes=sizes, out=out,
    )  # fmt: skip
    print_result(found, json_)


@compare.command("crispri")
def compare_crispri(
    run: CremeRun,
    pairs: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", parser=local_path, help="TSV of the EPCrispr benchmark, or BEDPE of pairs."
        ),
    ],
    test: Test = "necessity",
    track: Track = None,
    direction: Annotated[
        Literal["decrease", "increase", "either"],
        typer.Option(help="Of expression on repression: decrease, increase or either."),
    ] = "decrease",
    combine: Annotated[
        Literal["max", "mean", "sum"], typer.Option(help="Scores of a pair's tiles: max, mean or sum.")
    ] = "max",
    missing: Annotated[
        Literal["drop", "lowest"], typer.Option(help="Pairs without a tile: drop, or lowest (ranked last).")
    ] = "drop",
    outcome_column: Annotated[
        int | None, typer.Option(help="BEDPE: column, from 1, with TRUE or FALSE.")
    ] = None,
    gene_column: Annotated[
        int | None, typer.Option(help="BEDPE: column with the gene's name; else by TSS.")
    ] = None,
    fasta: RunFasta = None,
    sizes: Sizes = None,
    out: CompareOut = None,
    json_: Json = False,
) -> None:
    """Score CRISPR-tested pairs of element and gene: precision and recall."""
    from raycre.workflows.compare.run import compare_crispri as compare_

    found = compare_(
        run, pairs, test=test, track=track, direction=direction, combine=combine, missing=missing,
        outcome_column=outcome_column, gene_column=gene_column, fasta=fasta, sizes=sizes, out=out,
    )  # fmt: skip
    print_result(found, json_)


@compare.command("fasta")
def compare_fasta(
    run: CremeRun,
    test: Test = "sufficiency",
    track: Track = None,
    groups: Groups = "enhancer,silencer",
    backgrounds: Annotated[
        str, typer.Option(help="shuffled, matched (by GC and length), both with a comma, or none.")
    ] = "shuffled,matched",
    seed: Seed = 0,
    fasta: RunFasta = None,
    out: CompareOut = None,
    json_: Json = False,
) -> None:
    """Write called tiles and backgrounds as FASTA, for XSTREME (--p and --n) and the like."""
    from raycre.workflows.compare.sequences import export_fasta

    found = export_fasta(
        run, test=test, track=track, groups=groups.split(","), seed=seed, fasta=fasta, out=out,
        backgrounds=[] if backgrounds == "none" else backgrounds.split(","),
    )  # fmt: skip
    print_result(found, json_)


@compare.command("saliency")
def compare_saliency(
    run: CremeRun,
    test: Test = "necessity",
    track: Track = None,
    genes: Annotated[str, typer.Option(help="Names or ids, with commas between; default: all.")] = "",
    fasta: RunFasta = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Compute on the GPU.")] = False,
    bases: Annotated[bool, typer.Option("--bases", help="Also write the values of every base.")] = False,
    out: CompareOut = None,
    json_: Json = False,
) -> None:
    """Correlate gradient times input with effects, tile by tile."""
    from raycre.workflows.compare.sequences import compare_saliency as compare_

    found = compare_(
        run, test=test, track=track, genes=genes.split(",") if genes else (), fasta=fasta, gpu=gpu,
        bases=bases, out=out,
    )  # fmt: skip
    print_result(found, json_)
