"""Every mistake in a configuration is named in words of this program, with its key and what the key takes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from raycre.config import PerturbConfig, PredictConfig, TrainConfig, make_config, read_config
from raycre.config.words import models
from raycre.creme.tests import TESTS
from raycre.errors import ConfigError

KINDS: dict[type, dict[str, Any]] = {  # a good configuration of each verb
    TrainConfig: {
        "run": {"out": "run"},
        "inputs": {"fasta": "x.fa", "labels": "x.bed", "openness": ["x.bw"], "loops": "x.bedpe"},
    },
    PredictConfig: {
        "run": {"out": "run"},
        "inputs": {"fasta": "x.fa", "regions": "x.bed"},
        "model": {"checkpoint": "train"},
    },
    PerturbConfig: {
        "run": {"out": "run"},
        "inputs": {"fasta": "x.fa", "gtf": "x.gtf", "genes": ["MYC"]},
        "model": {"backbone": "planted"},
        "tracks": "assay=CAGE",
    },
}
WRONG: tuple[Any, ...] = (
    None, True, -1, 0, 3, 1.5, 10**30, math.nan, -math.inf, "", "no", "enhncer", "s3://bucket/x", "5e", b"x",
    [], [None], [True], [-1], ["x", 1.5], [[]], [{}], [math.inf], ["a", "a"], {}, {"x": 1}, {"top": "x"},
    {"top": None}, {1: 2}, {"necessity": 0}, {"necesity": 1}, {None: None}, object(), set(), range(3),
    [[500, 2, "x"]], [[500]], [[500, 0.5, 1, 1]], ["ftp://x"], ("registry:x",),
)  # fmt: skip
PYDANTICS = re.compile(
    r"Input should|valid|\[type=|unable to|required|Value error|Assertion|permitted|[Uu]nion|TopGenes"
    r"|pydantic|NoneType|is_instance|dictionary|tuple\[|\.(str|int|float|tuple|list|literal|function|is)\b"
)


def keys(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a configuration, blocks and what is in them."""
    for name, field in model.model_fields.items():
        yield (*above, name)
        for inner in () if name == "nodes" else models(field.annotation):  # a list: see test_pricing.py
            yield from keys(inner, (*above, name))


def changed(values: dict[str, Any], key: tuple[str, ...], value: Any) -> dict[str, Any]:
    if not key:
        return value
    inner = values.get(key[0], {})
    return {**values, key[0]: changed(inner if isinstance(inner, dict) else {}, key[1:], value)}


EVERY_KEY = [pytest.param(kind, key, id=".".join(key)) for kind in KINDS for key in keys(kind)]


@pytest.mark.parametrize(("kind", "key"), EVERY_KEY)
def test_a_wrong_value_of_any_key_is_named_in_our_words(kind: Any, key: tuple[str, ...]) -> None:
    said = []
    for value in WRONG:
        if key[-1] == "nodes" and value == "s3://bucket/x":
            continue  # that bucket would be asked
        try:
            make_config(kind, changed(KINDS[kind], key, value))
        except ConfigError as error:
            said.append(error.message)
    assert said  # no key takes everything
    assert not [text for text in said if PYDANTICS.search(text)]
    assert not [text for text in said if ": " in text and key[0] not in text]


