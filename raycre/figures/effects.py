"""Pictures of a CREME run: effects of tiles along a gene's window, and every tile that was called.

Reads the effects tables part by part; draws a dozen genes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.creme.formulas import SHUFFLED_OVER_WT
from raycre.creme.tests import context, find_test
from raycre.figures.blocks import Block, Cell, Note, Picture, Table, counted, shown
from raycre.figures.canvas import COLOURS, GREY, INK, as_svg, for_any_page, legend_columns, new_panels
from raycre.store.parquet import read_table
from raycre.store.parts import current_parts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_GENES, _MAX_TRACKS, _MAX_TILES = 12, 3, 200  # drawn, drawn of a gene, listed
_CALLED = ("enhancer", "silencer")
_CALLS = ("enhancing", "silencing", "neutral", "other", *_CALLED, "neither", "")  # of EFFECTS, null last
_LEAST_SPAN = 0.1  # the axis of effects reaches at least ± this, so that noise looks like noise
_COLUMNS = [
    "test", "gene_name", "tile_chrom", "tile_start", "tile_end", "distance", "track_id", "track_name",
    "biosample", "effect", "call",
]  # fmt: skip


@dataclass
class Scan:
    """One pass over all parts, in memory that does not grow with genes that have no calls.

    Attributes:
        tile_tests: tests with one effect of each tile.
        counts: rows by test, track id, track name and call ("" where there is none).
        tiles: the called tiles with the largest absolute effect, at most `_MAX_TILES`.
        n_called: called tiles of each gene, by the name that its parts share.
        n_unknown: its tiles without a call, for want of a value or of a context.
        parts: parts of each gene, by that name.
    """

    tile_tests: Sequence[str]
    counts: Counter[tuple[str, int, str, str]] = field(default_factory=Counter)
    tiles: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_COLUMNS))
    n_called: Counter[str] = field(default_factory=Counter)
    n_unknown: Counter[str] = field(default_factory=Counter)
    parts: dict[str, list[Path]] = field(default_factory=dict)

    def add(self, path: Path, rows: pd.DataFrame) -> None:
        """Count one part: `_COLUMNS` of store.schemas.EFFECTS."""
        self.parts.setdefault(path.name, []).append(path)
        texts = rows.astype({"test": str}).fillna({"track_name": "", "call": ""})
        self.counts.update(zip(*(texts[c] for c in ("test", "track_id", "track_name", "call")), strict=True))
        called = texts[texts["call"].isin(_CALLED) & texts["test"].isin(self.tile_tests)]
        self.n_called[path.name] += len(called)
        self.n_unknown[path.name] += int((texts["call"].eq("") & texts["test"].isin(self.tile_tests)).sum())
        if len(called):
            every = pd.concat([self.tiles, called], ignore_index=True) if len(self.tiles) else called
            rank = every["effect"].abs().to_numpy(np.float64)
            self.tiles = every.iloc[np.argsort(-rank, kind="stable")[:_MAX_TILES]]

    def drawn(self) -> list[list[Path]]:
        """Return the parts of the genes with most called tiles, in the order of the run.

        A gene whose tiles are all known, and none of them called, has nothing to show.
        """
        names = sorted(name for name in self.parts if self.n_called[name] or self.n_unknown[name])
        most = sorted(names, key=lambda name: -self.n_called[name])[:_MAX_GENES]
        return [self.parts[name] for name in sorted(most)]


def read_effects(run: Path, tests: Sequence[str]) -> list[Block]:
    """Read the effects of a CREME run: calls of `tests`, tiles of those with an effect of each.

    Raises:
        FormatError: a damaged part.
    """
    tile_tests = [test for test in tests if find_test(test).per_tile]
    scan = Scan(tile_tests)
    for path in current_parts(run.glob("effects/test=*/model=*/part-*.parquet")):
        scan.add(path, read_table(path, _COLUMNS).to_pandas())
    if not scan.parts:
        return [Note("There are no effects yet: they are made from the passes when the run ends.")]
    if not tests:
        return []
    # Calls of further tests are about other things than a gene or a tile, and stand in their own tables.
    mine = Counter({key: n for key, n in scan.counts.items() if key[0] in tests})
    blocks: list[Block] = [counts_table(mine)]
    genes = [pd.concat([read_table(p).to_pandas() for p in parts]) for parts in scan.drawn()]
    pictures = [draw_gene(rows, tile_tests) for rows in genes if rows["test"].isin(tile_tests).any()]
    if pictures:
        blocks += [Note(_which(len(pictures), len(scan.parts))), *pictures]
    blocks.append(tiles_table(scan.tiles, sum(scan.n_called.values())))
    return blocks


def _which(n_drawn: int, n_genes: int) -> str:
    genes = (
        f"Drawn: {counted(n_genes, 'gene')}, all of the run."
        if n_drawn == n_genes
        else f"Drawn: {n_drawn} of {counted(n_genes, 'gene')}, those with most called tiles, "
        "the first of the run among equals. A gene whose tiles are all called neither is not drawn."
    )
    return (
        f"{genes} A bar spans its tile; upstream of the TSS is left on both strands. Whiskers: s.d. over "
        "shuffles (necessity). A cross is a tile without a value, since the formula would divide by an "
        f"activity that is not above 0. Axes reach at least ±{_LEAST_SPAN}."
    )


def counts_table(counts: Counter[tuple[str, int, str, str]]) -> Table:
    """Return how often each class was called: a row for each test and track, a column for each class.

    Args:
        counts: rows by test, track id, track name and call ("" where there is none).
    """
    known = [call for call in _CALLS if any(key[3] == call for key in counts)]
    lines = sorted({key[:3] for key in counts})
    rows: list[list[Cell]] = [
        [test, str(track), name or None, *(counts.get((test, track, name, call)) for call in known)]
        for test, track, name in lines
    ]
    return Table(
        "Calls by test and track: genes in the context test, tiles in the others. Unknown: the effect has no "
        "value, or the gene's context was not tested.",
        ["test", "track", "name", *(call or "unknown" for call in known)],
        rows,
        tall=len(rows) > 24,
    )


def kb_from_tss(rows: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where tiles begin, seen from the TSS base in the gene's direction, and their widths.

    Args:
        rows: tss, strand, tile_start, tile_end: genomic, 0-based half-open.

    Returns:
        float64 (n,) each, in kb. For tiles of one size, begin + width / 2 is `distance` / 1000.
    """
    plus = rows["tile_start"] - rows["tss"]
    minus = rows["tss"] + 1 - rows["tile_end"]
    begin = np.where(rows["strand"] == "+", plus, minus)
    return begin / 1000, ((rows["tile_end"] - rows["tile_start"]) / 1000).to_numpy(np.float64)


