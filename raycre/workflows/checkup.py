"""Whether a configuration can run here: a table of checks. Each says pass, warn or fail, and what to do.

A check is one function from a `Case` to findings. What it raises by name is a failure that it has found.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from raycre.config import PerturbConfig, PredictConfig, PrepareConfig, TrainConfig
from raycre.config.reading import check, read_values
from raycre.create.inference.checkpoints import read_checkpoint
from raycre.create.layout import WIDTH
from raycre.engine.local_ray import usable_cpus
from raycre.engine.resources import Share
from raycre.errors import ConfigError, RaycreError
from raycre.genome.fasta import Fasta
from raycre.genome.features import Signals
from raycre.genome.regions import read_labels, read_regions, resize
from raycre.genome.tracks import Track
from raycre.store.bucket_path import BucketPath
from raycre.store.lease import find_over
from raycre.workflows.devices import gpu_names
from raycre.workflows.inputs import SignalInputs, check_out, read_blacklist, signal_paths
from raycre.workflows.perturb.planning import plan_creme
from raycre.workflows.predict.cost import PER_REGION
from raycre.workflows.prepare.plan import plan_prepare, sources_of
from raycre.workflows.run import Start
from raycre.workflows.train.materialise import read_labelled
from raycre.workflows.train.plan import plan_of

Config = TrainConfig | PredictConfig | PerturbConfig | PrepareConfig
_SAMPLED = 512  # regions whose signal is looked at
_SPARE = 1 << 30  # bytes that a disk should have left
# What only one verb's configuration has: a section, and a key in it ("" for any).
_TOLD_BY: tuple[tuple[str, str, str, type[Config]], ...] = (
    ("prepare", "sources", "", PrepareConfig),
    ("predict", "model", "checkpoint", PredictConfig),
    ("creme", "model", "backbone", PerturbConfig),
    ("train", "inputs", "labels", TrainConfig),
)


class Finding(NamedTuple):
    """One line: of what check, about what (a key, "" for the machine), what is so, and what to do."""

    check: str
    status: Literal["pass", "warn", "fail"]
    about: str
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Case:
    """A configuration, and what several checks read of it."""

    verb: str
    config: Any

    @cached_property
    def paths(self) -> dict[str, Path]:
        """Input files by their key."""
        if isinstance(self.config, PrepareConfig):
            found = sources_of(self.config)
            return {s.key: s.path for s in found if s.path is not None and not s.is_remote}
        paths: dict[str, Path] = self.config.paths()
        return paths

    @cached_property
    def inputs(self) -> SignalInputs:
        """Genome and signals of train and predict."""
        return SignalInputs(**self.config.inputs.signals())

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Bp of each chromosome of the FASTA; the errors of `Fasta`."""
        with Fasta(self.config.inputs.fasta) as genome:
            return genome.sizes

    @cached_property
    def regions(self) -> pd.DataFrame:
        """Regions or labels of train and predict, resized as the run resizes them."""
        train = self.verb == "train"
        path, read = (
            (self.config.inputs.labels, read_labels) if train else (self.config.inputs.regions, read_regions)
        )
        found = read(path, sizes=self.sizes, outside=self.inputs.outside)
        return resize(found.table, WIDTH, self.sizes).table

    @cached_property
    def signals(self) -> dict[str, Path]:
        """bigWig and bedGraph of accessibility, by key."""
        return {f"inputs.openness[{i}]": path for i, path in enumerate(self.inputs.openness)}


def check_inputs_exist(case: Case) -> Iterator[Finding]:
    """Each input exists, can be read and is not empty."""
    for key, path in case.paths.items():
        if not path.is_file():
            yield _failed("files", key, f"{path}: no such file", "check the path in the configuration")
        elif not isinstance(path, BucketPath) and not os.access(path, os.R_OK):
            yield _failed("files", key, f"{path} cannot be read", f"chmod u+r {path}")
        elif not path.stat().st_size:
            yield _failed("files", key, f"{path} is empty", "get it again")
        else:
            yield _passed("files", key, f"{path.stat().st_size / 1e6:,.1f} MB")


def check_genome(case: Case) -> Iterator[Finding]:
    """The FASTA opens, and its index is there and its own."""
    path = case.config.inputs.fasta
    # Before it is opened, which makes one; the copy of an object on this node has none at first.
    indexed = isinstance(path, BucketPath) or Path(f"{path}.fai").is_file()
    yield _passed("genome", "inputs.fasta", f"{len(case.sizes):,} sequences, {sum(case.sizes.values()):,} bp")
    if not indexed:
        yield Finding(
            "genome", "warn", "inputs.fasta", "it had no index; one is made now", f"samtools faidx {path}"
        )


def check_assembly(case: Case) -> Iterator[Finding]:
    """Each signal opens, and its chromosomes have the lengths of the FASTA."""
    for key, path in case.signals.items():
        with Track(path, case.sizes) as track:
            n = len(case.sizes) - len(track.absent)
            yield _passed(
                "assembly", key, f"{n:,} of {len(case.sizes):,} chromosomes, lengths as the FASTA's"
            )


