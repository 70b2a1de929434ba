"""From the name of a backbone and its weights to a model that predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from raycre.backbones.contract import Backbone, LocalBackbone
from raycre.backbones.precision import lower
from raycre.backbones.registry import find_backbone
from raycre.backbones.replicates import Replicates
from raycre.backbones.spec import BackboneSpec
from raycre.backbones.weights import is_random
from raycre.errors import ConfigError
from raycre.published.cache import resolve
from raycre.store.location import path_of


def load(spec: BackboneSpec) -> Backbone:
    """Load a backbone on the CPU, its weights as they are in the file.

    Raises:
        ConfigError: a precision that it does not run in.
    """
    loaded = load_backbone(
        spec.backbone,
        weights=spec.weights,
        head=spec.head,
        track_table=spec.track_table,
        **spec.settings,
    )
    if spec.dtype == "bfloat16" and not loaded.lowers:
        raise ConfigError(f"{loaded.name} runs in float32 only; leave model.dtype out", value=spec.dtype)
    return loaded


def ready(loaded: Backbone, dtype: str = "float32", device: torch.device | str = "cpu") -> Backbone:
    """Move a model from `load` to where it predicts, in the precision in which it does; return it."""
    loaded.eval().to(device).precompute()
    if dtype == "bfloat16":
        lower(loaded, torch.bfloat16)
    return loaded


def whole_paths(spec: BackboneSpec) -> BackboneSpec:
    """Name files by whole paths, also registry:NAME: workers stand elsewhere and may have another cache."""
    given = (spec.weights,) if isinstance(spec.weights, str) else spec.weights or ()
    weights = tuple(one if is_random(one) else str(path_of(resolve(one)).resolve()) for one in given)
    table = None if spec.track_table is None else path_of(resolve(str(spec.track_table))).resolve()
    one_or_all = spec.weights if not given else weights[0] if isinstance(spec.weights, str) else weights
    return replace(spec, weights=one_or_all, track_table=table)


def load_backbone(
    name: str,
    *,
    weights: str | Sequence[str] | None,
    head: str = "human",
    track_table: Path | None = None,
    **settings: object,
) -> Backbone:
    """Read a backbone's weights and make it ready to predict, on the CPU.

    Args:
        name: of a backbone of raycre, or of one that an installed package registers.
        weights: path of a checkpoint, registry:NAME for a published one in the cache, random:SEED (`trained`
            is then False), or None where the backbone has none. Several: replicates, whose predictions are
            averaged.
        head: which output head, where there are several.
        track_table: the head's table, or registry:NAME; without it tracks go by number only.
        settings: further arguments of this backbone's own (Enformer: gamma; Borzoi: strands).

    Returns:
        The model in evaluation mode, without gradients.

    Raises:
        ConfigError: no such backbone, head or setting, weights missing or a seed that is none; replicates
            of a backbone that has no trunk, or the same one twice.
        MissingInputError, CheckpointError: see `read_state_dict`, `load_into`; of registry:NAME, `resolve`.
        FormatError, TrackError: see `read_track_table`; a table of another number of tracks.
    """
    load = find_backbone(name).find_loader()
    weights, track_table = _resolved(weights), _resolved(track_table)
    taken = signature(load).parameters.values()
    for setting in settings if not any(p.kind is p.VAR_KEYWORD for p in taken) else ():
        if setting not in {p.name for p in taken}:
            raise ConfigError(f"{name} has no such setting; leave model.{setting} out", value=setting)
    load = partial(load, head=head, track_table=track_table, **settings)
    if weights is None or isinstance(weights, str):
        model = load(weights=weights)
    else:
        model = Replicates([_local(load(weights=one)) for one in weights])
    return model.eval().requires_grad_(False)


def _local(model: Backbone) -> LocalBackbone:
    if not isinstance(model, LocalBackbone):
        raise ConfigError(f"{model.name} has no trunk, so no replicates; give model.weights one file")
    return model


def _resolved(given: Any) -> Any:
    """Paths, one or several, of what a configuration names: registry:NAME becomes the checked cached file."""
    if isinstance(given, (str, Path)):
        return type(given)(resolve(str(given)))
    return given if given is None else [_resolved(one) for one in given]
