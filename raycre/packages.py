"""What installed packages add to raycre: objects by name, through an entry-point group of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar

from raycre.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    Point: TypeAlias = EntryPoint | "HandedOver"


def entry_points(*, group: str) -> Iterable[EntryPoint]:
    """Return the entry points of a group, of every installed package."""
    from importlib.metadata import entry_points as find

    return find(group=group)


class Named(Protocol):
    """A declaration, which has its own name."""

    @property
    def name(self) -> str: ...


class HandedOver(NamedTuple):
    """Stands where an entry point does, for an object that this process was given.

    name: the object's. declared: the object itself. dist: None, as it is of no package.
    """

    name: str
    declared: Any
    dist: None = None

    @property
    def value(self) -> str:
        """What the object is, for messages."""
        return f"{type(self.declared).__module__}:{type(self.declared).__qualname__}"

    def load(self) -> Any:
        """Return the object."""
        return self.declared


_HANDED_OVER: dict[str, dict[str, HandedOver]] = {}  # by group and name


def handed_over(names: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what this process was given of these names, by group: what a worker must have as well."""
    return {
        group: {name: each.declared for name, each in mine.items() if name in names}
        for group, mine in _HANDED_OVER.items()
    }


def take_over(objects: Mapping[str, Mapping[str, Any]]) -> None:
    """Let this process have what `handed_over` has returned in another one."""
    for group, mine in objects.items():
        for name, declared in mine.items():
            _HANDED_OVER.setdefault(group, {})[name] = HandedOver(name, declared)


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

    def points(self) -> dict[str, Point]:
        """Return the entry points by name, in alphabetical order; nothing is imported.

        What this process was handed comes first, and stands before a package's of the same name.
        """
        installed = sorted(entry_points(group=self.group), key=lambda p: p.name)
        handed = _HANDED_OVER.get(self.group, {})
        return {**handed, **{point.name: point for point in installed if point.name not in handed}}

    def hand_over(
        self, name: str, declared: object, built_in: Collection[str], reserved: Sequence[str] = ()
    ) -> None:
        """Let this process, and workers of its runs, have an object by its name, without a package.

        Raises:
            ConfigError: a name that cannot be one, or that raycre has.
        """
        point = HandedOver(name, declared)
        if name in built_in:
            raise ConfigError(f"raycre has {self.what} of this name; give yours another", value=name)
        check_name(point, reserved)
        _HANDED_OVER.setdefault(self.group, {})[name] = point

    def is_handed_over(self, name: str) -> bool:
        """Whether this process was given what has this name."""
        return name in _HANDED_OVER.get(self.group, {})

    def names(self, built_in: Collection[str]) -> tuple[str, ...]:
        """Return the name of everything: raycre's own in their order, then those of packages."""
        return (*built_in, *(name for name in self.points() if name not in built_in))

    def find(self, name: str, built_in: Mapping[str, object]) -> Point | None:
        """Return the entry point of a name, None where no package registers it.

        Raises:
            ConfigError: raycre itself has something of this name.
        """
        point = self.points().get(name)
        if point is not None and name in built_in:
            raise ConfigError(f"{origin(point)} registers {self.what} that raycre has; rename it", value=name)
        return point

    def load(self, point: Point, kind: type[Declared], what: str | None = None) -> Declared:
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


def check_name(point: Point, reserved: Sequence[str] = ()) -> None:
    """Raise ConfigError for a name that cannot be one of a folder or a command, or that is `reserved`."""
    if point.name in reserved or not re.fullmatch(r"[A-Za-z0-9][\w-]*", point.name, re.ASCII):
        others = f", and none of {', '.join(reserved)}" if reserved else ""
        raise ConfigError(
            f"{origin(point)} cannot have this name: letters, digits, - and _ alone{others}", value=point.name
        )


def origin(point: Point) -> str:
    """Say whose an entry point is."""
    if isinstance(point, HandedOver):
        return f"an object of {point.value}"
    return f"the entry point {point.value} of {point.dist.name if point.dist else 'an unknown package'}"


def load_installed(point: Point, fits: Callable[[Any], bool], what: str) -> Any:
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
