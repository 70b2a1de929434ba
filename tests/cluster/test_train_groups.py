"""Several workers of one fold: the same training as one worker's, and a failure of one that reaches all."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from ray.exceptions import ActorUnavailableError
from ray.train.torch import TorchTrainer

from raycre.config import TrainConfig, make_config
from raycre.create.fold_data import FoldData
from raycre.create.inference.checkpoints import CUTOFFS, fold_folder
from raycre.create.model.create import Create
from raycre.create.training.epoch import start_fold
from raycre.create.training.fold import FoldState
from raycre.create.training.recipe import Recipe
from raycre.demo.genome import DemoGenome
from raycre.engine.resources import Share
from raycre.errors import RaycreError
from raycre.store.files import read_json
from raycre.store.parquet import read_table
from raycre.workflows.devices import prepare
from raycre.workflows.train import fold as folds
from raycre.workflows.train.fold import train_fold
from raycre.workflows.train.groups import PeerFailedError, Team, join_team
from raycre.workflows.train.materialise import open_inputs
from raycre.workflows.train.plan import TrainPlan
from raycre.workflows.train.run import run_train
from raycre.workflows.train.workers import ERROR_FILE, Job, train_job, train_jobs
from tests.conftest import train_values
from tests.trainings import plan_from, with_inputs
from tests.unit.test_class_weights import uneven
from tests.unit.test_create_recipe import NANO, SEED, SHORT, regions

PATIENCE = 240  # seconds until processes that wait for each other for ever have failed the test
CALM = replace(NANO, branch_dropout=0.0, encoder_dropout=0.0, classifier_dropout=0.0)
RECIPE = replace(SHORT, schedule="plateau", drop_last=False, batch_size=12, learning_rate=1e-3)
WEIGHTED = replace(RECIPE, balance="weights")


def in_two_processes(work: Callable[..., None], folder: Path, *arguments: Any) -> None:
    """Run `work(team, folder, *arguments)` in two processes that are a team."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_join, args=(work, rank, folder, arguments)) for rank in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)
    hanging = [worker.is_alive() for worker in workers]
    for worker in workers:
        worker.kill()
        worker.join()
    assert hanging == [False, False], "a worker waits for ever"
    assert [worker.exitcode for worker in workers] == [0, 0]


