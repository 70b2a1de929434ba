"""Enformer at its published size, with weights from a file or a seed."""

from __future__ import annotations

from pathlib import Path

import torch

from raycre.backbones.contract import Backbone
from raycre.backbones.enformer import GAMMAS
from raycre.backbones.enformer.model import N_TRACKS, Enformer
from raycre.backbones.tracks import plain_table, read_track_table
from raycre.backbones.weights import is_random, read_weights, weights_sha256
from raycre.errors import ConfigError, TrackError, near


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
