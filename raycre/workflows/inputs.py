"""What every verb does first: see that its files are there, and know them by their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from raycre.config.there import check_files
from raycre.create.layout import WIDTH
from raycre.errors import InputError, RegionError
from raycre.genome.chromosomes import no_data
from raycre.genome.features import SignalPaths, Signals
from raycre.genome.fingerprint import Fingerprint, fingerprint
from raycre.genome.intervals import unknown_chromosome
from raycre.genome.regions import Regions, drop_overlapping, read_regions, resize
from raycre.log import say
from raycre.workflows.jobs import check_kept

SHOWN = 8  # chromosomes named of many


@dataclass(frozen=True)
class SignalInputs:
    """The genome, its signals and its blacklist: `SignalInputs(**config.inputs.signals())`.

    Attributes:
        fasta: the genome.
        openness: replicates of accessibility, bigWig or bedGraph; may be none.
        loops: BEDPE, or bigWig or bedGraph of counts per base; may be none.
        loops_count_column: column of a BEDPE (from 1) with each loop's count; without it a loop counts 1.
        blacklist: regions to be left out.
        outside: regions and loops off the FASTA are an "error", or dropped ("drop") and counted.
    """

    fasta: Path
    openness: tuple[Path, ...] = ()
    loops: Path | None = None
    loops_count_column: int | None = None
    blacklist: Path | None = None
    outside: Literal["error", "drop"] = "error"


def sha256_by_key(fingerprints: Mapping[str, Fingerprint]) -> dict[str, str]:
    """Return the hashes alone."""
    return {key: each.sha256 for key, each in fingerprints.items()}


def fingerprint_inputs(paths: Mapping[str, Path]) -> dict[str, Fingerprint]:
    """Hash every input file, by its key in the configuration.

    `check_unchanged` tells later, in any process, that these are still the files.

    Raises:
        MissingInputError: a file is not there; the key is named.
        ChangedInputError: a file was written meanwhile.
    """
    check_files(paths)
    return {key: fingerprint(path) for key, path in paths.items()}


def hash_rows(table: pd.DataFrame) -> str:
    """Return the SHA-256 of regions as they were read: their places and, where there, labels and folds.

    It belongs to a run's identity beside the hash of the file: under another reading of the same file (its
    summits in place of midpoints, say) other regions would be mixed in.
    """
    sha256 = hashlib.sha256("\0".join(table["chrom"]).encode())
    for column in ("start", "end", "label", "fold"):
        if column in table:
            sha256.update(np.ascontiguousarray(table[column].to_numpy(np.int64)).tobytes())
    return sha256.hexdigest()


def read_blacklist(path: Path, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Read regions to be left out. It may name chromosomes that the FASTA does not have, but not only such.

    Raises:
        ChromosomeError: none of its chromosomes is in `sizes`: it would silently remove nothing.
        InputError: as `read_regions`.
    """
    table = read_regions(path).table
    if not table["chrom"].isin(list(sizes)).any():
        first = table.iloc[0]
        raise unknown_chromosome(first["chrom"], sizes, path=path, line=int(first["line"]))
    return table


