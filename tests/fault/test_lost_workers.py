"""Training loses workers: any number where folds go on between, and three in a row where one does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycre.engine.resources import Share
from raycre.engine.train_workers import run_jobs
from tests.epochs_to_do import Epochs, work


@pytest.mark.slow
def test_four_lost_workers_with_progress_between_end_nothing_and_three_without_one_fold(
    local_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poison, unlucky, calm = (
        Epochs(tmp_path / "poison", kills=-1),
        Epochs(tmp_path / "unlucky", 5, kills=4),
        Epochs(tmp_path / "calm"),
    )
    run_jobs(work([poison, unlucky, calm]), Share(most=2), tmp_path)
    said = capsys.readouterr().err
    assert len(unlucky.lines("tries")) == 5
    assert [line.split()[0] for line in unlucky.lines("epochs")] == list("01234")
    assert len(poison.lines("tries")) == 3
    assert "SIGKILL" in poison.lines("error")[0]
    assert len(calm.lines("epochs")) == 3
    assert "poison: given up after 3 in a row" in said
    assert said.count("was lost") >= 5
