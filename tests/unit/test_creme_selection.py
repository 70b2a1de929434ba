"""What goes on to the next test: top genes, sampled contexts, neutral tiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from raycre.creme.selection import sample_contexts, top_genes
from raycre.errors import InputError, RaycreError


def candidates() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chrom": ["chr1", "chr1", "chr2", "chrX", "chrY", "chr3"],
            "tss": [10, 500, 20, 30, 40, 50],
            "strand": ["+", "+", "-", "+", "+", "-"],
            "gene_id": ["A", "A", "B", "P", "P_PAR_Y", "C"],
            "gene_name": ["a", "a", "b", "p", "p", "c"],
        }
    )


ACTIVITY = np.array(
    #    first track: A by its second TSS; second track: A by its first
    [[1.0, 9.0], [5.0, 2.0], [3.0, 1.0], [4.0, 4.0], [4.5, 4.0], [2.0, 3.0]]
)


def test_highest_tss_of_every_gene_and_then_the_highest_genes_ascending() -> None:
    chosen = top_genes(candidates(), ACTIVITY, n=3)
    assert [t.tolist() for t in chosen.by_track] == [[3, 4, 1], [4, 3, 0]]
    assert chosen.rows.tolist() == [0, 1, 3, 4]
    assert chosen.member.tolist() == [[False, True], [True, False], [True, True], [True, True]]


def test_reference_takes_loci_of_one_name_for_one_gene() -> None:
    chosen = top_genes(candidates(), ACTIVITY, n=3, compat="reference")
    assert [t.tolist() for t in chosen.by_track] == [[2, 4, 1], [5, 3, 0]]


def test_of_equal_activities_the_earlier_row_ranks_higher() -> None:
    equal = np.ones((6, 1))
    assert top_genes(candidates(), equal, n=2).by_track[0].tolist() == [2, 0]
    assert top_genes(candidates(), equal, n=9).by_track[0].tolist() == [5, 4, 3, 2, 0]


def test_few_genes_are_all_taken_and_none_are_none() -> None:
    assert len(top_genes(candidates(), ACTIVITY).rows) == 6
    none = top_genes(candidates().iloc[:0], np.empty((0, 2)))
    assert none.rows.tolist() == []
    assert none.member.shape == (0, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_activity_that_is_not_a_number_names_its_gene(value: float) -> None:
    activity = ACTIVITY.copy()
    activity[2, 1] = value
    activity[4] = value  # a later one, which is not named
    with pytest.raises(RaycreError, match=rf"of B is \[3\.0, {value}\]"):
        top_genes(candidates(), activity)


@pytest.mark.parametrize(("activity", "n"), [(ACTIVITY[:5], 3), (ACTIVITY[:, 0], 3), (ACTIVITY, 0)])
def test_activities_of_another_table_are_refused(activity: np.ndarray, n: int) -> None:
    with pytest.raises(InputError, match=r"activities|at least one gene"):
        top_genes(candidates(), activity, n=n)


def test_one_gene_and_one_context_of_a_class_can_be_asked_for() -> None:
    assert [rows.tolist() for rows in top_genes(candidates(), ACTIVITY, n=1).by_track] == [[1], [0]]
    kept = sample_contexts(contexts(), n=1)
    assert contexts()["call"].iloc[kept].tolist() == ["enhancing", "neutral"]


def test_ten_thousand_genes_are_taken_unless_told_otherwise() -> None:
    # Methods, "Transcription start site selection": the top 10,000 unique genes.
    names = [f"G{i}" for i in range(10_001)]
    table = pd.DataFrame({"gene_id": names, "gene_name": names})
    chosen = top_genes(table, np.arange(10_001.0)[:, None])
    assert chosen.rows.tolist() == list(range(1, 10_001))


def contexts(n_enhancing: int = 12, n_neutral: int = 3, track: int = 7) -> pd.DataFrame:
    call = ["enhancing"] * n_enhancing + ["neutral"] * n_neutral + ["other", None]
    return pd.DataFrame({"gene": [f"G{i}" for i in range(len(call))], "track": track, "call": call})


@pytest.mark.parametrize("compat", ["fixed", "reference"])
def test_classes_are_capped_and_small_ones_are_whole(compat: str) -> None:
    table = contexts()
    kept = sample_contexts(table, n=5, compat=compat)
    assert table["call"].iloc[kept].value_counts().to_dict() == {"enhancing": 5, "neutral": 3}
    assert len(set(kept.tolist())) == len(kept)
    assert set(sample_contexts(table, n=None, compat=compat).tolist()) == set(range(15))


def test_fixed_sample_depends_on_identity_and_not_on_order_or_on_genes_that_are_not_drawn() -> None:
    table = contexts(60)
    kept = set(table["gene"].iloc[sample_contexts(table, n=10)])
    turned = table.iloc[::-1].reset_index(drop=True)
    assert set(turned["gene"].iloc[sample_contexts(turned, n=10)]) == kept
    dropped = next(g for g in table["gene"][:60] if g not in kept)
    fewer = table[table["gene"] != dropped].reset_index(drop=True)
    assert set(fewer["gene"].iloc[sample_contexts(fewer, n=10)]) == kept
    assert set(table["gene"].iloc[sample_contexts(table, n=10, seed=1)]) != kept


def test_fixed_sample_of_a_track_is_its_own() -> None:
    first, second = contexts(60, track=1), contexts(60, track=2)
    both = pd.concat([first, second], ignore_index=True)
    kept = sample_contexts(both, n=10)
    assert kept[kept < 65].tolist() == sample_contexts(first, n=10).tolist()
    assert (kept[kept >= 65] - 65).tolist() == sample_contexts(second, n=10).tolist()
    assert sample_contexts(first, n=10).tolist() != sample_contexts(second, n=10).tolist()


def test_fixed_sample_of_a_seed_is_the_same_for_ever() -> None:
    # A fixed value: changing it changes which genes a published run went on with.
    assert sample_contexts(contexts(), n=3, seed=0).tolist() == [1, 5, 9, 12, 13, 14]
    assert sample_contexts(contexts(), n=3).tolist() == [1, 5, 9, 12, 13, 14]


def test_reference_sample_is_that_of_pandas_whatever_the_seed() -> None:
    table = contexts(12, 0)
    drawn = np.random.RandomState(42).permutation(12)[:5].tolist()
    assert sample_contexts(table, n=5, compat="reference").tolist() == drawn
    assert sample_contexts(table, n=5, seed=9, compat="reference").tolist() == drawn


def test_a_class_of_just_as_many_is_whole_and_in_order() -> None:
    for compat in ("fixed", "reference"):
        assert sample_contexts(contexts(5, 0), n=5, compat=compat).tolist() == [0, 1, 2, 3, 4]


def test_gene_given_twice_is_refused() -> None:
    table = pd.concat([contexts(), contexts().iloc[[4]]])
    with pytest.raises(InputError, match=r"G4.*once"):
        sample_contexts(table)
    with pytest.raises(InputError, match="at least one context"):
        sample_contexts(contexts(), n=0)