def fit_regions(
    found: Regions, inputs: SignalInputs, sizes: Mapping[str, int], *, path: Path, what: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Resize regions to the model's width, leave out the blacklist, number the rest; count what was dropped.

    Args:
        found: as read.
        inputs: whose blacklist is meant.
        sizes: chromosome -> bp.
        path: the regions' file, for the error.
        what: "region" or "labelled region", for the error.

    Returns:
        (table, counts): the table with int64 region_id, in input order.

    Raises:
        RegionError: nothing is left.
    """
    counts = {"read": found.n_read, "dropped_off_the_fasta": found.n_dropped}
    resized = resize(found.table, WIDTH, sizes)
    counts["dropped_at_chromosome_ends"], table = resized.n_dropped, resized.table
    if inputs.blacklist is not None:
        kept = drop_overlapping(table, read_blacklist(inputs.blacklist, sizes))
        counts["dropped_by_the_blacklist"], table = kept.n_dropped, kept.table
    if table.empty:
        raise RegionError(f"no {what} is left of {found.n_read:,} ({counts})", path=path)
    table = table.reset_index(drop=True).assign(region_id=np.arange(len(table), dtype=np.int64))
    return table, {**counts, "kept": len(table)}


def signal_paths(
    inputs: SignalInputs,
    modalities: Sequence[str],
    fingerprints: Mapping[str, Fingerprint] | None = None,
) -> SignalPaths:
    """Return the files that the modalities read, absolute, so that any process finds them.

    Args:
        inputs: of the run.
        modalities: of the model.
        fingerprints: from `fingerprint_inputs`; whoever reads the files then sees that they are the same.
    """
    read = ("inputs.fasta", *(f"inputs.{name}" for name in ("openness", "loops") if name in modalities))
    return SignalPaths(
        fasta=inputs.fasta.resolve(),
        openness=tuple(p.resolve() for p in inputs.openness) if "openness" in modalities else (),
        loops=inputs.loops.resolve() if inputs.loops is not None and "loops" in modalities else None,
        outside=inputs.outside,
        loops_count_column=inputs.loops_count_column,
        fingerprints=tuple(f for key, f in (fingerprints or {}).items() if key.split("[")[0] in read),
    )


def check_out(out: Path) -> None:
    """Raise where the run folder is a file, or would be lost with a submitted job."""
    check_kept(out, "run.out")
    if out.exists() and not out.is_dir():
        raise InputError("run.out is a file; name a folder", path=out)


def look_at_regions(signals: Signals, table: pd.DataFrame, flank: int) -> dict[str, Any]:
    """Count what the model will not see of regions, before any of them is read for it; say it on stderr.

    Args:
        signals: open files.
        table: chrom, start, end; all of one width.
        flank: bp on both sides that shifts reach; their letters are checked and not counted.

    Returns:
        Facts for run.json: `ambiguous_letters`, `without_data`, and `loops_read_as`, `fasta_index` where
        there is something to say.

    Raises:
        ChromosomeError: a signal file names a chromosome of the regions in another style, or has none.
        FormatError: a letter of a region that is no nucleotide.
    """
    missing = signals.without_data(table)
    letters = signals.count_letters(table, flank)
    facts: dict[str, Any] = {
        "ambiguous_letters": asdict(letters),
        "without_data": [
            {
                "input": m.key,
                "path": str(m.path),
                "regions": sum(m.regions.values()),
                "by_chromosome": m.regions,
            }
            for m in missing
        ],
    }
    facts |= {"loops_read_as": signals.loops_read_as} if signals.loops_read_as else {}
    facts |= {"fasta_index": signals.fasta.note} if signals.fasta.note else {}
    for line in lines_about(facts, len(table)):
        say(f"note: {line}")
    return facts


def facts_about(facts: Mapping[str, Any], modalities: Sequence[str]) -> dict[str, Any]:
    """Return the facts of `look_at_regions` that concern a model of some of the modalities."""
    unread = {"openness", "loops"} - set(modalities)
    read = [
        m for m in facts["without_data"] if m["input"].removeprefix("inputs.").split("[")[0] not in unread
    ]
    kept = {key: value for key, value in facts.items() if not (key == "loops_read_as" and "loops" in unread)}
    return kept | {"without_data": read}


def lines_about(facts: Mapping[str, Any], n: int) -> list[str]:
    """Say in words what `look_at_regions` found in n regions."""
    found, letters = [], facts["ambiguous_letters"]
    if facts.get("fasta_index"):
        found.append(facts["fasta_index"])
    found += [no_data(m, n, most=SHOWN) for m in facts["without_data"]]
    for what, regions, bases in (
        ("N", "regions_with_n", "n_bases"),
        ("IUPAC ambiguity letters other than N", "regions_with_iupac", "iupac_bases"),
    ):
        if letters[regions]:
            found.append(
                f"{letters[regions]:,} of {n:,} regions hold {what}: {letters[bases]:,} bases that the model "
                "sees as no base"
            )
    return found


def say_dropped(what: str, counts: Mapping[str, int], loops: int) -> None:
    """Tell the person how many regions were left out, and by which rule; and how many loops."""
    if loops:
        say(f"loops dropped off the fasta: {loops:,}")
    for rule, n in counts.items():
        if rule.startswith("dropped") and n:
            say(f"{what} {rule.replace('_', ' ')}: {n:,} of {counts['read']:,}")
