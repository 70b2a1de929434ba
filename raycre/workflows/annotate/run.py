"""The verb `annotate`: reads regions, hands them to an annotation, compares their groups, writes both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.annotate.declaration import Annotated, Annotation, GroupValues
from raycre.annotate.groups import GROUP_TESTS, Alternative, Reading, group_tests, pairs_of
from raycre.annotate.registry import find_annotation
from raycre.annotate.scores import SCORE_BINS, SCORES, correlate_scores, mean_by_score
from raycre.engine.resources import Share
from raycre.errors import ConfigError, MissingInputError
from raycre.genome.fasta import Fasta
from raycre.genome.fingerprint import Fingerprint, check_unchanged, fingerprint
from raycre.log import say
from raycre.options import option_files, read_options
from raycre.store.files import read_json
from raycre.store.lease import Lease
from raycre.store.old_run import RECORD
from raycre.store.run import Run, check_folder, digest_of, open_run
from raycre.workflows.annotate.parts import in_this_process, on_replicas
from raycre.workflows.annotate.sources import (
    RegionSource,
    Selection,
    fasta_of,
    files_read,
    join_sources,
    read_source,
)
from raycre.workflows.annotate.work import AnnotatedRun, region_rows, region_schema
from raycre.workflows.fresh import Fresh, preview_removal, removal
from raycre.workflows.inputs import check_out
from raycre.workflows.readings import listen, show_readings

VERB = "annotate"
_SHOWN = 20  # rows of the comparison that are printed; all are in its table


def run_annotation(
    name: str,
    given: Mapping[str, Any],
    *,
    regions: Sequence[str] = (),
    run: Sequence[str] = (),
    group_by: str | None = None,
    pairs: Sequence[str] = (),
    alternative: Alternative = "greater",
    reading: Reading = "continuity",
    test: str = "sufficiency",
    track: str | None = None,
    fasta: Path | None = None,
    out: Path | None = None,
    replicas: str | None = None,
    fresh: Fresh = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Annotate regions and compare their groups.

    Args:
        name: of the annotation: of raycre's own, or of an installed package.
        given: the annotation's own files and options, by name; see `options.read_options`.
        regions, run: [NAME=]PATH of files and of finished runs; at least one of them.
        group_by: column that tells the groups; see `sources.Selection`.
        pairs: "A,B" each: groups to compare, A expected to be the greater; see `annotate.groups.pairs_of`.
        alternative, reading: of the tests; see `annotate.groups.rank_sum_test`.
        test, track: of a CREME run: whose calls its tiles have.
        fasta: the genome; needed by what reads sequence (by default that of a single run), else regions are
            checked against it.
        out: folder of the results; by default RUN/annotations/NAME of a single run.
        replicas: how many of Ray's replicas share long work, or "auto"; None does it in this process.
        fresh: remove what the folder holds of an earlier annotation.
        dry_run: read and check the regions, say the plan, and write nothing.

    Returns:
        What was found, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
    """
    annotation = find_annotation(name)
    options = read_options(annotation, given)
    asked = [_pair(text) for text in pairs]
    through = in_this_process if replicas is None else on_replicas(_share(replicas))
    out = _out(out, name, regions, run)
    readings = listen()
    if "genome" in annotation.needs and fasta is None:
        fasta = fasta_of(Path(run[0].rpartition("=")[2])) if len(run) == 1 else None
        if fasta is None:
            raise ConfigError(f"{name} reads sequence; name the genome with --fasta")
        say(f"the genome is that of the run: {fasta}")
    how = Selection(group_by, test, track, _sizes(fasta))
    sources = _sources(regions, run, how)
    table = join_sources(sources)
    if "groups" in annotation.needs and table["group"].isna().all():
        raise ConfigError(
            f"{name} is about groups of regions, and these have none; name the column with --group-by, or "
            "give several files as NAME=FILE"
        )
    groups = [str(group) for group in dict.fromkeys(table["group"].dropna())]
    compared = pairs_of(groups, asked)
    read = dict(option_files(annotation, options))
    plan = {
        "annotation": name,
        "regions": len(table),
        "groups": dict(Counter(table["group"].dropna())),
        "compare": [",".join(pair) for pair in compared],
        "out": str(out),
    }
    if dry_run:
        for path in read.values():
            if not path.exists():
                raise MissingInputError("no such file; check the path", path=path)
        preview_removal(out, VERB, fresh)
        show_readings()
        bases = int((table["end"] - table["start"]).sum())
        return plan | dict(annotation.cost(len(table), bases, options))
    inputs = _fingerprints(sources, read, fasta)
    config = {
        "annotation": name,
        "regions": [*regions, *run],
        "options": {key: _plain(value) for key, value in asdict(options).items()},
        "group_by": group_by,
        "compare": list(pairs),
        "alternative": alternative,
        "reading": reading,
        "test": test,
        "track": track,
        "fasta": None if fasta is None else str(fasta),
    }
    science = {**{k: v for k, v in config.items() if k not in ("regions", "options", "fasta")},
               "options": _without_paths(annotation, options),
               "labels": [source.label for source in sources],
               "sha256": {key: each.sha256 for key, each in inputs.items()}}  # fmt: skip
    fields: dict[str, Any] = {"verb": VERB, "config": config | {"run": {"out": str(out)}}, "science": science}
    if not fresh and (done := _finished(out, science)) is not None:
        say(f"{out} holds this annotation of these inputs; nothing is done again")
        return done
    check_folder(out, **fields, layout={}, fresh=bool(fresh))

    lease = Lease(out, f"raycre {VERB} {name}", tidy=True)

    def opened() -> Run:
        lease.claim()
        return open_run(out, **fields, name=name, layout={}, remove=removal(fresh), lease=lease)

    work = AnnotatedRun(table, annotation, fasta, how, opened, inputs, through)
    try:
        found = annotation.annotate(work, options)
        tests = _tests(found, table, compared, alternative, reading)
        check_unchanged(inputs.values())
        _write(work, found, tests)
        told = {**plan, **found.facts, "tests": _shown(tests), "files": list(work.written)}
        work.run.finish(
            inputs_read=readings,
            inputs=[{"input": k, "path": str(v.path), "sha256": v.sha256} for k, v in inputs.items()],
            result=told,
        )
        return told
    finally:
        lease.release()


