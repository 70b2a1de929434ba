"""`raycre annotate` driven through the command line, and small inputs of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from raycre.cli import main
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.run import open_run
from raycre.store.schemas import PREDICTIONS

HEAD = "MEME version 4\n\nALPHABET= {alphabet}\n\n"
MOTIF = (
    HEAD.format(alphabet="ACGT") + "MOTIF {name}\nletter-probability matrix: alength= 4 w= {w} nsites= 50\n"
)
REGIONS = """chrom\tstart\tend\tname\tcall
chr1\t0\t1000\ta\tsilencer
chr1\t2000\t3000\tb\tsilencer
chr1\t4000\t5000\tc\tbackground
chr2\t0\t1000\td\tbackground
"""


class Cli:
    """Runs `raycre annotate`; keeps what it printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.regions = self.write("regions.tsv", REGIONS)
        self.out_folder = folder / "out"
        self.out = self.err = ""

    def write(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text)
        return self.folder / name

    def __call__(self, *arguments: object) -> int:
        with pytest.raises(SystemExit) as end:
            main(["annotate", *map(str, arguments)])
        self.out, self.err = self._capsys.readouterr()
        return int(end.value.code or 0)

    def json(self, *arguments: object, out: str = "out") -> dict[str, Any]:
        assert self(*arguments, "--out", self.folder / out, "--json") == 0, self.err
        assert self.out.count("\n") == 1
        found: dict[str, Any] = json.loads(self.out)
        return found

    def table(self, name: str, out: str = "out") -> pd.DataFrame:
        return read_table(self.folder / out / f"annotate_{name}.parquet").to_pandas()


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("COLUMNS", "200")
    return Cli(tmp_path, capsys)


CONTACTS = """chr1\t100\t200\tchr1\t2100\t2200
chr1\t100\t200\tchr1\t4500\t4500
chr1\t900\t2001\tchr2\t5000\t6000
"""


def write_predictions(out: Path, call: list[str | None]) -> Path:
    """A finished prediction of two regions."""
    run = open_run(out, verb="predict", name="p", config={}, science={"a": 1}, layout={})
    rows: dict[str, Any] = {name: [None, None] for name in PREDICTIONS.names}
    rows |= {"region_id": [0, 1], "chrom": ["chr1"] * 2, "start": [0, 2000], "end": [1000, 3000],
             "call": call, "strand": [".", "."], "source": ["ATAC", "ATAC,DNase"],
             "call_argmax": ["silencer"] * 2}  # fmt: skip
    write_table(out / "predictions" / "part-000000.parquet", as_table(rows, PREDICTIONS))
    run.finish()
    return out
