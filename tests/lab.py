"""A command line without Ray and good files to spoil: what is refused before Ray would start."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from raycre.cli import main
from raycre.demo.genome import DemoGenome
from raycre.engine import pool, stream, train_workers
from tests.by_hand import write_training
from tests.conftest import perturb_values, predict_values, train_values

Values = dict[str, Any]
STARTS = (stream, train_workers, pool)  # what uses Ray


class RayStartedError(Exception):
    """The run has passed every check and would now connect to Ray."""


def no_ray() -> NoReturn:
    raise RayStartedError


class Lab:
    """A command line in a folder of its own, with good files to start from.

    Attributes:
        folder: for the files that a test spoils.
        out: the run folder of every verb.
    """

    def __init__(self, folder: Path, genome: DemoGenome, checkpoint: Path, capsys: Any) -> None:
        self.folder, self.genome, self.checkpoint, self._capsys = folder, genome, checkpoint, capsys
        self.out = folder / "run"

    def values(self, verb: str) -> Values:
        """Return a good configuration."""
        if verb == "train":
            return train_values(self.genome, self.out)
        if verb == "predict":
            return predict_values(self.genome, self.checkpoint, self.out)
        return perturb_values(self.genome, self.out)

    def write(self, name: str, content: str | bytes) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def run(self, verb: str, values: Values, *options: str) -> None:
        """Run the command line on these values."""
        config = self.write("config.yaml", yaml.safe_dump(values, sort_keys=False))
        main([verb, *(["config"] if verb == "creme" else []), "--config", config, *options])

    def refusal(self, verb: str, values: Values, *options: str) -> str:
        """Run what must be refused; return what stderr says, without the folder of the files."""
        with pytest.raises(SystemExit) as end:
            self.run(verb, values, *options)
        out, error = self._capsys.readouterr()
        assert end.value.code == 2
        assert out == ""
        assert error.startswith("error: ")
        assert error.count("\n") == 1
        assert not self.out.exists()
        return error.removeprefix("error: ").replace(f"{self.folder}/", "").rstrip("\n")


@pytest.fixture
def lab(
    tmp_path: Path,
    genome: DemoGenome,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    for module in STARTS:
        monkeypatch.setattr(module, "connected", no_ray)
    return Lab(tmp_path, genome, checkpoint, capsys)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training(tmp_path_factory.mktemp("checkpoint") / "train")
