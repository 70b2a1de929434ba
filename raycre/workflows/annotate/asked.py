"""What a person asks of an annotation in words: pairs of groups, and where results go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raycre.errors import ConfigError
from raycre.options import split_label


def parse_pair(text: str) -> tuple[str, str]:
    """Return the two groups of "A,B".

    Raises:
        ConfigError: not two.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise ConfigError("two groups are compared, as in --compare silencer,background", value=text)
    return parts[0], parts[1]


def results_folder(out: Path | None, name: str, regions: Sequence[str], run: Sequence[str]) -> Path:
    """Return the folder of an annotation's results: `out`, else RUN/annotations/NAME of a single run.

    Raises:
        ConfigError: no regions, or no folder where there is no single run.
    """
    if not regions and not run:
        raise ConfigError("no regions: name a file with --regions, or a finished run with --run")
    if out is not None:
        return out
    if len(run) != 1 or regions:
        raise ConfigError("name a folder for the results with --out")
    return split_label(run[0])[1] / "annotations" / name
