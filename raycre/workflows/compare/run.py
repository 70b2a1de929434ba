"""The verb `compare`: a finished CREME run against files of other data. Reads, compares, writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.compare.crispri import COVERED, Combine, Direction, Missing, join, score_pairs
from raycre.compare.elements import neutral_tiles
from raycre.compare.marks import compare_groups, coverage_of_marks, tiles_without
from raycre.compare.overlap import overlaps, place
from raycre.errors import ConfigError, FormatError
from raycre.genome.crispr_pairs import read_pairs
from raycre.genome.intervals import on_known_chromosomes
from raycre.genome.regions import read_regions
from raycre.genome.repeats import read_repeats
from raycre.log import say
from raycre.store.comparison_schemas import MARK_TESTS, MARKS, OVERLAPS, PAIRS, PR_CURVES
from raycre.store.location import local_path
from raycre.workflows.compare.compared_run import ComparedRun, open_compared

CALLED = ("enhancer", "silencer")
NEUTRAL = "neutral"


def compare_marks(
    run: Path,
    signals: Sequence[str],
    *,
    test: str = "sufficiency",
    track: str | None = None,
    groups: Sequence[str] = CALLED,
    fasta: Path | None = None,
    sizes: Path | None = None,
    seed: int = 0,
    out: Path | None = None,
) -> dict[str, Any]:
    """Compare the coverage of marks over two groups of tiles; see raycre.compare.marks.

    Args:
        run: folder of a finished CREME run.
        signals: bigWig or bedGraph files, each as FILE or NAME=FILE.
        test, track: whose calls.
        groups: two calls, or `neutral`: a sample of tiles that do little.
        fasta, sizes: where chromosome lengths come from, if not from the run's FASTA.
        seed: of that sample.
        out: a folder instead of the run's summary.

    Returns:
        What was found, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
    """
    if len(groups) != 2:
        raise ConfigError("marks are compared between two groups", value=",".join(groups))
    paths = _named(signals)
    wanted = None if NEUTRAL in groups else frozenset(groups)
    opened = open_compared(run, test, track, out, calls=wanted, files=paths)
    lengths, sizes_from = opened.sizes(fasta, sizes)
    tiles = _grouped(opened.table, groups, seed)
    rows = coverage_of_marks(tiles, paths, lengths, sizes_from=sizes_from)
    unknown = tiles_without(rows)
    for mark, n in unknown.items():
        say(
            f"NOTE: {n:,} of {len(tiles):,} tiles are on chromosomes that {paths[mark].name} does not have: "
            "they are in no test"
        )
    tested = compare_groups(rows, *groups)
    files = [opened.write("marks", rows, MARKS), opened.write("mark_tests", tested, MARK_TESTS)]
    shown = ["mark", "statistic", "n", "n_other", "log_ratio", "p_value", "p_adjusted"]
    return {
        **opened.facts,
        "groups": list(groups),
        "tiles": len(tiles),
        "tiles_on_chromosomes_without_data": unknown,
        "marks": records(tested[shown]),
        "files": files,
    }


def _grouped(table: pd.DataFrame, groups: Sequence[str], seed: int) -> pd.DataFrame:
    """Tiles of the groups, one after another, with a column `group`.

    Neutral tiles are as many as enhancers and silencers on average, as in the paper.
    """
    counts = table["call"].value_counts()
    parts = []
    for name in groups:
        if name == NEUTRAL:
            n = round(float(np.mean([counts.get(call, 0) for call in CALLED])))
            part = neutral_tiles(table, n, seed)
        else:
            part = table[table["call"] == name]
        if part.empty:
            known = ", ".join(f"{n:,} {call}" for call, n in counts.items()) or "none"
            raise ConfigError(f"no tile is of this group; of those read there are {known}", value=name)
        parts.append(part.assign(group=name))
    return pd.concat(parts, ignore_index=True)


def compare_overlap(
    run: Path,
    beds: Sequence[str],
    *,
    test: str = "sufficiency",
    track: str | None = None,
    groups: Sequence[str] = CALLED,
    by_name: bool = False,
    compat: str = "fixed",
    fasta: Path | None = None,
    sizes: Path | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Compare tiles with annotated intervals; see raycre.compare.overlap.

    Args:
        beds: BED or Parquet, each as FILE or NAME=FILE.
        by_name: every name of a file (column 4, states of a segmentation for example) is an annotation.
        compat: "reference" for the mirrored coordinates of the authors' notebook.
        run, test, track, groups, fasta, sizes, out: as `compare_marks`.
    """
    files = _named(beds)
    opened = open_compared(run, test, track, out, files=files)
    lengths, _ = opened.sizes(fasta, sizes)
    annotations: dict[str, pd.DataFrame] = {}
    for name, path in files.items():
        rows = read_regions(path).table
        rows = rows[on_known_chromosomes(rows, path, lengths)]
        if by_name and rows["name"].isna().any():
            line = int(rows.loc[rows["name"].isna(), "line"].iloc[0])
            raise FormatError("no name in column 4, which --by-name needs", path=path, line=line)
        of_file = dict(iter(rows.groupby("name"))) if by_name else {"": rows}
        annotations |= {f"{name}:{label!s}".rstrip(":"): part for label, part in of_file.items()}
    return _overlaps(opened, "overlap", annotations, groups, compat)


