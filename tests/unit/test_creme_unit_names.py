"""Names of units and a run's digest stay what they were, so that a folder begun before is gone on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from raycre.config import PerturbConfig, make_config
from raycre.creme.settings import Settings
from raycre.store.identity import digest_of
from raycre.store.passes import PassStore
from raycre.workflows.perturb.units import Stage, units_of
from tests.planted_gene import GRID, LENGTH, TILE

SHUFFLES = dict.fromkeys(("context", "necessity", "sufficiency", "distance"), 2)
SHUFFLES |= dict.fromkeys(("interaction", "sets", "multiplicity", "finemap"), 3)
SETTINGS = Settings(LENGTH, TILE, GRID[:2], SHUFFLES, rounds=2, copies=2)
GENE = {"gene_id": "G1", "gene_name": "G1", "chrom": "chr1", "tss": 20_000, "strand": "+"}
ALL = (
    "context", "swap", "necessity", "sufficiency", "distance", "interaction", "sets", "multiplicity",
    "finemap",
)  # fmt: skip


def names(settings: Settings, tmp_path: Path, **gene: object) -> list[str]:
    """Names of all units of all tests of one gene, 20 passes a unit, on tracks 3 and 7."""
    stage, store = Stage("tests", ALL, settings, (3, 7)), PassStore(tmp_path, (3, 7))
    units = [planned.unit.name for planned in units_of(stage, [GENE | gene], 20, store)]
    assert {name.partition("/")[0] for name in units} == {"G1_chr1_20000_plus"}
    return [name.partition("/")[2] for name in units]


def test_units_have_the_names_that_they_have_always_had(tmp_path: Path) -> None:
    assert names(SETTINGS, tmp_path) == [
        "part-a6f22d8bb609",
        "chain-0a4f61b79ed6",
        "chain-590dc14f024a",
        "chain-2fa7065e01ee",
        "chain-481995263297",
    ]
    own = {"searched": (1,), "tiles": GRID[2:3]}
    assert names(replace(SETTINGS, compat="reference", replicates=2), tmp_path, **own) == [
        "part-79d4032325ac",
        "chain-a9dbb5065419",
        "chain-32b44ba856d2",
        "chain-267ef2a1452f",
        "chain-a9ddf9e072f6",
    ]


def before_shuffles_had_names(config: PerturbConfig) -> dict[str, Any]:
    """What made a run's digest in 0.1, whose shuffles were seqpro's."""
    science = config.science()
    assert science.pop("shuffle") == "euler-2026"
    return science


def test_a_run_has_the_digest_that_it_has_always_had_but_for_how_it_shuffles() -> None:
    values: dict[str, Any] = {
        "run": {"name": "c", "out": "out"},
        "inputs": {"fasta": "hg38.fa", "gtf": "genes.gtf", "genes": ["A"]},
        "model": {"backbone": "enformer", "weights": "random:0"},
        "tracks": "assay=CAGE",
    }
    plain = make_config(PerturbConfig, values)
    assert (
        digest_of({"verb": "creme", **before_shuffles_had_names(plain)})
        == "d12138086972f890b02f832867da18d47177a24916b32e2ccfc77506847928a0"
    )
    model = {"backbone": "borzoi", "weights": ["a", "b"], "strands": "separate", "shifts": [0, 3]}
    creme = {"compat": "reference", "tile_size": 1000, "rounds": 3, "n_shuffles": {"context": 3}}
    other = make_config(PerturbConfig, {**values, "model": model, "creme": creme})
    assert (
        digest_of({"verb": "creme", **other.science()})
        == "21fa5a13bb22412f673976a5fa76ba15db691f42f2b0640fcbc1ad182bcdf4d4"
    )
    gamma = make_config(PerturbConfig, {**values, "model": {**values["model"], "gamma": "exact"}})
    assert (
        digest_of({"verb": "creme", **before_shuffles_had_names(gamma)})
        == "218730d4e91a4df33f0ad53d40591433155f2e3957dab148f19fb5bb72030771"
    )
