"""The program: its verbs, and how an error becomes one line and an exit code (0, 1, 2 or 3).

A verb reads its configuration before it imports its workflow, so that a mistake in it is reported at once:
PyTorch and Ray take seconds to load.
"""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from raycre import __version__
from raycre.cli.annotate import annotate
from raycre.cli.compact import compact
from raycre.cli.compare import compare
from raycre.cli.creme import creme, list_tests
from raycre.cli.demo import demo
from raycre.cli.doctor import doctor
from raycre.cli.examples import Program
from raycre.cli.export import export
from raycre.cli.genome import genome
from raycre.cli.init import init
from raycre.cli.options import ending_with
from raycre.cli.plot import plot
from raycre.cli.predict import predict
from raycre.cli.prepare import prepare_inputs
from raycre.cli.report import report
from raycre.cli.show import show
from raycre.cli.signals import interruptible
from raycre.cli.status import status
from raycre.cli.tracks import tracks
from raycre.cli.train import list_models, train
from raycre.cli.weights import weights
from raycre.errors import RaycreError
from raycre.log import log_json

NO_WINDOWS = (
    "error: raycre runs on Linux and macOS, not on Windows itself; install it in WSL (`wsl --install` in "
    "PowerShell, then the README's commands in the Linux that this gives)"
)

VERSIONS_OF = ("ray", "torch", "pyarrow", "pandas", "numpy")  # what results and their files depend on

# What an installation for reading runs alone lacks (README, "Install").
LEFT_OUT = ("ray", "torch", "sklearn", "scipy", "grpc")

app = typer.Typer(
    name="raycre",
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="CREATE and CREME on Ray: classify cis-regulatory elements, perturb them in silico.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(init)
app.command(cls=ending_with(list_models))(train)
app.command()(predict)
app.command("prepare")(prepare_inputs)
app.command(cls=ending_with(list_tests))(creme)
for verb in (show, status, report, plot, export, compact, demo, doctor, tracks):
    app.command()(verb)
app.add_typer(weights, name="weights")
app.add_typer(genome, name="genome")
app.add_typer(annotate, name="annotate")
app.add_typer(compare, name="compare")


def _version(value: bool) -> None:
    if value:
        import platform

        found = [f"{name} {_version_of(name)}" for name in VERSIONS_OF]
        print(f"raycre {__version__} (Python {platform.python_version()}, {', '.join(found)})")
        raise typer.Exit


def _version_of(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "is not installed"


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Versions of what matters.")
    ] = False,
    json_lines: Annotated[
        bool, typer.Option("--log-json", help="Log to stderr as JSON lines: time, node, run, unit, message.")
    ] = False,
) -> None:
    """Options of the program itself."""
    log_json(json_lines)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a raycre error becomes one line on stderr and its exit code, as does Ctrl-C."""
    if sys.platform == "win32":
        _fail(NO_WINDOWS, 1)
    with interruptible(sys.argv[1:] if arguments is None else arguments) as stopped:
        try:
            _run(arguments)
        finally:
            if stopped.exit_code is not None:
                raise SystemExit(stopped.exit_code)


def _run(arguments: list[str] | None) -> None:
    try:
        app(arguments)
    except RaycreError as error:
        _fail(f"error: {error}", error.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in LEFT_OUT:
            raise
        _fail(
            f"error: this needs {package}, which is not installed here: pip install raycre "
            "(an installation for reading runs alone has show, export, report and init)",
            1,
        )
    except OSError as error:
        # Disk full, permission denied: named by the system; whatever was being written was not put in place.
        where = f": {error.filename}" if error.filename else ""
        _fail(f"error: {error.strerror or error}{where}; finished parts are whole, run again to go on", 1)


def _fail(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(code)
