"""The synthetic genome has CREME's answer planted: by its tiles, on both strands, and by no shortcut."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from raycre.backbones.planted import load_planted
from raycre.demo.genome import DemoGenome, write_demo_genome
from raycre.demo.grammar import GENES
from tests.demo_files import COMPLEMENT, count_motifs, input_codes, read_chromosomes
from tests.frames import tuples_of

TSS_TILE = slice(30_268, 35_268)  # 5,000 bp round base 32,768
TILES = [*range(268, 30_268, 5_000), *range(35_268, 65_268, 5_000)]  # the other tiles' starts


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoGenome:
    """Few regions besides those of genes."""
    return write_demo_genome(
        tmp_path_factory.mktemp("demo") / "genome", seed=3, n_labelled=20, n_candidates=30
    )


@pytest.fixture(scope="module")
def chromosomes(demo: DemoGenome) -> dict[str, str]:
    return read_chromosomes(demo)


def tss_activity(codes: list[torch.Tensor]) -> np.ndarray:
    """float64 (n, 2): mean of bins 255 and 256, both tracks."""
    out = load_planted().read(torch.stack(codes).to(torch.uint8), [255, 256], [0, 1])
    return out.double().mean(1).numpy()


def knocked_out(codes: torch.Tensor, *intervals: tuple[int, int]) -> torch.Tensor:
    """N in place of the intervals: what a shuffle does to motifs, without chance."""
    codes = codes.clone()
    for start, end in intervals:
        codes[start:end] = 4
    return codes


def test_planted_tiles_hold_their_element_at_the_genomic_place_on_both_strands(
    demo: DemoGenome, chromosomes: dict[str, str]
) -> None:
    tiles = demo.truth_tiles
    assert {(row.strand, row.sign) for row in tuples_of(tiles)} == {
        ("+", 1),
        ("-", 1),
        ("+", -1),
        ("-", -1),
    }
    candidates = demo.truth_candidates.set_index("name")
    for row in tuples_of(tiles):
        expected = {1: [0, 6, 0, 0], -1: [6, 0, 0, 0]}[row.sign]
        assert count_motifs(chromosomes[row.chrom][row.start : row.end]) == expected
        assert row.offset_start in TILES
        codes = input_codes(demo, chromosomes, row.gene_name)
        in_input = "".join("ACGT"[c] for c in codes[row.offset_start : row.offset_end].tolist())
        genomic = chromosomes[row.chrom][row.start : row.end]
        assert in_input == (genomic if row.strand == "+" else genomic[::-1].translate(COMPLEMENT))
        inside = candidates.loc[row.name]
        assert row.start <= inside["start"] < inside["end"] <= row.end
        assert inside["label"] == {1: "enhancer", -1: "silencer"}[row.sign]


def test_only_planted_tiles_matter_and_their_signs_are_the_planted_ones(
    demo: DemoGenome, chromosomes: dict[str, str]
) -> None:
    for gene in GENES:
        wt = input_codes(demo, chromosomes, gene.name)
        outs = tss_activity([wt, *(knocked_out(wt, (start, start + 5_000)) for start in TILES)])
        necessity = (outs[0] - outs[1:]) / outs[0]  # (tiles, tracks)
        truth = demo.truth_tiles.query("gene_name == @gene.name").set_index("offset_start")["sign"]
        for start, effect in zip(TILES, necessity, strict=True):
            if start not in truth.index:
                assert effect.tolist() == [0, 0]
            elif truth[start] == 1:
                assert (effect > 0.3).all()
            else:
                assert (effect < -0.3).all()


def test_contexts_and_sufficiency_pass_cremes_thresholds(
    demo: DemoGenome, chromosomes: dict[str, str]
) -> None:
    for gene in GENES:
        wt = input_codes(demo, chromosomes, gene.name)
        control = torch.full_like(wt, 4)
        control[TSS_TILE] = wt[TSS_TILE]
        own = demo.truth_tiles.query("gene_name == @gene.name")["offset_start"].tolist()
        with_tile = [control.clone() for _ in own]
        for codes, start in zip(with_tile, own, strict=True):
            codes[start : start + 5_000] = wt[start : start + 5_000]
        wt_out, control_out, *mutants = tss_activity([wt, control, *with_tile])
        assert control_out.tolist() == [7, 7]  # six promoter hits: 1 + 6
        context = (wt_out - control_out) / wt_out
        if gene.distal == "enhancer":
            assert (context > 0.95).all()
            assert all(((mutant - control_out) / wt_out > 0.3).all() for mutant in mutants)
        elif gene.distal == "silencer":
            assert (context < -0.3).all()
            assert all(((mutant - control_out) / control_out < -0.3).all() for mutant in mutants)
        else:
            assert context.tolist() == [0, 0]
            assert own == []


@pytest.mark.parametrize("gene_name", [gene.name for gene in GENES if gene.strand == "-" and gene.steps])
def test_a_minus_strand_window_that_is_not_reversed_loses_the_answer(
    demo: DemoGenome, chromosomes: dict[str, str], gene_name: str
) -> None:
    right = input_codes(demo, chromosomes, gene_name)
    left_unreversed = (3 - right).flip(0)
    own = demo.truth_tiles.query("gene_name == @gene_name")["offset_start"]
    outs = tss_activity(
        [left_unreversed, *(knocked_out(left_unreversed, (start, start + 5_000)) for start in own)]
    )
    assert (outs == outs[0]).all()  # the motifs lie on the other side of the TSS, in tiles without any truth
