"""Workers that train one fold together: what they add up, what they agree on, and how a failure reaches all.

Every exchange is preceded by a word from each worker that it is well.
A worker that fails says so in place of that word; the others then stop at the same point instead of waiting
for ever, and the group goes on with its next fold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from raycre.create.evaluation.names import AUPRC
from raycre.create.fold_data import FoldData
from raycre.create.layers.norm import share_norms
from raycre.create.layers.quantizer import SplitQuantizer
from raycre.create.model.network import Network
from raycre.create.training.epoch import step_epoch
from raycre.create.training.fold import FoldState, Group
from raycre.create.training.schedule import Plateau

# One worker writes and evaluates while the others wait; a dead one is noticed by its closed connection.
PATIENCE = timedelta(days=1)

T = TypeVar("T")


class PeerFailedError(Exception):
    """Another worker of the group cannot go on with this fold, and has said why."""


@dataclass(frozen=True)
class Team:
    """The group as one worker sees it; by default it is alone, and every exchange is with itself.

    Attributes:
        rank: 0 writes the files.
        size: workers.
        control_group: process group of small messages on the CPU.
        tensor_group: of the tensors, on their device.
    """

    rank: int = 0
    size: int = 1
    control_group: Any = None
    tensor_group: Any = None

    def broadcast(self, make: Callable[[], T]) -> T:
        """Return what `make` gives on rank 0 to every worker; the others do not call it."""
        value = make() if self.rank == 0 else None
        if self.size == 1:
            return value  # type: ignore[return-value]
        self._all_well()
        box = [value]
        dist.broadcast_object_list(box, group=self.control_group, group_src=0)
        return box[0]  # type: ignore[return-value]

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over the workers, in place; all of them get the same bits."""
        self._all_well()
        ours = tensor.cpu() if tensor.device.type == "mps" else tensor  # which gloo does not read
        dist.all_reduce(ours, group=self.tensor_group)
        return tensor if ours is tensor else tensor.copy_(ours)

    def abort(self) -> None:
        """Tell the others that this worker cannot go on with the fold; called once, outside any exchange."""
        if self.size > 1:
            dist.all_reduce(torch.ones(1), group=self.control_group)

    def share(self, model: Network) -> Group | None:
        """Let the model's codebook and batch norms see the whole batch; return what training is told."""
        if self.size == 1:
            return None
        for module in model.modules():
            if isinstance(module, SplitQuantizer):
                module.reduce = self._add_codes
        share_norms(model, lambda part: _AllReduce.apply(part, self))  # type: ignore[no-untyped-call]
        return Group(self.rank, self.size, self._average_gradients)

    def step(self, state: FoldState, data: FoldData, seed: int, group: Group | None) -> bool:
        """Train the next epoch together; return whether it was the last, of which all think alike.

        Terms of the loss are averaged over the workers before the learning rate's plateau judges them.
        What rank 0 found in validation holds for all.
        """
        if group is None:
            return step_epoch(state, data, seed).stop
        plateau = replace(state.plateau)
        record = step_epoch(state, data, seed, group).record
        kept = {name: record[name] for name in ("epoch", AUPRC, "learning_rate")}
        self._all_well()
        sums = torch.tensor(list(record.values()), dtype=torch.float64)
        dist.all_reduce(sums, group=self.control_group)
        record.update(zip(record, (sums / self.size).tolist(), strict=True))
        record.update(kept)
        if state.recipe.schedule == "plateau":
            warming_up = record["epoch"] < state.recipe.warmup_epochs
            plateau.step(record["loss"], state.recipe.learning_rate, warming_up)
        mine = (record[AUPRC], state.best_auprc, state.best_epoch, asdict(plateau))
        record[AUPRC], state.best_auprc, state.best_epoch, found = self.broadcast(lambda: mine)
        state.plateau = Plateau(**found)
        return state.finished

    def _all_well(self) -> None:
        failed = torch.zeros(1)
        dist.all_reduce(failed, group=self.control_group)
        if failed.item():
            raise PeerFailedError

    def _add_codes(self, counts: Tensor, sums: Tensor) -> None:
        both = self.all_reduce(torch.cat([counts[:, None], sums], dim=1))
        counts.copy_(both[:, 0])
        sums.copy_(both[:, 1:])

    def _average_gradients(self, model: Network) -> None:
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        flat = self.all_reduce(torch.cat([g.reshape(-1) for g in gradients])).div_(self.size)
        parts = flat.split([g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


class _AllReduce(torch.autograd.Function):
    """Sum over workers forward, and of their gradients backward."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, team: Team) -> Tensor:
        ctx.team = team
        return team.all_reduce(part.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.team.all_reduce(gradient.clone()), None


def join_team(size: int, *, nccl: bool = False) -> Team:
    """Cut all workers of the default process group in teams of `size`, in order; return this worker's.

    Those beyond the last whole team are each alone, and have no part in what teams do. Every worker must call
    it at the same point. `nccl`: tensors travel between GPUs, one for each worker; else over gloo, from
    wherever they are.
    """
    if size == 1:
        return Team()
    rank, mine = dist.get_rank(), Team()
    for first in range(0, dist.get_world_size() // size * size, size):
        ranks = list(range(first, first + size))
        # All workers must make all groups, their own and the others', in one order.
        control = dist.new_group(ranks, timeout=PATIENCE, backend="gloo")
        tensors = dist.new_group(ranks, timeout=PATIENCE, backend="nccl") if nccl else control
        if rank in ranks:
            mine = Team(rank - first, size, control, tensors)
    return mine
