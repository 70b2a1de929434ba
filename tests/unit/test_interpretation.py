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
from scipy.stats import mannwhitneyu
from torch import Tensor

from raycre.create.evaluation import projection
from raycre.create.evaluation.decoders import BATCH, DEAD
from raycre.create.evaluation.major_features import rank_sum, sample
from raycre.create.evaluation.projection import project
from raycre.create.evaluation.settings import Interpretation
from raycre.create.fold_data import FoldData
from raycre.create.layout import CLASSES, MODALITIES, ROWS
from raycre.create.model.create import Create
from raycre.create.model.sizes import SIZES, Structure
from raycre.errors import LabelError
from raycre.store.parquet import read_table
from raycre.store.schemas import (
    CODEBOOK,
    DECODERS,
    MAJOR_FEATURES,
    RECONSTRUCTION,
    SPECTRUM,
    ZEROED,
    codes_schema,
    embeddings_schema,
)
from raycre.workflows.codes import codes_table
from raycre.workflows.train.interpretation import constant_decoders, map_methods, write_interpretation

SUBSETS = [chosen for n in (1, 2, 3) for chosen in combinations(MODALITIES, n)]
NAMES = ["decoders", "embeddings", "codebook", "spectrum", "major_features", "zeroed", "reconstruction"]
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
    folder: Path, model: Create, rows: np.ndarray | None = None, **more: Any
) -> dict[str, pd.DataFrame]:
    data = data_of()
    settings = Interpretation(**more)
    write_interpretation(
        folder, model, data, data.test if rows is None else rows, {"raycre_digest": "d"}, settings
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
    return write(tmp_path_factory.mktemp("fold"), model_of(), base_by_base=7)


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
    codebook = np.stack(tables["codebook"]["vector"].tolist())
    np.testing.assert_allclose(codebook[codes].reshape(N, 26, -1), output.z_q, atol=1e-6)
    assert "embedding" not in found  # 3,328 numbers a region at the paper's sizes
    placed = project(output.z_q.flatten(1).numpy(), 0)  # the concatenation, as the paper has it
    assert placed.method in ("PCA", "UMAP")
    if placed.method == "PCA":  # UMAP's places follow rounding
        np.testing.assert_allclose(found[["x", "y"]], placed.at, atol=2e-3 * np.abs(placed.at).max())
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
    for each in found.to_dict("records"):
        assert each["code"] == major.loc[each["class"], "code"]
        assert each["class"] == seen.loc[each["region_id"], "label"]
    users = [each["code"] in seen.loc[each["region_id"], "codes"] for each in found.to_dict("records")]
    row = found[users].iloc[0]
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
        assert np.abs(plain - gone).max() > 1e-4  # a feature is felt somewhere, if not in every region
    assert (found["sequence_reconstructed"] != found["sequence_zeroed"]).any()


def test_all_regions_of_a_class_are_decoded_and_not_the_feature_s_users_alone(
    tables: dict[str, pd.DataFrame],
) -> None:
    codes = np.stack(tables["embeddings"]["codes"].tolist())
    effects = tables["zeroed"]
    assert effects["region_id"].sort_values().tolist() == list(range(N))  # users alone are fewer
    assert (effects["n_pieces"] == 0).any()
    for label, name in enumerate(CLASSES):
        major = tables["major_features"].iloc[label]
        mine = effects[effects["class"] == name]
        assert major["n_regions"] == major["n_decoded"] == len(mine) == N / 5
        uses = (codes[label::5] == major["code"]).sum(axis=1)
        assert mine["n_pieces"].tolist() == uses.tolist()
        assert major["n_with_it"] == (uses > 0).sum()
        untouched = mine[mine["n_pieces"] == 0]
        assert (untouched["openness_zeroed"] == untouched["openness_reconstructed"]).all()
        for track in ("openness", "loops"):
            for kind in ("original", "reconstructed", "zeroed"):
                assert major[f"{track}_{kind}"] == pytest.approx(mine[f"{track}_{kind}"].mean())
            before, after = mine[f"{track}_original"], mine[f"{track}_zeroed"]
            assert major[f"{track}_p_value"] == mannwhitneyu(before, after, alternative="greater").pvalue
            before = mine[f"{track}_reconstructed"]
            assert major[f"{track}_p_decoded"] == mannwhitneyu(before, after, alternative="greater").pvalue
        kept = tables["reconstruction"][tables["reconstruction"]["class"] == name].set_index("region_id")
        assert len(kept) == 7
        found = mine.set_index("region_id").loc[kept.index]
        means = np.stack(kept["openness_zeroed"].tolist()).mean(axis=1, dtype=np.float64)
        np.testing.assert_allclose(found["openness_zeroed"], means, rtol=1e-6)
        pairs = zip(kept["sequence_reconstructed"], kept["sequence_zeroed"], strict=True)
        changed = [sum(a != b for a, b in zip(*pair, strict=True)) / 1000 for pair in pairs]
        np.testing.assert_allclose(found["bases_changed"], changed)


def test_a_cap_says_how_many_regions_it_took_of_how_many(tmp_path: Path) -> None:
    found = write(tmp_path, model_of(), per_class=3, base_by_base=2, mapped=40)
    majors = found["major_features"]
    assert majors["n_regions"].tolist() == [N / 5] * 5
    assert majors["n_decoded"].tolist() == [3] * 5
    assert len(found["zeroed"]) == 15
    assert len(found["reconstruction"]) == 10
    assert found["embeddings"]["x"].notna().sum() == 40
    told = pq.read_schema(tmp_path / "embeddings.parquet").metadata
    assert told[b"map_of"] == f"40 of {N}".encode()
    assert pq.read_schema(tmp_path / "zeroed.parquet").metadata[b"per_class"] == b"3"


def test_a_sample_follows_the_regions_bases_and_not_their_order() -> None:
    data = data_of()
    rows = np.arange(N)
    chosen = rows[sample(data, rows, 9)]
    back = rows[::-1][sample(data, rows[::-1], 9)]
    assert sorted(back) == sorted(chosen)
    half = rows[::2]
    assert set(half[sample(data, half, 9)]) >= set(chosen) & set(half)  # others do not crowd one out
    assert sample(data, rows, N).tolist() == rows.tolist()
    assert sample(data, rows[:0], 3).tolist() == []


def test_the_rank_sum_test_asks_whether_the_original_is_greater() -> None:
    low, high = np.array([1.0, 2, 3]), np.array([4.0, 5, 6])
    assert rank_sum(high, low) == pytest.approx(1 / 20)  # one of 6 choose 3 orders
    assert rank_sum(low, high) == 1
    assert rank_sum(np.zeros(4), np.zeros(4)) == 1


@pytest.mark.parametrize("modalities", SUBSETS, ids="+".join)
def test_what_a_model_does_not_read_is_null(tmp_path: Path, modalities: tuple[str, ...]) -> None:
    found = write(tmp_path, model_of(modalities), rows=np.arange(10), base_by_base=1)
    assert sorted(found) == sorted(NAMES)
    assert len(found["reconstruction"])
    for name in ROWS:
        column = found["reconstruction"][f"{name}_zeroed"]
        assert column.notna().all() if name in modalities else column.isna().all()
        summary = found["major_features"]["bases_changed" if name == "sequence" else f"{name}_p_value"]
        assert summary.notna().any() == (name in modalities)
    assert found["decoders"]["modality"].tolist() == list(modalities)


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
        for name in ("reconstruction", "zeroed", "major_features"):
            schema = pq.read_schema(tmp_path / str(log_openness) / f"{name}.parquet")
            assert schema.metadata[b"openness_unit"] == unit


def test_a_continuous_latent_space_has_a_map_and_no_codes(tmp_path: Path) -> None:
    found = write(tmp_path, model_of(latent="continuous"), rows=np.arange(20))
    assert sorted(found) == ["decoders", "embeddings"]
    assert found["embeddings"]["codes"].isna().all()
    assert found["embeddings"]["x"].notna().all()
    too_few = write(tmp_path, model_of(latent="continuous"), rows=np.arange(10))
    assert too_few["embeddings"]["x"].isna().all()
    assert pq.read_schema(tmp_path / "embeddings.parquet").metadata[b"map"] == b"none"


def test_the_map_of_mean_embeddings_is_another_one_and_says_so(tmp_path: Path) -> None:
    maps = {}
    for kind in ("concatenated", "mean"):
        maps[kind] = write(tmp_path / kind, model_of(), embedding=kind)["embeddings"]
        told = pq.read_schema(tmp_path / kind / "embeddings.parquet").metadata
        assert told[b"embedding"] == kind.encode()
    assert not np.allclose(maps["mean"][["x", "y"]], maps["concatenated"][["x", "y"]], atol=1e-2)
    codes = np.stack(maps["mean"]["codes"].tolist()).reshape(N, 26, -1)
    assert codes.tolist() == np.stack(maps["concatenated"]["codes"].tolist()).reshape(N, 26, -1).tolist()
    book = model_of().quantizer.codebook.numpy()
    mean = project(book[codes].reshape(N, 26, -1).mean(axis=1), 0)
    if mean.method == "PCA":
        np.testing.assert_allclose(maps["mean"][["x", "y"]], mean.at, atol=2e-3 * np.abs(mean.at).max())


def test_pca_that_stands_in_for_umap_is_written_in_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "umap_version", lambda: None)
    write(tmp_path, model_of(), rows=np.arange(20))
    told = pq.read_schema(tmp_path / "embeddings.parquet").metadata
    assert told[b"map"] == b"PCA"
    assert told[b"map_why"] == b"umap-learn is not installed: pip install 'raycre[umap]'"
    assert map_methods({3: tmp_path, 4: tmp_path / "baseline"}) == {"PCA": [3]}


