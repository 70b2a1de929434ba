"""What reads for a prediction is started once for each processor of a cluster: it must be light."""

from __future__ import annotations

import pickle
import subprocess
import sys
from functools import partial

from raycre.workflows.predict.reading import read_shard
from tests.conftest import ROOT


def test_a_process_that_only_reads_never_loads_pytorch() -> None:
    # As Ray brings the function: pickled by name, and imported where it is called.
    pickled = pickle.dumps(partial(read_shard))
    code = f"import pickle, sys; pickle.loads({pickled!r}); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
