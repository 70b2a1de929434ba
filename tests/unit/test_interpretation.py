"""A fold's interpretation tables hold what the model itself gives, whatever it reads, the same each time."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor

from raycre.create.fold import FoldData
from raycre.create.layout import CLASSES, MODALITIES, ROWS
from raycre.create.model import SIZES, Create, Structure
from raycre.engine.interpretation import BATCH, codes_table, spread, write_interpretation
from raycre.errors import LabelError
from raycre.store.parquet import read_table
from raycre.store.schemas import (
    MAJOR_FEATURES,
    RECONSTRUCTION,
    SPECTRUM,
    codes_schema,
    embeddings_schema,
)

SUBSETS = [chosen for n in (1, 2, 3) for chosen in combinations(MODALITIES, n)]
NAMES = ["embeddings", "spectrum", "major_features", "reconstruction"]
N = BATCH + 16  # regions: a whole batch and a piece of one
FLANK = 10


def model_of(modalities: tuple[str, ...] = MODALITIES, **structure: Any) -> Create:
    """An untrained model whose latents are large enough to reach many codes."""
    torch.manual_seed(1)
    model = Create(replace(SIZES["tiny"], branch_dropout=0.5), modalities, Structure(**structure))
    with torch.no_grad():
        model.to_embedding.weight.mul_(30)
    return model.train()  # as after an epoch: writing must not train it


def data_of(n: int = N) -> FoldData:
    rng = np.random.default_rng(2)
    shape = (n, 1000 + 2 * FLANK)
    tracks = [rng.gamma(2, 1, shape).astype(np.float32) * rng.integers(0, 3, (n, 1)) for _ in range(2)]
    codes = rng.integers(0, 5, shape, np.uint8)
    rows = np.arange(n)
    return FoldData(codes, tracks[0].astype(np.float32), tracks[1].astype(np.float32), rows % 5,
                    rows[:0], rows[:0], rows)  # fmt: skip


def write(
    folder: Path, model: Create, rows: np.ndarray | None = None, **more: int
) -> dict[str, pd.DataFrame]:
    data = data_of()
    write_interpretation(
        folder, model, data, data.test if rows is None else rows, {"raycre_digest": "d"}, **more
    )
    return {p.stem: read_table(p).to_pandas() for p in folder.glob("*.parquet")}


def window(model: Create, rows: np.ndarray) -> Tensor:
    """The input of regions, made by hand: centred window, forward strand."""
    data = data_of()
    centre = slice(FLANK, FLANK + 1000)
    one_hot = np.eye(5, dtype=np.float32)[data.codes[rows, centre]][..., :4].transpose(0, 2, 1)
    assert data.openness is not None
    assert data.loops is not None
    openness = np.log10(data.openness[rows, centre].astype(np.float64) + 1)[:, None]
    loops = np.log10(data.loops[rows, centre].astype(np.float64) + 1 + 1e-8)[:, None]
    parts = {"sequence": one_hot, "openness": openness, "loops": loops}
    return torch.from_numpy(np.concatenate([parts[m] for m in model.modalities], axis=1).astype(np.float32))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return write(tmp_path_factory.mktemp("fold"), model_of(), per_class=7)


def test_embeddings_are_the_model_s_and_can_be_rebuilt_from_the_codes(
    tables: dict[str, pd.DataFrame],
) -> None:
    model, found = model_of().eval(), tables["embeddings"]
    with torch.no_grad():
        output = model(window(model, np.arange(N)))
    assert output.codes is not None
    codes = np.stack(found["codes"].tolist())
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(codes, output.codes.flatten(1).numpy())
    assert len(np.unique(codes)) > 10
    whole = model.quantizer.codebook[torch.from_numpy(codes).long()].reshape(N, 26, -1)
    np.testing.assert_allclose(whole, output.z_q, atol=1e-6)
    np.testing.assert_allclose(np.stack(found["embedding"].tolist()), output.z_q.mean(1), atol=1e-5)
    p = found[[f"p_{c}" for c in CLASSES]].to_numpy()
    np.testing.assert_allclose(p, output.logits.softmax(1), atol=1e-5)
    assert found["call_argmax"].tolist() == [CLASSES[i] for i in p.argmax(1)]
    assert found["label"].tolist() == [CLASSES[i % 5] for i in range(N)]
    assert found["region_id"].tolist() == list(range(N))


def test_the_spectrum_counts_the_codes_of_the_embeddings(tables: dict[str, pd.DataFrame]) -> None:
    spectrum, codes = tables["spectrum"], np.stack(tables["embeddings"]["codes"].tolist())
    assert spectrum["count"].sum() == codes.size
    for label, name in enumerate(CLASSES):
        mine = spectrum[spectrum["class"] == name].set_index("code")
        assert mine.index.tolist() == list(range(SIZES["tiny"].codes))
        assert mine.loc[codes[0, 0], "count"] == (codes[label::5] == codes[0, 0]).sum()
        assert mine["t"].sum() == pytest.approx(1)
    first = spectrum[spectrum["class"] == CLASSES[0]]
    used = first.dropna(subset="order").sort_values("order")
    assert used["order"].tolist() == list(range(len(used)))
    assert first.loc[first["count"].isna() | first["order"].isna(), "class_of_feature"].isna().all()
    owners = [CLASSES.index(c) for c in used["class_of_feature"]]
    assert owners == sorted(owners)


def test_a_major_feature_is_decoded_with_and_without_itself(tables: dict[str, pd.DataFrame]) -> None:
    model, major = model_of().eval(), tables["major_features"].set_index("class")
    found, seen = tables["reconstruction"], tables["embeddings"].set_index("region_id")
    assert found["class"].drop_duplicates().tolist() == [c for c in CLASSES if major.loc[c, "n_decoded"]]
    for row in found.to_dict("records"):
        code, region = row["code"], row["region_id"]
        assert code == major.loc[row["class"], "code"]
        assert code in seen.loc[region, "codes"]
        assert row["class"] == seen.loc[region, "label"]
    row = found.iloc[3]
    x = window(model, np.array([row["region_id"]]))
    with torch.no_grad():
        output = model(x)
        zeroed = output.z_q.clone()
        for position, split in torch.argwhere(output.codes[0] == row["code"]).tolist():
            zeroed[0, position, split * 8 : split * 8 + 8] = 0
        without = model.decode(zeroed)
    for kind, rows in (("original", x[0]), ("reconstructed", output.recon[0]), ("zeroed", without[0])):
        np.testing.assert_allclose(row[f"openness_{kind}"], rows[4], atol=1e-5)
        np.testing.assert_allclose(row[f"loops_{kind}"], rows[5], atol=1e-5)
        letters = ["ACGT"[i] if rows[:4, at].any() else "N" for at, i in enumerate(rows[:4].argmax(0))]
        assert row[f"sequence_{kind}"] == "".join(letters)
    assert "N" in row["sequence_original"]
    for name in ("openness", "loops"):
        plain, gone = (np.stack(found[f"{name}_{kind}"].tolist()) for kind in ("reconstructed", "zeroed"))
        assert np.abs(plain - gone).max() > 1e-3  # a feature is felt somewhere, if not in every region
    assert (found["sequence_reconstructed"] != found["sequence_zeroed"]).any()


def test_the_summary_is_of_the_decoded_regions(tables: dict[str, pd.DataFrame]) -> None:
    codes = np.stack(tables["embeddings"]["codes"].tolist())
    for label, name in enumerate(CLASSES):
        major = tables["major_features"].iloc[label]
        assert major["class"] == name
        assert major["n_regions"] == (codes[label::5] == major["code"]).any(axis=1).sum()
        assert major["n_decoded"] == min(7, major["n_regions"])
        mine = tables["reconstruction"][tables["reconstruction"]["class"] == name]
        assert len(mine) == major["n_decoded"] > 0
        means = np.stack(mine["openness_zeroed"].tolist()).mean(axis=1)
        assert major["openness_zeroed"] == pytest.approx(means.mean(), rel=1e-5)
        pairs = zip(mine["sequence_reconstructed"], mine["sequence_zeroed"], strict=True)
        changed = [sum(a != b for a, b in zip(*pair, strict=True)) / 1000 for pair in pairs]
        assert major["bases_changed"] == pytest.approx(np.mean(changed))


@pytest.mark.parametrize("modalities", SUBSETS, ids="+".join)
def test_what_a_model_does_not_read_is_null(tmp_path: Path, modalities: tuple[str, ...]) -> None:
    found = write(tmp_path, model_of(modalities), rows=np.arange(10), per_class=1)
    assert sorted(found) == sorted(NAMES)
    assert len(found["reconstruction"])
    for name in ROWS:
        column = found["reconstruction"][f"{name}_zeroed"]
        assert column.notna().all() if name in modalities else column.isna().all()
        summary = found["major_features"]["bases_changed" if name == "sequence" else f"{name}_zeroed"]
        assert summary.notna().any() == (name in modalities)


def test_a_class_without_test_regions_has_no_major_feature(tmp_path: Path) -> None:
    found = write(tmp_path, model_of(), rows=np.flatnonzero(np.arange(N) % 5 != 2)[:12])
    major = found["major_features"].set_index("class").loc["promoter"]
    assert pd.isna(major["code"])
    assert major["n_regions"] == 0
    spectrum = found["spectrum"].set_index("class").loc["promoter"]
    assert (spectrum["count"] == 0).all()
    assert spectrum["p"].isna().all()


def test_decoded_openness_says_its_unit(tmp_path: Path) -> None:
    for log_openness, unit in ((True, b"log10(mean reads + 1)"), (False, b"mean reads")):
        write(tmp_path / str(log_openness), model_of(log_openness=log_openness), rows=np.arange(20))
        for name in ("reconstruction", "major_features"):
            schema = pq.read_schema(tmp_path / str(log_openness) / f"{name}.parquet")
            assert schema.metadata[b"openness_unit"] == unit


def test_a_continuous_latent_space_has_embeddings_and_no_codes(tmp_path: Path) -> None:
    found = write(tmp_path, model_of(latent="continuous"), rows=np.arange(10))
    assert list(found) == ["embeddings"]
    assert found["embeddings"]["codes"].isna().all()
    assert found["embeddings"]["embedding"].map(len).eq(SIZES["tiny"].embedding).all()


def test_another_model_has_nothing_to_interpret(tmp_path: Path) -> None:
    data = data_of(5)
    write_interpretation(tmp_path, torch.nn.Linear(2, 2), data, data.test, {})
    assert list(tmp_path.iterdir()) == []


def test_no_regions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="no regions to interpret"):
        write(tmp_path, model_of(), rows=np.arange(0))


def test_writing_twice_gives_equal_bytes_and_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = model_of()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    for name in ("a", "b"):
        write(tmp_path / name, model, rows=np.arange(20), per_class=3)
    for name in NAMES:
        path = f"{name}.parquet"
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    assert all(before[k].equal(v) for k, v in model.state_dict().items())


def test_tables_have_the_promised_columns(tmp_path: Path) -> None:
    write(tmp_path, model_of(), rows=np.arange(10), per_class=1)
    promised = {"embeddings": embeddings_schema(50), "spectrum": SPECTRUM, "major_features": MAJOR_FEATURES,
                "reconstruction": RECONSTRUCTION}  # fmt: skip
    for name, schema in promised.items():
        table = read_table(tmp_path / f"{name}.parquet")
        assert table.schema.equals(schema)
        assert table.schema.metadata[b"raycre_digest"] == b"d"
        assert all(field.metadata[b"description"] for field in table.schema)


@pytest.mark.parametrize(("n_codes", "kind"), [(200, pa.uint8()), (256, pa.uint8()), (257, pa.uint16())])
def test_codes_of_predictions_take_the_smallest_type_that_holds_the_codebook(
    n_codes: int, kind: pa.DataType
) -> None:
    codes = np.arange(3 * 26 * 4).reshape(3, 26, 4) % n_codes
    table = codes_table(np.array([5, 6, 7]), 2, codes, n_codes)
    assert table.schema.equals(codes_schema(n_codes))
    assert table.schema.field("codes").type == pa.list_(kind)
    assert table["region_id"].to_pylist() == [5, 6, 7]
    assert table["fold"].to_pylist() == [2, 2, 2]
    np.testing.assert_array_equal(np.array(table["codes"].to_pylist()).reshape(codes.shape), codes)


def test_decoded_regions_are_spread_over_all() -> None:
    assert spread(10, 4).tolist() == [0, 2, 5, 7]
    assert spread(3, 200).tolist() == [0, 1, 2]
    assert spread(0, 200).tolist() == []
