"""One replica: what a unit writes, and that it keeps to its threads."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from raycre.creme.activities import tss_activity
from raycre.creme.perturbation import apply
from raycre.creme.plan import passes
from raycre.demo.genome import DemoGenome
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_window
from raycre.store.ledger import Ledger
from raycre.store.parquet import read_table
from raycre.workflows.perturb.planning import plan_creme
from raycre.workflows.perturb.replica import Replica, ReplicaSpec
from raycre.workflows.perturb.units import Stage, Unit, gene_key
from tests.conftest import perturb_config


@pytest.fixture(scope="module")
def work(genome: DemoGenome, tmp_path_factory):  # type: ignore[no-untyped-def]
    """A replica, the stage it works for, and its genes."""
    config = perturb_config(genome, tmp_path_factory.mktemp("replica"))
    plan, _ = plan_creme(config)
    spec = ReplicaSpec(
        backbone=plan.backbone,
        fasta=genome.fasta,
        tracks=plan.tracks,
        stored=plan.stored_tracks,
        seed=3,
        ledger=Ledger(config.run.out, "passes/model=planted"),
        metadata={},
        threads=1,
    )
    stage = Stage("tests", plan.tests, plan.settings, plan.tracks)
    return Replica(spec), stage, plan.genes.to_dict("records")


def test_a_part_holds_the_passes_of_its_unit_in_order(work) -> None:  # type: ignore[no-untyped-def]
    replica, stage, genes = work
    assert replica.work(Unit("a/part-0", genes[0], range(2, 7)), stage).error is None
    table = read_table(replica.spec.ledger.part("a/part-0"))
    rows = table.to_pandas()
    assert rows["pass"].tolist() == [p.key for p in passes(stage.tests, stage.settings)[2:7]]
    assert table.schema.metadata[b"kept_tracks"] == b"[0, 1]"
    assert {len(values) for values in rows["prediction"]} == {2 * 2}  # two TSS bins, two tracks
    assert set(rows["gene_id"]) == {genes[0]["gene_id"]}


def test_activity_is_the_mean_of_the_tss_bins_of_the_edited_sequence(work) -> None:  # type: ignore[no-untyped-def]
    replica, stage, genes = work
    gene, planned = genes[1], passes(stage.tests, stage.settings)
    chosen, last = planned[-1], len(planned)
    assert replica.work(Unit("a/part-1", gene, (last - 1,)), stage).error is None
    found = tss_activity(replica.store.read("a", (0, 1))[chosen.key])

    with Fasta(replica.spec.fasta) as fasta:
        wild_type = read_window(fasta, gene["chrom"], gene["tss"], gene["strand"], replica.model.seq_len)
    codes = torch.from_numpy(apply(wild_type, chosen, gene_key(gene), 3))[None]
    every = replica.model.read(codes, range(replica.model.n_bins), (0, 1))[0]
    middle = replica.model.n_bins // 2
    np.testing.assert_array_equal(found, every[middle - 1 : middle + 1].double().mean(0).numpy())


def test_a_unit_that_cannot_be_done_is_an_outcome_and_no_exception(work) -> None:  # type: ignore[no-untyped-def]
    replica, stage, genes = work
    outcome = replica.work(Unit("part-2", {**genes[0], "chrom": "chr99"}, range(1)), stage)
    assert outcome.error is not None
    assert "chr99" in outcome.error
    assert not replica.spec.ledger.part("part-2").exists()


def test_a_replica_keeps_to_its_threads() -> None:
    # In a process of its own, whose torch has not worked yet.
    code = """
import sys, numpy as np, torch
from raycre.backbones.spec import BackboneSpec
from raycre.workflows.perturb import replica
replica.Fasta = lambda path: None
from pathlib import Path
from raycre.store.ledger import Ledger
spec = replica.ReplicaSpec(BackboneSpec("planted"), None, (0,), (0,), 0, Ledger(Path("."), "p"), {}, 1)
model = replica.Replica(spec).model
# torch takes note of its threads at its first work
replica.Reader(model, (0,)).whole(np.zeros(65536, np.uint8))
sys.exit(torch.get_num_threads() - 1)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
