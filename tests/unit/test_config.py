"""Configurations: every key known, every mistake named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycre.config import PerturbConfig, PredictConfig, TrainConfig, make_config, read_config
from raycre.errors import ConfigError, MissingInputError

TRAIN = """\
run: {name: k562, out: runs/k562}
inputs:
  fasta: hg19.fa
  openness: [a.bw]
  loops: l.bedpe
  labels: labels.bed
"""


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_defaults_are_the_papers(tmp_path: Path) -> None:
    config = read_config(TrainConfig, _write(tmp_path / "c.yaml", TRAIN))
    assert (config.folds.n, config.recipe.batch_size, config.recipe.learning_rate) == (10, 1024, 5e-5)
    assert (config.recipe.epochs, config.recipe.patience, config.model.size) == (300, 20, "paper")


def test_unknown_key_names_its_line_and_a_near_match(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.yaml", TRAIN.replace("fasta:", "fsta:"))
    with pytest.raises(ConfigError, match=r"c\.yaml:3.*unknown key inputs\.fsta; did you mean fasta\?"):
        read_config(TrainConfig, path)


def test_a_value_of_the_wrong_kind_names_its_line_and_value(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.yaml", TRAIN + "recipe: {epochs: many}\n")
    with pytest.raises(ConfigError, match=r"c\.yaml:7: 'many': recipe\.epochs"):
        read_config(TrainConfig, path)


def test_missing_key_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.yaml", TRAIN.replace("  labels: labels.bed\n", ""))
    with pytest.raises(ConfigError, match=r"inputs\.labels: missing; it takes a path"):
        read_config(TrainConfig, path)


def test_a_modality_without_its_files_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.yaml", TRAIN.replace("  openness: [a.bw]\n", ""))
    with pytest.raises(ConfigError, match="modality openness needs"):
        read_config(TrainConfig, path)
    sequence_only = read_config(TrainConfig, path, ["model.modalities=[sequence]"])
    assert sequence_only.model.modalities == ("sequence",)


def test_a_model_given_by_its_name_alone_can_still_be_overridden(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.yaml", TRAIN + "model: deepsea\n")
    model = read_config(TrainConfig, path, ["model.size=tiny"]).model
    assert (model.kind, model.size) == ("deepsea", "tiny")
    with pytest.raises(ConfigError, match="run is a value and has no keys below it"):
        read_config(TrainConfig, _write(tmp_path / "d.yaml", "run: k562\n"), ["run.seed=1"])


def test_set_overrides_any_key_as_yaml(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.yaml", TRAIN)
    config = read_config(TrainConfig, path, ["recipe.epochs=3", "folds.only=[0, 2]", "run.seed=7"])
    assert (config.recipe.epochs, config.folds.only, config.run.seed) == (3, (0, 2), 7)
    with pytest.raises(ConfigError, match=r"key\.sub=value"):
        read_config(TrainConfig, path, ["recipe.epochs"])
    with pytest.raises(ConfigError, match=r"unknown key recipe\.epoch; did you mean epochs"):
        read_config(TrainConfig, path, ["recipe.epoch=3"])


def test_not_yaml_and_no_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"c\.yaml:\d+: not YAML"):
        read_config(TrainConfig, _write(tmp_path / "c.yaml", "run: {name: [\n"))
    with pytest.raises(MissingInputError):
        read_config(TrainConfig, tmp_path / "none.yaml")


def test_science_leaves_out_resources_names_and_folders(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.yaml", TRAIN)
    plain = read_config(TrainConfig, path)
    other = read_config(
        TrainConfig, path, ["run.out=elsewhere", "run.name=b", "resources.folds_at_once=1", "folds.only=[1]"]
    )
    assert plain.science() == other.science()
    assert plain.science() != read_config(TrainConfig, path, ["recipe.epochs=3"]).science()


def test_shard_size_is_layout_not_science() -> None:
    base = {"run": {"out": "o"}, "inputs": {"fasta": "f", "regions": "r"}, "model": {"checkpoint": "m"}}
    a = make_config(PredictConfig, base)
    b = make_config(PredictConfig, {**base, "shard_size": 7})
    assert a.science() == b.science()
    assert a.layout() != b.layout()


def test_odd_views_are_refused() -> None:
    base = {"run": {"out": "o"}, "inputs": {"fasta": "f", "regions": "r"}, "model": {"checkpoint": "m"}}
    with pytest.raises(ConfigError, match="shifts times two strands"):
        make_config(PredictConfig, {**base, "views": 3})
    assert make_config(PredictConfig, {**base, "views": 1}).views == 1


def test_genes_are_a_list_or_a_file_and_annotation_is_one_of_two() -> None:
    base = {"run": {"out": "o"}, "model": {"backbone": "planted"}, "tracks": [0]}
    listed = make_config(PerturbConfig, {**base, "inputs": {"fasta": "f", "gtf": "g", "genes": ["A", "B"]}})
    assert listed.inputs.genes == ("A", "B")
    named = make_config(PerturbConfig, {**base, "inputs": {"fasta": "f", "gtf": "g", "genes": "genes.txt"}})
    assert named.inputs.genes == Path("genes.txt")
    with pytest.raises(ConfigError, match="either gtf or tss_table"):
        make_config(PerturbConfig, {**base, "inputs": {"fasta": "f", "genes": ["A"]}})


def test_weights_are_one_file_or_a_list_of_replicates() -> None:
    base = {"run": {"out": "o"}, "inputs": {"fasta": "f", "gtf": "g", "genes": ["A"]}, "tracks": [0]}
    one = make_config(PerturbConfig, {**base, "model": {"backbone": "borzoi", "weights": "a"}})
    assert one.model.weights == "a"
    assert one.model.own_settings() == {}
    several = {"backbone": "borzoi", "weights": ["a", "b"], "strands": "separate"}
    four = make_config(PerturbConfig, {**base, "model": several})
    assert four.model.weights == ("a", "b")
    assert four.model.own_settings() == {"strands": "separate"}
    with pytest.raises(ConfigError, match=r"model\.strands"):
        make_config(PerturbConfig, {**base, "model": {**several, "strands": "both"}})


def test_another_head_or_strand_is_another_run() -> None:
    # Rows of the track table are in the digest, but the same row of the other head is another track.
    base = {"run": {"out": "o"}, "inputs": {"fasta": "f", "gtf": "g", "genes": ["A"]}, "tracks": [0]}
    models = [{}, {"head": "mouse"}, {"strands": "separate"}]
    digested = [make_config(PerturbConfig, {**base, "model": {"backbone": "borzoi", **m}}) for m in models]
    human, mouse, separate = (config.science() for config in digested)
    assert human != mouse
    assert human != separate


@pytest.mark.parametrize(
    ("kind", "name"), [(TrainConfig, "train"), (PredictConfig, "predict"), (PerturbConfig, "perturb")]
)
def test_the_configurations_in_jobs_are_valid(kind, name: str) -> None:  # type: ignore[no-untyped-def]
    path = Path(__file__).parents[2] / "jobs" / f"{name}.yaml"
    assert read_config(kind, path).run.seed == 0


def test_gamma_is_part_of_what_a_run_is_when_it_changes_results() -> None:
    values = {
        "run": {"out": "runs/c"},
        "inputs": {"fasta": "g.fa", "gtf": "g.gtf", "genes": ["A"]},
        "tracks": [0],
    }
    science = {
        gamma: make_config(
            PerturbConfig, values | {"model": {"backbone": "enformer", "gamma": gamma}}
        ).science()
        for gamma in (None, "tensorflow", "exact")
    }
    assert science["tensorflow"] != science["exact"]
    assert "gamma" not in science[None]
