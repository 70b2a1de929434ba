"""What a run of `raycre creme` offers: called tiles, each gene's effects, and tile–gene arcs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from raycre.creme.tests import tile_tests
from raycre.errors import ConfigError, GeneError, MissingInputError, TrackError, near
from raycre.export.features import (
    COLOURS,
    Arcs,
    Features,
    Intervals,
    Signal,
    apart,
    clip,
    colour_of,
    file_name,
    item_name,
    sorted_rows,
)
from raycre.export.options import Options
from raycre.store.parquet import iter_parts, read_table

MOST_SIGNALS = 500  # files of one gene, test and track each; more are no use to anybody
_COLUMNS = [
    "test", "gene_id", "gene_name", "tss", "strand", "tile_chrom", "tile_start", "tile_end", "track_id",
    "track_name", "effect", "call",
]  # fmt: skip


def creme_features(
    run: Path, record: Mapping[str, Any], options: Options, about: Mapping[str, Any]
) -> Features:
    """Read effects when a format asks for them; see `of_predict.predict_features` for the arguments.

    Raises:
        ConfigError: a test that the run has not, or that has no one effect of each tile.
    """
    folders = {p.name.removeprefix("test="): p for p in sorted((run / "effects").glob("test=*"))}
    if not folders:
        raise MissingInputError("no effects here; has the run finished?", path=run)
    for test in options.test:
        if test not in folders:
            raise ConfigError(
                f"the run did not do this test{near(test, folders)}; it has {', '.join(folders)}", value=test
            )
    drawn = [test for test in folders if test in tile_tests() and test in (options.test or folders)]
    cache: list[pd.DataFrame] = []

    def tiles() -> pd.DataFrame:
        if not cache:
            if not drawn:
                raise ConfigError(
                    f"only {' and '.join(tile_tests())} have one effect for each tile; the run has "
                    f"{', '.join(folders)}, which --tsv writes"
                )
            cache.append(_tiles(folders, drawn, options, found))
        return cache[0]

    found = Features(
        **about,
        intervals=lambda: _calls(tiles(), options, found),
        signals=lambda: _effects(tiles(), found),
        arcs=lambda: _arcs(tiles(), options, found),
        tables={
            **{f"effects.{test}": _reader(folders[test]) for test in options.test or folders},
            **{p.stem: _reader(p) for p in sorted((run / "summary").glob("*.parquet"))},
        },
    )
    return found


def _reader(path: Path) -> Any:
    files = (
        [path]
        if path.is_file()
        else [part for model in sorted(path.glob("model=*")) for part in iter_parts(model)]
    )
    return lambda: (read_table(part) for part in files)


def _tiles(folders: Mapping[str, Path], tests: list[str], options: Options, found: Features) -> pd.DataFrame:
    """The tiles' effects of the genes and tracks that are asked for, with labels of both."""
    tables, known = [], (set[str](), set[str]())
    for test in tests:
        for part in (p for model in sorted(folders[test].glob("model=*")) for p in iter_parts(model)):
            rows = read_table(part, _COLUMNS)
            for names, columns in zip(
                known, (("gene_name", "gene_id"), ("track_id", "track_name")), strict=True
            ):
                names.update(str(v) for c in columns for v in pc.unique(rows[c]).to_pylist() if v is not None)
            rows = _asked(
                _asked(rows, options.gene, "gene_name", "gene_id"), options.track, "track_id", "track_name"
            )
            if rows.num_rows:
                tables.append(rows.set_column(0, "test", pa.array([test] * rows.num_rows)))
    for error, wanted, names in ((GeneError, options.gene, known[0]), (TrackError, options.track, known[1])):
        for name in wanted:
            if name not in names:
                raise error(f"the run has no effects of it{near(name, names)}", value=name)
    if not tables:
        raise MissingInputError("no effects of what is asked for; has the run finished?")
    rows = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    rows = rows.rename(columns={"tile_chrom": "chrom", "tile_start": "start", "tile_end": "end"})
    rows["gene"] = rows["gene_name"].where(
        rows["gene_name"].notna() & (rows["gene_name"] != ""), rows["gene_id"]
    )
    several = rows.groupby("gene")[["gene_id", "tss"]].nunique().max(axis=1) > 1
    again = rows["gene"].map(several)
    rows["gene"] = rows["gene"].where(~again, rows["gene"] + "@" + rows["tss"].astype(str))
    many = rows["track_id"].nunique() > 1
    track = rows["track_name"].where(rows["track_name"].notna(), "track" + rows["track_id"].astype(str))
    rows["track"] = track if many else ""
    return clip(rows, found.sizes, found.left_out)


