"""How a bucket is reached: its scheme and place, who may, and how long a request is repeated."""

from __future__ import annotations

import configparser
import os
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from raycre.errors import BucketAccessError, ConfigError

SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "abfs": "abfs", "abfss": "abfs", "az": "abfs"}
"""What a URL may begin with -> the name that is kept of it."""

PATIENCE = 120.0  # seconds for which a request is repeated; RAYCRE_BUCKET_PATIENCE gives another number

_PAUSE, _LONGEST_PAUSE = 0.2, 15.0  # seconds before the first repetition, doubled each time up to the second

CREDENTIALS = "give valid ones as the cloud's own tools take them (docs/buckets.md), and run again to go on"


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


def patience() -> float:
    """Seconds for which a request is repeated."""
    given = os.environ.get("RAYCRE_BUCKET_PATIENCE", "")
    try:
        return float(given) if given else PATIENCE
    except ValueError:
        raise ConfigError("RAYCRE_BUCKET_PATIENCE is a number of seconds", value=given) from None


def client_of(place: Place) -> Any:
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


def store_of(place: Place) -> Any:
    """Return the client of a bucket, one for all of this process's requests."""
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
        raise BucketAccessError(f"no credentials were found; {CREDENTIALS}", path=f"{scheme}://{bucket}")
    return found