def _write(work: AnnotatedRun, found: Annotated, tests: pd.DataFrame) -> None:
    name = work.annotation.name
    rows = region_rows(work.table)
    for column in found.columns:
        rows[column.name] = column.values
    schema = region_schema((column.name, column.kind, column.meaning) for column in found.columns)
    work.write_table(name, rows, schema)
    for table, more in found.tables.items():
        work.write_table(table, more)
    if len(tests):
        work.write_table(f"{name}_groups", tests, GROUP_TESTS)
    names = [str(column) for column in work.table if str(column).startswith("p_")]
    scores = {column: work.table[column].to_numpy(np.float64) for column in names}
    values = [GroupValues(c.name, c.values, c.compare) for c in found.columns if c.compare is not None]
    if scores and values:
        work.write_table(f"{name}_scores", correlate_scores(values, scores), SCORES)
        work.write_table(f"{name}_bins", mean_by_score(values, scores), SCORE_BINS)


def _tests(
    found: Annotated,
    table: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    alternative: Alternative,
    reading: Reading,
) -> pd.DataFrame:
    group = table["group"].to_numpy()
    if found.groups is not None:
        group, pairs = found.groups, found.pairs
    tests = group_tests(found.compared(), group, pairs, alternative=alternative, reading=reading)
    untested = tests["note"].dropna()
    if len(untested):
        say(f"NOTE: {len(untested):,} of {len(tests):,} comparisons have no p: {untested.iloc[0]}")
    return tests


def _shown(tests: pd.DataFrame) -> list[dict[str, Any]]:
    columns = [
        "value",
        "test",
        "group",
        "other",
        "n",
        "n_other",
        "mean",
        "mean_other",
        "auc",
        "p_value",
        "p_bh",
    ]
    few = tests if len(tests) <= _SHOWN else tests.nsmallest(_SHOWN, "p_value")
    return [
        {
            str(key): None if isinstance(value, float) and value != value else value
            for key, value in row.items()
        }
        for row in few[columns].to_dict("records")
    ]


def _pair(text: str) -> tuple[str, str]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise ConfigError("two groups are compared, as in --compare silencer,background", value=text)
    return parts[0], parts[1]


def _share(replicas: str) -> Share:
    if replicas == "auto":
        return Share()
    if not replicas.isdecimal() or int(replicas) < 1:
        raise ConfigError("--replicas is auto, or a number of 1 or more", value=replicas)
    return Share(most=int(replicas))


def _out(out: Path | None, name: str, regions: Sequence[str], run: Sequence[str]) -> Path:
    if not regions and not run:
        raise ConfigError("no regions: name a file with --regions, or a finished run with --run")
    if out is None:
        if len(run) != 1 or regions:
            raise ConfigError("name a folder for the results with --out")
        return Path(run[0].rpartition("=")[2]) / "annotations" / name
    check_out(out)
    return out


def _sizes(fasta: Path | None) -> dict[str, int] | None:
    if fasta is None:
        return None
    with Fasta(fasta) as genome:
        return genome.sizes


def _sources(regions: Sequence[str], run: Sequence[str], how: Selection) -> list[RegionSource]:
    found = [read_source(text, how) for text in (*regions, *run)]
    for text, source in zip(run, found[len(regions) :], strict=True):
        if not source.path.is_dir():
            raise ConfigError(
                "--run names the folder of a finished run; give a file as --regions", value=text
            )
    return found


def _fingerprints(
    sources: Sequence[RegionSource], read: Mapping[str, Path], fasta: Path | None
) -> dict[str, Fingerprint]:
    files = {
        f"regions[{i}][{j}]": path for i, source in enumerate(sources) for j, path in enumerate(source.files)
    }
    for name, path in read.items():
        if path.is_dir():
            files |= {f"options.{name}[{i}]": each for i, each in enumerate(files_read(path))}
        else:
            files[f"options.{name}"] = path
    if fasta is not None:
        files["fasta"] = fasta
    return {key: fingerprint(path) for key, path in files.items()}


def _without_paths(annotation: Annotation, options: Any) -> dict[str, Any]:
    paths = {name.partition("[")[0] for name, _ in option_files(annotation, options)}
    return {
        key: _plain(value)
        for key, value in asdict(options).items()
        if not isinstance(value, Path) and not isinstance(value, Mapping) and key not in paths
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: str(each) for key, each in value.items()}
    return str(value) if isinstance(value, Path) else value


def _finished(out: Path, science: Mapping[str, Any]) -> dict[str, Any] | None:
    path = out / RECORD
    record = read_json(path) if path.is_file() else None
    same = isinstance(record, dict) and record.get("digest") == digest_of({"verb": VERB, **science})
    if not (same and record and record.get("finished")):
        return None
    result: dict[str, Any] | None = record.get("result")
    return result
