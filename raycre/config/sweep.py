"""`--sweep key=value,value,...`: several trainings out of one configuration, each checked like any other."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from raycre.config.aliases import VALUES, canonical
from raycre.config.reading import Source, check, override, parse_value, read_values
from raycre.config.train import ModelConfig, RecipeConfig, TrainConfig
from raycre.errors import ConfigError, near

FOLDER = "sweep"  # below the run's folder
ALIASES = {  # the paper's letters
    "alpha": "recipe.commitment", "α": "recipe.commitment",
    "beta": "recipe.openness", "β": "recipe.openness", "accessibility": "recipe.openness",
    "gamma": "recipe.loops", "γ": "recipe.loops",
    "μ": "model.codebook.mu",
}  # fmt: skip
MODALITIES, SUBSETS = "model.modalities", "all-subsets"
ALL_SUBSETS = (  # the whole set first: it is what the others are held against
    "[sequence, openness, loops]", "[sequence, openness]", "[sequence, loops]", "[openness, loops]",
    "[sequence]", "[openness]", "[loops]",
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """One training of a sweep: its name, "K=50,M=4", and its whole configuration."""

    name: str
    config: TrainConfig


def read_sweep(path: Path, sets: Sequence[str], sweeps: Sequence[str]) -> list[Setting]:
    """Read a configuration and return one for each combination of the sweeps' values.

    Args:
        path: YAML file of a training.
        sets: `key.sub=value` overrides, of all combinations.
        sweeps: `key=value,value,...`. A key of the model or the recipe, whole (`model.codebook.K`), as much
            of its end as is unambiguous (`K`), or a letter of the paper (`alpha`). Commas within brackets do
            not part values; `modalities=all-subsets` stands for the seven.

    Returns:
        Settings in the order given, the last key changing fastest. Run folders are `run.out`/sweep/NAME.

    Raises:
        ConfigError: an unknown or ambiguous key, the same key or value twice, or a combination that cannot
            be; it is named.
    """
    values, source = read_values(path, sets)
    axes = [_axis(text) for text in sweeps]
    keys = [key for key, _ in axes]
    source = source._replace(overridden=(*source.overridden, *keys))
    if isinstance(values.get("model"), str):  # short for its kind
        values["model"] = {"kind": values["model"]}
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ConfigError("--sweep: name each key once, with all its values", value=twice)
    found: dict[str, Setting] = {}
    for chosen in itertools.product(*(texts for _, texts in axes)):
        combination = copy.deepcopy(values)
        for key, text in zip(keys, chosen, strict=True):
            override(combination, key, parse_value(text, f"--sweep {key}"))
        name = ",".join(f"{_short(k)}={_plain(text)}" for k, text in zip(keys, chosen, strict=True))
        if name in found:
            raise ConfigError("--sweep: the same value twice", value=name)
        found[name] = Setting(name, _config(combination, name, source))
    return list(found.values())


def _config(values: dict[str, Any], name: str, source: Source) -> TrainConfig:
    try:
        config = check(TrainConfig, values, source)
    except ConfigError as error:
        message = f"in the combination {name}: {error.message}"
        raise ConfigError(message, path=error.path, line=error.line, value=error.value) from None
    run = config.run.model_copy(update={"name": name, "out": config.run.out / FOLDER / name})
    return config.model_copy(update={"run": run})


def _axis(text: str) -> tuple[str, list[str]]:
    """Return the whole key and the texts of its values."""
    given, equals, rest = text.partition("=")
    if not equals or not given or not rest:
        raise ConfigError("--sweep takes key=value,value,...", value=text)
    key = whole_key(given)
    if key == MODALITIES and rest == SUBSETS:
        return key, list(ALL_SUBSETS)
    values = [part.strip() for part in re.split(r",(?![^\[]*\])", rest)]
    if not all(values):
        raise ConfigError("--sweep: a value is empty", value=text)
    return key, [_by_known_names(key, value) for value in values]


def _by_known_names(key: str, text: str) -> str:
    """A value's text with other names of what it lists resolved, since folders are named by it."""
    names = VALUES.get(key, {})
    return re.sub(r"\w+", lambda word: names.get(word.group(), word.group()), text)


def whole_key(given: str, keys: Sequence[str] | None = None) -> str:
    """Return the whole dotted key that is meant.

    Args:
        given: a whole key, an end of one, or an alias.
        keys: to choose from; by default all of the model and the recipe.

    Raises:
        ConfigError: none or several end so; near matches are named.
    """
    keys = _keys() if keys is None else keys
    whole = canonical(ALIASES.get(given, given))
    if whole in keys:
        return whole
    ends = [key for key in keys if key.endswith(f".{whole}")]
    if len(ends) > 1:
        raise ConfigError(f"--sweep: which one, {' or '.join(ends)}?", value=given)
    if not ends:
        known = [*keys, *(key.rpartition(".")[2] for key in keys), *ALIASES]
        raise ConfigError(f"--sweep: no such key of model or recipe{near(given, known)}", value=given)
    return ends[0]


def _keys() -> list[str]:
    return _leaves("model", ModelConfig) + _leaves("recipe", RecipeConfig)


def _leaves(prefix: str, model: type[BaseModel]) -> list[str]:
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        below = isinstance(inner, type) and issubclass(inner, BaseModel)
        found += _leaves(f"{prefix}.{name}", inner) if below else [f"{prefix}.{name}"]  # type: ignore[arg-type]
    return found


def _short(key: str) -> str:
    """Return as much of the key's end as is its own."""
    parts = key.split(".")
    ends = (".".join(parts[i:]) for i in range(len(parts) - 1, 0, -1))
    return next((end for end in ends if sum(k.endswith(f".{end}") for k in _keys()) == 1), key)


def _plain(text: str) -> str:
    """Return a value's text as part of a folder's name: `[sequence, loops]` is `sequence+loops`."""
    inner = re.sub(r"\s*,\s*", "+", text.strip("[] "))
    return re.sub(r"[^\w.+-]", "_", inner)
