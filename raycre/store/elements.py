"""CREATE's regions beside CREME's tiles: which regions lie in a tile, and what each of the two says of them.

Joins tables, by overlap on one assembly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import AssemblyError, RunMismatchError
from raycre.genome.classes import CLASSES
from raycre.genome.lifting import UNLIFTED, Lifting
from raycre.store.parquet import iter_parts, open_parquet, read_table
from raycre.store.parts import n_units
from raycre.store.run import read_finished

BACKGROUND = CLASSES.index("background")
COMPARABLE = ("silencer", "enhancer")  # the classes that CREME has, too
CREATE_RUN = "create_run"  # the key of the configuration
FASTA = "sha256.inputs.fasta"  # in a run's identity
_P = [f"p_{c}" for c in CLASSES]
# What makes a row of a table of both tests, and what else it shows.
_ROW = [
    "chrom", "start", "end", "name", "gene_id", "tss", "strand", "tile_start", "tile_end", "track_id",
]  # fmt: skip
_SHOWN = ["create_call", "create_p", "overlap_bp", "gene_name", "track_name", "distance"]


class Overlaps(NamedTuple):
    """Pairs that share at least one base, int64 (n,) each: rows of the intervals, of the regions, and bp."""

    interval: NDArray[np.int64]
    region: NDArray[np.int64]
    bp: NDArray[np.int64]


@dataclass(frozen=True)
class ClassifiedRegions:
    """Regions that CREATE has classified, by chromosome and start.

    Attributes:
        rows: chromosome -> its rows.
        longest: chromosome -> bp of its longest region.
        start: int64 (n,), genomic, 0-based.
        end: int64 (n,), one past the last base.
        name: object (n,), None where the input has none.
        label: int8 (n,), position in `CLASSES`.
        p: float32 (n,), probability of that class.
    """

    rows: Mapping[str, slice]
    longest: Mapping[str, int]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    name: NDArray[np.object_]
    label: NDArray[np.int8]
    p: NDArray[np.float32]

    def overlapping(
        self, chrom: NDArray[np.object_], start: NDArray[np.int64], end: NDArray[np.int64]
    ) -> Overlaps:
        """Find the regions that share a base with intervals, interval by interval and by start."""
        found: list[Overlaps] = []
        for name in dict.fromkeys(chrom):
            if name not in self.rows:
                continue
            mine, here = np.flatnonzero(chrom == name), self.rows[name]
            starts = self.start[here]
            # Of those that start before the interval's end, the ones too far left to reach it are left out.
            first = np.searchsorted(starts, start[mine] - self.longest[name], side="right")
            n = np.maximum(np.searchsorted(starts, end[mine], side="left") - first, 0)
            interval = np.repeat(mine, n)
            before = np.repeat(np.cumsum(n) - n, n)
            region = here.start + np.repeat(first, n) + np.arange(len(interval)) - before
            bp = np.minimum(self.end[region], end[interval]) - np.maximum(self.start[region], start[interval])
            found.append(Overlaps(*(a[bp > 0].astype(np.int64) for a in (interval, region, bp))))
        pairs = [np.concatenate([np.empty(0, np.int64), *column]) for column in zip(*found, strict=True)]
        if not pairs:
            return Overlaps(*(np.empty(0, np.int64) for _ in range(3)))
        order = np.lexsort((pairs[1], pairs[0]))
        return Overlaps(*(column[order] for column in pairs))

    def calls_in(self, tiles: pd.DataFrame) -> NDArray[np.object_]:
        """Return how many regions of each class lie in tiles, as "enhancer:2,silencer:1": object (n,).

        In the order of `CLASSES`; a class without regions is left out, so a tile without any has "".

        Args:
            tiles: tile_chrom, tile_start, tile_end: genomic, 0-based half-open.
        """
        number = tiles.groupby(["tile_chrom", "tile_start", "tile_end"], sort=False, observed=True).ngroup()
        first = ~number.duplicated().to_numpy()  # a tile has many rows
        chrom = tiles["tile_chrom"].to_numpy(dtype=object)[first]
        start, end = (tiles[c].to_numpy(np.int64)[first] for c in ("tile_start", "tile_end"))
        found = self.overlapping(chrom, start, end)
        counts = np.zeros((len(chrom), len(CLASSES)), dtype=np.int64)
        np.add.at(counts, (found.interval, self.label[found.region]), 1)
        texts = [",".join(f"{c}:{n}" for c, n in zip(CLASSES, row, strict=True) if n) for row in counts]
        return np.array(texts, dtype=object)[number.to_numpy()] if texts else np.empty(0, dtype=object)


def regions_of(table: pd.DataFrame) -> ClassifiedRegions:
    """Sort classified regions.

    Args:
        table: columns of `store.schemas.PREDICTIONS`: chrom, start, end, name, call, call_argmax, p_*. Where
            there is no call, as weights may come without cutoffs, the most probable class stands for it.
    """
    chrom, names = pd.factorize(table["chrom"], sort=True)
    order = np.lexsort((table["end"], table["start"], chrom))
    edges = np.searchsorted(chrom[order], np.arange(len(names) + 1))
    start, end = (table[c].to_numpy(np.int64)[order] for c in ("start", "end"))
    call = table["call"].where(table["call"].notna(), table["call_argmax"])
    label = pd.Index(CLASSES).get_indexer(pd.Index(call)).astype(np.int8)[order]
    rows = {str(name): slice(int(i), int(j)) for name, i, j in zip(names, edges[:-1], edges[1:], strict=True)}
    return ClassifiedRegions(
        rows=rows,
        longest={name: int((end[here] - start[here]).max()) for name, here in rows.items()},
        start=start,
        end=end,
        name=table["name"].to_numpy(dtype=object)[order],
        label=label,
        p=table[_P].to_numpy(np.float32)[order, label],
    )


def read_predict_run(
    run: Path, fasta_sha256: str, lifting: Lifting = UNLIFTED
) -> tuple[ClassifiedRegions, dict[str, Any]]:
    """Read the calls of a folder that `raycre predict` has written and finished.

    Args:
        run: the folder.
        fasta_sha256: of the genome that the calls are to be laid on.
        lifting: from the assembly of the calls to that of the genome, where they are of two; regions that are
            not mapped, or whose length changes much, are left out and counted (`genome.lift`).

    Returns:
        The regions, and what to note of the run, ready for JSON.

    Raises:
        MissingInputError: no run there.
        RunMismatchError: a run of another verb, or one that is not whole.
        AssemblyError: its regions are of another FASTA and there is no chain, of the same FASTA and there
            is one, or none of them is mapped.
        FormatError: a damaged file.
    """
    record = read_finished(run, "predict", key="create_run")
    if record.get("failed_shards"):
        raise RunMismatchError(
            "create_run: some of its shards failed; run the prediction again to the end", path=run
        )
    theirs = record["identity"].get(FASTA)
    if theirs == fasta_sha256 and lifting.chains is not None:
        raise AssemblyError(
            "chain: the regions of create_run are of this very FASTA; leave chain out",
            path=lifting.chains.path,
        )
    if theirs != fasta_sha256 and lifting.chains is None:
        raise AssemblyError(
            f"create_run: its regions are of another FASTA ({str(theirs)[:12]}, here {fasta_sha256[:12]}); "
            "places in two assemblies are never joined as they are: run `raycre predict` on the FASTA of "
            "this run, or give the chain between the two (chain:)",
            path=run,
        )
    parts = list(iter_parts(run / "predictions"))
    if (there := n_units(parts)) != record["shards"]:
        raise RunMismatchError(
            f"create_run: {there:,} of {record['shards']:,} parts are there; run the prediction again",
            path=run,
        )
    columns = ["chrom", "start", "end", "name", "call", "call_argmax", *_P]
    table = pd.concat([read_table(part, columns).to_pandas() for part in parts], ignore_index=True)
    table = lifting.rows(CREATE_RUN, table)
    lift = lifting.facts()
    if lift:
        lift["lift"] = lift["lift"][CREATE_RUN]
    regions = regions_of(table)
    return regions, {
        "path": str(run),
        "name": record.get("name"),
        "digest": record["digest"],
        "model_sha256": record["identity"].get("model_sha256"),
        "regions": len(regions.start),
        "elements": int((regions.label != BACKGROUND).sum()),
        **lift,
    }


def element_rows(regions: ClassifiedRegions, effects: pd.DataFrame) -> pd.DataFrame:
    """Join the elements, regions of a class other than background, to the effects of the tiles they lie in.

    An element over the edge of two tiles has rows for both, with the bp that it shares with each.

    Args:
        regions: of one assembly with the effects.
        effects: columns of `store.schemas.EFFECTS`, rows of tests with one effect of each tile.

    Returns:
        Columns of `store.schemas.ELEMENTS`: genes in the order of `effects`, then by element, tile and track,
        then tests in that order.
    """
    chrom = effects["tile_chrom"].to_numpy(dtype=object)
    start, end = (effects[c].to_numpy(np.int64) for c in ("tile_start", "tile_end"))
    found = regions.overlapping(chrom, start, end)
    kept = regions.label[found.region] != BACKGROUND
    row, region = found.interval[kept], found.region[kept]
    joined = effects.iloc[row].reset_index(drop=True)
    joined = joined.rename(columns={"call": "creme_call", "tile_chrom": "chrom"})
    joined = joined.assign(
        start=regions.start[region],
        end=regions.end[region],
        name=regions.name[region],
        create_call=np.array(CLASSES, dtype=object)[regions.label[region]],
        create_p=regions.p[region],
        overlap_bp=found.bp[kept],
    )
    joined["agrees"] = agreement(joined["create_call"], joined["creme_call"])
    gene = joined.groupby(["gene_id", "chrom", "tss", "strand"], sort=False, observed=True).ngroup()
    by = [joined[c].to_numpy() for c in ("track_id", "tile_start", "end", "start")]
    table: pd.DataFrame = joined.iloc[np.lexsort((*by, gene.to_numpy()))].reset_index(drop=True)
    return table


def agreement(create: pd.Series, creme: pd.Series) -> pd.api.extensions.ExtensionArray:
    """Say whether both call the same, nullable bool (n,).

    True for silencer and silencer, or enhancer and enhancer; false for these classes and any other call of
    CREME, "neither" included; null where CREATE's class is one that CREME lacks, or CREME has no call.
    """
    known = create.isin(COMPARABLE) & creme.notna()
    same: pd.api.extensions.ExtensionArray = pd.array(create.to_numpy() == creme.to_numpy(), dtype="boolean")
    same[~known.to_numpy()] = pd.NA
    return same


def iter_elements(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the table of elements piece by piece, each of them whole genes.

    Raises:
        FormatError: a damaged table.
    """
    with open_parquet(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number).to_pandas()


