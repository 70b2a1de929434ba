"""What a configuration comes to in a run's identity and in its record, held literally.

A folder begun by an earlier version goes on only where these stay as they are. The values were taken before
pydantic read its fields from the science's dataclasses.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from raycre.config import PerturbConfig, PredictConfig, TrainConfig, make_config
from raycre.config.sweep import read_sweep
from raycre.errors import ConfigError
from raycre.store.run import digest_of

SIGNALS = {"fasta": "a.fa", "openness": ["a.bw"], "loops": "a.bedpe"}
TRAIN: dict[str, Any] = {"run": {"out": "x"}, "inputs": {**SIGNALS, "labels": "a.bed"}}
CREME: dict[str, Any] = {
    "run": {"out": "x"},
    "inputs": {"fasta": "a.fa", "gtf": "a.gtf", "genes": ["GATA1"]},
    "model": {"backbone": "enformer", "weights": "random:1"},
    "tracks": [0],
}
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "default": (TrainConfig, TRAIN),
    "paper": (TrainConfig, {**TRAIN, "recipe": {"preset": "paper"}}),
    "deepsea, original": (TrainConfig, {**TRAIN, "model": "deepsea", "recipe": {"preset": "original"}}),
    "danq, original": (TrainConfig, {**TRAIN, "model": "danq", "recipe": {"preset": "original"}}),
    "es-transition, original": (
        TrainConfig,
        {**TRAIN, "model": "es-transition", "recipe": {"preset": "original"}},
    ),
    "deepicsh, original": (TrainConfig, {**TRAIN, "model": "deepicsh", "recipe": {"preset": "original"}}),
    "deepicsh, matched": (TrainConfig, {**TRAIN, "model": "deepicsh", "recipe": {"preset": "matched"}}),
    "many keys": (
        TrainConfig,
        {
            **TRAIN,
            "run": {"out": "x", "seed": 7, "name": "k562"},
            "inputs": {**TRAIN["inputs"], "classes": ["background", "enhancer"], "overlaps": "keep"},
            "model": {"size": "tiny", "latent": "continuous", "modalities": ["sequence", "loops"]},
            "recipe": {"balance": "weights", "decay": 1e-4, "warmup_rate": 1e-3, "openness": 1, "epochs": 60},
            "interpretation": {"embedding": "mean", "per_class": 5},
            "folds": {"n": 5, "by": "chromosome", "only": [1, 2]},
        },
    ),
    "predict": (
        PredictConfig,
        {"run": {"out": "x"}, "inputs": {**SIGNALS, "regions": "a.bed"}, "model": {"checkpoint": "y"}},
    ),
    "creme": (PerturbConfig, CREME),
    "creme, reference": (PerturbConfig, {**CREME, "creme": {"compat": "reference"}}),
}
IDENTITIES = {  # digest of science(), hash of the record
    "default": ("58a56fdcfd6b7efa", "43781bf0ac454872"),
    "paper": ("792f5c0672694c4a", "4729594c1cf8fd39"),
    "deepsea, original": ("7316849efadf386f", "abb6a96cc340e1eb"),
    "danq, original": ("6f5e76de3d795e14", "a6d409ed8de3256c"),
    "es-transition, original": ("3ad171f5cf884393", "5d39f1e75dfa8df4"),
    "deepicsh, original": ("f5b9581b84038f86", "39a31c037f0d5220"),
    "deepicsh, matched": ("c7cea72b4f8be57b", "4712eaff83581e9e"),
    "many keys": ("5cdbf9cdc2ca0b08", "9ac830c281ae8547"),
    "predict": ("b4e96333b7c97c72", "b0499e0b9066b632"),
    "creme": ("f3f10d838ceb026a", "c5ac1881c38ddd37"),
    "creme, reference": ("5038d7b1e2006f90", "f117fdf4ac006e02"),
}
DIGESTS = {"K=50,commitment=1": "5f7d6c38b48695cc", "K=100,commitment=1": "7cf711d8c585e762"}
SCIENCE = {
    "seed": 0,
    "model": {
        "kind": "create",
        "size": "paper",
        "modalities": ["sequence", "openness", "loops"],
        "codebook": {"K": None, "M": None, "mu": None},
        "latent": "discrete",
        "pointwise": True,
        "upsample_first": True,
        "base_norm": True,
        "smoothing": 1e-05,
        "log_openness": True,
        "track_heads": "start above zero",
    },
    "recipe": {
        "preset": "reference",
        "epochs": 300,
        "warmup_epochs": 50,
        "batch_size": 1024,
        "learning_rate": 5e-05,
        "schedule": "plateau",
        "optimizer": "adam",
        "momentum": 0.0,
        "decay": 0.0,
        "weight_decay": 0.0,
        "max_norm": None,
        "patience": 20,
        "stop_from": 200,
        "score_warmup": True,
        "drop_last": True,
        "ratios": [5, 5, 3, 3, 1],
        "eval_ratio": 5,
        "stride": 10,
        "strands": "every",
        "precision": "float32",
        "openness": 0.01,
        "loops": 0.1,
        "commitment": 0.25,
        "sum_code_dims": False,
        "reconstruction": 0.5,
        "classification": 1.0,
        "mean_over_classes": False,
        "focal_silencer": 1.0,
        "norms": 2.0,
    },
    "interpretation": {"embedding": "concatenated", "mapped": 20000, "per_class": None, "base_by_base": 200},
    "folds": {"n": 10, "by": "stratified"},
    "outside": "error",
    "loops_count_column": None,
}
RECIPE_KEYS = (
    "preset, epochs, warmup_epochs, batch_size, learning_rate, warmup_rate, warmup_decay, "
    "schedule, optimizer, momentum, decay, weight_decay, max_norm, patience, stop_from, "
    "score_warmup, drop_last, balance, ratios, eval_ratio, stride, strands, precision, keep, openness, "
    "loops, commitment, sum_code_dims, reconstruction, classification, mean_over_classes, "
    "focal_silencer, norms"
)
MODEL_KEYS = (
    "kind, size, modalities, codebook, latent, pointwise, upsample_first, base_norm, smoothing, "
    "log_openness, init"
)
KINDS = "create, deepsea, danq, es-transition or deepicsh"
MESSAGES: list[tuple[dict[str, Any], str]] = [
    (
        {"recipe": {"epoch": 3}},
        "unknown key recipe.epoch; did you mean epochs? (keys here: " + RECIPE_KEYS + ")",
    ),
    (
        {"model": {"knd": 3}},
        "unknown key model.knd; did you mean kind? (keys here: " + MODEL_KEYS + ")",
    ),
    (
        {"interpretation": {"map": 3}},
        "unknown key interpretation.map; did you mean mapped? "
        "(keys here: embedding, mapped, per_class, base_by_base)",
    ),
    ({"recipe": {"epochs": 0}}, "0: recipe.epochs: takes a whole number of 1 or more"),
    (
        {"recipe": {"epochs": 1000000000000}},
        "1000000000000: recipe.epochs: takes a whole number of 1 or more; this is too large, or no number",
    ),
    ({"recipe": {"warmup_rate": -1}}, "-1: recipe.warmup_rate: takes a number above 0 or null"),
    (
        {"model": {"codebook": {"k": 1}}},
        "unknown key model.codebook.k; did you mean K? (keys here: K, M, mu)",
    ),
    ({"model": {"codebook": {"mu": 1}}}, "1: model.codebook.mu: takes a number above 0 and below 1 or null"),
    (
        {"model": {"kind": "deepse"}},
        "'deepse': model.kind: takes " + KINDS + "; did you mean deepsea, deepicsh?",
    ),
    (
        {"model": "dnq"},
        "'dnq': model.kind: takes create, deepsea, danq, es-transition or deepicsh; did you mean danq?",
    ),
    (
        {"recipe": {"balance": "wights"}},
        "'wights': recipe.balance: takes shifts, weights or none; did you mean weights?",
    ),
    ({"model": {"smoothing": True}}, "True: model.smoothing: takes a number of 0 or more"),
    (
        {"recipe": {"weights": 1}},
        "unknown key recipe.weights; did you mean weight_decay? (keys here: " + RECIPE_KEYS + ")",
    ),
    ({"recipe": {"momentum": 1}}, "1: recipe.momentum: takes a number of 0 or more and below 1"),
    ({"interpretation": {"mapped": 0}}, "0: interpretation.mapped: takes a whole number of 1 or more"),
    ({"model": {"kind": 3}}, "3: model.kind: takes create, deepsea, danq, es-transition or deepicsh"),
    (
        {"recipe": 3},
        "3: recipe: takes a mapping of the keys " + RECIPE_KEYS,
    ),
    ({"model": {"codebook": 3}}, "3: model.codebook: takes a mapping of the keys K, M, mu"),
    ({"recipe": {"ratios": [1, 1, 1, 1, 0]}}, "0: recipe.ratios[4]: takes a whole number of 1 or more"),
]


def config_of(name: str) -> Any:
    """The configuration of a case."""
    kind, values = CASES[name]
    return make_config(kind, values)


def identity(name: str) -> tuple[str, str]:
    """The digest of what changes results, and a hash of run.json's `config`, in the order of its keys."""
    config = config_of(name)
    dumped = config.model_dump(mode="json")
    for later in ("wait", "memory", "nodes", "deadline"):  # keys of later versions; no part of the identity
        dumped["resources"].pop(later)
    dumped.pop("chain", None)  # as above
    dumped.get("recipe", {}).pop("keep", None)  # as above
    record = json.dumps(dumped)
    science = config.science()
    science.pop("shuffle", None)  # which 0.1 did not name
    return digest_of(science)[:16], hashlib.sha256(record.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", CASES)
def test_a_configuration_has_the_identity_that_it_had(name: str) -> None:
    assert identity(name) == IDENTITIES[name]


def test_the_default_training_is_known_by_these_values() -> None:
    assert config_of("default").science() == SCIENCE


def test_a_sweeps_setting_has_the_identity_of_a_run_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(TRAIN))
    found = read_sweep(tmp_path / "c.yaml", (), ["K=50,100", "alpha=1"])
    digests = {each.name: digest_of(each.config.science())[:16] for each in found}
    assert digests == DIGESTS


@pytest.mark.parametrize(("values", "message"), MESSAGES)
def test_a_mistake_is_named_as_it_was(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config(TrainConfig, {**TRAIN, **values})
    assert str(caught.value) == message
