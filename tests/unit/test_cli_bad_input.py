"""Bad values through the command line: configurations, genes, tracks, weights and run folders.

Everything here is found before Ray would start; the tests see to it that it cannot.
"""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from raycre.create.inference.checkpoints import WEIGHTS, fold_folder
from raycre.workflows import run as start
from tests.by_hand import rewrite, write_training
from tests.conftest import bytes_of
from tests.lab import Lab, RayStartedError, no_ray


@pytest.mark.parametrize("verb", ["train", "predict", "creme"])
def test_the_configurations_that_are_spoilt_below_are_good(lab: Lab, verb: str) -> None:
    with pytest.raises(RayStartedError):
        lab.run(verb, lab.values(verb))
    assert (lab.out / "run.json").is_file()


# Genes and tracks
def test_an_unknown_gene_is_refused_with_near_matches(lab: Lab) -> None:
    values = lab.values("creme")
    values["inputs"]["genes"] = ["ENHA", "SILX"]
    assert "genes.gtf: 'SILX': no such gene; did you mean SIL" in lab.refusal("creme", values)
    values["inputs"]["genes"] = lab.write("genes.txt", "ENHA\nneut1\n")
    assert "'neut1': no such gene; did you mean NEUT" in lab.refusal("creme", values)
    values["inputs"]["genes"] = lab.write("genes.txt", b"ENHA\n\xff\xfe\n")
    assert "no such gene" in lab.refusal("creme", values)
    values["inputs"]["genes"] = lab.write("genes.txt", b"\n")
    assert lab.refusal("creme", values) == "genes.txt: the file is empty"


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ("assay=CAG", "'assay=CAG': no track has 'assay=CAG'; did you mean CAGE?"),
        ("asay=CAGE", "'asay=CAGE': a query has no key 'asay'; did you mean assay?"),
        (["planted-C"], "'planted-C': no track has this identifier; did you mean planted-"),
        ([2], "2: the table has tracks 0-1"),
        ([], "[]: no track is asked for"),
    ],
)
def test_an_unknown_track_is_refused(lab: Lab, tracks: object, message: str) -> None:
    assert lab.refusal("creme", lab.values("creme") | {"tracks": tracks}).startswith(message)


# Configurations
@pytest.mark.parametrize(
    ("verb", "block", "key", "message"),
    [
        ("train", "recipe", "epoch", "unknown key recipe.epoch; did you mean epochs"),
        ("predict", "inputs", "blaklist", "unknown key inputs.blaklist; did you mean blacklist"),
        ("creme", "creme", "tile_sise", "unknown key creme.tile_sise; did you mean tile_size"),
    ],
)
def test_an_unknown_key_is_refused_with_its_line_and_near_matches(
    lab: Lab, verb: str, block: str, key: str, message: str
) -> None:
    good = lab.values(verb)
    error = lab.refusal(verb, {block: {key: 1, **good.pop(block)}, **good})
    assert error.startswith(f"config.yaml:2: {message}")  # the first line of the file is the block's name
    given = lab.refusal(verb, lab.values(verb), "--set", f"{block}.{key}=1")  # no line of the file has it
    assert given.startswith(message)
    assert given.endswith("(given on the command line)")


@pytest.mark.parametrize(
    ("verb", "setting", "message"),
    [
        ("predict", "views=3", "config.yaml: views are shifts times two strands"),
        ("predict", "model.folds=[]", "[]: model.folds: name each fold once, or all"),
        ("predict", "model.folds=[0, 9]", "folds 9 are not trained"),
        ("predict", "inputs.openness=[]", "was trained on sequence, openness, loops: give inputs.openness"),
        ("train", "folds.only=[1, 1]", "[1, 1]: folds.only: name each fold once"),
        ("train", "folds.n=50", "class silencer has 30 regions, fewer than 50 folds"),
        ("train", "recipe.warmup_epochs=3", "3: warm-up must leave some of the 3 epochs"),
        ("creme", "model.backbone=enformr", "'enformr': no such backbone; did you mean enformer"),
        ("creme", "creme.tiles=[1]", "1: creme.tiles: no tile starts there"),
        ("creme", "tests=[]", "tests and creme.tiles must each name at least one"),
        ("creme", "creme.searches=[min, min]", "('min', 'min'): creme.searches are of min, max, each once"),
        ("creme", "creme.n_shuffles={swap: 3}", "'swap': creme.n_shuffles.swap"),
    ],
)
def test_a_value_that_cannot_be_is_refused(lab: Lab, verb: str, setting: str, message: str) -> None:
    assert message in lab.refusal(verb, lab.values(verb), "--set", setting)


