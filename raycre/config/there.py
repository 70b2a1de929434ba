"""Whether the files that a configuration names are there: asked before what takes seconds is imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raycre.errors import MissingInputError
from raycre.store.bucket_path import BucketPath

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
    """
    checkpoint = getattr(config.model, "checkpoint", None)
    paths = {key: path for key, path in config.paths().items() if not isinstance(path, BucketPath)}
    if checkpoint is not None:
        paths = {key: path for key, path in paths.items() if not key.startswith(OF_CHECKPOINT)}
    check_files(paths)
    if checkpoint is None or ":" in str(checkpoint) or checkpoint.exists():
        return
    raise MissingInputError("model.checkpoint: no training run here (no run.json)", path=checkpoint)
