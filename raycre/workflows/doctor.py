"""What is here: versions, processors, the cluster that a run would use."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import version
from typing import Any

from raycre import __version__
from raycre.engine.local_ray import usable_cpus
from raycre.workflows.devices import gpu_names

PACKAGES = ("ray", "torch", "pyarrow", "pandas", "numpy", "pyfaidx", "pyBigWig")


def examine() -> dict[str, Any]:
    """Return facts about this machine, without starting anything."""
    address = os.environ.get("RAY_ADDRESS", "").strip()
    return {
        "raycre": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "cpus": usable_cpus(),
        "gpus": gpu_names() or "none",
        "free_disk_gib_here": round(shutil.disk_usage(".").free / 2**30, 1),
        "runs_use": f"the cluster at {address}" if address else "a local one, started and ended by each run",
    }
