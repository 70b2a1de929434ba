"""Commands that are made from declarations: one for each comparison, one for each annotation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command

from raycre.cli.examples import ExampleGroup
from raycre.errors import ConfigError
from raycre.store.location import location

if TYPE_CHECKING:
    from raycre.options import Taken


class Commands(Mapping[str, Any]):
    """Commands by name; one is made, and its module imported, when it is asked for.

    Args:
        names: returns all there are.
        callback: of a name: what the command calls; ConfigError where it cannot be used.
    """

    def __init__(
        self, names: Callable[[], Sequence[str]], callback: Callable[[str], Callable[..., None]]
    ) -> None:
        self._names, self._callback = names, callback

    def __getitem__(self, name: str) -> Any:
        if name not in self._names():
            raise KeyError(name)
        settings: dict[str, Any] = {}
        try:
            callback = self._callback(name)
        except ConfigError as error:  # of another package: the help still lists all others
            callback, settings = _refusal(error), {"ignore_unknown_options": True}
        app = typer.Typer(add_completion=False)
        app.command(name, context_settings=settings)(callback)
        return get_command(app)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


def group_of(commands: Commands) -> type[ExampleGroup]:
    """Return the class of a verb whose commands are looked up when they are asked for."""

    class Group(ExampleGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = commands  # type: ignore[assignment]

        def list_commands(self, ctx: Any) -> list[str]:
            return list(commands)

    return Group


def parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """Return a parameter of a command; `kind` is annotated as typer wants it."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def arguments(taken: Sequence[Taken]) -> list[inspect.Parameter]:
    """Return the parameters of the declared files."""
    return [parameter(each.name, _argument(each)) for each in taken if each.takes]


def flags(taken: Sequence[Taken]) -> list[inspect.Parameter]:
    """Return the parameters of the declared options."""
    return [parameter(each.name, *_option(each)) for each in taken if not each.takes]


def _argument(taken: Taken) -> Any:
    if taken.takes == "files":
        return Annotated[list[str], typer.Argument(metavar=taken.metavar, help=taken.help)]
    return Annotated[Path, typer.Argument(metavar=taken.metavar, parser=location, help=taken.help)]


def _option(taken: Taken) -> tuple[Any, Any]:
    """Return the annotation and the default of an option."""
    flag = f"--{taken.name.replace('_', '-')}"
    if taken.is_list:
        default = taken.default if taken.default is MISSING else taken.as_text(taken.default)
        kind: Any = Annotated[str, typer.Option(flag, help=taken.help)]
    else:
        default = taken.default
        names_ = (flag,) if default is False or taken.kind is not bool else (f"{flag}/--no-{flag[2:]}",)
        parser = location if taken.kind in (Path, Path | None) else None
        kind = Annotated[taken.kind, typer.Option(*names_, min=taken.least, parser=parser, help=taken.help)]
    return kind, inspect.Parameter.empty if default is MISSING else default


def with_signature(
    run: Callable[..., None], parameters: list[inspect.Parameter], summary: str
) -> Callable[..., None]:
    """Give a function the parameters and the help that typer makes a command of."""
    run.__doc__ = summary
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _refusal(error: ConfigError) -> Callable[..., None]:
    """Return a command that says why what it stands for cannot be used, whatever it is given."""

    def refuse(**_: Any) -> None:
        raise error

    words = Annotated[list[str] | None, typer.Argument()]
    return with_signature(refuse, [parameter("words", words, None)], f"Cannot be used: {error.message}")
