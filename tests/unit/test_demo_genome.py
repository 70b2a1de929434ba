"""The synthetic genome: its files say what its truth says, and its truth can be recovered, by no shortcut.

Files are read with pandas, pyBigWig and tests/demo_files.py, so that no reader of raycre is trusted here.
"""

from __future__ import annotations

import filecmp
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from raycre.demo.genome import DemoGenome, open_demo_genome, write_demo_genome
from raycre.demo.grammar import GENES
from raycre.errors import ConfigError, MissingInputError
from raycre.genome.classes import CLASSES
from tests.demo_files import L, count_motifs, gtf_rows, read_chromosomes
from tests.frames import tuples_of

N_LABELLED, N_CANDIDATES = 500, 200
BED6 = ["chrom", "start", "end", "name", "score", "strand"]
BEDPE = ["chrom1", "start1", "end1", "chrom2", "start2", "end2"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoGenome:
    out = tmp_path_factory.mktemp("demo") / "genome"
    return write_demo_genome(out, seed=3, n_labelled=N_LABELLED, n_candidates=N_CANDIDATES)


@pytest.fixture(scope="module")
def chromosomes(demo: DemoGenome) -> dict[str, str]:
    return read_chromosomes(demo)


def read_rows(path: Path, names: list[str]) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", names=names)


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    size = {"n_labelled": 20, "n_candidates": 30}
    one, two, three = (
        write_demo_genome(tmp_path / name, seed=seed, **size).folder
        for name, seed in (("one", 7), ("two", 7), ("three", 8))
    )
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in two.iterdir())
    assert filecmp.cmpfiles(one, two, names, shallow=False) == (names, [], [])
    _, differ, _ = filecmp.cmpfiles(one, three, names, shallow=False)
    assert set(names) - set(differ) == {"genes.gtf", "genes.txt"}  # genes stand in the same places


def test_a_folder_in_use_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ConfigError, match="new folder"):
        write_demo_genome(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("n_labelled", "n_candidates"), [(4, 200), (100, 18)])
def test_too_few_regions_are_refused_before_anything_is_written(
    tmp_path: Path, n_labelled: int, n_candidates: int
) -> None:
    with pytest.raises(ConfigError, match="at least 5 labelled regions and 19 candidates"):
        write_demo_genome(tmp_path / "x", n_labelled=n_labelled, n_candidates=n_candidates)
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_the_genome_is_left_beside_it(demo: DemoGenome) -> None:
    assert list(demo.folder.parent.iterdir()) == [demo.folder]


def test_a_written_genome_can_be_opened_again(demo: DemoGenome) -> None:
    again = open_demo_genome(demo.folder)
    assert (again.fasta, again.openness) == (demo.fasta, demo.openness)
    pd.testing.assert_frame_equal(again.truth_tiles, demo.truth_tiles)
    assert again.truth_labels["decoy"].isin([*CLASSES[:4], ""]).all()


def test_a_genome_with_a_missing_file_is_not_opened(tmp_path: Path) -> None:
    demo = write_demo_genome(tmp_path / "x", n_labelled=20, n_candidates=30)
    demo.gtf.unlink()
    with pytest.raises(MissingInputError, match=r"genes\.gtf.*write it anew"):
        open_demo_genome(demo.folder)