@for_any_page
def draw_gene(rows: pd.DataFrame, tile_tests: Sequence[str]) -> Picture:
    """Draw one gene: a line of panels for each track, a panel for each test of tiles.

    Args:
        rows: columns of store.schemas.EFFECTS, all tests of the gene.
        tile_tests: tests with one effect of each tile.
    """
    rows = rows.astype({"test": str})
    tests = [t for t in tile_tests if (rows["test"] == t).any()]
    tracks = sorted(rows.loc[rows["test"].isin(tests), "track_id"].unique())  # context has more
    drawn = tracks[:_MAX_TRACKS]
    figure, grid = new_panels(0.6 + 1.9 * len(drawn), len(drawn), len(tests), narrow_height=2.3, sharex=True)
    for panels, track in zip(grid, drawn, strict=True):
        mine = rows[rows["track_id"] == track]
        for axes, test in zip(panels, tests, strict=True):
            _draw_tiles(axes, mine[mine["test"] == test], test)
        # Over the first panel and, where it is long, over the others, whose titles are a line lower.
        panels[0].set_title(f"{track_title(mine)}\n{panels[0].get_title('left')}", linespacing=1.5)
    for axes in grid[-1]:
        axes.set_xlabel("distance from the TSS (kb)")
    _draw_legend(figure, unknown=bool((rows["call"].isna() & rows["effect"].notna()).any()))
    gene = rows.iloc[0]
    more = f"; {len(drawn)} of {len(tracks)} tracks drawn" if len(tracks) > len(drawn) else ""
    return Picture(
        str(gene["gene_name"]),
        as_svg(figure),
        f"effects of tiles on {gene['gene_name']} along the distance from its TSS",
        f"{gene['gene_id']}, TSS at {gene['tile_chrom']}:{gene['tss']:,} ({gene['strand']}), 0-based{more}.",
    )


