"""Whether a file of annotations is of the regions' genome: names of chromosomes, and their lengths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from raycre.errors import AssemblyError
from raycre.genome.chromosomes import other_style, regions_without
from raycre.genome.textfile import took


def check_chromosomes(table: pd.DataFrame, lengths: Mapping[str, int], path: Path) -> dict[str, int]:
    """Count the regions on each chromosome that a file does not have.

    Args:
        table: chrom, start, end of regions.
        lengths: bp of each chromosome of the file.
        path: the file.

    Raises:
        ChromosomeError: the file has one of them by another name, or none of them.
    """
    return regions_without(table["chrom"], lengths, path)


def check_lengths(table: pd.DataFrame, lengths: Mapping[str, int], path: Path) -> None:
    """Refuse a file whose header gives a chromosome fewer bases than the regions reach.

    Raises:
        AssemblyError: the first chromosome that is too short.
    """
    for name, last in table.groupby("chrom", sort=False)["end"].max().items():
        length = lengths.get(str(name))
        if length is not None and last > length:
            raise AssemblyError(
                f"{name} has {length:,} bp here, and a region ends at {last:,}; use files of one assembly",
                path=path,
            )


def in_regions_style(names: Iterable[str], table: pd.DataFrame, path: Path) -> dict[str, str]:
    """Return what the regions call each chromosome of a file of variants, whose styles differ by tradition.

    A name of the regions stays; "1" becomes their chr1, and that is said. Others are left as they are.
    """
    known = [str(name) for name in pd.unique(table["chrom"])]
    renamed = {name: other_style(name, known) for name in names if name not in known}
    found = {name: other for name, other in renamed.items() if other is not None}
    if found:
        name, other = next(iter(found.items()))
        took(path, f"chromosomes of another style are taken for the regions' ({name} for {other})")
    return found


def renamed_to(chrom: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """Return names of chromosomes with some of them replaced."""
    if not names:
        return chrom
    codes, unique = pd.factorize(chrom)
    new = np.array([names.get(str(name), str(name)) for name in unique], dtype=object)
    return pd.Series(new[codes], index=chrom.index)
