"""Files of regions: their places, groups, probabilities, and whatever numbers a table has beside these."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from raycre.errors import ConfigError, FormatError, near
from raycre.genome.classes import CLASSES
from raycre.genome.regions import read_regions
from raycre.genome.textfile import took
from raycre.genome.texttable import Titles, read_text_table
from raycre.genome.titles import plain

COLUMNS = ("chrom", "start", "end", "name", "strand", "source", "group")
_GROUPS = ("call", "group", "class", "label")  # columns that say what a region is, the first that is there
_PLACED = {plain(name) for name in (*COLUMNS, "region_id", "region", "line")}  # no values of a region
_ABSENT = ("", ".", "na", "nan", "null", "none")
_POSITIONS = Titles(("chrom", "start", "end"))
_PARQUET = b"PAR1"


def read_file(
    path: Path, group_by: str | None = None, sizes: Mapping[str, int] | None = None, *, values: bool = False
) -> pd.DataFrame:
    """Read a file of regions.

    Args:
        path: BED, narrowPeak, Parquet or a table with a title.
        group_by: column of the groups; "name" is column 4 of BED. None takes the first of call, group, class,
            label, or a BED's names where all are classes of CREATE.
        sizes: bp of each chromosome, where the regions must lie on a genome.
        values: whether columns of numbers are kept, too.

    Returns:
        `COLUMNS`, and p_* where there are probabilities.

    Raises:
        InputError: as `read_regions`; ConfigError for a column that is not there.
    """
    table = read_regions(path, sizes=sizes).table
    extra = _columns_of(path)
    if table["name"].isna().all() and "region" in extra:
        table["name"] = extra["region"].astype(object).to_numpy()
    if group_by == "name":
        group = table["name"]
    elif group_by is not None:
        column = next((name for name in extra if plain(name) == plain(group_by)), None)
        if column is None:
            names = (*extra, "name")
            raise ConfigError(
                f"no such column{near(group_by, names)}; groups are told by {', '.join(names)}",
                path=path,
                value=group_by,
            )
        group = extra[column].astype(object)
    else:
        found = next((c for wanted in _GROUPS for c in extra if plain(c) == wanted), None)
        group = extra[found].astype(object) if found else _classes(table["name"], path)
    probabilities = {name: _numbers(extra[name], path) for name in extra if name.startswith("p_")}
    numbers = _values(extra) if values else {}
    kept = [*COLUMNS, *probabilities, *numbers]
    return table.assign(group=group.to_numpy(object), **probabilities, **numbers)[kept]


def _classes(names: pd.Series, path: Path) -> pd.Series:
    """A BED's names where each is a class of CREATE; else nothing."""
    if names.notna().all() and names.isin(CLASSES).all():
        took(path, "its names are classes, and groups of regions")
        return names
    return pd.Series([None] * len(names), dtype=object)


def _columns_of(path: Path) -> dict[str, pd.Series]:
    """Return the columns that a title or a Parquet names, by their name."""
    with path.open("rb") as file:
        is_parquet = file.read(4) == _PARQUET
    if is_parquet:
        frame = pq.read_table(path).to_pandas()
        return {str(name): frame[name] for name in frame}
    rows = read_text_table(path, at_least=3, what="BED", titles=_POSITIONS)
    if not rows.roles:
        return {}
    return {name.strip("# "): rows.strings(i) for i, name in enumerate(rows.title, start=1)}


def _values(columns: Mapping[str, pd.Series]) -> dict[str, Any]:
    """Return the columns that hold numbers and say nothing else of a region."""
    found = {}
    for name, column in columns.items():
        if plain(name) in _PLACED or name.startswith("p_"):
            continue
        numbers = pd.to_numeric(column, errors="coerce")
        absent = column.isna() | column.astype(str).str.strip().str.casefold().isin(_ABSENT)
        if numbers.notna().any() and (numbers.notna() | absent).all():
            found[name] = numbers.to_numpy(np.float64, na_value=np.nan)
    return found


def _numbers(values: pd.Series, path: Path) -> Any:
    numbers = pd.to_numeric(values, errors="coerce")
    bad = numbers.isna() & values.notna() & (values.astype(str).str.casefold() != "nan")
    if bad.any():
        raise FormatError(
            "a probability that is no number; correct the table", path=path, value=values[bad].iloc[0]
        )
    return numbers.to_numpy(np.float64)
