"""Bases that saliency, motifs and chance choose, embedded and scored; whole profiles of genes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from raycre.backbones.enformer import load as enformer
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.loading import load_backbone
from raycre.backbones.weights import weights_sha256
from raycre.cli import main
from raycre.compare.embedded import Embedding, Window, read_gene_window, runs_of
from raycre.compare.pruning import Options, hit_bases, pruned_elements
from raycre.creme.shuffle import dinucleotide_shuffle, seed_of
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_window
from tests.compared_runs import SEQ_LEN, gene_rows, write_genome, write_run

TILE = pd.Series({
    "gene_id": "A", "gene_name": "A", "chrom": "chr1", "start": 1_000, "end": 1_010, "strand": "+",
    "offset_start": 20, "offset_end": 30, "distance": -20, "effect": 0.5, "call": "enhancer",
})  # fmt: skip


class Weighed:
    """Stands for a model: activity is 2 and what the bases that are kept weigh."""

    weight = np.arange(10)  # of the tile's bases

    def activity(self, window: Window, kept: Any) -> float:
        inside = np.zeros(100, dtype=bool)
        for a, b in kept:
            inside[a:b] = True
        return 2.0 + float((self.weight * inside[20:30]).sum())


def scores(
    tile: pd.Series, saliency: np.ndarray, hits: pd.DataFrame | None = None, **more: Any
) -> pd.DataFrame:
    window = Window("A@chr1:5+", np.zeros(100, np.uint8), (40, 60))
    options = Options(**({"step": 4} | more))
    embedding: Any = Weighed()
    return pd.DataFrame(pruned_elements(embedding, window, tile, saliency, hits, options))


def test_the_bases_of_least_saliency_are_pruned_first() -> None:
    saliency = np.zeros(100)
    saliency[20:30] = np.array([9, -8, 7, 6, 5, 4, 3, 2, 1, 0.5])
    found = scores(TILE, saliency).query("method == 'saliency'")
    assert found["pruned_bp"].tolist() == [0, 4, 8, 10]
    assert found["left_bp"].tolist() == [10, 6, 2, 0]
    # All weigh 45; without the last four 45 - 6 - 7 - 8 - 9 = 15; of the first two 0 + 1; of none nothing.
    assert found["score"].tolist() == pytest.approx([1, 17 / 47, 3 / 47, 2 / 47])
    signed = scores(TILE, saliency, rank="signed").query("method == 'saliency'")
    # The base of saliency -8 goes with the first four, in place of the one of 2 (weight 7).
    assert signed["score"].tolist()[1] == pytest.approx((2 + 45 - 1 - 9 - 8 - 7) / 47)


def test_chance_is_of_the_element_and_not_of_the_order_of_work() -> None:
    first, second = (scores(TILE, np.zeros(100)).query("method == 'random'") for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    other = scores(TILE, np.zeros(100), seed=1).query("method == 'random'")
    assert first["score"].tolist() != other["score"].tolist()
    assert first["score"].iloc[[0, -1]].tolist() == pytest.approx([1, 2 / 47])


def test_motif_hits_are_embedded_in_the_gene_s_direction() -> None:
    hits = pd.DataFrame(
        {"chrom": ["chr1", "chr1", "chr2"], "start": [998, 1_006, 1_000], "end": [1_002, 1_007, 1_010]}
    )
    assert np.flatnonzero(hit_bases(TILE, hits)).tolist() == [0, 1, 6]
    minus = TILE.copy()
    minus["strand"] = "-"
    assert np.flatnonzero(hit_bases(minus, hits)).tolist() == [3, 8, 9]
    found = scores(TILE, np.zeros(100), hits).query("method == 'motifs'")
    assert found[["left_bp", "score"]].to_numpy().tolist() == [[3, pytest.approx((2 + 0 + 1 + 6) / 47)]]


def test_positions_become_intervals_of_neighbours() -> None:
    assert runs_of(np.array([3, 4, 7, 9, 10])) == [(3, 5), (7, 8), (9, 11)]
    assert runs_of(np.array([], dtype=np.int64)) == []


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a small random model: an enhancer of the + gene A, a silencer of the - gene B."""
    sizes = {"seq_len": SEQ_LEN, "n_bins": 8, "channels": 24, "n_blocks": 1, "n_heads": 2, "key_size": 4}
    small = partial(Enformer, **sizes, channel_step=4, n_human=8, n_mouse=1)  # type: ignore[arg-type]
    monkeypatch.setattr(enformer, "Enformer", small)
    monkeypatch.setattr(enformer, "N_TRACKS", {"human": 8, "mouse": 1})
    tables = [
        gene_rows("A", "chr1", 8_000, "+", [0.5, 0.01], ["enhancer", "neither"], test="sufficiency"),
        gene_rows("B", "chr2", 6_000, "-", [0.05, -0.6], ["neither", "silencer"], test="sufficiency"),
    ]
    tables += [rows.assign(test="necessity") for rows in tables]
    fasta = write_genome(tmp_path)
    out = write_run(tmp_path / "run", fasta, tables, backbone="enformer", weights="random:5")
    record = json.loads((out / "run.json").read_text())
    record["identity"]["weights_sha256"] = weights_sha256("random:5")
    (out / "run.json").write_text(json.dumps(record))
    return out


