"""Averages over regions and methylation on the golden set `biology/signals` (bedtools, pybigtools)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from raycre.annotate.methylation import mean_of_replicates, measure_replicate, pooled
from raycre.genome.averages import AVERAGES, average_over
from raycre.genome.bigwig import BigWig
from raycre.genome.regions import read_regions
from tests.golden.biology import part_of, read_tsv

PHASTCONS = "data/hg38/phastCons_chr1_10417_177417.derived.bw"


@pytest.fixture
def folder(shared: Path) -> Path:
    return part_of(shared, "signals")


@pytest.mark.parametrize("name", ["sim", "phastcons", "out_of_range"])
def test_averages_are_those_of_big_wig_average_over_bed(folder: Path, shared: Path, name: str) -> None:
    expected = read_tsv(folder / "expected" / f"average_over_bed_{name}.tsv")
    regions = read_regions(folder / "inputs" / f"regions_{name}.bed").table
    path = shared / PHASTCONS if name == "phastcons" else folder / "inputs" / "sim.bw"
    if not path.is_file():
        pytest.skip(f"no {path}")
    signal = BigWig(path, signed=True)
    found = average_over(regions, signal)
    signal.close()
    assert regions["name"].tolist() == expected["name"].tolist()
    for column in ("size", "covered"):
        assert found[column].tolist() == expected[column].tolist()
    for column in AVERAGES[2:]:
        assert found[column] == pytest.approx(expected[column].to_numpy(float), rel=1e-6, abs=1e-9), column


def test_methylation_of_every_replicate_and_of_all(folder: Path) -> None:
    expected = read_tsv(folder / "expected" / "methylation.tsv").replace(".", "nan")
    regions = read_regions(folder / "inputs" / "regions_methylation.bed").table
    names = sorted({column.split("_")[0] for column in map(str, expected) if column.startswith("rep")})
    replicates = []
    for name in names:
        path = folder / "inputs" / f"WGBS_{name}.bedMethyl.gz"
        ours = measure_replicate(regions, path)
        ten, every = measure_replicate(regions, path, 10), measure_replicate(regions, path, 0)
        for n, column in ((ours.n, "n"), (ten.n, "n_cov10"), (every.n, "n_with_zero_coverage_rows")):
            assert n.tolist() == expected[f"{name}_{column}"].astype(int).tolist(), column
        for values, column in (
            (ours.mean, "mean"), (ten.mean, "mean_cov10"), (every.mean, "mean_with_zero_coverage_rows"),
            (ours.weighted, "mean_weighted_by_coverage"),
        ):  # fmt: skip
            check(values, expected[f"{name}_{column}"])
        replicates.append(ours)
    check(mean_of_replicates(replicates), expected["mean_of_replicates"])
    check(pooled(replicates), expected["pooled_weighted"])


def check(found: object, expected: pd.Series) -> None:
    assert found == pytest.approx(expected.astype(float).to_numpy(), rel=1e-6, nan_ok=True), expected.name
