"""The verb `compare` of the command line: a command for each comparison, made from its declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command

from raycre.cli.examples import ExampleGroup
from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.compare.registry import comparison_names, find_comparison
from raycre.errors import ConfigError
from raycre.store.location import local_path

if TYPE_CHECKING:
    from raycre.compare.declaration import Comparison
    from raycre.compare.options import Taken

CremeRun = Annotated[
    Path, typer.Argument(metavar="RUN", parser=local_path, help="Folder of a finished `raycre creme` run.")
]
Test = Annotated[str, typer.Option(help="Whose effects and calls: necessity or sufficiency.")]
Track = Annotated[str | None, typer.Option(help="Row or identifier of the track, where the run has several.")]
RunFasta = Annotated[
    Path | None, typer.Option("--fasta", parser=local_path, help="The run's FASTA, where it has moved.")
]
Sizes = Annotated[
    Path | None,
    typer.Option(parser=local_path, help="Table of chromosome sizes, where the FASTA is not at hand."),
]
CompareOut = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", parser=local_path, help="Folder for the results; default: the run's summary."
    ),
]

OF_EVERY_RUN = ("test", "track", "fasta", "sizes", "out")  # options that are not a comparison's own


class Commands(Mapping[str, Any]):
    """The comparisons' commands by name; one is made, and its module imported, when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        if name not in comparison_names():
            raise KeyError(name)
        try:
            callback = callback_of(find_comparison(name))
        except ConfigError as error:  # of another package: the help still lists all others
            callback = _refusal(error)
        app = typer.Typer(add_completion=False)
        app.command(name)(callback)
        return get_command(app)

    def __iter__(self) -> Iterator[str]:
        return iter(comparison_names())

    def __len__(self) -> int:
        return len(comparison_names())


class ComparisonGroup(ExampleGroup):
    """The verb; its commands are looked up when they are asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the comparisons' names."""
        return list(self.commands)


compare = typer.Typer(
    cls=ComparisonGroup,
    help="A finished CREME run against other data: marks, annotations, repeats, CRISPRi, motifs, saliency.",
    no_args_is_help=True,
)


def callback_of(comparison: Comparison) -> Callable[..., None]:
    """Return a function that typer makes a command of: its parameters are those that are declared."""
    from raycre.compare.options import taken_by

    taken = taken_by(comparison)

    def run_command(**given: Any) -> None:
        from raycre.workflows.compare.run import run_comparison

        run, as_json = given.pop("run"), given.pop("json_")
        of_run = {name: given.pop(name) for name in OF_EVERY_RUN if name in given}
        found = run_comparison(comparison.name, run, given, **of_run)
        print_result(found, as_json, f"next: raycre report {run}")

    parameters = [
        _parameter("run", CremeRun),
        *(_parameter(each.name, _argument(each)) for each in taken if each.takes),
        _parameter("test", Test, comparison.test),
        _parameter("track", Track, None),
        *(_parameter(each.name, *_option(each)) for each in taken if not each.takes),
        *([_parameter("fasta", RunFasta, None)] if comparison.needs else []),
        *([_parameter("sizes", Sizes, None)] if "sizes" in comparison.needs else []),
        _parameter("out", CompareOut, None),
        _parameter("json_", Json, False),
    ]
    return _with_signature(run_command, parameters, comparison.summary)


def _parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _argument(taken: Taken) -> Any:
    if taken.takes == "files":
        return Annotated[list[str], typer.Argument(metavar=taken.metavar, help=taken.help)]
    return Annotated[Path, typer.Argument(metavar=taken.metavar, parser=local_path, help=taken.help)]


def _option(taken: Taken) -> tuple[Any, Any]:
    """Return the annotation and the default of an option."""
    flag = f"--{taken.name.replace('_', '-')}"
    if taken.is_list:
        default = taken.default if taken.default is MISSING else taken.as_text(taken.default)
        kind: Any = Annotated[str, typer.Option(flag, help=taken.help)]
    else:
        default = taken.default
        names_ = (flag,) if default is False or taken.kind is not bool else (f"{flag}/--no-{flag[2:]}",)
        parser = local_path if taken.kind in (Path, Path | None) else None
        kind = Annotated[taken.kind, typer.Option(*names_, min=taken.least, parser=parser, help=taken.help)]
    return kind, inspect.Parameter.empty if default is MISSING else default


def _with_signature(
    run: Callable[..., None], parameters: list[inspect.Parameter], summary: str
) -> Callable[..., None]:
    run.__doc__ = summary
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _refusal(error: ConfigError) -> Callable[..., None]:
    """Return a command that says why the comparison cannot be used, whatever it is given."""

    def refuse(**_: Any) -> None:
        raise error

    words = Annotated[list[str] | None, typer.Argument()]
    return _with_signature(refuse, [_parameter("words", words, None)], f"Cannot be used: {error.message}")
