"""`open_run`: what a run is and what it has written, from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from raycre.api.tables import RunTable
from raycre.errors import ConfigError, MissingInputError, near
from raycre.store.bucket_path import BucketPath
from raycre.store.parts import current_parts
from raycre.store.summary import read_record, summarise

if TYPE_CHECKING:
    from raycre.api.figures import Figure

Files = tuple[str, Mapping[str, pa.DataType]]
_FOLD = {"fold": pa.int64()}
_OF_FOLDS = (
    "history",
    "embeddings",
    "spectrum",
    "major_features",
    "decoders",
    "codebook",
    "zeroed",
    "reconstruction",
)

# Verb -> name of a table -> its files below the run folder, and what only the folders' names say.
TABLES: Mapping[str, Mapping[str, Files]] = {
    "train": {
        "fold_predictions": ("folds/fold=*/predictions.parquet", _FOLD),
        **{name: (f"folds/fold=*/{name}.parquet", _FOLD) for name in _OF_FOLDS},
    },
    "sweep": {},
    "predict": {
        "predictions": ("predictions/part-*.parquet", {}),
        "codes": ("codes/part-*.parquet", {}),
    },
    "prepare": {name: (f"{name}.parquet", {}) for name in ("labels", "candidates")},
    "creme": {"effects": ("effects/test=*/model=*/part-*.parquet", {})},
}
_OF_ALL = {"plan": "plan.parquet", "failures": "failures.parquet"}


class OpenRun:
    """A run folder, finished or not; tables are read when they are asked for.

    Attributes:
        path: the folder.
        record: what its run.json holds.
    """

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path, self.record = path, record

    @property
    def verb(self) -> str:
        """train, sweep, predict or creme."""
        return str(self.record["verb"])

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.record.get("name", self.path.name))

    @property
    def finished(self) -> bool:
        """Whether all of it is done."""
        return bool(self.record.get("finished"))

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, every key with its value."""
        return dict(self.record.get("config", {}))

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are here now."""
        return tuple(name for name, (pattern, _) in self._patterns().items() if self._files(pattern))

    def table(self, name: str, **where: Any) -> RunTable:
        """Return a table by its name, without reading it.

        Args:
            name: one of `tables`.
            **where: rows to keep: a column's name and its value, or several values.

        Raises:
            ConfigError: no such table.
            MissingInputError: a table that the run has not written (yet).
        """
        patterns = self._patterns()
        if name not in patterns:
            known = self.tables
            raise ConfigError(
                f"a run of {self.verb} has no such table{near(name, patterns)}; here are {', '.join(known)}",
                path=self.path,
                value=name,
            )
        files = self._files(patterns[name][0])
        if not files:
            why = "it has none" if self.finished else "the run is not finished"
            raise MissingInputError(f"no {name} here: {why}", path=self.path)
        return RunTable(name, files, self.path, patterns[name][1], where)

    def predictions(self, **where: Any) -> RunTable:
        """Return regions, probabilities and calls, of `predict`: `run.predictions(call="enhancer")`."""
        return self.table("predictions", **where)

    def effects(self, **where: Any) -> RunTable:
        """Return the effects of `creme`: `run.effects(test="necessity", gene_name="MYC")`."""
        return self.table("effects", **where)

    def metrics(self, **where: Any) -> RunTable:
        """Return the scores of `train` on each fold's test set."""
        return self.table("metrics", **where)

    def calls(self, **where: Any) -> RunTable:
        """Return the number of calls, of `predict` and `creme`."""
        return self.table("calls", **where)

    def regions(self, **where: Any) -> RunTable:
        """Return the regions as they were understood, of `train` and `predict`."""
        return self.table("regions", **where)

    def genes(self, **where: Any) -> RunTable:
        """Return the genes as they were understood, of `creme`."""
        return self.table("genes", **where)

    def elements(self, **where: Any) -> RunTable:
        """Return CREATE's elements with CREME's effects, of a `creme` run with a create_run."""
        return self.table("elements", **where)

    def history(self, **where: Any) -> RunTable:
        """Return loss and scores of each epoch, of `train`."""
        return self.table("history", **where)

    def failures(self, **where: Any) -> RunTable:
        """Return the units that failed for good; there is no such table where none did."""
        return self.table("failures", **where)

    @property
    def figures(self) -> tuple[str, ...]:
        """Titles of the run's figures, as the report has them."""
        from raycre.api.figures import figures_of

        return tuple(figures_of(self.path))

    def plot(self, title: str) -> Figure:
        """Return a figure by its title, or a part of it; a notebook shows it, and `.save("x.svg")` writes it.

        Raises:
            ConfigError: no such figure, or matplotlib is not installed.
        """
        from raycre.api.figures import figure_of

        return figure_of(self.path, title)

    def __repr__(self) -> str:
        lines = summarise(self.path, self.record)
        return "\n".join([*lines, f"tables: {', '.join(self.tables) or 'none yet'}"])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"

    def _patterns(self) -> dict[str, Files]:
        below: dict[str, Files] = {
            path.stem: (f"{folder}/{path.name}", {})
            for folder in ("inputs", "summary", ".")
            for path in sorted((self.path / folder).glob("*.parquet"))
        }
        parts: dict[str, Files] = {
            path.name: (f"{folder}/{path.name}/part-*.parquet", {})
            for folder, names in (("summary", "compare_*"), (".", "annotate_*"))
            for path in sorted((self.path / folder).glob(names))
            if not path.suffix  # else a file
        }
        common: dict[str, Files] = {name: (pattern, {}) for name, pattern in _OF_ALL.items()}
        return {**TABLES.get(self.verb, {}), **below, **parts, **common}

    def _files(self, pattern: str) -> tuple[Path, ...]:
        # What a listing of objects names is a file; to look at each of many would be a request each.
        found = (p for p in self.path.glob(pattern) if isinstance(p, BucketPath) or p.is_file())
        return tuple(current_parts(found))


def open_run(path: str | Path) -> OpenRun:
    """Open a run folder, finished or not.

    Raises:
        MissingInputError: no run here.
        FormatError: run.json is damaged.
        ConfigError: a path that is none.
    """
    folder, record = read_record(path)
    return OpenRun(folder, record)