def compare(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["compare", *arguments])
    return int(end.value.code or 0)


def test_called_elements_are_scored_on_the_run_s_own_backgrounds(run: Path, tmp_path: Path) -> None:
    hits = tmp_path / "hits.bed"
    hits.write_text("chr1\t7000\t7600\tm\n")
    assert compare("pruning", str(run), "--step", "128", "--shuffles", "2", "--hits", str(hits)) == 0
    rows = pd.read_parquet(run / "summary" / "compare_pruning.parquet")
    assert rows.groupby(["gene_name", "method"]).size().to_dict() == {
        (g, m): n for g in "AB" for m, n in (("motifs", 1), ("random", 3), ("saliency", 3))
    }
    assert rows.loc[rows["pruned_bp"] == 0, "score"].tolist() == pytest.approx([1] * 4)
    # Nothing left is the TSS tile alone in the gene's own shuffles, whoever chose.
    bare = rows[(rows["gene_name"] == "A") & (rows["left_bp"] == 0) & (rows["method"] != "motifs")]["score"]
    assert bare.nunique() == 1
    model = load_backbone("enformer", weights="random:5")
    embedding = Embedding(model, "cpu", 7, 2, 0)
    tile = {
        "gene_id": "A.1",
        "chrom": "chr1",
        "tss": 8_000,
        "strand": "+",
        "offset_start": 1_408,
        "distance": -512,
    }
    window = read_gene_window(Fasta(tmp_path / "genome.fa"), tile, SEQ_LEN)
    assert window.tss_tile == (1_920, 2_176)
    assert np.array_equal(
        window.bases, read_window(Fasta(tmp_path / "genome.fa"), "chr1", 8_000, "+", SEQ_LEN)
    )
    alone = embedding.activity(window, (window.tss_tile,))
    whole = embedding.activity(window, (window.tss_tile, (1_408, 1_664)))
    assert bare.iloc[0] == pytest.approx(alone / whole)
    first = embedding.sequences(window, (window.tss_tile,))[0]
    shuffle = dinucleotide_shuffle(window.bases, seed_of(0, "A.1@chr1:8000+", 0, SEQ_LEN, 0))
    assert np.array_equal(first[:1_920], shuffle[:1_920])
    assert np.array_equal(first[1_920:2_176], window.bases[1_920:2_176])


def test_profiles_are_of_every_bin_and_of_the_genes_named(run: Path) -> None:
    assert compare("profiles", str(run), "--genes", "B", "--shuffles", "2") == 0
    rows = pd.read_parquet(run / "summary" / "compare_profiles.parquet")
    assert rows["gene_name"].tolist() == ["B"]
    assert [len(rows[c].iloc[0]) for c in ("wt", "shuffled")] == [8, 8]
    assert rows["tss_bin"].iloc[0] == min(load_backbone("enformer", weights="random:5").tss_bins)
    assert not np.allclose(rows["wt"].iloc[0], rows["shuffled"].iloc[0])
    assert compare("profiles", str(run), "--genes", "C") == 2
    assert compare("pruning", str(run), "--groups", "kept") == 2
