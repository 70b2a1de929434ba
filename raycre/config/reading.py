"""YAML and `key=value` overrides in, a checked configuration out; every mistake named with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from raycre.config.models import PredictConfig, TrainConfig
from raycre.config.perturb import PerturbConfig
from raycre.errors import ConfigError, MissingInputError, near
from raycre.genome.file_kinds import refuse_other_kinds

VerbConfig = TypeVar("VerbConfig", TrainConfig, PredictConfig, PerturbConfig)


def read_config(kind: type[VerbConfig], path: Path, sets: Sequence[str] = ()) -> VerbConfig:
    """Read a YAML file, apply `key.sub=value` overrides, and check every key.

    Raises:
        MissingInputError: no such file.
        ConfigError: not YAML, an unknown key (with near matches and its line), or a value that cannot be.
    """
    values, tree = read_values(path, sets)
    return check(kind, values, path, tree)


def read_values(path: Path, sets: Sequence[str]) -> tuple[dict[str, Any], yaml.Node | None]:
    """Read a YAML file and apply overrides; return its nested values and its tree, which knows the lines."""
    if not path.is_file():
        raise MissingInputError("no such configuration file", path=path)
    try:
        text = path.read_text()
        tree = yaml.compose(text)
        values = yaml.safe_load(text) or {}
    except (UnicodeDecodeError, yaml.reader.ReaderError) as error:
        refuse_other_kinds(path, "YAML", takes=("JSON", "empty file"))
        raise ConfigError("not a text file, so no YAML", path=path) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(
            f"not YAML: {getattr(error, 'problem', error)}", path=path, line=mark.line + 1 if mark else None
        ) from error
    if not isinstance(values, dict):
        raise ConfigError("a configuration is a mapping of keys", path=path, line=1)
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError("--set takes key.sub=value", value=text)
        override(values, key, parse(value, f"--set {key}"))
    return values, tree


def check(
    kind: type[VerbConfig], values: Mapping[str, Any], path: Path | None, tree: yaml.Node | None
) -> VerbConfig:
    """Return the configuration of nested values; an error names key, line and value."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _as_config_error(error, kind, path, tree) from None


def make_config(kind: type[VerbConfig], values: Mapping[str, Any]) -> VerbConfig:
    """Return a configuration from nested values, checked as `read_config` checks a file."""
    return check(kind, values, None, None)


def override(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in nested values, in place; `model: NAME` becomes `model: {kind: NAME}` for it."""
    *parents, last = key.split(".")
    for parent in parents:
        if parent == "model" and isinstance(values.get(parent), str):
            values[parent] = {"kind": values[parent]}
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{parent} is a value and has no keys below it", value=key)
    values[last] = value


def parse(text: str, what: str) -> Any:
    """Read a value as YAML."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{what}: the value is not YAML", value=text) from error


def _as_config_error(
    error: ValidationError, kind: type[BaseModel], path: Path | None, tree: yaml.Node | None
) -> ConfigError:
    # A misspelt key shows twice, as one unknown and one missing: the first says more.
    problems = error.errors(include_url=False)
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    place = problem["loc"]
    key = ".".join(str(part) for part in place)
    if problem["type"] == "extra_forbidden":
        known = list(_model_at(kind, place[:-1]).model_fields)
        message = f"unknown key {key}{near(str(place[-1]), known)} (keys here: {', '.join(known)})"
        return ConfigError(message, path=path, line=_line_of(tree, place))
    message = problem["msg"].removeprefix("Value error, ")
    value = None if problem["type"] == "missing" or isinstance(problem["input"], dict) else problem["input"]
    where = f"{key}: " if key else ""
    return ConfigError(f"{where}{message}", path=path, line=_line_of(tree, place), value=value)


def _model_at(kind: type[BaseModel], place: Sequence[int | str]) -> type[BaseModel]:
    for part in place:
        annotation = kind.model_fields[str(part)].annotation
        assert isinstance(annotation, type)
        kind = annotation
    return kind


def _line_of(tree: yaml.Node | None, place: Sequence[int | str]) -> int | None:
    """Return the 1-based line of a key, or of its nearest parent in the file; None for an override."""
    line = None
    for part in place:
        if not isinstance(tree, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in tree.value if k.value == part), None)
        if found is None:
            break
        line, tree = found[0].start_mark.line + 1, found[1]
    return line