def _asked(rows: pa.Table, wanted: tuple[str, ...], *columns: str) -> pa.Table:
    if not wanted:
        return rows
    masks = [pc.is_in(rows[c].cast(pa.string()), value_set=pa.array(wanted, pa.string())) for c in columns]
    return rows.filter(pc.fill_null(pc.or_kleene(*masks), False))


def _called(
    tiles: pd.DataFrame, options: Options, found: Features
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Tests, tracks and their tiles with a call of enhancer or silencer, or every one with an effect.

    A test without any call (the class of the context is not known) is left out, and said.
    """
    silent = 0
    for (test, track), rows in tiles.groupby(["test", "track"], sort=True):
        if not options.every and rows["call"].isna().all():
            found.left_out[
                f"tiles left out of {test}, which has no calls without a context test (--every)"
            ] = len(rows)
            continue
        keep = rows["effect"].notna() if options.every else rows["call"].isin(["enhancer", "silencer"])
        silent += 0 if options.every else int((~keep).sum())
        yield str(test), str(track), rows[keep]
    if silent:
        found.left_out["tiles without a call left out (--every writes them)"] = silent


def _score(effect: pd.Series) -> pd.Series:
    """Effects as a browser's scores: 0 to 1000, which is an effect of 1 or more to either side."""
    return (1000 * effect.abs().clip(upper=1).fillna(0)).round().astype(np.int64)


def _calls(tiles: pd.DataFrame, options: Options, found: Features) -> Iterator[Intervals]:
    for test, track, rows in _called(tiles, options, found):
        call = rows["call"].fillna("none")
        table = pd.DataFrame(
            {
                "chrom": rows["chrom"], "start": rows["start"], "end": rows["end"],
                "name": (rows["gene"] + ":" + call).map(item_name),
                "score": _score(rows["effect"]), "strand": ".", "colour": call.map(colour_of),
            }
        )  # fmt: skip
        label = " ".join(filter(None, [f"{found.name}: calls of {test}", track]))
        yield Intervals(file_name("calls", test, track), f"{test} calls", label, sorted_rows(table))


def _effects(tiles: pd.DataFrame, found: Features) -> Iterator[Signal]:
    groups = tiles.groupby(["test", "gene", "track"], sort=True)
    if groups.ngroups > MOST_SIGNALS:
        raise ConfigError(
            f"{groups.ngroups:,} tracks of a gene and test each are more than a browser can show "
            f"({MOST_SIGNALS}); choose some with --gene, --test and --track",
        )
    for (test, gene, track), rows in groups:
        name = file_name("effect", test, gene, track)
        label = " ".join(filter(None, [f"{found.name}: {gene}, {test}", str(track)]))
        yield Signal(
            name,
            f"{gene} {test}",
            label,
            apart(rows.rename(columns={"effect": "value"})),
            COLOURS["enhancer"],
        )


def _arcs(tiles: pd.DataFrame, options: Options, found: Features) -> Iterator[Arcs]:
    for test, track, rows in _called(tiles, options, found):
        call = rows["call"].fillna("none")
        table = pd.DataFrame(
            {
                "chrom": rows["chrom"], "start": rows["start"], "end": rows["end"], "tss": rows["tss"],
                "gene": rows["gene"].map(item_name), "tile_name": (rows["gene"] + ":" + call).map(item_name),
                "score": _score(rows["effect"]), "value": rows["effect"], "strand": rows["strand"],
                "call": call, "test": test, "track": track or ".", "colour": call.map(colour_of),
            }
        )  # fmt: skip
        label = " ".join(filter(None, [f"{found.name}: tiles and genes, {test}", track]))
        yield Arcs(file_name("arcs", test, track), f"{test} arcs", label, sorted_rows(table))
