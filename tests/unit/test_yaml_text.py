"""YAML of a configuration: what plain values mean, and mistakes named by line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from raycre.config import TrainConfig, read_config
from raycre.config.yaml_text import parse_yaml
from raycre.errors import ConfigError, InputError, MissingInputError

GOOD = "run: {out: run}\ninputs: {fasta: x.fa, labels: x.bed, openness: x.bw, loops: x.bedpe}\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5e-5", 5e-5),
        ("1e6", 1e6),
        ("1.5E+3", 1500.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        ("1_000", 1000),
        ("0x1F", 31),
        ("010", "010"),  # 8 in YAML 1.1
        ("1:30", "1:30"),  # 90
        ("2026-11-27", "2026-11-27"),  # a date
        ("no", "no"),  # false
        ("on", "on"),  # true
        ("true", True),
        ("~", None),
        ("", None),
        ("~/x", "~/x"),
        ("null", None),
        ("e5", "e5"),
        ("chr1", "chr1"),
    ],
)
def test_a_plain_value_is_what_it_looks_like(text: str, value: object) -> None:
    found = parse_yaml(f"key: {text}")[0]["key"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("run:\n\tout: x\n", 2, "a tab"),
        (GOOD + "run: {out: y}\n", 3, "the key run is given twice, first on line 1"),
        ("run: {out: x, out: y}\n", 1, "the key out is given twice"),
        ("- run\n", 1, "a mapping of keys"),
        ("hello\n", 1, "a mapping of keys"),
        ("run: {out: x\n", 2, "not closed"),
        ("run: 'x\n", 2, "not closed"),
        ("a: b: c\n", 1, "second colon"),
        ("run:\n  out: x\n seed: 1\n", 3, "does not fit the indentation"),
        ('run: {out: "C:\\data"}\n', 1, "begins an escape"),
        ("run: @x\n", 1, "put it in quotes"),
        ("run: !!python/object:os.system x\n", 1, "tag"),
        ("run: *x\n", 1, "alias"),
        ("a: 1\n---\nb: 2\n", 2, "two documents"),
        ("", None, "the configuration is empty"),
        ("# nothing\n", None, "the configuration is empty"),
        ("{a: 1}: 2\n", 1, "must be a text"),
        ("1: x\n", 1, "unknown key 1"),
        ("[" * 3000, None, "nested too deeply"),
        (GOOD + "recipe: {learning_rate: .nan}\n", 3, "'nan': recipe.learning_rate: takes a number above 0"),
        (GOOD + "recipe: {epochs: 1:30}\n", 3, "'1:30': recipe.epochs: takes a whole number"),
        (GOOD + f"recipe: {{epochs: {10**30}}}\n", 3, "recipe.epochs: takes a whole number of 1 or more"),
        (GOOD + f"recipe: {{epochs: {'9' * 5000}}}\n", 3, "recipe.epochs: takes a whole number of 1 or more"),
    ],
)
def test_a_mistake_is_named_by_its_line(tmp_path: Path, text: str, line: int | None, said: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_config(TrainConfig, path)
    assert said in str(error.value)
    assert (error.value.path, error.value.line) == (path, line)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (GOOD.encode("utf-16"), None, "UTF-16"),
        (GOOD.encode() + "recipe: {preset: r\xe9}".encode("latin-1"), 3, "UTF-8"),
        (b"\x1f\x8b\x08\x00\xff", 1, "UTF-8"),
        (GOOD.encode() + b"a: \x01", None, "control characters"),
    ],
)
def test_bytes_that_are_no_text_are_named(
    tmp_path: Path, content: bytes, line: int | None, said: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        read_config(TrainConfig, path)
    assert error.value.line == line


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path, end: bytes, mark: bytes) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(mark + GOOD.encode().replace(b"\n", end))
    assert read_config(TrainConfig, path).inputs.fasta == Path("x.fa")


def test_a_number_with_an_exponent_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD + "recipe: {learning_rate: 5e-5, score_warmup: no}\n")
    recipe = read_config(TrainConfig, path, ["recipe.epochs=007"]).recipe
    assert (recipe.learning_rate, recipe.score_warmup, recipe.epochs) == (5e-5, False, 7)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("recipe.epochs", "--set takes key.sub=value"),
        ("=3", "--set takes key.sub=value"),
        ("recipe..epochs=3", "--set takes key.sub=value"),
        ("recipe.=3", "--set takes key.sub=value"),
        ("recipe.epochs=", "recipe.epochs: takes a whole number of 1 or more; nothing is given"),
        ("recipe.epochs=[1", "--set recipe.epochs: not YAML"),
        ("recipe.epochs=many", "'many': recipe.epochs: takes a whole number"),
        ("recipe.epochs.x=3", "recipe.epochs: takes a whole number"),
        ("recipe.epoch=3", "unknown key recipe.epoch; did you mean epochs"),
        ("model.codebook.k=3", "unknown key model.codebook.k; did you mean K"),
        ("run=3", "run: takes a mapping of the keys name, out, seed"),
    ],
)
def test_a_wrong_override_is_named(tmp_path: Path, given: str, said: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD)
    with pytest.raises(ConfigError) as error:
        read_config(TrainConfig, path, [given])
    assert said in str(error.value)
    assert error.value.line is None  # it stands on no line of the file


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="a folder, not a configuration file"):
        read_config(TrainConfig, tmp_path)
