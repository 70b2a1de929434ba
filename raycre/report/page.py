"""One HTML page from run folders, finished or not: a header for each run and its family's figures.

The page needs nothing but itself. Reads through raycre.store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from raycre import __version__
from raycre.errors import ConfigError, FormatError, MissingInputError, near
from raycre.figures import calls, header, perturbation, prepared, sweep, training
from raycre.figures.blocks import Block, shown
from raycre.figures.canvas import style
from raycre.report.comparisons import read_compared
from raycre.store.files import read_json, write_atomic

_HEAD = 1024  # bytes of a page in which its title stands
# What follows the header, by the verb that made the run.
_FAMILIES: dict[str, Callable[[Path], list[Block]]] = {
    "train": training.read_training_run,
    "sweep": sweep.read_sweep_table,
    "predict": calls.read_calls,
    "prepare": prepared.read_prepared,
    "creme": lambda run: [*perturbation.read_perturbation(run), *read_compared(run)],
}


@dataclass(frozen=True)
class Chapter:
    """The part of the page about one run."""

    name: str
    verb: str
    finished: bool
    header: list[Block]
    figures: list[Block]
    config: str


def write_report(runs: Sequence[Path], out: Path) -> dict[str, Any]:
    """Write a page about `runs` to `out`, whole or not at all.

    Returns:
        Where it is, how long it is, and the runs' names.

    Raises:
        MissingInputError: a folder without run.json.
        FormatError: a run.json that is none, or a damaged table.
        ConfigError: matplotlib is not installed, or `out` is a folder, or a file that is no such page.
    """
    if out.is_dir():
        raise ConfigError("is a folder; give the page a name, as in --out report.html", path=out)
    if out.is_file() and not _is_page(out):
        raise ConfigError("is a file, and no page of raycre report; name another with --out", path=out)
    with style():
        chapters = [read_chapter(run) for run in runs]
    page = render(chapters).encode()
    write_atomic(out, lambda temporary: temporary.write_bytes(page))
    return {"report": str(out), "bytes": len(page), "runs": [c.name for c in chapters]}


def read_chapter(run: Path) -> Chapter:
    """Read one run folder; call it inside `canvas.style`.

    Raises:
        MissingInputError, FormatError: as write_report.
    """
    record = _read_record(run)
    return Chapter(
        name=str(record.get("name", run.name)),
        verb=record["verb"],
        finished=bool(record.get("finished")),
        header=header.read_header(run, record),
        figures=_FAMILIES[record["verb"]](run),
        config=header.config_text(record),
    )


def render(chapters: Sequence[Chapter]) -> str:
    """Return the page; every text in it is escaped, but for the figures' <svg>."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("raycre.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    return environment.get_template("report.html.j2").render(chapters=chapters, version=__version__)


def _is_page(path: Path) -> bool:
    """Whether a file is a page of ours, which a new one may take the place of, or empty."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return not head or b"<title>raycre: " in head


def _read_record(run: Path) -> dict[str, Any]:
    path = run / "run.json"
    if not path.is_file():
        raise MissingInputError(
            "no run.json here; name the folder that a run was written to (run.out)", path=run
        )
    content = read_json(path)
    record: dict[str, Any] = content if isinstance(content, dict) else {}
    verb = record.get("verb")
    if verb not in _FAMILIES:
        known = ", ".join(_FAMILIES)
        raise FormatError(
            f"not the record of a run: its verb is none of {known}{near(str(verb), _FAMILIES)}",
            path=path,
            value=verb,
        )
    return record
