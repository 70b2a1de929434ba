"""Files that a run names by relative paths are found from elsewhere, by where its folder lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycre.store.places import file_of_run


@pytest.mark.parametrize(
    ("out", "given", "found"),
    [
        ("runs/a", "genome/x.fa", "{lab}/genome/x.fa"),
        ("./runs/a", "genome/x.fa", "{lab}/genome/x.fa"),
        ("runs/b", "genome/x.fa", "genome/x.fa"),  # the folder was moved: nothing tells where from
        ("/elsewhere/runs/a", "genome/x.fa", "genome/x.fa"),
        ("runs/a", "genome/gone.fa", "genome/gone.fa"),
        ("runs/a", "/data/x.fa", "/data/x.fa"),
        ("", "genome/x.fa", "genome/x.fa"),
        ("s3://lab/runs/a", "genome/x.fa", "genome/x.fa"),
    ],
)
def test_a_relative_path_counts_from_where_the_run_was_started(
    out: str, given: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = tmp_path / "lab"
    (lab / "genome").mkdir(parents=True)
    (lab / "genome" / "x.fa").write_text(">a\nA\n")
    (lab / "runs" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    record = {"config": {"run": {"out": out}}}
    assert str(file_of_run(Path("lab/runs/a"), record, given)) == found.format(lab=lab.resolve())
    monkeypatch.chdir(lab)
    assert file_of_run(Path("runs/a"), record, given) == Path(given)  # where one stands comes first
