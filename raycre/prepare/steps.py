"""From tables of regions to labels, candidates and background, step by step, each counted.

Names of the steps: resize, join, labels, candidates, background; CREATE, Methods, "Data collection".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from raycre.genome.classes import CLASSES
from raycre.genome.folds import near_groups
from raycre.prepare.background import allowed_intervals, legal_starts, most_windows, sample_background
from raycre.prepare.candidates import join_candidates, merge_candidates, remove_known
from raycre.prepare.counts import StepCount
from raycre.prepare.labels import between_classes
from raycre.prepare.rules import Centre, Rules
from raycre.prepare.windows import PLACE, join_identical, to_width

KNOWN = ("validated", "genes", "blacklist")  # what candidates must not overlap, in the order of the counts


class LabelTables(NamedTuple):
    """Labelled regions.

    windows: by class, records at their width: PLACE, name, source.
    joined: by class, what candidates and background must not overlap: PLACE, name, source, n.
    whole: by class, records before they have their width; promoters are windows.
    final: PLACE, label (name of the class), name, source, n.
    dropped: as `final`, with overlaps: the classes that each shares bases with.
    counts: of resize, join, labels.
    """

    windows: dict[str, pd.DataFrame]
    joined: dict[str, pd.DataFrame]
    whole: dict[str, pd.DataFrame]
    final: pd.DataFrame
    dropped: pd.DataFrame
    counts: list[StepCount]


def make_labels(records: Mapping[str, pd.DataFrame], sizes: Mapping[str, int], rules: Rules) -> LabelTables:
    """Make labels of the records of each class.

    Args:
        records: class -> chrom, start, end, name, source and, where there, summit.
        sizes: bp of each chromosome, in the order of the result.
        rules: the choices.
    """
    windows, joined, counts = {}, {}, []
    for name, table in records.items():
        centre: Centre = getattr(rules.centre, f"{name}s", "midpoint")
        resized = to_width(
            table.assign(record=np.arange(len(table))), sizes, centre=centre, at_ends=rules.at_ends
        )
        counts += [
            StepCount("resize", f"{name}.in", len(table)),
            StepCount("resize", f"{name}.clipped_dropped", resized.n_dropped),
            StepCount("resize", f"{name}.kept", len(resized.table)),
        ]
        windows[name] = by_place(resized.table[[*PLACE, "name", "source", "record"]], sizes)
    # A promoter is its window: all that the paper says of its size.
    whole = {name: windows[name] if name == "promoter" else table for name, table in records.items()}
    apart = {name: np.zeros(len(table), dtype=bool) for name, table in windows.items()}
    pairs: dict[tuple[str, str], int] = {}
    least = rules.labels.min_overlap
    if rules.labels.tested == "before_resizing":
        found = between_classes(whole, min_overlap=least)
        pairs = found.pairs
        if rules.labels.overlaps == "drop":
            rows = {
                name: slice(None) if name == "promoter" else table["record"].to_numpy()
                for name, table in windows.items()
            }
            apart = {name: found.mixed[name][rows[name]] for name in windows}
    for name, table in windows.items():
        table = table.drop(columns="record")
        windows[name] = table
        one = join_identical(table, ["name", "source"])
        counts.append(StepCount("join", f"{name}.windows", len(one)))
        joined[name] = one if rules.labels.identical == "join" else table.assign(n=np.int64(1))
    left, lost = [], []
    if rules.labels.tested == "after_resizing":
        found = between_classes(joined, min_overlap=least)
        pairs = found.pairs
        others = found.others
        if rules.labels.overlaps == "keep":
            found = found._replace(mixed={name: np.zeros(len(t), dtype=bool) for name, t in joined.items()})
        for name, table in joined.items():
            labelled = table.assign(label=name)
            left.append(labelled[~found.mixed[name]])
            lost.append(labelled.assign(overlaps=others[name])[found.mixed[name]])
    else:
        for name, table in windows.items():
            part = join_identical(table[~apart[name]], ["name", "source"])
            left.append(part.assign(label=name))
            gone = join_identical(table[apart[name]], ["name", "source"])
            lost.append(gone.assign(label=name, overlaps=""))
    counts += [StepCount("labels", f"overlapping_pairs.{a}~{b}", n) for (a, b), n in sorted(pairs.items())]
    for name, here, gone in zip(windows, left, lost, strict=True):
        counts += [
            StepCount("labels", f"{name}.dropped", len(gone)),
            StepCount("labels", f"{name}.final", len(here)),
        ]
    final, dropped = (by_place(_concatenated(parts), sizes) for parts in (left, lost))
    if len(final):
        groups = np.unique(near_groups(final), return_counts=True)[1]
        counts += [
            StepCount("folds", "labels", len(final)),
            StepCount("folds", "groups", len(groups)),
            StepCount("folds", "groups_with_two_or_more_labels", int((groups > 1).sum())),
        ]
    return LabelTables(windows, joined, whole, final, dropped, counts)


class CandidateTables(NamedTuple):
    """Candidates.

    windows: every peak at its width: PLACE, name, source, and whether it hits each of `KNOWN`.
    kept: those that hit none: PLACE, name, source.
    final: as `kept`, with n: rows that were joined; as the rules say.
    counts: of candidates.
    """

    windows: pd.DataFrame
    kept: pd.DataFrame
    final: pd.DataFrame
    counts: list[StepCount]


def make_candidates(
    peaks: pd.DataFrame,
    labels: LabelTables,
    genes: pd.DataFrame,
    blacklist: pd.DataFrame,
    sizes: Mapping[str, int],
    rules: Rules,
) -> CandidateTables:
    """Make candidates of the peaks of experiments.

    Args:
        peaks: chrom, start, end, name, source (the experiment) and, where there, summit.
        labels: of `make_labels`.
        genes, blacklist: chrom, start, end.
        sizes, rules: as `make_labels`.
    """
    choice = rules.candidates
    before = choice.tested == "before_resizing"
    if choice.validated == "final":
        elements = [labels.final]
    else:
        elements = list((labels.whole if before else labels.joined).values())
    known = {
        "validated": _concatenated([table[PLACE] for table in elements]),
        "genes": genes,
        "blacklist": blacklist,
    }
    table = peaks
    if before:
        table = table.assign(**{f"hits_{k}": hit for k, hit in remove_known(table, known).hits.items()})
    resized = to_width(table, sizes, centre=rules.centre.candidates, at_ends=rules.at_ends)
    windows = by_place(resized.table, sizes)
    counts = [
        StepCount("candidates", "peaks_in", len(peaks)),
        StepCount("candidates", "clipped_dropped", resized.n_dropped),
        StepCount("candidates", "resized", len(windows)),
    ]
    if not before:
        windows = windows.assign(**{f"hits_{k}": hit for k, hit in remove_known(windows, known).hits.items()})
    left = np.ones(len(windows), dtype=bool)
    for name in KNOWN:
        hit = windows[f"hits_{name}"].to_numpy(bool)
        counts.append(StepCount("candidates", f"removed_by_{name}", int((hit & left).sum())))
        left &= ~hit
    kept = windows.loc[left, [*PLACE, "name", "source"]].reset_index(drop=True)
    counts.append(StepCount("candidates", "kept_rows", len(kept)))
    counts += [
        StepCount("candidates", f"kept_rows.{source}", n)
        for source, n in kept["source"].value_counts().items()
    ]
    joined = join_candidates(kept)
    counts.append(StepCount("candidates", "unique_windows", len(joined)))
    several = joined["source"].str.contains(",", regex=False).sum() if len(joined) else 0
    counts.append(StepCount("candidates", "windows_of_two_or_more_sources", int(several)))
    final = joined
    if choice.overlaps == "keep":
        final = kept.assign(n=np.int64(1))
    elif choice.overlaps == "merge":
        merged = merge_candidates(kept)
        length = merged["chrom"].map(sizes).to_numpy(np.int64)
        inside = (merged["start"] >= 0).to_numpy() & (merged["end"].to_numpy() <= length)
        final = by_place(merged[inside], sizes)
    counts.append(StepCount("candidates", "final", len(final)))
    columns = [*PLACE, "name", "source", *(f"hits_{name}" for name in KNOWN)]
    return CandidateTables(windows[columns], kept, final, counts)


class BackgroundTables(NamedTuple):
    """Background: chrom, start, end of what may hold it, of its legal first bases, and of the sample."""

    allowed: pd.DataFrame
    starts: pd.DataFrame
    sampled: pd.DataFrame
    counts: list[StepCount]


def make_background(
    labels: LabelTables,
    candidates: CandidateTables | None,
    others: Sequence[pd.DataFrame],
    sizes: Mapping[str, int],
    chromosomes: Sequence[str],
    seed: int,
    rules: Rules,
) -> BackgroundTables:
    """Sample background where nothing is known.

    Args:
        labels, candidates: of `make_labels` and `make_candidates`; None: there are no candidates.
        others: chrom, start, end of genes, blacklist and runs of N.
        sizes: as `make_labels`.
        chromosomes: that may be used.
        seed: of the sample.
        rules: the choices.
    """
    excluded = [*labels.joined.values(), *others]
    if candidates is not None:
        excluded.append(candidates.kept if rules.background.candidates == "kept" else candidates.windows)
    allowed = allowed_intervals(excluded, sizes, chromosomes)
    starts = legal_starts(allowed)
    counts = [
        StepCount("background", "allowed_bases", int((allowed["end"] - allowed["start"]).sum())),
        StepCount("background", "legal_starts", int((starts["end"] - starts["start"]).sum())),
        StepCount("background", "most_regions_without_overlap", most_windows(allowed)),
    ]
    sampled = sample_background(allowed, rules.background.n, seed)
    counts.append(StepCount("labels", "background.final", len(sampled)))
    return BackgroundTables(allowed, starts, sampled, counts)


def _concatenated(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return tables one below the other; PLACE and label without rows, of none."""
    if tables:
        return pd.concat(tables, ignore_index=True)
    return pd.DataFrame({"chrom": [], "start": [], "end": [], "label": []}).astype({"start": int, "end": int})


def by_place(table: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Sort rows by chromosome (in the order of `sizes`) and place; equal ones by class, source and name."""
    rank = {name: number for number, name in enumerate(sizes)}
    classes = {name: number for number, name in enumerate(CLASSES)}
    keys = pd.DataFrame({"chrom": table["chrom"].map(rank), "start": table["start"], "end": table["end"]})
    if "label" in table:
        keys["label"] = table["label"].map(classes)
    for column in ("source", "name"):
        if column in table:
            keys[column] = table[column].fillna("")
    order = np.lexsort([pd.factorize(keys[name], sort=True)[0] for name in reversed(keys.columns)])
    return table.take(order).reset_index(drop=True)
