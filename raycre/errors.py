"""Every error that raycre raises by name.

RaycreError                  exit code 1: a failure inside the run
├── InputError               exit code 2: the user's files or values; nothing was written
│   ├── MissingInputError    a path that does not exist
│   ├── FormatError          a file that is not what it should be (truncated, wrong columns, not a bigWig)
│   ├── RegionError          an interval that cannot be: end <= start, negative, past the chromosome's end
│   ├── ChromosomeError      a chromosome that the FASTA does not have ("1" against "chr1")
│   ├── AssemblyError        files of two assemblies: chromosome lengths disagree
│   ├── GeneError            a gene that the annotation does not have, or whose window cannot be taken
│   ├── TrackError           a track query or index that matches nothing
│   ├── LabelError           a class name outside the five, or too few regions of a class
│   ├── CheckpointError      weights that do not fit the model, or cannot be loaded safely
│   ├── ConfigError          a configuration that cannot be
│   ├── RunMismatchError     a run folder that belongs to another configuration
│   ├── RunHeldError         a run folder that another driver is at work in
│   ├── UnsharedPathError    a file or folder that is not the same on every node of the cluster
│   ├── ChangedInputError    an input that was replaced after the run had begun
│   └── BucketAccessError    a bucket that does not exist, or that refuses whoever asks
├── BucketError              exit code 1: object storage that does not answer, for longer than it was tried
├── LeaseLostError           exit code 1: another driver has taken over the run folder meanwhile
├── FetchError               exit code 1: a download that failed: the network, the server, a wrong checksum
└── TasksFailedError         exit code 3: the run is over, some units failed for good
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

LONGEST_VALUE, SHOWN_OF_VALUE = 200, 80  # characters of a value in a message, and of a longer one


class RaycreError(Exception):
    """Root of the tree. `exit_code` is what the command line returns."""

    exit_code = 1


class InputError(RaycreError):
    """Bad input, with its place: `file:line: value: what is wrong; what to do`.

    Args:
        message: what is wrong and what to do about it.
        path: the file, if one is to blame.
        line: 1-based line in that file.
        value: the offending value, shown as it was read, the beginning of a long one.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        value: object = None,
    ) -> None:
        self.message, self.path, self.line, self.value = message, path, line, value
        place = "" if path is None else f"{path}:{line}" if line is not None else str(path)
        shown = "" if value is None else _shortened(repr(value))
        super().__init__(": ".join(part for part in (place, shown, message) if part))

    def __reduce__(self):  # type: ignore[no-untyped-def]
        # Keyword arguments must survive the trip from a Ray worker to the driver.
        return _rebuild, (type(self), self.message, self.path, self.line, self.value)


def _shortened(text: str) -> str:
    """Return text that fits a message; a line of a file can have megabytes."""
    return text if len(text) <= LONGEST_VALUE else f"{text[:SHOWN_OF_VALUE]}… ({len(text):,} characters)"


def _rebuild(
    kind: type[InputError], message: str, path: str | None, line: int | None, value: object
) -> InputError:
    return kind(message, path=path, line=line, value=value)


class MissingInputError(InputError):
    """A path that does not exist."""


class FormatError(InputError):
    """A file that is not what it should be: truncated, of other columns, of another kind."""


class RegionError(InputError):
    """An interval that cannot be: end <= start, negative start, past the chromosome's end."""


class ChromosomeError(InputError):
    """A chromosome name that the FASTA does not have."""


class AssemblyError(InputError):
    """Two files whose chromosome lengths disagree."""


class GeneError(InputError):
    """A gene that is not annotated, or whose window cannot be taken from the FASTA."""


class TrackError(InputError):
    """A track query or index that matches nothing, or no row of the table."""


class LabelError(InputError):
    """A class name outside the five, or a class too small for the folds asked for."""


class CheckpointError(InputError):
    """Weights that do not fit the model, are damaged, or cannot be loaded without running code."""


class ConfigError(InputError):
    """A configuration that cannot be."""


class RunMismatchError(InputError):
    """A run folder that belongs to another configuration or other inputs."""


class RunHeldError(InputError):
    """A run folder that another driver is at work in; nothing was written."""


class UnsharedPathError(InputError):
    """A file or folder that one node of the cluster does not see as the others do."""


class ChangedInputError(InputError):
    """A file that was replaced after a run had begun with it; finished parts are whole, of the old one."""


class BucketAccessError(InputError, OSError):
    """Object storage that refuses: no such bucket, no or wrong credentials, another region."""


class BucketError(RaycreError, OSError):
    """Object storage that does not answer, or not with what was asked for, for longer than it was tried."""


class LeaseLostError(RaycreError):
    """Another driver has taken over the run folder: this one was suspended, or cut off from it."""


class FetchError(RaycreError):
    """A download that failed: no connection, a server that refuses, a file that is not the published one."""


class TasksFailedError(RaycreError):
    """The run is over and some units failed for good; each is a row of failures.parquet."""

    exit_code = 3


def near(name: str, known: Iterable[str], n: int = 3) -> str:
    """Return "; did you mean A, B?" for the names most like `name`, or an empty string."""
    folded = {k.casefold(): k for k in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=n, cutoff=0.6)
    return f"; did you mean {', '.join(folded[c] for c in close)}?" if close else ""
