"""`raycre genome list` and `fetch`."""

from __future__ import annotations

from typing import Annotated

import typer

from raycre.cli.examples import ExampleGroup
from raycre.cli.options import Json
from raycre.cli.printing import print_result

genome = typer.Typer(
    cls=ExampleGroup,
    help="Genomes: FASTA, sizes, blacklist, genes and chains, fetched and checked.",
    no_args_is_help=True,
)


@genome.command("list")
def list_known(json_: Json = False) -> None:
    """List the genomes, and what the cache has of them."""
    from raycre.workflows.genomes import list_genomes

    print_result(list_genomes(), json_)


@genome.command("fetch")
def fetch_one(
    name: Annotated[str, typer.Argument(metavar="NAME", help="hg19, hg38 or GRCh38.")],
    offline: Annotated[bool, typer.Option("--offline", help="Use no network (RAYCRE_OFFLINE=1).")] = False,
    json_: Json = False,
) -> None:
    """Bring a genome into the cache, going on where it was cut off; its FASTA becomes bgzip with an index."""
    from raycre.workflows.genomes import fetch_genome

    found = fetch_genome(name, offline=offline)
    print_result(found, json_, f"next: give {found['files'][0]['path']} as inputs.fasta, or in sources.yaml")