def _join(work: Callable[..., None], rank: int, folder: Path, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meet'}", rank=rank, world_size=2)
    work(join_team(2), folder, *arguments)
    dist.barrier()
    dist.destroy_process_group()


def materialised(genome: DemoGenome, out: Path, **recipe: Any) -> TrainPlan:
    """A training whose inputs are read, for train_fold."""
    return with_inputs(plan_from(train_values(genome, out, **recipe)))


def fresh(fold: int = 0, recipe: Recipe = RECIPE) -> FoldState:
    return start_fold(fold, recipe, SEED, lambda: Create(CALM))


def train(team: Team, state: FoldState, data: FoldData | None = None) -> FoldState:
    """Every epoch of a fold of random regions, with a whole and a smaller last batch in each."""
    data, group = data or regions(), team.share(state.model)
    while not team.step(state, data, SEED, group):
        pass
    return state


def tensors(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    moments = {
        f"{i}.{name}": value for i, of in state["optimizer"]["state"].items() for name, value in of.items()
    }
    return {**state["model"], **moments}


@pytest.fixture(scope="module")
def pair(genome: DemoGenome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what two processes of one team made: starting them takes longer than their work."""
    folder = tmp_path_factory.mktemp("pair")
    in_two_processes(_pair, folder, materialised(genome, folder, epochs=2))
    return folder


def _pair(team: Team, folder: Path, plan: TrainPlan) -> None:
    torch.save(train(team, fresh()).state_dict(), folder / f"calm-{team.rank}.pt")
    torch.save(train(team, fresh(2, WEIGHTED), uneven()).state_dict(), folder / f"weighted-{team.rank}.pt")
    _fail(team)
    torch.save(train(team, fresh(1)).state_dict(), folder / f"after-{team.rank}.pt")
    _walk(team, plan)


def _fail(team: Team) -> None:
    """Worker 1 fails when codes and norms were exchanged and gradients are still to come."""
    data, state = regions(), fresh()
    if team.rank == 1:
        whole = state.model.losses

        def broken(*given: Any) -> Any:
            whole(*given)
            raise RaycreError("no further")

        state.model.losses = broken  # type: ignore[assignment]
    group = team.share(state.model)
    with pytest.raises(PeerFailedError if team.rank == 0 else RaycreError):
        team.step(state, data, SEED, group)
    if team.rank == 1:
        team.abort()


def _walk(team: Team, plan: TrainPlan) -> None:
    """Fold 0 fails at its start on worker 1, fold 1 at its end on worker 0, fold 2 is trained."""
    finish, at = folds._finish, [0]

    def fail_to_prepare(*given: Any) -> torch.device:
        if at == [0] and team.rank == 1:
            raise RaycreError("no such device")
        return prepare(*given)

    def fail_to_finish(*given: Any) -> None:
        if at == [1]:
            raise OSError(28, "No space left on device")
        finish(*given)

    folds.prepare = fail_to_prepare  # type: ignore[assignment,attr-defined]
    folds._finish = fail_to_finish  # type: ignore[assignment]
    for fold in range(3):
        at[0] = fold
        train_job(Job(plan, fold, {}), team)


def of_both(pair: Path, name: str) -> list[dict[str, Any]]:
    return [torch.load(pair / f"{name}-{rank}.pt", weights_only=True) for rank in (0, 1)]


def test_two_workers_agree_to_the_bit(pair: Path) -> None:
    first, second = of_both(pair, "calm")
    ours, theirs = tensors(first), tensors(second)
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    for key in ("history", "plateau", "epoch", "best_auprc", "best_epoch"):
        assert str(first[key]) == str(second[key])  # as text, NaN equals itself


def test_two_workers_train_as_one_does(pair: Path) -> None:
    first, alone, start = of_both(pair, "calm")[0], train(Team(), fresh()).state_dict(), fresh().state_dict()
    two, one = tensors(first), tensors(alone)
    # The running mean follows the bias before the norm, whose gradient is rounding alone: Adam blows it up.
    shared = [name for name in one if name.startswith(("quantizer", "base_norm")) and "mean" not in name]
    assert {"quantizer.codebook", "quantizer.cluster_size", "base_norm.running_var"} < set(shared)
    for name in shared:
        torch.testing.assert_close(two[name], one[name], atol=1e-5, rtol=1e-5, msg=name)
    for name in ("quantizer.codebook", "base_norm.running_var"):  # and they moved by more than that
        assert (two[name] - start["model"][name]).abs().max() > 1e-2
    for together, by_one in zip(first["history"], alone["history"], strict=True):
        assert together.keys() == by_one.keys()
        np.testing.assert_allclose(list(together.values()), list(by_one.values()), rtol=1e-4, atol=1e-6)
    assert first["plateau"]["factor"] == alone["plateau"]["factor"]
    np.testing.assert_allclose(first["plateau"]["lowest"], alone["plateau"]["lowest"], rtol=1e-5)


def test_two_workers_weigh_classes_by_the_whole_training_set_as_one_does(pair: Path) -> None:
    """Of the single enhancer a batch's half has none or one: weights of its own would be others."""
    first, second = of_both(pair, "weighted")
    assert str(first["history"]) == str(second["history"])
    alone = train(Team(), fresh(2, WEIGHTED), uneven()).state_dict()
    for together, by_one in zip(first["history"], alone["history"], strict=True):
        np.testing.assert_allclose(together["cross_entropy"], by_one["cross_entropy"], rtol=1e-4)
    plain = train(Team(), fresh(2), uneven()).state_dict()
    assert abs(plain["history"][1]["cross_entropy"] / alone["history"][1]["cross_entropy"] - 1) > 1e-3


def test_a_worker_that_fails_between_exchanges_stops_the_other_and_both_go_on(pair: Path) -> None:
    first, second = map(tensors, of_both(pair, "after"))
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_a_fold_that_cannot_be_trained_stops_no_other_of_the_group(pair: Path) -> None:
    said = [fold_folder(pair, fold) / ERROR_FILE for fold in range(3)]
    assert read_json(said[0])["error"] == "RaycreError: no such device"
    assert "No space left on device" in read_json(said[1])["error"]
    assert not said[2].exists()
    assert [(fold_folder(pair, fold) / CUTOFFS).is_file() for fold in range(3)] == [False, False, True]


def test_ray_train_with_two_workers_a_fold_learns_what_one_does(
    genome: DemoGenome, local_ray: None, tmp_path: Path
) -> None:
    # Encoder, codebook and decoder of the tiny model have no dropout, and warm-up trains no classifier.
    recipe = {"epochs": 3, "warmup_epochs": 2}
    values = train_values(genome, tmp_path / "two", **recipe)
    values["folds"]["only"] = [1]
    values["resources"] = {"workers_per_fold": 2}
    assert run_train(make_config(TrainConfig, values))["folds_done"] == [1]
    plan = materialised(genome, tmp_path / "one", **recipe)
    train_fold(plan, 1, open_inputs(tmp_path / "one" / "inputs"), {})
    two, one = (
        read_table(fold_folder(tmp_path / name, 1) / "history.parquet").to_pandas() for name in ("two", "one")
    )
    trained = ["sequence", "openness", "loops", "commitment", "perplexity"]
    np.testing.assert_allclose(two.loc[:1, trained], one.loc[:1, trained], rtol=1e-3)
    with pytest.raises(RaycreError, match="workers_per_fold was 2, is None"):
        run_train(make_config(TrainConfig, {**values, "resources": {}}))


def test_a_worker_alone_exchanges_nothing() -> None:
    assert Team().broadcast(lambda: 5) == 5
    assert Team().share(Create(CALM)) is None
    Team().abort()


def test_a_training_that_ray_loses_says_so_by_name(
    genome: DemoGenome, local_ray: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = plan_from(train_values(genome, tmp_path))

    def lost(self: object) -> None:
        raise ActorUnavailableError("keepalive watchdog timeout", None)

    monkeypatch.setattr(TorchTrainer, "fit", lost)
    with pytest.raises(RaycreError, match=r"keepalive watchdog timeout.*run again to go on"):
        train_jobs([Job(plan, 0, {})], Share(), 1, tmp_path)
