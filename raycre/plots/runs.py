"""The tables of the runs that a figure is drawn from, by what they hold. Reads run folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from raycre.errors import ConfigError, FormatError, MissingInputError, TrackError
from raycre.store.files import read_json
from raycre.store.parquet import iter_parts, read_table


class PlottedRun(NamedTuple):
    """A run folder, its name in figures, and its run.json."""

    path: Path
    name: str
    record: dict[str, Any]

    @property
    def verb(self) -> str:
        return str(self.record.get("verb"))


class Runs:
    """The runs that a person names.

    Args:
        given: [NAME=]FOLDER each; a sweep stands for its settings, too.
        track: row or identifier of the track that CREME's effects are of; needed where a run has several.

    Raises:
        MissingInputError: no run.json. FormatError: one that is none. ConfigError: two runs of one name.
    """

    def __init__(self, given: Sequence[tuple[str, Path]], track: str | None = None) -> None:
        self.track = track
        self.sources = [source for name, path in given for source in _sources(name, path)]
        names = [source.name for source in self.sources]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise ConfigError("two runs have this name; tell them apart as NAME=FOLDER", value=twice)

    def of(self, *verbs: str) -> list[PlottedRun]:
        """Return the runs of these verbs, in order.

        Raises:
            MissingInputError: none.
        """
        found = [source for source in self.sources if source.verb in verbs]
        if not found:
            have = ", ".join(f"{s.name} ({s.verb})" for s in self.sources) or "none"
            raise MissingInputError(
                f"this figure is drawn from a finished run of raycre {' or '.join(verbs)}; named are {have}"
            )
        return found

    def effects(self, test: str, more: Sequence[str] = (), every_track: bool = False) -> pd.DataFrame:
        """Return the rows of one test of CREME runs, on one track of each: `_SHARED`, `more`, and `run`.

        Raises:
            MissingInputError: no run has the test. TrackError: a run has several tracks, or not the one.
        """
        columns = list(dict.fromkeys([*_SHARED, *more]))
        tables = []
        for source in self.of("creme"):
            parts = [p for f in source.path.glob(f"effects/test={test}/model=*") for p in iter_parts(f)]
            if parts:
                rows = pa.concat_tables([read_table(p, columns) for p in parts]).to_pandas()
                mine = rows if every_track else self._on_track(rows, source)
                tables.append(mine.assign(run=source.name))
        if not tables:
            here = {
                p.name.removeprefix("test=") for s in self.of("creme") for p in s.path.glob("effects/test=*")
            }
            raise MissingInputError(
                f"no run has effects of the test {test}; run `raycre creme {test}`. "
                f"There are {', '.join(sorted(here)) or 'none'}"
            )
        table = pd.concat(tables, ignore_index=True)
        for column in ("call", "context"):
            table[column] = table[column].astype(object).where(table[column].notna(), None)
        # Keys of genes hold the name: one without is known by its identifier.
        table["gene_name"] = table["gene_name"].where(table["gene_name"].notna(), table["gene_id"])
        known: pd.DataFrame = table.astype({"effect": "float64"})
        return known

    def _on_track(self, rows: pd.DataFrame, source: PlottedRun) -> pd.DataFrame:
        tracks = rows[["track_id", "track_name"]].drop_duplicates().sort_values("track_id")
        hit = tracks
        if self.track is not None:
            hit = tracks[
                (tracks["track_id"].astype(str) == self.track) | (tracks["track_name"] == self.track)
            ]
        if len(hit) != 1:
            known = ", ".join(
                f"{i} ({n})" if isinstance(n, str) else str(i) for i, n in tracks.itertuples(index=False)
            )
            raise TrackError(
                f"a figure is of one track; {source.name} has {known}: choose one with --track",
                path=source.path,
                value=self.track,
            )
        chosen: pd.DataFrame = rows[rows["track_id"] == hit["track_id"].iloc[0]]
        return chosen

    def summary(self, name: str, made_by: str) -> pd.DataFrame:
        """Return summary/NAME.parquet of every run that has it, with `run`.

        Args:
            name: of the table.
            made_by: the command that writes it, for the message.

        Raises:
            MissingInputError: no run has it.
        """
        return self._tables(
            [(s, s.path / "summary" / f"{name}.parquet") for s in self.sources], name, made_by
        )

    def folds(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return folds/fold=*/NAME.parquet of the trainings, with `run` and `fold`.

        Raises:
            MissingInputError: no fold has it.
        """
        tables = []
        for source in self.of("train"):
            for path in sorted(source.path.glob(f"folds/fold=*/{name}.parquet")):
                rows = read_table(path, None if columns is None else list(columns)).to_pandas()
                fold = int(path.parent.name.partition("=")[2])
                tables.append(rows.assign(run=source.name, fold=fold))
        if not tables:
            raise MissingInputError(
                f"no fold has {name}.parquet; it is written by `raycre train` with interpretation"
            )
        return _joined(tables)

    def annotation(self, what: str, more: str = "") -> pd.DataFrame:
        """Return annotate_WHAT[_MORE].parquet, of the folders of annotations and below runs, with `run`.

        Raises:
            MissingInputError: there is none.
        """
        name = f"annotate_{what}{'_' if more else ''}{more}"
        found = []
        for source in self.sources:
            own = source.path if source.verb == "annotate" else source.path / "annotations" / what
            found += [(source, own / f"{name}.parquet")]
        return self._tables(found, name, f"raycre annotate {what} … --run RUN")

    def annotation_parts(self, what: str, more: str) -> pd.DataFrame:
        """Return the parts of a long table of an annotation, with `run`."""
        tables = []
        for source in self.sources:
            own = source.path if source.verb == "annotate" else source.path / "annotations" / what
            tables += [
                read_table(part).to_pandas().assign(run=source.name)
                for part in iter_parts(own / f"annotate_{what}_{more}")
            ]
        if not tables:
            raise MissingInputError(
                f"no run has annotate_{what}_{more}; write it with `raycre annotate {what} … --run RUN`"
            )
        return _joined(tables)

    def predictions(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return the regions of prediction runs, with `run`.

        Raises:
            MissingInputError: no run of raycre predict, or one without parts.
        """
        tables = []
        for source in self.of("predict"):
            parts = [read_table(p, list(columns)) for p in iter_parts(source.path / "predictions")]
            if not parts:
                raise MissingInputError("no predictions here; has the run finished?", path=source.path)
            tables.append(pa.concat_tables(parts).to_pandas().assign(run=source.name))
        return _joined(tables)

    def _tables(self, paths: Sequence[tuple[PlottedRun, Path]], name: str, made_by: str) -> pd.DataFrame:
        tables = [read_table(p).to_pandas().assign(run=s.name) for s, p in paths if p.is_file()]
        if not tables:
            raise MissingInputError(f"no run has {name}; write it with `{made_by}`")
        return _joined(tables)


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    table: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return table


_SHARED = ("gene_id", "gene_name", "tss", "track_id", "track_name", "effect", "metric", "call", "context")


def _sources(name: str, path: Path) -> list[PlottedRun]:
    record_path = path / "run.json"
    if not record_path.is_file():
        raise MissingInputError("no run.json here; name the folder that a run was written to", path=path)
    record = read_json(record_path)
    if not isinstance(record, dict) or "verb" not in record:
        raise FormatError("not the record of a run: it names no verb", path=record_path)
    source = PlottedRun(path, name or path.name, record)
    if source.verb != "sweep":
        return [source]
    # The settings of a sweep are runs of their own, in the sweep's order.
    settings = sorted(p.parent for p in path.glob("sweep/*/run.json"))
    order = {s: i for i, s in enumerate(record.get("settings") or [])}
    settings.sort(key=lambda p: (order.get(p.name, len(order)), p.name))
    return [source, *(inner for p in settings for inner in _sources(p.name, p))]
