"""What a preset puts into a training's configuration before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from raycre.create import names
from raycre.create.model.loss_weights import LossWeights
from raycre.create.model.sizes import Structure
from raycre.create.training import presets
from raycre.errors import ConfigError

CREATE = "create"
_NETWORK = {field.name: field.default for field in fields(Structure) if field.name != "log_openness"}
_LOSS = {field.name: field.default for field in fields(LossWeights)}


def with_preset(values: Any) -> Any:
    """Return a training's nested values with those of `recipe.preset` under what is given.

    `reference` and `paper` are CREATE's two; `matched` is the default one, `original` what a baseline's
    authors used. `model: NAME` is short for `model: {kind: NAME}`. Values that cannot be understood are
    returned as they are: checking them is the models' business.

    Raises:
        ValueError: `original` of CREATE itself, whose recipes are `reference` and `paper`; a baseline
            without a modality that it reads or needs, without the warm-up that it needs, or with a setting
            that only CREATE has.
    """
    if not isinstance(values, Mapping):
        return values
    model, recipe = ({} if values.get(name) is None else values[name] for name in ("model", "recipe"))
    model = {"kind": model} if isinstance(model, str) else model
    if not isinstance(model, Mapping) or not isinstance(recipe, Mapping):
        return values
    kind, preset = model.get("kind", CREATE), recipe.get("preset", presets.DEFAULT)
    if preset == "original" and kind == CREATE:
        raise ValueError("recipe.preset: original is for baselines; of CREATE there are reference and paper")
    sets = presets.settings(preset if preset in presets.NAMES else presets.DEFAULT)
    own: Mapping[str, Any] = {}
    if kind != CREATE and kind in names.known():
        sets = {"recipe": sets["recipe"], "model": {}}
        model, recipe, own = _of_baseline(kind, model, recipe, sets["recipe"])
        own = own if preset == "original" else {}
    return {
        **values,
        "model": {**sets["model"], **model},
        "recipe": {**sets["recipe"], **own, **recipe},
    }


def _of_baseline(
    kind: str, model: Mapping[str, Any], recipe: Mapping[str, Any], preset: dict[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]:
    """Return (model, recipe, its authors' recipe) of a baseline; its warm-up goes into `preset`."""
    from raycre.create.model.declaration import declared  # loads PyTorch, which CREATE's own keys do not need

    try:
        row = declared(kind)
    except ConfigError as error:
        raise ValueError(f"model.kind: {error.message}") from error
    preset["warmup_epochs"] = row.warmup_epochs
    wanted = model.get("modalities", row.reads)
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(wanted, list | tuple):  # one configuration for all kinds: each takes what it can read
        model = {**model, "modalities": [name for name in wanted if name in row.reads]}
        if not model["modalities"]:
            raise ValueError(f"{kind} reads {', '.join(row.reads)}, and model.modalities has none of it")
        for group in row.needs:
            if not set(group) & set(model["modalities"]):
                raise ValueError(f"model.modalities of {kind} must have {' or '.join(group)}")
    if row.warmup_epochs and recipe.get("warmup_epochs") == 0:
        raise ValueError(f"{kind} trains a part of it in warm-up; recipe.warmup_epochs: at least 1")
    if not row.warmup_epochs:
        recipe = {**recipe, "warmup_epochs": 0}  # CREATE's; nothing of such a baseline could be trained in it
    _refuse_creates_own(kind, model, recipe, preset)
    return model, recipe, row.original


def _refuse_creates_own(
    kind: str, model: Mapping[str, Any], recipe: Mapping[str, Any], preset: Mapping[str, Any]
) -> None:
    """Raise where a baseline is given what would do nothing: CREATE's structure, codebook or loss weights."""
    codebook = model.get("codebook") or {}
    idle = [f"model.codebook.{key}" for key, value in codebook.items() if value is not None]
    idle += [f"model.{key}" for key, value in _NETWORK.items() if model.get(key, value) != value]
    for key, default in _LOSS.items():
        usual = preset.get(key, default)
        idle += [f"recipe.{key}"] if recipe.get(key, usual) != usual else []
    if idle:
        raise ValueError(f"{', '.join(idle)} would do nothing: {kind} has no such part; leave it out")