@pytest.mark.parametrize(("kind", "key"), EVERY_KEY)
def test_a_misspelt_key_is_unknown_wherever_it_stands(kind: Any, key: tuple[str, ...]) -> None:
    wrong = (*key[:-1], key[-1] + "x")
    with pytest.raises(ConfigError, match=f"unknown key {'.'.join(wrong)}; did you mean .*{key[-1]}"):
        make_config(kind, changed(KINDS[kind], wrong, 1))


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (PerturbConfig, "tests: [necesity]", ":8: 'necesity': tests[0]: takes activity, "),
        (PerturbConfig, "tests: [context, necesity]", "did you mean necessity"),
        (PerturbConfig, "tests: pipelin", "did you mean pipeline?"),
        (PerturbConfig, "creme: {n_shuffles: {necesity: 3}}", "did you mean necessity"),
        (PerturbConfig, "creme: {n_shuffles: 10}", "creme.n_shuffles: takes a mapping from"),
        (PerturbConfig, "creme: {tiles: al}", "there is no such file; did you mean all?"),
        (PerturbConfig, "creme: {fine: [[500, x, 1]]}", "'x': creme.fine[0][1]: takes a number"),
        (PerturbConfig, "keep: {assay: CAGE}", "keep: takes queried, assay or all"),
        (PerturbConfig, "tracks: {assay: CAGE}", "tracks: takes a text or a list of whole numbers or texts"),
        (TrainConfig, "recipe: {optimizer: adm}", "'adm': recipe.optimizer: takes adam, sgd or rmsprop; did"),
        (TrainConfig, "recipe: {epochs: many}", "'many': recipe.epochs: takes a whole number of 1 or more"),
        (TrainConfig, "recipe: {epochs: yes}", "'yes': recipe.epochs: takes a whole number"),
        (TrainConfig, "recipe: {epochs: true}", "recipe.epochs: takes a whole number"),
        (TrainConfig, "recipe: {learning_rate: .nan}", "recipe.learning_rate: takes a number above 0"),
        (TrainConfig, "recipe: {learning_rate: 1e400}", "recipe.learning_rate: takes a number above 0"),
        (TrainConfig, "recipe: {ratios: [1, 2]}", "recipe.ratios: takes a list of 5: "),
        (
            TrainConfig,
            "model: {codebook: {mu: 2}}",
            "2: model.codebook.mu: takes a number above 0 and bel",
        ),
        (TrainConfig, "folds: 10", "10: folds: takes a mapping of the keys n, by, only"),
        (TrainConfig, "folds: {only: all}", "'all': folds.only: takes a list of whole numbers or null"),
    ],
)
def test_what_a_key_takes_is_said_with_the_nearest_name(
    tmp_path: Path, kind: Any, text: str, message: str
) -> None:
    path = tmp_path / "c.yaml"
    values = {key: value for key, value in KINDS[kind].items() if not text.startswith(f"{key}:")}
    path.write_text(yaml.safe_dump(values, sort_keys=False, default_flow_style=None) + text + "\n")
    with pytest.raises(ConfigError) as error:
        read_config(kind, path)
    assert message in str(error.value)


def test_an_unknown_key_of_one_kind_of_value_ends_in_no_traceback() -> None:
    values = changed(KINDS[PerturbConfig], ("inputs", "genes"), {"tops": 10})
    with pytest.raises(ConfigError, match=r"unknown key inputs\.genes\.tops; did you mean top"):
        make_config(PerturbConfig, values)


def test_one_value_stands_for_a_list_of_one() -> None:
    def creme(key: str, value: Any) -> Any:
        found: Any = make_config(PerturbConfig, changed(KINDS[PerturbConfig], tuple(key.split(".")), value))
        for part in key.split("."):
            found = getattr(found, part)
        return found

    train = make_config(TrainConfig, changed(KINDS[TrainConfig], ("inputs", "openness"), "a.bw"))
    assert train.inputs.openness == (Path("a.bw"),)
    assert creme("tracks", 5111) == (5111,)
    assert creme("tracks", "CAGE") == "CAGE"  # a query is a text
    assert creme("tests", "necessity") == ("necessity",)
    assert creme("tests", "pipeline") == "pipeline"
    assert creme("inputs.genes", "MYC") == ("MYC",)
    assert creme("inputs.genes", "ENSG00000136997.21") == ("ENSG00000136997.21",)
    assert creme("inputs.genes", "genes.txt") == Path("genes.txt")
    assert creme("creme.tiles", 5000) == (5000,)
    assert creme("creme.tiles", "all") == "all"
    assert creme("model.shifts", 0) == (0,)
    assert creme("model.weights", "a.pt") == "a.pt"


def test_a_block_whose_keys_are_all_commented_out_is_empty() -> None:
    blocks = dict.fromkeys(("model", "recipe", "folds", "resources"))
    assert make_config(TrainConfig, {**KINDS[TrainConfig], **blocks}) == make_config(
        TrainConfig, KINDS[TrainConfig]
    )


def test_one_modality_alone_is_checked_as_a_list_of_it_is() -> None:
    for modality in ("openness", ["openness"]):
        with pytest.raises(ConfigError, match="deepsea reads sequence, and model"):
            make_config(
                TrainConfig, {**KINDS[TrainConfig], "model": {"kind": "deepsea", "modalities": modality}}
            )


def test_every_test_of_the_table_may_be_named() -> None:
    for test in TESTS:
        assert make_config(PerturbConfig, {**KINDS[PerturbConfig], "tests": [test]}).test_names == (test,)
    assert get_args(PerturbConfig.model_fields["tests"].annotation)