def check_regions(case: Case) -> Iterator[Finding]:
    """Regions or labels are read, lie on the FASTA, and are not all in the blacklist."""
    key = "inputs.labels" if case.verb == "train" else "inputs.regions"
    n = len(case.regions)
    if not n:
        yield _failed("regions", key, "no region is left", "look at outside and at the chromosomes' names")
    else:
        yield _passed("regions", key, f"{n:,} regions of {WIDTH:,} bp")
    if case.inputs.blacklist is not None:
        read_blacklist(case.inputs.blacklist, case.sizes)
        yield _passed("regions", "inputs.blacklist", "read")


def check_coverage(case: Case) -> Iterator[Finding]:
    """How many regions lie on chromosomes that a signal has data of."""
    chrom = case.regions["chrom"].to_numpy(dtype=object)
    for key, path in case.signals.items():
        with Track(path, case.sizes) as track:
            lacking = track.regions_without(chrom)
        without, about = sum(lacking.values()), f"{len(chrom):,} regions"
        if without:
            message = (
                f"no data on the chromosomes of {without:,} of {about} ({', '.join(lacking)}): they read as 0"
            )
            yield Finding("coverage", "warn", key, message, "drop these regions, or get a whole file")
        else:
            yield _passed("coverage", key, f"data on the chromosomes of all {about}")


def check_values(case: Case) -> Iterator[Finding]:
    """Whether signals look like read counts, which models are trained on, and are not 0 in all regions."""
    table = case.regions
    rows = np.unique(np.linspace(0, len(table) - 1, min(_SAMPLED, len(table))).astype(np.int64))
    chrom, start = (table[c].to_numpy()[rows] for c in ("chrom", "start"))
    for key, path in case.signals.items():
        with Track(path, case.sizes) as track:
            values = track.read_many(chrom, start, WIDTH)
        said = f"mean {values.mean():.3g}, largest {values.max():.4g} in {len(rows):,} regions"
        if not values.any():
            yield Finding(
                "values", "warn", key, f"0 in all of {len(rows):,} regions", "is it of these cells?"
            )
        elif not (values == np.rint(values)).all():
            remedy = "models of read counts, the published ones too, need bigWigs of counts"
            yield Finding("values", "warn", key, f"no whole numbers ({said}): fold change or a mean?", remedy)
        else:
            yield _passed("values", key, f"counts: {said}")


def check_weights(case: Case) -> Iterator[Finding]:
    """The trained models load, read these signals and have these cutoffs."""
    model = read_checkpoint(case.config.model.checkpoint, case.config.model.folds)
    model.check_signals([name for name in ("openness", "loops") if getattr(case.inputs, name)])
    given = case.config.model.cutoffs
    model.check_cutoffs({} if given is None else given.model_dump())
    yield _passed("weights", "model.checkpoint", f"{len(model.folds)} folds, {', '.join(model.modalities)}")


def check_training(case: Case) -> Iterator[Finding]:
    """Network, recipe and folds go together, and each class has regions for the folds."""
    plan = plan_of(case.config)
    signals = Signals(signal_paths(plan.signals, plan.network.modalities))
    labelled = read_labelled(plan, signals)
    said = f"{len(labelled.table):,} regions of {', '.join(labelled.classes)}; {plan.folds.n} folds"
    yield _passed("training", "inputs.labels", said)


def check_loops(case: Case) -> Iterator[Finding]:
    """Loops are read, and lie on the FASTA."""
    if case.inputs.loops is None:
        return
    signals = Signals(signal_paths(case.inputs, ("loops",)))
    if signals.loops_dropped:
        message = f"{signals.loops_dropped:,} loops are off the FASTA and left out"
        yield Finding("loops", "warn", "inputs.loops", message, "take loops of the FASTA's assembly")
    else:
        yield _passed("loops", "inputs.loops", f"read as {signals.loops_read_as}")
    for lacking in signals.without_data(case.regions):
        message = f"no loop on the chromosomes of {sum(lacking.regions.values()):,} regions: they read as 0"
        yield Finding("loops", "warn", lacking.key, message, "drop these regions, or get a whole file")


def check_creme(case: Case) -> Iterator[Finding]:
    """Weights load, the query finds tracks, and genes have windows."""
    plan, _ = plan_creme(case.config)
    yield _passed("weights", "model", plan.model_label)
    yield _passed("tracks", "tracks", f"{len(plan.tracks):,} found")
    if len(plan.refused):
        message = f"{len(plan.genes):,} taken, {len(plan.refused):,} refused: {plan.refused.iloc[0].reason}"
        yield Finding("genes", "warn", "inputs.genes", message, "take a FASTA that holds their windows")
    else:
        yield _passed("genes", "inputs.genes", f"{len(plan.genes):,}")


