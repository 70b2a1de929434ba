"""Labels, candidates and background against golden/biology/prepare: every table and every count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from raycre.genome.fasta import Fasta
from raycre.genome.folds import near_groups
from raycre.genome.n_runs import runs_of_n
from raycre.genome.overlaps import overlapping
from raycre.prepare.background import most_windows
from raycre.prepare.candidates import merge_candidates, remove_known
from raycre.prepare.counts import StepCount
from raycre.prepare.labels import between_classes
from raycre.prepare.rules import Rules
from raycre.prepare.steps import (
    BackgroundTables,
    CandidateTables,
    LabelTables,
    make_background,
    make_candidates,
    make_labels,
)
from tests.golden.prepare_set import PLACE, PrepareSet, as_rows

RULES = Rules()


@pytest.fixture(scope="module")
def prepared(shared: Path) -> PrepareSet:
    folder = shared / "golden" / "biology" / "prepare"
    if not folder.is_dir():
        pytest.skip(f"no golden tables at {folder}")
    return PrepareSet.of(folder)


@pytest.fixture(scope="module")
def counts(prepared: PrepareSet) -> dict[str, int]:
    return prepared.counts()


@pytest.fixture(scope="module")
def records(prepared: PrepareSet) -> dict[str, pd.DataFrame]:
    return prepared.records()


@pytest.fixture(scope="module")
def labels(prepared: PrepareSet, records: dict[str, pd.DataFrame]) -> LabelTables:
    return make_labels(records, prepared.sizes, RULES)


@pytest.fixture(scope="module")
def peaks(prepared: PrepareSet) -> pd.DataFrame:
    return prepared.peaks()


def candidates_of(
    prepared: PrepareSet,
    peaks: pd.DataFrame,
    labels: LabelTables,
    rules: Rules,
) -> CandidateTables:
    genes, blacklist = prepared.genes(), prepared.blacklist()
    return make_candidates(peaks, labels, genes, blacklist, prepared.sizes, rules)


@pytest.fixture(scope="module")
def candidates(prepared: PrepareSet, peaks: pd.DataFrame, labels: LabelTables) -> CandidateTables:
    return candidates_of(prepared, peaks, labels, RULES)


@pytest.fixture(scope="module")
def n_runs(prepared: PrepareSet, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    fasta = next(prepared.inputs.glob("*.fa.gz"))
    copy = tmp_path_factory.mktemp("fasta") / fasta.name  # its index is written beside it
    copy.write_bytes(fasta.read_bytes())
    with Fasta(copy) as opened:
        return runs_of_n(opened, list(opened.sizes))


def chromosomes(prepared: PrepareSet) -> list[str]:
    return sorted(prepared.bed("08_background_allowed", PLACE)["chrom"].unique())


def numbers(found: list[StepCount], step: str) -> dict[str, int]:
    return {item: n for of_step, item, n in found if of_step == step}


def of_step(counts: dict[str, int], step: str) -> dict[str, int]:
    return {key.removeprefix(f"{step}."): n for key, n in counts.items() if key.startswith(f"{step}.")}


def test_runs_of_n_are_those_of_either_case(prepared: PrepareSet, n_runs: pd.DataFrame) -> None:
    assert as_rows(n_runs, PLACE) == as_rows(prepared.bed("00_N_runs", PLACE), PLACE)


def test_windows_of_every_class_have_their_width_and_their_centre(
    prepared: PrepareSet, labels: LabelTables, counts: dict[str, int]
) -> None:
    for name, table in labels.windows.items():
        expected = prepared.bed(f"02_resized_{name}", [*PLACE, "name"])
        assert as_rows(table, [*PLACE, "name"]) == as_rows(expected, [*PLACE, "name"])
    assert numbers(labels.counts, "resize") == of_step(counts, "02_resize")


def test_identical_windows_of_a_class_are_one_row_with_all_names(
    prepared: PrepareSet, labels: LabelTables, counts: dict[str, int]
) -> None:
    for name, table in labels.joined.items():
        expected = prepared.bed(f"03_dedup_{name}", [*PLACE, "name", "n"])
        assert as_rows(table, [*PLACE, "name", "n"]) == as_rows(expected, [*PLACE, "name", "n"])
    ours = {k.replace(".windows", ".kept"): n for k, n in numbers(labels.counts, "join").items()}
    assert ours == of_step(counts, "03_dedup")


def test_regions_of_two_classes_that_share_a_base_are_dropped_both(
    prepared: PrepareSet, labels: LabelTables, counts: dict[str, int]
) -> None:
    columns = {"label": "class", "name": "names"}
    expected, dropped = prepared.table("04_labels"), prepared.table("04_dropped_between_classes")
    names = [*PLACE, "class", "names"]
    assert as_rows(labels.final.rename(columns=columns), names) == as_rows(expected, names)
    renamed = labels.dropped.rename(columns={**columns, "overlaps": "overlaps_classes"})
    assert as_rows(renamed, [*names, "overlaps_classes"]) == as_rows(dropped, [*names, "overlaps_classes"])
    assert numbers(labels.counts, "labels") == of_step(counts, "04_between")


def test_other_readings_of_the_overlap_leave_what_bedtools_leaves(
    prepared: PrepareSet, records: dict[str, pd.DataFrame], counts: dict[str, int]
) -> None:
    half = replace(RULES, labels=replace(RULES.labels, min_overlap=500))
    found = numbers(make_labels(records, prepared.sizes, half).counts, "labels")
    expected = of_step(counts, "04_other_reading.overlap_at_least_500bp")
    assert {f"{name}.left": found[f"{name}.final"] for name in records} == expected
    whole = make_labels(records, prepared.sizes, RULES).whole
    left = {
        f"{name}.records_left": int((~mixed).sum()) for name, mixed in between_classes(whole).mixed.items()
    }
    assert left == of_step(counts, "04_other_reading.overlap_tested_before_resizing")


def test_labels_near_each_other_are_in_one_group(
    prepared: PrepareSet, labels: LabelTables, counts: dict[str, int], n_runs: pd.DataFrame
) -> None:
    theirs = prepared.table("09_label_groups").rename(columns={"class": "label", "names": "name"})
    key = [*PLACE, "label"]
    ours = labels.final.assign(group=near_groups(labels.final))
    both = ours.merge(theirs, on=key, suffixes=("", "_expected"))
    assert len(both) == len(ours) == len(theirs)
    pairs = both[["group", "group_expected"]].drop_duplicates()
    assert len(pairs) == both["group"].nunique() == both["group_expected"].nunique()
    expected = of_step(counts, "09_groups")
    assert overlapping(labels.final, n_runs).sum() == expected.pop("labels_holding_an_N")
    assert numbers(labels.counts, "folds") == expected


def test_every_peak_is_a_window_that_hits_what_is_known(
    prepared: PrepareSet, candidates: CandidateTables, counts: dict[str, int]
) -> None:
    expected = prepared.table("05_candidates_resized").rename(
        columns={"peak": "name", "hits_gene": "hits_genes"}
    )
    columns = [*PLACE, "name", "source", "hits_validated", "hits_genes", "hits_blacklist"]
    ours = candidates.windows.astype(dict.fromkeys(columns[5:], int))
    assert as_rows(ours, columns) == as_rows(expected, columns)
    found = numbers(candidates.counts, "candidates")
    for item, n in of_step(counts, "05_candidates").items():
        assert found[item] == n


def test_candidates_are_the_peaks_that_hit_nothing_known(
    prepared: PrepareSet, candidates: CandidateTables, counts: dict[str, int]
) -> None:
    expected = prepared.table("06_candidates_kept").rename(columns={"peak": "name"})
    columns = [*PLACE, "name", "source"]
    assert as_rows(candidates.kept, columns) == as_rows(expected, columns)
    found = numbers(candidates.counts, "candidates")
    names = {
        "removed_by_validated_CREs": "removed_by_validated",
        "removed_by_gene_bodies": "removed_by_genes",
    }
    for item, n in of_step(counts, "06_candidates").items():
        assert found[names.get(item, item)] == n


def test_identical_candidates_are_one_row_with_all_sources(
    prepared: PrepareSet, candidates: CandidateTables, counts: dict[str, int]
) -> None:
    expected = prepared.table("07_candidates_unique").rename(
        columns={"sources": "source", "peaks": "name", "n_peaks": "n"}
    )
    columns = [*PLACE, "source", "name", "n"]
    assert as_rows(candidates.final, columns) == as_rows(expected, columns)
    of_unique = of_step(counts, "07_unique")
    found = numbers(candidates.counts, "candidates")
    assert found["unique_windows"] == of_unique["rows"]
    assert found["windows_of_two_or_more_sources"] == of_unique["rows_with_two_or_more_sources"]
    sources = candidates.final["source"].str.split(",").explode().value_counts()
    assert {f"rows_holding.{source}": n for source, n in sources.items()} == {
        item: n for item, n in of_unique.items() if item.startswith("rows_holding.")
    }


def test_candidates_that_share_bases_can_be_merged(
    prepared: PrepareSet, candidates: CandidateTables, counts: dict[str, int]
) -> None:
    merged = merge_candidates(candidates.kept)
    expected = prepared.table("07_candidates_merged")
    ours = merged.rename(
        columns={
            "start": "centre_start", "end": "centre_end", "source": "sources", "n": "n_peaks",
            "cluster_start": "start", "cluster_end": "end",
        }
    )  # fmt: skip
    columns = [*PLACE, "sources", "n_peaks", "centre_start", "centre_end"]
    assert as_rows(ours, columns) == as_rows(expected, columns)
    assert len(merged) == of_step(counts, "07_merged")["clusters_overlap_ge_1bp"]


def test_other_readings_of_what_candidates_must_not_hit(
    prepared: PrepareSet, peaks: pd.DataFrame, labels: LabelTables, counts: dict[str, int]
) -> None:
    expected = of_step(counts, "06_other_reading")
    final = replace(RULES, candidates=replace(RULES.candidates, validated="final"))
    found = candidates_of(prepared, peaks, labels, final)
    assert len(found.kept) == expected["only_final_labels_removed.kept_rows"]
    before = replace(RULES, candidates=replace(RULES.candidates, tested="before_resizing"))
    found = candidates_of(prepared, peaks, labels, before)
    whole = pd.concat(labels.whole.values())
    left = remove_known(peaks, {"x": whole, "y": prepared.genes(), "z": prepared.blacklist()}).kept
    assert left.sum() == expected["filtered_before_resizing.kept_rows"]
    n_clipped = left.sum() - len(found.kept)  # the golden count has whole peaks, also those at an end
    assert 0 <= n_clipped <= numbers(found.counts, "candidates")["clipped_dropped"]


@pytest.fixture(scope="module")
def background(
    prepared: PrepareSet, labels: LabelTables, candidates: CandidateTables, n_runs: pd.DataFrame
) -> BackgroundTables:
    rules = replace(RULES, background=replace(RULES.background, n=2_000))
    others = [prepared.genes(), prepared.blacklist(), n_runs]
    return make_background(labels, candidates, others, prepared.sizes, chromosomes(prepared), 7, rules)


def test_background_may_lie_where_nothing_is_known(
    prepared: PrepareSet, background: BackgroundTables, counts: dict[str, int]
) -> None:
    for name, table in (("allowed", background.allowed), ("starts", background.starts)):
        assert as_rows(table, PLACE) == as_rows(prepared.bed(f"08_background_{name}", PLACE), PLACE)
    assert numbers(background.counts, "background") == of_step(counts, "08_background")


def test_a_sample_starts_in_legal_places_and_shares_no_base(
    prepared: PrepareSet, background: BackgroundTables
) -> None:
    starts, sampled = prepared.bed("08_background_starts", PLACE), background.sampled
    assert len(sampled) == 2_000
    legal = starts.merge(sampled, on="chrom", suffixes=("_legal", ""))
    inside = (legal["start_legal"] <= legal["start"]) & (legal["start"] < legal["end_legal"])
    assert inside.sum() == len(sampled)
    assert (sampled.groupby("chrom")["start"].diff().dropna() >= 1_000).all()


def test_other_readings_of_background_leave_other_room(
    prepared: PrepareSet,
    labels: LabelTables,
    candidates: CandidateTables,
    n_runs: pd.DataFrame,
    peaks: pd.DataFrame,
    counts: dict[str, int],
) -> None:
    rules = replace(RULES, background=replace(RULES.background, n=0))
    known = [prepared.genes(), prepared.blacklist()]
    expected = of_step(counts, "08_other_reading")
    for others, item in (
        (known, "N_allowed"),
        ([*known, n_runs, peaks], "whole_raw_peaks_excluded_too"),
    ):
        found = make_background(labels, candidates, others, prepared.sizes, chromosomes(prepared), 0, rules)
        assert most_windows(found.allowed) == expected[f"{item}.most_regions_without_overlap"]
