"""A disk that runs full under a training: what was good stays good, the error says why, and it goes on.

The disk is real: a small tmpfs in a mount namespace of its own. Where the system does not allow that, and
beside it, a limit on the size of files, which lets writes fail in the same way. Each runs in a process of
its own, in which nothing of raycre is replaced.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from raycre.create.layout import WIDTH
from raycre.demo.genome import DemoGenome, open_demo_genome
from raycre.genome.features import Wide
from raycre.workflows.train.fold import STATE, train_fold
from raycre.workflows.train.materialise import open_inputs, write_inputs
from tests.conftest import ROOT, train_values
from tests.trainings import plan_from, with_inputs

DISK_BYTES = 8_000_000
ROOM = 20_000  # bytes that are left when the disk is "full": files begin well and end badly
MOUNT = 'mount -t tmpfs -o size="$0" tmpfs "$1" && shift && exec "$@"'
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, str(DISK_BYTES)]
FULL = {"tmpfs": (errno.ENOSPC, "No space left on device"), "limit": (errno.EFBIG, "File too large")}


class Disk:
    """A folder whose disk can be filled and emptied again."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder, self._ballast = kind, folder, folder / "ballast"

    def fill(self) -> None:
        """Leave ROOM bytes, or allow no file to be larger."""
        if self.kind == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))
            return
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        os.truncate(self._ballast, self._ballast.stat().st_size - ROOM)

    def empty(self) -> None:
        """Give the room back."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self._ballast.unlink(missing_ok=True)

    def check(self, error: OSError) -> None:
        """The error is the system's."""
        assert (error.errno, error.strerror) == FULL[self.kind], error


class Noise:
    """Openness and loops at random for any region; opens no file."""

    openness = (None, None)

    def read_sums(self, table: pd.DataFrame, flank: int) -> Wide:
        rng = np.random.default_rng(int(table["region_id"].iloc[0]))
        shape = len(table), WIDTH + 2 * flank
        codes = rng.integers(0, 5, shape, np.uint8)
        return Wide(codes, rng.integers(0, 300, shape).astype(float), np.ones(shape, np.float32))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def checkpoints(disk: Disk, genome: DemoGenome, calm: Path) -> None:
    """The disk runs full between two epochs: `last.pt` stays that of the first, and the fold goes on."""
    runs = {"calm": calm, "full": disk.folder / "run"}
    plans = {k: plan_from(train_values(genome, v, epochs=3)) for k, v in runs.items()}
    with_inputs(plans["calm"])
    arrays = open_inputs(calm / "inputs")
    train_fold(plans["calm"], 1, arrays, {})

    before: dict[str, bytes] = {}

    def fill_after_the_first(epoch: int) -> None:
        assert epoch == 1, "an epoch was finished on a full disk"
        before.update(files_of(runs["full"]))
        disk.fill()

    with pytest.raises(OSError) as failed:
        train_fold(plans["full"], 1, arrays, {}, on_epoch=fill_after_the_first)
    disk.check(failed.value)
    assert any(name.endswith(STATE) for name in before)
    assert files_of(runs["full"]) == before  # and no piece of a file beside it
    disk.empty()
    epochs: list[int] = []
    train_fold(plans["full"], 1, arrays, {}, on_epoch=epochs.append)
    assert epochs == [2, 3]
    found, expected = files_of(runs["full"]), files_of(calm / "folds")
    compared = [name for name in expected if name.endswith((".safetensors", ".parquet", "cutoffs.json"))]
    assert len(compared) >= 4
    assert all(found[f"folds/{name}"] == expected[name] for name in compared)


def inputs(disk: Disk, genome: DemoGenome, calm: Path) -> None:
    """The disk runs full under the inputs: nothing is left of them; with room they are written anew."""
    n, signals, folder = 40, Noise(), disk.folder / "inputs"
    table = pd.DataFrame({"region_id": np.arange(n), "start": 0, "end": WIDTH, "label": 0, "fold": 0})
    disk.fill()
    with pytest.raises(OSError) as failed:
        write_inputs(folder, table, signals, 20)  # type: ignore[arg-type]
    disk.check(failed.value)
    assert Path(failed.value.filename).parent == folder
    assert files_of(folder) == {}
    disk.empty()
    for where in (folder, calm):
        write_inputs(where, table, signals, 20)  # type: ignore[arg-type]
    assert files_of(folder) == files_of(calm)


def inside(kind: str, scenario: str, disk: Path, genome: Path, calm: Path) -> None:
    """What the process of its own does."""
    disk.joinpath("mark").touch()
    globals()[scenario](Disk(kind, disk), open_demo_genome(genome), calm)


@pytest.mark.parametrize("scenario", [checkpoints, inputs])
@pytest.mark.parametrize("kind", list(FULL))
def test_a_full_disk_spoils_nothing_and_is_named(
    genome: DemoGenome, tmp_path: Path, kind: str, scenario: Any
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if kind == "tmpfs" and subprocess.run([*NAMESPACE, disk, "true"], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here; a limit on file sizes stands for it")
    values = json.dumps([kind, scenario.__name__, str(disk), str(genome.folder), str(tmp_path / "calm")])
    code = (
        "import json, sys, torch; from pathlib import Path; torch.set_num_threads(1);"
        "from tests.fault.test_disk import inside; kind, scenario, *paths = json.loads(sys.argv[1]);"
        "inside(kind, scenario, *map(Path, paths))"
    )
    namespace = [*NAMESPACE, str(disk)] if kind == "tmpfs" else []
    ended = subprocess.run(
        [*namespace, sys.executable, "-c", code, values], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert (disk / "mark").exists() == (kind == "limit")  # a mounted disk is gone with its process
