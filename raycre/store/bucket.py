"""Object storage: get, put, list and delete of s3://, gs:// and abfs://, and errors that a person can act on.

What is asked of a store: reads and listings that see the last write, and a put that is refused where the
object exists (If-None-Match) or has changed (If-Match). Amazon S3, Google Cloud Storage, Azure Blob Storage
and MinIO give all of it. obstore does the requests and repeats those that a store could not answer.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from raycre.errors import BucketAccessError, BucketError, ChangedInputError, ConfigError, MissingInputError

SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "abfs": "abfs", "abfss": "abfs", "az": "abfs"}
"""What a URL may begin with -> the name that is kept of it."""
PATIENCE = 120.0  # seconds for which a request is repeated; RAYCRE_BUCKET_PATIENCE gives another number
_PAUSE, _LONGEST_PAUSE = 0.2, 15.0  # seconds before the first repetition, doubled each time up to the second
_AT_ONCE = 1000  # objects that S3 lists, or removes, by one request
_LARGE = 1 << 26  # bytes that are sent in pieces, and put together by the store
_CODE = re.compile(r"<Code>\s*(\w{1,60})\s*</Code>")
_NO_CREDENTIALS = re.compile(r"instance metadata|(getting|missing|no) ?credentials", re.IGNORECASE)
_STATUS = re.compile(r"status code: (\d{3})")
_REFUSING = re.compile(r"301|4(?!04|09|12|29)\d\d")  # statuses of requests that are of no use again

_CREDENTIALS = "give valid ones as the cloud's own tools take them (docs/buckets.md), and run again to go on"
_REFUSED: dict[str, str] = {
    "NoSuchBucket": "there is no such bucket; make it first, or correct its name",
    "ContainerNotFound": "there is no such container; make it first, or correct its name",
    "InvalidBucketName": "no name that a bucket can have; correct it",
    "ExpiredToken": f"the credentials have expired; {_CREDENTIALS}",
    "TokenRefreshRequired": f"the credentials have expired; {_CREDENTIALS}",
    "InvalidToken": f"the credentials are not valid; {_CREDENTIALS}",
    "InvalidAccessKeyId": f"the store does not know the access key; {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"the secret key does not belong to the access key; {_CREDENTIALS}",
    "RequestTimeTooSkewed": "this machine's clock is minutes off; set it, and run again to go on",
    "PermanentRedirect": "the bucket is of another region; set AWS_REGION to its region",
    "AuthorizationHeaderMalformed": "the bucket is of another region; set AWS_REGION to its region",
    "IllegalLocationConstraintException": "the bucket is of another region; set AWS_REGION to its region",
    "AccessDenied": "access is denied; these credentials need to list, read, write and delete below it",
    "301": "the bucket is of another region; set AWS_REGION to its region",
    "401": f"the store asks for credentials; {_CREDENTIALS}",
    "403": "access is denied; these credentials need to list, read, write and delete below it",
}
"""The store's code, or its HTTP status -> what is wrong and what to do; such requests are not repeated."""


class Place(NamedTuple):
    """Where an object is, or a prefix of many.

    Its scheme is a value of SCHEMES, its key has no slash in front.
    The bucket of abfs is "container" or "container@account.dfs.core.windows.net".
    """

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    @property
    def root(self) -> str:
        """The bucket alone, for errors."""
        return f"{self.scheme}://{self.bucket}"


class Entry(NamedTuple):
    """What a store says of an object: bytes, time of writing in ns, and a tag of its content."""

    size: int
    written_ns: int
    tag: str


def get(place: Place) -> tuple[bytes, str]:
    """Return the content of an object, and its tag.

    Raises:
        FileNotFoundError: there is none.
        BucketAccessError, BucketError: see `_named`.
    """
    obstore = _client(place)
    with _named(place, "be read"):
        found = obstore.get(_store(place), place.key)
        content, meta = bytes(found.bytes()), found.meta
        if len(content) != meta["size"]:
            raise BucketError(f"{place}: {len(content):,} of {meta['size']:,} bytes came; run again to go on")
        return content, str(meta["e_tag"] or "")


def get_start(place: Place, n: int) -> bytes:
    """Return the first n bytes of an object, or all where it has fewer; errors as `get`."""
    obstore = _client(place)
    with _named(place, "be read"):
        size = int(obstore.head(_store(place), place.key)["size"])
        if not min(size, n):  # no range can be asked for
            return b""
        return bytes(obstore.get_range(_store(place), place.key, start=0, end=min(size, n)))


def content_from(place: Place, tag: str, start: int) -> Iterator[bytes]:
    """Yield what an object holds from byte `start` on.

    Raises:
        ChangedInputError: it is not that of the tag any more.
        FileNotFoundError, BucketAccessError, BucketError: as `get`.
    """
    obstore = _client(place)
    from obstore.exceptions import PreconditionError

    options: Any = {"if_match": tag, **({"range": {"offset": start}} if start else {})}
    try:
        with _named(place, "be read"):
            yield from map(bytes, obstore.get(_store(place), place.key, options=options))
    except PreconditionError:
        raise ChangedInputError(
            "the object was replaced while it was read; run again once it is whole", path=str(place)
        ) from None


