"""The hard set: ordinary files, true to their truth, that no modality alone nor counting motifs can solve."""

from __future__ import annotations

import filecmp
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from raycre.create.evaluation.metrics import auprc, macro
from raycre.errors import ConfigError
from raycre.genome.classes import CLASSES
from raycre.genome.folds import by_chromosome

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import hard_ceiling
from hard_grammar import MOTIFS, MUTATION, PAPER_COUNTS
from hard_set import DEPTH, FILES, write_hard_set

from tests.frames import tuples_of

N, N_CHROMOSOMES = 1_200, 12
COMPLEMENT = str.maketrans("ACGT", "TGCA")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hard") / "set"
    write_hard_set(out, seed=5, n_regions=N, n_chromosomes=N_CHROMOSOMES)
    return out


@pytest.fixture(scope="module")
def truth(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "truth.tsv", sep="\t")


@pytest.fixture(scope="module")
def texts(folder: Path, truth: pd.DataFrame) -> list[str]:
    """Bases of every region, read without raycre."""
    records = (folder / "genome.fa").read_text().split(">")[1:]
    chromosomes = {
        name: body.replace("\n", "") for name, _, body in (record.partition("\n") for record in records)
    }
    return [chromosomes[r.chrom][r.start : r.end] for r in tuples_of(truth)]


@pytest.fixture(scope="module")
def features(folder: Path) -> Any:
    return hard_ceiling.read_features(folder)


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        write_hard_set(tmp_path / name, seed=seed, n_regions=20, n_chromosomes=2)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(FILES)
    same = filecmp.cmpfiles(tmp_path / "one", tmp_path / "two", FILES, shallow=False)
    assert same == (list(FILES), [], [])
    _, differ, _ = filecmp.cmpfiles(tmp_path / "one", tmp_path / "three", FILES, shallow=False)
    assert differ == list(FILES)


