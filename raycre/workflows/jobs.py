"""Where a submitted job may write: not into the folder that it runs in, which is Ray's and thrown away."""

from __future__ import annotations

import os
from pathlib import Path

from raycre.errors import ConfigError

_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # set by Ray's job supervisor for the job's driver alone
_RAYS_OWN = "/runtime_resources/working_dir_files/"  # of a session: the unpacked packages of jobs


def check_kept(path: Path, key: str) -> None:
    """Raise where a result would be lost with Ray's copy of a job's package.

    Args:
        path: file or folder to write.
        key: what the person calls it: run.out, --out.

    Raises:
        ConfigError: `path` is relative in a submitted job, or lies in a package's copy.
    """
    relative = _JOB in os.environ and not path.is_absolute()
    if relative or _RAYS_OWN in path.resolve().as_posix():
        raise ConfigError(
            f"{key}: a submitted job runs in Ray's own copy of its package, which is thrown away with all "
            f"that is written there; give {key} as an absolute path that every node reaches",
            value=str(path),
        )
