"""Options of what declares them (a comparison, an annotation): their fields, and what a person gives.

A declaration names a frozen dataclass whose fields are made with `option`, `file` and `files`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, get_args, get_origin, get_type_hints

from raycre.errors import ConfigError, near
from raycre.store.location import location


class Optioned(Protocol):
    """A declaration that takes options: its name, and the dataclass of them."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> type: ...


def option(
    default: Any, help: str, *, none: str | None = None, least: int | None = None, later: bool = False
) -> Any:
    """Declare an option: its default and what it is for.

    A tuple of texts is given with commas between; `none` is what stands for an empty one. `least` is the
    smallest value of a number. `later` marks one that older runs do not have: at its default it is no part
    of a run's identity.
    """
    return field(default=default, metadata={"help": help, "none": none, "least": least, "later": later})


def chain_option(way: str, *, later: bool = True) -> Any:
    """Declare `chain`: a chain file, `way` from one assembly to another."""
    return option(None, f"Chain file from the assembly of {way}.", later=later)


def file(metavar: str, help: str) -> Any:
    """Declare a file that is read; its field is a Path."""
    return field(metadata={"help": help, "metavar": metavar, "takes": "file"})


def files(metavar: str, help: str) -> Any:
    """Declare files that are read, each with a name; their field is a Mapping[str, Path]."""
    return field(metadata={"help": help, "metavar": metavar, "takes": "files"})


class Taken(NamedTuple):
    """A field of the options of a declaration.

    name: the field's. kind: its type. default: MISSING where it must be given. takes: "file", "files" or
    None. help, metavar, none, least: as in `option` and `file`.
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


def taken_by(declared: Optioned) -> list[Taken]:
    """Return the fields of the options, in order."""
    kinds = get_type_hints(declared.options)
    return [_taken(each, kinds[each.name]) for each in fields(declared.options)]


def _taken(each: Field[Any], kind: Any) -> Taken:
    said = each.metadata
    default = each.default_factory() if each.default_factory is not MISSING else each.default
    more = (said.get(key) for key in ("metavar", "none", "least"))
    return Taken(each.name, kind, default, said.get("takes"), said.get("help", ""), *more)


def read_options(declared: Optioned, given: Mapping[str, Any]) -> Any:
    """Return the options as the dataclass that is declared.

    Args:
        declared: whose options.
        given: by name; texts with commas or sequences for tuples, [NAME=]FILE texts for named files.

    Raises:
        ConfigError: an option that it does not take, one that is missing, or a value that cannot be.
    """
    taken = {each.name: each for each in taken_by(declared)}
    for name in given:
        if name not in taken:
            known = f"; it takes {', '.join(taken)}" if taken else "; it takes none"
            raise ConfigError(f"{declared.name} has no such option{near(name, taken)}{known}", value=name)
    values = {name: _value(taken[name], value) for name, value in given.items()}
    missing = [each.name for each in taken.values() if each.default is MISSING and each.name not in values]
    if missing:
        raise ConfigError(f"{declared.name} needs {' and '.join(missing)}")
    return declared.options(**values)


def option_files(declared: Optioned, options: Any) -> Iterator[tuple[str, Path]]:
    """Yield the files that are read, by name."""
    for each in taken_by(declared):
        value = getattr(options, each.name)
        if each.takes == "files":
            yield from value.items()
        elif each.takes == "file" or (isinstance(value, Path) and value != Path()):
            yield each.name, value


def _value(taken: Taken, given: Any) -> Any:
    if taken.takes == "files":
        return dict(given) if isinstance(given, Mapping) else named_files(given)
    if taken.takes == "file" or (Path in get_args(taken.kind) and given is not None):
        return location(str(given))
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


def named_files(given: Sequence[str]) -> dict[str, Path]:
    """Return files by name, of NAME=FILE or FILE; by itself a file is called as it is up to its first suffix.

    Raises:
        ConfigError: no file, or two of one name.
    """
    named: dict[str, Path] = {}
    own = [Path(text).name for text in map(str, given) if not _split(text)[0]]
    short = [name.partition(".")[0] for name in own]
    for text in map(str, given):
        name, path = _split(text)
        if not name:
            whole = Path(text).name
            name = whole.partition(".")[0]
            if short.count(name) > 1 == own.count(whole):
                name = whole
        if name in named:
            raise ConfigError("two files have this name; tell them apart as NAME=FILE", value=name)
        named[name] = location(path)
    if not named:
        raise ConfigError("no file is given")
    return named


def split_label(given: str) -> tuple[str | None, Path]:
    """Return NAME and PATH of [NAME=]PATH; a path that is there, or whose "=" is in a folder, has no NAME."""
    label, text = _split(given)
    if label and not location(given).exists():
        return label, location(text)
    return None, location(given)


def _split(text: str) -> tuple[str, str]:
    """Return NAME and FILE; a path with "=" in a folder or an address, as in fold=0/x.bw, has no NAME."""
    name, equals, path = text.partition("=")
    return (name, path) if equals and name and "/" not in name else ("", text)
