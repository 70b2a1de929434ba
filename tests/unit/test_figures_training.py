"""Pictures of curves, spectrum, decoded regions and embeddings show what hand-made tables hold."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from raycre.errors import FormatError
from raycre.figures.blocks import Note, Picture, Table
from raycre.figures.canvas import INK, style
from raycre.figures.curves import GRID, mean_curve, read_curves
from raycre.figures.embedding import read_embedding
from raycre.figures.flow import draw_flow, starts
from raycre.figures.spectrum import read_spectrum
from raycre.figures.training import _folds_table, _warmup, draw_histories, read_training_run
from raycre.genome.classes import CLASSES
from raycre.store.files import write_json
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.schemas import (
    CONFUSION,
    CURVES,
    DECODERS,
    MAJOR_FEATURES,
    METRICS,
    OPENNESS_UNIT,
    OPENNESS_UNITS,
    RECONSTRUCTION,
    SPECTRUM,
    embeddings_schema,
)
from raycre.workflows.train.curves import write_curves
from tests.run_folders import page_of, write_training


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style():
        yield


def write_summary(run: Path) -> None:
    """Two folds of a perfect ROC curve for promoters, and of PR curves at precision 1 and 0.5."""
    rows: list[tuple[int, str, str, float, float]] = []
    rows += [(fold, "promoter", "roc", x, y) for fold in (0, 1) for x, y in ((0, 0), (0, 1), (1, 1))]
    rows += [(fold, "promoter", "pr", x, y) for fold in (0, 1) for x, y in ((0, 1), (1, 1 - fold / 2))]
    curves = pd.DataFrame(rows, columns=["fold", "class", "curve", "x", "y"]).assign(threshold=np.nan)
    write_table(run / "summary" / "curves.parquet", as_table(curves, CURVES))
    cells = [(fold, a, b, 3 if a == b else 0) for fold in (0, 1) for a in CLASSES for b in CLASSES]
    confusion = pd.DataFrame(cells, columns=CONFUSION.names)
    write_table(run / "summary" / "confusion.parquet", as_table(confusion, CONFUSION))
    values = [(f, c, m, 0.5 + f / 4) for f in (0, 1) for c in CLASSES for m in ("auroc", "auprc")]
    metrics = pd.DataFrame(values, columns=METRICS.names)
    write_table(run / "summary" / "metrics.parquet", as_table(metrics, METRICS))


def write_fold(
    folder: Path,
    tracks: tuple[str, ...] = ("openness", "loops"),
    n: int = 20,
    log_openness: bool = True,
) -> None:
    """A fold whose silencers own code 2, whose promoters own codes 0 and 1; code 3 is unused."""
    rows = []
    for i, name in enumerate(CLASSES):
        for code, (owner, order) in enumerate(
            [("promoter", 1), ("promoter", 2), ("silencer", 0), (None, None)]
        ):
            p = None if owner is None else 0.6 if owner == name else 0.1
            p_max = None if owner is None else 0.6
            rows.append((name, code, i, 0.25, p, p_max, owner, order))
    write_table(
        folder / "spectrum.parquet",
        as_table(pd.DataFrame(rows, columns=SPECTRUM.names).convert_dtypes(), SPECTRUM),
    )
    kinds = ("original", "reconstructed", "zeroed")
    signals = [f"{t}_{k}" for t in ("openness", "loops") for k in kinds]
    known = [name for name in signals if name.startswith(tracks)]
    majors = [
        dict.fromkeys(MAJOR_FEATURES.names) | {"class": c, "n_regions": 0, "n_decoded": 0} for c in CLASSES
    ]
    tests = [f"{t}_{k}" for t in tracks if t != "sequence" for k in ("p_value", "p_decoded")]
    majors[0] |= {"code": 2, "p": 0.6, "n_tied": 3, "n_regions": 9, "n_with_it": 4, "n_decoded": 5}
    majors[0] |= {**dict.fromkeys(known, 0.75), **dict.fromkeys(tests, 0.03)}
    write_table(folder / "major_features.parquet", as_table(pd.DataFrame(majors), MAJOR_FEATURES))
    unit = {OPENNESS_UNIT: OPENNESS_UNITS[log_openness]}
    decoded: dict[str, list[Any]] = {name: [None] * 2 for name in RECONSTRUCTION.names}
    decoded |= {"region_id": [0, 1], "class": ["silencer"] * 2, "code": [2, 2]}
    decoded |= {name: [np.full(1000, 1.0), np.full(1000, 2.0)] for name in known}
    write_table(folder / "reconstruction.parquet", as_table(decoded, RECONSTRUCTION, unit))
    write_map(folder, n)


PCA = {"map": "PCA", "map_why": "umap-learn is not installed: pip install 'raycre[umap]'"}


def write_map(folder: Path, n: int = 20, told: dict[str, str] = PCA, x: float | None = 1.0) -> None:
    """Regions on a map; the last one is left out of it."""
    seen: dict[str, object] = {name: [None] * n for name in embeddings_schema(4).names}
    labels = [CLASSES[i % 5] for i in range(n)]
    places = [*(np.arange(n - 1) * (np.nan if x is None else x)), np.nan]
    seen |= {"label": labels, "call_argmax": labels, "x": places, "y": places}
    told = {"embedding": "concatenated", "map_of": f"{n - 1} of {n}", **told}
    write_table(folder / "embeddings.parquet", as_table(seen, embeddings_schema(4), told))


def test_an_roc_curve_is_read_at_the_top_of_its_steps() -> None:
    points = pd.DataFrame({"fold": 0, "x": [0, 0, 0.5, 0.5, 1], "y": [0, 0.5, 0.5, 1, 1]})
    mean, sd = mean_curve(points, "roc")
    at = dict(zip(GRID.round(2).tolist(), mean.tolist(), strict=True))
    assert (at[0.0], at[0.49], at[0.5], at[1.0]) == (0.5, 0.5 + 0.49, 1, 1)
    assert not sd.any()


def test_a_pr_curve_has_the_precision_of_the_first_point_that_reaches_the_recall() -> None:
    folds = [{"fold": 0, "x": x, "y": y} for x, y in ((0, 1), (0.5, 1), (0.5, 0.5), (1, 2 / 3), (1, 0.5))] + [
        {"fold": 1, "x": x, "y": y} for x, y in ((0, 1), (1, 0.5))
    ]
    one = mean_curve(pd.DataFrame(folds[:5]), "pr")[0]
    at = dict(zip(GRID.round(2).tolist(), one.tolist(), strict=True))
    assert (at[0.0], at[0.5], at[0.51], at[1.0]) == (1, 1, 2 / 3, 2 / 3)
    mean, sd = mean_curve(pd.DataFrame(folds), "pr")
    assert (mean[0], sd[0]) == (0.75, 0.25)


def test_a_finished_training_shows_the_means_of_its_folds(tmp_path: Path) -> None:
    run = write_training(tmp_path / "t")
    write_summary(run)
    page = page_of(tmp_path, run)
    assert "mean of 2 folds, band: ± population s.d. Areas are means" in page
    assert "promoter 0.625</text>" in page  # of 0.5 and 0.75
    assert "silencer 0.625</text>" not in page  # no curve, so no name in the legend
    assert "the 30 test regions by the most probable class" in page
    assert "From truth to call" in page
    assert "pooled" not in page


def test_the_summary_s_tables_are_remade_from_the_test_sets_of_the_folds(tmp_path: Path) -> None:
    run = write_training(tmp_path / "t")
    write_curves(run, [0, 1], {"raycre_digest": "d"})
    table = read_table(run / "summary" / "curves.parquet")
    assert table.schema.equals(CURVES)
    assert table.schema.metadata[b"raycre_digest"] == b"d"
    roc = table.to_pandas().query("curve == 'roc' and `class` == 'silencer'")
    assert roc.loc[roc["fold"] == 0, ["x", "y"]].to_numpy().tolist() == [[0, 0], [0, 1], [1, 1]]
    assert roc.loc[roc["fold"] == 1, ["x", "y"]].to_numpy().tolist() == [[0, 0], [1, 1]]  # all score 0.04
    cells = read_table(run / "summary" / "confusion.parquet").to_pandas().query("n > 0")
    off = cells[cells["truth"] != cells["called"]]
    assert off.to_numpy().tolist() == [[1, "silencer", "enhancer", 1]]  # of five test regions a fold
    assert cells.groupby("fold")["n"].sum().tolist() == [5, 5]


def test_a_run_without_a_summary_has_no_mean_curves(tmp_path: Path) -> None:
    assert read_curves(write_training(tmp_path / "t")) == []


def test_the_epoch_that_was_kept_is_shown_and_not_the_best_of_warm_up() -> None:
    history = pd.DataFrame({"epoch": [0.0, 1.0, 2.0], "loss": [1.0, 3.0, 2.0], "auprc": [0.9, 0.5, 0.625]})
    cutoffs = {"thresholds": dict.fromkeys(CLASSES, 0.5), "best_epoch": 2, "epochs": 3}
    table = _folds_table([Path("fold=0")], [cutoffs], [history])
    assert table.rows[0][:4] == [0, 3, 2, 0.625]


def test_warm_up_is_shaded_though_it_is_validated(tmp_path: Path) -> None:
    history = pd.DataFrame({"epoch": [0.0, 1.0], "loss": [1.0, 3.0], "auprc": [0.9, 0.5]})
    assert _warmup(tmp_path, [history]) == 0  # all that is known without the run's record
    assert _warmup(tmp_path, [history.assign(auprc=[np.nan, 0.5])]) == 1
    write_json(tmp_path / "run.json", {"config": {"recipe": {"warmup_epochs": 1}}})
    assert _warmup(tmp_path, [history]) == 1
    plain, shaded = (draw_histories([history], [1], n).svg for n in (0, 1))
    assert shaded.count("<path") == plain.count("<path") + 2  # a band in either panel


def test_one_fold_of_a_training_is_interpreted_on_the_page(tmp_path: Path) -> None:
    run = write_training(tmp_path / "t")
    for fold in (0, 1):
        write_fold(run / "folds" / f"fold={fold}")
    page = page_of(tmp_path, run)
    for title in ("Feature spectrum", "Decoded without the major feature", "Embeddings, "):
        assert page.count(f"<h3>{title}") == 1
    for svg in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        ET.fromstring(svg)
        assert INK not in svg
    assert not re.search(r"<link|<img|\ssrc=", page)


def test_the_spectrum_says_how_many_codes_each_class_has(tmp_path: Path) -> None:
    write_fold(tmp_path)
    picture, table, _ = read_spectrum(tmp_path)
    assert isinstance(picture, Picture)
    assert "codes, in the order of the spectrum (3 used)" in picture.svg
    assert "Codes that no region uses: 1." in picture.caption
    groups = re.findall(r">(\d+)</text>", picture.svg)[-2:]
    assert groups == ["1", "2"]  # silencer, promoter
    assert isinstance(table, Table)
    assert table.columns[:7] == ["class", "code", "p", "tied", "regions", "with it", "decoded"]
    assert table.rows[0][:7] == ["silencer", "2", 0.6, 3, 9, 4, 5]
    assert table.rows[2][:7] == ["promoter", None, None, None, 0, None, 0]
    assert table.rows[0][table.columns.index("P, input > zeroed")] == 0.03
    assert len(table.columns) == 7 + 2 * (3 + 2) + 1


def test_tracks_that_a_model_does_not_read_are_left_out(tmp_path: Path) -> None:
    write_fold(tmp_path / "a", tracks=("openness",))
    _, table, profiles = read_spectrum(tmp_path / "a")
    assert isinstance(table, Table)
    assert isinstance(profiles, Picture)
    assert len(table.columns) == 7 + (3 + 2) + 1
    assert "2 of 5 decoded ones are kept base by base" in profiles.caption
    assert "openness" in profiles.svg
    assert "loops" not in profiles.svg
    write_fold(tmp_path / "b", tracks=("sequence",))
    assert len(read_spectrum(tmp_path / "b")) == 2  # of sequence alone there is no profile


@pytest.mark.parametrize(
    ("log_openness", "label"), [(True, "log10(mean reads + 1)"), (False, ">mean reads<")]
)
def test_openness_is_labelled_as_the_model_read_it(tmp_path: Path, log_openness: bool, label: str) -> None:
    write_fold(tmp_path, log_openness=log_openness)
    *_, profiles = read_spectrum(tmp_path)
    assert isinstance(profiles, Picture)
    assert label in profiles.svg
    assert ("log10(mean reads" in profiles.svg) == log_openness


def test_a_fold_without_tables_has_no_pictures(tmp_path: Path) -> None:
    assert read_spectrum(tmp_path) == []
    assert read_embedding(tmp_path) == []


def test_regions_that_could_not_be_mapped_say_why(tmp_path: Path) -> None:
    write_map(tmp_path, told={"map": "none", "map_why": "all regions have the same embedding"}, x=None)
    (note,) = read_embedding(tmp_path)
    assert isinstance(note, Note)
    assert note.text.endswith("are not mapped: all regions have the same embedding.")


def test_a_table_of_an_earlier_version_has_no_map(tmp_path: Path) -> None:
    write_table(tmp_path / "embeddings.parquet", pa.table({"label": ["silencer"], "embedding": [[1.0]]}))
    (note,) = read_embedding(tmp_path)
    assert isinstance(note, Note)
    assert "train again for a map" in note.text


def test_a_constant_decoder_is_said_loudly(tmp_path: Path) -> None:
    run = write_training(tmp_path / "t")
    for fold, dead in ((0, False), (1, True)):
        rows = [("openness", 10, 1.0, 0.5, 0.5, False), ("loops", 10, 1.0, 0.0, 0.0, dead)]
        table = as_table(pd.DataFrame(rows, columns=DECODERS.names), DECODERS)
        write_table(run / "folds" / f"fold={fold}" / "decoders.parquet", table)
    (note,) = [b for b in read_training_run(run) if isinstance(b, Note) and "decoder" in b.text]
    assert note.loud
    assert note.text.startswith("The loops decoder's output is constant in 1 fold of 2 (1)")


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    write_fold(tmp_path)
    path = tmp_path / "spectrum.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FormatError, match=r"spectrum\.parquet.*not a whole Parquet file"):
        read_spectrum(tmp_path)


def test_pca_that_stands_in_for_umap_says_so_in_title_and_caption(tmp_path: Path) -> None:
    write_map(tmp_path)
    (picture,) = read_embedding(tmp_path)
    assert isinstance(picture, Picture)
    assert picture.title == "Embeddings, PCA, standing in for UMAP"
    assert "PCA stands in for UMAP: umap-learn is not installed" in picture.caption
    assert "19 test regions" in picture.caption
    assert "(mapped: 19 of 20)" in picture.caption
    assert "by PCA of the concatenation of codebook features over positions." in picture.caption
    assert read_embedding(tmp_path) == [picture]  # the points' image, too, is the same each time


def test_a_map_by_umap_is_called_so(tmp_path: Path) -> None:
    write_map(tmp_path, told={"map": "UMAP", "map_why": "", "embedding": "mean"})
    (picture,) = read_embedding(tmp_path)
    assert isinstance(picture, Picture)
    assert picture.title == "Embeddings, UMAP"
    assert "by UMAP of the mean of the quantised embedding over positions." in picture.caption
    assert "PCA" not in picture.caption


def test_bars_of_the_flow_lie_apart_and_add_up() -> None:
    tops = starts(np.array([2, 0, 6, 0, 0]))
    np.testing.assert_allclose(tops, [0, 0.28, 0.31, 1.09, 1.12])
    picture = draw_flow(np.diag([2, 0, 6, 0, 0]) + np.eye(5, k=1, dtype=np.int64))
    assert "silencer 3</text>" in picture.svg  # by truth
    assert "promoter 7</text>" in picture.svg
    assert "background 0</text>" in picture.svg
