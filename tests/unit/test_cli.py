"""The command line itself: what is printed where, exit codes, how quickly it answers, who imports whom."""

from __future__ import annotations

import errno
import json
import re
import runpy
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from raycre import __version__
from raycre.cli import main
from raycre.config import PerturbConfig
from raycre.creme.tests import TESTS
from raycre.demo.genome import DemoGenome
from raycre.errors import ConfigError, InputError, RaycreError, TasksFailedError
from raycre.store.files import TEMPORARY
from raycre.workflows import doctor
from raycre.workflows.perturb import run as perturbation
from tests.by_hand import write_training
from tests.conftest import perturb_values, predict_values, train_values
from tests.run_folders import start_run

ROOT = Path(__file__).parents[2]
JOBS = sorted((ROOT / "jobs").glob("*.py"))


@pytest.fixture
def configs(genome: DemoGenome, tmp_path: Path) -> dict[str, list[str]]:
    """Arguments of each verb on a good configuration; the run folder is tmp_path/run."""
    out = tmp_path / "run"
    checkpoint = write_training(tmp_path / "train", n=2)
    values = {
        "train": train_values(genome, out),
        "predict": predict_values(genome, checkpoint, out),
        "creme": perturb_values(genome, out),
    }
    arguments = {}
    for verb, these in values.items():
        config = tmp_path / f"{verb}.yaml"
        config.write_text(yaml.safe_dump(these))
        arguments[verb] = [verb, *(["config"] if verb == "creme" else []), "--config", str(config)]
    return arguments


