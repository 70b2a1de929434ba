"""The verb `init`: a commented configuration with real values, filled in from files that are named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from raycre.errors import ConfigError, MissingInputError, near
from raycre.genome.file_kinds import HEAD
from raycre.genome.roles import COMPANIONS, role_of
from raycre.log import say
from raycre.store.bucket_path import BucketPath
from raycre.store.files import write_atomic
from raycre.store.location import path_of
from raycre.store.old_run import RECORD
from raycre.store.places import file_of_run
from raycre.store.summary import read_record

TEMPLATES = files("raycre") / "templates"
# What a verb's keys are without a file: a value that works, or null; the others have to be filled in.
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "train": {"openness": "[]", "loops": "null", "blacklist": "null"},
    "predict": {"openness": "[]", "loops": "null", "blacklist": "null"},
    "creme": {
        "tss_table": "null", "create_run": "null", "genes": "[GATA1, MYC]", "weights": "registry:enformer",
        "track_table": "registry:enformer-tracks-human",
    },
}  # fmt: skip
TO_FILL = {
    "fasta": "genome.fa.gz", "labels": "labels.bed", "regions": "candidates.bed", "checkpoint": "runs/train",
    "gtf": "gencode.gtf.gz",
}  # fmt: skip
SEVERAL = ("openness",)
COLUMN = 28  # of comments
# Of `prepare`: what a file's content says -> kinds of sources; and what words in a name say of intervals.
KINDS_OF_SOURCE = {
    "fasta": ("fasta",), "gtf": ("promoters", "genes"), "blacklist": ("blacklist",),
    "openness": ("accessibility",), "loops": ("loops",),
}  # fmt: skip
BY_NAME = (("silencer", "silencers"), ("enhancer", "enhancers"), ("ctcf", "insulators"),
           ("insulator", "insulators"), ("promoter", "promoters"))  # fmt: skip
ROLE_OF_RUN = {"train": "checkpoint", "predict": "create_run"}


def verbs() -> tuple[str, ...]:
    """Return the verbs that have a template."""
    return tuple(
        sorted(path.name.removesuffix(".yaml") for path in TEMPLATES.iterdir() if path.name.endswith(".yaml"))
    )


def write_config(
    verb: str, given: Sequence[Path], out: Path | None = None, *, force: bool = False
) -> dict[str, Any]:
    """Write a configuration.

    Args:
        verb: whose.
        given: files, folders of files and folders of runs, each put where its content says it belongs.
        out: the file; None: VERB.yaml here.
        force: whether a file that is there is replaced.

    Returns:
        Where it is, what was filled in, what is still to be, and what was of no use, ready for JSON.

    Raises:
        ConfigError: no such verb, the file is there, or two files for one key.
        MissingInputError: no such file.
        FormatError: a file that no verb reads.
    """
    if verb not in verbs():
        raise ConfigError(f"there are templates of {', '.join(verbs())}{near(verb, verbs())}", value=verb)
    path = Path(f"{verb}.yaml") if out is None else out
    if path.is_dir() or (path.exists() and not force):
        what = (
            "is a folder; name a file"
            if path.is_dir()
            else "is there already; name another with -o, or --force"
        )
        raise ConfigError(what, path=path)
    text, found, missing, unused = fill_template(verb, given, path)
    write_atomic(path, lambda temporary: temporary.write_text(text))
    return {"config": str(path), "filled": found, "to_fill_in": missing, "not_used": unused}


def fill_template(
    verb: str, given: Sequence[Path], path: Path
) -> tuple[str, dict[str, str], list[str], list[str]]:
    """Return the text, what was filled in, keys that are still to be, and files of no use to the verb."""
    text = (TEMPLATES / f"{verb}.yaml").read_text()
    if "@SOURCES@" in text:
        return _with_sources(text, _roles(given, verb), path)
    keys = set(re.findall(r"@([a-z_]+)@", text))
    roles: dict[str, list[str]] = {}
    unused = []
    for role, name in _roles(given, verb):
        if role not in keys:
            unused.append(name)
        elif name not in roles.setdefault(role, []):
            roles[role].append(name)
    if "gtf" in roles and "tss_table" in roles:  # one is enough, and a GTF says more
        unused += roles.pop("tss_table")
    for role, names in roles.items():
        if len(names) > 1 and role not in SEVERAL:
            raise ConfigError(
                f"{len(names)} files for {role}, which takes one: {', '.join(names)}", value=role
            )
    found = {role: _list(names) if role in SEVERAL else _scalar(names[0]) for role, names in roles.items()}
    missing = [key for key in TO_FILL if key in keys and key not in found]
    values = {**DEFAULTS[verb], **found}
    if "tss_table" in found and "gtf" in missing:  # either will do
        missing.remove("gtf")
        values["gtf"] = "null"
    values |= {key: f"{TO_FILL[key]}" for key in missing}
    signals = ["sequence", *(key for key in ("openness", "loops") if key in found)]
    values |= {"FILE": str(path), "NAME": path.stem, "OUT": f"runs/{path.stem}", "MODALITIES": _list(signals)}
    text = re.sub(r"@([A-Za-z_]+)@", lambda at: values[at[1]], text)
    for key in missing:
        text = _mark(text, key)
    return _aligned(text), found, missing, unused


def _with_sources(
    text: str, roles: Sequence[tuple[str, str]], path: Path
) -> tuple[str, dict[str, str], list[str], list[str]]:
    """As `fill_template`, of `prepare`, whose sources are a list: a name, a kind and a path each."""
    lines: list[str] = []
    names: set[str] = set()
    found: dict[str, str] = {}
    unused = []
    for role, file in dict.fromkeys(roles):
        kinds = KINDS_OF_SOURCE.get(role) or _kind_by_name(role, Path(file).name)
        unused += [] if kinds else [file]
        for kind in kinds:
            name = _name_of_source(Path(file), kind, names)
            lines.append(f"- {{name: {name}, kind: {kind}, path: {_scalar(file)}}}")
            found[kind] = f"{found[kind]}, {file}" if kind in found else file
    missing = [] if {"fasta"} <= found.keys() and len(found) > 1 else ["sources"]
    if missing:
        lines.append(
            "- {name: example, kind: fasta, path: hg19.fa.gz}  # FILL IN: this line and your own files"
        )
    values = {"FILE": str(path), "NAME": path.stem, "OUT": f"runs/{path.stem}", "SOURCES": "\n".join(lines)}
    return _aligned(re.sub(r"@([A-Z]+)@", lambda at: values[at[1]], text)), found, missing, unused


def _kind_by_name(role: str, name: str) -> tuple[str, ...]:
    """Of intervals the file's name says which they are; others are an experiment's peaks."""
    if role not in ("regions", "labels"):
        return ()
    return (next((kind for word, kind in BY_NAME if word in name.casefold()), "peaks"),)


def _name_of_source(file: Path, kind: str, names: set[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9_+-]+", "-", file.name.partition(".")[0]).strip("-_+") or kind
    name = next(
        each
        for each in (base, f"{base}-{kind}", *(f"{base}-{i}" for i in range(2, 999)))
        if each not in names
    )
    names.add(name)
    return name


def _aligned(text: str) -> str:
    """Put comments that follow a value in one column, as far as values are short."""
    return re.sub(r"(?m)^([^#\n]*[^#\s])[ ]{2,}# ", lambda at: f"{at[1]:<{COLUMN}}  # ", text)


def _mark(text: str, key: str) -> str:
    """Say at the key that its value is an example."""
    return re.sub(rf"(?m)^(\s+{key}: [^#\n]*?)\s*(#\s*|$)", r"\1  # FILL IN: ", text, count=1)


def _roles(given: Sequence[Path], verb: str) -> list[tuple[str, str]]:
    """Return (what it is for, path) of everything given; a named file wins over what a run has read."""
    found: list[tuple[str, str]] = []
    of_runs: list[tuple[str, str]] = []
    for path in given:
        if not path.exists():
            raise MissingInputError("no such file or folder", path=path)
        if (path / RECORD).is_file():
            own, *read = _of_run(path, verb)
            found.append(own)
            of_runs += read
        elif path.is_dir():
            inside = [p for p in sorted(path.iterdir()) if p.is_file() and not p.name.startswith(".")]
            found += [pair for p in inside if not p.name.endswith(COMPANIONS) for pair in _of_file(p)]
        else:
            found += _of_file(path)
    named = {role for role, _ in found}
    kept = [pair for pair in of_runs if pair[0] not in named]
    for role, file in kept:
        path = path_of(file)
        if role and not isinstance(path, BucketPath) and not path.exists():
            say(f"note: {role}: {file}, which the run has read, is not here; name it with --fill")
    return [*found, *kept]


def _of_file(path: Path) -> list[tuple[str, str]]:
    # Of an object a few bytes are read: a genome need not be brought for its name.
    role = role_of(path, path.read_start(HEAD) if isinstance(path, BucketPath) else None)
    return [(role or "", str(path))]


def _of_run(path: Path, verb: str) -> list[tuple[str, str]]:
    """A run, and the genome and signals that it has read, which a run after it needs, too."""
    folder, record = read_record(path)
    inputs = record.get("config", {}).get("inputs", {})
    found = [(ROLE_OF_RUN.get(str(record["verb"]), ""), str(path))]
    wanted = ("fasta", "openness", "loops", "blacklist") if verb == "predict" else ("fasta",)
    for key in wanted:
        value = inputs.get(key)
        given = [one for one in (value if isinstance(value, list) else [value]) if one]
        found += [(key, str(file_of_run(folder, record, str(one)))) for one in given]
    return found


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_scalar, values))}]"


def _scalar(text: str) -> str:
    return (
        text
        if re.fullmatch(r"((s3|gs|abfs)://|[A-Za-z./~_])[\w./~+-]*|registry:[\w-]+", text)
        else json.dumps(text)
    )
