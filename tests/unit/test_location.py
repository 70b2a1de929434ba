"""Paths as people write them: what is filled in, what is refused, and that nothing is made of a URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raycre.config import TrainConfig, make_config
from raycre.errors import ConfigError
from raycre.store.location import local_path
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
    assert local_path(given) == expected
    assert local_path(Path(given)) == expected or given.startswith("file:")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("s3://bucket/x.fa", "object storage is not read or written yet"),
        ("S3://bucket/x.fa", "object storage"),
        ("gs://bucket/x.fa", "object storage"),
        ("abfs://c@a.dfs.core.windows.net/x", "object storage"),
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
        local_path(given)


@pytest.mark.parametrize("name", ["a*b.bw", "$NO_SUCH.bw", "what?"])
def test_a_file_of_that_very_name_is_that_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    assert local_path(name) == Path(name)


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
    with pytest.raises(ConfigError, match=f"^'s3://b/x': {key}: object storage|^.*{key}: object storage"):
        config("s3://b/x")


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--config", "s3://b/x.yaml"],
        ["demo", "--out", "s3://b/x"],
        ["report", "s3://b/x"],
        ["report", "x", "--out", "s3://b/x.html"],
        ["compare", "marks", "s3://b/x", "a.bw"],
        ["compare", "marks", "x", "a.bw", "--out", "s3://b/x"],
        ["tracks", "CAGE", "--table", "s3://b/x"],
        ["creme", "config", "--config", "x.yaml", "--create-run", "s3://b/x"],
    ],
    ids=" ".join,
)
def test_a_bucket_on_the_command_line_makes_no_folder_of_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert ends(arguments) == 2
    assert "object storage is not read or written yet" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