def head(place: Place) -> Entry | None:
    """Return size, time and tag of an object; None where there is none."""
    obstore = _client(place)
    try:
        # An answer to HEAD has no body that says why; one to a listing has.
        with _named(place, "be looked at", ask=lambda: names_in(place)):
            return _entry(obstore.head(_store(place), place.key))
    except FileNotFoundError:
        return None


def put(place: Place, content: bytes | Path, *, absent: bool = False, tag: str | None = None) -> bool:
    """Write an object, whole or not at all.

    Args:
        place: its place.
        content: bytes, or a file that holds them.
        absent: only where there is none.
        tag: only while it is that of this tag.

    Returns:
        False where it was not written because of `absent` or `tag`. A repeated request can find what the
        first one wrote, so compare the content where that matters.

    Raises:
        BucketAccessError, BucketError: see `_named`.
    """
    obstore = _client(place)
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    mode: Any = "create" if absent else "overwrite" if tag is None else {"e_tag": tag}
    size = content.stat().st_size if isinstance(content, Path) else len(content)
    try:
        with _named(place, "be written"):
            in_pieces = mode == "overwrite" and size > _LARGE
            obstore.put(_store(place), place.key, content, mode=mode, use_multipart=in_pieces)
    except (AlreadyExistsError, PreconditionError):
        return False
    except FileNotFoundError:
        if tag is None:
            raise
        return False
    return True


def delete(place: Place) -> None:
    """Remove an object, if it is there."""
    obstore = _client(place)
    try:
        with _named(place, "be removed"):
            obstore.delete(_store(place), place.key)
    except FileNotFoundError:
        return


def delete_all(places: Sequence[Place]) -> None:
    """Remove objects of one bucket that may be there, a thousand a request where the store can."""
    for start in range(0, len(places), _AT_ONCE):
        some = places[start : start + _AT_ONCE]
        obstore = _client(some[0])
        try:
            with _named(some[0], "be removed"):
                obstore.delete(_store(some[0]), [place.key for place in some])
        except FileNotFoundError:  # one of them, and of the others nobody knows
            for place in some:
                delete(place)


def listing(place: Place) -> Iterator[str]:
    """Yield the keys of all objects below a prefix, after it: one request for each thousand of them."""
    return (key for key, _ in _listed(place))


def keys_below(place: Place) -> set[str]:
    """Return the whole keys of all objects below a prefix; as `listing`, at a bare client's pace."""
    obstore = _client(place)
    with _named(place, "be listed"):
        chunks = obstore.list(_store(place), place.key or None, chunk_size=_AT_ONCE)
        return {meta["path"] for chunk in chunks for meta in chunk}


def entries(place: Place) -> dict[str, Entry]:
    """Return what a store says of all objects below a prefix, by their keys after it; as `listing`."""
    return {key: _entry(meta) for key, meta in _listed(place)}


def _listed(place: Place) -> Iterator[tuple[str, Any]]:
    obstore = _client(place)
    cut = len(place.key) + 1 if place.key else 0
    with _named(place, "be listed"):
        for chunk in obstore.list(_store(place), place.key or None, chunk_size=_AT_ONCE):
            yield from [(each["path"][cut:], each) for each in chunk]


def names_in(place: Place) -> list[str]:
    """Return the names of objects, and of prefixes of objects, right below a prefix; sorted."""
    obstore = _client(place)
    cut = len(place.key) + 1 if place.key else 0
    with _named(place, "be listed"):
        found = obstore.list_with_delimiter(_store(place), place.key or None)
    return sorted({o["path"][cut:] for o in found["objects"]} | {p[cut:] for p in found["common_prefixes"]})


def _entry(meta: Any) -> Entry:
    written = round(meta["last_modified"].timestamp() * 1e6) * 1000
    return Entry(int(meta["size"]), written, str(meta["e_tag"] or ""))


def no_object(place: Place) -> MissingInputError:
    """Make the error for an object that is not there."""
    return MissingInputError("no such object", path=str(place))


