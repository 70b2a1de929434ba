"""What a lease keeps from others: temporaries, what --fresh removes, a sweep's runs; what nodes see of it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from raycre.errors import LeaseLostError, RunHeldError, UnsharedPathError
from raycre.genome.fingerprint import fingerprint
from raycre.store import lease
from raycre.store.files import TEMPORARY_NAME, temporary_of
from raycre.store.lease import Lease, join_epoch
from raycre.store.ledger import Ledger
from raycre.store.old_run import find_old, remove_run
from raycre.store.run import Run
from raycre.workflows.run import Start
from raycre.workflows.shared import SharedPaths, check_shared, see
from tests.unit.test_lease import leave, start, tree

pytestmark = pytest.mark.usefixtures("no_epoch")

# Temporary files


def test_temporary_files_carry_the_epoch_of_their_run(mine: Lease, tmp_path: Path) -> None:
    def epoch() -> str | None:
        name = TEMPORARY_NAME.match(temporary_of(tmp_path / "part-1.parquet").name)
        assert name is not None
        return name[1]

    assert epoch() == mine.epoch
    Ledger(tmp_path, "parts").join()  # of a run without a lease
    assert epoch() is None
    Ledger(tmp_path, "parts", epoch=mine.epoch).join()
    assert epoch() == mine.epoch
    mine.release()
    assert epoch() is None


def test_the_sweep_takes_what_dead_epochs_left_and_nothing_of_a_live_one(tmp_path: Path) -> None:
    start(tmp_path, None)
    folder = tmp_path / "predictions"
    folder.mkdir()
    leave(tmp_path, 4, epoch="00004.0123abcd")
    dead = [".part-7-0123abcd-part-0.parquet", ".part-00003.0123abcd-7-0123abcd-part-0.parquet"]
    live = ".part-00004.0123abcd-7-0123abcd-part-0.parquet"
    for name in (*dead, live):
        (folder / name).touch()
    start(tmp_path, None)
    assert [path.name for path in folder.iterdir()] == [live]


def test_fresh_leaves_the_lease_of_its_own_run(mine: Lease, tmp_path: Path) -> None:
    start(tmp_path, mine)
    old = find_old(tmp_path, "predict")
    assert old is not None
    assert "left as they are" not in str(old)
    remove_run(old)
    assert sorted(tree(tmp_path)) == ["lease/00001.beat", "lease/00001.json"]
    mine.check()


# A sweep


def open_now(start: Start, inner: Iterable[Path] = ()) -> Run:
    return start.open(name="r", config={}, science={}, layout={}, facts={}, inner=inner)


def test_a_sweep_holds_its_runs_and_a_training_of_one_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "sweep" / "K=20"
    with Start("sweep", tmp_path, fresh=False, dry_run=False) as sweep:
        open_now(sweep, [out])
        with pytest.raises(RunHeldError, match="in use: raycre train --sweep of "):
            Start("train", out, fresh=False, dry_run=False)
    assert sorted(name for name in tree(tmp_path) if not name.startswith("journal/")) == ["run.json"]
    with Start("train", out, fresh=False, dry_run=False) as training:
        open_now(training)


def test_a_sweep_is_refused_while_a_run_of_it_is_trained_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "sweep" / "K=20"
    with Start("train", out, fresh=False, dry_run=False) as training:
        open_now(training)
        before = tree(tmp_path)
        with (
            pytest.raises(RunHeldError, match="in use: raycre train of "),
            Start("sweep", tmp_path, fresh=True, dry_run=False) as sweep,
        ):
            open_now(sweep, [tmp_path / "sweep" / "K=10", out])
        assert tree(tmp_path) == before
        assert [path.name for path in (tmp_path / "sweep").iterdir()] == ["K=20"]


def test_a_dry_run_claims_nothing_and_is_not_refused(mine: Lease, tmp_path: Path) -> None:
    before = tree(tmp_path)
    with Start("predict", tmp_path, fresh=False, dry_run=True):
        pass
    assert tree(tmp_path) == before


# Other nodes


def asked_of(answers: dict[str, object]) -> Callable[..., dict[str, object]]:
    return lambda function, argument: answers


def test_a_node_that_lacks_the_run_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SHARED_WITHIN", 0.0)
    paths = SharedPaths(tmp_path, "00001.0123abcd", {})
    with pytest.raises(UnsharedPathError) as here_missing:
        see(paths)
    with pytest.raises(UnsharedPathError) as refused:
        check_shared(paths, asked_of({"10.0.0.2 (4d2a0f1e)": here_missing.value}))
    assert refused.value.exit_code == 2
    assert str(refused.value) == (
        f"{tmp_path}: on node 10.0.0.2 (4d2a0f1e): run.out is not the driver's folder on this node "
        f"({socket.gethostname()}); give a folder that all nodes share"
    )


def test_a_node_sees_the_run_folder_by_the_drivers_claim(mine: Lease, tmp_path: Path) -> None:
    see(SharedPaths(tmp_path, mine.epoch, {}))
    with pytest.raises(LeaseLostError):
        join_epoch(tmp_path, "00001.ffffffff")


@pytest.mark.parametrize(
    ("there", "said"),
    [(None, "inputs.fasta: no such file on this node"), ("else", "another file than the driver's")],
)
def test_an_input_that_a_node_does_not_have_or_has_of_other_content_is_named(
    mine: Lease, tmp_path: Path, there: str | None, said: str
) -> None:
    path = tmp_path / "genome.fa"
    path.write_text("once")
    paths = SharedPaths(tmp_path, mine.epoch, {"inputs.fasta": fingerprint(path)})
    see(paths)
    path.unlink()
    if there is not None:
        path.write_text(there)
    with pytest.raises(UnsharedPathError, match=said):
        see(paths)


def test_a_copy_of_an_input_with_times_of_its_own_is_the_same(mine: Lease, tmp_path: Path) -> None:
    path = tmp_path / "genome.fa"
    path.write_text("once")
    paths = SharedPaths(tmp_path, mine.epoch, {"inputs.fasta": fingerprint(path)})
    path.unlink()
    path.write_text("once")
    see(paths)


def test_a_node_that_gives_no_answer_is_told_of_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: dict[str, object] = {
        "10.0.0.2 (4d2a0f1e)": TimeoutError("Get timed out"),
        "10.0.0.3 (00000000)": None,
    }
    check_shared(SharedPaths(tmp_path, "", {}), asked_of(answers))
    said = capsys.readouterr().err
    assert said.startswith("note: node 10.0.0.2 (4d2a0f1e) was not asked whether it sees run.out")
    assert said.count("\n") == 1
