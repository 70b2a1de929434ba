"""What a key of a configuration takes, in words, and what is wrong with a value that is none of it."""

from __future__ import annotations

import math
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from raycre.bounds import LARGEST
from raycre.config.aliases import others_in
from raycre.errors import near
from raycre.store.location import without_secrets

Place = tuple[int | str, ...]

_KINDS: dict[Any, tuple[str, str]] = {  # one of it, several
    str: ("a text", "texts"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
    Path: ("a path", "paths"),
    type(None): ("null", "null"),
}


def describe_type(annotation: Any, metadata: Sequence[Any] = (), many: bool = False) -> str:
    """Say what values a key takes: "a whole number of 1 or more, or auto".

    Args:
        annotation: the field's type.
        metadata: its bounds, as pydantic keeps them.
        many: say it of several.
    """
    annotation, metadata = without_metadata(annotation, metadata)
    if _is_union(annotation):
        members = [m for m in get_args(annotation) if m is not type(None)]
        said = [describe_type(member, metadata, many) for member in members]
        if len(members) < len(get_args(annotation)):
            said.append("null")
        return _joined(list(dict.fromkeys(said)))
    if get_origin(annotation) is Literal:
        return _joined([str(value) for value in get_args(annotation)])
    if get_origin(annotation) is tuple:
        inner = get_args(annotation)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return f"a list of {_of(inner[0])}"
        return f"a list of {len(inner)}: {', '.join(describe_type(one) for one in inner)}"
    if get_origin(annotation) is dict:
        key, value = get_args(annotation)
        return f"a mapping from {describe_type(key)} to {describe_type(value)}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"a mapping of the keys {', '.join(annotation.model_fields)}"
    if fields := getattr(annotation, "_fields", None):
        return f"a list of {len(fields)}: {', '.join(fields)}"
    return _KINDS.get(annotation, ("another value", "other values"))[many] + _bounds(metadata)


def _of(annotation: Any) -> str:
    inner, metadata = without_metadata(annotation)
    if get_origin(inner) is Literal:
        return f"any of {', '.join(str(value) for value in get_args(inner))}"
    return describe_type(inner, metadata, many=True)


def without_metadata(annotation: Any, metadata: Sequence[Any] = ()) -> tuple[Any, Sequence[Any]]:
    """Return an annotation without its metadata, and the metadata."""
    if get_origin(annotation) is not Annotated:
        return annotation, metadata
    inner, *more = get_args(annotation)
    bounds = [b for m in more for b in (m.metadata if isinstance(m, FieldInfo) else [m])]
    return inner, [*metadata, *bounds]


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _joined(said: Sequence[str]) -> str:
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def _bounds(metadata: Sequence[Any]) -> str:
    words = {"ge": "of {:,} or more", "gt": "above {:,}", "le": "of at most {:,}", "lt": "below {:,}"}
    found = {name: getattr(m, name) for name in words for m in metadata if hasattr(m, name)}
    said = [words[name].format(bound) for name, bound in found.items() if name != "le" or bound < LARGEST]
    return " and ".join(["", *said])[4:] if said else ""


def one_of(value: Any, names: Sequence[str]) -> str:
    """Return a value that is one of the names, which are known only when they are asked for.

    Raises:
        ValueError: it is none of them; near matches are named.
    """
    if isinstance(value, str) and value in names:
        return value
    hint = near(value, names) if isinstance(value, str) else ""
    raise ValueError(f"takes {_joined(names)}{hint}")


def options(annotation: Any) -> Iterator[str]:
    """Every name that a type spells out, at any depth."""
    if get_origin(annotation) is Literal:
        yield from (str(value) for value in get_args(annotation))
    else:
        for inner in get_args(annotation):
            yield from options(inner)


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model that a type holds, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models(inner)


def holds(annotation: Any, kind: type) -> bool:
    """Whether a type holds a kind, at any depth."""
    return annotation is kind or any(holds(inner, kind) for inner in get_args(annotation))


class Problem:
    """The mistake of a configuration that says most.

    Attributes:
        place: keys and positions to it, as far as they are the user's.
        message: what is wrong and what is taken.
        value: the offending value; None where there is none to show.
    """

    def __init__(self, error: ValidationError, kind: type[BaseModel]) -> None:
        problems: list[dict[str, Any]] = [dict(problem) for problem in error.errors(include_url=False)]
        for problem in problems:
            in_list = problem["type"] == "missing" and isinstance(problem["loc"][-1], int)
            if in_list or problem["type"] in ("missing_argument", "unexpected_positional_argument"):
                # The list as a whole is wrong.
                problem.update(type="too_short", loc=problem["loc"][:-1], ctx={})
            elif problem["type"] == "invalid_key":
                problem["type"] = "extra_forbidden"
        # A misspelt key shows twice, as one unknown and one missing: the first says more. Of a value that is
        # none of several kinds, the kind that was understood furthest says most.
        chosen = min(problems, key=lambda p: (p["type"] != "extra_forbidden", p["type"] == "missing"))
        self.place, annotation, metadata = _walk(kind, chosen["loc"])
        same = [p for p in problems if _walk(kind, p["loc"])[0][: len(self.place)] == self.place]
        if len(same) > 1 and chosen["type"] not in ("extra_forbidden", "missing"):
            said = ("value_error", "extra_forbidden")  # from the least to the most telling
            chosen = max(
                same,
                key=lambda p: (
                    len(_walk(kind, p["loc"])[0]),
                    said.index(p["type"]) if p["type"] in said else -1,
                ),
            )
            self.place, annotation, metadata = _walk(kind, chosen["loc"])
        self.value = _shown(chosen)
        self.message = self._words(chosen, annotation, metadata, kind)

    @property
    def key(self) -> str:
        """The place as people write it: creme.fine[0][1]."""
        return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.place).removeprefix(".")

    def _words(
        self, problem: Mapping[str, Any], annotation: Any, metadata: Sequence[Any], kind: type[BaseModel]
    ) -> str:
        key = self.key
        where = f"{key}: " if key else ""
        if problem["type"] == "extra_forbidden":
            parent = _walk(kind, self.place[:-1])[1] if len(self.place) > 1 else kind
            known = [name for model in models(parent) for name in model.model_fields]
            also = others_in(str(self.place[0])) if len(self.place) == 2 else []
            hint = near(str(self.place[-1]), [*known, *also])
            return f"unknown key {key}{hint} (keys here: {', '.join(known)})"
        if problem["type"] == "missing":
            return f"{where}missing; it takes {describe_type(annotation, metadata)}"
        if problem["type"] in ("value_error", "assertion_error"):
            return where + str(problem["ctx"]["error"])
        hint = near(self.value, options(annotation)) if isinstance(self.value, str) else ""
        if problem["input"] is None:
            hint = "; nothing is given"
        elif problem["type"] == "finite_number" or problem.get("ctx", {}).get("le", 0) >= LARGEST:
            hint = "; this is too large, or no number"
        elif problem["type"] in ("too_short", "too_long"):
            least = problem.get("ctx", {}).get("min_length")
            hint = f"; at least {least} of them" if least else "; the number of values does not fit"
        return f"{where}takes {describe_type(annotation, metadata)}{hint}"


