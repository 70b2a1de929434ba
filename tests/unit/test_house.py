"""Rules of the house that no linter has: names that mean one thing, configurations that stay at the door."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "raycre"

# Of one meaning wherever they stand: what every declaration of a kind has, and what every verb has.
SHARED = {
    "Options": "of a comparison",
    "effects": "of a perturbation test",
    "perturbations": "of a perturbation test",
    "cost_of": "of a verb's plan",
    "fetch": "of published files: the command and what it calls",
    "ConvBlock": "of a backbone",
    **dict.fromkeys(
        ("annotate", "compare", "report", "export", "compact", "plot", "demo", "tracks"),
        "a verb: typed, and from Python",
    ),
    "open_run": "a folder: to work in it, and to read it",
}
# Functions that turn a verb's configuration into its plan, and those that call them.
DOORS = {
    "run_creme",
    "run_predict",
    "run_train",
    "run_prepare",
    "plan_prepare",
    "sources_of",
    "_run",
    "plan_creme",
    "plan_of",
    "plan_prediction",
    "settings_of",
}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def test_no_two_public_things_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path, module in modules():
        for node in module.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    twice = {name: where for name, where in places.items() if len(where) > 1 and name not in SHARED}
    assert not twice, "give one of them a name of its own"


def test_a_configuration_goes_no_further_than_the_door() -> None:
    beyond = [
        f"{path}: {node.name}({argument.arg})"
        for path, module in modules()
        if path.parts[0] not in ("config", "cli")
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef) and node.name not in DOORS
        for argument in [*node.args.args, *node.args.kwonlyargs]
        if argument.annotation is not None
        and any(
            isinstance(part, ast.Name) and part.id.endswith(("Config", "Inputs", "Resources"))
            for part in ast.walk(argument.annotation)
            if not (isinstance(part, ast.Name) and part.id == "SignalInputs")
        )
    ]
    assert not beyond, "hand on the plan, or the part of it that is needed"
