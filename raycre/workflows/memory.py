"""How many bytes of memory a replica takes at its peak: what was measured of its kind, and what it keeps.

Sums of what measurements gave (benchmarks/RESULTS.md, "Memory of replicas"): a process without a model; the
weights that it holds by itself; what a pass needs meanwhile, in proportion to the weights; what it keeps.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from raycre.backbones.contract import Backbone, LocalBackbone
from raycre.backbones.registry import find_backbone
from raycre.backbones.replicates import Replicates
from raycre.backbones.spec import BackboneSpec
from raycre.backbones.views import views_of
from raycre.create.model.network import Network

GIB = 2**30
PROCESS = int(0.6 * GIB)  # Python, PyTorch, Ray, the readers of genome and signals
ON_A_GPU = int(2.0 * GIB)  # more of it: CUDA's libraries and context; assumed, not measured
BATCH = int(0.2 * GIB)  # of regions through a network of CREATE at the paper's size, their views and features
LAID_OUT = 2.2  # times the weights of such networks that their folds take, ready to predict


def memory_of_backbone(model: Backbone, spec: BackboneSpec, cache_bytes: int, gpus: float) -> int:
    """Return what a replica of a loaded backbone takes.

    Args:
        model: as `load` gives it.
        spec: how it is read.
        cache_bytes: activations that it keeps, on its device.
        gpus: of a replica.
    """
    declared, weights = find_backbone(spec.backbone), weight_bytes([model])
    if gpus:
        return PROCESS + ON_A_GPU + weights  # which are on the way to the GPU once
    members = len(model.members) if isinstance(model, Replicates) else 1
    views = len(views_of(spec.shifts, spec.reverse_complement))
    own = declared.packed * weights + (0 if model.shares_weights else weights)
    kept = cache_bytes if spec.incremental and isinstance(model, LocalBackbone) else 0
    return int(PROCESS + own + declared.working * weights / members * views + kept)


def memory_of_ensemble(models: Iterable[Network], gpus: float) -> int:
    """Return what a replica of an ensemble of CREATE's networks takes: its folds, laid out once more."""
    return int(PROCESS + LAID_OUT * weight_bytes(models) + (ON_A_GPU if gpus else BATCH))


def weight_bytes(models: Iterable[nn.Module]) -> int:
    """Return the bytes of all parameters and buffers, of memory that several share once."""
    tensors = [tensor for model in models for tensor in (*model.parameters(), *model.buffers())]
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())