@contextmanager
def _named(place: Place, doing: str, ask: Callable[[], object] | None = None) -> Iterator[None]:
    """Turn the client's errors, whose texts hold addresses and answers, into a line of ours.

    Args:
        place: where something was done.
        doing: what.
        ask: raises why, where a refusal itself does not say so.

    Raises:
        FileNotFoundError: there is no such object.
        BucketAccessError: the store refuses; repeating it is of no use.
        BucketError: it does not answer as it should, for longer than it was tried.
    """
    from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

    try:
        yield
    except (AlreadyExistsError, PreconditionError):
        raise
    except (BaseError, FileNotFoundError) as error:
        text = str(error)
        said = list(dict.fromkeys([*_CODE.findall(text), *_STATUS.findall(text)]))
        said += ["301"] * ("redirect" in text)  # of which the client keeps no more
        if ask is not None and not _CODE.search(text) and any(_REFUSING.fullmatch(code) for code in said):
            ask()
        for code in said:
            if code in _REFUSED:
                raise BucketAccessError(f"cannot {doing}: {_REFUSED[code]}", path=str(place)) from None
        if isinstance(error, FileNotFoundError):
            raise FileNotFoundError(2, "no such object", str(place)) from None
        why = f"it answered {' '.join(said[:2])}" if said else "it could not be reached, or broke off"
        if _NO_CREDENTIALS.search(text):
            raise BucketAccessError(
                f"cannot {doing}: no credentials were found; {_CREDENTIALS}", path=place.root
            ) from None
        raise BucketError(
            f"{place}: cannot {doing}: {why}, for {patience():.0f} s; finished parts are whole: run again to "
            f"go on once {place.root} answers"
        ) from None


def patience() -> float:
    """Seconds for which a request is repeated."""
    given = os.environ.get("RAYCRE_BUCKET_PATIENCE", "")
    try:
        return float(given) if given else PATIENCE
    except ValueError:
        raise ConfigError("RAYCRE_BUCKET_PATIENCE is a number of seconds", value=given) from None


def _client(place: Place) -> Any:
    """Return the module that does the requests.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import obstore
    except ImportError:
        raise ConfigError(
            "object storage needs one more package: pip install 'raycre[cloud]'", value=place.root
        ) from None
    return obstore


def arrow_filesystem(place: Place) -> tuple[Any, str]:
    """Return Arrow's filesystem for a bucket, and a place's path in it: for what takes no other client."""
    from pyarrow import fs

    path = f"{place.bucket}/{place.key}"
    if place.scheme == "gs":
        return fs.GcsFileSystem(), path
    if place.scheme == "abfs":
        container, _, account = place.bucket.partition("@")
        name = account.partition(".")[0] or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME", "")
        return fs.AzureFileSystem(account_name=name), f"{container}/{place.key}"
    options = {"endpoint_override": endpoint} if (endpoint := _endpoint()) else {}
    keys = _aws(place.scheme, place.bucket)
    options |= {"region": keys.pop("region")} if "region" in keys else {}
    named = {"access_key_id": "access_key", "secret_access_key": "secret_key", "token": "session_token"}
    return fs.S3FileSystem(**options, **{named[name]: value for name, value in keys.items()}), path


def _endpoint() -> str:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _store(place: Place) -> Any:
    return _opened(place.scheme, place.bucket, _endpoint(), patience())


@lru_cache(maxsize=16)
def _opened(scheme: str, bucket: str, endpoint: str, seconds: float) -> Any:
    from obstore.store import AzureStore, GCSStore, S3Store

    common: Any = {
        "client_options": {"timeout": "300s", "connect_timeout": "10s", "user_agent": "raycre"},
        "retry_config": {
            "max_retries": 100,  # the time alone counts
            "retry_timeout": timedelta(seconds=seconds),
            "backoff": {
                "init_backoff": timedelta(seconds=_PAUSE),
                "max_backoff": timedelta(seconds=_LONGEST_PAUSE),
                "base": 2,
            },
        },
    }
    if scheme == "gs":
        return GCSStore(bucket, **common)
    if scheme == "abfs":
        container, _, account = bucket.partition("@")
        named: dict[str, Any] = {"account_name": account.partition(".")[0]} if account else {}
        return AzureStore(container, **named, **common)
    if endpoint:
        common["endpoint"] = endpoint
        common["client_options"]["allow_http"] = endpoint.startswith("http://")  # it was asked for
    return S3Store(bucket, **_aws(scheme, bucket), **common)


def _aws(scheme: str, bucket: str) -> dict[str, Any]:
    """Region, and the keys of the person's profile where the environment has none."""
    found: dict[str, Any] = {}
    if not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
        found["region"] = "us-east-1"
    if os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_SKIP_SIGNATURE"):
        return found
    profile = os.environ.get("AWS_PROFILE") or "default"
    path = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except configparser.Error:
        raise ConfigError("is no file of credentials (its lines are not shown)", value=str(path)) from None
    if parser.has_option(profile, "aws_access_key_id"):
        names = {"access_key_id": "aws_access_key_id", "secret_access_key": "aws_secret_access_key",
                 "token": "aws_session_token"}  # fmt: skip
        return found | {
            ours: parser[profile][name] for ours, name in names.items() if name in parser[profile]
        }
    of_the_machine = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                      "AWS_CONTAINER_CREDENTIALS_FULL_URI")  # fmt: skip
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").casefold() == "true" and not any(
        os.environ.get(name) for name in of_the_machine
    ):
        raise BucketAccessError(f"no credentials were found; {_CREDENTIALS}", path=f"{scheme}://{bucket}")
    return found
