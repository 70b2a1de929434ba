"""Paths as people write them: what is filled in, what is refused, and that nothing is made of a URL."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from raycre.config import TrainConfig, make_config
from raycre.errors import ConfigError
from raycre.store.bucket_path import BucketPath
from raycre.store.location import location, path_of
from tests.unit.test_cli import ends


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATA", "/data")
    monkeypatch.delenv("NO_SUCH", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("~", "{home}"),
        ("~/x.fa", "{home}/x.fa"),
        ("$HOME/x.fa", "{home}/x.fa"),
        ("${HOME}/x.fa", "{home}/x.fa"),
        ("$DATA/x.fa", "/data/x.fa"),
        ("/a/${DATA}.fa", "/a//data.fa"),
        ("file:///a/b%20c.fa", "/a/b c.fa"),
        ("file://localhost/a.fa", "/a.fa"),
        ("a~b.fa", "a~b.fa"),
        ("a b.fa", "a b.fa"),
        ("a:b.fa", "a:b.fa"),
        ("données.fa", "données.fa"),
        ("registry:create-sequence", "registry:create-sequence"),
        ("random:3", "random:3"),
    ],
)
def test_a_path_is_filled_in(tmp_path: Path, given: str, meant: str) -> None:
    expected = Path(meant.format(home=tmp_path / "home"))
    assert location(given) == expected
    assert location(Path(given)) == expected or given.startswith("file:")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hdfs://host/x.fa", "object storage is s3://, gs:// or abfs://"),
        ("s3:///x.fa", "a bucket's name is expected"),
        ("s3://bucket/../x.fa", "no . or .."),
        ("s3://bucket/reps/*.bw", "patterns are not filled in"),
        ("s3://bucket/x.fa?versionId=3", "leave it out"),
        ("http://a.org/x.fa", "download it first"),
        ("https://a.org/x.fa?raw=true", "download it first"),
        ("ftp://a.org/x.fa", "download it first"),
        ("htp://a.org/x.fa", "htp:// is not read"),
        ("file://host/x.fa", "of another machine"),
        ("C:\\data\\x.fa", "a Windows path"),
        ("c:/data/x.fa", "a Windows path"),
        ("\\\\server\\x.fa", "a Windows path"),
        ("$NO_SUCH/x.fa", "no variable NO_SUCH"),
        ("~nobody-of-this-name/x.fa", "no such user"),
        ("reps/*.bw", "patterns are not filled in"),
        ("rep?.bw", "patterns are not filled in"),
        ("", "an empty text"),
        (" ", "an empty text"),
        ("a\0b", "NUL"),
    ],
)
def test_what_is_no_path_on_a_disk_is_refused_by_name(given: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        location(given)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("s3://bucket/a/x.fa", "s3://bucket/a/x.fa"),
        ("s3:/bucket/a/x.fa", "s3://bucket/a/x.fa"),
        ("S3A://bucket//a/", "s3://bucket/a"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket$DATA/x", "s3://bucket/data/x"),
        ("gcs://bucket/x.fa", "gs://bucket/x.fa"),
        ("abfss://c@a.dfs.core.windows.net/x", "abfs://c@a.dfs.core.windows.net/x"),
    ],
)
def test_a_path_into_a_bucket_is_kept_as_a_url(given: str, meant: str) -> None:
    found = location(given)
    assert isinstance(found, BucketPath)
    assert str(found) == meant
    assert found == location(str(found)) == path_of(str(found)) == pickle.loads(pickle.dumps(found))
    assert found.resolve() == found.absolute() == found
    assert str((found / "b" / "c.parquet").relative_to(found)) == "b/c.parquet"


@pytest.mark.parametrize(
    "given",
    [
        "s3://AKIAPLANTED:pl4nted/secret@bucket/x",
        "s3://AKIAPLANTED:pl4nted@bucket/x",
        "s3://pl4nted@bucket/x",
        "s3://bucket/x?X-Amz-Signature=pl4nted",
        "s3://AKIA:pl4nted",
        "https://user:pl4nted@host/x.fa",
        "https://host/x.fa?token=pl4nted",
        "abfs://c@a/x?sig=pl4nted",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(ConfigError) as refused:
        location(given)
    assert "pl4nted" not in str(refused.value)
    with pytest.raises(ConfigError) as refused:
        make_config(TrainConfig, {"run": {"name": "t", "out": given}})
    assert "pl4nted" not in str(refused.value)


@pytest.mark.parametrize("name", ["a*b.bw", "$NO_SUCH.bw", "what?"])
def test_a_file_of_that_very_name_is_that_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    assert location(name) == Path(name)


@pytest.mark.parametrize("key", ["run.out", "inputs.fasta", "inputs.openness", "inputs.loops", "model.init"])
@pytest.mark.parametrize("listed", [False, True])
def test_every_path_of_a_configuration_is_filled_in_or_refused(
    tmp_path: Path, key: str, listed: bool
) -> None:
    def config(path: str) -> TrainConfig:
        values: dict[str, Any] = {
            "run": {"out": "run"},
            "inputs": {"fasta": "x.fa", "labels": "x.bed", "openness": ["x.bw"], "loops": "x.bedpe"},
            "model": {},
        }
        block, name = key.split(".")
        values[block][name] = [path] if listed else path
        return make_config(TrainConfig, values)

    if listed and key != "inputs.openness":
        with pytest.raises(ConfigError, match=f"{key}: takes a path"):
            config("x")
        return
    block, name = key.split(".")
    found = getattr(getattr(config("~/x"), block), name)
    assert found in (tmp_path / "home" / "x", (tmp_path / "home" / "x",))
    found = getattr(getattr(config("s3://b/x"), block), name)
    assert found in (location("s3://b/x"), (location("s3://b/x"),))
    with pytest.raises(ConfigError, match=f"{key}: .*object storage is"):
        config("oss://b/x")


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--config", "s3://b/x.yaml"],
        ["demo", "--out", "s3://b/x"],
        ["report", "s3://b/x"],
        ["report", "s3://b/y", "--out", "s3://b/x.html"],
        ["compare", "marks", "s3://b/x", "a.bw"],
        ["tracks", "CAGE", "--table", "s3://b/x"],
    ],
    ids=" ".join,
)
def test_a_bucket_on_the_command_line_makes_no_folder_of_its_name(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert ends(arguments) == 2
    assert re.search("s3://b.*(no credentials|needs one more package)", capsys.readouterr().err)
    assert {path.name for path in tmp_path.iterdir()} <= {"home"}  # where matplotlib keeps its own