def track_title(rows: pd.DataFrame) -> str:
    """Return the track's name, its wild-type activity and the gene's context there.

    Args:
        rows: all tests of one gene on one track.
    """
    row = rows.iloc[0]
    names = [str(row[c]) for c in ("track_name", "biosample") if not pd.isna(row[c])]
    title = f"{' · '.join(dict.fromkeys(names)) or 'track'} ({row['track_id']}), wild type {shown(row['wt'])}"
    tested = rows[rows["test"] == context.TEST.name]
    if not len(tested):
        return f"{title}; context not tested"
    effect, call = float(tested["effect"].iloc[0]), tested["call"].iloc[0]
    return f"{title}; context {'unknown' if pd.isna(call) else f'effect {shown(effect)}, {call}'}"


def _draw_tiles(axes: Axes, tiles: pd.DataFrame, test: str) -> None:
    begin, width = kb_from_tss(tiles)
    centre = begin + width / 2
    effect, wt, sd = (tiles[c].to_numpy(np.float64) for c in ("effect", "wt", "sd"))
    has_value = np.isfinite(effect)
    edge = [COLOURS[c] for c in tiles["call"].fillna("neither")]
    fill = [colour if known else "none" for colour, known in zip(edge, tiles["call"].notna(), strict=True)]
    # A little narrower than the tile, so that neighbours stay apart.
    axes.bar(centre, effect, 0.86 * width, color=fill, edgecolor=edge, linewidth=0.8)
    if set(tiles["metric"]) == {SHUFFLED_OVER_WT}:
        spread = sd[has_value] / wt[has_value]  # the effect has a value only where wt > 0
        axes.errorbar(centre[has_value], effect[has_value], spread, fmt="none", ecolor=INK, elinewidth=0.7)
    axes.plot(centre[~has_value], np.zeros(int((~has_value).sum())), "x", color=GREY, markersize=4)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.axvline(0, color=INK, linewidth=0.6, linestyle=":")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -_LEAST_SPAN), max(high, _LEAST_SPAN))
    formula = " or ".join(dict.fromkeys(tiles["metric"])).replace("-", " − ").replace("/", " / ")
    axes.set(title=f"{test}: {formula}", ylabel="effect")


def _draw_legend(figure: Figure, *, unknown: bool) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=COLOURS[c], label=c) for c in (*_CALLED, "neither")]
    if unknown:
        handles.append(Patch(facecolor="none", edgecolor=GREY, label="unknown"))
    columns = legend_columns([str(handle.get_label()) for handle in handles])
    figure.legend(handles=handles, loc="outside upper right", ncols=columns)


def tiles_table(tiles: pd.DataFrame, n: int) -> Block:
    """Return the called tiles, strongest first.

    Args:
        tiles: the ones to list, `_COLUMNS`.
        n: how many there are in all.
    """
    if not n:
        return Note("No tile is called an enhancer or a silencer.")
    rows: list[list[Cell]] = [
        [
            tile["gene_name"],
            tile["test"],
            tile["track_name"] or str(tile["track_id"]),
            f"{tile['tile_chrom']}:{tile['tile_start']:,}-{tile['tile_end']:,}",
            tile["distance"] / 1000,
            tile["effect"],
            tile["call"],
        ]
        for tile in tiles.to_dict("records")
    ]
    called = counted(n, "called tile")
    which = f"The {len(rows)} strongest of {called}" if n > len(rows) else f"All {called}, strongest first"
    return Table(
        f"{which} (0-based, half-open; distance in the gene's direction).",
        ["gene", "test", "track", "tile", "distance (kb)", "effect", "call"],
        rows,
        tall=len(rows) > 24,
    )
