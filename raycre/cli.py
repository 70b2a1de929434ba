"""The command line: parse, call the engine, print; a named error becomes its exit code (0, 1, 2 or 3).

A verb reads its configuration before it imports the engine, so that a mistake in it is reported at once:
PyTorch and Ray take seconds to load.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from raycre import __version__
from raycre.backbones.names import TABLES
from raycre.cli_compare import compare
from raycre.cli_printing import print_result
from raycre.cli_signals import interruptible
from raycre.errors import ConfigError, FormatError, RaycreError, near
from raycre.store.location import local_path

app = typer.Typer(
    help="CREATE and CREME on Ray: classify cis-regulatory elements, perturb them in silico.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

weights = typer.Typer(help="Published weights and track tables: list, fetch, verify.", no_args_is_help=True)
app.add_typer(weights, name="weights")
app.add_typer(compare, name="compare")

Config = Annotated[Path, typer.Option("--config", "-c", parser=local_path, help="YAML file of the run.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="Override a key: --set recipe.epochs=5.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print plan and cost; write nothing.")]
Fresh = Annotated[
    bool,
    typer.Option(
        "--fresh/--resume", help="Remove the run that the folder holds (it is said what), or go on with it."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="With --fresh: do not ask on a terminal.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@app.command()
def train(
    config: Config,
    set_: Sets = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option("--sweep", help="Train every combination: --sweep K=50,100 --sweep M=4,16."),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            "--init",
            parser=local_path,
            help="Weights to start from: of train, the authors' .pth, or registry:NAME.",
        ),
    ] = None,
    dry_run: DryRun = False,
    fresh: Fresh = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Train CREATE, a variant of it or a baseline in k folds on Ray Train."""
    from raycre.config import TrainConfig, read_config
    from raycre.config.sweep import read_sweep

    sets = [*(set_ or ()), *([] if init is None else [f"model.init={json.dumps(str(init))}"])]
    if sweep:
        combinations = read_sweep(config, sets, sweep)
        from raycre.engine.sweep import run_sweep

        found = run_sweep(combinations, fresh=_asked(fresh, yes), dry_run=dry_run)
    else:
        settings = read_config(TrainConfig, config, sets)
        from raycre.engine.training import run_train

        found = run_train(settings, fresh=_asked(fresh, yes), dry_run=dry_run)
    print_result(found, json_)


@app.command()
def predict(
    config: Config,
    set_: Sets = None,
    dry_run: DryRun = False,
    fresh: Fresh = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Class candidate regions with a trained CREATE on Ray Data."""
    from raycre.config import PredictConfig, read_config

    settings = read_config(PredictConfig, config, set_ or ())
    from raycre.engine.prediction import run_predict

    print_result(run_predict(settings, fresh=_asked(fresh, yes), dry_run=dry_run), json_)


@app.command()
def creme(
    test: Annotated[
        str,
        typer.Argument(
            help="activity, context, swap, necessity, sufficiency, distance, interaction, sets, multiplicity "
            "or finemap; pipeline for all of them as in the paper; config for those of the configuration."
        ),
    ],
    config: Config,
    set_: Sets = None,
    create_run: Annotated[
        Path | None,
        typer.Option(
            "--create-run",
            parser=local_path,
            help="Folder of `raycre predict`: its calls are joined to the tiles.",
        ),
    ] = None,
    dry_run: DryRun = False,
    fresh: Fresh = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Perturb genes with CREME on Ray actors."""
    from raycre.config import PerturbConfig, read_config
    from raycre.creme import TESTS

    known = (*TESTS, "pipeline", "config")
    if test not in known:
        raise ConfigError(f"tests are {', '.join(TESTS)}, pipeline, or config{near(test, known)}", value=test)
    sets = list(set_ or ())
    if test != "config":
        sets.append("tests=pipeline" if test == "pipeline" else f"tests=[{test}]")
    if create_run is not None:
        sets.append(f"create_run={json.dumps(str(create_run))}")
    settings = read_config(PerturbConfig, config, sets)
    from raycre.engine.perturbation import run_creme

    print_result(run_creme(settings, fresh=_asked(fresh, yes), dry_run=dry_run), json_)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(parser=local_path, help="Folder to write to.")] = Path("demo-run"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the genome and of every run.")] = 0,
    json_: Json = False,
) -> None:
    """Write a synthetic genome with planted grammar and run the whole chain on it."""
    from raycre.demo import run_demo

    print_result(run_demo(out, seed=seed), json_)


