"""A comparison of a user's own package, by its name, through the command line, and drawn in the report.

It is `tests/own_package/lab_parts/listed.py`, which is written to be read as an example.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raycre.cli import main
from raycre.compare.registry import find_comparison
from raycre.store.parquet import read_table
from tests.compared_runs import two_genes, write_genome, write_run
from tests.installed import install

Raycre = Callable[..., tuple[int, str, str]]


@pytest.fixture
def raycre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Raycre:
    """The command line, where the example package is installed: exit code, stdout and stderr."""
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([*map(str, arguments)])
        return int(end.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run of the genes A (effects 0.5, 0.01, -0.02, 0.03) and B (0.05, -0.6, none, 0.02)."""
    (tmp_path / "genes.txt").write_text("A\n")
    return write_run(tmp_path / "run", write_genome(tmp_path), two_genes())


def test_it_is_in_the_help_with_its_options_and_a_name_that_is_near_is_told_it(raycre: Raycre) -> None:
    code, out, _ = raycre("compare", "--help")
    assert code == 0
    assert "Compare the effects of tiles of listed genes with those of all others." in out
    code, out, _ = raycre("compare", "listed", "--help")
    assert code == 0
    for text in ("RUN", "GENES", "--within", "so many bp from the TSS", "[default: 1000000]", "necessity"):
        assert text in out
    assert "--fasta" not in out  # it needs no genome
    code, _, err = raycre("compare", "listd")
    assert code == 2
    assert "No such command 'listd'. Did you mean 'listed'?" in err


def test_it_writes_its_table_with_the_runs_stamp_and_the_report_draws_it(
    raycre: Raycre, run: Path, tmp_path: Path
) -> None:
    code, out, err = raycre("compare", "listed", run, tmp_path / "genes.txt", "--json")
    assert code == 0, err
    told: dict[str, Any] = json.loads(out)
    path = run / "summary" / "compare_listed.parquet"
    assert told == {
        "run": str(run), "test": "necessity", "track_id": 7, "model": "planted", "within": 1_000_000,
        "genes": [
            {"genes": "listed", "mean_effect": pytest.approx(0.56 / 4), "tiles": 4},
            {"genes": "others", "mean_effect": pytest.approx(0.67 / 3), "tiles": 3},
        ],
        "files": [str(path)],
    }  # fmt: skip
    table = read_table(path)
    assert table.column("tiles").to_pylist() == [4, 3]
    assert table.schema.field("tiles").metadata == {b"description": b"tiles with an effect"}
    assert "compare.genes" in json.loads(table.schema.metadata[b"raycre_inputs"])
    code, _, err = raycre("report", run, "--out", tmp_path / "r.html")
    assert code == 0, err
    page = (tmp_path / "r.html").read_text()
    assert "Compared with other data" in page
    assert "mean_effect of compare_listed" in page


def test_where_its_package_is_missing_the_report_says_so(
    raycre: Raycre, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert raycre("compare", "listed", run, tmp_path / "genes.txt")[0] == 0
    monkeypatch.undo()
    raycre("report", run, "--out", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "Not drawn, of comparisons that are not installed here: compare_listed." in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.txt"], "none.txt: no such file"),
        (["genes.txt", "--within", "-1"], "Invalid value for '--within'"),
        (["other.txt"], "no gene of the list is in the run"),
        (["genes.txt", "--test", "context"], "have one effect for each tile"),
    ],
)
def test_bad_input_has_exit_code_2_and_nothing_is_written(
    raycre: Raycre, run: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "other.txt").write_text("Z\n")
    code, _, err = raycre("compare", "listed", run, tmp_path / arguments[0], *arguments[1:])
    assert code == 2
    assert says in err
    assert not list(run.rglob("compare_*"))


def write_entry(site: Path, points: str) -> None:
    info = next(site.glob("*.dist-info"))
    (info / "entry_points.txt").write_text(f"[raycre.comparisons]\n{points}\n")


@pytest.mark.parametrize(
    ("points", "command", "says"),
    [
        ("marks = lab_parts.listed:COMPARISON", "marks", "registers a comparison that raycre has; rename it"),
        ("mine = lab_parts.listed:COMPARISON", "mine", "declares the comparison listed; give both one name"),
        ("gone = lab_parts.absent:COMPARISON", "gone", "cannot be imported"),
        ("odd = lab_parts.listed:LISTED", "odd", "is no raycre.compare.declaration.Comparison"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_named_and_the_help_lists_all_others(
    raycre: Raycre, tmp_path: Path, points: str, command: str, says: str
) -> None:
    write_entry(tmp_path / "site", points)
    find_comparison.cache_clear()
    code, out, _ = raycre("compare", "--help")
    assert code == 0
    assert "Count tiles and bases of tiles in annotated intervals" in out
    assert "Cannot be used" in out
    code, _, err = raycre("compare", command, "run")
    find_comparison.cache_clear()
    assert code == 2
    assert says in err
