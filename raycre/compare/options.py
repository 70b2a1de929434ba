"""The options of a comparison, from what a person gives to the dataclass of its declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from raycre.compare.declaration import Comparison
from raycre.errors import ConfigError, near
from raycre.store.location import local_path


class Taken(NamedTuple):
    """A field of a comparison's options.

    name: the field's. kind: its type. default: MISSING where it must be given. takes: "file", "files" or
    None. help, metavar, none, least: as in `declaration.option` and `declaration.file`.
    """

    name: str
    kind: Any
    default: Any
    takes: str | None
    help: str
    metavar: str | None
    none: str | None
    least: int | None

    @property
    def is_list(self) -> bool:
        """Whether it is a tuple, which is given as one text with commas."""
        return get_origin(self.kind) is tuple

    def as_text(self, values: Sequence[str]) -> str:
        """Return a tuple as a person gives it."""
        return ",".join(values) or (self.none or "")


def taken_by(comparison: Comparison) -> list[Taken]:
    """Return the fields of a comparison's options, in order."""
    kinds = get_type_hints(comparison.options)
    return [_taken(each, kinds[each.name]) for each in fields(comparison.options)]


def _taken(each: Field[Any], kind: Any) -> Taken:
    said = each.metadata
    default = each.default_factory() if each.default_factory is not MISSING else each.default
    more = (said.get(key) for key in ("metavar", "none", "least"))
    return Taken(each.name, kind, default, said.get("takes"), said.get("help", ""), *more)


def read_options(comparison: Comparison, given: Mapping[str, Any]) -> Any:
    """Return the options of a comparison.

    Args:
        comparison: whose options.
        given: by name; texts with commas or sequences for tuples, [NAME=]FILE texts for named files.

    Raises:
        ConfigError: an option that it does not take, one that is missing, or a value that cannot be.
    """
    taken = {each.name: each for each in taken_by(comparison)}
    for name in given:
        if name not in taken:
            known = f"; it takes {', '.join(taken)}" if taken else "; it takes none"
            raise ConfigError(f"{comparison.name} has no such option{near(name, taken)}{known}", value=name)
    values = {name: _value(taken[name], value) for name, value in given.items()}
    missing = [each.name for each in taken.values() if each.default is MISSING and each.name not in values]
    if missing:
        raise ConfigError(f"{comparison.name} needs {' and '.join(missing)}")
    return comparison.options(**values)


def option_files(comparison: Comparison, options: Any) -> Iterator[tuple[str, Path]]:
    """Yield the files that a comparison reads, by name."""
    for each in taken_by(comparison):
        value = getattr(options, each.name)
        if each.takes == "files":
            yield from value.items()
        elif each.takes == "file" or isinstance(value, Path):
            yield each.name, value


def _value(taken: Taken, given: Any) -> Any:
    if taken.takes == "files":
        return dict(given) if isinstance(given, Mapping) else _named(given)
    if taken.takes == "file" or (Path in get_args(taken.kind) and given is not None):
        return local_path(str(given))
    if taken.is_list:
        if not isinstance(given, str):
            return tuple(given)
        return () if given == taken.none else tuple(given.split(","))
    if get_origin(taken.kind) is Literal and given not in get_args(taken.kind):
        choices = [str(choice) for choice in get_args(taken.kind)]
        raise ConfigError(f"{taken.name} is {' or '.join(choices)}{near(str(given), choices)}", value=given)
    if taken.least is not None and given is not None and given < taken.least:
        raise ConfigError(f"{taken.name} is at least {taken.least}", value=given)
    return given


def _named(given: Sequence[str]) -> dict[str, Path]:
    """NAME=FILE or FILE; a file's own name is what stands before its first suffix."""
    named: dict[str, Path] = {}
    for text in given:
        name, equals, path = str(text).partition("=")
        if not equals:
            name, path = Path(text).name.partition(".")[0], str(text)
        if name in named:
            raise ConfigError("two files have this name; tell them apart as NAME=FILE", value=name)
        named[name] = local_path(path)
    if not named:
        raise ConfigError("no file is given")
    return named
