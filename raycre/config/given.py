"""What people write for a key, made into what the key takes, before it is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from raycre.config.words import describe_type, holds, members, models, options, without_metadata
from raycre.errors import ConfigError, near
from raycre.store.location import location


def as_taken(annotation: Any, metadata: list[Any], value: Any) -> Any:
    """Return a value in the form that a key takes.

    A block without keys is an empty one; one value where a list is expected is a list of it; a path has `~`
    and `$NAME` filled in.

    Args:
        annotation: the field's type.
        metadata: its bounds.
        value: as given.

    Raises:
        ValueError: a boolean where a number is expected (Python takes it for 0 or 1), or a path that is none.
    """
    if value is None and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {}
    if not holds(annotation, bool) and not any(models(annotation)) and _has_boolean(value):
        raise ValueError(f"takes {describe_type(annotation, metadata)}")
    value = _listed(annotation, value)
    return _with_paths(annotation, value) if holds(annotation, Path) else value


def _has_boolean(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_boolean, value))
    if isinstance(value, dict):
        return any(map(_has_boolean, value.values()))
    return isinstance(value, bool)


def _listed(annotation: Any, value: Any) -> Any:
    """A list of the value, where a list of such is taken and one alone is not."""
    if not isinstance(value, str | int | float | Path):
        return value
    for member in members(annotation):
        inner = get_args(member)
        if get_origin(member) is tuple and inner[-1:] == (Ellipsis,) and _takes(inner[0], value):
            alone = [m for m in members(annotation) if m is not member]
            return value if any(_takes(m, value) for m in alone) else [value]
    return value


def _takes(annotation: Any, value: Any) -> bool:
    for member in members(without_metadata(annotation)[0]):
        if get_origin(member) is Literal:
            if isinstance(value, str) and (value in get_args(member) or near(value, options(member))):
                return True
        elif isinstance(member, type) and isinstance(value, (str, Path) if member is Path else member):
            return True
    return False


def _with_paths(annotation: Any, value: Any) -> Any:
    if isinstance(value, list | tuple):
        inner = [m for m in members(annotation) if get_origin(m) is tuple and holds(m, Path)]
        return [_with_paths(get_args(inner[0])[0], one) for one in value] if inner else value
    if isinstance(value, int):
        return str(value)  # a file may be named by a number
    if not isinstance(value, str | Path) or not holds(annotation, Path):
        return value
    names = list(options(annotation))
    if value in names:
        return value
    hint = near(str(value), names)
    if hint and not Path(value).exists():
        raise ValueError(f"takes {describe_type(annotation)}, and there is no such file{hint}")
    try:
        return location(value)
    except ConfigError as error:
        raise ValueError(error.message) from None