def side_by_side(rows: pd.DataFrame, tests: Sequence[str]) -> pd.DataFrame:
    """Lay the tests of one element, gene and track beside each other.

    Args:
        rows: columns of `store.schemas.ELEMENTS`; whole genes.
        tests: with one effect of each tile, in its own place.

    Returns:
        A row each: those columns that say which, the effect of each of `tests` under its name (NaN where
        it was not run), creme_call (of both tests; "enhancer, neither" where they differ) and agrees (with
        every test that has a call).
    """
    number = rows.groupby(_ROW, sort=False, dropna=False).ngroup().to_numpy()  # by first appearance
    table = rows.loc[np.unique(number, return_index=True)[1], [*_ROW, *_SHOWN]].reset_index(drop=True)
    calls, agree = [], []
    for test in tests:
        mine = (rows["test"] == test).to_numpy()
        at = number[mine]
        effect, call, agrees = np.full(len(table), np.nan), *(np.full(len(table), None) for _ in range(2))
        effect[at] = rows.loc[mine, "effect"]
        call[at] = rows.loc[mine, "creme_call"].fillna("unknown")
        agrees[at] = rows.loc[mine, "agrees"].astype(object).where(rows.loc[mine, "agrees"].notna(), None)
        table[test] = effect
        calls.append(call)
        agree.append(agrees)
    table["creme_call"] = [
        ", ".join(dict.fromkeys(c for c in both if c is not None)) for both in zip(*calls, strict=True)
    ]
    known = [[bool(a) for a in both if a is not None] for both in zip(*agree, strict=True)]
    table["agrees"] = np.array([all(both) if both else None for both in known], dtype=object)
    return table


def strongest(table: pd.DataFrame, n: int, tests: Sequence[str]) -> pd.DataFrame:
    """Return the `n` rows of `side_by_side` of largest absolute effect, those that CREME calls first."""
    called = table["creme_call"].str.contains("|".join(COMPARABLE))
    effect = table[list(tests)].abs().max(axis=1).fillna(0)
    order = np.lexsort((-effect, ~called))
    return table.iloc[order[:n]]
