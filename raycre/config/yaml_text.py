"""YAML as configurations use it: the 1.2 rules for plain values, each key once, mistakes with their line.

PyYAML follows YAML 1.1, in which `5e-5` is a text, `no` and `off` are booleans, `1:30` is 90, `010` is 8 and
`2026-11-27` is a date. Here numbers are decimal, true and false are the booleans, and all else is a text,
which a key may still read as a number or a boolean.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from raycre.errors import ConfigError

_MAX_DIGITS = 4_300  # of a whole number; Python reads no longer ones


class _Loader(yaml.SafeLoader):
    """SafeLoader with the plain values of YAML 1.2; it refuses a key that is given twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if (first := seen.get(key.value)) is not None:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value} is given twice, first on line {first}; keep one",
                        problem_mark=key.start_mark,
                    )
                seen[key.value] = line
                key.tag = "tag:yaml.org,2002:str"  # 1 and true are keys like any other
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    ("int", rf"(?:[-+]?(?:0|[1-9][0-9_]{{0,{_MAX_DIGITS}}})|0x[0-9a-fA-F]+)", list("-+0123456789")),
    (
        "float",
        r"(?:[-+]?(?:\.[0-9]+|[0-9][0-9_]*\.[0-9]*|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))",
        list("-+.0123456789"),
    ),
    ("merge", r"(?:<<)", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^{_pattern}$"), _first)


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = loader.construct_scalar(node).replace("_", "").lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def parse_yaml(text: str) -> tuple[Any, yaml.Node | None]:
    """Return a document's value, and its tree, which knows the lines.

    Raises:
        ConfigError: not YAML, or a key twice; `line` is set where it is known.
    """
    try:
        loader = _Loader(text)
        try:
            tree = loader.get_single_node()
            return (None if tree is None else loader.construct_document(tree)), tree
        finally:
            loader.dispose()
    except RecursionError:
        raise ConfigError("not a configuration: nested too deeply, or within itself") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(_words(error), line=mark.line + 1 if mark else None) from None
    except ValueError:
        raise ConfigError("a number in it cannot be read") from None


def decode_text(content: bytes) -> str:
    """Return the text of a configuration's bytes, with or without a byte order mark.

    Raises:
        ConfigError: not UTF-8.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError("saved as UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            "not a text file in UTF-8, so no YAML; save it as UTF-8",
            line=content[: error.start].count(b"\n") + 1,
        ) from None


_PROBLEMS = (
    (r"character '\\t'", "a tab; YAML indents by spaces alone"),
    (r"unknown escape character", "in double quotes \\ begins an escape; use single quotes, or / in paths"),
    (r"mapping values are not allowed", "not YAML: a second colon on the line, or a line indented too far"),
    (r"could not find expected ':'", "not YAML: a key without a colon; `key: value` has a blank after it"),
    (r"expected <block end>", "not YAML: the line does not fit the indentation or the brackets above it"),
    (r"expected ',' or", "not YAML: a bracket above is not closed, or a comma is missing"),
    (r"end of stream|while scanning a quoted", "not YAML: a quotation mark or a bracket is not closed"),
    (r"single document", "two documents in one file; leave out the line `---`"),
    (r"could not determine a constructor", "a YAML tag (!...) has no meaning here; leave it out"),
    (r"undefined alias", "a text that begins with * is a YAML alias; put it in quotes"),
    (r"unhashable key", "a key must be a text; put a value that begins with { or [ in quotes"),
    (r"special characters are not allowed", "holds control characters; it is no text file"),
    (r"cannot start any token", "a value begins with a character that YAML needs itself; put it in quotes"),
)  # fmt: skip


def _words(error: yaml.YAMLError) -> str:
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    if isinstance(error, yaml.MarkedYAMLError) and said.startswith("the key "):
        return said
    whole = f"{getattr(error, 'context', '') or ''} {said}"
    return next((ours for pattern, ours in _PROBLEMS if re.search(pattern, whole)), f"not YAML: {said}")