def test_a_folder_in_use_and_too_few_regions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 10 regions a chromosome"):
        write_hard_set(tmp_path / "few", n_regions=19, n_chromosomes=2)
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ConfigError, match="new folder"):
        write_hard_set(tmp_path, n_regions=20, n_chromosomes=2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_classes_have_the_papers_proportion_and_few_labels_are_wrong(
    folder: Path, truth: pd.DataFrame
) -> None:
    counts = truth["planted"].value_counts()[list(CLASSES)].to_numpy()
    assert np.abs(counts - N * np.array(PAPER_COUNTS) / sum(PAPER_COUNTS)).max() <= 1
    assert 0.005 < (truth["label"] != truth["planted"]).mean() < 0.03  # 2 % are drawn anew
    bed = pd.read_csv(
        folder / "labels.bed", sep="\t", names=["chrom", "start", "end", "name", "score", "strand"]
    )
    assert bed["name"].tolist() == truth["label"].tolist()
    assert bed[["chrom", "start", "end"]].equals(truth[["chrom", "start", "end"]])


def test_regions_stay_apart_when_shifted_and_make_folds_by_chromosome(truth: pd.DataFrame) -> None:
    for _, here in truth.groupby("chrom"):
        assert (here["start"].to_numpy()[1:] - here["end"].to_numpy()[:-1]).min() >= 40
        assert here["start"].min() >= 20
    labels = truth["label"].map(CLASSES.index).to_numpy()
    for n in (5, 10):
        folds = by_chromosome(labels, truth["chrom"], n, 0)
        assert set(folds) == set(range(n))


def test_order_of_a_and_b_is_all_that_tells_enhancers_from_silencers_by_their_pairs(
    truth: pd.DataFrame, texts: list[str]
) -> None:
    sums = truth.groupby("planted")[["A", "B", "AB", "BA"]].mean().to_dict("index")
    assert sums["enhancer"]["AB"] > 3 > 0.2 > sums["silencer"]["AB"]
    assert sums["silencer"]["BA"] > 3 > 0.2 > sums["enhancer"]["BA"]
    a, b = MOTIFS["A"], MOTIFS["B"]
    counted: dict[str, list[tuple[int, ...]]] = {}
    for row, text in zip(tuples_of(truth), texts, strict=True):
        both = [text, text[::-1].translate(COMPLEMENT)]
        found = tuple(sum(strand.count(motif) for strand in both) for motif in (a, b))
        counted.setdefault(row.planted, []).append(found)
    enhancer, silencer = (np.array(counted[name]).mean(axis=0) for name in ("enhancer", "silencer"))
    assert np.abs(enhancer - silencer).max() < 0.6  # of about 4.3; s.d. of each mean is 0.2


def test_a_region_holds_the_words_that_the_truth_gives_it(truth: pd.DataFrame, texts: list[str]) -> None:
    sites, planted = 0, 0
    for row, text in zip(tuples_of(truth), texts, strict=True):
        both = [text, text[::-1].translate(COMPLEMENT)]
        for name, holders in {"P": ["P"], "C": ["C"], "A": ["A", "AB", "BA"]}.items():
            sites += sum(strand.count(MOTIFS[name]) for strand in both)
            planted += sum(getattr(row, holder) for holder in holders)
    whole = (1 - MUTATION) ** 9.5  # sites of 9 or 10 bp without a mutation
    assert sites / planted == pytest.approx(whole, abs=0.02)


def test_openness_is_whole_counts_and_follows_the_truth(folder: Path, truth: pd.DataFrame) -> None:
    for name, depth in DEPTH.items():
        with pyBigWig.open(str(folder / name)) as track:
            values = track.intervals("chr1")
            assert all(value == int(value) > 0 for _, _, value in values)
            here = truth[truth["chrom"] == "chr1"]
            seen = [
                np.nan_to_num(
                    track.values("chr1", r.start + 480 + r.summit, r.start + 520 + r.summit, numpy=True)
                ).mean()
                for r in tuples_of(here)
            ]
        expected = depth * (0.3 + here["reads"])
        assert np.abs(np.array(seen) - expected).mean() < 1
        assert np.corrcoef(seen, expected)[0, 1] > 0.9


def test_loops_over_the_middle_of_a_region_are_as_many_as_the_truth_says(
    folder: Path, truth: pd.DataFrame
) -> None:
    names = ["chrom1", "start1", "end1", "chrom2", "start2", "end2"]
    loops = pd.read_csv(folder / "loops.bedpe", sep="\t", names=names)
    assert (loops["chrom1"] == loops["chrom2"]).all()
    for row in tuples_of(truth.iloc[::40]):
        middle = row.start + 500
        over = sum(
            int(
                (
                    (loops[f"chrom{s}"] == row.chrom)
                    & (loops[f"start{s}"] <= middle)
                    & (loops[f"end{s}"] > middle)
                ).sum()
            )
            for s in (1, 2)
        )
        assert over == row.loops


def score(x: np.ndarray, labels: np.ndarray, chrom: pd.Series) -> np.ndarray:
    """AuPRC by class of a linear model, tested on whole chromosomes."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000))
    folds = GroupKFold(4)
    return auprc(labels, cross_val_predict(model, x, labels, groups=chrom, cv=folds, method="predict_proba"))


@pytest.mark.long
def test_no_modality_alone_and_no_counting_reaches_what_all_together_do(features: Any) -> None:
    by_setting, labels, chrom = features
    found = {name: macro(score(x, labels, chrom)) for name, x in by_setting.items()}
    assert found["all"] > 0.85
    assert found["openness"] < 0.55
    assert found["loops"] < 0.45
    assert found["sequence, order of pairs"] < found["all"] - 0.03
    assert found["openness and loops"] < found["all"] - 0.2
    assert found["all, motifs counted"] < found["all"] - 0.03
    assert min(found.values()) > 0.25  # none is trivial: guessing has 0.2


@pytest.mark.long
def test_shuffled_labels_cannot_be_told(features: Any) -> None:
    by_setting, labels, chrom = features
    shuffled = np.random.default_rng(0).permutation(labels)
    assert macro(score(by_setting["all"], shuffled, chrom)) < 0.25
