"""The verb `export`: a run folder in, files for genome browsers and other programs out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa

from raycre.errors import ConfigError, near
from raycre.export import of_creme, of_predict
from raycre.export.features import Features
from raycre.export.formats import find_formats
from raycre.export.options import Options
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.chromosomes import assembly_of
from raycre.genome.fasta import Fasta
from raycre.log import say
from raycre.store.parquet import read_table
from raycre.store.places import file_of_run
from raycre.store.summary import read_record
from raycre.workflows.jobs import check_kept

Reader = Callable[[Path, Mapping[str, Any], Options, Mapping[str, Any]], Features]
READERS: Mapping[str, Reader] = {
    "predict": of_predict.predict_features,
    "creme": of_creme.creme_features,
}


def run_export(
    run: Path,
    formats: Sequence[str],
    *,
    out: Path | None = None,
    sizes: str | Path | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Write a run in some formats.

    Args:
        run: the run folder; one that is not finished gives what it has.
        formats: names of `export.formats.FORMATS`.
        out: folder for the files; None: RUN-export, beside the run.
        sizes: a table of chromosome lengths, where the run's FASTA is not at hand.
        **options: of `Options`; a text stands for a tuple of one.

    Returns:
        The folder, the files by format, and how many of what was left out.

    Raises:
        InputError: not a run, no such format or gene, or something is missing; each names what to do.
    """
    wanted = find_formats(tuple(formats))
    run, record = read_record(run)
    folder = run.resolve().with_name(f"{run.resolve().name}-export") if out is None else out
    check_kept(folder, "--out")
    if folder.is_file():
        raise ConfigError("--out is a file; name a folder", path=folder)
    found = _features(run, record, _options(options), sizes)
    chosen = _options(options)
    files = {each.name: [str(path) for path in each.write(found, folder, chosen)] for each in wanted}
    if not record.get("finished"):
        say("note: the run is not finished; the files hold what it has so far")
    for what, n in found.left_out.items():
        say(f"note: {n:,} {what}")
    return {"run": str(run), "out": str(folder), "files": files, "left_out": found.left_out}


def _options(given: Mapping[str, Any]) -> Options:
    known = {field.name: field.type for field in fields(Options)}
    for name in given:
        if name not in known:
            raise ConfigError(f"no such option{near(name, known)}; there are {', '.join(known)}", value=name)
    values: dict[str, Any] = {
        name: _texts(value) if isinstance(getattr(Options(), name), tuple) else value
        for name, value in given.items()
    }
    return Options(**values)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (str(value),) if isinstance(value, str | int) else tuple(str(one) for one in value)


def _features(run: Path, record: Mapping[str, Any], options: Options, sizes: str | Path | None) -> Features:
    config = record.get("config", {})
    given = config.get("inputs", {}).get("fasta") or config.get("fasta")
    path = file_of_run(run, record, str(given or ""))
    lengths: Mapping[str, int] = {}
    if sizes is not None:
        lengths = read_sizes(sizes)
    elif path.is_file():
        with Fasta(path) as opened:
            lengths = dict(opened.sizes)
    elif given:
        say(
            f"note: the run's FASTA is not where it was ({path}): nothing is cut at chromosomes' ends; "
            "see --sizes"
        )
    told = (assembly_of(lengths) or "").partition("/")[0] if lengths else ""
    about = {
        "name": str(record.get("name", run.name)),
        "sizes": lengths,
        "assembly": options.assembly or told,
        "fasta": str(path.resolve()) if path.is_file() else "",
    }
    reader: Reader = READERS.get(str(record["verb"]), _tables_alone)
    return reader(run, record, options, about)


def _tables_alone(
    run: Path, record: Mapping[str, Any], options: Options, about: Mapping[str, Any]
) -> Features:
    """What any other run offers: its small tables."""
    verb = record["verb"]

    def nothing() -> Any:
        raise ConfigError(
            f"a run of {verb} has nothing to draw along a genome; --tsv writes its tables, and runs of "
            "predict and creme have more",
            path=run,
        )

    files = [*sorted((run / "summary").glob("*.parquet")), *sorted(run.glob("annotate_*.parquet"))]
    tables = {path.stem: _reader(path) for path in files}
    return Features(**about, intervals=nothing, signals=nothing, arcs=nothing, tables=tables)


def _reader(path: Path) -> Callable[[], Any]:
    def read() -> list[pa.Table]:
        return [read_table(path)]

    return read
