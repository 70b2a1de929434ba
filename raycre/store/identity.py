"""The identity of a run: the digest of its science, and in what two of them differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

SHOWN = 100  # characters of a value that differs: thousands of tracks are too many to read


def digest_of(science: Mapping[str, object]) -> str:
    """Return the SHA-256 of the fields that change results, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(science, sort_keys=True, default=str).encode()).hexdigest()


def flat_texts(value: object, prefix: str = "") -> dict[str, str]:
    """Return the texts of a configuration by their dotted key, as the run's identity spells them."""
    if isinstance(value, Mapping):
        inner = [(f"{prefix}.{k}" if prefix else str(k), v) for k, v in value.items()]
    elif isinstance(value, list):
        inner = [(f"{prefix}[{i}]", v) for i, v in enumerate(value)]
    else:
        return {prefix: value} if isinstance(value, str) else {}
    return {key: text for name, v in inner for key, text in flat_texts(v, name).items()}


def differing_keys(
    identity: Mapping[str, object], verb: str, science: Mapping[str, object], layout: Mapping[str, object]
) -> list[str]:
    """Return the keys by which a run differs from one whose run.json holds `identity`."""
    return _differing(identity, whole_identity(verb, science, layout))


def whole_identity(
    verb: str, science: Mapping[str, object], layout: Mapping[str, object]
) -> dict[str, object]:
    """Return all that two runs of one folder must have in common, in one level of keys."""
    return {"verb": verb, **_flatten(science), **_flatten(layout)}


def _flatten(value: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            flat |= _flatten(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = json.loads(json.dumps(inner, default=str))
    return flat


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def differing_values(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Say in words in which keys two identities differ."""
    return [f"{k} was {_shown(old.get(k))}, is {_shown(new.get(k))}" for k in _differing(old, new)]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
