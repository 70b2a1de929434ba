"""bigBed, bigInteract and bigWig: indexed, for browsers that read what they show."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.errors import ConfigError
from raycre.export.bed import bed9_lines
from raycre.export.features import Arcs, Features, Signal
from raycre.export.options import Options
from raycre.store.files import write_atomic

BED9 = """table calls
"Calls, coloured by class"
    (
    string chrom;       "Chromosome"
    uint   chromStart;  "Start, counted from 0"
    uint   chromEnd;    "End, not included"
    string name;        "Class and name"
    uint   score;       "Probability, or effect of a tile, times 1000"
    char[1] strand;     "Strand"
    uint   thickStart;  "Start"
    uint   thickEnd;    "End"
    uint   reserved;    "Colour of the class"
    )
"""
INTERACT = """table interact
"Tiles tied to the TSS of a gene"
    (
    string chrom;         "Chromosome"
    uint   chromStart;    "Lower end of tile and TSS"
    uint   chromEnd;      "Upper end of tile and TSS"
    string name;          "Gene and call"
    uint   score;         "Absolute effect times 1000, 1000 at most"
    double value;         "Effect"
    string exp;           "Test"
    string color;         "Colour of the call"
    string sourceChrom;   "Chromosome of the tile"
    uint   sourceStart;   "Start of the tile"
    uint   sourceEnd;     "End of the tile"
    string sourceName;    "The tile"
    string sourceStrand;  "No strand"
    string targetChrom;   "Chromosome of the gene"
    uint   targetStart;   "TSS, counted from 0"
    uint   targetEnd;     "One past the TSS"
    string targetName;    "Gene"
    string targetStrand;  "Strand of the gene"
    )
"""


def write_bigbed(found: Features, out: Path, options: Options) -> list[Path]:
    """Write a bigBed 9 for each track of coloured intervals; one without items has no file.

    Raises:
        ConfigError: pybigtools is not installed, or the chromosomes' lengths are not known.
    """
    check_ready(found)
    paths = []
    for each in found.intervals():
        if not each.rows.empty:
            paths.append(_write_big(out / f"{each.name}.bb", bed9_lines(each.rows), found, BED9))
    return paths


def write_biginteract(found: Features, out: Path) -> list[tuple[Arcs, Path]]:
    """Write a bigInteract for each track of arcs; errors as `write_bigbed`."""
    check_ready(found)
    return [
        (each, _write_big(out / f"{each.name}.inter.bb", interact_rows(each.rows), found, INTERACT))
        for each in found.arcs()
        if not each.rows.empty
    ]


def interact_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the eighteen columns of interact, sorted by the span of tile and TSS."""
    table = pd.DataFrame(
        {
            "chrom": rows["chrom"],
            "start": np.minimum(rows["start"], rows["tss"]), "end": np.maximum(rows["end"], rows["tss"] + 1),
            "name": rows["tile_name"], "score": rows["score"], "value": rows["value"].round(6),
            "exp": rows["test"], "color": rows["colour"],
            "source_chrom": rows["chrom"], "source_start": rows["start"], "source_end": rows["end"],
            "source_name": rows["tile_name"], "source_strand": ".",
            "target_chrom": rows["chrom"], "target_start": rows["tss"], "target_end": rows["tss"] + 1,
            "target_name": rows["gene"], "target_strand": rows["strand"],
        }
    )  # fmt: skip
    return table.sort_values(["chrom", "start", "end"], kind="stable", ignore_index=True)


def write_bigwig(found: Features, out: Path, options: Options) -> list[Path]:
    """Write a bigWig for each track of values; one without values has no file.

    Raises:
        ConfigError: the chromosomes' lengths are not known.
    """
    check_sizes(found)
    return [
        _write_wig(out / f"{each.name}.bw", each, found) for each in found.signals() if not each.rows.empty
    ]


def check_ready(found: Features) -> Any:
    """Return pybigtools.

    Raises:
        ConfigError: it is not installed, or the chromosomes' lengths are not known.
    """
    check_sizes(found)
    try:
        return import_module("pybigtools")
    except ImportError:
        raise ConfigError(
            "bigBed needs pybigtools: pip install 'raycre[browser]'; --bed9 writes the same as text"
        ) from None


def check_sizes(found: Features) -> None:
    """Raise ConfigError where the chromosomes' lengths are not known."""
    if not found.sizes:
        raise ConfigError(
            "the chromosomes' lengths are not known, as the run's FASTA is not where it was: give --sizes, a "
            "table of names and lengths (chrom.sizes, or a .fai)"
        )


def _write_big(path: Path, rows: pd.DataFrame, found: Features, sql: str) -> Path:
    library = check_ready(found)
    chroms = rows["chrom"].unique()
    rest = map("\t".join, zip(*(rows[name].astype(str) for name in rows.columns[3:]), strict=True))
    items = zip(rows["chrom"], rows["start"].tolist(), rows["end"].tolist(), rest, strict=True)
    write_atomic(
        path,
        lambda temporary: library.open(str(temporary), "w").write(
            {str(name): int(found.sizes[name]) for name in chroms}, items, sql
        ),
    )
    return path


def _write_wig(path: Path, signal: Signal, found: Features) -> Path:
    import pyBigWig

    def write(temporary: Path) -> None:
        file = pyBigWig.open(str(temporary), "w")
        try:
            rows = signal.rows
            file.addHeader([(str(c), int(found.sizes[c])) for c in rows["chrom"].unique()])
            file.addEntries(
                [str(c) for c in rows["chrom"]], rows["start"].tolist(), ends=rows["end"].tolist(),
                values=[float(v) for v in rows["value"]],
            )  # fmt: skip
        finally:
            file.close()

    write_atomic(path, write)
    return path
