"""The formats: a row each, with what writes it. Names are those of the command line's options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from raycre.errors import ConfigError, near
from raycre.export.bed import write_bed9, write_bedgraph
from raycre.export.bedpe import write_arcs
from raycre.export.big import write_bigbed, write_bigwig
from raycre.export.features import Features
from raycre.export.hub import write_hub
from raycre.export.igv import write_session
from raycre.export.names import EXPORTS
from raycre.export.options import Options
from raycre.export.tsv import write_tsv


class Format(NamedTuple):
    """A format.

    Attributes:
        name: of the option.
        summary: what it writes.
        write: writes it from a run's features into a folder, and returns the files.
    """

    name: str
    summary: str
    write: Callable[[Features, Path, Options], list[Path]]


_WRITERS = {
    "bed9": write_bed9,
    "bigbed": write_bigbed,
    "bedgraph": write_bedgraph,
    "bigwig": write_bigwig,
    "bedpe-arcs": write_arcs,
    "tsv": write_tsv,
    "igv-session": write_session,
    "ucsc-hub": write_hub,
}
FORMATS: dict[str, Format] = {name: Format(name, EXPORTS[name], _WRITERS[name]) for name in EXPORTS}


def find_formats(names: tuple[str, ...]) -> list[Format]:
    """Return formats by name, each once.

    Raises:
        ConfigError: none, or no such format.
    """
    if not names:
        raise ConfigError(f"name a format: {', '.join(f'--{name}' for name in FORMATS)}")
    for name in names:
        if name not in FORMATS:
            raise ConfigError(
                f"no such format{near(name, FORMATS)}; there are {', '.join(FORMATS)}", value=name
            )
    return [FORMATS[name] for name in dict.fromkeys(names)]


def table_of_formats() -> str:
    """Return the formats as the table of docs/export.md."""
    rows = [f"| `--{each.name}` | {each.summary} |" for each in FORMATS.values()]
    return "\n".join(["| option | writes |", "|---|---|", *rows])
