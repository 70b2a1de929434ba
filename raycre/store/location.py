"""A path as people write it, made into a place on this machine's disks; other places are refused by name."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from raycre.errors import ConfigError

NAMES = ("registry:", "random:")  # before a name or a seed, where a path may stand, too
BUCKETS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "wasb", "wasbs", "hdfs", "oss")
_DOWNLOADS = ("http", "https", "ftp", "ftps", "sftp", "ssh", "drs", "dx")
# pathlib makes s3://bucket/x to s3:/bucket/x, hence one slash or two.
_SCHEME = re.compile(
    rf"(?:({'|'.join([*BUCKETS, *_DOWNLOADS, 'file'])}):/|([a-z][a-z0-9+.-]+)://)", re.IGNORECASE
)
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def local_path(given: str | Path) -> Path:
    """The path that is meant: `~` and `$NAME` are filled in, file:// is a path; registry:NAME stays.

    A file whose very name is what is given is that file.

    Raises:
        ConfigError: a URL, a bucket, a Windows path, a pattern, a variable that is not set, or nothing.
    """
    text = str(given)
    if text.startswith(NAMES):
        return Path(text)
    if not text.strip() or "\0" in text:
        raise ConfigError("a path is expected here, not an empty text" if not text.strip() else
                          "a path cannot hold a NUL character", value=text)  # fmt: skip
    if scheme := _SCHEME.match(text):
        name = (scheme[1] or scheme[2]).lower()
        if name != "file":
            raise ConfigError(_remote(name, text), value=text)
        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost"):
            raise ConfigError("a file:// URL of another machine; give a path on this one", value=text)
        return Path(unquote(parts.path))
    if os.name == "posix" and _WINDOWS.match(text) and not Path(text).exists():
        raise ConfigError(
            "a Windows path; give it as this system has it (C:\\x is /mnt/c/x in WSL)", value=text
        )
    if "$" in text and not Path(text).exists():
        text = _VARIABLE.sub(lambda found: _variable(found[1] or found[2], text), text)
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ConfigError("no such user, whose home folder ~ stands for", value=text) from None
    if re.search(r"[*?]", text) and not path.exists():
        raise ConfigError("patterns are not filled in here; name each file", value=text)
    return path


def _variable(name: str, text: str) -> str:
    if name not in os.environ:
        raise ConfigError(
            f"the environment has no variable {name}; set it, or write the path out", value=text
        )
    return os.environ[name]


def _remote(scheme: str, text: str) -> str:
    if scheme in BUCKETS:
        return "object storage is not read or written yet; copy the file to a disk, and name a folder on one"
    if scheme in _DOWNLOADS:
        return "files are read from a disk, not over the network; download it first and give its path"
    return f"no path: {scheme}:// is not read; give a file or folder on a disk"
