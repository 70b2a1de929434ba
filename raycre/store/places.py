"""Where the files are that a run has read: its run.json has paths as they were given, often relative ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raycre.store.bucket_path import BucketPath
from raycre.store.location import path_of


def file_of_run(run: Path, record: Mapping[str, Any], given: str) -> Path:
    """Return where a file is that a run's configuration names.

    A relative path counts from where one stands; if nothing is there, from where the run was started, which
    the place of its folder tells: a run of `run.out: runs/a` that lies at /data/runs/a was started in /data.

    Args:
        run: its folder.
        record: its run.json.
        given: the path in the configuration.

    Returns:
        The path; as it was given where neither is there.
    """
    path = path_of(given)
    if isinstance(path, BucketPath) or isinstance(run, BucketPath) or path.is_absolute() or path.exists():
        return path
    out = path_of(str((record.get("config") or {}).get("run", {}).get("out") or ""))
    whole = run.resolve().parts
    if isinstance(out, BucketPath) or not out.parts or whole[-len(out.parts) :] != out.parts:
        return path
    there = Path(*whole[: -len(out.parts)]) / path
    return there if there.exists() else path
