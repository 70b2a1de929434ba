"""raycre from Python: a function for each verb, runs that are read, backbones as functions of arrays."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pyBigWig
import pytest
import torch
from torch import nn

import raycre
from raycre.api.models import Model, codes_of
from raycre.api.runs import OpenRun
from raycre.api.verbs import as_written, read_arguments
from raycre.backbones.contract import Backbone, check_read
from raycre.backbones.planted import MOTIFS
from raycre.backbones.tracks import plain_table
from raycre.demo.genome import DemoGenome
from raycre.errors import ConfigError, InputError, MissingInputError, TrackError
from raycre.verbs import VERBS, find
from raycre.workflows import progress
from raycre.workflows.predict import run as prediction
from tests.by_hand import write_training as write_checkpoint
from tests.conftest import predict_values
from tests.run_folders import (
    effect_rows,
    write_creme,
    write_gene,
    write_metrics,
    write_prediction,
    write_training,
)

ROOT = Path(__file__).resolve().parents[2]


def test_importing_raycre_imports_no_heavy_library() -> None:
    heavy = {"ray", "torch", "pandas", "pyarrow", "numpy", "pydantic", "typer"}
    code = f"import sys, raycre; dir(raycre); print(sorted({heavy!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_is_a_function_of_the_package_also_where_a_part_has_its_name(name: str) -> None:
    for module in ("raycre.creme.tests", "raycre.compare.registry", "raycre.report.page", "raycre.demo.run"):
        import_module(module)  # which binds raycre.creme, … to the packages
    verb = getattr(raycre, name)
    assert callable(verb)
    assert callable(find(VERBS[name].run))
    assert name in dir(raycre)


def test_a_part_with_a_verbs_name_stays_a_module() -> None:
    from raycre.creme.tests import TESTS

    creme = import_module("raycre.creme")
    assert raycre.creme is creme
    assert creme.tests.TESTS is TESTS
    assert pickle.loads(pickle.dumps(creme)) is creme


def test_every_name_of_the_stub_is_one_of_the_package() -> None:
    import ast

    tree = ast.parse((ROOT / "raycre" / "__init__.pyi").read_text())
    named = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    named |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {*VERBS, "open_run", "connected", "enformer"} <= named
    assert all(hasattr(raycre, name) for name in named - {"annotations", "Any"})


def test_a_misspelt_name_has_its_near_match() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'predicct'; did you mean predict\?"):
        _ = raycre.predicct  # type: ignore[attr-defined]


# --- configurations


def test_keys_of_a_configuration_are_arguments(genome: DemoGenome, tmp_path: Path) -> None:
    values = predict_values(genome, tmp_path / "train", tmp_path / "run")
    inputs = values["inputs"] | {
        "fasta": genome.fasta,  # a path
        "openness": tuple(genome.openness),
    }
    found = read_arguments(
        VERBS["predict"], {"inputs": inputs, "model": values["model"]},
        {"out": tmp_path / "x", "seed": np.int64(7), "views": np.int32(2), "resources": {"replicas": 1}},
    )  # fmt: skip
    assert (found.run.out, found.run.seed, found.views, found.resources.replicas) == (tmp_path / "x", 7, 2, 1)
    assert found.inputs.openness == tuple(genome.openness)


def test_an_argument_is_merged_into_the_file_and_wins(genome: DemoGenome, tmp_path: Path) -> None:
    import yaml

    path = tmp_path / "predict.yaml"
    path.write_text(yaml.safe_dump(predict_values(genome, tmp_path / "train", tmp_path / "run")))
    found = read_arguments(VERBS["predict"], path, {"inputs": {"loops": None}, "model.folds": [1]})
    assert found.inputs.loops is None
    assert found.inputs.fasta == genome.fasta  # as in the file
    assert found.model.folds == (1,)


def test_a_misspelt_argument_is_named_with_its_near_match() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown key inputs.fastaa; did you mean fasta\?.*given as an argument"
    ):
        raycre.predict(inputs={"fastaa": "x"}, out="run")


def test_a_table_is_refused_where_a_file_is_meant() -> None:
    with pytest.raises(ConfigError, match="a table has to be a file"):
        raycre.predict(inputs={"regions": pd.DataFrame({"chrom": []})}, out="run")
    assert as_written({"a": np.arange(2), "b": {"c": Path("x")}, "d": pd.Series([1.5])}) == {
        "a": [0, 1], "b": {"c": "x"}, "d": [1.5],
    }  # fmt: skip


def test_creme_takes_the_name_of_a_test_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from raycre.workflows.perturb import run as perturbation

    asked: list[Any] = []
    monkeypatch.setattr(
        perturbation, "run_creme", lambda config, **options: asked.append(config) or {"dry_run": True}
    )
    inputs = {"fasta": "g.fa", "gtf": "g.gtf", "genes": "MYC"}
    keys: dict[str, Any] = {
        "inputs": inputs,
        "model": "planted",
        "tracks": "all",
        "out": tmp_path,
        "dry_run": True,
    }
    keys["model"] = {"backbone": "planted"}
    assert raycre.creme("pipeline", **keys) == {"dry_run": True}
    raycre.creme("necessity", **keys)
    assert [config.tests for config in asked] == ["pipeline", ("necessity",)]
    with pytest.raises(ConfigError, match="did you mean necessity"):
        raycre.creme("necesity", **keys)


def test_a_dry_run_returns_its_cost_and_a_run_is_opened(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = predict_values(genome, write_checkpoint(tmp_path / "train", n=2), tmp_path / "run")
    cost = raycre.predict(values, dry_run=True)
    assert cost["folds"] == 2
    assert "folds: 2" in repr(cost)
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(prediction, "run_predict", lambda config, **_: write_prediction(config.run.out))
    assert isinstance(raycre.predict(values), OpenRun)


# --- runs


def test_a_run_says_what_it_is(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = raycre.open_run(write_prediction(out))
    assert (run.verb, run.name, run.finished) == ("predict", "tiny", True)
    assert repr(run).splitlines() == [
        "tiny: predict, finished",
        f"results: {out / 'predictions'}  settings and versions: {out / 'run.json'}",
        f"next: raycre report {out}; raycre export {out} --bed9 --bigwig",
        "tables: predictions",
    ]
    assert run._repr_html_().startswith("<pre>tiny: predict")


def test_tables_are_read_as_pandas_polars_or_arrow(tmp_path: Path) -> None:
    run = raycre.open_run(write_prediction(tmp_path / "run") / "run.json")  # its record serves, too
    table = run.predictions(call="enhancer")
    assert len(run.predictions()) == 3
    assert len(table) == 2
    assert table.pandas()["p_enhancer"].tolist() == pytest.approx([0.9, 0.7])
    assert table.arrow(["region_id", "start"]).to_pydict() == {"region_id": [0, 1], "start": [0, 1000]}
    assert sum(batch.num_rows for batch in table.batches()) == 2
    assert pa.table(table).num_rows == 2  # by Arrow's stream, as DuckDB and polars take it
    assert table.columns["start"] == "start of the 1-kb region"
    assert repr(table).startswith("predictions: 2 rows × ")
    assert "enhancer" in table._repr_html_()
    polars = pytest.importorskip("polars")
    assert table.polars()["region_id"].to_list() == [0, 1]
    assert table.lazy().select("region_id").collect()["region_id"].to_list() == [0, 1]
    assert polars.DataFrame(table).height == 2


def test_effects_of_tests_are_one_table(tmp_path: Path) -> None:
    run = raycre.open_run(write_gene(tmp_path / "run"))
    assert len(run.effects()) == 3  # a context, and two tiles of necessity
    tiles = run.effects(test="necessity", gene_name=["GATA1", "MYC"]).pandas()
    assert tiles["effect"].tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert len(run.effects(track_id=5111, call="enhancer")) == 1


def test_tables_of_folds_say_their_fold(tmp_path: Path) -> None:
    out = write_training(tmp_path / "run")
    write_metrics(out, [0.5, 0.7])
    run = raycre.open_run(out)
    assert run.history().pandas()["fold"].tolist() == [0, 0, 0, 1, 1, 1]
    assert len(run.table("fold_predictions", fold=1, set="test")) == 5
    assert run.metrics().pandas()["value"].tolist() == [0.5, 0.7]
    assert not run.finished


def test_a_table_that_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    run = raycre.open_run(write_prediction(tmp_path / "run"))
    with pytest.raises(ConfigError, match=r"no such table; did you mean predictions\?"):
        run.table("prediction")
    with pytest.raises(MissingInputError, match="no failures here: it has none"):
        run.failures()
    with pytest.raises(ConfigError, match=r"no such column; did you mean call"):
        run.predictions(calll="enhancer").pandas()
    with pytest.raises(ConfigError, match=r"predictions\.start is int64"):
        run.predictions(start="x").pandas()


def test_a_folder_that_is_no_run_is_named_with_the_runs_below(tmp_path: Path) -> None:
    write_prediction(tmp_path / "mine")
    with pytest.raises(MissingInputError, match="runs below it are mine"):
        raycre.open_run(tmp_path)
    with pytest.raises(MissingInputError, match="no such folder"):
        raycre.open_run(tmp_path / "absent")


def test_an_annotation_is_a_call_and_its_tables_are_read_and_exported(tmp_path: Path) -> None:
    scores, regions = tmp_path / "scores.bw", tmp_path / "regions.bed"
    with pyBigWig.open(str(scores), "w") as file:
        file.addHeader([("chr1", 1_000)])
        file.addEntries(["chr1", "chr1"], [0, 100], ends=[100, 200], values=[1.0, 3.0])
    regions.write_text("chr1\t50\t150\tenhancer\nchr1\t100\t200\tbackground\n")
    raycre.annotate("conservation", regions=regions, scores=scores, group_by="name", out=tmp_path / "out")
    run = raycre.open_run(tmp_path / "out")
    assert run.verb == "annotate"
    assert "2 regions" in repr(run)
    assert f"next: raycre export {tmp_path / 'out'} --tsv" in repr(run)
    means = run.table("annotate_conservation").pandas()["mean"].tolist()
    assert means == pytest.approx([2, 3])  # half of 1 and half of 3; 3 alone
    found = raycre.export(run, "tsv", out=tmp_path / "tsv")
    assert "annotate_conservation.tsv" in [Path(path).name for path in found["files"]["tsv"]]


def test_figures_are_found_by_a_part_of_their_title_and_written(tmp_path: Path) -> None:
    run = raycre.open_run(write_prediction(tmp_path / "run"))
    title = run.figures[0]
    figure = run.plot(title.upper())
    assert figure.title == title
    assert figure._repr_html_().startswith("<figure><svg")
    saved = figure.save(tmp_path / "figure.svg")
    assert ElementTree.parse(saved).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    with pytest.raises(ConfigError, match="no such figure"):
        run.plot("a figure that there is not")
    with pytest.raises(ConfigError, match=r"ends with \.svg"):
        figure.save(tmp_path / "figure.png")


def test_a_notebook_with_widgets_has_bars_and_other_output_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert not progress.shows_bars()
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    for found in (object(), None):
        monkeypatch.setattr(progress, "find_spec", lambda name, found=found: found)
        assert progress.shows_bars() is (found is not None)


# --- backbones


@pytest.fixture(scope="module")
def planted() -> Model:
    return raycre.planted()


@pytest.fixture(scope="module")
def codes(planted: Model) -> np.ndarray:
    """No motif but one enhancer's in the second sequence, in the bin of the TSS."""
    codes = np.zeros((2, planted.seq_len), dtype=np.uint8)
    codes[1, 32_768 : 32_768 + 15] = ["ACGT".index(base) for base in MOTIFS["enhancer"]]
    return codes