def _shown(problem: Mapping[str, Any]) -> Any:
    value = _public(problem["input"])
    if problem["type"] in ("missing", "extra_forbidden") or isinstance(value, Mapping | BaseModel):
        return None
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _public(value: Any) -> Any:
    """A value without the secrets of URLs in it."""
    if isinstance(value, list | tuple):
        return [_public(one) for one in value]
    return without_secrets(value) if isinstance(value, str) and ":/" in value else value


def _walk(kind: type[BaseModel], loc: Sequence[int | str]) -> tuple[Place, Any, Sequence[Any]]:
    """Follow an error's place as far as it names keys and positions; pydantic also names kinds of a union.

    Returns:
        (place, annotation, metadata): of what lies there.
    """
    place: list[int | str] = []
    annotation: Any = kind
    metadata: Sequence[Any] = ()
    inside: Sequence[Any] = (kind,)  # where the next part is looked for
    for i, part in enumerate(loc):
        if part == "[key]":
            continue
        if isinstance(part, str) and len([m for m in inside if m is not type(None)]) > 1:
            inside = [m for m in inside if getattr(m, "__name__", "") == part] or list(inside)
            if loc[i + 1 : i + 2] and isinstance(loc[i + 1], str):
                inside = [m for m in inside if any(models(m))] or inside
            continue  # the name of a kind
        found = _below(inside, part, names_key=loc[i + 1 : i + 2] == ("[key]",))
        if found is not None:
            annotation, metadata = found
        place.append(part)
        inside = members(annotation) if found is not None else ()
    return tuple(place), annotation, metadata


def _below(inside: Sequence[Any], part: int | str, names_key: bool) -> tuple[Any, Sequence[Any]] | None:
    """What lies at a key or a position of any of these kinds: its type and bounds; None of an unknown key."""
    for member in inside:
        if isinstance(member, type) and issubclass(member, BaseModel) and part in member.model_fields:
            field = member.model_fields[str(part)]
            return without_metadata(field.annotation, field.metadata)
        if get_origin(member) is dict:
            return without_metadata(get_args(member)[0 if names_key else 1])
        if isinstance(part, int) and get_origin(member) is tuple:
            inner = get_args(member)
            return without_metadata(inner[0] if inner[-1] is Ellipsis else inner[min(part, len(inner) - 1)])
        if isinstance(part, int) and (fields := getattr(member, "_fields", ())):
            return without_metadata(get_type_hints(member)[fields[min(part, len(fields) - 1)]])
    return None


def members(annotation: Any) -> tuple[Any, ...]:
    """The kinds of a union, or the one kind."""
    return get_args(annotation) if _is_union(annotation) else (annotation,)
