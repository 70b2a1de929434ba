"""One replica: what a unit writes, and that it keeps to its threads."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from raycre.creme.edits import build
from raycre.demo_genome import DemoGenome
from raycre.engine.replica import Order, Replica, gene_key
from raycre.engine.study import plan_creme
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_window
from raycre.store.ledger import Ledger
from raycre.store.parquet import read_table
from tests.conftest import perturb_config


@pytest.fixture(scope="module")
def work(genome: DemoGenome, tmp_path_factory):  # type: ignore[no-untyped-def]
    """A replica, the study it works for, and its genes."""
    config = perturb_config(genome, tmp_path_factory.mktemp("replica"))
    study = plan_creme(config)
    order = Order(
        model=config.model,
        fasta=genome.fasta,
        tests=config.tests,
        settings=study.settings,
        tracks=study.tracks,
        seed=3,
        ledger=Ledger(config.run.out, "passes/model=planted"),
        metadata={},
        threads=1,
    )
    return Replica(order), study, study.genes.to_dict("records")


def test_a_part_holds_the_passes_of_its_unit_in_order(work) -> None:  # type: ignore[no-untyped-def]
    replica, study, genes = work
    assert replica.work("part-000000", genes[0], 2, 7).error is None
    rows = read_table(replica.order.ledger.part("part-000000")).to_pandas()
    n = len(study.tracks)
    assert rows["pass"].tolist() == [p.key for p in study.passes[2:7] for _ in range(n)]
    assert rows["track_id"].tolist() == list(study.tracks) * 5
    assert set(rows["gene_id"]) == {genes[0]["gene_id"]}


def test_activity_is_the_mean_of_the_tss_bins_of_the_edited_sequence(work) -> None:  # type: ignore[no-untyped-def]
    replica, study, genes = work
    gene, chosen = genes[1], study.passes[-1]
    last = len(study.passes)
    assert replica.work("part-000001", gene, last - 1, last).error is None
    found = read_table(replica.order.ledger.part("part-000001"))["activity"].to_numpy()

    with Fasta(replica.order.fasta) as fasta:
        wild_type = read_window(fasta, gene["chrom"], gene["tss"], gene["strand"], replica.model.seq_len)
    codes = torch.from_numpy(build(wild_type, chosen, gene_key(gene), 3))[None]
    every = replica.model.read(codes, range(replica.model.n_bins), study.tracks)[0]
    middle = replica.model.n_bins // 2
    np.testing.assert_array_equal(found, every[middle - 1 : middle + 1].double().mean(0).numpy())


def test_a_unit_that_cannot_be_done_is_an_outcome_and_no_exception(work) -> None:  # type: ignore[no-untyped-def]
    replica, _, genes = work
    outcome = replica.work("part-000002", {**genes[0], "chrom": "chr99"}, 0, 1)
    assert outcome.error is not None
    assert "chr99" in outcome.error
    assert not replica.order.ledger.part("part-000002").exists()


def test_a_replica_keeps_to_its_threads_after_the_shuffling_library_is_loaded() -> None:
    # In a process of its own: the library resets torch's threads once, at its first import.
    code = """
import sys, numpy as np, torch
from raycre.config import BackboneConfig
from raycre.creme.settings import Settings
from raycre.creme.shuffle import dinucleotide_shuffle
from raycre.engine import replica
replica.Fasta = lambda path: None
order = replica.Order(BackboneConfig(backbone="planted"), None, ("context",),
                      Settings(65536, 5000, ((0, 5000),), {"context": 1}), (0,), 0, None, {}, threads=1)
model = replica.Replica(order).model
# torch takes note of its threads at its first work
replica.Reader(model, (0,)).whole(np.zeros(65536, np.uint8))
dinucleotide_shuffle(np.zeros(100, np.uint8), 1)
sys.exit(torch.get_num_threads() - 1)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
