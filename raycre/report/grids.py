"""The tables that a page holds as packed columns, and what is left out where they would be too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from raycre.report.columns import PackedTable, pack_table
from raycre.report.genome import FLANK
from raycre.report.rows import GENES, REGIONS, TILES, along_the_genome, read_region_rows, read_tile_rows

_LISTED = 400  # names of genes without a called tile in their line
_PLACE = {"chrom": "chrom", "start": "start", "end": "end"}
_N_CLOSE = 10  # most confident regions of a class that the genome view shows closely
_GENE_FLANK = 100_000  # bp about a TSS: what models of some 200 kb read


@dataclass
class Grid:
    """One table of a run in the page.

    Attributes:
        kind: regions, tiles or genes.
        title, caption: of it.
        rows: all of them.
        titles, roles: as `columns.pack_table` takes them.
        first: column -> the text that it is filtered by when the page opens.
        said: what was left out of the page.
        line: genes without a called tile, in one line; "" where there are none.
    """

    kind: str
    title: str
    caption: str
    rows: pd.DataFrame
    titles: Mapping[str, str]
    roles: Mapping[str, str]
    first: Mapping[str, str] = field(default_factory=dict)
    said: str = ""
    line: str = ""
    packed: PackedTable | None = None

    @property
    def key(self) -> str:
        """Its name in the page, once it is packed."""
        return self.packed.name if self.packed else ""

    def pack(self, name: str) -> PackedTable:
        """Pack the rows under a name of the page; once, until rows are left out."""
        if self.key != name:
            self.packed = pack_table(name, self.rows, self.titles, self.roles)
        assert self.packed is not None
        return self.packed

    def leave_out(self) -> None:
        """Keep the more telling rows: called ones, then the half that lies furthest from no effect."""
        n = len(self.rows)
        telling = self.rows[~self.rows["call"].isin(["background", "neither", "unknown"])]
        if 0 < len(telling) < n:
            self.rows = telling
        else:
            column = self.rows["margin" if self.kind == "regions" else "effect"]
            rank = column.abs().fillna(0).to_numpy(np.float64)
            best = np.sort(np.argsort(-rank, kind="stable")[: n // 2])
            self.rows = self.rows.iloc[best].reset_index(drop=True)
        self.packed = None
        self.said = (
            f"The page holds {len(self.rows):,} of them, so that it stays small: those called, those of "
            "largest margin or effect first. raycre export RUN --tsv writes all."
        )

    @property
    def can_shrink(self) -> bool:
        """Whether there are rows to leave out."""
        return self.kind != "genes" and len(self.rows) > 1


def read_grids(run: Path, verb: str) -> list[Grid]:
    """Read the tables of a run; none of a verb that has nothing along the genome, or nothing yet.

    Raises:
        FormatError: a damaged part.
    """
    if verb == "predict":
        rows = read_region_rows(run)
        return [_regions(rows)] if len(rows) else []
    if verb == "creme":
        tiles, genes = read_tile_rows(run)
        return [*([_genes(genes)] if len(genes) else []), *([_tiles(tiles)] if len(tiles) else [])]
    return []


def _regions(rows: pd.DataFrame) -> Grid:
    return Grid(
        "regions",
        "Regions",
        f"All {len(rows):,} regions (0-based, half-open): the call, its probability with the s.d. over "
        "folds, and by how much the best class passes its cutoff.",
        rows,
        REGIONS,
        {**_PLACE, "label": "call"},
    )


def _tiles(rows: pd.DataFrame) -> Grid:
    return Grid(
        "tiles",
        "Tiles",
        f"All {len(rows):,} effects of tiles on genes (0-based, half-open; distance in the gene's "
        "direction). s.d.: of the effect over shuffles, of necessity.",
        rows,
        TILES,
        {**_PLACE, "gene": "gene", "label": "call"},
    )


def _genes(rows: pd.DataFrame) -> Grid:
    silent = rows.loc[rows.groupby("gene")["found"].transform(lambda f: (f == "none").all()), "gene"]
    names = list(dict.fromkeys(silent))
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    few = bool(names) and len(names) < rows["gene"].nunique()
    return Grid(
        "genes",
        "Genes",
        "Genes by track: called tiles of the tests with one effect of each tile, and the strongest effect.",
        rows,
        GENES,
        {"chrom": "chrom", "start": "tss", "gene": "gene"},
        {"found": "some"} if few else {},
        line=", ".join(names[:_LISTED]) + more,
    )


def shown_places(grids: Sequence[Grid]) -> pd.DataFrame:
    """Return chrom and end of all rows: what the genome view has to be wide enough for."""
    found = [
        grid.rows[["chrom", grid.roles.get("end", grid.roles["start"])]].set_axis(["chrom", "end"], axis=1)
        for grid in grids
    ]
    return pd.concat(found, ignore_index=True)


def close_places(grids: Sequence[Grid]) -> pd.DataFrame:
    """Return the places to show closely: genes with called tiles, confident regions, then other genes."""
    found = []
    for grid in grids:
        if grid.kind == "genes":
            genes = grid.rows.assign(rank=(grid.rows["found"] != "some").astype(int) * 2)
            genes = genes.drop_duplicates(["chrom", "tss"])
            place = {"start": genes["tss"] - _GENE_FLANK, "end": genes["tss"] + _GENE_FLANK}
            found.append(genes.assign(**place)[["chrom", "start", "end", "rank"]])
        elif grid.kind == "regions":
            called = grid.rows[grid.rows["call"] != "background"].sort_values(
                "p", ascending=False, kind="stable"
            )
            best = called.groupby("call", sort=False).head(_N_CLOSE).assign(rank=1)
            place = {"start": best["start"] - FLANK, "end": best["end"] + FLANK}
            found.append(best.assign(**place)[["chrom", "start", "end", "rank"]])
    if not found:
        return pd.DataFrame({"chrom": [], "start": [], "end": []})
    return pd.concat(found, ignore_index=True).sort_values("rank", kind="stable")


def shown_genes(grids: Sequence[Grid]) -> pd.DataFrame:
    """Return gene, chrom, tss and strand of all runs' genes."""
    columns = ["gene", "chrom", "tss", "strand"]
    found = [grid.rows[columns] for grid in grids if grid.kind == "genes"]
    if not found:
        return pd.DataFrame({"gene": [], "chrom": [], "tss": np.empty(0, np.int64), "strand": []})
    return along_the_genome(pd.concat(found, ignore_index=True).drop_duplicates(), "tss")
