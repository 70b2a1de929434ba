"""Commands that are made from declarations: one for each comparison, one for each annotation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol

import typer
from typer.core import TyperCommand
from typer.main import get_command

from raycre.cli.examples import ExampleGroup
from raycre.errors import ConfigError
from raycre.options import Optioned, Taken, taken_by
from raycre.packages import Installed
from raycre.store.location import location


class Declared(NamedTuple):
    """What the command line needs of a comparison or an annotation, without its module.

    name, summary: the command's. taken: its files and options. needs: what it is handed. test: of a
    comparison: whose effects and calls where none is named.
    """

    name: str
    summary: str
    taken: tuple[Taken, ...]
    needs: tuple[str, ...] = ()
    test: str = ""


class CommandDeclaration(Optioned, Protocol):
    """A declaration of a command: a comparison or an annotation."""

    @property
    def summary(self) -> str: ...

    @property
    def needs(self) -> tuple[Any, ...]: ...


def declared_of(declaration: CommandDeclaration) -> Declared:
    """Return what the command line needs of a declaration."""
    taken, test = tuple(taken_by(declaration)), getattr(declaration, "test", "")
    return Declared(declaration.name, declaration.summary, taken, tuple(declaration.needs), test)


class Commands(Mapping[str, Any]):
    """Commands by name; one is made when it is asked for, and only then is a package's module imported.

    Args:
        installed: what packages add.
        built_in: what raycre has, by name.
        find: a name -> its declaration; ConfigError where it cannot be used.
        callback_of: what the command line needs of a declaration -> what the command calls.
    """

    def __init__(
        self,
        installed: Installed,
        built_in: Mapping[str, Declared],
        find: Callable[[str], CommandDeclaration],
        callback_of: Callable[[Declared], Callable[..., None]],
    ) -> None:
        self._installed, self._built_in, self._find, self._callback_of = (
            installed, built_in, find, callback_of,
        )  # fmt: skip

    def __getitem__(self, name: str) -> Any:
        points = self._installed.points()
        if name not in self._built_in and name not in points:
            raise KeyError(name)
        settings: dict[str, Any] = {}
        try:
            callback = self._callback_of(self._declared(name, points))
        except ConfigError as error:  # of another package: the help still lists all others
            callback, settings = _refusal(error), {"ignore_unknown_options": True}
        app = typer.Typer(add_completion=False)
        app.command(name, context_settings=settings)(callback)
        return get_command(app)

    def __iter__(self) -> Iterator[str]:
        return iter(self._installed.names(self._built_in))

    def __len__(self) -> int:
        return len(self._installed.names(self._built_in))

    def summaries(self) -> dict[str, TyperCommand]:
        """Return all commands as a help lists them: names and what they do, without options."""
        points, listed = self._installed.points(), {}
        for name in self:
            try:
                summary = self._declared(name, points).summary
            except ConfigError as error:
                summary = _cannot(error)
            listed[name] = TyperCommand(name, help=summary)
        return listed

    def _declared(self, name: str, points: Mapping[str, object]) -> Declared:
        if name in self._built_in and name not in points:
            return self._built_in[name]
        return declared_of(self._find(name))


def group_of(commands: Commands) -> type[ExampleGroup]:
    """Return the class of a verb whose commands are looked up when they are asked for."""

    class Group(ExampleGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = commands  # type: ignore[assignment]

        def list_commands(self, ctx: Any) -> list[str]:
            return list(self.commands)

        def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
            self.commands = commands.summaries()  # type: ignore[assignment]
            super().format_help(ctx, formatter)

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
    return with_signature(refuse, [parameter("words", words, None)], _cannot(error))


def _cannot(error: ConfigError) -> str:
    return f"Cannot be used: {error.message}"
