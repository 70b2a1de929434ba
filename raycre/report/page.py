"""One HTML page from run folders, finished or not: what was found, where in the genome, and how it was made.

The page needs nothing but itself. Reads through raycre.store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from raycre.errors import ConfigError, FormatError, MissingInputError, near
from raycre.figures import calls, header, perturbation, prepared, sweep, training
from raycre.figures.blocks import Block, Note
from raycre.figures.canvas import style
from raycre.report.comparisons import read_compared
from raycre.report.genome import GenomeView, read_view
from raycre.report.grids import Grid, close_places, read_grids, shown_genes, shown_places
from raycre.report.headline import headline, run_labels
from raycre.report.html import render
from raycre.report.parts import Chapter, Part
from raycre.store.files import read_json, write_atomic

MOST_BYTES = 15_000_000  # of a page: what a browser opens and a mail carries
_HEAD = 1024  # bytes of a page in which its title stands
# What a run shows, by the verb that made it.
_FAMILIES: dict[str, Callable[[Path], list[Block]]] = {
    "train": training.read_training_run,
    "sweep": sweep.read_sweep_table,
    "predict": calls.read_calls,
    "prepare": prepared.read_prepared,
    "creme": lambda run: [*perturbation.read_perturbation(run), *read_compared(run)],
}


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
    page = _page_of(chapters).encode()
    write_atomic(out, lambda temporary: temporary.write_bytes(page))
    return {"report": str(out), "bytes": len(page), "runs": [c.name for c in chapters]}


def read_chapter(run: Path) -> Chapter:
    """Read one run folder; call it inside `canvas.style`.

    Raises:
        MissingInputError, FormatError: as write_report.
    """
    record = _read_record(run)
    blocks = _FAMILIES[record["verb"]](run)
    loud = [block.text for block in blocks if isinstance(block, Note) and block.loud]
    return Chapter(
        run=run,
        record=record,
        name=str(record.get("name", run.name)),
        verb=record["verb"],
        finished=bool(record.get("finished")),
        warnings=[*header.read_warnings(record), *loud],
        losses=header.read_losses(run, record),
        figures=[block for block in blocks if not (isinstance(block, Note) and block.loud)],
        bookkeeping=header.read_bookkeeping(run, record),
        config=header.config_text(record),
    )


def _page_of(chapters: Sequence[Chapter]) -> str:
    """Return the page; rows are left out, and that is said, where it would be longer than `MOST_BYTES`."""
    labels = run_labels([c.name for c in chapters], [c.run for c in chapters])
    parts = [_read_part(*each) for each in zip(chapters, labels, strict=True)]
    view, tracks = _view_of(parts)
    page = render(parts, view, tracks)
    while len(page) > MOST_BYTES:  # ASCII, nearly all of it
        grids = [grid for part in parts for grid in part.grids if grid.can_shrink]
        if not grids:
            break
        max(grids, key=lambda grid: grid.packed.size if grid.packed else 0).leave_out()
        page = render(parts, view, tracks)
    return page


def _read_part(chapter: Chapter, label: str) -> Part:
    grids = read_grids(chapter.run, chapter.verb)
    by = {grid.kind: grid.rows for grid in grids}
    told = headline(chapter.record, by.get("regions", by.get("tiles")), by.get("genes"))
    return Part(chapter, label, told, grids)


def _view_of(parts: Sequence[Part]) -> tuple[GenomeView | None, list[Grid]]:
    """Return the genome view of the runs that share the first one's genome, and which tables it draws."""
    drawn = [part for part in parts if part.grids]
    if not drawn:
        return None, []
    genome = _genome_of(drawn[0])
    mine = [part for part in drawn if _genome_of(part) == genome]
    grids = [grid for part in mine for grid in part.grids]
    others = [part for part in parts if part not in drawn and _genome_of(part) == genome]
    runs = [(part.chapter.run, part.chapter.record) for part in (*mine, *others)]
    view = read_view(runs, shown_places(grids), close_places(grids), shown_genes(grids))
    view.left_out += [
        f"Not in this view: {part.label}, which is of another genome." for part in drawn if part not in mine
    ]
    return view, grids


def _genome_of(part: Part) -> str:
    """Return what tells a run's genome: the hash of its FASTA, or its path."""
    record = part.chapter.record
    inputs = record.get("config", {}).get("inputs") or {}
    return str(record.get("identity", {}).get("sha256.inputs.fasta") or inputs.get("fasta") or "")


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
