"""Tiles of a run as a frame: which tests have them, which track is meant, what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.compare.tiles import neutral_tiles, read_tiles
from raycre.errors import ConfigError, FormatError, MissingInputError, TrackError
from tests.compared_runs import gene_rows, two_genes, write_genome, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    contexts = [
        gene_rows("A", "chr1", 8_000, "+", [0.97], ["enhancing"], test="context"),
        gene_rows("B", "chr2", 6_000, "-", [-0.4], ["silencing"], test="context"),
    ]
    both = [pd.concat(pair) for pair in zip(two_genes(), contexts, strict=True)]
    return write_run(folder / "run", write_genome(folder), both)


def test_every_tile_is_a_row_in_the_order_of_the_run_with_its_genes_context(run: Path) -> None:
    elements = read_tiles(run, "necessity")
    assert (elements.test, elements.track_id, elements.model) == ("necessity", 7, "planted")
    table = elements.table
    assert table["gene_name"].tolist() == ["A"] * 4 + ["B"] * 4
    assert table["context"].tolist() == ["enhancing"] * 4 + ["silencing"] * 4
    # Offset 1,408 of the model's 4,096. On + from 8000 - 2048 + 1408; on - upstream is to the right: the
    # tile ends at 6001 + 2048 - 1408.
    assert table.loc[[0, 4], ["chrom", "start", "end"]].to_numpy().tolist() == [
        ["chr1", 7360, 7616],
        ["chr2", 6385, 6641],
    ]
    assert table["call"].tolist()[6] is None


def test_only_tiles_of_the_wanted_calls_are_read(run: Path) -> None:
    table = read_tiles(run, "necessity", calls={"enhancer", "silencer"}).table
    assert table["effect"].tolist() == [0.5, -0.6]
    assert read_tiles(run, "necessity", calls={"neutral"}).table.empty


def test_a_track_is_named_by_row_or_identifier_and_must_be_where_there_are_several(
    run: Path, tmp_path: Path
) -> None:
    assert len(read_tiles(run, "necessity", "CNhs7").table) == 8
    assert len(read_tiles(run, "necessity", 7).table) == 8
    with pytest.raises(TrackError, match=r"the run's tracks are 7 \(CNhs7\)"):
        read_tiles(run, "necessity", "8")
    first = two_genes()[0]
    both = pd.concat([first, first.assign(track_id=9, track_name=None, effect=0.125)])
    other = write_run(tmp_path / "run", write_genome(tmp_path), [both])
    with pytest.raises(TrackError, match=r"several tracks: 7 \(CNhs7\), 9; choose one with --track"):
        read_tiles(other, "necessity")
    assert read_tiles(other, "necessity", 9).table["effect"].tolist() == [0.125] * 4


def test_what_has_no_tiles_is_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="'context': only necessity and sufficiency have one effect for each"
    ):
        read_tiles(run, "context")
    with pytest.raises(ConfigError, match=r"the run did not do this test.*take --test necessity"):
        read_tiles(run, "sufficiency")
    with pytest.raises(MissingInputError, match="no effects here"):
        read_tiles(tmp_path, "necessity")


def test_a_damaged_part_or_a_second_model_is_an_error(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", write_genome(tmp_path), two_genes())
    other = run / "effects" / "test=necessity" / "model=other"
    other.mkdir()
    with pytest.raises(FormatError, match="one model, here are model=other, model=planted"):
        read_tiles(run, "necessity")
    other.rmdir()
    part = next(run.glob("effects/test=necessity/model=*/part-000001.parquet"))
    part.write_bytes(part.read_bytes()[:-40])
    with pytest.raises(FormatError, match="not a whole Parquet file"):
        read_tiles(run, "necessity")


def test_neutral_tiles_are_weak_of_neutral_contexts_one_a_gene_whatever_the_order() -> None:
    genes = [
        gene_rows(f"G{i}", "chr1", 5_000 + i, "+", [0.05, -0.05, 0.1, 0.5], ["neither"] * 4, context=context)
        for i, context in enumerate(["neutral"] * 6 + ["enhancing", None])
    ]
    renamed = {"tile_chrom": "chrom", "tile_start": "start", "tile_end": "end"}
    table = pd.concat(genes, ignore_index=True).rename(columns=renamed)
    found = neutral_tiles(table, 4, seed=0)
    assert len(found) == found["gene_id"].nunique() == 4
    assert (found["effect"].abs() < 0.1).all()
    assert (found["context"] == "neutral").all()
    turned = neutral_tiles(table.iloc[::-1], 4, seed=0)
    assert sorted(turned.index) == sorted(found.index)
    assert len(neutral_tiles(table, 100, seed=0)) == 6
    draws = {tuple(neutral_tiles(table, 3, seed=s).index) for s in range(10)}
    assert len(draws) > 1
    with pytest.raises(ConfigError, match="the run has no context test"):
        neutral_tiles(table.assign(context=None), 4, seed=0)


def test_a_gene_with_many_neutral_tiles_is_drawn_no_sooner_than_one_with_a_single_tile() -> None:
    """CREME Methods: one tile a gene, then a subsample of these; 10 genes of 20 have 30 fitting tiles."""
    renamed = {"tile_chrom": "chrom", "tile_start": "start", "tile_end": "end"}
    genes = [
        gene_rows(f"G{i}", "chr1", 5_000 + i, "+", [0.0] * n, ["neither"] * n, context="neutral")
        for i, n in enumerate([30] * 10 + [1] * 10)
    ]
    table = pd.concat(genes, ignore_index=True).rename(columns=renamed)
    single = {f"G{i}.1" for i in range(10, 20)}
    drawn = [neutral_tiles(table, 5, seed)["gene_id"].isin(single).mean() for seed in range(40)]
    assert 0.4 < np.mean(drawn) < 0.6  # 0.03 where tiles are shuffled together
    # Another gene of the run changes no gene's tile.
    every = neutral_tiles(table, 20, seed=1)
    fewer = neutral_tiles(table[table["gene_id"] != "G3.1"], 20, seed=1)
    assert set(every.index) - set(fewer.index) == set(every.index[every["gene_id"] == "G3.1"])
