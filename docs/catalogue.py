"""The catalogue of errors: what raycre raises by name, with what it says, read from the code.

`messages()` finds where the package makes an error of `raycre.errors`; `catalogue()` is the page's text.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from raycre import errors

ROOT = Path(__file__).resolve().parents[1]
CLASSES = {
    name: each
    for name, each in vars(errors).items()
    if inspect.isclass(each) and issubclass(each, errors.RaycreError)
}


class Message(NamedTuple):
    """A message of an error: its class, its words with … for what it fills in, and where it is raised."""

    name: str
    words: str
    file: str


def messages() -> list[Message]:
    """Return every message in the package, each once a class and file, in the order of the files."""
    found = {
        Message(name, words, str(path.relative_to(ROOT)))
        for path in sorted((ROOT / "raycre").rglob("*.py"))
        for name, words in _raised(ast.parse(path.read_text()))
    }
    return sorted(found, key=lambda each: (each.file, each.words))


def _raised(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES):
            continue
        if node.args and (words := _words(node.args[0])).strip("… "):
            yield node.func.id, " ".join(words.split())


def _words(node: ast.expr) -> str:
    """The text of an expression, with … in place of values."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _words(node.left) + _words(node.right)
    return "…"


def catalogue() -> str:
    """Return a section of Markdown for each class: what it means, its exit code, and what it says."""
    said = messages()
    sections = []
    for name, each in CLASSES.items():
        own = [message for message in said if message.name == name]
        about = inspect.cleandoc(each.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        lines = [f"## {name}", "", f"{about} Exit code {each.exit_code}.", ""]
        lines += [f"- {_escaped(message.words)} (`{message.file}`)" for message in own]
        sections.append("\n".join(lines))
    return "\n\n".join(sections) + "\n"


def _escaped(text: str) -> str:
    for mark in "\\`*_{}[]<>#|$":
        text = text.replace(mark, f"\\{mark}")
    return text