def compare_repeats(
    run: Path,
    repeats: Path,
    *,
    test: str = "sufficiency",
    track: str | None = None,
    groups: Sequence[str] = CALLED,
    by: str = "class",
    compat: str = "fixed",
    fasta: Path | None = None,
    sizes: Path | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Compare tiles with RepeatMasker's repeats by class or family; `any` is all of them together.

    Args:
        repeats: UCSC's rmsk, RepeatMasker's .out, or BED; see genome.repeats.
        by: "class" or "family".
        run, test, track, groups, compat, fasta, sizes, out: as `compare_overlap`.
    """
    if by not in ("class", "family"):
        raise ConfigError("repeats are told apart by class or family", value=by)
    opened = open_compared(run, test, track, out, files={"repeats": repeats})
    lengths, _ = opened.sizes(fasta, sizes)
    rows = read_repeats(repeats)
    rows = rows[on_known_chromosomes(rows, repeats, lengths)]
    annotations = {"any": rows, **{str(name): part for name, part in rows.groupby(by)}}
    return _overlaps(opened, "repeats", annotations, groups, compat)


def _overlaps(
    opened: ComparedRun, name: str, annotations: dict[str, pd.DataFrame], groups: Sequence[str], compat: str
) -> dict[str, Any]:
    called = opened.table[opened.table["call"].notna()]
    tiles = place(called.assign(group=called["call"]), compat)
    found = overlaps(tiles, annotations, groups)
    annotated = {chrom for rows in annotations.values() for chrom in rows["chrom"].unique()}
    n_off = int((~tiles["chrom"].isin(annotated)).sum())
    if n_off:
        say(f"NOTE: {n_off:,} of {len(tiles):,} tiles are on chromosomes without any annotation")
    shown = ["annotation", "group", "n", "n_overlapping", "percent", "percent_bases", "odds_ratio", "p_value"]
    return {
        **opened.facts,
        "compat": compat,
        "tiles": len(tiles),
        "tiles_without_call": len(opened.table) - len(called),
        "tiles_on_chromosomes_without_annotation": n_off,
        "overlaps": records(found[shown]),
        "files": [opened.write(name, found, OVERLAPS)],
    }


def compare_crispri(
    run: Path,
    pairs: Path,
    *,
    test: str = "necessity",
    track: str | None = None,
    direction: Direction = "decrease",
    combine: Combine = "max",
    missing: Missing = "drop",
    outcome_column: int | None = None,
    gene_column: int | None = None,
    fasta: Path | None = None,
    sizes: Path | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Score CRISPR-tested pairs of element and gene by tile effects; see raycre.compare.crispri.

    Args:
        pairs: the EPCrispr benchmark's TSV, or BEDPE with `outcome_column` (and `gene_column`).
        direction, combine, missing: see `join` and `score_pairs`.
        run, test, track, fasta, sizes, out: as `compare_marks`.
    """
    opened = open_compared(run, test, track, out, files={"pairs": pairs})
    lengths, _ = opened.sizes(fasta, sizes)
    tested, n_read, n_invalid, n_unknown = read_pairs(
        pairs, outcome_column=outcome_column, gene_column=gene_column
    )
    on_known_chromosomes(tested, pairs, lengths)
    joined = join(tested, opened.table, direction=direction, combine=combine)
    numbers, curves = score_pairs(joined, missing=missing)
    positive = joined["outcome"]
    why = [
        {"covered": str(reason), "pairs": int(mine.sum()), "positives": int((mine & positive).sum())}
        for reason in joined["covered"].value_counts().index
        for mine in [joined["covered"] == reason]
    ]
    files = [opened.write("crispri_pairs", joined, PAIRS), opened.write("crispri_curve", curves, PR_CURVES)]
    return {
        **opened.facts,
        "direction": direction,
        "combine": combine,
        "missing": missing,
        "pairs_read": n_read,
        "pairs_invalid": n_invalid,
        "pairs_without_outcome": n_unknown,
        "pairs_covered": int((joined["covered"] == COVERED).sum()),
        **{f"scored_{key}" if key in ("pairs", "positives") else key: v for key, v in numbers.items()},
        "join": why,
        "files": files,
    }


def _named(files: Sequence[str]) -> dict[str, Path]:
    """NAME=FILE or FILE; a file's own name is what stands before its first suffix."""
    found: dict[str, Path] = {}
    for given in files:
        name, equals, path = given.partition("=")
        if not equals:
            name, path = Path(given).name.partition(".")[0], given
        if name in found:
            raise ConfigError("two files have this name; tell them apart as NAME=FILE", value=name)
        found[name] = local_path(path)
    if not found:
        raise ConfigError("no file is given")
    return found


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON, where NaN and infinity are null."""

    def plain(value: object) -> object:
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return [{str(key): plain(value) for key, value in row.items()} for row in rows.to_dict("records")]
