"""A real CREME run on the genome of known truth, compared: what was planted is what is found."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from raycre.backbones.planted import MOTIFS
from raycre.demo.genome import DemoGenome
from raycre.genome.sequence import decode, reverse_complement
from raycre.workflows.compare.run import run_comparison
from tests.sequences import encode

TRACK = "planted-A"


def test_called_tiles_are_the_planted_ones_and_hold_their_motifs(
    genome: DemoGenome, perturbed: Path, tmp_path: Path
) -> None:
    truth = genome.truth_tiles[genome.truth_tiles["gene_name"].isin(["ENHA", "SILA"])]
    bed = tmp_path / "planted.bed"
    truth[["chrom", "start", "end"]].to_csv(bed, sep="\t", header=False, index=False)
    found = run_comparison("overlap", perturbed, {"beds": [bed]}, track=TRACK, out=tmp_path)
    assert [(r["group"], r["percent"]) for r in found["overlaps"]] == [("enhancer", 100), ("silencer", 100)]
    rows = pd.read_parquet(tmp_path / "compare_overlap.parquet")
    assert rows["n_overlapping"].tolist() == [2, 2]

    written = run_comparison("fasta", perturbed, {}, track=TRACK, out=tmp_path / "fa")
    assert {r["sequences"] for r in written["fasta"]} == {2}
    for group in ("enhancer", "silencer"):
        words = {MOTIFS[group], decode(reverse_complement(encode(MOTIFS[group])))}
        for background, holds in (("", True), ("-shuffled", False), ("-matched", False)):
            text = (tmp_path / "fa" / f"{group}{background}.fa").read_text()
            for record in text.split(">")[1:]:
                letters = record.partition("\n")[2].replace("\n", "")
                assert any(word in letters for word in words) == holds


def test_marks_of_a_run_are_read_by_its_own_fasta(genome, perturbed: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    signals = {"dnase": genome.openness[0]}
    found = run_comparison("marks", perturbed, {"signals": signals}, track=TRACK, out=tmp_path)
    assert [(r["mark"], r["n"], r["n_other"]) for r in found["marks"]] == [("dnase", 2, 2)] * 2
    assert found["model"] == "planted"
