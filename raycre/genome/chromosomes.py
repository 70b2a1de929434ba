"""Names of one chromosome in other styles, and what a file lacks of the chromosomes that regions lie on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import ChromosomeError

_PREFIX = re.compile(r"^(?:chromosome|chrom|chr)[ _.-]?", re.IGNORECASE)
_MITOCHONDRION = {
    "m",
    "mt",
    "mtdna",
    "mito",
    "mitochondrion",
    "nc_012920",
    "nc_001807",
    "nc_005089",
    "j01415",
}
# Accessions of RefSeq and GenBank, without version: first and last number of the autosomes, X and Y in turn.
_ACCESSIONS = (
    ("nc_", 6, 1, 24),  # human
    ("nc_", 6, 60925, 60948),  # human, T2T-CHM13
    ("cm", 6, 663, 686),  # human, GenBank
    ("nc_", 6, 67, 87),  # mouse
    ("cm", 6, 994, 1014),  # mouse, GenBank
)

_HUMAN = [*map(str, range(1, 23)), "x", "y"]
# bp by chromosome (UCSC's chrom.sizes), for saying which assembly a file is of.
ASSEMBLIES: Mapping[str, Mapping[str, int]] = {
    "hg19/GRCh37": dict(zip(_HUMAN, (
        249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431,
        135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248,
        59128983, 63025520, 48129895, 51304566, 155270560, 59373566), strict=True)),
    "hg38/GRCh38": dict(zip(_HUMAN, (
        248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717,
        133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285,
        58617616, 64444167, 46709983, 50818468, 156040895, 57227415), strict=True)),
    "hg18/NCBI36": {"1": 247249719},
    "hs1/T2T-CHM13": {"1": 248387328},
    "mm9/NCBIM37": {"1": 197195432},
    "mm10/GRCm38": {"1": 195471971},
    "mm39/GRCm39": {"1": 195154279},
    "rn6/Rnor_6.0": {"1": 282763074},
    "rn7/mRatBN7.2": {"1": 260522016},
    "danRer11/GRCz11": {"1": 59578282},
    "dm3/BDGP5": {"2l": 23011544},
    "dm6/BDGP6": {"2l": 23513712},
    "ce10/WS220": {"i": 15072423},
    "ce11/WBcel235": {"i": 15072434},
    "sacCer3/R64": {"i": 230218},
}  # fmt: skip


def plain_name(name: str) -> str:
    """Return a chromosome's name without its style: "1" of chr1, Chr1, 1, 01, NC_000001.10; "mt" of chrM.

    Accessions are known of human and mouse.
    """
    plain = _PREFIX.sub("", name).casefold()
    plain = re.sub(r"^0+(?=\d+$)", "", plain)
    unversioned = plain.partition(".")[0]
    if unversioned in _MITOCHONDRION:
        return "mt"
    for prefix, digits, first, last in _ACCESSIONS:
        number = unversioned.removeprefix(prefix)
        if unversioned.startswith(prefix) and len(number) == digits and number.isdecimal():
            place = int(number) - first
            if 0 <= place <= last - first:
                n_autosomes = last - first - 1
                return str(place + 1) if place < n_autosomes else "xy"[place - n_autosomes]
    return plain


def other_style(name: str, known: Iterable[str]) -> str | None:
    """Return the name among `known` that is the same chromosome in another style, or None."""
    wanted = plain_name(name)
    return next((other for other in known if other != name and plain_name(other) == wanted), None)


def assembly_of(sizes: Mapping[str, int | None]) -> str | None:
    """Return the assembly whose chromosomes have these lengths, as "hg38/GRCh38"; None of an unknown one."""
    lengths = {plain_name(name): length for name, length in sizes.items() if length is not None}
    for assembly, known in ASSEMBLIES.items():
        common = [name for name in known if name in lengths]
        if common and all(lengths[name] == known[name] for name in common):
            return assembly
    return None


def regions_without(
    chrom: NDArray[Any] | pd.Series, held: Collection[str], path: Path, *, empty: Iterable[str] = ()
) -> dict[str, int]:
    """Count the regions on each chromosome that a signal file has no data of: it reads as 0 there.

    Args:
        chrom: (n,) each region's chromosome.
        held: chromosomes of the file.
        path: the file.
        empty: those of `held` without a value.

    Raises:
        ChromosomeError: the file has one of the regions' chromosomes by another name, or none of them.
    """
    names, counts = np.unique(np.asarray(chrom, dtype=str), return_counts=True)
    absent = {str(name): int(n) for name, n in zip(names, counts, strict=True) if name not in held}
    for name in absent:
        if other := other_style(name, held):
            raise ChromosomeError(
                f"the file has {other!r}, which is {name!r} of the regions: the names differ in style only; "
                "rename them in one of the two files",
                path=path,
                value=other,
            )
    if len(names) and len(absent) == len(names):
        raise ChromosomeError(
            f"none of the regions' chromosomes ({_listed(absent)}) is in the file; it has {_listed(held)}; "
            "leave it out, or give the file of these chromosomes",
            path=path,
        )
    bare = set(empty)
    return absent | {
        str(name): int(n) for name, n in zip(names, counts, strict=True) if name in held and name in bare
    }


def no_data(found: Mapping[str, Any], n: int | None, *, most: int | None = None) -> str:
    """Say that a signal file has no data on chromosomes of some of n regions.

    Args:
        found: an entry of `without_data` in run.json: input, path, regions, by_chromosome.
        n: regions of the run; None where the record does not say.
        most: chromosomes named; None names all.
    """
    counts = list(found["by_chromosome"].items())
    where = ", ".join(f"{chrom} ({count:,})" for chrom, count in counts[:most])
    more = ", …" if most is not None and len(counts) > most else ""
    of_all = "–" if n is None else f"{n:,}"
    return (
        f"{found['input']} ({Path(found['path']).name}) has no data on chromosomes of {found['regions']:,} "
        f"of {of_all} regions, where it reads as 0: {where}{more}"
    )


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:5]
    return ", ".join(shown) + (", …" if len(names) > 5 else "")
