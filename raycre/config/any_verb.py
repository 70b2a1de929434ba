"""The configuration of any verb: which verb's it is, by what only that has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raycre.config import PerturbConfig, PredictConfig, PrepareConfig, TrainConfig
from raycre.config.models import Frozen
from raycre.config.reading import check, read_values
from raycre.errors import ConfigError

# What only one verb's configuration has: a section, and a key in it ("" for any).
_TOLD_BY: tuple[tuple[str, str, str, type[Frozen]], ...] = (
    ("prepare", "sources", "", PrepareConfig),
    ("predict", "model", "checkpoint", PredictConfig),
    ("creme", "model", "backbone", PerturbConfig),
    ("train", "inputs", "labels", TrainConfig),
)


def read_any(path: Path) -> tuple[str, Any]:
    """Return the verb and the configuration of a file.

    Raises:
        MissingInputError, ConfigError: as `read_config`, or of no verb.
    """
    values, source = read_values(path, ())
    for verb, section, key, kind in _TOLD_BY:
        part = values.get(section)
        if part is not None and (not key or (isinstance(part, Mapping) and key in part)):
            return verb, check(kind, values, source)
    told = ", ".join(f"{'.'.join(filter(None, row[1:3]))} ({row[0]})" for row in _TOLD_BY)
    raise ConfigError(f"of which verb? It has none of {told}; see raycre init", path=path)
