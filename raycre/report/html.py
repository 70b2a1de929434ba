"""The page's HTML: the template filled in, its scripts and styles, and the packed tables at its end."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from raycre import __version__
from raycre.figures.blocks import Block, Picture, Table, shown
from raycre.figures.canvas import BLUE, COLOURS, GREEN, GREY, ORANGE, VERMILLION
from raycre.report.columns import PackedColumn, pack
from raycre.report.genome import GenomeView
from raycre.report.grids import Grid
from raycre.report.parts import Part

SCRIPTS = ("columns.js", "tables.js", "grid.js", "genome.js", "search.js", "page.js")
_ASSETS = files("raycre.report") / "assets"
# Figures take their colours from the page, where each is legible on light and on dark.
_NAMED = {BLUE: "blue", ORANGE: "orange", VERMILLION: "vermillion", GREEN: "green", GREY: "grey"}
_COLOUR = re.compile("|".join(_NAMED), re.IGNORECASE)
# The genome view is drawn on white, and turned over as a whole on a dark page.
_ON_WHITE = {ORANGE: "#b06f00", VERMILLION: "#c25400", GREEN: "#00805d", GREY: "#767676"}  # as in page.css
_LONGEST_ENTRY = 60  # letters of a line of the contents


def render(parts: Sequence[Part], view: GenomeView | None, tracks: Sequence[Grid]) -> str:
    """Return the page; every text in it is escaped, but for the figures' <svg>.

    Args:
        parts: what it is about.
        view: what its genome view shows; None: it has none.
        tracks: the tables that the view draws.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("raycre.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "themed": themed, "entry": _entry}
    tables = {f"t{i}": grid for i, grid in enumerate(grid for part in parts for grid in part.grids)}
    packed = {key: grid.pack(key) for key, grid in tables.items()}
    about: dict[str, Any] = {
        "tables": {key: table.about() for key, table in packed.items()},
        "first": {key: dict(grid.first) for key, grid in tables.items()},
    }
    payloads = [(f"{key}-{c.name}", c.payload) for key, table in packed.items() for c in table.columns]
    if view is not None:
        of_view = {f"view-{name}": table for name, table in view.tables.items()}
        about["tables"] |= {key: table.about() for key, table in of_view.items()}
        payloads += [(f"{key}-{c.name}", c.payload) for key, t in of_view.items() for c in t.columns]
        payloads += [("view-sequence", view.sequence), ("igv-code", _igv())]
        labels = {id(grid): part.label for part in parts for grid in part.grids}
        about["view"] = {
            "sizes": view.sizes,
            "assembly": view.assembly,
            "titles": view.titles,
            "colours": {name: _ON_WHITE.get(colour, colour) for name, colour in COLOURS.items()},
            "tracks": [{"table": grid.key, "kind": grid.kind, "run": labels[id(grid)]} for grid in tracks],
        }
    page = environment.get_template("report.html.j2").render(
        parts=parts,
        view=view,
        kinds=_kinds(tables),
        about=json_of(about),
        style=_asset("page.css"),
        script="\n".join(_asset(name) for name in SCRIPTS),
        version=__version__,
    )
    end = page.rindex('<script type="application/json" id="about">')
    scripts = "".join(_payload(key, text) for key, text in payloads)
    return page[:end] + scripts + page[end:]


def json_of(value: Any) -> str:
    """Return JSON that may stand in a <script>: without <, and ASCII alone."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def themed(svg: str) -> str:
    """Return an <svg> with the page's colours in place of fixed ones."""
    upper = {colour.upper(): name for colour, name in _NAMED.items()}
    return _COLOUR.sub(lambda found: f"var(--{upper[found[0].upper()]})", svg)


def _entry(block: Block) -> str:
    """Return what the contents say of a block; nothing of a note."""
    if isinstance(block, Picture):
        return block.title
    if isinstance(block, Table):
        text = re.split(r"[.:;(]|, ", block.caption, maxsplit=1)[0].strip()
        return text if len(text) <= _LONGEST_ENTRY else text[:_LONGEST_ENTRY].rpartition(" ")[0] + " …"
    return ""


def _kinds(tables: dict[str, Grid]) -> dict[str, list[tuple[PackedColumn, bool]]]:
    """Return the columns of each table that is packed, and whether they hold numbers."""
    return {
        key: [(c, c.kind in ("place", "number")) for c in (grid.packed.columns if grid.packed else ())]
        for key, grid in tables.items()
    }


def _payload(key: str, text: str) -> str:
    return f'<script type="application/octet-stream" id="{key}">{text}</script>\n'


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


@cache
def _igv() -> str:
    code = (_ASSETS / "igv" / "igv.min.js").read_text(encoding="utf-8")
    return pack(code.partition("//# sourceMappingURL=")[0].encode())
