"""Lifts against golden/biology/prepare: every region's category, share, place and summit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.genome.chains import Chains, read_chains
from raycre.genome.lift import CATEGORIES, LENGTH_CHANGED, lift, lift_regions

NEW = ["new_chrom", "new_start", "new_end", "new_strand"]


@pytest.fixture(scope="module")
def prepared(shared: Path) -> Path:
    folder = shared / "golden" / "biology" / "prepare"
    if not folder.is_dir():
        pytest.skip(f"no golden tables at {folder}")
    return folder


@pytest.fixture(scope="module")
def chains(prepared: Path) -> Chains:
    return read_chains(next((prepared / "inputs").glob("*.chain")))


def tables(prepared: Path) -> list[tuple[str, pd.DataFrame]]:
    found = sorted((prepared / "expected").glob("01_lift_*.tsv"))
    assert found
    return [(path.stem.removeprefix("01_lift_"), pd.read_csv(path, sep="\t")) for path in found]


def test_every_region_has_the_category_and_the_place_of_the_golden_table(
    prepared: Path, chains: Chains
) -> None:
    for _, expected in tables(prepared):
        table = expected[["chrom", "start", "end"]].copy()
        if "summit" in expected:
            table["summit"] = np.where(expected["summit"] >= 0, expected["start"] + expected["summit"], -1)
        found = lift(table, chains)
        assert found["status"].tolist() == expected["status"].tolist()
        np.testing.assert_allclose(found["mapped_fraction"], expected["mapped_fraction"], atol=5e-7)
        assert found[NEW].values.tolist() == expected[NEW].values.tolist()
        if "summit" in expected:
            offset = np.where(found["new_summit"] >= 0, found["new_summit"] - found["new_start"], -1)
            assert offset.tolist() == expected["new_summit"].tolist()


def test_what_is_dropped_is_counted_by_category(prepared: Path, chains: Chains) -> None:
    counts = pd.read_csv(prepared / "expected" / "counts.tsv", sep="\t")
    rows = counts.loc[counts["step"] == "01_lift", ["item", "n"]].itertuples(index=False)
    of_step: dict[str, int] = {str(item): int(n) for item, n in rows}
    for name, expected in tables(prepared):
        table = expected[["chrom", "start", "end", "name"]]
        left, found, lost = lift_regions(table, chains, max_length_change=None)
        assert found[LENGTH_CHANGED] == 0
        for category in CATEGORIES:
            assert found[category] == of_step.get(f"{name}.{category}", 0)
        assert (len(left), len(lost)) == (found["mapped"], len(table) - found["mapped"])
        strict = lift_regions(table, chains)
        width, new = (table["end"] - table["start"]), expected["new_end"] - expected["new_start"]
        changed = (expected["status"] == "mapped") & ((new - width).abs() > 0.1 * width)
        assert strict.counts[LENGTH_CHANGED] == changed.sum()
        assert len(strict.table) == found["mapped"] - changed.sum()
