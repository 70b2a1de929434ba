"""A function of Python for each verb that has a configuration: keyword arguments in, an open run out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from raycre import config as configurations
from raycre.api.handed import hand_over
from raycre.api.runs import OpenRun, open_run
from raycre.config.aliases import canonical, resolve_aliases
from raycre.config.reading import Source, check, override, read_values
from raycre.errors import ConfigError, near
from raycre.store.location import location
from raycre.verbs import VerbEntry, find

OF_RUN = ("out", "name", "seed")  # keys of `run` that are arguments of their own


class Cost(dict[str, Any]):
    """What a dry run says: plan and cost, by name."""

    def __repr__(self) -> str:
        return "\n".join(f"{key}: {value}" for key, value in self.items())


@lru_cache
def function_of(verb: VerbEntry) -> Callable[..., Any]:
    """Return the verb as a function of Python."""
    if not verb.config:
        function: Callable[..., Any] = find(verb.run)
        return function

    def run(
        config: Mapping[str, Any] | str | Path | None = None,
        /,
        *,
        fresh: bool = False,
        dry_run: bool = False,
        **keys: Any,
    ) -> OpenRun | Cost:
        settings = read_arguments(verb, config, keys)
        record = find(verb.run)(settings, fresh=fresh, dry_run=dry_run)
        return Cost(record) if dry_run else open_run(settings.run.out)

    run.__name__ = run.__qualname__ = verb.name
    run.__module__ = "raycre"
    run.__doc__ = f"""{verb.summary}

    Args:
        config: a YAML file, or a mapping of keys; None where all keys are arguments.
        fresh: remove the run that the folder holds; else it goes on.
        dry_run: return plan and cost, write nothing.
        out, name, seed: of the run, as run.out, run.name and run.seed.
        **keys: of the configuration; a mapping is merged into what `config` has under that key.

    Returns:
        The run, open to be read; of a dry run its cost.

    Raises:
        InputError: bad input; nothing was written.
        TasksFailedError: some units failed for good; all others are done, and `open_run` reads them.
    """
    return run if verb.name != "creme" else _with_test(run)


def _with_test(run: Callable[..., Any]) -> Callable[..., Any]:
    """`creme` takes the name of a test, too, as the command line does: raycre.creme("necessity", …)."""

    def creme(config: Any = None, /, *more: Any, **keys: Any) -> Any:
        from raycre.creme.tests import RESERVED, names_of_tests

        config = hand_over(config) or config

        if isinstance(config, str) and config in (*names_of_tests(), *RESERVED):
            if config != "config":
                keys["tests"] = config if config == "pipeline" else [config]
            config, *more = more or (None,)  # type: ignore[assignment]
        elif isinstance(config, str) and not Path(config).exists() and near(config, names_of_tests()):
            known = names_of_tests()
            raise ConfigError(f"tests are {', '.join(known)}, pipeline{near(config, known)}", value=config)
        if more:
            raise ConfigError("give a test, a configuration, and everything else by its key", value=more[0])
        return run(config, **keys)

    creme.__name__ = creme.__qualname__ = "creme"
    creme.__module__, creme.__doc__ = "raycre", f"{run.__doc__}\n    A test's name may stand first."
    return creme


def read_arguments(
    verb: VerbEntry, config: Mapping[str, Any] | str | Path | None, keys: Mapping[str, Any]
) -> Any:
    """Return the checked configuration of a verb's arguments.

    Raises:
        ConfigError: a key that there is not, or a value that cannot be.
        MissingInputError: no such file.
    """
    kind = getattr(configurations, verb.config)
    source = Source()
    if isinstance(config, str | Path):
        values, source = read_values(location(config), [])
    elif config is None or isinstance(config, Mapping):
        values = resolve_aliases(as_written(config or {}))
    elif isinstance(config, kind) and not keys:
        return config
    else:
        raise ConfigError("a configuration is a YAML file or a mapping of keys", value=type(config).__name__)
    given = {f"run.{key}" if key in OF_RUN else key: value for key, value in keys.items()}
    overridden = []
    for key, value in _leaves(as_written(given), values):
        override(values, canonical(key), value)
        overridden.append(key)
    where = "given as an argument"
    return check(kind, values, source._replace(overridden=tuple(overridden), where=where))


def _leaves(given: Mapping[str, Any], values: object, prefix: str = "") -> list[tuple[str, Any]]:
    """Dotted keys and values to set: a mapping goes key by key where `values` has a mapping, else whole."""
    found = []
    for key, value in given.items():
        there = values
        for part in canonical(f"{prefix}{key}").removeprefix(prefix).split("."):
            there = there.get(part) if isinstance(there, Mapping) else None
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            found += _leaves(value, there, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def as_written(value: Any) -> Any:
    """Return a value of Python as a configuration file would hold it: paths are texts, arrays are lists.

    A backbone or a test that is given as an object is handed over, and stands as its name.

    Raises:
        ConfigError: a table, which has to be a file.
    """
    if isinstance(value, Mapping):
        return {str(key): as_written(one) for key, one in value.items()}
    if (name := hand_over(value)) is not None:
        return name
    if isinstance(value, OpenRun):
        return str(value.path)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "columns"):
        raise ConfigError(
            "a table has to be a file, which a run is known by: write it with to_parquet or as BED",
            value=type(value).__name__,
        )
    if isinstance(value, np.ndarray) or hasattr(value, "to_list"):
        return as_written(value.tolist() if isinstance(value, np.ndarray) else value.to_list())
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return [as_written(one) for one in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value
