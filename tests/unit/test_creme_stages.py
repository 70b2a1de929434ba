"""Which genes go on from one step of a CREME run to the next, and what planning reads. No model, no Ray."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from raycre.config.perturb import CremeConfig
from raycre.creme.settings import Settings
from raycre.errors import AssemblyError, ConfigError
from raycre.genome.fasta import Fasta
from raycre.genome.lifting import Lifting
from raycre.store.passes import PassStore
from raycre.workflows.perturb import stages
from raycre.workflows.perturb.notes import notes_of_n, with_tiles
from raycre.workflows.perturb.stages import next_stage
from raycre.workflows.perturb.units import Stage, gene_folder, units_of
from tests.planted_gene import GRID, LENGTH, TILE

SETTINGS = Settings(LENGTH, TILE, GRID[:3], {"context": 1, "necessity": 2})
GENES = [
    {"gene_id": f"G{i}", "gene_name": f"G{i}", "chrom": "chr1", "tss": 20_000, "strand": "+"}
    for i in range(20)
]


def chosen(monkeypatch: pytest.MonkeyPatch, tracks: tuple[int, ...], track: int) -> set[str]:
    """Genes that go on by one track, of a query of `tracks` on which all contexts are neutral."""
    monkeypatch.setattr(stages, "read_activity", lambda *_: {})
    monkeypatch.setattr(stages, "classes_of_gene", lambda *_: ["neutral"] * len(tracks))
    plan: Any = SimpleNamespace(
        tracks=tracks, tests=("necessity",), settings=SETTINGS, pipeline=True, per_class=3, seed=0
    )
    store: Any = None  # what would be read of it is above
    _, genes = next_stage(plan, Stage("context", ("context",), SETTINGS, tracks), GENES, store)
    # Positions are part of a chain's name, as they are written: plain numbers.
    assert {type(t) for gene in genes for t in gene["searched"]} == {int}
    at = tracks.index(track)
    return {gene["gene_id"] for gene in genes if at in gene["searched"]}


def test_contexts_of_a_track_are_the_same_whatever_else_is_queried(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = chosen(monkeypatch, (7,), 7)
    assert len(alone) == 3
    assert chosen(monkeypatch, (3, 7), 7) == alone != chosen(monkeypatch, (3, 7), 3)


def test_planning_reads_no_part_of_a_gene_that_has_all_of_them(tmp_path: Path) -> None:
    stage, store = Stage("tests", ("necessity",), SETTINGS, (0,)), PassStore(tmp_path, (0,))
    for planned in units_of(stage, GENES[:1], 2, store):
        path = tmp_path / f"{planned.unit.name}.parquet"
        path.parent.mkdir(exist_ok=True)
        path.write_text("not Parquet")
    (tmp_path / gene_folder(GENES[0]) / "chain-of-another-test.parquet").write_text("not Parquet")
    assert [planned.to_do for planned in units_of(stage, GENES[:1], 2, store)] == [0] * 4


def test_tiles_of_n_are_counted_among_the_tiles_of_each_gene(tmp_path: Path) -> None:
    fasta = tmp_path / "genome.fa"
    fasta.write_text(">chr1\n" + "A" * 20_000 + "N" * 20_000 + "\n")
    genes = pd.DataFrame(GENES[:2]).assign(tiles=pd.Series([(), (GRID[-1],)], dtype=object))
    with Fasta(fasta) as open_fasta:
        windows, tiles = notes_of_n(genes, open_fasta, replace(SETTINGS, tiles=GRID[-3:]))
    assert windows.startswith("2 of 2 windows")
    assert tiles.startswith("1 tiles")


def test_tiles_of_a_bed_go_to_the_genes_of_their_chromosome(tmp_path: Path) -> None:
    fasta, bed = tmp_path / "genome.fa", tmp_path / "peaks.bed"
    fasta.write_text("".join(f">{chrom}\n{'A' * 40_000}\n" for chrom in ("chr1", "chr2", "chr3")))
    first = 20_000 - LENGTH // 2
    bed.write_text(f"chr2\t{first + 100}\t{first + 300}\nchr1\t{first + 10}\t{first + 50}\n")
    genes = pd.DataFrame([{**GENES[i], "chrom": f"chr{i + 1}"} for i in range(3)])
    with Fasta(fasta) as open_fasta:
        found, note = with_tiles(genes, bed, open_fasta, SETTINGS)
    assert found["tiles"].tolist() == [((10, 50),), ((100, 300),), ()]
    assert "2 in 3 windows (1 without any)" in note


def test_tiles_of_another_assembly_are_lifted_counted_and_said(tmp_path: Path) -> None:
    fasta, bed, chain = tmp_path / "genome.fa", tmp_path / "peaks.bed", tmp_path / "a.chain"
    fasta.write_text(f">chr1\n{'A' * 40_000}\n")
    chain.write_text("chain 1 chr1 39000 + 0 39000 chr1 40000 + 1000 40000 1\n39000\n")
    first = 20_000 - LENGTH // 2
    bed.write_text(f"chr1\t{first - 990}\t{first - 950}\nchr9\t1\t9\n")
    lifting = Lifting(chain, "creme.chain")
    with Fasta(fasta) as open_fasta:
        found, note = with_tiles(pd.DataFrame(GENES[:1]), bed, open_fasta, SETTINGS, lifting)
        chain.write_text(chain.read_text().replace("chr1 40000 +", "chr1 41000 +"))
        with pytest.raises(AssemblyError, match="leads to a chr1 of 41,000 bp, and the genome's has 40,000"):
            with_tiles(pd.DataFrame(GENES[:1]), bed, open_fasta, SETTINGS, Lifting(chain))
    assert found["tiles"].tolist() == [((10, 50),)]
    assert "; lifted from another assembly: 1 mapped, 1 deleted" in note
    with pytest.raises(ValidationError, match="chain lifts the intervals of tiles"):
        CremeConfig(chain=chain)


def test_a_bed_without_a_tile_for_any_gene_is_refused(tmp_path: Path) -> None:
    fasta, bed = tmp_path / "genome.fa", tmp_path / "peaks.bed"
    fasta.write_text(f">chr1\n{'A' * 40_000}\n")
    bed.write_text("chr1\t10\t50\n")
    with Fasta(fasta) as open_fasta, pytest.raises(ConfigError, match=r"peaks\.bed: no interval lies whole"):
        with_tiles(pd.DataFrame(GENES[:1]), bed, open_fasta, SETTINGS)


def test_a_search_that_goes_twice_the_same_way_is_refused() -> None:
    with pytest.raises(ConfigError, match="each once"):
        Settings(LENGTH, TILE, GRID[:3], {}, searches=("min", "min"))
