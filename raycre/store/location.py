"""A path as people write it, made into a place on a disk or in a bucket; other places are refused by name."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from raycre.errors import ConfigError
from raycre.store.bucket import SCHEMES
from raycre.store.bucket_path import BucketPath

NAMES = ("registry:", "random:")  # before a name or a seed, where a path may stand, too
_OTHER_STORES = ("adl", "wasb", "wasbs", "hdfs", "oss")
_DOWNLOADS = ("http", "https", "ftp", "ftps", "sftp", "ssh", "drs", "dx")
# pathlib makes s3://bucket/x to s3:/bucket/x, hence one slash or two.
_KNOWN = "|".join([*SCHEMES, *_OTHER_STORES, *_DOWNLOADS, "file"])
_SCHEME = re.compile(rf"(?:({_KNOWN}):/|([a-z][a-z0-9+.-]+)://)", re.IGNORECASE)
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def path_of(text: str | Path) -> Path:
    """Return the path of a text that `location` has made: of a bucket, or of a disk."""
    name, colon, _ = str(text).partition("://")
    return location(text) if colon and name in SCHEMES else Path(text)


def location(given: str | Path) -> Path:
    """The place that is meant: `~` and `$NAME` are filled in, file:// is a path; registry:NAME stays.

    s3://bucket/key, gs://bucket/key and abfs://container/key give a `BucketPath`. A file whose very name is
    what is given is that file.

    Raises:
        ConfigError: a URL of another kind, or one with a secret in it, a Windows path, a pattern, a variable
            that is not set, or nothing.
    """
    if isinstance(given, BucketPath):
        return given
    text = str(given)
    if text.startswith(NAMES):
        return Path(text)
    if not text.strip() or "\0" in text:
        raise ConfigError("a path is expected here, not an empty text" if not text.strip() else
                          "a path cannot hold a NUL character", value=text)  # fmt: skip
    if scheme := _SCHEME.match(text):
        name = (scheme[1] or scheme[2]).lower()
        if name in SCHEMES:
            if "$" in text:
                text = _VARIABLE.sub(lambda found: _variable(found[1] or found[2], text), text)
            return _in_bucket(SCHEMES[name], text)
        if name != "file":
            raise ConfigError(_remote(name), value=without_secrets(text))
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


def _in_bucket(scheme: str, text: str) -> BucketPath:
    """Take a URL of object storage apart; whatever in it may be a secret is not shown."""
    slashes = 2 if text.partition(":")[2].startswith("//") else 1
    netloc, _, key = text.partition(":")[2][slashes:].partition("/")
    shown = without_secrets(text)
    if "?" in text or "#" in text:
        raise ConfigError("what follows ? or # has no place in a bucket's path; leave it out", value=shown)
    if "@" in netloc and not (scheme == "abfs" and re.fullmatch(r"[\w-]+@[\w.-]+", netloc)):
        raise ConfigError(
            "credentials have no place in a path, which goes into run.json; give them in the environment",
            value=shown,
        )
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(@[\w.-]+)?", netloc, re.ASCII):
        raise ConfigError("a bucket's name is expected after //: s3://bucket/folder", value=shown)
    parts = key.split("/")
    if any(part in (".", "..") for part in parts):
        raise ConfigError("a bucket's path has no . or ..; write it out", value=shown)
    if re.search(r"[*\[]", key):
        raise ConfigError("patterns are not filled in here; name each file", value=shown)
    return BucketPath(f"{scheme}:", netloc, *parts)


def without_secrets(text: str) -> str:
    """Return a URL without what may be a secret: what stands before @, after a second colon, or after ?."""
    text = re.sub(r"(://?).*@", r"\1…@", text, count=1, flags=re.DOTALL)
    text = re.sub(r"(://?[^/:]*):.*", r"\1:…", text, count=1, flags=re.DOTALL)
    return re.sub(r"([?#]).*", r"\1…", text, flags=re.DOTALL)


def _remote(scheme: str) -> str:
    if scheme in _OTHER_STORES:
        return "this kind of storage is not read; object storage is s3://, gs:// or abfs://"
    if scheme in _DOWNLOADS:
        return "files are read from a disk, not over the network; download it first and give its path"
    return f"no path: {scheme}:// is not read; give a file or folder on a disk"
