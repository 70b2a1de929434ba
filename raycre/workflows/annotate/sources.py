"""The regions that are annotated: files, and finished runs of `raycre predict` and `raycre creme`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from raycre.annotate.declaration import DECODED
from raycre.compare.tiles import read_tiles
from raycre.errors import ConfigError, MissingInputError, RunMismatchError, near
from raycre.genome.classes import CLASSES
from raycre.genome.fingerprint import fingerprint
from raycre.log import say
from raycre.options import split_label
from raycre.store.files import read_json
from raycre.store.old_run import RECORD
from raycre.store.parquet import iter_parts, read_table
from raycre.store.places import file_of_run
from raycre.store.run import read_finished
from raycre.workflows.annotate.region_files import COLUMNS, read_file
from raycre.workflows.annotate.trainings import read_decoded, read_true_classes


@dataclass(frozen=True)
class RegionSource:
    """Regions of one place.

    Attributes:
        label: given with it as NAME=…; None without.
        table: `COLUMNS`, and p_* where there are probabilities.
        files: what was read.
        path: as given.
    """

    label: str | None
    table: pd.DataFrame
    files: tuple[Path, ...]
    path: Path


@dataclass(frozen=True)
class Selection:
    """How groups and tiles are chosen.

    Attributes:
        group_by: column of the groups; "name" is column 4 of BED. None takes the first of call, group, class,
            label, or a BED's names where all are classes of CREATE. Of a CREME run it is call; or context,
            with which a region is a gene's TSS.
        test, track: of a CREME run: whose calls.
        sizes: bp of each chromosome, where the regions must lie on a genome.
        values: regions of a file keep their columns of numbers.
        decoded: the regions are those that a training decodes base by base, with the columns `DECODED`.
    """

    group_by: str | None = None
    test: str = "sufficiency"
    track: str | None = None
    sizes: Mapping[str, int] | None = field(default=None, repr=False)
    decoded: bool = False
    values: bool = False


def read_source(given: str, how: Selection) -> RegionSource:
    """Read regions.

    Args:
        given: [NAME=]PATH, a file of regions or the folder of a finished run.
        how: what is a group, and of a CREME run what is a region.

    Raises:
        InputError: as the readers; ConfigError for a column that is not there.
    """
    label, path = split_label(given)
    if how.decoded:
        table, read = _decoded(path)
    elif path.is_dir():
        table, read = _read_run(path, how)
    else:
        table, read = read_file(path, how.group_by, how.sizes, values=how.values), (path,)
    # Groups are texts, whatever the column holds: they are compared by name.
    named = [
        None if unknown else str(g) for g, unknown in zip(table["group"], table["group"].isna(), strict=True)
    ]
    table["group"] = pd.Series(named, index=table.index, dtype=object)
    return RegionSource(label, table, read, path)


def join_sources(sources: Sequence[RegionSource]) -> pd.DataFrame:
    """Put regions of several places together; groups are called NAME:group, NAME, or group.

    Raises:
        ConfigError: two sources of one name, or none that tells them apart.
    """
    labels = [source.label for source in sources]
    if len(sources) > 1:
        labels = [
            label or source.path.name.partition(".")[0] for label, source in zip(labels, sources, strict=True)
        ]
        if len(set(labels)) < len(labels):
            raise ConfigError("regions of two places have this name; tell them apart as NAME=PATH",
                              value=max(labels, key=labels.count))  # fmt: skip
    parts = []
    for label, source in zip(labels, sources, strict=True):
        group = source.table["group"]
        if label is not None:
            group = group.map(lambda g, label=label: label if g is None else f"{label}:{g}")
        parts.append(source.table.assign(group=group.to_numpy(object)))
    return pd.concat(parts, ignore_index=True)


def files_read(path: Path) -> tuple[Path, ...]:
    """Return the files of a finished run that hold its regions.

    Raises:
        MissingInputError, RunMismatchError: no finished run of predict, train, creme or annotate.
    """
    record = read_json(path / RECORD) if (path / RECORD).is_file() else {}
    verb = record.get("verb") if isinstance(record, dict) else None
    if verb == "creme":
        read_finished(path, "creme")
        return tuple(sorted((path / "effects").glob("test=*/model=*/part-*.parquet")))
    if verb == "annotate":
        name = read_finished(path, "annotate")["name"]
        return (path / f"annotate_{name}.parquet",)
    if verb == "train":
        read_finished(path, "train")
        return (path / "inputs" / "regions.parquet",)
    read_finished(path, "predict")
    parts = tuple(iter_parts(path / "predictions"))
    if not parts:
        raise MissingInputError("the run has no predictions; run its command again", path=path)
    return parts


def genome_of_run(path: Path) -> Path | None:
    """Return the FASTA that a run has read; None where its record names none that is there.

    Raises:
        RunMismatchError: it is another file by now.
    """
    record = read_json(path / RECORD) if (path / RECORD).is_file() else {}
    named = record.get("config", {}).get("inputs", {}).get("fasta") if isinstance(record, dict) else None
    fasta = None if named is None else file_of_run(path, record, str(named))
    if fasta is None or not fasta.is_file():
        return None
    known = record.get("identity", {}).get("sha256.inputs.fasta")
    if known is not None and fingerprint(fasta).sha256 != known:
        raise RunMismatchError(
            "not the FASTA that the run read: its SHA-256 is another; name that file with --fasta", path=fasta
        )
    return fasta


def _read_run(path: Path, how: Selection) -> tuple[pd.DataFrame, tuple[Path, ...]]:
    read = files_read(path)
    verb = read_json(path / RECORD)["verb"]
    if verb == "creme":
        tiles = read_tiles(path, how.test, how.track).table
        if how.group_by == "context":
            return _genes_by_context(tiles, path), read
        if how.group_by not in (None, "call"):
            raise ConfigError(
                "tiles are grouped by call, and genes by context", path=path, value=how.group_by
            )
        table = tiles.assign(name=tiles["gene_name"], source="creme", group=tiles["call"])
        return table[list(COLUMNS)], read
    if verb == "annotate":
        return read_file(read[0], how.group_by, how.sizes, values=how.values), read
    if verb == "train":
        return _labelled(read[0], how), read
    return _predictions(read, path, how), read


def _labelled(path: Path, how: Selection) -> pd.DataFrame:
    """Return the regions of a training, grouped by their true class."""
    if how.group_by not in (None, "label"):
        raise ConfigError(
            "regions of a training are grouped by label, their true class", path=path, value=how.group_by
        )
    return read_true_classes(path)[list(COLUMNS)]


def _decoded(path: Path) -> tuple[pd.DataFrame, tuple[Path, ...]]:
    """Return the regions that a training has decoded base by base, and what was read."""
    record = read_json(path / RECORD) if (path / RECORD).is_file() else {}
    if not isinstance(record, dict) or record.get("verb") != "train":
        raise ConfigError("this is about what a training decodes: name its run with --run", value=str(path))
    (regions,) = files_read(path)
    table, read = read_decoded(path, regions)
    return table[[*COLUMNS, *DECODED.names]], read


def _genes_by_context(tiles: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the base of each gene's TSS, grouped by the gene's context."""
    if tiles["context"].isna().all():
        raise ConfigError("the run has no context test; add it to tests", path=path)
    genes = tiles.drop_duplicates(["gene_id", "chrom", "tss", "strand"])
    return genes.assign(
        name=genes["gene_name"], source="creme", group=genes["context"], start=genes["tss"],
        end=genes["tss"] + 1,
    )[list(COLUMNS)]  # fmt: skip


def _predictions(parts: Sequence[Path], path: Path, how: Selection) -> pd.DataFrame:
    names = [
        "chrom",
        "start",
        "end",
        "name",
        "strand",
        "source",
        "call",
        "call_argmax",
        *(f"p_{c}" for c in CLASSES),
    ]
    table = pa.concat_tables([read_table(part, names) for part in parts])
    column = how.group_by or "call"
    if column not in table.column_names:
        raise ConfigError(f"a run has no such column{near(column, names)}", path=path, value=column)
    if column == "call" and table["call"].null_count == len(table):
        say(f"NOTE: {path} has no cutoffs, so regions are grouped by the class of the highest probability")
        column = "call_argmax"
    frame: pd.DataFrame = table.append_column("group", pc.cast(table[column], pa.string())).to_pandas()
    return frame[[*COLUMNS, *(f"p_{c}" for c in CLASSES)]].astype({f"p_{c}": np.float64 for c in CLASSES})
