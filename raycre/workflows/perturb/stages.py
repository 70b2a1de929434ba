"""The steps of a CREME run, and which genes each of them is about.

Tests that are asked for by name are one step. A pipeline is two: the context test of all genes, then every
test of the genes that its classes give (CREME Methods, "Context dependence test").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.creme.activities import tss_activity
from raycre.creme.backgrounds import classes_of_gene
from raycre.creme.perturbation import WT
from raycre.creme.selection import CONTEXT_CLASSES, sample_contexts, top_genes
from raycre.creme.tests import activity as wild_type
from raycre.creme.tests import context, find_test
from raycre.log import say
from raycre.store.parquet import as_table, write_table
from raycre.store.passes import PassStore, digest_of_names
from raycre.store.run import Run
from raycre.store.schemas import ACTIVITIES, SAMPLED
from raycre.workflows.perturb.effects import read_activity
from raycre.workflows.perturb.plan import CremePlan
from raycre.workflows.perturb.units import Gene, Partner, Stage, gene_folder, gene_key


def first_stage(plan: CremePlan, genes: Sequence[Gene]) -> Stage:
    """Return the first step: all tests, or the context test of a pipeline."""
    if plan.pipeline:
        test = context.TEST.name
        only = replace(plan.settings, n_shuffles={test: plan.settings.n(test)})
        return Stage(test, (test,), only, plan.tracks)
    most = plan.per_class * len(CONTEXT_CLASSES)
    return with_partners(Stage("tests", plan.tests, plan.settings, plan.tracks), genes, most)


def screening(plan: CremePlan) -> Stage:
    """Return the step before all others where a run is about the most active genes: their wild types."""
    test = wild_type.TEST.name
    return Stage(test, (test,), plan.settings, plan.tracks)


def next_stage(
    plan: CremePlan,
    stage: Stage,
    genes: Sequence[Gene],
    store: PassStore,
    run: Run | None = None,
) -> tuple[Stage | None, Sequence[Gene]]:
    """Return the step after `stage`, None where it was the last, and its genes with their tracks.

    Args:
        plan: of the run.
        stage: that is done.
        genes: all of whose units are done.
        store: what is known of them.
        run: whose summary/sampled.parquet is written; None writes nothing.
    """
    if not plan.pipeline or stage.name != context.TEST.name or not genes:
        return None, genes
    n = stage.settings.replicates
    classes = [classes_of_gene(stage.settings, read_activity(store, gene, plan.tracks, n)) for gene in genes]
    keys, n_tracks = [gene_key(gene) for gene in genes], len(plan.tracks)
    table = pd.DataFrame(
        {
            "row": np.repeat(np.arange(len(genes)), n_tracks),
            "gene": np.repeat(keys, n_tracks),
            # By their ids: with another query a gene would else be drawn by another hash.
            "track": np.tile(plan.tracks, len(genes)),
            "call": np.array(classes, dtype=object).ravel(),
        }
    )
    # Tracks that a choice by activity left out are not in the running.
    ranked = [gene.get("searched") for gene in genes]
    table = table[[r is None or t in r for r in ranked for t in range(n_tracks)]].reset_index(drop=True)
    rows = sample_contexts(table, plan.per_class, plan.seed, plan.settings.compat)
    if run is not None:
        _write_sampled(plan, run, genes, table.assign(sampled=np.isin(np.arange(len(table)), rows)))
    kept = table.iloc[rows]
    place = {track: t for t, track in enumerate(plan.tracks)}
    tracks_of = {name: tuple(sorted(place[t] for t in ids)) for name, ids in kept.groupby("gene")["track"]}
    chosen = [{**g, "searched": tracks_of[k]} for g, k in zip(genes, keys, strict=True) if k in tracks_of]
    say(f"pipeline: {len(chosen):,} of {len(genes):,} genes go on, by the classes of their contexts")
    for (track, call), n in Counter(zip(kept["track"], kept["call"], strict=True)).items():
        say(f"  track {track}: {n:,} {call}")
    if not chosen:
        return None, genes
    # The context test is planned once more, as others read its classes; its rows, of all genes, are written.
    stage = Stage("tests", plan.tests, plan.settings, plan.tracks, written=stage.tests)
    return with_partners(stage, chosen, len(chosen)), chosen


def _write_sampled(plan: CremePlan, run: Run, genes: Sequence[Gene], table: pd.DataFrame) -> None:
    """Write summary/sampled.parquet: genes and tracks in the running, their classes, and which go on."""
    of_gene = pd.DataFrame(genes).iloc[table["row"]].reset_index(drop=True)
    rows = of_gene[["gene_id", "gene_name", "chrom", "tss", "strand"]].assign(
        track_id=table["track"].to_numpy(),
        context=table["call"].to_numpy(),
        sampled=table["sampled"].to_numpy(),
    )
    path = run.out / "summary" / "sampled.parquet"
    write_table(path, as_table(rows, SAMPLED, run.metadata | plan.metadata))


def with_partners(stage: Stage, genes: Sequence[Gene], most: int) -> Stage:
    """Let the context swap test bring `most` genes of the stage into every gene's context.

    They are those whose keys have the smallest hashes: in a pipeline that is every gene of the stage.
    """
    if not any(find_test(test).swaps for test in stage.tests):
        return stage
    chosen = sorted(genes, key=lambda g: digest_of_names([gene_key(g)]))[:most]
    partners = {
        gene_key(g): Partner(g["chrom"], int(g["tss"]), g["strand"], g.get("searched")) for g in chosen
    }
    return replace(stage, settings=replace(stage.settings, partners=tuple(partners)), partners=partners)


def pick_genes(plan: CremePlan, run: Run, genes: Sequence[Gene], store: PassStore) -> list[Gene]:
    """Return the most active genes of each track, with their tracks, and write summary/activity.parquet."""
    if not genes:
        return []
    table, n_tracks = pd.DataFrame(genes), len(plan.tracks)
    activity, chosen = _most_active(plan, genes, store)
    rows = table.loc[table.index.repeat(n_tracks), ["gene_id", "gene_name", "chrom", "tss", "strand"]]
    rows = rows.assign(
        track_id=np.tile(plan.tracks, len(table)), activity=activity.ravel(), chosen=chosen.ravel()
    )
    write_table(
        run.out / "summary" / "activity.parquet", as_table(rows, ACTIVITIES, run.metadata | plan.metadata)
    )
    n = int(chosen.any(axis=1).sum())
    say(f"{n:,} of {len(genes):,} TSSs are the most active of their genes and among the highest")
    return _searched(genes, chosen)


def picked_genes(plan: CremePlan, genes: Sequence[Gene], store: PassStore) -> list[Gene]:
    """Return what `pick_genes` does, where the wild types of all genes are known; write nothing."""
    return _searched(genes, _most_active(plan, genes, store)[1])


def _most_active(
    plan: CremePlan, genes: Sequence[Gene], store: PassStore
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """TSS activity, and whether a gene is among the most active; both (genes, tracks)."""
    assert plan.top is not None
    activity = np.stack([tss_activity(store.find(gene_folder(g), WT.key, plan.tracks)) for g in genes])
    top = top_genes(pd.DataFrame(genes), activity, plan.top, plan.settings.compat)
    chosen = np.zeros(activity.shape, dtype=bool)
    chosen[top.rows] = top.member
    return activity, chosen


def _searched(genes: Sequence[Gene], chosen: NDArray[np.bool_]) -> list[Gene]:
    """Genes that are chosen on any track, each with its tracks."""
    return [
        {**gene, "searched": tuple(np.flatnonzero(member).tolist())}
        for gene, member in zip(genes, chosen, strict=True)
        if member.any()
    ]
