"""Functions of Python for the verbs that have no configuration: files and options in, what was found out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from raycre.api.runs import OpenRun
from raycre.errors import ConfigError
from raycre.store.location import location

if TYPE_CHECKING:
    import pandas as pd

Where = str | Path | OpenRun
OF_ANNOTATIONS = ("group_by", "pairs", "alternative", "reading", "test", "track")


def compare(
    comparison: str,
    run: Where,
    /,
    *,
    test: str | None = None,
    track: str | int | None = None,
    fasta: str | Path | None = None,
    sizes: str | Path | None = None,
    out: str | Path | None = None,
    **given: Any,
) -> dict[str, Any]:
    """Set a finished CREME run against other data.

    Args:
        comparison: marks, overlap, repeats, crispri, fasta, saliency, or one of an installed package.
        run: its folder, or the open run.
        test, track, fasta, sizes, out: see `raycre compare NAME --help`.
        **given: files and options of the comparison's own, as on the command line, with _ for -.

    Raises:
        InputError: bad input; nothing was written.
    """
    from raycre.workflows.compare.run import run_comparison

    return run_comparison(
        comparison, _folder(run), given, test=test, track=None if track is None else str(track),
        fasta=_path(fasta), sizes=_path(sizes), out=_path(out),
    )  # fmt: skip


def annotate(
    annotation: str,
    /,
    *,
    regions: str | Path | Sequence[str | Path] = (),
    run: Where | Sequence[Where] = (),
    out: str | Path | None = None,
    fasta: str | Path | None = None,
    fresh: bool = False,
    dry_run: bool = False,
    **given: Any,
) -> dict[str, Any]:
    """Say what regions are, and whether groups of them differ.

    Args:
        annotation: motifs, conservation, …: see `raycre annotate --help`.
        regions, run: one or several files of regions and finished runs; NAME=PATH names its group.
        out: folder of the results; by default RUN/annotations/NAME.
        fasta: the genome; needed by what reads sequence.
        fresh, dry_run: as of other verbs.
        **given: files and options of the annotation's own, and group_by, pairs, alternative, reading, test
            and track, as on the command line with _ for -.

    Raises:
        InputError: bad input; nothing was written.
    """
    from raycre.workflows.annotate.run import run_annotation

    common = {name: given.pop(name) for name in OF_ANNOTATIONS if name in given}
    return run_annotation(
        annotation, given, regions=_texts(regions), run=_texts(run), out=_path(out), fasta=_path(fasta),
        fresh=fresh, dry_run=dry_run, **common,
    )  # fmt: skip


def report(*runs: Where, out: str | Path = "report.html") -> Path:
    """Write one HTML page with the tables and figures of runs; return where it lies.

    Raises:
        InputError: not a run, or a damaged table.
    """
    from raycre.report.page import write_report

    if not runs:
        raise ConfigError("name one run at least")
    page = location(out)
    write_report([_folder(run) for run in runs], page)
    return page


def plot(
    figure: str,
    /,
    *runs: Where,
    out: str | Path | None = None,
    columns: int | None = None,
    theme: Literal["light", "dark"] = "light",
    track: str | int | None = None,
    names: Sequence[str] = (),
    of: str = "",
    data: Sequence[str] = (),
) -> dict[str, Any]:
    """Draw a figure of the papers from runs, for print; return its files and caption.

    Args:
        figure: its name; `raycre plot --list` has all.
        *runs: folders or open runs; NAME=FOLDER names one.
        out: PDF, SVG or PNG; by default FIGURE.pdf in the working folder.
        columns, theme, track, names, of, data: see `raycre plot --help`.

    Raises:
        InputError: no such figure, or runs that lack what it is drawn from; nothing was written.
    """
    from raycre.plots.draw import plot as draw

    return draw(
        figure, _texts(runs), _path(out), columns=columns, theme=theme,
        track=None if track is None else str(track), names=names, of=of, data=data,
    )  # fmt: skip


def export(run: Where, /, *formats: str, out: str | Path | None = None, **options: Any) -> dict[str, Any]:
    """Write a run as files that genome browsers and other programs open.

    Args:
        run: its folder, or the open run.
        *formats: bed9, bigbed, bedgraph, bigwig, bedpe-arcs, tsv, igv-session, ucsc-hub.
        out: folder for the files; by default beside the run's.
        **options: gene, track, test (a text or several), sizes, assembly, email, every; see
            `raycre.export.options.Options`.

    Returns:
        The files by format, and what was left out.

    Raises:
        InputError: bad input.
    """
    from raycre.workflows.export import run_export

    return run_export(_folder(run), formats, out=_path(out), **options)


def compact(run: Where, /, *, part_mb: int = 128, dry_run: bool = False) -> dict[str, Any]:
    """Merge the many small files of a finished run of predict or annotate into few large ones.

    Args:
        run: its folder, or the open run.
        part_mb: size of a merged file, about, in millions of bytes.
        dry_run: only say what would be merged.

    Returns:
        For each folder of parts how many files there were and are, with their bytes.

    Raises:
        InputError: not a finished run of these, or a driver is at work in it.
    """
    from raycre.workflows.compact import run_compact

    return run_compact(_folder(run), part_mb=part_mb, dry_run=dry_run)


def demo(out: str | Path = "demo-run", *, seed: int = 0) -> dict[str, Any]:
    """Run the whole chain on a synthetic genome with planted grammar, and count what is found."""
    from raycre.demo.run import run_demo

    return run_demo(location(out), seed=seed)


def tracks(
    query: str = "all",
    *,
    model: str = "enformer",
    head: str = "human",
    table: str | Path | None = None,
    strands: str = "summed",
    weights: str | None = None,
) -> pd.DataFrame:
    """Return the tracks that a query finds, a row each.

    Raises:
        InputError: nothing is found, or there is no table.
    """
    import pandas as pd

    from raycre.workflows.tracks import find_tracks

    found = find_tracks([query], model, head, _path(table), strands, weights)
    return pd.DataFrame(found["tracks"])


def fetch(*names: str, offline: bool = False) -> dict[str, Any]:
    """Bring published weights and track tables into the cache; see `raycre weights list`.

    Raises:
        InputError, FetchError: an unknown name, or a download that failed.
    """
    from raycre.workflows.downloads import fetch_published

    return fetch_published(names, offline=offline)


def _texts(given: Where | Sequence[Where]) -> list[str]:
    several = [given] if isinstance(given, str | Path | OpenRun) else given
    return [str(one.path) if isinstance(one, OpenRun) else str(one) for one in several]


def _folder(run: Where) -> Path:
    return run.path if isinstance(run, OpenRun) else location(run)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else location(given)
