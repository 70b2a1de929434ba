"""Backbones by name: one row each, further ones through the entry-point group `raycre.backbones`.

It must not know what a backbone is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import EntryPoint
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from raycre.backbones import names
from raycre.backbones.borzoi import model as borzoi
from raycre.backbones.borzoi.model import Borzoi, Strands
from raycre.backbones.contract import Backbone, LocalBackbone
from raycre.backbones.enformer.model import N_TRACKS, Enformer
from raycre.backbones.enformer.relative import GammaPeak
from raycre.backbones.replicates import Replicates
from raycre.backbones.tracks import plain_table, read_track_table
from raycre.backbones.weights import (
    is_random,
    load_into,
    random_weights,
    read_state_dict,
    read_weights,
    weights_sha256,
)
from raycre.errors import CheckpointError, ConfigError, TrackError, near
from raycre.published.cache import resolve

GAMMAS: dict[str, GammaPeak] = {"tensorflow": "function", "exact": "distance"}


def load_enformer(
    *, weights: str | None, head: str, track_table: Path | None, gamma: str = "tensorflow"
) -> Backbone:
    """Load Enformer at its published size; see `load_backbone`.

    `gamma` is how its weights were trained: with TensorFlow's gamma features (the published ones) or with the
    plain formula ("exact").
    """
    if gamma not in GAMMAS:
        raise ConfigError(f"enformer's gamma features are {' or '.join(GAMMAS)}", value=gamma)
    if weights is None:
        raise ConfigError("enformer needs model.weights: a path, or random:SEED for tests")
    if head not in N_TRACKS:
        raise ConfigError(
            f"enformer has no such head{near(head, N_TRACKS)}; it has human and mouse", value=head
        )
    tracks = plain_table(N_TRACKS[head]) if track_table is None else read_track_table(track_table)
    if len(tracks) != N_TRACKS[head]:
        raise TrackError(
            f"the table has {len(tracks):,} tracks, enformer's {head} head {N_TRACKS[head]:,}",
            path=track_table,
        )
    # Without the meta device 251 million weights would be drawn first and then thrown away.
    with torch.device("meta"):
        model = Enformer(head=head, tracks=tracks, gamma_peak=GAMMAS[gamma])
    read_weights(model, weights)
    model.trained, model.weights_sha256 = not is_random(weights), weights_sha256(weights)
    return model


def load_borzoi(
    *,
    weights: str | None,
    head: str,
    track_table: Path | None,
    strands: Strands = "summed",
    rotary: bool = False,
) -> Backbone:
    """Load one replicate of Borzoi, or with `rotary` of Flashzoi, at its published size; see `load_backbone`.

    A published file holds one head or both; the model gets those that the file has.
    """
    name = "flashzoi" if rotary else "borzoi"
    if weights is None:
        raise ConfigError(f"{name} needs model.weights: a path, a list of its replicates, or random:SEED")
    sizes = borzoi.N_TRACKS
    if head not in sizes:
        raise ConfigError(f"{name} has no such head{near(head, sizes)}; it has human and mouse", value=head)
    tracks = None if track_table is None else read_track_table(track_table)
    state = None if is_random(weights) else read_state_dict(Path(weights))
    held = [h for h in sizes if state is None or f"{h}_head.weight" in state] or list(sizes)
    if head not in held:
        raise CheckpointError(
            f"holds the {held[0]} head, not the {head} one; take the other file", path=weights
        )
    with torch.device("meta"):
        model = Borzoi(
            head=head,
            tracks=tracks,
            strands=strands,
            rotary=rotary,
            n_human=sizes["human"] if "human" in held else 0,
            n_mouse=sizes["mouse"] if "mouse" in held else 0,
        )
    load_into(model, random_weights(model, weights) if state is None else state, Path(weights))
    model.trained, model.weights_sha256 = state is not None, weights_sha256(weights)
    return model


def load_planted(*, weights: str | None, head: str, track_table: Path | None) -> Backbone:
    """Make the planted model; it has one head and brings its own tracks."""
    from raycre.backbones.planted import load_planted as load

    if track_table is not None:
        raise ConfigError("planted brings its own tracks; leave model.track_table out", path=track_table)
    return load(weights)


BACKBONES: dict[str, Callable[..., Backbone]] = {
    "borzoi": load_borzoi,
    "enformer": load_enformer,
    "flashzoi": partial(load_borzoi, rotary=True),
    "planted": load_planted,
}


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
        name: a row of `BACKBONES`, or an entry point of the group `raycre.backbones`: a callable of the three
            keyword arguments that follow and returns a `Backbone`.
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
    further = names.further()
    if name in BACKBONES and name in further:
        raise ConfigError(
            f"{_origin(further[name])} registers a backbone that raycre has; rename it", value=name
        )
    if name in BACKBONES:
        load = BACKBONES[name]
    elif name in further:
        load = _loaded(further[name])
    else:
        raise names.unknown_backbone(name)
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


def _loaded(point: EntryPoint) -> Callable[..., Backbone]:
    try:
        load: Callable[..., Backbone] = point.load()
    except Exception as error:  # any failure of foreign code on import
        raise ConfigError(
            f"{_origin(point)} cannot be imported ({error}); update or remove it", value=point.name
        ) from error
    return load


def _origin(point: EntryPoint) -> str:
    return f"the entry point {point.value} of {point.dist.name if point.dist else 'an unknown package'}"
