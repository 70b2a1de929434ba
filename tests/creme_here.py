"""A CREME run without Ray as a process that tests kill: python -m tests.creme_here CONFIG.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from raycre.config import PerturbConfig, make_config
from tests.in_process import connect_to_nothing, run_creme

if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        connect_to_nothing(patch)
        run_creme(make_config(PerturbConfig, json.loads(Path(sys.argv[1]).read_text())))