def check_sources(case: Case) -> Iterator[Finding]:
    """Sources are here or will be fetched; where all are here, genome, assembly and chains fit together."""
    sources = sources_of(case.config)
    absent = [s for s in sources if s.is_remote and not (s.path and s.path.is_file())]
    for source in absent:
        message = f"not in the cache: the run fetches {source.published.address}"
        remedy = "run raycre prepare where there is a network, with the same RAYCRE_CACHE"
        yield Finding("sources", "warn", source.key, message, remedy)
    if not absent:
        with Start("prepare", case.config.run.out, fresh=False, dry_run=True) as start:
            plan = plan_prepare(case.config, sources, start)
        said = f"{len(sources)} sources, {len(plan.sizes):,} chromosomes of {case.config.assembly}"
        yield _passed("sources", "", said)


def check_devices(case: Case) -> Iterator[Finding]:
    """A local run has the processors and GPUs that one replica or worker asks for."""
    share = Share(**case.config.resources.share())
    here, gpus = usable_cpus(), gpu_names()
    if os.environ.get("RAY_ADDRESS", "").strip():
        yield Finding("devices", "warn", "resources", f"the cluster was not asked for {share}", "ray status")
    elif share.cpus > here:
        yield _failed("devices", "resources", f"{share} asked, {here} CPUs here", "ask for fewer")
    elif share.gpus > len(gpus):
        remedy = "set the GPUs of resources to 0, or install a CUDA build of torch"
        yield _failed("devices", "resources", f"{share} asked, torch sees {len(gpus)} GPUs", remedy)
    else:
        yield _passed(
            "devices", "resources", f"{share} asked; {here} CPUs, {', '.join(gpus) or 'no GPU'} here"
        )


def check_memory(case: Case) -> Iterator[Finding]:
    """A replica's memory is here."""
    share = Share(**case.config.resources.share())
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if share.memory > whole and not os.environ.get("RAY_ADDRESS", "").strip():
        message = f"{share.memory / 2**30:.1f} GiB asked of {whole / 2**30:.1f} GiB"
        yield _failed("memory", "resources.memory", message, "ask for less")
    else:
        yield _passed("memory", "resources", f"{whole / 2**30:.1f} GiB here")


def check_run_folder(case: Case) -> Iterator[Finding]:
    """The run folder may be one, nobody is at work in it, and its disk has room."""
    out = case.config.run.out
    check_out(out)
    find_over(out)
    if isinstance(out, BucketPath):
        yield _passed("folder", "run.out", "in object storage")
        return
    parent = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    needed = _SPARE + (PER_REGION * len(case.regions) if case.verb == "predict" else 0)
    free = shutil.disk_usage(parent).free
    if not os.access(parent, os.W_OK):
        yield _failed("folder", "run.out", f"{parent} cannot be written", "name another folder")
    elif free < needed:
        message = f"{free / 2**30:.1f} GiB free, {needed / 2**30:.1f} GiB wanted"
        yield Finding("folder", "warn", "run.out", message, "free some, or name a folder of another disk")
    else:
        yield _passed("folder", "run.out", f"{free / 2**30:.1f} GiB free")


_SIGNALS = ("train", "predict")
CHECKS: tuple[tuple[str, Callable[[Case], Iterator[Finding]], tuple[str, ...]], ...] = (
    ("files", check_inputs_exist, ("train", "predict", "creme", "prepare")),
    ("genome", check_genome, ("train", "predict", "creme")),
    ("assembly", check_assembly, _SIGNALS),
    ("regions", check_regions, _SIGNALS),
    ("loops", check_loops, _SIGNALS),
    ("coverage", check_coverage, _SIGNALS),
    ("values", check_values, _SIGNALS),
    ("weights", check_weights, ("predict",)),
    ("training", check_training, ("train",)),
    ("weights, tracks, genes", check_creme, ("creme",)),
    ("sources", check_sources, ("prepare",)),
    ("devices", check_devices, ("train", "predict", "creme")),
    ("memory", check_memory, ("train", "predict", "creme")),
    ("folder", check_run_folder, ("train", "predict", "creme", "prepare")),
)


def read_case(path: Path) -> Case:
    """Read the configuration of any verb.

    Raises:
        MissingInputError, ConfigError: as `read_config`, or of no verb.
    """
    values, source = read_values(path, ())
    for verb, section, key, kind in _TOLD_BY:
        part = values.get(section)
        if part is not None and (not key or (isinstance(part, Mapping) and key in part)):
            return Case(verb, check(kind, values, source))
    told = ", ".join(f"{'.'.join(filter(None, row[1:3]))} ({row[0]})" for row in _TOLD_BY)
    raise ConfigError(f"of which verb? It has none of {told}; see raycre init", path=path)


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
                found.append(_failed(name, "", str(error), "see the message"))
            said.add(str(error))
    return found


def _passed(name: str, about: str, message: str) -> Finding:
    return Finding(name, "pass", about, message)


def _failed(name: str, about: str, message: str, remedy: str) -> Finding:
    return Finding(name, "fail", about, message, remedy)
