"""A path into a bucket, which is used as the path of a file is.

What is written appears whole under its name, or not at all. Folders are no more than names of what lies in
them. A library that opens files by name gets a copy on this node; see `store/node_cache.py`.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path, PosixPath
from types import SimpleNamespace
from typing import Any

from raycre.store import bucket
from raycre.store.bucket import SCHEMES, Place

_WILD = {*"*?["}


class BucketPath(PosixPath):
    """s3://bucket/key, gs://bucket/key or abfs://container/key.

    Made from its parts: BucketPath("s3:", "bucket", "key"). A path that `relative_to` gives has no bucket.
    """

    __slots__ = ()

    @property
    def place(self) -> Place:
        """Scheme, bucket and key."""
        scheme, name, *keys = self.parts
        return Place(scheme.removesuffix(":"), name, "/".join(keys))

    def _is_relative(self) -> bool:
        return self.parts[:1] == () or self.parts[0].removesuffix(":") not in SCHEMES

    def __str__(self) -> str:
        return super().__str__() if self._is_relative() else str(self.place).removesuffix("/")

    def __reduce__(self) -> tuple[Any, ...]:
        return BucketPath, tuple(self.parts)

    def __fspath__(self) -> str:
        """Return the path of a copy on this node, which is brought if it is not there.

        Raises:
            MissingInputError: there is no such object.
        """
        from raycre.store.node_cache import local_copy

        return super().__str__() if self._is_relative() else str(local_copy(self.place))

    def is_absolute(self) -> bool:
        return not self._is_relative()

    def absolute(self) -> BucketPath:
        return self

    def resolve(self, *_: Any, **__: Any) -> BucketPath:
        return self

    def expanduser(self) -> BucketPath:
        return self

    def as_posix(self) -> str:
        return str(self)

    # Looking.

    def is_file(self, **_: Any) -> bool:
        return bool(self.place.key) and bucket.head(self.place) is not None

    def is_dir(self, **_: Any) -> bool:
        return bool(bucket.names_in(self.place))

    def exists(self, **_: Any) -> bool:
        return self.is_file() or self.is_dir()

    def is_symlink(self) -> bool:
        return False

    def stat(self, **_: Any) -> Any:
        """Return size, time of writing, and as the inode a number of the content's tag."""
        found = bucket.head(self.place)
        if found is None:
            raise FileNotFoundError(2, "no such object", str(self))
        return SimpleNamespace(
            st_size=found.size,
            st_mtime_ns=found.written_ns,
            st_ctime_ns=found.written_ns,
            st_mtime=found.written_ns / 1e9,
            st_ino=int.from_bytes(found.tag.encode(), "big"),
        )

    def lstat(self) -> Any:
        return self.stat()

    def listed(self) -> list[str]:
        """Return the names of all that lies below, after this one."""
        return list(bucket.listing(self.place))

    def iter_listed(self) -> Iterator[str]:
        """Yield what `listed` returns, as it comes."""
        return bucket.listing(self.place)

    def times(self) -> dict[str, float]:
        """Return when each object below was written, in seconds since 1970, by its name after this one."""
        return {name: entry.written_ns / 1e9 for name, entry in bucket.entries(self.place).items()}

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each object below, by its name after this one."""
        return {name: entry.size for name, entry in bucket.entries(self.place).items()}

    def iterdir(self) -> Generator[BucketPath, None, None]:
        yield from (self / name for name in bucket.names_in(self.place))

    def glob(self, pattern: str, **_: Any) -> Iterator[BucketPath]:  # type: ignore[override]
        """Yield what fits a pattern without `**`, objects and folders; as `glob_all`."""
        yield from self.glob_all([pattern])

    def glob_all(self, patterns: list[str]) -> list[BucketPath]:
        """Return what fits any of the patterns, in order; one listing for all of them.

        It lists what is right below a folder where the patterns ask for no more, and else all that is below.
        """
        wanted = [pattern.split("/") for pattern in patterns]
        levels = zip(*wanted, strict=False)
        alike = takewhile(lambda level: len({*level}) == 1 and not _WILD & {*level[0]}, levels)
        above = [level[0] for level in alike][: min(map(len, wanted)) - 1]
        folder, found = self.joinpath(*above), set()
        one_level = all(len(pattern) == len(above) + 1 for pattern in wanted)
        for name in bucket.names_in(folder.place) if one_level else folder.iter_listed():
            parts = [*above, *name.split("/")]
            for pattern in wanted:
                if len(parts) >= len(pattern) and all(map(fnmatchcase, parts, pattern)):
                    found.add("/".join(parts[: len(pattern)]))
        return [self / name for name in sorted(found)]

    def rglob(self, pattern: str, **_: Any) -> Iterator[BucketPath]:  # type: ignore[override]
        raise NotImplementedError("name the levels of the pattern")

    # Reading.

    def read_bytes(self) -> bytes:
        return bucket.get(self.place)[0]

    def read_start(self, n: int) -> bytes:
        """Return the first n bytes, or all where there are fewer; no copy is brought."""
        return bucket.get_start(self.place, n)

    def read_text(self, encoding: str | None = None, errors: str | None = None, *_: Any) -> str:
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def open(self, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        """Open the copy on this node for reading."""
        if set(mode) & set("wxa+"):
            raise io.UnsupportedOperation(f"{self}: an object is written whole, by put or create")
        return Path(self.__fspath__()).open(mode, *arguments, **named)

    # Writing.

    def put(self, content: bytes | Path) -> None:
        """Write the object, over what is there."""
        bucket.put(self.place, content)

    def create(self, content: bytes | Path) -> bool:
        """Write the object unless there is one; say whether it was written."""
        return bucket.put(self.place, content, absent=True)

    def append(self, content: bytes) -> int:
        """Add to a short object, of which several processes may add at once; return its size then."""
        if self.create(content):
            return len(content)
        while True:
            try:
                old, tag = bucket.get(self.place)
            except FileNotFoundError:
                if self.create(content):
                    return len(content)
                continue
            if bucket.put(self.place, old + content, tag=tag):
                return len(old + content)

    def write_bytes(self, data: Any) -> int:
        self.put(bytes(data))
        return len(data)

    def write_text(self, data: str, *_: Any, **__: Any) -> int:
        return self.write_bytes(data.encode())

    def replace(self, target: Any) -> Any:
        """Copy to another name, then remove this one: cut off in between, both are there."""
        target.put(self.read_bytes())
        self.unlink()
        return target

    def unlink(self, *_: Any, **__: Any) -> None:
        bucket.delete(self.place)

    def remove_tree(self) -> None:
        """Remove all that lies below."""
        self.remove(self / name for name in self.listed())

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove objects of this bucket, many by one request."""
        bucket.delete_all([path.place for path in paths if isinstance(path, BucketPath)])

    def mkdir(self, *_: Any, **__: Any) -> None:
        """Do nothing: a folder is there when something lies in it."""

    def rmdir(self) -> None:
        """Do nothing: a folder is gone when nothing lies in it."""
