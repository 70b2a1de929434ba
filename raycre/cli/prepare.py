"""`raycre prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from raycre.cli.options import DryRun, Fresh, Json, Sets, Yes, asked
from raycre.cli.printing import print_result
from raycre.errors import ConfigError
from raycre.store.location import location

Manifest = Annotated[
    Path | None, typer.Option("--config", "-c", parser=location, help="Manifest of the sources, YAML.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", parser=location, help="Run folder (run.out).")]
Files = list[str] | None


def _files(flag: str, what: str) -> Any:
    return typer.Option(flag, metavar="[NAME=]FILE", help=what)


def prepare_inputs(
    config: Manifest = None,
    set_: Sets = None,
    out: Out = None,
    assembly: Annotated[str | None, typer.Option(help="Of the result: hg19, hg38, …")] = None,
    fasta: Annotated[Files, _files("--fasta", "The genome.")] = None,
    sizes: Annotated[Files, _files("--sizes", "Chromosome sizes, in place of a FASTA.")] = None,
    silencers: Annotated[Files, _files("--silencers", "Known silencers.")] = None,
    enhancers: Annotated[Files, _files("--enhancers", "Known enhancers.")] = None,
    promoters: Annotated[Files, _files("--promoters", "TSSs: BED, GTF or GFF3.")] = None,
    insulators: Annotated[Files, _files("--insulators", "CTCF peaks.")] = None,
    peaks: Annotated[Files, _files("--peaks", "Peaks of an experiment; once for each.")] = None,
    genes: Annotated[Files, _files("--genes", "Known genes: GTF, GFF3 or BED.")] = None,
    blacklist: Annotated[Files, _files("--blacklist", "Regions to leave out.")] = None,
    accessibility: Annotated[Files, _files("--accessibility", "Read counts, bigWig; for train.yaml.")] = None,
    loops: Annotated[Files, _files("--loops", "Loops, BEDPE; for train.yaml.")] = None,
    known: Annotated[
        str | None, typer.Option("--known", help="Print the manifest of K562 or HepG2, and do no more.")
    ] = None,
    dry_run: DryRun = False,
    fresh: Fresh = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Make labels, candidates and the YAMLs of train and predict from peaks and databases."""
    if known is not None:
        from raycre.prepare.known import known_manifest

        print(known_manifest(known), end="")
        return
    from raycre.config import PrepareConfig, make_config, read_config
    from raycre.config.there import check_sources

    files = {
        "fasta": fasta, "sizes": sizes, "silencers": silencers, "enhancers": enhancers,
        "promoters": promoters, "insulators": insulators, "peaks": peaks, "genes": genes,
        "blacklist": blacklist, "accessibility": accessibility, "loops": loops,
    }  # fmt: skip
    if config is not None:
        if given := [f"--{kind}" for kind, paths in files.items() if paths]:
            raise ConfigError(f"{', '.join(given)} beside --config; write the files into the manifest")
        sets = [*(set_ or ()), *([f"run.out={out}"] if out else []),
                *([f"assembly={assembly}"] if assembly else [])]  # fmt: skip
        settings = read_config(PrepareConfig, config, sets)
    else:
        if out is None or assembly is None:
            raise ConfigError("give --config FILE, or --out, --assembly and the files by options")
        settings = make_config(PrepareConfig, _values(files, out, assembly, set_ or ()))
    check_sources(settings)
    from raycre.workflows.prepare.run import run_prepare

    found = run_prepare(settings, fresh=asked(fresh, yes), dry_run=dry_run)
    if dry_run or json_:
        print_result(found, json_)
        return
    from raycre.store.summary import read_record, summarise

    folder, record = read_record(settings.run.out)
    print_result(
        {key: value for key, value in found.items() if key != "files"}, False, *summarise(folder, record)
    )


def _values(
    files: dict[str, list[str] | None], out: Path, assembly: str, sets: list[str] | tuple[()]
) -> dict[str, Any]:
    """Make the manifest of files that are given by options."""
    from raycre.config.reading import override, parse_value

    sources: list[dict[str, str]] = []
    for kind, paths in files.items():
        for text in paths or ():
            name, equals, path = text.partition("=")
            if not equals or "/" in name:  # an address or a folder may hold one
                name, path = _name_of(text), text
            sources.append({"name": name, "kind": kind, "path": path})
    values: dict[str, Any] = {"run": {"out": str(out)}, "assembly": assembly, "sources": sources}
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError("--set takes key.sub=value", value=text)
        override(values, key.strip(), parse_value(value, f"--set {key}"))
    return values


def _name_of(path: str) -> str:
    """Name a source by its file, without endings that say how it is packed."""
    name = Path(path).name
    for ending in (
        ".gz",
        ".bgz",
        ".zst",
        ".bed",
        ".narrowPeak",
        ".broadPeak",
        ".gappedPeak",
        ".gtf",
        ".gff3",
    ):
        name = name.removesuffix(ending)
    return "".join(letter if letter.isalnum() or letter in "_.+-" else "_" for letter in name) or "source"