def ends(arguments: list[str]) -> int:
    """Run the command line; return its exit code."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return int(end.value.code or 0)


@pytest.mark.parametrize("verb", ["train", "predict", "creme"])
def test_json_is_one_object_on_stdout_and_a_dry_run_writes_nothing(
    configs: dict[str, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert ends([*configs[verb], "--dry-run", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out)["dry_run"] is True
    assert not (tmp_path / "run").exists()


def test_without_json_each_fact_is_a_line(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends([*configs["predict"], "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "folds: 2" in lines
    assert "views: 4" in lines


def test_set_overrides_the_file_and_the_last_one_wins(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    sets = ["--set", "views=6", "--set", "views=2", "--set", "model.folds=[1]"]
    assert ends([*configs["predict"], *sets, "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["views"], plan["folds"]) == (2, 1)
    assert plan["forward_passes_to_do"] == plan["regions"]["kept"] * 2


def test_a_named_test_runs_instead_of_those_of_the_file(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    verb, _, *options = configs["creme"]
    assert ends([verb, "context", *options, "--dry-run", "--json"]) == 0
    # Two genes: the wild type and three shuffles of everything outside the TSS tile.
    assert json.loads(capsys.readouterr().out)["passes"] == 2 * (1 + 3)


def test_an_unknown_test_is_refused_with_near_matches(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    verb, _, *options = configs["creme"]
    assert ends([verb, "necesity", *options]) == 2
    expected = (
        f"error: 'necesity': tests are {', '.join(TESTS)}, pipeline, or config; did you mean necessity?\n"
    )
    assert capsys.readouterr() == ("", expected)


def test_help_names_every_test_and_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["creme", "--help"]) == 0
    words = set(re.findall(r"[\w-]+", capsys.readouterr().out))
    assert {*TESTS, "pipeline", "config", "--create-run"} <= words


def test_a_pipeline_is_every_test_but_the_mere_activity(
    configs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[PerturbConfig] = []

    def run(config: PerturbConfig, **options: bool) -> dict[str, Any]:
        asked.append(config)
        return {}

    monkeypatch.setattr(perturbation, "run_creme", run)
    verb, _, *options = configs["creme"]
    predicted = tmp_path / "some where"
    start_run(predicted, "predict").finish()
    assert ends([verb, "pipeline", *options, "--create-run", str(predicted)]) == 0
    assert asked[0].tests == "pipeline"
    assert set(asked[0].test_names) == set(TESTS) - {"activity"}
    assert asked[0].create_run == predicted


def test_a_create_run_that_is_none_ends_with_2_and_nothing_written(
    configs: dict[str, list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert ends([*configs["creme"], "--create-run", str(tmp_path / "absent")]) == 2
    assert f"error: {tmp_path / 'absent'}: create_run: no run.json here" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["--version"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"raycre {__version__} (Python ")
    assert all(f"{name} {version(name)}" in out for name in ("ray", "torch", "pyarrow", "pandas", "numpy"))


def test_doctor_says_as_json_what_a_run_would_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["raycre"] == __version__
    assert {"python", "ray", "torch", "cpus", "gpus", "runs_use"} <= facts.keys()


@pytest.mark.parametrize(
    ("error", "code"),
    [(RaycreError("m"), 1), (InputError("m"), 2), (ConfigError("m"), 2), (TasksFailedError("m"), 3)],
)
def test_a_named_error_is_one_line_on_stderr_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: RaycreError, code: int
) -> None:
    def fail() -> NoReturn:
        raise error

    monkeypatch.setattr(doctor, "examine", fail)
    assert ends(["doctor", "--json"]) == code
    assert capsys.readouterr() == ("", "error: m\n")


@pytest.mark.parametrize("verb", ["train", "predict", "creme"])
def test_a_full_disk_is_a_plain_message_and_leaves_no_half_file(
    configs: dict[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: str,
) -> None:
    write_text = Path.write_text

    def full(path: Path, text: str, **options: Any) -> int:
        if not path.name.startswith(TEMPORARY):
            return write_text(path, text, **options)
        write_text(path, text[:5])
        raise OSError(errno.ENOSPC, "No space left on device")  # a failed write names no file

    monkeypatch.setattr(Path, "write_text", full)
    assert ends(configs[verb]) == 1
    message = "error: No space left on device; finished parts are whole, run again to go on\n"
    assert capsys.readouterr() == ("", message)
    assert list((tmp_path / "run").rglob("*")) == []


def test_no_permission_names_the_file(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def fail() -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", "/data/run")

    monkeypatch.setattr(doctor, "examine", fail)
    assert ends(["doctor"]) == 1
    assert capsys.readouterr().err.startswith("error: Permission denied: /data/run; ")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_needs_no_heavy_library() -> None:
    heavy = {"ray", "torch", "pandas", "pyarrow", "sklearn", "pydantic"}
    asked = f"import sys, raycre.cli; print(sorted({heavy!r} & set(sys.modules)))"
    assert python(asked).stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["train", "--sweep", "K=5,6"],
        ["predict"],
        ["creme", "pipeline"],
        ["creme", "config", "--dry-run"],
    ],
    ids=" ".join,
)
def test_a_misspelt_key_is_reported_before_any_heavy_library_is_loaded(
    tmp_path: Path, arguments: list[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("run: {out: run}\ninputs:\n  fastaa: genome.fa\n")
    heavy = {"ray", "torch", "pandas", "pyarrow", "scipy", "sklearn", "matplotlib", "fsspec"}
    run = python(
        "import sys\nfrom raycre.cli import main\n"
        f"try:\n    main({[*arguments, '--config', str(config)]!r})\n"
        f"finally:\n    print(sorted({heavy!r} & set(sys.modules)))"
    )
    assert (run.returncode, run.stdout) == (2, "[]\n")
    assert f"{config}:3: " in run.stderr
    assert "unknown key inputs.fastaa; did you mean fasta?" in run.stderr


def test_imports_point_one_way() -> None:
    run = python(
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )  # the contracts are in pyproject.toml
    assert run.returncode == 0, run.stdout + run.stderr
    assert "kept, 0 broken" in run.stdout


def test_there_is_a_job_for_each_verb() -> None:
    assert [job.stem for job in JOBS] == ["perturb", "predict", "run", "train"]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_a_job_is_the_verb_in_at_most_20_lines(
    job: Path,
    configs: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert len(job.read_text().splitlines()) <= 20
    verb = {"perturb": "creme", "run": "predict"}.get(job.stem, job.stem)
    asked = [verb] if job.stem == "run" else []  # which takes any
    monkeypatch.setattr(sys, "argv", [str(job), *asked, *configs[verb][-2:], "--dry-run", "--json"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(job), run_name="__main__")
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["dry_run"] is True
