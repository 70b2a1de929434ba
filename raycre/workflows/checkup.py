"""Whether a configuration can run here: a table of checks. Each says pass, warn or fail, and what to do.

A check is one function from a `Case` to findings. What it raises by name is a failure that it has found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from raycre.create.inference.checkpoints import read_checkpoint
from raycre.create.layout import WIDTH
from raycre.errors import RaycreError
from raycre.genome.features import Signals
from raycre.genome.signal_values import OPENNESS_VALUES, differ_in_scale, sampled_rows, signal_values
from raycre.genome.tracks import Track
from raycre.store.bucket_path import BucketPath
from raycre.store.files import read_json
from raycre.store.location import path_of
from raycre.store.old_run import RECORD
from raycre.workflows.checkup_case import Case, Finding, failed, passed, warned
from raycre.workflows.checkup_machine import (
    check_devices,
    check_memory,
    check_nodes,
    check_run_folder,
)
from raycre.workflows.inputs import read_blacklist, signal_paths
from raycre.workflows.perturb.planning import plan_creme
from raycre.workflows.prepare.plan import plan_prepare, sources_of
from raycre.workflows.run import Start
from raycre.workflows.train.materialise import read_labelled
from raycre.workflows.train.plan import plan_of


def check_inputs_exist(case: Case) -> Iterator[Finding]:
    """Each input exists, can be read and is not empty."""
    for key, path in case.paths.items():
        if not path.is_file():
            yield failed("files", key, f"{path}: no such file", "check the path in the configuration")
        elif not isinstance(path, BucketPath) and not os.access(path, os.R_OK):
            yield failed("files", key, f"{path} cannot be read", f"chmod u+r {path}")
        elif not path.stat().st_size:
            yield failed("files", key, f"{path} is empty", "get it again")
        else:
            yield passed("files", key, f"{path.stat().st_size / 1e6:,.1f} MB")


def check_genome(case: Case) -> Iterator[Finding]:
    """The FASTA opens, and its index is there and its own."""
    path = case.config.inputs.fasta
    # Before it is opened, which makes one; the copy of an object on this node has none at first.
    indexed = isinstance(path, BucketPath) or Path(f"{path}.fai").is_file()
    yield passed("genome", "inputs.fasta", f"{len(case.sizes):,} sequences, {sum(case.sizes.values()):,} bp")
    if not indexed:
        yield warned("genome", "inputs.fasta", "it had no index; one is made now", f"samtools faidx {path}")


def check_assembly(case: Case) -> Iterator[Finding]:
    """Each signal opens, and its chromosomes have the lengths of the FASTA."""
    for key, path in case.signals.items():
        with Track(path, case.sizes) as track:
            n = len(case.sizes) - len(track.absent)
            yield passed("assembly", key, f"{n:,} of {len(case.sizes):,} chromosomes, lengths as the FASTA's")


def check_regions(case: Case) -> Iterator[Finding]:
    """Regions or labels are read, lie on the FASTA, and are not all in the blacklist."""
    key = "inputs.labels" if case.verb == "train" else "inputs.regions"
    n = len(case.regions)
    if not n:
        yield failed("regions", key, "no region is left", "look at outside and at the chromosomes' names")
    else:
        yield passed("regions", key, f"{n:,} regions of {WIDTH:,} bp")
    if case.inputs.blacklist is not None:
        read_blacklist(case.inputs.blacklist, case.sizes)
        yield passed("regions", "inputs.blacklist", "read")


def check_coverage(case: Case) -> Iterator[Finding]:
    """How many regions lie on chromosomes that a signal has data of."""
    chrom = case.regions["chrom"].to_numpy(dtype=object)
    if not len(chrom):
        return
    for key, path in case.signals.items():
        with Track(path, case.sizes) as track:
            lacking = track.regions_without(chrom)
        without, about = sum(lacking.values()), f"{len(chrom):,} regions"
        if without:
            message = (
                f"no data on the chromosomes of {without:,} of {about} ({', '.join(lacking)}): they read as 0"
            )
            yield warned("coverage", key, message, "drop these regions, or get a whole file")
        else:
            yield passed("coverage", key, f"data on the chromosomes of all {about}")


def check_values(case: Case) -> Iterator[Finding]:
    """Whether signals look like read counts, which models are trained on, and are not 0 in all regions."""
    table = case.regions
    if table.empty:
        return
    rows = sampled_rows(len(table))
    chrom, start = (table[c].to_numpy()[rows] for c in ("chrom", "start"))
    for key, path in case.signals.items():
        with Track(path, case.sizes) as track:
            values = track.read_many(chrom, start, WIDTH)
        said = f"mean {values.mean():.3g}, largest {values.max():.4g} in {len(rows):,} regions"
        if not values.any():
            yield warned("values", key, f"0 in all of {len(rows):,} regions", "is it of these cells?")
        elif not (values == np.rint(values)).all():
            remedy = "models of read counts, the published ones too, need bigWigs of counts"
            yield warned("values", key, f"no whole numbers ({said}): fold change or a mean?", remedy)
        else:
            yield passed("values", key, f"counts: {said}")


def check_scale(case: Case) -> Iterator[Finding]:
    """Whether values are of the size that the model was trained on, which reads log10(mean + 1)."""
    record_of = path_of(str(case.config.model.checkpoint)) / RECORD
    if not case.inputs.openness or not record_of.is_file():
        return  # a file of weights says nothing of its training: `values` has told counts from fold change
    record = read_json(record_of)
    known = record.get(OPENNESS_VALUES)
    if OPENNESS_VALUES not in record:
        message = "an earlier raycre made the training, which has no record of its tracks' values"
        remedy = "compare the mean with that of the training's tracks"
        yield warned("scale", "inputs.openness", message, remedy)
    if known is None or case.regions.empty:  # or the model reads none
        return
    with ExitStack() as stack:
        tracks = [stack.enter_context(Track(path, case.sizes)) for path in case.signals.values()]
        found = signal_values(tracks, case.regions, WIDTH)
    said = f"mean {found['mean']:.3g}, 99 % of bases at most {found['quantiles']['0.99']:.4g}; in training "
    said += f"{known['mean']:.3g} and {known['quantiles']['0.99']:.4g}"
    if found["whole"] != known["whole"]:
        kinds = {True: "whole numbers", False: "no whole numbers"}
        message = f"{kinds[found['whole']]} where the training had {kinds[known['whole']]} ({said})"
        remedy = "give tracks of the same kind: counts, or fold change"
        yield warned("scale", "inputs.openness", message, remedy)
    elif differ_in_scale(found, known):
        remedy = "give tracks of like depth, or scale them; else calls mean little"
        yield warned("scale", "inputs.openness", f"more than threefold apart: {said}", remedy)
    else:
        yield passed("scale", "inputs.openness", said)


def check_weights(case: Case) -> Iterator[Finding]:
    """The trained models load, read these signals and have these cutoffs."""
    model = read_checkpoint(case.config.model.checkpoint, case.config.model.folds)
    model.check_signals([name for name in ("openness", "loops") if getattr(case.inputs, name)])
    given = case.config.model.cutoffs
    model.check_cutoffs({} if given is None else given.model_dump())
    yield passed("weights", "model.checkpoint", f"{len(model.folds)} folds, {', '.join(model.modalities)}")


def check_training(case: Case) -> Iterator[Finding]:
    """Network, recipe and folds go together, and each class has regions for the folds."""
    plan = plan_of(case.config)
    signals = Signals(signal_paths(plan.signals, plan.network.modalities))
    labelled = read_labelled(plan, signals)
    said = f"{len(labelled.table):,} regions of {', '.join(labelled.classes)}; {plan.folds.n} folds"
    yield passed("training", "inputs.labels", said)


def check_loops(case: Case) -> Iterator[Finding]:
    """Loops are read, and lie on the FASTA."""
    if case.inputs.loops is None:
        return
    signals = Signals(signal_paths(case.inputs, ("loops",)))
    if signals.loops_dropped:
        message = f"{signals.loops_dropped:,} loops are off the FASTA and left out"
        yield warned("loops", "inputs.loops", message, "take loops of the FASTA's assembly")
    else:
        yield passed("loops", "inputs.loops", f"read as {signals.loops_read_as}")
    for lacking in signals.without_data(case.regions):
        message = f"no loop on the chromosomes of {sum(lacking.regions.values()):,} regions: they read as 0"
        yield warned("loops", lacking.key, message, "drop these regions, or get a whole file")


def check_creme(case: Case) -> Iterator[Finding]:
    """Weights load, the query finds tracks, and genes have windows."""
    plan, _ = plan_creme(case.config)
    yield passed("weights", "model", plan.model_label)
    yield passed("tracks", "tracks", f"{len(plan.tracks):,} found")
    if len(plan.refused):
        message = f"{len(plan.genes):,} taken, {len(plan.refused):,} refused: {plan.refused.iloc[0].reason}"
        yield warned("genes", "inputs.genes", message, "take a FASTA that holds their windows")
    else:
        yield passed("genes", "inputs.genes", f"{len(plan.genes):,}")


def check_sources(case: Case) -> Iterator[Finding]:
    """Sources are here or will be fetched; where all are here, genome, assembly and chains fit together."""
    sources = sources_of(case.config)
    absent = [s for s in sources if s.is_remote and not (s.path and s.path.is_file())]
    for source in absent:
        message = f"not in the cache: the run fetches {source.published.address}"
        remedy = "run raycre prepare where there is a network, with the same RAYCRE_CACHE"
        yield warned("sources", source.key, message, remedy)
    if not absent:
        with Start("prepare", case.config.run.out, fresh=False, dry_run=True) as start:
            plan = plan_prepare(case.config, sources, start)
        said = f"{len(sources)} sources, {len(plan.sizes):,} chromosomes of {case.config.assembly}"
        yield passed("sources", "", said)


_SIGNALS = ("train", "predict")
CHECKS: tuple[tuple[str, Callable[[Case], Iterator[Finding]], tuple[str, ...]], ...] = (
    ("files", check_inputs_exist, ("train", "predict", "creme", "prepare")),
    ("genome", check_genome, ("train", "predict", "creme")),
    ("assembly", check_assembly, _SIGNALS),
    ("regions", check_regions, _SIGNALS),
    ("loops", check_loops, _SIGNALS),
    ("coverage", check_coverage, _SIGNALS),
    ("values", check_values, _SIGNALS),
    ("scale", check_scale, ("predict",)),
    ("weights", check_weights, ("predict",)),
    ("training", check_training, ("train",)),
    ("weights, tracks, genes", check_creme, ("creme",)),
    ("sources", check_sources, ("prepare",)),
    ("devices", check_devices, ("train", "predict", "creme")),
    ("memory", check_memory, ("train", "predict", "creme")),
    ("cluster", check_nodes, ("train", "predict", "creme")),
    ("folder", check_run_folder, ("train", "predict", "creme", "prepare")),
)


def examine_case(case: Case) -> list[Finding]:
    """Run every check of the verb; what one raises by name is its finding."""
    found: list[Finding] = []
    said: set[str] = set()
    for name, run, verbs in CHECKS:
        if case.verb not in verbs:
            continue
        try:
            found += run(case)
        except (RaycreError, OSError) as error:
            if str(error) not in said:  # one cause is told once, by the first check that it ends
                found.append(failed(name, "", str(error), "see the message"))
            said.add(str(error))
    return found
