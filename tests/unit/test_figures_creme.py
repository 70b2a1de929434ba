"""Figures of CREME's further tests and of the chain: what made-up tables hold, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from raycre.figures.blocks import Picture, Table
from raycre.figures.canvas import style
from raycre.figures.elements import crossed_table, read_elements
from raycre.figures.finetiles import kept_bp, read_finetiles
from raycre.figures.perturbation import FIGURES, drawn_by_figure, read_perturbation
from raycre.figures.placements import Lines, read_placements
from raycre.figures.searches import classes_table, curve, read_searches
from raycre.figures.swaps import read_swaps
from raycre.store.classified import regions_of
from raycre.store.run import open_run
from raycre.workflows.perturb.elements import write_elements
from tests.run_folders import effect_rows, prediction_rows, write_creme


def rows_of(gene: str, test: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of one tile, with these columns changed in each."""
    (one,) = effect_rows(gene, test, [1.0], [None]).to_dict("records")
    return pd.DataFrame([one | row for row in rows])


def interaction(gene: str, far: float, search: str = "min") -> pd.DataFrame:
    """A search of two rounds that ends at `far`."""
    curves = {"greedy/wt": [0.5, far], "additive/wt": [0.5, 0.2], "multiplicative/wt": [0.5, 0.3]}
    rows = [
        {"metric": metric, "effect": value, "round": r, "search": search}
        for metric, values in curves.items()
        for r, value in enumerate(values)
    ]
    rows.append({"metric": "mse(greedy,additive)", "effect": 0.0, "call": "additive", "search": search})
    return rows_of(gene, "interaction", rows)


def placed(gene: str, kind: str, distances: list[int], folds: list[float]) -> pd.DataFrame:
    both = zip(distances, folds, strict=True)
    rows = [{"metric": "mutant/max", "distance": d, "effect": f, "call": kind} for d, f in both]
    return rows_of(gene, "distance", [*rows, {"metric": "(mutant-control)/wt", "effect": 9.0, "call": kind}])


def blocks_of(read: Any, run: Path) -> list[Any]:
    with style():
        if read not in FIGURES.values():
            return list(read(run))
        name = next(name for name, draws in FIGURES.items() if draws is read)
        return list(read(run, drawn_by_figure(run)[0][name]))


@pytest.mark.parametrize("read", [read_elements, read_finetiles, read_placements, read_searches, read_swaps])
def test_a_run_without_a_test_has_no_picture_of_it(tmp_path: Path, read: Any) -> None:
    run = write_creme(tmp_path / "c", {"A": [effect_rows("A", "necessity", [0.5], ["enhancer"])]})
    assert blocks_of(read, run) == []


def test_a_curve_starts_at_the_wild_type_whatever_the_order_of_rows() -> None:
    rows = pd.DataFrame({"round": [1, 0], "effect": [0.25, 0.5]})
    assert curve(rows) == ([0, 1, 2], [1.0, 0.5, 0.25])


def test_the_searches_that_change_most_are_drawn_and_all_are_counted(tmp_path: Path) -> None:
    names = ["G0", "G1", "G2", "G3", "G4", "G5"]
    ends = [0.1, 0.9, 0.3, 0.95, 0.2, 0.4]
    genes = {n: [interaction(n, e), interaction(n, 3.0, "max").assign(track_id=5112)] for n, e in zip(
        names, ends, strict=True)}  # fmt: skip
    genes = {name: [pd.concat(tables)] for name, tables in genes.items()}
    table, picture = blocks_of(read_searches, write_creme(tmp_path / "c", genes))
    assert table.rows == [
        ["to more activity", "mse(greedy,additive)", "additive", 6],
        ["to less activity", "mse(greedy,additive)", "additive", 6],
    ]
    drawn = re.findall(r">(G\d), CNhs", picture.svg)
    # Down each column; the least changed by "min", 0.95 and 0.9, are left out; all are equal by "max".
    assert Counter(drawn) == Counter(["G0", "G4", "G2", "G5", "G0", "G1", "G2", "G3"])
    assert "tiles put back" not in picture.svg


