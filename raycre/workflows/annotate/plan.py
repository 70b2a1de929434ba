"""What an annotation is about to do: its regions, groups and inputs, resolved before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from raycre.annotate.declaration import Annotation
from raycre.annotate.groups import Alternative, Reading, pairs_of
from raycre.errors import ConfigError
from raycre.genome.fasta import Fasta
from raycre.genome.fingerprint import Fingerprint, fingerprint
from raycre.log import say
from raycre.options import option_files, split_label
from raycre.workflows.annotate.asked import parse_pair, results_folder
from raycre.workflows.annotate.sources import (
    RegionSource,
    Selection,
    files_read,
    genome_of_run,
    join_sources,
    read_source,
)
from raycre.workflows.inputs import check_out


@dataclass(frozen=True)
class AnnotationRequest:
    """What is asked of any annotation; the fields are the arguments of `run_annotation`."""

    regions: Sequence[str] = ()
    run: Sequence[str] = ()
    group_by: str | None = None
    pairs: Sequence[str] = ()
    alternative: Alternative = "greater"
    reading: Reading = "continuity"
    test: str = "sufficiency"
    track: str | None = None
    fasta: Path | None = None
    out: Path | None = None


@dataclass(frozen=True)
class AnnotationPlan:
    """An annotation of regions, resolved.

    Attributes:
        annotation, options: what is done.
        request: what was asked.
        out: folder of the results.
        fasta: the genome; None without one.
        how: how regions are read.
        sources: where the regions are from.
        table: the regions.
        compared: pairs of groups.
        read: files and runs that the annotation reads, by name.
    """

    annotation: Annotation
    options: Any
    request: AnnotationRequest
    out: Path
    fasta: Path | None
    how: Selection
    sources: Sequence[RegionSource]
    table: pd.DataFrame
    compared: Sequence[tuple[str, str]]
    read: Mapping[str, Path]

    @property
    def facts(self) -> dict[str, Any]:
        """What is printed first."""
        return {
            "annotation": self.annotation.name,
            "regions": len(self.table),
            "groups": dict(Counter(self.table["group"].dropna())),
            "compare": [",".join(pair) for pair in self.compared],
            "out": str(self.out),
        }

    @property
    def cost(self) -> dict[str, Any]:
        """What a dry run says of the work."""
        bases = int((self.table["end"] - self.table["start"]).sum())
        return dict(self.annotation.cost(len(self.table), bases, self.options))

    def fingerprints(self) -> dict[str, Fingerprint]:
        """Hash everything that is read, by key.

        Raises:
            MissingInputError: a file is not there.
        """
        files = {
            f"regions[{i}][{j}]": path
            for i, source in enumerate(self.sources)
            for j, path in enumerate(source.files)
        }
        for name, path in self.read.items():
            if path.is_dir():
                files |= {f"options.{name}[{i}]": each for i, each in enumerate(files_read(path))}
            else:
                files[f"options.{name}"] = path
        if self.fasta is not None:
            files["fasta"] = self.fasta
        return {key: fingerprint(path) for key, path in files.items()}

    def identity(self, inputs: Mapping[str, Fingerprint]) -> dict[str, Any]:
        """Return the fields of `open_run` that say which annotation it is: verb, config, science."""
        asked = self.request
        chosen = {
            "annotation": self.annotation.name,
            "group_by": asked.group_by,
            "compare": list(asked.pairs),
            "alternative": asked.alternative,
            "reading": asked.reading,
            "test": asked.test,
            "track": asked.track,
        }
        config = {
            **chosen,
            "regions": [*asked.regions, *asked.run],
            "options": {key: _plain(value) for key, value in asdict(self.options).items()},
            "fasta": None if self.fasta is None else str(self.fasta),
            "run": {"out": str(self.out)},
        }
        science = {
            **chosen,
            "options": _without_paths(self.annotation, self.options),
            "labels": [source.label for source in self.sources],
            "sha256": {key: each.sha256 for key, each in inputs.items()},
        }
        return {"verb": "annotate", "config": config, "science": science}


def plan_annotation(annotation: Annotation, options: Any, asked: AnnotationRequest) -> AnnotationPlan:
    """Read the regions, and settle groups, comparisons and the genome.

    Raises:
        InputError: bad input.
    """
    name, pairs = annotation.name, [parse_pair(text) for text in asked.pairs]
    out = results_folder(asked.out, name, asked.regions, asked.run)
    check_out(out)
    fasta = asked.fasta
    if "genome" in annotation.needs and fasta is None:
        fasta = genome_of_run(split_label(asked.run[0])[1]) if len(asked.run) == 1 else None
        if fasta is None:
            raise ConfigError(f"{name} reads sequence; name the genome with --fasta")
        say(f"the genome is that of the run: {fasta}")
    needs = annotation.needs
    how = Selection(
        asked.group_by, asked.test, asked.track, _sizes(fasta), "decoded" in needs, "values" in needs
    )
    sources = _sources(asked.regions, asked.run, how)
    table = join_sources(sources)
    if "groups" in annotation.needs and table["group"].isna().all():
        raise ConfigError(
            f"{name} is about groups of regions, and these have none; name the column with --group-by, or "
            "give several files as NAME=FILE"
        )
    groups = [str(group) for group in dict.fromkeys(table["group"].dropna())]
    compared, read = pairs_of(groups, pairs), dict(option_files(annotation, options))
    return AnnotationPlan(annotation, options, asked, out, fasta, how, sources, table, compared, read)


def _sizes(fasta: Path | None) -> dict[str, int] | None:
    if fasta is None:
        return None
    with Fasta(fasta) as genome:
        return genome.sizes


def _sources(regions: Sequence[str], run: Sequence[str], how: Selection) -> list[RegionSource]:
    found = [read_source(text, how) for text in (*regions, *run)]
    for text, source in zip(run, found[len(regions) :], strict=True):
        if not source.path.is_dir():
            raise ConfigError(
                "--run names the folder of a finished run; give a file as --regions", value=text
            )
    return found


def _without_paths(annotation: Annotation, options: Any) -> dict[str, Any]:
    paths = {name.partition("[")[0] for name, _ in option_files(annotation, options)}
    paths |= {  # as if the option did not exist
        each.name
        for each in fields(options)
        if each.metadata.get("later") and getattr(options, each.name) == each.default
    }
    return {
        key: _plain(value)
        for key, value in asdict(options).items()
        if not isinstance(value, Path) and not isinstance(value, Mapping) and key not in paths
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: str(each) for key, each in value.items()}
    return str(value) if isinstance(value, Path) else value
