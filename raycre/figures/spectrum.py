"""Pictures of what a fold of CREATE has learnt: its feature spectrum, and regions decoded without a feature.

Reads the fold's tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.figures.blocks import Block, Cell, Picture, Table
from raycre.figures.canvas import COLOURS, GREY, INK, as_svg, for_any_page, legend_columns, new_panels
from raycre.genome.classes import CLASSES
from raycre.store.parquet import read_table
from raycre.store.schemas import OPENNESS_UNIT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = ("original", "reconstructed", "zeroed")
_BIN = 10  # bp of one drawn point
_SIGNALS = ("openness", "loops")


def read_spectrum(folder: Path) -> list[Block]:
    """Read a fold's spectrum and its major features; nothing where the fold has none.

    Raises:
        FormatError: a damaged table.
    """
    if not (folder / "major_features.parquet").is_file():
        return []
    spectrum = read_table(folder / "spectrum.parquet").to_pandas()
    majors = read_table(folder / "major_features.parquet").to_pandas()
    blocks: list[Block] = [draw_spectrum(spectrum, folder.name), majors_table(majors)]
    columns = [f"{signal}_{kind}" for signal in _SIGNALS for kind in _KINDS]
    decoded = read_table(folder / "reconstruction.parquet", ["class", *columns])
    shown = f"{decoded.num_rows:,} of {int(majors['n_decoded'].sum()):,}"
    rows = decoded["class"].to_numpy()
    profiles = {
        (name, column): np.stack(decoded[column].filter(rows == name).to_numpy()).mean(axis=0)
        for name in CLASSES
        if (rows == name).any()
        for column in columns
        if decoded[column].null_count == 0
    }
    said = decoded.schema.metadata[OPENNESS_UNIT.encode()]
    return [*blocks, draw_profiles(profiles, majors, said.decode(), shown)] if profiles else blocks


@for_any_page
def draw_spectrum(spectrum: pd.DataFrame, fold: str) -> Picture:
    """Draw the score of each code in each class, codes in the order of the spectrum.

    Args:
        spectrum: columns of store.schemas.SPECTRUM.
        fold: its name, for the caption.
    """
    figure, [[axes]] = new_panels(2.6)
    n = spectrum_into(axes, spectrum)
    return Picture(
        "Feature spectrum",
        as_svg(figure),
        "heat map of the probability score of each code in each class",
        f"Test regions of {fold}. A column is a code of the codebook, a row a class; shading is the code's "
        "probability score p in the class, from 0 (blank) to 1 (full colour). Lines part the codes whose "
        f"highest score is in the same class. Codes that no region uses: {spectrum['code'].nunique() - n}.",
    )


def spectrum_into(axes: Axes, spectrum: pd.DataFrame) -> int:
    """Draw the heat map of `draw_spectrum` into axes; return how many codes are used."""
    from matplotlib.colors import to_rgba

    used = spectrum.dropna(subset="order").sort_values("order", kind="stable")
    matrix = used.pivot(index="class", columns="order", values="p").reindex(CLASSES).to_numpy(np.float64)
    owners = used.drop_duplicates("order")["class_of_feature"].to_numpy()
    n = matrix.shape[1]
    # From nothing to the class's colour, so that it reads on light and dark pages.
    cells = np.array([np.broadcast_to(to_rgba(COLOURS[name]), (n, 4)) for name in CLASSES])
    cells[..., 3] = np.nan_to_num(matrix)
    axes.imshow(cells, extent=(0, n, len(CLASSES), 0), aspect="auto", interpolation="none")
    for name in CLASSES:
        mine = np.flatnonzero(owners == name)
        if len(mine):
            axes.axvline(mine[-1] + 1, color=INK, linewidth=0.8)
            axes.text(mine.mean() + 0.5, -0.12, f"{len(mine)}", ha="center", va="bottom", color=INK)
    axes.set(xlim=(0, n), ylim=(len(CLASSES), 0), xlabel=f"codes, in the order of the spectrum ({n} used)")
    axes.set_yticks(np.arange(len(CLASSES)) + 0.5, CLASSES)
    axes.set_title("codes of each class", pad=18)
    axes.tick_params(length=0)
    axes.locator_params(axis="x", integer=True)
    return n


def majors_table(majors: pd.DataFrame) -> Table:
    """Return the major feature of each class and what decoding without it changes.

    Args:
        majors: columns of store.schemas.MAJOR_FEATURES.
    """
    signals = [s for s in _SIGNALS if majors[f"{s}_original"].notna().any()]
    rows: list[list[Cell]] = []
    for row in majors.astype(object).where(majors.notna(), None).to_dict("records"):
        code = None if row["code"] is None else str(int(row["code"]))
        counts = [row[c] for c in ("n_tied", "n_regions", "n_with_it", "n_decoded")]
        numbers = [None if row[c] is None else float(row[c]) for s in signals for c in _columns(s)]
        rows.append([row["class"], code, row["p"], *counts, *numbers, row["bases_changed"]])
    return Table(
        "The major feature of each class: the code with the highest score of its own; of those tied there, "
        "the one that stands most often in the class, then the lowest. Regions of the class, whether they "
        "use it or not, are decoded as they are, and again with the code's pieces set to 0. P: one-sided "
        "Wilcoxon rank-sum tests over regions' means.",
        [
            "class", "code", "p", "tied", "regions", "with it", "decoded",
            *(name for s in signals for name in _columns(s).values()), "bases changed",
        ],
        rows,
    )  # fmt: skip


def _columns(signal: str) -> dict[str, str]:
    """Columns of MAJOR_FEATURES for a track, and what the table calls them."""
    return {
        **{f"{signal}_{kind}": f"{signal}, {kind}" for kind in _KINDS},
        f"{signal}_p_value": "P, input > zeroed",
        f"{signal}_p_decoded": "P, decoded > zeroed",
    }


@for_any_page
def draw_profiles(
    profiles: dict[tuple[str, str], NDArray[np.float32]], majors: pd.DataFrame, openness_unit: str, shown: str
) -> Picture:
    """Draw the mean track over the region: input, decoded, and decoded without the major feature.

    Args:
        profiles: float32 (1000,) by class and column of store.schemas.RECONSTRUCTION.
        majors: columns of store.schemas.MAJOR_FEATURES.
        openness_unit: one of store.schemas.OPENNESS_UNITS.
        shown: how many regions the means are over, of how many decoded.
    """
    units = {"openness": openness_unit, "loops": "log10(loops + 1)"}
    signals = [s for s in _SIGNALS if any(column.startswith(s) for _, column in profiles)]
    figure, grid = new_panels(
        0.6 + 1.8 * len(signals), len(signals), len(CLASSES), side_by_side=2, sharex=True
    )
    codes = majors.set_index("class")["code"]
    for panels, signal in zip(grid, signals, strict=True):
        for axes, name in zip(panels, CLASSES, strict=True):
            _draw_profile(axes, {k: profiles.get((name, f"{signal}_{k}")) for k in _KINDS}, COLOURS[name])
        panels[0].set_ylabel(f"{signal}\n{units[signal]}")
    for axes, name in zip(grid[0], CLASSES, strict=True):
        code = codes.get(name)
        axes.set_title(name if code is None or pd.isna(code) else f"{name}, code {int(code)}")
    figure.supxlabel("position in the region (bp)", fontsize=9)
    handles, names = next(a for a in grid.flat if a.lines).get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=legend_columns(names))
    return Picture(
        "Decoded without the major feature",
        as_svg(figure),
        "mean accessibility and loops over the region: input, decoded, and decoded without the major feature",
        f"Means over regions of each class ({shown} decoded ones are kept base by base) and {_BIN} bp: "
        "the input as an area, what is decoded in the class's colour, and dashed what is decoded with the "
        "pieces of the major feature set to 0. Each panel has its own scale.",
    )


def _draw_profile(axes: Axes, tracks: dict[str, NDArray[np.float32] | None], colour: str) -> None:
    looks: dict[str, dict[str, Any]] = {
        "reconstructed": {"color": colour, "label": "decoded"},
        "zeroed": {"color": INK, "linewidth": 1.0, "linestyle": (0, (2, 1.5)), "label": "decoded without it"},
    }
    for kind, track in tracks.items():
        if track is None:
            continue
        binned = track.reshape(-1, _BIN).mean(axis=1)
        x = _BIN * (np.arange(len(binned)) + 0.5)
        if kind in looks:
            axes.plot(x, binned, **looks[kind])
        else:
            axes.fill_between(x, 0, binned, color=GREY, alpha=0.35, linewidth=0, label="input")
    axes.set(xlim=(0, 1000), xticks=(0, 500, 1000))
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="y", nbins=4)
