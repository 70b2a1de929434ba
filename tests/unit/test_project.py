"""What the project says of itself in several files is the same in all of them."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

import raycre

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_stands_in_the_package_alone() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in PROJECT["project"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "raycre.__version__"}
    assert version("raycre") == raycre.__version__


def test_ci_runs_every_python_that_the_package_names() -> None:
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    tested = ci["jobs"]["checks"]["strategy"]["matrix"]["python"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert tested == named
    first, last = (int(v.partition(".")[2]) for v in (tested[0], tested[-1]))
    assert PROJECT["project"]["requires-python"] == f">=3.{first},<3.{last + 1}"
    assert [int(v.partition(".")[2]) for v in tested] == list(range(first, last + 1))


def test_every_dependency_has_a_version_that_tests_ran_with() -> None:
    pinned = {
        line.partition("==")[0].casefold().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(each for extra in extras.values() for each in extra)]
    names = {re.split(r"[\[><=]", each)[0].casefold().replace("_", "-") for each in wanted}
    assert names - pinned == set()


def test_every_make_target_that_is_written_of_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md", "Makefile", ".github/workflows/ci.yml"):
        assert set(re.findall(r"(?:^|[`\s])make ([a-z-]+)", (ROOT / name).read_text())) <= targets, name


def test_the_conda_recipe_asks_for_what_the_package_asks_for() -> None:
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text())
    context = recipe["context"]
    assert recipe["package"]["name"] == "raycre"
    assert context["version"] == raycre.__version__
    python = recipe["requirements"]["run"][0].replace("${{ python_min }}", context["python_min"])
    assert python == f"python {PROJECT['project']['requires-python']}"
    run = {
        name: bounds
        for name, _, bounds in (each.partition(" ") for each in recipe["requirements"]["run"][1:])
    }
    wanted: dict[str, str] = {}
    for each in PROJECT["project"]["dependencies"]:
        name, extras, bounds = re.fullmatch(r"([\w-]+)(?:\[([\w,]+)\])?(.*)", each).groups()
        name = {"torch": "pytorch"}.get(name.casefold(), name.casefold())
        for full in [f"{name}-{extra}" for extra in extras.split(",")] if extras else [name]:
            wanted[full] = bounds
    assert run == wanted
