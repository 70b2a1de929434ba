"""A training of fewer classes than five (cell lines without silencers): loss, metrics, calls, weights."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from safetensors import safe_open

from raycre.config import TrainConfig, make_config
from raycre.create.evaluation import metrics
from raycre.create.evaluation.curves import curves
from raycre.create.inference.checkpoints import CUTOFFS, WEIGHTS, fold_folder, load_ensemble, read_checkpoint
from raycre.create.inference.cutoffs import call, cutoffs
from raycre.create.inference.fast import FastClassifier, PerView
from raycre.create.layout import CLASSES, MODALITIES
from raycre.create.model.create import Create
from raycre.create.model.declaration import declared, make
from raycre.create.model.loss_weights import AUTHORS_CODE
from raycre.create.model.network import Network
from raycre.create.model.published import to_published
from raycre.create.model.sizes import SIZES
from raycre.create.model.weight_files import DESCRIPTION, initialise, read_model, read_network, write_model
from raycre.create.names import BUILT_IN
from raycre.create.views import both_strands
from raycre.demo.genome import DemoGenome
from raycre.errors import CheckpointError, ConfigError, LabelError, RunMismatchError
from raycre.genome.classes import trained_classes
from raycre.report.page import write_report
from raycre.store.files import read_json, write_json
from raycre.store.parquet import read_table
from raycre.workflows.train import run as training
from raycre.workflows.train.fold import start_network, train_fold
from raycre.workflows.train.materialise import open_inputs
from tests.by_hand import write_training
from tests.conftest import train_values
from tests.lab import Lab, RayStartedError
from tests.paper_weights import PAPER
from tests.trainings import plan_from, with_inputs
from tests.unit.test_checkpoints import _default_algorithms  # noqa: F401

FOUR = ("enhancer", "promoter", "insulator", "background")
NAN = math.nan


def without(genome: DemoGenome, folder: Path, *classes: str) -> str:
    """The labels less those of some classes, as a file."""
    rows = [
        row for row in genome.labels.read_text().splitlines(keepends=True) if row.split()[3] not in classes
    ]
    path = folder / "labels.bed"
    path.write_text("".join(rows))
    return str(path)


class Fixed(Network):
    """Gives every region the same logits."""

    kind: ClassVar[str] = "fixed"
    modalities = ("openness",)

    def __init__(self, logits: list[float], classes: tuple[str, ...]) -> None:
        super().__init__()
        self.logits, self.classes = torch.tensor(logits), classes

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(x), -1)


# Numbers


def test_probabilities_are_a_softmax_over_the_trained_classes_alone() -> None:
    # e^logits = 1, 2, 3, 2: eighths. Five logits would have given ninths to a silencer of logit 0.
    model = Fixed([0.0, math.log(2), math.log(3), math.log(2)], FOUR)
    found = PerView(model).probabilities(torch.zeros(2, 1, 1000), both_strands(1))
    np.testing.assert_allclose(found, [[NAN, 1 / 8, 2 / 8, 3 / 8, 2 / 8]] * 2, rtol=1e-6)


def test_create_has_a_column_of_nan_where_a_class_was_not_trained() -> None:
    torch.manual_seed(0)
    model = make("create", "tiny", ("sequence",), FOUR).eval()
    assert isinstance(model, Create)
    found = FastClassifier(model).probabilities(torch.rand(3, 4, 1000), both_strands(1))
    assert found.shape == (3, 5)
    assert torch.isnan(found[:, 0]).all()
    np.testing.assert_allclose(found[:, 1:].sum(1), 1, rtol=1e-6)


def test_the_loss_is_over_the_trained_classes_and_has_no_silencer_term() -> None:
    torch.manual_seed(0)
    model = make("create", "tiny", ("openness",), FOUR).eval()
    with torch.no_grad():
        for tensor in model.classifier3.parameters():
            tensor.zero_()
    labels = torch.from_numpy(model.outputs_of(np.array([1, 4, 3])))
    assert labels.tolist() == [0, 3, 2]
    step = model.losses(torch.rand(3, 1, 1000), labels, AUTHORS_CODE, warming_up=False)
    assert step.terms["cross_entropy"].item() == pytest.approx(math.log(4))
    assert "focal_silencer" not in step.terms
    paper = model.losses(torch.rand(3, 1, 1000), labels, PAPER, warming_up=False)
    assert paper.terms["cross_entropy"].item() == pytest.approx(math.log(4) / 4)  # eq. 10, C = 4


def test_a_label_of_a_class_that_is_not_trained_is_named() -> None:
    with pytest.raises(LabelError, match="'silencer': the network is of enhancer, promoter"):
        make("deepsea", "tiny", ("sequence",), FOUR).outputs_of(np.array([1, 0]))


def test_macro_averages_are_over_the_trained_classes() -> None:
    labels = np.array([1, 2, 4, 4])
    # Calls: enhancer, enhancer, background, background. Recall 1, 0, 1; precision 1/2, 0, 1; no insulator.
    p = np.array([[NAN, 0.6, 0.2, 0.1, 0.1], [NAN, 0.5, 0.3, 0.1, 0.1], [NAN, 0.1, 0.1, 0.1, 0.7],
                  [NAN, 0.2, 0.1, 0.1, 0.6]])  # fmt: skip
    found = {(c, m): v for c, m, v in metrics.table(labels, p).itertuples(index=False)}
    assert found["macro", "recall"] == pytest.approx(2 / 3)
    assert found["macro", "precision"] == pytest.approx((1 / 2 + 0 + 1) / 3)
    assert found["macro", "accuracy"] == 0.75
    assert found["macro", "auroc"] == 1.0  # each of the three stands above all others in its own column
    assert all(math.isnan(v) for (c, _), v in found.items() if c in ("silencer", "insulator"))
    assert metrics.confusion_matrix(labels, p)[:, 0].sum() == 0
    assert set(curves(labels, p)["class"]) == {"enhancer", "promoter", "background"}


def test_a_class_that_was_not_trained_has_no_cutoff_and_is_never_called() -> None:
    labels = np.array([1, 2, 3, 4])
    p = np.array([[NAN, 0.7, 0.1, 0.1, 0.1], [NAN, 0.1, 0.7, 0.1, 0.1], [NAN, 0.1, 0.1, 0.7, 0.1],
                  [NAN, 0.2, 0.1, 0.1, 0.6]])  # fmt: skip
    found = cutoffs(labels, p)
    # None of the three others may pass: the next float32 above the largest of them.
    above = np.nextafter(np.array([0.2, 0.1, 0.1, 0.1], np.float32), np.float32(1))
    np.testing.assert_array_equal(found.thresholds, [NAN, *above])
    np.testing.assert_array_equal(found.fpr, [NAN, 0, 0, 0, 0])
    called, margin = call(p.astype(np.float32), found.thresholds)
    assert called.tolist() == [1, 2, 3, 4]
    assert np.isfinite(margin).all()


# Weights


def test_the_weights_name_their_classes_and_those_of_five_are_written_as_before(tmp_path: Path) -> None:
    for kind in BUILT_IN:
        model = make(kind, "tiny", declared(kind).reads, FOUR)
        write_model(tmp_path / "four.safetensors", model)
        assert read_model(tmp_path / "four.safetensors").classes == FOUR
        write_model(tmp_path / "five.safetensors", make(kind, "tiny", declared(kind).reads))
        with safe_open(tmp_path / "five.safetensors", "pt") as file:
            assert "classes" not in json.loads(file.metadata()[DESCRIPTION])
        assert read_model(tmp_path / "five.safetensors").classes == CLASSES


def test_five_classes_start_four_by_their_own_outputs_and_four_do_not_start_five(tmp_path: Path) -> None:
    torch.manual_seed(0)
    five, four = Create(SIZES["tiny"]), make("create", "tiny", MODALITIES, FOUR)
    write_model(tmp_path / "five.safetensors", five)
    initialise(four, five, tmp_path / "five.safetensors")
    for name, tensor in four.state_dict().items():
        theirs = five.state_dict()[name]
        assert torch.equal(tensor, theirs[1:] if name.startswith("classifier3") else theirs), name
    write_model(tmp_path / "four.safetensors", four)
    with pytest.raises(CheckpointError, match=(
        "was trained on enhancer, promoter, insulator, background, this training is of silencer, enhancer, "
        "promoter, insulator, background: it has no silencer"
    )):  # fmt: skip
        initialise(five, four, tmp_path / "four.safetensors")


def test_folds_of_other_classes_are_not_averaged(tmp_path: Path) -> None:
    folder = write_training(tmp_path / "train")
    write_model(fold_folder(folder, 1) / WEIGHTS, make("create", "tiny", MODALITIES, FOUR))
    with pytest.raises(CheckpointError, match=r"fold=1.*trained on enhancer.*, fold 0 on silencer, enhancer"):
        read_checkpoint(folder, "all")


def test_cutoffs_of_a_class_that_was_not_trained_are_null_on_disk_and_nan_in_memory(tmp_path: Path) -> None:
    folder = write_training(tmp_path / "train", n=1)
    model = make("create", "tiny", ("sequence",), FOUR)
    write_model(fold_folder(folder, 0) / WEIGHTS, model)
    write_json(
        fold_folder(folder, 0) / CUTOFFS, {"thresholds": {"silencer": None, **dict.fromkeys(FOUR, 0.25)}}
    )
    assert read_checkpoint(folder, "all").classes == FOUR
    ensemble = load_ensemble(folder, (0,), 1, torch.device("cpu"), [NAN, *[0.25] * 4])
    found = ensemble.predict(np.zeros((3, 1000), np.uint8), None, None, first=0)
    assert np.isnan(found.mean[:, 0]).all()
    assert np.isnan(found.sd[:, 0]).all()
    assert np.isfinite(found.mean[:, 1:]).all()
    assert (found.call != 0).all()


def test_cutoffs_by_hand_are_one_for_each_class_trained(
    lab: Lab,
    tmp_path: Path,
) -> None:
    path = tmp_path / "four.safetensors"
    write_model(path, make("create", "tiny", MODALITIES, FOUR))
    values = lab.values("predict")
    values["model"] = {"checkpoint": str(path), "cutoffs": {"enhancer": 0.5, "promoter": 0.5}}
    assert lab.refusal("predict", values) == (
        "model.cutoffs: there is none for insulator; give one for each class trained"
    )
    values["model"]["cutoffs"] |= {"insulator": 0.5, "silencer": 0.25}
    assert lab.refusal("predict", values) == (
        "0.25: model.cutoffs: the models were not trained on silencer (enhancer, promoter, insulator, "
        "background); leave its cutoff out"
    )
    del values["model"]["cutoffs"]["silencer"]
    with pytest.raises(RayStartedError):
        lab.run("predict", values)
    assert read_json(lab.out / "run.json")["classes"] == list(FOUR)


def test_an_authors_file_of_four_outputs_is_refused_since_it_does_not_name_them(tmp_path: Path) -> None:
    model = Create(replace(SIZES["tiny"], classes=4))
    torch.save({"model": to_published(model.state_dict())}, tmp_path / "four.pth")
    with pytest.raises(
        CheckpointError, match=r"four\.pth: the last layer has 4 outputs and the file does not"
    ):
        read_network(tmp_path / "four.pth")


# Labels


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (["enhancer", "promoter"], "training needs background and one class more; got enhancer, promoter"),
        (["background"], "training needs background and one class more; got background"),
        ([], "training needs background and one class more; got none"),
        ("enhancer, promoter", "training needs background and one class more; got enhancer, promoter"),
        (["enhncer", "background"], "'enhncer' is not a class; did you mean enhancer"),
        (["background", "enhancer", "enhancer"], "names one twice"),
    ],
)
def test_classes_that_cannot_be_trained_are_refused(
    genome: DemoGenome, tmp_path: Path, chosen: list[str] | str, message: str
) -> None:
    values = train_values(genome, tmp_path)
    values["inputs"]["classes"] = chosen
    with pytest.raises(ConfigError, match=message):
        make_config(TrainConfig, values)


def test_classes_stand_in_the_order_of_the_outputs_however_they_are_given(
    genome: DemoGenome, tmp_path: Path
) -> None:
    assert trained_classes(["background", "promoter", "enhancer"]) == ("enhancer", "promoter", "background")
    values = train_values(genome, tmp_path)
    for given in (["background", "enhancer"], "background,enhancer"):
        values["inputs"]["classes"] = given
        assert make_config(TrainConfig, values).inputs.classes == ("enhancer", "background")


def dry_run(lab: Lab, values: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    with pytest.raises(SystemExit, match="0"):
        lab.run("train", values, "--dry-run", "--json")
    return dict(json.loads(capsys.readouterr().out))


def test_labels_without_silencers_are_trained_on_and_the_run_says_so(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values = lab.values("train")
    values["inputs"]["labels"] = without(lab.genome, lab.folder, "silencer")
    assert dry_run(lab, values, capsys)["regions"]["kept"] == 120  # 30 of each class
    with pytest.raises(RayStartedError):
        lab.run("train", values)
    said = capsys.readouterr().err
    assert "classes trained: enhancer, promoter, insulator, background (the labels hold no others)" in said
    assert "the columns of silencer stay empty" in said
    record = read_json(lab.out / "run.json")
    assert record["labels"]["trained"] == dict.fromkeys(FOUR, 30)
    assert record["labels"]["left_out"] == {}
    assert record["config"]["inputs"]["classes"] == list(FOUR)
    assert record["identity"]["classes"] == list(FOUR)


def test_classes_that_are_left_out_are_counted_and_the_folder_of_five_is_refused_by_name(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
) -> None:
    values = lab.values("train")
    with pytest.raises(RayStartedError):
        lab.run("train", values)
    assert "classes trained" not in capsys.readouterr().err
    record = read_json(lab.out / "run.json")
    assert "classes" not in record["identity"]  # so that folders of earlier versions go on
    values["inputs"]["classes"] = ["background", "enhancer"]
    config = make_config(TrainConfig, values)
    with pytest.raises(RunMismatchError, match=r"classes was None, is \['enhancer', 'background'\]"):
        training.run_train(config)
    with pytest.raises(RayStartedError):
        training.run_train(config, fresh=True)
    counts = read_json(lab.out / "run.json")
    assert counts["regions"]["dropped_of_other_classes"] == 90
    assert counts["regions"]["kept"] == 60
    assert counts["labels"]["left_out"] == {"silencer": 30, "promoter": 30, "insulator": 30}
    said = capsys.readouterr().err
    assert "labelled regions dropped of other classes: 90 of 150" in said
    assert "inputs.classes leaves out 30 silencer, 30 promoter, 30 insulator" in said


def test_all_five_named_are_the_same_run_as_none_named(lab: Lab) -> None:
    values = lab.values("train")
    with pytest.raises(RayStartedError):
        lab.run("train", values)
    digest = read_json(lab.out / "run.json")["digest"]
    values["inputs"]["classes"] = list(reversed(CLASSES))
    with pytest.raises(RayStartedError):
        lab.run("train", values)
    assert read_json(lab.out / "run.json")["digest"] == digest


def test_labels_without_background_and_a_class_that_they_lack_are_refused(lab: Lab) -> None:
    values = lab.values("train")
    values["inputs"]["labels"] = without(lab.genome, lab.folder, "background", "silencer")
    assert lab.refusal("train", values) == (
        "labels.bed: the labels hold enhancer, promoter, insulator; training needs background and one class "
        "more: add such regions"
    )
    values["inputs"]["labels"] = without(lab.genome, lab.folder, "silencer")
    values["inputs"]["classes"] = list(CLASSES)
    assert lab.refusal("train", values) == (
        "labels.bed: 'silencer': inputs.classes: the labels have no region of it; they hold enhancer, "
        "promoter, insulator, background"
    )


def test_a_class_that_other_rules_drop_whole_is_named_with_the_rules(lab: Lab) -> None:
    values = lab.values("train")
    rows = [row.split() for row in lab.genome.labels.read_text().splitlines()]
    hidden = [row[:3] for row in rows if row[3] == "silencer"]
    values["inputs"]["blacklist"] = lab.write("black.bed", "".join("\t".join(row) + "\n" for row in hidden))
    error = lab.refusal("train", values)
    assert "no region of class silencer is left of all that the file holds" in error
    assert "dropped by the blacklist: 30" in error
    values["inputs"]["classes"] = list(FOUR)
    with pytest.raises(RayStartedError):
        lab.run("train", values)


# Training


@pytest.mark.usefixtures("_default_algorithms")
@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_kind_of_model_trains_on_labels_without_silencers(
    genome: DemoGenome, tmp_path: Path, kind: str
) -> None:
    values = train_values(genome, tmp_path / "run", epochs=2)
    values["model"] = {"kind": kind, "size": "tiny"}
    values["inputs"]["labels"] = without(genome, tmp_path, "silencer")
    plan = with_inputs(plan_from(values))
    train_fold(plan, 0, open_inputs(plan.out / "inputs"), {})
    folder = fold_folder(plan.out, 0)
    rows = read_table(folder / "predictions.parquet")
    assert rows["p_silencer"].null_count == rows.num_rows
    total = sum(rows[f"p_{c}"].to_numpy() for c in FOUR)
    np.testing.assert_allclose(total, 1, rtol=1e-5)
    found = read_json(folder / CUTOFFS)
    assert found["thresholds"]["silencer"] is None
    assert all(0 <= found["thresholds"][c] <= 1.01 for c in FOUR)
    assert read_model(folder / WEIGHTS).classes == FOUR
    assert start_network(plan.network, None).classes == FOUR
    if kind == "create":
        spectrum = read_table(folder / "spectrum.parquet").to_pandas()
        assert spectrum.loc[spectrum["class"] == "silencer", "t"].isna().all()
        assert "silencer" not in set(spectrum["class_of_feature"])
        majors = read_table(folder / "major_features.parquet").to_pandas().set_index("class")
        assert math.isnan(majors.loc["silencer", "code"])
        seen = read_table(folder / "embeddings.parquet")
        assert seen["p_silencer"].null_count == seen.num_rows
        assert "silencer" not in seen["call_argmax"].to_pylist()


def test_the_report_of_a_training_without_silencers_says_so(tmp_path: Path) -> None:
    from tests.run_folders import write_training as write_run

    run = write_run(tmp_path / "run")
    for fold in (0, 1):
        path = run / "folds" / f"fold={fold}" / CUTOFFS
        found = read_json(path)
        write_json(path, {**found, "thresholds": {**found["thresholds"], "silencer": None}})
    record = read_json(run / "run.json")
    overlaps = {"rule": "drop", "pairs": {}, "dropped": {}, "pairs_of_one_class": {}}
    labels = {"trained": dict.fromkeys(FOUR, 2), "left_out": {"silencer": 7}, "overlaps": overlaps}
    write_json(run / "run.json", {**record, "labels": labels})
    write_report([run], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Labelled regions by class" in page
    assert "not trained" in page