def test_files_hold_what_the_truth_says(demo: DemoGenome, chromosomes: dict[str, str]) -> None:
    labels, candidates = read_rows(demo.labels, BED6), read_rows(demo.candidates, BED6)
    assert len(labels) == N_LABELLED
    assert len(candidates) == N_CANDIDATES
    assert labels["name"].tolist() == demo.truth_labels["label"].tolist()
    assert candidates["name"].tolist() == demo.truth_candidates["name"].tolist()
    assert labels["name"].value_counts().to_dict() == dict.fromkeys(CLASSES, N_LABELLED // 5)
    for rows, truth in ((labels, demo.truth_labels), (candidates, demo.truth_candidates)):
        assert (
            rows[["chrom", "start", "end"]].to_numpy().tolist()
            == truth[["chrom", "start", "end"]].to_numpy().tolist()
        )
        assert (rows["end"] - rows["start"] == 1_000).all()
    assert set("".join(chromosomes.values())) == set("ACGT")


def test_regions_do_not_meet_even_when_shifted_by_twenty_bases(
    demo: DemoGenome, chromosomes: dict[str, str]
) -> None:
    regions = pd.concat([demo.truth_labels, demo.truth_candidates]).sort_values(["chrom", "start"])
    for chrom, here in regions.groupby("chrom"):
        assert (here["start"].to_numpy()[1:] - here["end"].to_numpy()[:-1]).min() >= 100
        assert here["start"].min() >= 5_000
        assert here["end"].max() <= len(chromosomes[chrom]) - 5_000


def test_openness_is_whole_counts_and_follows_the_truth(
    demo: DemoGenome, chromosomes: dict[str, str]
) -> None:
    peaks = []
    for path in demo.openness:
        with pyBigWig.open(str(path)) as track:
            assert track.chroms() == {name: len(text) for name, text in chromosomes.items()}
            values = track.intervals("chr1")
            assert all(value == int(value) > 0 for _, _, value in values)
            summits = [
                np.nan_to_num(track.values(row.chrom, row.start + 450, row.start + 550, numpy=True)).mean()
                for row in tuples_of(demo.truth_labels)
            ]
            peaks.append(np.array(summits))
    first, second = peaks
    assert not np.array_equal(first, second)  # two replicates
    # A bump of s.d. 150 bp keeps 0.98 of its height on average within 50 bp of the summit; 0.3 stray reads.
    expected = 0.3 + 0.98 * demo.truth_labels["reads"]
    assert np.abs((first + second) / 2 - expected).mean() < 1.0
    assert np.corrcoef(first, expected)[0, 1] > 0.95


def test_loops_over_a_region_are_as_many_as_the_truth_says(demo: DemoGenome) -> None:
    loops = read_rows(demo.loops, BEDPE)
    assert (loops["chrom1"] == loops["chrom2"]).all()
    assert (loops["start1"] < loops["start2"]).all()
    ends = pd.concat(
        [
            loops[["chrom1", "start1"]].set_axis(["chrom", "start"], axis=1),
            loops[["chrom2", "start2"]].set_axis(["chrom", "start"], axis=1),
        ]
    )
    counts = ends.value_counts()
    regions = pd.concat([demo.truth_labels, demo.truth_candidates])
    found = [counts.get((row.chrom, row.start), 0) for row in tuples_of(regions)]
    assert found == regions["loops"].tolist()
    means = demo.truth_labels.groupby("label")["loops"].mean()
    assert means["insulator"] > 2 > 1.2 > means["enhancer"] > 0.5 > means["silencer"]


def test_blacklist_overlaps_the_candidates_that_the_truth_names(demo: DemoGenome) -> None:
    blacklist = read_rows(demo.blacklist, ["chrom", "start", "end"])
    regions = pd.concat([demo.truth_candidates, demo.truth_labels.assign(blacklisted=False)])
    hit = [
        bool(
            (
                (blacklist["chrom"] == r.chrom) & (blacklist["start"] < r.end) & (blacklist["end"] > r.start)
            ).any()
        )
        for r in tuples_of(regions)
    ]
    assert hit == regions["blacklisted"].tolist()
    assert sum(hit) == len(blacklist) == 5


def test_gtf_has_canonical_transcripts_that_do_not_start_at_the_genes_edge(demo: DemoGenome) -> None:
    rows = gtf_rows(demo)
    assert demo.genes.read_text().split() == [gene.name for gene in GENES]
    assert (rows["gene_type"] == "protein_coding").all()
    assert (
        rows.groupby("gene_name")["feature"].value_counts().unstack().to_numpy().tolist() == [[4, 1, 2]] * 7
    )
    canonical = rows[(rows["feature"] == "transcript") & rows["attributes"].str.contains("Ensembl_canonical")]
    genes = rows[rows["feature"] == "gene"].set_index("gene_name")
    assert len(canonical) == 7
    for row in tuples_of(canonical):
        gene = genes.loc[row.gene_name]
        assert re.fullmatch(r"ENSG\d{11}\.\d", row.gene_id)
        assert re.fullmatch(r"ENST\d{11}\.\d", row.transcript_id)
        if row.strand == "+":
            assert (row.start - gene["start"], gene["end"] - row.end) == (300, 0)
        else:
            assert (gene["end"] - row.end, row.start - gene["start"]) == (300, 0)


def test_gene_windows_lie_inside_their_chromosome_and_apart(
    demo: DemoGenome, chromosomes: dict[str, str]
) -> None:
    rows = gtf_rows(demo)
    middles = rows[rows["attributes"].str.contains("Ensembl_canonical") & (rows["feature"] == "transcript")]
    for chrom, here in middles.groupby("chrom"):
        tss = np.sort(np.where(here["strand"] == "+", here["start"] - 1, here["end"] - 1))
        assert tss[0] >= L // 2
        assert tss[-1] + L // 2 < len(chromosomes[chrom])
        assert (np.diff(tss) > L).all()


def test_labels_follow_planted_motifs(demo: DemoGenome, chromosomes: dict[str, str]) -> None:
    truth = pd.concat([demo.truth_labels, demo.truth_candidates])
    for row in tuples_of(truth):
        expected = dict.fromkeys(CLASSES[:4], 0)
        if row.label != "background":
            expected[row.label] = row.hits
        if row.decoy:
            expected[row.decoy] += 1
        assert count_motifs(chromosomes[row.chrom][row.start : row.end]) == list(expected.values())
    hits = demo.truth_labels.groupby("label")["hits"]
    assert hits.max().to_dict() == {"background": 0} | dict.fromkeys(CLASSES[:4], 8)
    lacking = (demo.truth_labels.query("label != 'background'")["hits"] == 0).mean()
    assert 0.04 < lacking < 0.12  # 8 % of the elements have no motif
    decoys = (demo.truth_labels.query("label == 'background'")["decoy"] != "").mean()
    assert 0.03 < decoys < 0.19  # 10 % of 100 background regions have one


def test_no_motif_lies_outside_a_region(demo: DemoGenome, chromosomes: dict[str, str]) -> None:
    truth = pd.concat([demo.truth_labels, demo.truth_candidates])
    planted = truth["hits"].sum() + (truth["decoy"] != "").sum()
    assert sum(sum(count_motifs(text)) for text in chromosomes.values()) == planted


def macro_auroc(features: np.ndarray, labels: np.ndarray) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    scores = cross_val_predict(model, features, labels, cv=5, method="predict_proba")
    return float(roc_auc_score(labels, scores, multi_class="ovr"))


@pytest.mark.long
def test_labels_are_recovered_from_all_modalities_only_and_not_when_shuffled(
    demo: DemoGenome, chromosomes: dict[str, str]
) -> None:
    truth = demo.truth_labels
    motifs = np.array([count_motifs(chromosomes[r.chrom][r.start : r.end]) for r in tuples_of(truth)])
    loops = read_rows(demo.loops, BEDPE)
    ends = pd.concat(
        [
            loops["chrom1"] + ":" + loops["start1"].astype(str),
            loops["chrom2"] + ":" + loops["start2"].astype(str),
        ]
    )
    looped = (truth["chrom"] + ":" + truth["start"].astype(str)).map(ends.value_counts()).fillna(0).to_numpy()
    with pyBigWig.open(str(demo.openness[0])) as track:
        reads = [
            np.nan_to_num(track.values(r.chrom, r.start, r.end, numpy=True)).mean() for r in tuples_of(truth)
        ]
    opened = np.log10(np.array(reads) + 1)
    features = np.column_stack([np.minimum(motifs, 3), opened, looped])
    labels = truth["label"].to_numpy(dtype=str)

    everything = macro_auroc(features, labels)
    assert everything > 0.97
    assert macro_auroc(features[:, :4], labels) < everything - 0.01  # sequence only
    assert macro_auroc(features[:, 4:5], labels) < 0.85  # openness only
    assert macro_auroc(features[:, 5:], labels) < 0.75  # loops only
    assert macro_auroc(features[:, 4:], labels) < 0.90  # both tracks without sequence
    shuffled = np.random.default_rng(0).permutation(labels)
    assert 0.42 < macro_auroc(features, shuffled) < 0.58
