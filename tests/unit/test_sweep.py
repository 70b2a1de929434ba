"""What `--sweep` means, how folds are shown while they train, and batch norm over the workers of a group."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console
from torch import nn

from raycre.config import TrainConfig, read_config
from raycre.config.sweep import read_sweep, whole_key
from raycre.create.layers.norm import SharedBatchNorm, share_norms
from raycre.errors import ConfigError
from raycre.workflows import progress
from raycre.workflows.progress import FoldRow, fold_table

VALUES: dict[str, Any] = {
    "run": {"name": "base", "out": "runs/x", "seed": 3},
    "inputs": {"fasta": "a.fa", "openness": ["a.bw"], "loops": "a.bedpe", "labels": "a.bed"},
    "model": {"size": "tiny"},
    "recipe": {"epochs": 4, "warmup_epochs": 1},
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(VALUES))
    return path


def names(config: Path, *sweeps: str) -> list[str]:
    return [setting.name for setting in read_sweep(config, (), sweeps)]


def test_every_combination_is_a_run_of_its_own_and_the_last_key_changes_fastest(config: Path) -> None:
    found = read_sweep(config, ["recipe.epochs=7"], ["codebook.K=50,100", "model.codebook.M=4,16"])
    assert [s.name for s in found] == ["K=50,M=4", "K=50,M=16", "K=100,M=4", "K=100,M=16"]
    last = found[-1].config
    assert (last.model.codebook.K, last.model.codebook.M, last.recipe.epochs) == (100, 16, 7)
    assert last.run.out == Path("runs/x/sweep/K=100,M=16")
    assert last.run.seed == 3


def test_a_combination_is_the_run_that_set_would_give(config: Path) -> None:
    swept = read_sweep(config, (), ["kind=create,deepsea"])
    for setting, kind in zip(swept, ("create", "deepsea"), strict=True):
        alone = read_config(TrainConfig, config, [f"model.kind={kind}"])
        assert setting.config.science() == alone.science()  # what presets fill in for a kind included


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("model.codebook.K", "model.codebook.K"),
        ("codebook.K", "model.codebook.K"),
        ("M", "model.codebook.M"),
        ("mu", "model.codebook.mu"),
        ("μ", "model.codebook.mu"),
        ("alpha", "recipe.commitment"),
        ("α", "recipe.commitment"),
        ("commitment", "recipe.commitment"),
        ("kind", "model.kind"),
        ("modalities", "model.modalities"),
    ],
)
def test_short_keys_and_letters_of_the_paper_name_one_key(given: str, key: str) -> None:
    assert whole_key(given) == key


def test_unknown_and_ambiguous_keys_are_refused_with_near_matches(config: Path) -> None:
    with pytest.raises(ConfigError, match=r"'comitment': --sweep: no such key .*did you mean commitment"):
        whole_key("comitment")
    with pytest.raises(ConfigError, match=r"which one, a\.rate or b\.rate\?"):
        whole_key("rate", ["a.rate", "b.rate"])
    for other in ("run.seed=1,2", "folds.n=5,10", "cpus_per_worker=1,2"):  # they would change what is shared
        with pytest.raises(ConfigError, match="no such key of model or recipe"):
            read_sweep(config, (), [other])


def test_brackets_keep_their_commas_and_all_subsets_are_seven_with_the_whole_first(config: Path) -> None:
    some = names(config, "modalities=[sequence], [openness],[sequence, openness, loops]")
    assert some == ["modalities=sequence", "modalities=openness", "modalities=sequence+openness+loops"]
    found = read_sweep(config, (), ["modalities=all-subsets"])
    assert len({setting.config.model.modalities for setting in found}) == 7
    assert found[0].config.model.modalities == ("sequence", "openness", "loops")
    ratios = read_sweep(config, (), ["ratios=[5,5,3,3,1],[1,1,1,1,1]"])
    assert [s.config.recipe.ratios for s in ratios] == [(5, 5, 3, 3, 1), (1, 1, 1, 1, 1)]


@pytest.mark.parametrize(
    ("sweeps", "message"),
    [
        (["K"], "takes key=value"),
        (["K="], "takes key=value"),
        (["K=1,,2"], "a value is empty"),
        (["K=1,2,1"], "'K=1': --sweep: the same value twice"),
        (["K=1,2", "codebook.K=3"], "'model.codebook.K': --sweep: name each key once"),
        (["K=[1"], "not YAML"),
        (
            ["M=4", "K=50,many"],
            r"'many': in the combination M=4,K=many: model\.codebook\.K: takes",
        ),
    ],
)
def test_wrong_sweeps_are_refused(config: Path, sweeps: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_sweep(config, (), sweeps)


def test_names_of_runs_are_names_of_folders(config: Path) -> None:
    assert names(config, "init=a/b.pth,c d.pth") == ["init=a_b.pth", "init=c_d.pth"]


ROWS = [
    FoldRow("K=50", 0, "done", 4, 10, 1.0, 0.5, 0.6, 2.0),
    FoldRow("K=50", 1, "training", 4, 10, 1.23456, 0.51, 0.62, 2.0),
    FoldRow("K=100", 0, "waiting", 0, 10),
    FoldRow("K=100", 1, "training", 1, 10, 2.0, None, None, 30.0),
]


def test_the_table_shows_folds_in_training_first_and_what_is_left() -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(fold_table("4 folds", ROWS, 3))
    title, header, *lines = [line.split() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert " ".join(title) == "epochs of 4 folds: 15/40"  # a fold that stopped early counts whole
    assert header[:2] == ["run", "fold"]
    assert lines[0] == ["K=50", "1", "training", "4/10", "1.2346", "0.510", "0.620", "2.0", "0:00:12"]
    assert lines[1] == ["K=100", "1", "training", "1/10", "2.0000", "30.0", "0:04:30"]
    assert lines[2] == ["K=100", "0", "waiting", "0/10"]
    assert len(lines) == 3


def test_without_a_terminal_there_is_a_line_at_the_start_now_and_then_and_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 5.0, 20.0, 21.0, 22.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    lines = progress._FoldLines("4 folds", 0.0)
    for rows in (ROWS, ROWS[:2], ROWS[:2], ROWS[:1], ROWS[:1]):
        lines(rows)
    assert capsys.readouterr().err.splitlines() == [
        "epochs of 4 folds: 15/40 after 0 s; auPRC now: K=50 fold 1 0.510",
        "epochs of 4 folds: 14/20 after 20 s; auPRC now: K=50 fold 1 0.510",
        "epochs of 4 folds: 10/10 after 21 s",
    ]


def batch_norms(channels: int = 3) -> tuple[nn.Module, nn.Module]:
    """A model with a batch norm, and its copy in which the norm is shared by a "group" of one."""
    torch.manual_seed(1)
    plain = nn.Sequential(nn.Conv1d(2, channels, 1), nn.BatchNorm1d(channels))
    torch.nn.init.normal_(plain[1].weight)  # type: ignore[arg-type]
    shared = nn.Sequential(nn.Conv1d(2, channels, 1), nn.BatchNorm1d(channels))
    shared.load_state_dict(plain.state_dict())
    share_norms(shared, lambda part: part)
    return plain, shared


def test_batch_norm_over_workers_is_batch_norm() -> None:
    plain, shared = batch_norms()
    assert isinstance(shared[1], SharedBatchNorm)
    assert list(shared.state_dict()) == list(plain.state_dict())
    x = 5 + 3 * torch.randn(4, 2, 7)
    for model in (plain, shared):
        for _ in range(2):
            (model(x) * torch.arange(7)).square().mean().backward()
    for (name, one), other in zip(plain.state_dict().items(), shared.state_dict().values(), strict=True):
        torch.testing.assert_close(other, one, atol=1e-6, rtol=1e-5, msg=name)
    for one, other in zip(plain.parameters(), shared.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, atol=1e-4, rtol=1e-4)
    assert torch.equal(plain.eval()(x), plain(x))
    shared.load_state_dict(plain.state_dict())
    assert torch.equal(shared.eval()(x), plain(x))  # nothing is exchanged in evaluation


def test_sharing_norms_keeps_the_parameters_that_an_optimiser_holds() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm1d(2)))
    before = list(model.parameters())
    share_norms(model, lambda part: part)
    after = list(model.parameters())
    assert all(one is other for one, other in zip(before, after, strict=True))
