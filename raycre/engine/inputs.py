"""What every verb does first: see that its files are there, and know them by their hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from raycre.config import PredictInputs, TrainInputs
from raycre.create.layout import WIDTH
from raycre.engine.progress import say
from raycre.errors import InputError, MissingInputError, RegionError
from raycre.genome.features import SignalPaths
from raycre.genome.intervals import unknown_chromosome
from raycre.genome.regions import Regions, drop_overlapping, read_regions, resize
from raycre.store.files import sha256_of


def hash_inputs(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return the SHA-256 of every input file, by its key in the configuration.

    Raises:
        MissingInputError: a file is not there; the key is named.
    """
    for key, path in paths.items():
        if not path.is_file():
            what = "a folder, not a file" if path.is_dir() else "no such file"
            hint = "; several files are a list: [a.bw, b.bw]" if "," in path.name else ""
            raise MissingInputError(f"{key}: {what}{hint}", path=path)
    return {key: sha256_of(path) for key, path in paths.items()}


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
    found: Regions, inputs: TrainInputs | PredictInputs, sizes: Mapping[str, int], *, path: Path, what: str
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


def signal_paths(inputs: TrainInputs | PredictInputs, modalities: Sequence[str]) -> SignalPaths:
    """Return the files that the modalities read, absolute, so that any process finds them."""
    return SignalPaths(
        fasta=inputs.fasta.resolve(),
        openness=tuple(p.resolve() for p in inputs.openness) if "openness" in modalities else (),
        loops=inputs.loops.resolve() if inputs.loops is not None and "loops" in modalities else None,
        outside=inputs.outside,
        loops_count_column=inputs.loops_count_column,
    )


def check_out(out: Path) -> None:
    """Raise where the run folder cannot be made or is a file."""
    if out.exists() and not out.is_dir():
        raise InputError("run.out is a file; name a folder", path=out)


def say_dropped(what: str, counts: Mapping[str, int], loops: int) -> None:
    """Tell the person how many regions were left out, and by which rule; and how many loops."""
    if loops:
        say(f"loops dropped off the fasta: {loops:,}")
    for rule, n in counts.items():
        if rule.startswith("dropped") and n:
            say(f"{what} {rule.replace('_', ' ')}: {n:,} of {counts['read']:,}")
