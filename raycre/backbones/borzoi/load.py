"""Borzoi and Flashzoi at their published size, with weights from a file or a seed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from raycre.backbones.borzoi import Strands
from raycre.backbones.borzoi.model import N_TRACKS, Borzoi
from raycre.backbones.contract import Backbone
from raycre.backbones.tracks import read_track_table
from raycre.backbones.weights import is_random, load_into, random_weights, read_state_dict, weights_sha256
from raycre.errors import CheckpointError, ConfigError, near
from raycre.store.location import path_of


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
    sizes = N_TRACKS
    if head not in sizes:
        raise ConfigError(f"{name} has no such head{near(head, sizes)}; it has human and mouse", value=head)
    tracks = None if track_table is None else read_track_table(track_table)
    state = None if is_random(weights) else read_state_dict(path_of(weights))
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
    load_into(model, random_weights(model, weights) if state is None else state, path_of(weights))
    model.trained, model.weights_sha256 = state is not None, weights_sha256(weights)
    return model


load_flashzoi = partial(load_borzoi, rotary=True)
