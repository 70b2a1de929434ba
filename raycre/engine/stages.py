"""The steps of a CREME run, and which genes each of them is about.

Tests that are asked for by name are one step. A pipeline is two: the context test of all genes, then every
test of the genes that its classes give (CREME Methods, "Context dependence test").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from raycre.config import PerturbConfig
from raycre.creme.backgrounds import classes_of_gene
from raycre.creme.settings import Settings
from raycre.engine.effects import read_activity
from raycre.engine.progress import say
from raycre.engine.study import Study
from raycre.engine.units import Partner, Stage, gene_key
from raycre.store.passes import PassStore
from raycre.store.run import Run

Gene = Mapping[str, Any]
SAMPLED = ("enhancing", "neutral", "silencing")


def first_stage(config: PerturbConfig, study: Study, genes: Sequence[Gene]) -> Stage:
    """Return the first step: all tests, or the context test of a pipeline."""
    if config.tests == "pipeline":
        return Stage("context", ("context",), _only(study.settings, "context"))
    return with_partners(Stage("tests", study.tests, study.settings), genes)


def screening(study: Study) -> Stage:
    """Return the step before all others where a run is about the most active genes: their wild types."""
    return Stage("activity", ("activity",), study.settings)


def next_stage(
    config: PerturbConfig, study: Study, stage: Stage, genes: Sequence[Gene], store: PassStore
) -> tuple[Stage | None, Sequence[Gene]]:
    """Return the step after `stage`, None where it was the last, and its genes.

    Args:
        config: of the run.
        study: of the run.
        stage: that is done.
        genes: all of whose units are done.
        store: what is known of them.
    """
    if config.tests != "pipeline" or stage.name != "context":
        return None, genes
    classes = []
    for gene in genes:
        known = read_activity(store, gene, study.tracks)
        classes.append(classes_of_gene(stage.settings, known))
    from raycre.creme.selection import sample_contexts

    chosen: list[Gene] = []
    searched = sample_contexts(
        classes,
        [gene_key(gene) for gene in genes],
        n=config.creme.per_class,
        seed=config.run.seed,
        compat=config.creme.compat,
        wanted=SAMPLED,
    )
    for gene, tracks in zip(genes, searched, strict=True):
        if tracks:
            chosen.append({**gene, "searched": tracks})
    say(f"pipeline: {len(chosen):,} of {len(genes):,} genes go on, by the classes of their contexts")
    return with_partners(Stage("tests", study.tests, study.settings), chosen), chosen


def with_partners(stage: Stage, genes: Sequence[Gene]) -> Stage:
    """Let the context swap test bring every gene of the stage into every other's context."""
    if "swap" not in stage.tests:
        return stage
    partners = {
        gene_key(g): Partner(g["chrom"], int(g["tss"]), g["strand"], g.get("searched")) for g in genes
    }
    return replace(stage, settings=replace(stage.settings, partners=tuple(partners)), partners=partners)


def _only(settings: Settings, test: str) -> Settings:
    return replace(settings, n_shuffles={test: settings.n(test)})


def pick_genes(
    config: PerturbConfig, study: Study, run: Run, genes: Sequence[Gene], store: PassStore
) -> list[Gene]:
    """Return the most active genes of each track, with the tracks on which they are, and write their table."""
    raise NotImplementedError
