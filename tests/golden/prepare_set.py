"""Inputs and tables of golden/biology/prepare, by whatever names and sizes the files have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from raycre.genome.annotation import read_features
from raycre.genome.chains import Chains, read_chains
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.interval_files import read_intervals
from raycre.genome.lift import lift_regions

PLACE = ["chrom", "start", "end"]


@dataclass(frozen=True)
class PrepareSet:
    """The folder of one such set.

    Attributes:
        folder: with inputs/ and expected/.
        assembly: of the result; files of another have their assembly in the name.
    """

    folder: Path
    assembly: str

    @classmethod
    def of(cls, folder: Path) -> PrepareSet:
        """Open a set."""
        fasta = next((folder / "inputs").glob("*.fa.gz"))
        return cls(folder, fasta.name.removesuffix(".fa.gz"))

    @property
    def inputs(self) -> Path:
        """Folder of the inputs."""
        return self.folder / "inputs"

    @property
    def sizes(self) -> dict[str, int]:
        """Of the result's assembly."""
        return read_sizes(self.inputs / f"{self.assembly}.chrom.sizes")

    @property
    def chain(self) -> Path:
        """From the other assembly."""
        return next(self.inputs.glob(f"*_to_{self.assembly}.chain"))

    def chains(self) -> Chains:
        """Read it."""
        return read_chains(self.chain)

    def other_assembly(self, path: Path) -> str | None:
        """The assembly in a file's name, where it is not the result's."""
        other = self.chain.name.partition("_to_")[0]
        return other if f".{other}." in path.name else None

    def labelled_files(self) -> dict[str, Path]:
        """File of each class."""
        return {
            "silencer": next(self.inputs.glob("silencers*")),
            "enhancer": next(self.inputs.glob("enhancers*")),
            "promoter": next(self.inputs.glob("genes*")),
            "insulator": next(self.inputs.glob("CTCF*")),
        }

    def experiments(self) -> dict[str, Path]:
        """File of each experiment, by its name."""
        found = sorted((self.inputs / "experiments").iterdir())
        return {re.split(r"\.sim[A-Z]\.", path.name)[0]: path for path in found}

    def read(self, path: Path) -> pd.DataFrame:
        """Read regions, on the result's assembly however long they have become."""
        table = read_intervals(path).table
        if self.other_assembly(path) is None:
            return table
        return lift_regions(table, self.chains(), max_length_change=None).table

    def records(self) -> dict[str, pd.DataFrame]:
        """Records of each class."""
        found = {}
        for name, path in self.labelled_files().items():
            if name == "promoter":
                table = read_features(path, "transcript")
                tss = np.where(table["strand"] == "+", table["start"], table["end"] - 1)
                found[name] = table.assign(start=tss, end=tss + 1, source=path.name)
            else:
                found[name] = self.read(path)
        return found

    def peaks(self) -> pd.DataFrame:
        """Peaks of all experiments, their source the experiment's name."""
        tables = [self.read(path).assign(source=name) for name, path in self.experiments().items()]
        return pd.concat(tables, ignore_index=True)

    def genes(self) -> pd.DataFrame:
        """Whole genes."""
        return read_features(next(self.inputs.glob("genes*")), "gene")

    def blacklist(self) -> pd.DataFrame:
        """The blacklist."""
        return read_intervals(next(self.inputs.glob("blacklist*"))).table

    def table(self, name: str) -> pd.DataFrame:
        """A table of expected/ with its header."""
        return pd.read_csv(next((self.folder / "expected").glob(f"{name}.*")), sep="\t")

    def bed(self, name: str, columns: list[str]) -> pd.DataFrame:
        """A table of expected/ without one."""
        return pd.read_csv(self.folder / "expected" / f"{name}.bed", sep="\t", names=columns)

    def counts(self) -> dict[str, int]:
        """counts.tsv by step.item."""
        rows = self.table("counts").itertuples(index=False)
        return {f"{step}.{item}": int(n) for step, item, n in rows}


def as_rows(table: pd.DataFrame, columns: list[str]) -> list[tuple[object, ...]]:
    """Rows in an order of their own, for comparing."""
    return sorted(table[columns].itertuples(index=False, name=None))