def test_sets_stand_beside_the_search_that_found_them(tmp_path: Path) -> None:
    sets = rows_of(
        "A",
        "sets",
        [
            {"metric": "mutant/wt", "effect": e, "round": r, "search": "min"}
            for r, e in ((None, 0.1), (0, 0.6))
        ],
    )
    run = write_creme(tmp_path / "c", {"A": [interaction("A", 0.1), sets]})
    assert "tiles put back" in blocks_of(read_searches, run)[1].svg


def test_classes_of_searches_that_are_not_known_are_counted_too() -> None:
    table = classes_table(Counter({("min", "mse(greedy,additive)", "unknown"): 2}))
    assert table.rows == [["to less activity", "mse(greedy,additive)", "unknown", 2]]


def test_moved_elements_are_counted_by_kind_and_only_one_metric_is_drawn(tmp_path: Path) -> None:
    enhancer = placed("A", "enhancer", [-5000, 5000], [1.0, 0.5])
    silencer = placed("B", "silencer", [-5000, 5000], [0.5, 1.0])
    (picture,) = blocks_of(read_placements, write_creme(tmp_path / "c", {"A": [enhancer], "B": [silencer]}))
    assert picture.title == "Elements moved"
    assert "1 enhancer" in picture.svg
    assert "1 silencer" in picture.svg


def test_copies_are_drawn_from_none_on(tmp_path: Path) -> None:
    rows = [
        {"metric": "mutant/control", "copies": n, "round": n, "effect": 1.0 + n, "call": "enhancer"}
        for n in range(3)
    ]
    (picture,) = blocks_of(
        read_placements, write_creme(tmp_path / "c", {"A": [rows_of("A", "multiplicity", rows)]})
    )
    assert picture.title == "Elements copied"


def test_the_mean_of_lines_is_over_those_with_a_value_and_sixty_are_drawn() -> None:
    lines = Lines()
    for value in (1.0, 3.0, np.nan, *[2.0] * 60):
        lines.add(np.array([0.0, 1.0]), np.array([value, 2.0]))
    assert lines.mean() == ([0.0, 1.0], [2.0, 2.0])
    assert (lines.n, len(lines.drawn)) == (63, 60)


def finemap(gene: str, tile_start: int = 90_000) -> pd.DataFrame:
    """An element of 1,000 bp of which 200 bp are kept, twice: once for each metric."""
    whole = {
        "offset_start": 5_000,
        "offset_end": 6_000,
        "metric": "mutant/whole",
        "round": 0,
        "call": "enhancer",
    }
    gone = {
        "offset_start": 5_000,
        "offset_end": 5_500,
        "metric": "mutant/whole",
        "round": 1,
        "call": "removed",
    }
    kept = {
        "offset_start": 5_600,
        "offset_end": 5_800,
        "metric": "mutant/whole",
        "call": "kept",
        "effect": 0.75,
    }
    again = kept | {"metric": "(mutant-control)/(whole-control)", "effect": 0.5}
    rows = rows_of(gene, "finemap", [whole, gone, kept, again])
    return rows.assign(tile_start=tile_start, tile_end=tile_start + 1_000)


def test_what_a_fine_search_keeps_is_counted_once_and_scored_twice(tmp_path: Path) -> None:
    assert kept_bp(finemap("A")) == 200
    (picture,) = blocks_of(read_finetiles, write_creme(tmp_path / "c", {"A": [finemap("A")]}))
    assert "200 bp kept: 0.75 score, 0.5 of effect" in picture.svg
    assert "chr7:90,000 (enhancer)" in picture.svg
    assert "The first" not in picture.caption


def test_sixteen_elements_are_laid_out_and_the_caption_says_of_how_many(tmp_path: Path) -> None:
    table = pd.concat([finemap("A", 10_000 * i) for i in range(20)])
    (picture,) = blocks_of(read_finetiles, write_creme(tmp_path / "c", {"A": [table]}))
    assert len(re.findall(r"> *200 bp kept", picture.svg)) == 16
    assert picture.caption.endswith("The first 16 of 20 elements.")


def test_a_search_that_kept_nothing_is_a_bar_of_its_own(tmp_path: Path) -> None:
    rows = finemap("A")
    (picture,) = blocks_of(read_finetiles, write_creme(tmp_path / "c", {"A": [rows[rows["call"] != "kept"]]}))
    assert " 0 bp kept<" in picture.svg


