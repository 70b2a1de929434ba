"""Whether the files that a configuration names are there: asked before what takes seconds is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from raycre.backbones.registry import BACKBONES, backbone_names, find_backbone
from raycre.errors import MissingInputError
from raycre.published.cache import REGISTRY, check_fetched
from raycre.store.bucket_path import BucketPath
from raycre.store.files import read_json
from raycre.store.location import path_of
from raycre.store.old_run import RECORD
from raycre.store.run import NO_TRAINING, check_training, read_finished

OF_CHECKPOINT = ("inputs.openness", "inputs.loops")  # predict reads them if its checkpoint was trained so


def check_files(paths: Mapping[str, Path]) -> None:
    """Look for files, by their key in the configuration.

    Raises:
        MissingInputError: one that is not there, or is a folder; the key is named.
    """
    for key, path in paths.items():
        if not path.is_file():
            what = "a folder, not a file" if path.is_dir() else "no such file"
            hint = "; several files are a list: [a.bw, b.bw]" if "," in path.name else ""
            raise MissingInputError(f"{key}: {what}{hint}", path=path)


def check_there(config: Any) -> None:
    """Look for what a configuration of train, predict or creme names on a disk.

    Raises:
        MissingInputError: a file, or the folder of `model.checkpoint`, that is not there.
        ConfigError: no such backbone.
        CheckpointError: that folder is of another verb than train.
        RunMismatchError: `create_run` is not a finished run of predict.
    """
    checkpoint = getattr(config.model, "checkpoint", None)
    paths = {key: path for key, path in config.paths().items() if not isinstance(path, BucketPath)}
    if checkpoint is not None:
        paths = {key: path for key, path in paths.items() if not key.startswith(OF_CHECKPOINT)}
    check_files(paths)
    if getattr(config, "create_run", None) is not None:
        read_finished(config.create_run, "predict", key="create_run")
    backbone = getattr(config.model, "backbone", None)
    if backbone is not None and backbone not in backbone_names():
        find_backbone(backbone)  # which says what there is
    if backbone in BACKBONES:  # others read their weights as they like
        _check_weights(config.model.weights)
    if checkpoint is None or ":" in str(checkpoint):
        return
    if not checkpoint.exists():
        raise MissingInputError(NO_TRAINING, path=checkpoint)
    record = read_json(checkpoint / RECORD) if (checkpoint / RECORD).is_file() else None
    if isinstance(record, dict):
        check_training(checkpoint, record)


def check_sources(config: Any) -> None:
    """Look for the files that the manifest of prepare names on a disk; the same error as `check_files`."""
    named = [each for each in config.sources if each.path is not None and each.url is None]
    paths = {f"sources.{each.name}": path_of(str(each.path)) for each in named}
    check_files({key: path for key, path in paths.items() if not isinstance(path, BucketPath)})


def _check_weights(given: str | Sequence[str] | None) -> None:
    for one in (given,) if isinstance(given, str) else given or ():
        if one.startswith(REGISTRY):
            check_fetched(one)
        elif not one.startswith("random:") and "://" not in one and not path_of(one).is_file():
            raise MissingInputError("no such weights", path=path_of(one))