@pytest.mark.parametrize("latent", ["discrete", "continuous"])
def test_a_decoder_whose_output_does_not_depend_on_the_region_is_constant(
    tmp_path: Path, latent: str
) -> None:
    model = model_of(latent=latent)
    with torch.no_grad():
        for head in ("openness", "loops"):
            model.heads[head].weight.mul_(100)
        model.heads["loops"].bias.fill_(-1e6)  # dead: below zero everywhere
    rows = write(tmp_path, model)["decoders"].set_index("modality")
    assert rows["constant"].to_dict() == {"sequence": False, "openness": False, "loops": True}
    assert rows.loc["loops", "sd_decoded"] == 0
    x = window(model, np.arange(N))
    with torch.no_grad():
        recon = model.eval()(x).recon
    expected = float(recon[:, 4].var(dim=0, correction=0).mean().sqrt())
    assert rows.loc["openness", "sd_decoded"] == pytest.approx(expected, rel=1e-3)
    given = float(x[:, 4].var(dim=0, correction=0).mean().sqrt())
    assert rows.loc["openness", "sd_input"] == pytest.approx(given, rel=1e-5)
    assert rows["share"]["openness"] > DEAD
    assert constant_decoders({2: tmp_path, 5: tmp_path / "baseline"}) == {"loops": [2]}


def test_a_profile_that_is_the_same_in_all_regions_is_constant_though_it_varies_over_positions(
    tmp_path: Path,
) -> None:
    model = model_of()
    with torch.no_grad():
        model.decoder3.weight.zero_()  # the ends of a region are decoded otherwise than its middle
    rows = write(tmp_path, model)["decoders"]
    assert rows["constant"].all()


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
        write(tmp_path / name, model, rows=np.arange(20), per_class=3, base_by_base=2)
    for name in NAMES:
        path = f"{name}.parquet"
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    assert all(before[k].equal(v) for k, v in model.state_dict().items())


def test_tables_have_the_promised_columns(tmp_path: Path) -> None:
    write(tmp_path, model_of(), rows=np.arange(10), per_class=1)
    promised = {"embeddings": embeddings_schema(50), "spectrum": SPECTRUM, "major_features": MAJOR_FEATURES,
                "reconstruction": RECONSTRUCTION, "zeroed": ZEROED, "decoders": DECODERS,
                "codebook": CODEBOOK}  # fmt: skip
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
