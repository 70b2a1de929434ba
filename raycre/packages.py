"""What installed packages add to raycre: objects by name, through an entry-point group of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from raycre.errors import ConfigError


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

    def find(self, name: str, built_in: Mapping[str, object]) -> EntryPoint | None:
        """Return the entry point of a name, None where no package registers it.

        Raises:
            ConfigError: raycre itself has something of this name.
        """
        point = self.points().get(name)
        if point is not None and name in built_in:
            raise ConfigError(f"{origin(point)} registers {self.what} that raycre has; rename it", value=name)
        return point


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
