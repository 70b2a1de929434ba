"""What installed packages add to raycre: objects by name, through an entry-point group of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from raycre.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def entry_points(*, group: str) -> Iterable[EntryPoint]:
    """Return the entry points of a group, of every installed package."""
    from importlib.metadata import entry_points as find

    return find(group=group)


class Named(Protocol):
    """A declaration, which has its own name."""

    @property
    def name(self) -> str: ...


Declared = TypeVar("Declared", bound=Named)


class Installed:
    """The entry points of one group.

    Args:
        group: "raycre.tests", for example.
        what: what one of them is, for messages: "a test".

    Attributes:
        group, what: as given.
    """

    def __init__(self, group: str, what: str) -> None:
        self.group, self.what = group, what

    def points(self) -> dict[str, EntryPoint]:
        """Return the entry points by name, in alphabetical order; nothing is imported."""
        return {point.name: point for point in sorted(entry_points(group=self.group), key=lambda p: p.name)}

    def names(self, built_in: Collection[str]) -> tuple[str, ...]:
        """Return the name of everything: raycre's own in their order, then those of packages."""
        return (*built_in, *(name for name in self.points() if name not in built_in))

    def find(self, name: str, built_in: Mapping[str, object]) -> EntryPoint | None:
        """Return the entry point of a name, None where no package registers it.

        Raises:
            ConfigError: raycre itself has something of this name.
        """
        point = self.points().get(name)
        if point is not None and name in built_in:
            raise ConfigError(f"{origin(point)} registers {self.what} that raycre has; rename it", value=name)
        return point

    def load(self, point: EntryPoint, kind: type[Declared], what: str | None = None) -> Declared:
        """Import a declaration.

        Args:
            point: of `find`.
            kind: what it must be.
            what: that in words, for the message; by default the whole name of `kind`.

        Raises:
            ConfigError: it cannot be imported, is something else, or declares another name.
        """
        what = what or f"{kind.__module__}.{kind.__qualname__}"
        declared: Declared = load_installed(point, lambda found: isinstance(found, kind), what)
        if declared.name != point.name:
            raise ConfigError(
                f"{origin(point)} declares the {self.what.split()[1]} {declared.name}; give both one name",
                value=point.name,
            )
        return declared


def check_name(point: EntryPoint, reserved: Sequence[str] = ()) -> None:
    """Raise ConfigError for a name that cannot be one of a folder or a command, or that is `reserved`."""
    if point.name in reserved or not re.fullmatch(r"[A-Za-z0-9][\w-]*", point.name, re.ASCII):
        others = f", and none of {', '.join(reserved)}" if reserved else ""
        raise ConfigError(
            f"{origin(point)} cannot have this name: letters, digits, - and _ alone{others}", value=point.name
        )


def origin(point: EntryPoint) -> str:
    """Say whose an entry point is."""
    return f"the entry point {point.value} of {point.dist.name if point.dist else 'an unknown package'}"


def load_installed(point: EntryPoint, fits: Callable[[Any], bool], what: str) -> Any:
    """Import what an entry point names.

    Args:
        point: of `Installed.points`.
        fits: whether the object can be used.
        what: the object must be, for the message.

    Raises:
        ConfigError: it cannot be imported, or is something else.
    """
    try:
        found = point.load()
    except Exception as error:  # any failure of foreign code on import
        raise ConfigError(
            f"{origin(point)} cannot be imported ({error}); update or remove it", value=point.name
        ) from error
    if not fits(found):
        raise ConfigError(f"{origin(point)} is no {what}", value=point.name)
    return found
