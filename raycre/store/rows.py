"""One .npy file of rows that arrive in pieces, in the smallest kind of number that keeps every value exact.

It knows neither what the numbers mean nor who reads them. Ordinary writes, not a memory map: on a full disk
a write says so, where touching a mapped page kills the process.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from raycre.errors import BucketAccessError, BucketError
from raycre.store.bucket_path import BucketPath
from raycre.store.files import temporary_of

KINDS = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))  # the last one holds any number
_PIECE = 1024  # rows copied at a time when a file is widened


class RowsFile:
    """A file of rows that is put in place when its block ends without an error, and else removed.

    Values are kept as they come while all are integers from 0 to 65,535. Once one is not, the file holds
    float32(value / divisor), rows of earlier pieces included: how rows were cut into pieces never shows.

    Attributes:
        path: where the file will be.
        divisor: what a reader still has to divide by: 1 once the file holds float32.

    Raises:
        OSError: disk full, no permission; the file is named.
    """

    def __init__(self, path: Path, shape: tuple[int, int], divisor: int = 1) -> None:
        self.path, self.divisor, self._shape, self._kind = path, divisor, shape, KINDS[0]
        # What goes to a bucket grows on this node's disk, and is put there whole.
        self._scratch = tempfile.mkdtemp(prefix="raycre-") if isinstance(path, BucketPath) else None
        self._open()

    def __enter__(self) -> RowsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
                if isinstance(self.path, BucketPath):
                    self._file.close()
                    self.path.put(self._part)
                else:
                    self._part.replace(self.path)
        except OSError as failed:
            raise self._named(failed) from failed
        finally:
            _discard(self._file, self._part)
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)

    def append(self, rows: NDArray[Any]) -> None:
        """Write the next rows: numbers (n, width), finite and not negative, before any division."""
        try:
            kind = next(k for k in KINDS[KINDS.index(self._kind) :] if _holds(k, rows))
            if kind != self._kind:
                self._widen(kind)
            self._write(rows)
        except OSError as error:
            raise self._named(error) from error

    def _open(self) -> None:
        beside = self.path if self._scratch is None else Path(self._scratch, self.path.name)
        self._part = temporary_of(beside)
        self._file: BinaryIO = self._part.open("wb")
        what = {"descr": self._kind.str, "fortran_order": False, "shape": self._shape}
        np.lib.format.write_array_header_1_0(self._file, what)
        self._first = self._file.tell()

    def _write(self, rows: NDArray[Any]) -> None:
        if self._kind == KINDS[-1]:
            rows = rows.astype(np.float64) / self._before
        self._file.write(np.ascontiguousarray(rows, dtype=self._kind).data)

    def _widen(self, kind: np.dtype) -> None:
        """Write all rows so far anew as `kind`."""
        old, part, first = self._file, self._part, self._first
        try:
            old.flush()
            before, self._kind = self._kind, kind
            if kind == KINDS[-1]:
                self._before, self.divisor = self.divisor, 1
            self._open()
            with part.open("rb") as written:
                written.seek(first)
                while len(numbers := np.fromfile(written, before, _PIECE * self._shape[1])):
                    self._write(numbers)
        finally:
            _discard(old, part)

    def _named(self, error: OSError) -> OSError:
        if isinstance(error, BucketAccessError | BucketError):
            return error
        return OSError(error.errno, error.strerror or str(error), str(self.path))


def _holds(kind: np.dtype, rows: NDArray[Any]) -> bool:
    """Say whether `kind` keeps every number of `rows`, or the division by the divisor may be done."""
    if kind == KINDS[-1]:
        return True
    return bool(rows.max(initial=0) <= np.iinfo(kind).max and (rows == np.rint(rows)).all())


def _discard(file: BinaryIO, path: Path) -> None:
    with suppress(OSError):  # what is still in its buffer can fail again on a full disk
        file.close()
    path.unlink(missing_ok=True)
