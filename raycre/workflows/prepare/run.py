"""The verb `prepare`: from a manifest of files to labels, candidates, and configurations that use them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from raycre.config import PrepareConfig
from raycre.errors import ConfigError, RegionError
from raycre.genome.twobit import TwoBit
from raycre.log import say
from raycre.prepare.counts import StepCount, beside_paper
from raycre.prepare.steps import by_place, make_background, make_candidates, make_labels
from raycre.prepare.windows import PLACE, join_identical, to_width
from raycre.workflows.fresh import Fresh
from raycre.workflows.prepare.plan import PreparePlan, plan_prepare, sources_of
from raycre.workflows.prepare.sources import to_fetch
from raycre.workflows.prepare.written import write_configs, write_manifest, write_tables
from raycre.workflows.run import Start


def run_prepare(config: PrepareConfig, *, fresh: Fresh = False, dry_run: bool = False) -> dict[str, Any]:
    """Make labels and candidates of the sources of a manifest.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written but downloads into the cache.
    """
    with Start("prepare", config.run.out, fresh=fresh, dry_run=dry_run) as start:
        sources = sources_of(config)
        by_hand = [{"source": s.name, "note": s.note} for s in sources if s.path is None]
        if dry_run and ((absent := to_fetch(sources)) or by_hand):
            files = [
                {"source": s.name, "bytes": s.published.size, "address": s.published.address} for s in absent
            ]
            return {
                "dry_run": True,
                "to_fetch": files,
                "by_hand": by_hand,
                "counts": "known once all are there",
            }
        plan = plan_prepare(config, sources, start)
        tables, counts = prepared_tables(plan)
        start.check_inputs()
        rows = beside_paper(counts, plan.cell)
        if dry_run:
            start.preview()
            return {"dry_run": True, "counts": rows, "lift": _lift_rows(plan)}
        facts = {
            "sources": [
                {
                    "name": s.name,
                    "kind": s.kind,
                    "assembly": s.assembly,
                    "address": s.published.address or None,
                    "path": str(s.path),
                    "sha256": start.hashes[s.key],
                    "licence": s.published.licence,
                }
                for s in sources
            ],
            "lift": _lift_rows(plan),
            "counts": rows,
        }
        run = start.open(**plan.identity, facts=facts)
        tables["counts"] = pd.DataFrame(rows)
        written = write_tables(run, tables)
        written += write_configs(run, plan, tables)
        written.append(write_manifest(run, start.hashes))
        for line in _said(plan, tables):
            say(line)
        run.finish(files=written)
        return {"out": str(run.out), "counts": rows, "lift": _lift_rows(plan), "files": written}


def prepared_tables(plan: PreparePlan) -> tuple[dict[str, pd.DataFrame], list[StepCount]]:
    """Read the sources and do every step; return tables by name, and what was counted.

    Raises:
        InputError: bad input, or nothing to prepare.
    """
    reader, rules, sizes = plan.reader, plan.rules, plan.sizes
    records = reader.labelled(plan.sources)
    given = records.pop("background", None)
    peaks, genes, blacklist = (
        reader.peaks(plan.sources), reader.genes(plan.sources), reader.blacklist(plan.sources)
    )  # fmt: skip
    counts = reader.counts
    if not records and peaks is None:
        raise ConfigError(
            "no source of labels (silencers, enhancers, promoters, insulators) and none of peaks"
        )
    labels = make_labels(records, sizes, rules)
    counts += labels.counts
    tables: dict[str, pd.DataFrame] = {}
    candidates = None
    if peaks is not None:
        candidates = make_candidates(peaks, labels, genes, blacklist, sizes, rules)
        counts += candidates.counts
        if candidates.final.empty:
            raise RegionError(
                f"no candidate is left of {len(peaks):,} peaks; look at the counts of each rule"
            )
        tables["candidates"] = candidates.final
    if records:
        background = _given_background(given, plan) if given is not None else None
        if background is None and rules.background.n:
            others = [genes, blacklist]
            if (n_runs := plan.n_runs()) is not None:
                others.append(n_runs)
            made = make_background(labels, candidates, others, sizes, plan.chromosomes, plan.seed, rules)
            counts += made.counts
            background = made.sampled.assign(name=None, source="background", n=1)
        parts = [labels.final]
        if background is not None:
            parts.append(background.assign(label="background"))
        tables["labels"] = by_place(pd.concat(parts, ignore_index=True), sizes)
        tables["labels_dropped"] = labels.dropped
    if reader.lift_counts:
        tables["lift"] = pd.DataFrame(reader.lift_counts, columns=["source", "status", "n"])
        tables["lift_lost"] = pd.concat(reader.lost, ignore_index=True)
    return tables, counts


def _given_background(given: pd.DataFrame, plan: PreparePlan) -> pd.DataFrame:
    """Give background that the manifest names its width; nothing is sampled then."""
    resized = to_width(given, plan.sizes, at_ends=plan.rules.at_ends)
    table = join_identical(resized.table[[*PLACE, "name", "source"]], ["name", "source"])
    plan.reader.counts += [
        StepCount("resize", "background.clipped_dropped", resized.n_dropped),
        StepCount("labels", "background.final", len(table)),
    ]
    return table


def _lift_rows(plan: PreparePlan) -> list[dict[str, Any]]:
    return [{"source": s, "status": status, "n": n} for s, status, n in plan.reader.lift_counts if n]


def _said(plan: PreparePlan, tables: dict[str, pd.DataFrame]) -> list[str]:
    lines = []
    if "labels" in tables:
        found = tables["labels"]["label"].value_counts()
        lines.append(f"labels: {', '.join(f'{n:,} {name}' for name, n in found.items())}")
    if "candidates" in tables:
        lines.append(f"candidates: {len(tables['candidates']):,}")
    if not plan.of_kind("blacklist"):
        lines.append("note: no source of kind blacklist; candidates and background may lie in such regions")
    if not plan.of_kind("genes"):
        lines.append("note: no source of kind genes; candidates and background may lie in genes")
    if isinstance(plan.fasta, TwoBit):
        lines.append(
            f"note: train and predict read FASTA: twoBitToFa {plan.fasta.path} NEW.fa, and inputs.fasta: "
            "NEW.fa in train.yaml and predict.yaml"
        )
    if plan.fasta is None:
        lines.append("note: no source of kind fasta; add inputs.fasta to train.yaml and predict.yaml")
    return lines