def test_sequences_are_read_in_every_form(planted: Model, codes: np.ndarray) -> None:
    # Bins 255 and 256 are the TSS's; a hit at distance 0 adds 20, at 128 bp 20 exp(-128 / 20,000).
    hit = 1 + 20 * (1 + np.exp(-128 / 20_000)) / 2
    found = planted.read(codes, "identifier=planted-A")
    assert found.dtype == np.float32
    assert found[:, 0] == pytest.approx([1, hit], rel=1e-6)
    one_hot = np.eye(4, dtype=np.float32)[codes]
    letters = ["".join("ACGT"[c] for c in row) for row in codes]
    for same in (
        one_hot,
        one_hot.transpose(0, 2, 1),
        torch.tensor(one_hot),
        one_hot.astype(np.int8),
        letters,
    ):
        assert (planted.read(same, [0]) == found).all()
    assert (planted.read(letters[1], 0) == found[1]).all()
    assert planted.read(codes, bins="all").shape == (2, 512, 2)
    assert planted.read(codes, bins=[256])[1, 0, 0] == pytest.approx(21)
    assert planted.read([]).shape == (0, 2)


def test_n_is_a_column_of_zeros_or_of_quarters() -> None:
    one_hot = np.eye(4)[[0, 1, 2, 3]]
    one_hot[1], one_hot[2] = 0, 0.25
    assert codes_of(one_hot, 4).tolist() == [[0, 4, 4, 3]]
    assert codes_of("aNRt", 4).tolist() == [[0, 4, 4, 3]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("ACG", "sequence 0 has 3 bp, the model reads 4"),
        (["ACGT", "ACUT"], r"sequence 1, position 2 \(from 0\): no nucleotide; this is RNA"),
        (np.full((1, 4, 4), 0.5), "not one-hot"),
        (np.full((1, 4, 4), np.nan), "not finite"),
        (np.zeros((2, 5, 4)), r"got an array of shape \(2, 5, 4\)"),
        (np.full((1, 4), 9, np.uint8), "codes are 0-4"),
        (np.zeros((1, 4)), "got an array of shape"),
    ],
)
def test_what_is_no_sequence_is_refused_by_place(given: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        codes_of(given, 4)


def test_tracks_and_bins_that_are_none_are_refused(planted: Model, codes: np.ndarray) -> None:
    with pytest.raises(TrackError, match="tracks 0-1"):
        planted.read(codes, [7])
    with pytest.raises(ConfigError, match="bins are tss, all"):
        planted.read(codes, bins="tsss")
    with pytest.raises(ConfigError, match="no such backbone; did you mean enformer"):
        raycre.model("enfromer")
    with pytest.raises(ConfigError, match=r"unknown key gama; did you mean gamma\?"):
        raycre.model("planted", gama="exact")
    both = raycre.model("planted", reverse_complement=True)
    with pytest.raises(ConfigError, match="mirror images"):
        both.read(codes, bins=[0])


def test_a_module_stands_behind_functions_of_one_hot_tensors(planted: Model, codes: np.ndarray) -> None:
    """As tangermeme has them: a model is called with float (N, 4, L) and gives (N, outputs)."""
    module = planted.module("planted-A")
    x = torch.tensor(np.eye(4, dtype=np.float32)[codes]).transpose(1, 2)

    def ablate(model: nn.Module, x: torch.Tensor, start: int, end: int) -> tuple[torch.Tensor, torch.Tensor]:
        without = x.clone()
        without[:, :, start:end] = 0
        return model(x), model(without)

    before, after = ablate(module, x, 32_768, 32_783)
    assert before[:, 0].tolist() == planted.read(codes, 0)[:, 0].tolist()
    assert after[:, 0].tolist() == [1, 1]
    with pytest.raises(InputError, match=r"reads \(N, 4, 65536\), got"):
        module(x[:, :, :-1])


class Linear(Backbone):
    """A model of one's own, in ten lines: 4 x bases A minus bases T, gradients and all."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.seq_len, self.bin_size, self.n_bins = "linear", 8, 2, 4
        self.tracks, self.trained, self.weights_sha256 = plain_table(1), True, "none"

    def read(self, codes: torch.Tensor, bins: Any, tracks: Any) -> torch.Tensor:
        check_read(self, codes, bins, tracks)
        return self.read_one_hot(self.one_hot(codes), bins, tracks)

    def read_one_hot(self, one_hot: torch.Tensor, bins: Any, tracks: Any) -> torch.Tensor:
        value = 4 * one_hot[:, 0].sum(1) - one_hot[:, 3].sum(1)
        return value[:, None, None].expand(-1, len(bins), len(tracks))


def test_a_model_of_ones_own_is_read_and_gives_its_gradient() -> None:
    model = raycre.model(Linear())
    assert model.read("AAAATNCG").tolist() == [[15]]  # 4 x 4 - 1
    x = torch.zeros(1, 4, 8, requires_grad=True)
    model.module()(x).sum().backward()
    assert x.grad is not None
    assert x.grad[0, :, 0].tolist() == [4, 0, 0, -1]


def test_enformer_is_loaded_by_name_with_its_weights_said_to_be_random(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from raycre.api import models

    asked: list[Any] = []
    monkeypatch.setattr(models, "load", lambda spec: asked.append(spec) or Linear())
    raycre.enformer("random:1", head="mouse", dtype="float32")
    assert (asked[0].backbone, asked[0].weights, asked[0].head) == ("enformer", "random:1", "mouse")


def test_creme_runs_are_read_with_elements_and_comparisons(tmp_path: Path) -> None:
    run = raycre.open_run(
        write_creme(tmp_path / "r", {"A": [effect_rows("A", "necessity", [0.1], ["neither"])]})
    )
    assert run.tables == ("effects",)
    assert run.config["inputs"]["fasta"] == "hg19.fa"
