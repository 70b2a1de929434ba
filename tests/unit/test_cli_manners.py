"""Manners of the command line: examples that hold, short options, near matches, completion, closing lines."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import raycre
from raycre.cli import main
from raycre.cli.app import app
from raycre.cli.examples import EXAMPLES
from raycre.cli.printing import in_words, print_result, print_run
from raycre.store.summary import summarise
from tests.run_folders import write_creme, write_gene, write_metrics, write_prediction, write_training

ROOT = Path(__file__).resolve().parents[2]


def commands() -> Iterator[str]:
    """Every command, by the words that call it."""
    top: Any = get_command(app)
    for name, command in top.commands.items():
        if hasattr(command, "commands"):
            yield from (f"{name} {inner}" for inner in command.commands)
        else:
            yield name


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the command line; return its exit code and what it has printed."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    printed = capsys.readouterr()
    return int(end.value.code or 0), printed.out, printed.err


@pytest.mark.parametrize("words", sorted(set(commands())))
def test_the_help_of_every_command_ends_with_an_example_that_it_takes(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = said([*words.split(), "-h"], capsys)
    assert code == 0
    example = " ".join(out.split()).rpartition("Example: ")[2]
    assert example == EXAMPLES.get(words, example)
    program, *arguments = shlex.split(example)
    assert program == "raycre"
    context = get_command(app).make_context("raycre", arguments)  # refuses options that there are not
    command: Any = context.command
    while hasattr(command, "commands"):
        name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, list(arguments), parent=context)
    assert command.name == words.split()[-1]


def test_an_example_is_of_a_command_that_there_is() -> None:
    assert set(EXAMPLES) <= set(commands())


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["predcit"], "Did you mean 'predict'?"),
        (["weights", "fech"], "Did you mean 'fetch'?"),
        (["compare", "mark"], "Did you mean 'marks'?"),
        (["predict", "--confg", "x"], "--config"),
        (["export", "--bigwg", "x"], "--bigwig"),
        (["creme", "necesity", "--config", "x"], "did you mean necessity?"),
        (["weights", "fetch", "enfromer"], "did you mean enformer"),
        (["tracks", "all", "--model", "enfromer"], "did you mean enformer?"),
        (["init", "creem"], "did you mean creme?"),
    ],
)
def test_a_misspelt_word_has_its_near_match(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(arguments, capsys)
    assert (code, out) == (2, "")
    assert hint in " ".join(err.split())


@pytest.mark.parametrize("words", ["report", "demo", "export", "init", "compare marks", "compare fasta"])
def test_out_is_also_o(words: str) -> None:
    command: Any = get_command(app)
    for word in words.split():
        command = command.commands[word]
    assert any({"--out", "-o"} <= set(parameter.opts) for parameter in command.params)


def test_python_m_raycre_is_the_command_and_shells_complete_it() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "raycre", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith(f"raycre {raycre.__version__} (Python ")
    code = "from raycre.cli.app import app; app(prog_name='raycre')"
    for words, completed in (
        ("raycre we", "weights"),
        ("raycre creme nec", "necessity"),
        ("raycre init tr", "train"),
    ):
        asked = {
            "_RAYCRE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")),
        }  # fmt: skip
        run = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=os.environ | asked,
            check=True,
        )
        assert run.stdout.split() == [completed]


# --- what a verb ends with


def test_a_training_ends_with_its_scores_its_place_and_what_comes_next(tmp_path: Path) -> None:
    out = write_training(tmp_path / "k562")
    write_metrics(out, [0.5, 0.7])
    record = {
        "verb": "train", "name": "k562", "finished": True, "folds_done": [0, 1],
        "metrics": {"auroc": {"mean": 0.98, "sd": 0.01}, "f1": {"mean": 0.5, "sd": 0.0}},
    }  # fmt: skip
    assert summarise(out, record) == [
        "k562: train, finished: 2 folds, auroc 0.980 ± 0.010",
        f"results: {out / 'folds'}  settings and versions: {out / 'run.json'}",
        f"next: raycre init predict --fill {out} -o predict.yaml; raycre report {out}",
    ]


def test_a_run_that_is_not_finished_or_has_failures_says_to_run_again(tmp_path: Path) -> None:
    record = {"verb": "predict", "calls": {"enhancer": 1_234, "silencer": None}, "not_called": 2}
    assert summarise(tmp_path, record)[0].endswith("predict, not finished: 1,234 enhancer, 2 without a call")
    assert "it goes on from here" in summarise(tmp_path, record)[2]
    failed = {"verb": "creme", "finished": True, "genes": 7, "effects": 9, "failed_units": 2}
    assert "7 genes, 9 effects; 2 units failed (failures.parquet)" in summarise(tmp_path, failed)[0]
    assert "tries the failed units once more" in summarise(tmp_path, failed)[2]


def test_random_weights_are_said_to_mean_nothing(tmp_path: Path) -> None:
    record = {"verb": "creme", "finished": True, "genes": 1, "trained": False}
    assert "RANDOM WEIGHTS, which mean nothing" in summarise(tmp_path, record)[0]


def test_a_folder_with_blanks_is_quoted_in_the_next_command(tmp_path: Path) -> None:
    record = {"verb": "sweep", "finished": True, "runs": 2, "folds": 20, "folds_done": 19}
    lines = summarise(tmp_path / "my run", record)
    assert lines[0].endswith("2 settings, 19 of 20 folds")
    assert lines[2] == f"next: raycre report '{tmp_path / 'my run'}'"


def test_a_finished_run_ends_with_three_lines_after_its_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = write_gene(tmp_path / "run")
    record = raycre.open_run(out).record
    print_run({**record, "elements": [{"gene": "A", "effect": 0.123456}]}, out, False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["elements:", "  gene  effect", "  A     0.1235"]
    assert lines[3:] == summarise(out, record)
    print_run(record, out, True)
    assert capsys.readouterr().out.startswith("{")


def test_show_says_the_same_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = write_prediction(tmp_path / "run")
    code, printed, _ = said(["show", str(out)], capsys)
    assert code == 0
    assert printed.splitlines() == [*summarise(out, raycre.open_run(out).record), "tables: predictions"]
    code, printed, _ = said(["show", str(out), "--json"], capsys)
    assert '"verb": "predict"' in printed
    code, _, error = said(["show", str(tmp_path)], capsys)
    assert (code, error.count("\n")) == (2, 1)
    assert "runs below it are run" in error


def test_nothing_is_printed_as_python_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(
        {"a": {"x": 1, "y": [1, 2]}, "b": ["u", "v"], "c": None, "d": True, "e": [], "f": [{"k": 0.5}]}, False
    )
    assert capsys.readouterr().out.splitlines() == [
        "a: x 1, y (1, 2)", "b: u, v", "c: –", "d: yes", "e: none", "f:", "  k", "  0.5",
    ]  # fmt: skip
    assert in_words({"a": {"b": {"c": 1}}}) == "a (b (c 1))"


def test_runs_of_creme_without_effects_have_a_summary(tmp_path: Path) -> None:
    assert repr(raycre.open_run(write_creme(tmp_path / "r", {}))).endswith("tables: none yet")


# --- what is installed


def test_the_wheel_has_the_templates_the_page_and_the_types(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    project = tmp_path / "project"
    shutil.copytree(ROOT / "raycre", project / "raycre", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project / name)
    code = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv.pop())"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=project, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    templates = {f"raycre/templates/{path.name}" for path in (ROOT / "raycre" / "templates").iterdir()}
    assert len(templates) == 4
    assert templates | {"raycre/py.typed", "raycre/__init__.pyi", "raycre/report/report.html.j2"} <= names
    assert not any(name.startswith("tests/") for name in names)


def test_reading_a_run_needs_neither_ray_nor_torch_nor_scikit_learn(tmp_path: Path) -> None:
    run = write_prediction(tmp_path / "run")
    verbs = [
        ["show", str(run)],
        ["export", str(run), "--bed9", "--tsv", "-o", str(tmp_path / "out")],
        ["report", str(run), "-o", str(tmp_path / "report.html")],
        ["init", "predict", "-o", str(tmp_path / "p.yaml")],
        ["doctor"],
    ]
    code = (
        "import sys\n"
        "for name in ('ray', 'torch', 'sklearn', 'scipy'): sys.modules[name] = None\n"
        "from raycre.cli import main\n"
        f"for arguments in {verbs!r}:\n"
        "    try: main(arguments)\n"
        "    except SystemExit as end: print('ended', arguments[0], end.code)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    ended = [line.split()[1:] for line in found.stdout.splitlines() if line.startswith("ended")]
    assert ended == [["show", "0"], ["export", "0"], ["report", "0"], ["init", "0"], ["doctor", "1"]]
    assert found.stderr.splitlines()[-1].startswith("error: this needs ")