def swap(source: str, target: str, effect: float) -> pd.DataFrame:
    rows = rows_of(source, "swap", [{"metric": "mutant/wt", "effect": effect}])
    return rows.assign(context_gene_id=f"ID-{target}")


def test_swaps_are_summed_by_the_classes_of_both_contexts(tmp_path: Path) -> None:
    classes = {"A": "enhancing", "B": "silencing", "C": "silencing"}
    genes = {g: [effect_rows(g, "context", [0.5], [c])] for g, c in classes.items()}
    # A part holds the rows of the gene whose context it is.
    genes["B"].append(swap("A", "B", 0.25))
    genes["C"].append(pd.concat([swap("A", "C", 0.75), swap("B", "C", np.nan), swap("X", "C", 2.0)]))
    (table,) = blocks_of(read_swaps, write_creme(tmp_path / "c", genes))
    assert [row[1:] for row in table.rows] == [
        ["enhancing", "silencing", 2, 0.5, 0.5],
        ["unknown", "silencing", 1, 2.0, 2.0],
    ]


def write_chain(out: Path) -> Path:
    tests = [effect_rows("A", t, [0.5, 0.1], ["enhancer", "neither"]) for t in ("necessity", "sufficiency")]
    write_creme(out, {"A": tests})
    rows = prediction_rows(["enhancer", "silencer", "background"], [0.9, 0.7, 0.6]).assign(chrom="chr7")
    names = np.array(["<e>", None, "b"], dtype=object)
    rows = rows.assign(start=[93_000, 88_000, 95_000], end=[94_000, 89_000, 96_000], name=names)
    config = {"inputs": {"fasta": "hg19.fa", "openness": ["a.bw", "b.bw"]}}
    run = open_run(out / "other", verb="creme", name="c", config=config, science={}, layout={})
    run.out = out
    write_elements(run, "planted", regions_of(rows))
    return out


def test_the_chain_is_a_table_of_elements_with_both_classes(tmp_path: Path) -> None:
    crossed, table = blocks_of(read_elements, write_chain(tmp_path / "c"))
    assert isinstance(crossed, Table)
    assert crossed.rows == [
        ["necessity", "silencer", 0, 0, 1, 0],
        ["necessity", "enhancer", 1, 0, 0, 0],
        ["sufficiency", "silencer", 0, 0, 1, 0],
        ["sufficiency", "enhancer", 1, 0, 0, 0],
    ]
    first, second = table.rows
    assert first == [
        "chr7:93,000-94,000", "<e>", "enhancer", pytest.approx(0.9), "A", "CNhs12336", -5.0, 0.5, 0.5,
        "enhancer", "yes",
    ]  # fmt: skip
    assert (second[1], second[2], second[9], second[10]) == (None, "silencer", "neither", "no")


def test_calls_without_a_class_are_counted_as_unknown() -> None:
    rows = crossed_table(Counter({("necessity", "promoter", "unknown"): 3})).rows
    assert rows == [["necessity", "promoter", 0, 0, 0, 3]]


def test_a_creme_run_shows_every_family_once(tmp_path: Path) -> None:
    run = write_chain(tmp_path / "c")
    more = {"A": [interaction("A", 0.1), placed("A", "enhancer", [0, 5000], [1.0, 0.5]), finemap("A")]}
    write_creme(run, more)
    titles = [b.title for b in blocks_of(read_perturbation, run) if isinstance(b, Picture)]
    assert titles == ["A", "Tiles together", "Elements moved", "Which stretches matter"]


def test_calls_of_places_and_copies_are_not_called_tiles(tmp_path: Path) -> None:
    tiles = effect_rows("A", "necessity", [0.5], ["enhancer"])
    run = write_creme(tmp_path / "c", {"A": [tiles, placed("A", "enhancer", [0, 5000], [1.0, 0.5])]})
    tables = [b for b in blocks_of(read_perturbation, run) if isinstance(b, Table)]
    assert [row[0] for row in tables[0].rows] == ["necessity"]
    assert tables[1].caption.startswith("All 1 called tile")