@app.command()
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", parser=local_path, help="Folders of runs, finished or not."),
    ],
    out: Annotated[Path, typer.Option(parser=local_path, help="HTML page to write.")] = Path("report.html"),
    json_: Json = False,
) -> None:
    """Write one HTML page with the tables and figures of runs."""
    from raycre.engine.jobs import check_kept
    from raycre.figures.report import write_report

    check_kept(out, "--out")
    print_result(write_report(runs, out), json_)


@app.command()
def doctor(json_: Json = False) -> None:
    """Say what is installed and which devices and cluster a run would use."""
    from raycre.engine.doctor import examine

    print_result(examine(), json_)


@weights.command("list")
def list_(json_: Json = False) -> None:
    """List what is published, with addresses and checksums, and what the cache has of it."""
    from raycre.engine.downloads import list_published

    found = list_published()
    if not json_:
        short = ("name", "what", "bytes", "cached", "checked_by", "seen", "licence")
        found = {"published": [{key: row[key] for key in short} for row in found["published"]]}
    print_result(found, json_)


@weights.command()
def fetch(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help='Names, or patterns: "borzoi-[0-3]".')
    ],
    offline: Annotated[bool, typer.Option("--offline", help="Use no network (RAYCRE_OFFLINE=1).")] = False,
    json_: Json = False,
) -> None:
    """Bring published files into the cache, going on where it was cut off, and check them."""
    from raycre.engine.downloads import fetch_published

    print_result(fetch_published(names, offline=offline), json_)


@weights.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Default: all cached.")
    ] = None,
    json_: Json = False,
) -> None:
    """Check cached files against their checksums."""
    from raycre.engine.downloads import verify_published

    found = verify_published(names or ())
    print_result(found, json_)
    if found["wrong"]:
        raise FormatError(f"not in the cache as published: {', '.join(found['wrong'])}")


@app.command()
def tracks(
    query: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY...", help="assay=CAGE biosample=K562; any text; rows; an identifier; all."
        ),
    ],
    model: Annotated[
        str, typer.Option(help=f"Whose: {', '.join(TABLES)}, or one that a package registers.")
    ] = "enformer",
    head: Annotated[str, typer.Option(help="human or mouse.")] = "human",
    table: Annotated[Path | None, typer.Option(help="A track table of your own.", parser=local_path)] = None,
    strands: Annotated[str, typer.Option(help="summed or separate, as model.strands of Borzoi.")] = "summed",
    weights_: Annotated[
        str | None, typer.Option("--weights", help="Of a backbone that needs them to say its tracks.")
    ] = None,
    json_: Json = False,
) -> None:
    """Print the tracks that a query finds."""
    from raycre.engine.tracks import find_tracks

    print_result(find_tracks(query, model, head, table, strands, weights_), json_)


def _asked(fresh: bool, yes: bool) -> bool | Literal["ask"]:
    """A person at a terminal is asked before a run is removed; a script has decided."""
    return "ask" if fresh and not yes and sys.stdin.isatty() and sys.stderr.isatty() else fresh


def _version(value: bool) -> None:
    if value:
        print(f"raycre {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Options of the program itself."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a raycre error becomes one line on stderr and its exit code, as does Ctrl-C."""
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
    except OSError as error:
        # Disk full, permission denied: named by the system; whatever was being written was not put in place.
        where = f": {error.filename}" if error.filename else ""
        _fail(f"error: {error.strerror or error}{where}; finished parts are whole, run again to go on", 1)


def _fail(message: str, code: int) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
