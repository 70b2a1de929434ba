"""Other names of keys and values, each for one that runs are known by; they are resolved before all else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raycre.errors import ConfigError

# Dotted key -> the key that it stands for, in the same section.
KEYS = {
    "inputs.accessibility": "inputs.openness",
    "model.log_accessibility": "model.log_openness",
    "recipe.accessibility": "recipe.openness",
}
# Dotted key of a list -> its values' other names.
VALUES = {"model.modalities": {"accessibility": "openness"}}


def canonical(key: str) -> str:
    """Return a dotted key by the name that runs are known by."""
    return KEYS.get(key, key)


def others_in(section: str) -> list[str]:
    """Return the other names of a section's keys."""
    return [key.removeprefix(f"{section}.") for key in KEYS if key.startswith(f"{section}.")]


def resolve_aliases(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values by the names that runs are known by.

    Raises:
        ConfigError: a key by both of its names.
    """
    found = dict(values)
    for alias, key in KEYS.items():
        section, name = alias.split(".")
        given = found.get(section)
        if not isinstance(given, Mapping) or name not in given:
            continue
        known = key.removeprefix(f"{section}.")
        if known in given:
            raise ConfigError(f"{alias} and {key} are one key by two names; give one of them", value=name)
        found[section] = {known if each == name else each: value for each, value in given.items()}
    for place, names in VALUES.items():
        section, name = place.split(".")
        given = found.get(section)
        if isinstance(given, Mapping) and isinstance(given.get(name), list | tuple | str):
            old = given[name]
            new = names.get(old, old) if isinstance(old, str) else [_named(one, names) for one in old]
            found[section] = {**given, name: new}
    return found


def _named(value: Any, names: Mapping[str, str]) -> Any:
    return names.get(value, value) if isinstance(value, str) else value
