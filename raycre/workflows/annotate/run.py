"""The verb `annotate`: reads regions, hands them to an annotation, compares their groups, writes both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from raycre.annotate.declaration import Annotated, GroupValues
from raycre.annotate.groups import GROUP_TESTS, group_tests
from raycre.annotate.registry import find_annotation
from raycre.annotate.scores import SCORE_BINS, SCORES, correlate_scores, mean_by_score
from raycre.engine.resources import Share
from raycre.errors import ConfigError, MissingInputError
from raycre.figures.logo import logo_svg
from raycre.genome.fingerprint import check_unchanged
from raycre.log import say
from raycre.options import read_options
from raycre.store.files import read_json
from raycre.store.identity import digest_of
from raycre.store.lease import Lease
from raycre.store.old_run import RECORD
from raycre.store.run import Run, check_folder, open_run
from raycre.workflows.annotate.parts import in_this_process, on_replicas
from raycre.workflows.annotate.plan import AnnotationPlan, AnnotationRequest, plan_annotation
from raycre.workflows.annotate.work import AnnotatedRun, region_rows, region_schema
from raycre.workflows.fresh import Fresh, preview_removal, removal
from raycre.workflows.readings import listen, show_readings

VERB = "annotate"
_LOGOS = 20  # logos that are drawn, of the motifs that differ most
_SHOWN = 20  # rows of the comparison that are printed; all are in its table
_SHOWN_COLUMNS = [
    "value",
    "test",
    "group",
    "other",
    "n",
    "n_other",
    "mean",
    "mean_other",
    "difference",
    "auc",
    "odds_ratio",
    "p_value",
    "p_bh",
]
_EFFECT_SIZES = ("auc", "odds_ratio")  # of one kind of test each


def run_annotation(
    name: str,
    given: Mapping[str, Any],
    *,
    replicas: str | None = None,
    fresh: Fresh = False,
    dry_run: bool = False,
    **asked: Any,
) -> dict[str, Any]:
    """Annotate regions and compare their groups.

    Args:
        name: of the annotation: of raycre's own, or of an installed package.
        given: the annotation's own files and options, by name; see `options.read_options`.
        replicas: how many of Ray's replicas share long work, or "auto"; None does it in this process.
        fresh: remove what the folder holds of an earlier annotation.
        dry_run: read and check the regions, say the plan, and write nothing.
        asked: fields of `AnnotationRequest`. regions, run: [NAME=]PATH of files and of finished runs, one
            at least. group_by: column that tells the groups. pairs: "A,B" each, A expected to be the greater.
            alternative, reading: of the tests. test, track: of a CREME run, whose calls its tiles have.
            fasta: the genome, by default that of a single run where sequence is read. out: folder of the
            results, by default RUN/annotations/NAME of a single run.

    Returns:
        What was found, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        TasksFailedError: some parts failed for good; all others are done.
    """
    annotation = find_annotation(name)
    options = read_options(annotation, given)
    through = in_this_process if replicas is None else on_replicas(_share(replicas))
    readings = listen()
    plan = plan_annotation(annotation, options, AnnotationRequest(**asked))
    if dry_run:
        for path in plan.read.values():
            if not path.exists():
                raise MissingInputError("no such file; check the path", path=path)
        preview_removal(plan.out, VERB, fresh)
        show_readings()
        return plan.facts | plan.cost
    inputs = plan.fingerprints()
    fields = plan.identity(inputs)
    if not fresh and (done := _finished(plan, fields["science"])) is not None:
        say(f"{plan.out} holds this annotation of these inputs; nothing is done again")
        return done
    check_folder(plan.out, **fields, layout={}, fresh=bool(fresh))
    lease = Lease(plan.out, f"raycre {VERB} {name}", tidy=True)

    def opened() -> Run:
        lease.claim()
        return open_run(plan.out, **fields, name=name, layout={}, remove=removal(fresh), lease=lease)

    work = AnnotatedRun(plan.table, annotation, plan.fasta, plan.how, opened, inputs, through)
    try:
        found = annotation.annotate(work, options)
        tests = _tests(found, plan)
        check_unchanged(inputs.values())
        _write(work, found, tests)
        told = {**plan.facts, **found.facts, "tests": _shown(tests), "files": list(work.written)}
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
    _write_logos(work, found, tests)
    if len(tests):
        work.write_table(f"{name}_groups", tests, GROUP_TESTS)
    names = [str(column) for column in work.table if str(column).startswith("p_")]
    scores = {column: work.table[column].to_numpy(np.float64) for column in names}
    values = [GroupValues(c.name, c.values, c.compare) for c in found.columns if c.compare is not None]
    if scores and values:
        work.write_table(f"{name}_scores", correlate_scores(values, scores), SCORES)
        work.write_table(f"{name}_bins", mean_by_score(values, scores), SCORE_BINS)


def _write_logos(work: AnnotatedRun, found: Annotated, tests: pd.DataFrame) -> None:
    """Draw the motifs of the smallest p; without a comparison the first ones."""
    compared = tests.dropna(subset=["p_value"]).sort_values("p_value", kind="stable")["value"]
    names = [name for name in compared.drop_duplicates() if name in found.logos] or list(found.logos)
    for name in names[:_LOGOS]:
        file = re.sub(r"[^\w.+-]", "_", name)
        work.write_text(f"logo.{file}.svg", logo_svg(name, found.logos[name]))


def _tests(found: Annotated, plan: AnnotationPlan) -> pd.DataFrame:
    group, pairs = plan.table["group"].to_numpy(), plan.compared
    if found.groups is not None:
        group, pairs = found.groups, found.pairs
    asked = plan.request
    tests = group_tests(found.compared(), group, pairs, alternative=asked.alternative, reading=asked.reading)
    untested = tests["note"].dropna()
    if len(untested):
        say(f"NOTE: {len(untested):,} of {len(tests):,} comparisons have no p: {untested.iloc[0]}")
    return tests


def _shown(tests: pd.DataFrame) -> list[dict[str, Any]]:
    few = tests if len(tests) <= _SHOWN else tests.nsmallest(_SHOWN, "p_value")
    # A share has a difference where a value has an AUC: the effect size that no row has is not shown.
    columns = [c for c in _SHOWN_COLUMNS if c not in _EFFECT_SIZES or few[c].notna().any()]
    return [
        {
            str(key): None if isinstance(value, float) and value != value else value
            for key, value in row.items()
        }
        for row in few[columns].to_dict("records")
    ]


def _share(replicas: str) -> Share:
    if replicas == "auto":
        return Share()
    if not replicas.isdecimal() or int(replicas) < 1:
        raise ConfigError("--replicas is auto, or a number of 1 or more", value=replicas)
    return Share(most=int(replicas))


def _finished(plan: AnnotationPlan, science: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a finished annotation of the same identity has found; None where there is none."""
    path = plan.out / RECORD
    record = read_json(path) if path.is_file() else None
    same = isinstance(record, dict) and record.get("digest") == digest_of({"verb": VERB, **science})
    if not (same and record and record.get("finished")):
        return None
    result: dict[str, Any] | None = record.get("result")
    return result
