"""A backbone of some 10 ms of processor time a sequence, whatever the machine does with it: for engine.py.

It knows nothing of biology: activity is the share of G and C, so that every pass has another answer.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from raycre.backbones.contract import Backbone, check_read
from raycre.backbones.tracks import plain_table

WIDTH, PRODUCTS = 512, 3  # 3 x 0.27 GFLOP: about 10 ms on one thread of the machine of RESULTS.md


class Busy(Backbone):
    """A fixed number of matrix products before an answer; one track."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.seq_len, self.bin_size, self.n_bins = "busy", 65_536, 128, 512
        self.tracks = plain_table(1)
        self.trained, self.weights_sha256 = True, "0" * 64
        self.register_buffer("weight", torch.eye(WIDTH))

    def read(self, codes: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """uint8 (n, seq_len) to float32 (n, len(bins), len(tracks))."""
        check_read(self, codes, bins, tracks)
        share = ((codes == 1) | (codes == 2)).float().mean(1)
        x = share[:, None, None] * self.weight
        for _ in range(PRODUCTS):
            x = x @ self.weight
        return x[:, :1, :1].expand(-1, len(bins), len(tracks))


def load(*, weights: str | None, head: str, track_table: Path | None) -> Backbone:
    """What the entry point names."""
    return Busy()


@contextmanager
def installed() -> Iterator[None]:
    """As if a package had brought this backbone: here, and in processes started from now on."""
    with tempfile.TemporaryDirectory() as site:
        info = Path(site) / "busy_model-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: busy-model\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[raycre.backbones]\nbusy = busy_model:load\n")
        here = [site, str(Path(__file__).parent)]
        before = os.environ.get("PYTHONPATH")
        sys.path[:0] = here
        os.environ["PYTHONPATH"] = os.pathsep.join([*here, *([before] if before else [])])
        try:
            yield
        finally:
            del sys.path[: len(here)]
            os.environ.pop("PYTHONPATH")
            if before is not None:
                os.environ["PYTHONPATH"] = before
