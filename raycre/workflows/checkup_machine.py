"""Checks of what a run would use: processors, memory, disk, and the nodes of a cluster."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from raycre.engine.capacity import check_room, fit_now
from raycre.engine.cluster import connected
from raycre.engine.jobs import GROUP
from raycre.engine.local_ray import usable_cpus
from raycre.engine.nodes import on_every_node
from raycre.engine.resources import Share
from raycre.errors import ChangedInputError
from raycre.genome.fingerprint import Fingerprint, check_unchanged, fingerprint
from raycre.store.bucket_path import BucketPath
from raycre.store.files import TEMPORARY
from raycre.store.lease import find_over
from raycre.store.run import versions_here
from raycre.workflows.checkup_case import Case, Finding, failed, passed, warned
from raycre.workflows.devices import gpu_names
from raycre.workflows.inputs import check_out
from raycre.workflows.predict.cost import PER_REGION

_SPARE = 1 << 30  # bytes that a disk should have left
SHARE = "put it where all nodes see it, at the same path, or a copy of it at that path on every node"


def check_devices(case: Case) -> Iterator[Finding]:
    """A local run has the processors and GPUs that one replica or worker asks for."""
    share = Share(**case.config.resources.share())
    here, gpus = usable_cpus(), gpu_names()
    if has_cluster():
        return
    if share.cpus > here:
        yield failed("devices", "resources", f"{share} asked, {here} CPUs here", "ask for fewer")
    elif share.gpus > len(gpus):
        remedy = "set the GPUs of resources to 0, or install a CUDA build of torch"
        yield failed("devices", "resources", f"{share} asked, torch sees {len(gpus)} GPUs", remedy)
    else:
        yield passed(
            "devices", "resources", f"{share} asked; {here} CPUs, {', '.join(gpus) or 'no GPU'} here"
        )


def check_memory(case: Case) -> Iterator[Finding]:
    """A replica's memory is here."""
    share = Share(**case.config.resources.share())
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if has_cluster():
        return
    if share.memory > whole:
        message = f"{share.memory / 2**30:.1f} GiB asked of {whole / 2**30:.1f} GiB"
        yield failed("memory", "resources.memory", message, "ask for less")
    else:
        yield passed("memory", "resources", f"{whole / 2**30:.1f} GiB here")


def check_run_folder(case: Case) -> Iterator[Finding]:
    """The run folder may be one, nobody is at work in it, and its disk has room."""
    out = case.config.run.out
    check_out(out)
    find_over(out)
    if isinstance(out, BucketPath):
        yield passed("folder", "run.out", "in object storage")
        return
    parent = _existing(out)
    needed = _SPARE + (PER_REGION * len(case.regions) if case.verb == "predict" else 0)
    free = shutil.disk_usage(parent).free
    if not os.access(parent, os.W_OK):
        yield failed("folder", "run.out", f"{parent} cannot be written", "name another folder")
    elif free < needed:
        message = f"{free / 2**30:.1f} GiB free, {needed / 2**30:.1f} GiB wanted"
        yield warned("folder", "run.out", message, "free some, or name a folder of another disk")
    else:
        yield passed("folder", "run.out", f"{free / 2**30:.1f} GiB free")


def has_cluster() -> bool:
    """Whether a run here would use a cluster that is there."""
    return os.environ.get("RAY_ADDRESS", "").strip() not in ("", "local")


def _existing(out: Path) -> Path:
    return next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())


@dataclass(frozen=True)
class NodeQuestion:
    """What a node is asked.

    Attributes:
        probe: a file that the driver has just written where the run folder will be; None in a bucket.
        inputs: files as the driver sees them, by key.
    """

    probe: Path | None
    inputs: Mapping[str, Fingerprint]


@dataclass(frozen=True)
class NodeAnswer:
    """What a node says.

    Attributes:
        versions: of what results depend on.
        sees_folder: whether the probe is there.
        wrong: inputs that are not the driver's, by key, and why.
    """

    versions: Mapping[str, str]
    sees_folder: bool
    wrong: Mapping[str, str]


def answer_of_node(asked: NodeQuestion) -> NodeAnswer:
    """Look at versions, folder and inputs from this process."""
    wrong = {}
    for key, each in asked.inputs.items():
        if not each.path.is_file():
            wrong[key] = f"{each.path}: no such file there"
            continue
        try:
            check_unchanged([each])
        except ChangedInputError:
            wrong[key] = f"{each.path}: another file than here (its SHA-256 is not {each.sha256[:12]}…)"
    return NodeAnswer(versions_here(), asked.probe is None or asked.probe.is_file(), wrong)


def check_nodes(case: Case) -> Iterator[Finding]:
    """The cluster has room, and each node has these versions, the run folder and these very inputs."""
    if not has_cluster():
        return
    share, what = Share(**case.config.resources.share()), "replica"
    if case.verb == "train":
        share, what = share.times(case.config.resources.workers_per_fold), GROUP
    inputs = {key: fingerprint(path) for key, path in case.paths.items() if path.is_file()}
    with redirect_stdout(sys.stderr), connected():
        check_room(share, what)
        yield passed("cluster", "resources", f"a {what} asks for {share}; {fit_now(share):,} fit as it is")
        yield from ask_nodes(case.config.run.out, inputs)


def ask_nodes(out: Path, inputs: Mapping[str, Fingerprint]) -> Iterator[Finding]:
    """Ask every node of the cluster that Ray is connected to.

    Args:
        out: the run folder; a probe lies beside it, or in it, while nodes are asked.
        inputs: by key.
    """
    probe = (
        None if isinstance(out, BucketPath) else _existing(out) / f"{TEMPORARY}doctor-{uuid.uuid4().hex[:8]}"
    )
    try:
        if probe is not None:
            probe.touch()
        answers = on_every_node(answer_of_node, NodeQuestion(probe, inputs))
    finally:
        if probe is not None:
            probe.unlink(missing_ok=True)
    here = versions_here()
    for node, found in answers.items():
        if isinstance(found, Exception):
            remedy = "see that raycre is installed there as it is here, and that the node is alive"
            yield failed("nodes", node, f"no answer ({found!r:.200})", remedy)
            continue
        other = {name: v for name, v in found.versions.items() if here.get(name) != v}
        if other:
            said = ", ".join(f"{name} {v} (here {here.get(name)})" for name, v in other.items())
            yield failed("nodes", node, f"other versions: {said}", "install the same on every node")
        if not found.sees_folder:
            yield failed("nodes", node, f"does not see {_existing(out)}, where run.out will be", SHARE)
        for key, why in found.wrong.items():
            yield failed("nodes", node, f"{key}: {why}", SHARE)
        if not other and found.sees_folder and not found.wrong:
            yield passed("nodes", node, f"these versions, run.out and {len(inputs):,} inputs as here")
    if not answers:
        yield passed("nodes", "", "no node but this one")