def test_a_choice_of_tss_for_the_most_active_genes_is_refused(lab: Lab) -> None:
    values = lab.values("creme")
    values["inputs"] |= {"genes": {"top": 3}, "tss": "all"}
    assert "inputs.tss is of genes by name" in lab.refusal("creme", values)


# Weights
def test_create_weights_that_do_not_fit_their_description_are_refused(lab: Lab) -> None:
    training = write_training(lab.folder / "train")
    rewrite(fold_folder(training, 1) / WEIGHTS, {"base_norm.bias": torch.zeros(7)})
    values = lab.values("predict")
    values["model"]["checkpoint"] = str(training)
    assert lab.refusal("predict", values) == (
        "train/folds/fold=1/best.safetensors: tensors of another shape: "
        "base_norm.bias is (7,), the model has (4,)"
    )


def test_enformer_weights_of_another_shape_are_refused(lab: Lab) -> None:
    path = lab.folder / "enformer.safetensors"
    save_file({"stem.0.weight": torch.zeros(2, 4, 15), "decoder.weight": torch.zeros(1)}, path)
    values = lab.values("creme") | {"tracks": [0]}
    values["model"] = {"backbone": "enformer", "weights": str(path)}
    error = lab.refusal("creme", values)
    assert error.startswith("enformer.safetensors: does not fit Enformer: ")
    assert "1 unexpected (decoder.weight)" in error
    assert "stem.0.weight (2, 4, 15) torch.float32 for (768, 4, 15) torch.float32" in error


# Run folders
@pytest.mark.parametrize(
    ("verb", "setting", "message"),
    [
        ("train", "recipe.epochs=4", "recipe.epochs was 3, is 4"),
        ("predict", "views=2", "views was 4, is 2"),
        (
            "creme",
            "creme.compat=reference",
            "compat was 'fixed', is 'reference'; shuffle was 'euler-2026', is None",
        ),
    ],
)
def test_a_folder_of_another_configuration_is_refused_and_left_as_it_is(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    setting: str,
    message: str,
) -> None:
    with pytest.raises(RayStartedError):
        lab.run(verb, lab.values(verb))
    before = bytes_of(lab.out, "**/*.*")
    capsys.readouterr()
    monkeypatch.setattr(start, "connected", no_ray)  # it is refused before Ray is started
    with pytest.raises(SystemExit, match="2"):
        lab.run(verb, lab.values(verb), "--set", setting)
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(
        f"error: {lab.out}: the folder holds a run of another configuration: {message}. Give"
    )
    assert bytes_of(lab.out, "**/*.*") == before


def test_fresh_throws_nothing_away_before_the_new_input_is_known_to_be_good(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RayStartedError):
        lab.run("predict", lab.values("predict"))
    before = bytes_of(lab.out, "**/*.*")
    values = lab.values("predict")
    values["inputs"]["regions"] = lab.write("none.bed", "")
    with pytest.raises(SystemExit, match="2"):
        lab.run("predict", values, "--fresh")
    assert bytes_of(lab.out, "**/*.*") == before


def test_a_run_folder_that_is_a_file_is_refused(lab: Lab) -> None:
    values = lab.values("predict")
    values["run"]["out"] = lab.write("notes.txt", "mine")
    assert lab.refusal("predict", values) == "notes.txt: run.out is a file; name a folder"
    assert (lab.folder / "notes.txt").read_text() == "mine"
