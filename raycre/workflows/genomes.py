"""The verb `genome`: an assembly's FASTA, sizes, blacklist, genes and chain, fetched and ready to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raycre.genome.cache import cache_folder
from raycre.genome.fasta import Fasta
from raycre.log import say
from raycre.published.bgzip import recompress
from raycre.published.cache import fetch, place_of, record_of
from raycre.published.catalogue import Published
from raycre.published.genomes import GENOMES, Genome, find_genome
from raycre.store.files import read_json, sha256_of, write_json
from raycre.store.lock import locked
from raycre.workflows.progress import downloading


def fasta_of(genome: Genome) -> Path:
    """Where a genome's FASTA is, or would be: bgzip, with its index beside it."""
    return cache_folder() / "genomes" / genome.name / f"{genome.name}.fa.gz"


def list_genomes() -> dict[str, Any]:
    """Every genome, and what of it the cache has."""
    return {
        "genomes": [
            {
                "name": genome.name,
                "what": genome.what,
                "fasta": "yes" if _is_ready(genome) else "no",
                "others": ", ".join(
                    role for role, item in genome.others.items() if place_of(item).is_file()
                ) or "none",
                "path": str(fasta_of(genome)),
            }
            for genome in GENOMES.values()
        ]
    }  # fmt: skip


def fetch_genome(name: str, *, offline: bool = False) -> dict[str, Any]:
    """Bring an assembly's files into the cache; what is there is checked, or left where it is ready.

    The FASTA comes as gzip and is written again as bgzip with its index; then the download is removed.

    Returns:
        Each file with its path and how it was checked, ready for JSON.

    Raises:
        ConfigError: no such genome.
        FetchError: see `published.cache.fetch`.
        InputError: no network and not cached, or a cached file that is not the published one.
    """
    genome = find_genome(name)
    rows = [_fetch(role, item, offline) for role, item in genome.others.items()]
    return {"genome": genome.name, "files": [_fetch_fasta(genome, offline), *rows]}


def _fetch(role: str, item: Published, offline: bool) -> dict[str, Any]:
    with downloading(item.name) as watch:
        brought = fetch(item, offline=offline, watch=watch, say=say)
    return _row(role, item, place_of(item), brought)


def _fetch_fasta(genome: Genome, offline: bool) -> dict[str, Any]:
    path, item = fasta_of(genome), genome.fasta
    with locked(path.with_name("lock"), say):
        brought = not _is_ready(genome)
        if brought:
            with downloading(item.name) as watch:
                fetch(item, offline=offline, watch=watch, say=say)
            source = place_of(item)
            say(f"{item.name}: written again as bgzip, {path}")
            with downloading(f"{item.name} as bgzip") as watch:
                text = recompress(
                    source,
                    path,
                    unpacked_sha256=genome.unpacked_sha256,
                    watch=lambda done: watch(done, None),
                )
            Fasta(path).close()  # makes the index
            facts = {"address": item.address, "sha256": sha256_of(path), "unpacked_sha256": text}
            write_json(_record(genome), facts)
            source.unlink()
    return _row("fasta", item, path, brought)


def _record(genome: Genome) -> Path:
    return fasta_of(genome).with_name("fasta.json")


def _is_ready(genome: Genome) -> bool:
    """Whether the FASTA was written whole, of this address."""
    path = _record(genome)
    return (
        fasta_of(genome).is_file()
        and path.is_file()
        and read_json(path).get("address") == genome.fasta.address
    )


def _row(role: str, item: Published, path: Path, brought: bool) -> dict[str, Any]:
    known = [name for name in ("sha256", "md5") if getattr(item, name)]
    return {
        "file": role,
        "was": "fetched" if brought else "there",
        "checked_by": ", ".join(known) or ("recorded sha256" if record_of(item) else "nothing yet"),
        "seen": item.seen,
        "licence": item.licence,
        "path": str(path),
    }
