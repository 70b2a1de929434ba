"""From CREATE to CREME: a prediction's elements, their classes, and what they do to genes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from raycre.creme.tests import tile_tests
from raycre.genome.intervals import place
from raycre.store.classified import ClassifiedRegions
from raycre.store.elements import element_rows, side_by_side, strongest
from raycre.store.files import write_atomic
from raycre.store.parquet import as_table, read_table
from raycre.store.run import Run
from raycre.store.schemas import EFFECTS, ELEMENTS

_PIECE = 50_000  # effects in memory, whose elements make a row group
_READ = [name for name in EFFECTS.names if name in {*ELEMENTS.names, "tile_chrom", "call"}]
TILE_TESTS = tile_tests()
_LISTED = 40


def write_elements(run: Run, model: str, regions: ClassifiedRegions | None) -> dict[str, Any]:
    """Write summary/elements.parquet, remade from the parts of effects; without regions remove it.

    Args:
        run: its folder.
        model: label of the model whose effects are meant.
        regions: of the CREATE run.

    Returns:
        `element_rows`, their number, and `elements`, the strongest of them as they are shown to people;
        nothing without regions.
    """
    path = run.out / "summary" / "elements.parquet"
    if regions is None:
        path.unlink(missing_ok=True)  # of an earlier run: it may lack genes of this one
        return {}
    counted, best = 0, pd.DataFrame()

    def write(temporary: Path) -> None:
        nonlocal counted, best
        schema = ELEMENTS.with_metadata(run.metadata)
        with pq.ParquetWriter(temporary, schema) as writer:
            for rows in _pieces(run.out, model, regions):
                counted += len(rows)
                writer.write_table(as_table(rows, ELEMENTS, run.metadata), row_group_size=max(1, len(rows)))
                both = [part for part in (best, side_by_side(rows, TILE_TESTS)) if len(part)]
                best = strongest(pd.concat(both), _LISTED, TILE_TESTS) if both else best

    write_atomic(path, write)
    return {"element_rows": counted, "elements": [_shown(row) for row in best.to_dict("records")]}


def _pieces(out: Path, model: str, regions: ClassifiedRegions) -> Iterator[pd.DataFrame]:
    """Yield rows of whole genes, those of some `_PIECE` effects at a time."""
    folders = [out / "effects" / f"test={test}" / f"model={model}" for test in TILE_TESTS]
    names = sorted({path.name for folder in folders for path in folder.glob("part-*.parquet")})
    held: list[pa.Table] = []
    for name in names:
        held += [read_table(folder / name, _READ) for folder in folders if (folder / name).is_file()]
        if sum(map(len, held)) >= _PIECE or name == names[-1]:
            rows = element_rows(regions, pa.concat_tables(held).to_pandas().astype({"test": str}))
            held = []
            if len(rows):
                yield rows


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "element": place(row["chrom"], row["start"], row["end"]),
        "name": None if pd.isna(row["name"]) else row["name"],
        "by_create": row["create_call"],
        "p": round(float(row["create_p"]), 4),
        "gene": row["gene_name"],
        "track": row["track_id"] if pd.isna(row["track_name"]) else row["track_name"],
        "distance": row["distance"],
        **{test: row[test] for test in TILE_TESTS},
        "by_creme": row["creme_call"],
        "agrees": None if pd.isna(row["agrees"]) else bool(row["agrees"]),
    }
