"""Coverage of biochemical marks over tiles, and whether two groups of tiles differ in it.

CREME Methods, "Biochemical characterization of CREs": the mean over a tile for epigenetic marks, the maximum
for transcription factors; both are always given. Two-sided Mann-Whitney U, Bonferroni over marks.

Rules: a base without data is 0, as for every signal (genome/tracks). A chromosome that a file does not have
is unknown, not 0: its tiles are null there and in no test. Tiles that are 0 throughout stay in and are
counted, since a file that holds a part of the genome cannot be told from one without signal elsewhere.
Values may be negative (fold changes, log ratios): such averages have no log ratio, and `sign` says which is
higher.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from raycre.annotate.marks import STATISTICS, coverage
from raycre.compare.declaration import (
    CALLED,
    Compared,
    Comparison,
    ComparisonResult,
    chain_option,
    files,
    json_rows,
    option,
    seed_option,
)
from raycre.compare.tiles import GROUP, TILE, neutral_tiles
from raycre.errors import ConfigError
from raycre.genome.lifting import UNLIFTED, Lifting
from raycre.genome.tracks import Track
from raycre.log import say
from raycre.store.fields import INT, REAL, TEXT, schema_of

NEUTRAL = "neutral"


def coverage_of_marks(
    table: pd.DataFrame,
    paths: Mapping[str, Path],
    sizes: Mapping[str, int],
    *,
    sizes_from: str,
    lifting: Lifting = UNLIFTED,
) -> pd.DataFrame:
    """Return one row for each tile and mark: the columns of `table`, mark, mean, max.

    Args:
        table: with chrom, start, end.
        paths: mark -> bigWig or bedGraph.
        sizes: bp of each chromosome of the run's genome.
        sizes_from: where they come from, for errors.
        lifting: from the run's assembly to that of the marks; a tile that is not mapped is NaN.

    Raises:
        InputError: as `Track`; AssemblyError where chromosome lengths disagree; ChromosomeError where names
            differ in style, or a file has none of the tiles' chromosomes.
    """
    found, moved = [], lifting.regions(table, "tiles")
    if lifting.chains is not None:
        sizes, sizes_from = lifting.chains.target_sizes, lifting.chains.path.name
    for mark, path in paths.items():
        with Track(path, sizes, sizes_from=sizes_from, signed=True) as track:
            track.regions_without(moved.table["chrom"])  # refuses what is only named otherwise
            values = coverage(moved.table, track)
        spread = {s: moved.spread(values[s].to_numpy()) for s in STATISTICS}
        found.append(table.reset_index(drop=True).assign(mark=mark, **spread))
    return pd.concat(found, ignore_index=True)


def tiles_without(rows: pd.DataFrame) -> dict[str, int]:
    """Count the tiles on chromosomes that a mark's file does not have, by mark; 0 is left out.

    Args:
        rows: from `coverage_of_marks`.
    """
    unknown = rows["mean"].isna().groupby(rows["mark"], sort=False).sum()
    return {str(mark): int(n) for mark, n in unknown.items() if n}


def compare_groups(rows: pd.DataFrame, group: str, other: str) -> pd.DataFrame:
    """Test every mark for a difference between two groups of tiles.

    Args:
        rows: group, mark, mean, max.
        group: the first, whose enrichment is meant.
        other: the second.

    Returns:
        One row for each mark and statistic, columns MARK_TESTS.

    Raises:
        ConfigError: the two groups are one.
    """
    if group == other:
        raise ConfigError(
            "two different groups are compared; name them as in --groups enhancer,silencer", value=group
        )
    marks = list(dict.fromkeys(rows["mark"]))
    found = []
    for mark in marks:
        of_mark = rows[rows["mark"] == mark]
        for statistic in STATISTICS:
            first, second = (_values(of_mark, statistic, g) for g in (group, other))
            found.append({"mark": mark, "statistic": statistic, "group": group, "other": other}
                         | _difference(first, second))  # fmt: skip
    tested = pd.DataFrame(found)
    return tested.assign(p_adjusted=np.minimum(1, tested["p_value"] * len(marks)))


def _values(rows: pd.DataFrame, statistic: str, group: str) -> NDArray[np.float64]:
    values = rows.loc[rows["group"] == group, statistic].to_numpy(np.float64)
    finite: NDArray[np.float64] = values[np.isfinite(values)]
    return finite


def _difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> dict[str, float | int | None]:
    counts: dict[str, float | int | None] = {
        "n": len(first),
        "n_other": len(second),
        "n_without_signal": int((first == 0).sum()),
        "n_other_without_signal": int((second == 0).sum()),
    }
    if not len(first) or not len(second):
        nothing = ("average", "average_other", "log_ratio", "u", "p_value")
        return counts | dict.fromkeys(nothing, np.nan) | {"sign": 0}
    ours, theirs = float(first.mean()), float(second.mean())
    u, p = rank_test(first, second)
    return counts | {
        "average": ours,
        "average_other": theirs,
        "log_ratio": float(np.log(ours / theirs)) if ours > 0 and theirs > 0 else np.nan,
        "sign": int(np.sign(ours - theirs)),
        "u": u,
        "p_value": p,
    }


def rank_test(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """Return U of the first sample and the two-sided p of Mann and Whitney; p is 1 where all values are one.

    Exact for small samples without ties, otherwise by the normal approximation corrected for ties.
    """
    if np.ptp(np.concatenate([first, second])) == 0:
        return len(first) * len(second) / 2, 1.0
    u, p = mannwhitneyu(first, second, alternative="two-sided")
    return float(u), float(p)


MARKS = schema_of(
    *TILE,
    GROUP,
    ("mark", TEXT, "name of the signal"),
    (
        "mean",
        REAL,
        "mean over the tile's bases, those without data being 0; null if the file lacks the chromosome",
    ),
    ("max", REAL, "largest value in the tile, likewise"),
)

MARK_TESTS = schema_of(
    ("mark", TEXT, "name of the signal"),
    ("statistic", TEXT, "mean or max, of a tile"),
    ("group", TEXT, "first group"),
    ("other", TEXT, "second group"),
    ("n", INT, "tiles of the first group with a value"),
    ("n_other", INT, "tiles of the second group with a value"),
    ("n_without_signal", INT, "tiles of the first group that are 0 throughout"),
    ("n_other_without_signal", INT, "tiles of the second group that are 0 throughout"),
    ("average", REAL, "mean over tiles of the first group"),
    ("average_other", REAL, "mean over tiles of the second group"),
    ("log_ratio", REAL, "natural logarithm of the two averages' ratio, null where one is 0 or negative"),
    ("sign", pa.int32(), "1 where the first average is the higher, -1 where it is the lower, else 0"),
    ("u", REAL, "Mann-Whitney U of the first group"),
    ("p_value", REAL, "two-sided; null where a group is empty"),
    ("p_adjusted", REAL, "p_value times the number of marks, at most 1 (Bonferroni)"),
)


@dataclass(frozen=True)
class Options:
    """Marks to read, and the two groups of tiles that they are compared between."""

    signals: Mapping[str, Path] = files("[NAME=]FILE...", "bigWig or bedGraph, one a mark.")
    groups: tuple[str, ...] = option(CALLED, "Two calls, or neutral: a sample of tiles that do little.")
    seed: int = seed_option()
    chain: Path | None = chain_option("the run to the signals'")

    def __post_init__(self) -> None:
        if len(self.groups) != 2:
            raise ConfigError("marks are compared between two groups", value=",".join(self.groups))


def compare_marks(run: Compared, options: Options) -> ComparisonResult:
    """Read the coverage of every tile and mark, and test each mark between the two groups."""
    lengths, sizes_from = run.sizes()
    tiles = grouped(run.table, options.groups, options.seed)
    lifting = Lifting(options.chain)
    lifting.check(source=lengths)
    rows = coverage_of_marks(tiles, options.signals, lengths, sizes_from=sizes_from, lifting=lifting)
    lifted, unknown = lifting.facts(), tiles_without(rows)
    for mark, n in unknown.items():
        say(
            f"NOTE: {n:,} of {len(tiles):,} tiles are on chromosomes that {options.signals[mark].name} does "
            f"not have{', or not mapped' if lifted else ''}: they are in no test"
        )
    tested = compare_groups(rows, *options.groups)
    shown = ["mark", "statistic", "n", "n_other", "log_ratio", "p_value", "p_adjusted"]
    facts = {
        "groups": list(options.groups),
        "tiles": len(tiles),
        "tiles_on_chromosomes_without_data": unknown,
        "marks": json_rows(tested[shown]),
        **lifted,
    }
    return ComparisonResult(facts, {"marks": rows, "mark_tests": tested})


def grouped(table: pd.DataFrame, groups: Sequence[str], seed: int) -> pd.DataFrame:
    """Return tiles of the groups, one after another, with a column `group`.

    Neutral tiles are as many as enhancers and silencers on average, as in the paper.

    Raises:
        ConfigError: a group without tiles.
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


COMPARISON = Comparison(
    name="marks",
    summary="Test whether two groups of tiles differ in mean or maximal coverage of marks.",
    options=Options,
    compare=compare_marks,
    needs=("sizes",),
    calls=lambda options: None if NEUTRAL in options.groups else frozenset(options.groups),
    tables={"marks": MARKS, "mark_tests": MARK_TESTS},
    figure="marks",
)
