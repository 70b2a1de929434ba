"""YAML and `key=value` overrides in, a checked configuration out; every mistake named with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import ValidationError

from raycre.config import yaml_text
from raycre.config.aliases import canonical, resolve_aliases
from raycre.config.models import Frozen
from raycre.config.words import Problem
from raycre.errors import ConfigError, MissingInputError
from raycre.genome.file_kinds import refuse_other_kinds

VerbConfig = TypeVar("VerbConfig", bound=Frozen)


def read_config(kind: type[VerbConfig], path: Path, sets: Sequence[str] = ()) -> VerbConfig:
    """Read a YAML file, apply `key.sub=value` overrides, and check every key.

    Raises:
        MissingInputError: no such file.
        ConfigError: not YAML, a key twice, an unknown key (with near matches and its line), or a value that
            cannot be.
    """
    return check(kind, *read_values(path, sets))


class Source(NamedTuple):
    """Where values come from, to name the place of a mistake.

    path: the file, if there is one. tree: its YAML tree, which knows the lines. overridden: dotted keys that
    were given elsewhere instead; where: that place.
    """

    path: Path | None = None
    tree: yaml.Node | None = None
    overridden: tuple[str, ...] = ()
    where: str = "given on the command line"


def read_values(path: Path, sets: Sequence[str]) -> tuple[dict[str, Any], Source]:
    """Read a YAML file and apply overrides; return its nested values and where they come from."""
    if not path.is_file():
        what = "a folder, not a configuration file" if path.is_dir() else "no such configuration file"
        raise MissingInputError(what, path=path)
    try:
        values, tree = yaml_text.parse_yaml(yaml_text.decode_text(path.read_bytes()))
    except ConfigError as error:
        refuse_other_kinds(path, "YAML", takes=("JSON", "empty file"))
        raise ConfigError(error.message, path=path, line=error.line) from None
    if values is None:
        values = {}
        if not sets:
            raise ConfigError("the configuration is empty", path=path)
    if not isinstance(values, dict):
        raise ConfigError("a configuration is a mapping of keys: `key: value` lines", path=path, line=1)
    try:
        values = resolve_aliases(values)
    except ConfigError as error:
        raise ConfigError(error.message, path=path, value=error.value) from None
    overridden = []
    for text in sets:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not all(key.split(".")):
            raise ConfigError("--set takes key.sub=value", value=text)
        override(values, canonical(key), parse_value(value, f"--set {key}"))
        overridden.append(key)
    return values, Source(path, tree, tuple(overridden))


def check(kind: type[VerbConfig], values: Mapping[str, Any], source: Source = Source()) -> VerbConfig:  # noqa: B008 - frozen
    """Return the configuration of nested values; an error names key, line and value."""
    try:
        return kind.model_validate(resolve_aliases(values))
    except ValidationError as error:
        raise _as_config_error(Problem(error, kind), source) from None


def make_config(kind: type[VerbConfig], values: Mapping[str, Any]) -> VerbConfig:
    """Return a configuration from nested values, checked as `read_config` checks a file."""
    return check(kind, values)


def override(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in nested values, in place; `model: NAME` becomes `model: {kind: NAME}` for it."""
    *parents, last = key.split(".")
    for parent in parents:
        if parent == "model" and isinstance(values.get(parent), str):
            values[parent] = {"kind": values[parent]}
        if values.get(parent) is None:
            values[parent] = {}
        values = values[parent]
        if not isinstance(values, dict):
            raise ConfigError(f"{parent} is a value and has no keys below it", value=key)
    values[last] = value


def parse_value(text: str, what: str) -> Any:
    """Read a value as YAML."""
    try:
        return yaml_text.parse_yaml(text)[0]
    except ConfigError as error:
        raise ConfigError(f"{what}: {error.message}", value=text) from None


def _as_config_error(problem: Problem, source: Source) -> ConfigError:
    parts = list(map(str, problem.place))
    overridden = map(canonical, source.overridden)
    if any(given.split(".") == parts[: given.count(".") + 1] for given in overridden):
        return ConfigError(f"{problem.message} ({source.where})", value=problem.value)
    line = _line_of(source.tree, problem.place)
    return ConfigError(problem.message, path=source.path, line=line, value=problem.value)


def _line_of(tree: yaml.Node | None, place: Sequence[int | str]) -> int | None:
    """Return the 1-based line of a key, or of its nearest parent in the file; None where there is none."""
    line, keys = None, ""
    for part in place:
        if isinstance(tree, yaml.SequenceNode) and isinstance(part, int) and part < len(tree.value):
            line, tree = tree.value[part].start_mark.line + 1, tree.value[part]
            continue
        if not isinstance(tree, yaml.MappingNode):
            break
        found = next(
            ((k, v) for k, v in tree.value if canonical(f"{keys}{k.value}") == f"{keys}{part}"), None
        )
        keys += f"{part}."
        if found is None:
            break
        line, tree = found[0].start_mark.line + 1, found[1]
    return line
