"""How well the hard set can be told at all: boosted trees that are given its grammar, from its input files.

    python benchmarks/hard_ceiling.py OUT [--folds 5]

OUT is a folder of `hard_set.py`. It scans for the motifs it knows, so no model that has to learn them should
do better; without the order of pairs it shows what counting motifs is worth. Whole chromosomes are tested.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from hard_grammar import GAP, MOTIFS
from hard_set import DEPTH
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from raycre.create.evaluation.metrics import auprc, auroc, macro
from raycre.genome.classes import CLASSES
from raycre.genome.features import SignalPaths, Signals, Wide
from raycre.genome.regions import read_labels

MISMATCHES = 1  # of a site that is still counted
CHUNK = 2_000  # regions


def sites(codes: NDArray[np.uint8], motif: str) -> NDArray[np.bool_]:
    """Where `motif` starts, up to MISMATCHES allowed: bool (n, width) from uint8 codes (n, width)."""
    n, width = codes.shape
    wrong = np.zeros((n, width - len(motif) + 1), np.int8)
    for i, base in enumerate(motif):
        wrong += codes[:, i : i + wrong.shape[1]] != "ACGT".index(base)
    found = np.zeros((n, width), bool)
    found[:, : wrong.shape[1]] = wrong <= MISMATCHES
    return found


def pairs(first: NDArray[np.bool_], second: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """Count sites of `second` that begin GAP bp behind a site of `first` of `length` bp: int64 (n,)."""
    near = np.zeros_like(first)
    for gap in range(GAP[0], GAP[1] + 1):
        step = length + gap
        near[:, :-step] |= second[:, step:]
    return (first & near).sum(axis=1)


def sequence_features(codes: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (counts, order): motif counts and share of G+C (n, 9); pairs A-B and B-A (n, 2)."""
    strands = [codes, 3 - codes[:, ::-1]]
    found = [{name: sites(strand, text) for name, text in MOTIFS.items()} for strand in strands]
    counts = [sum(strand[name].sum(axis=1) for strand in found) for name in MOTIFS]
    gc = ((codes == 1) | (codes == 2)).mean(axis=1)
    order = [sum(pairs(strand[a], strand[b], len(MOTIFS[a])) for strand in found) for a, b in ("AB", "BA")]
    return np.column_stack([*counts, gc]), np.column_stack(order).astype(float)


def track_features(track: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logarithms of the mean over the whole region, and over tenths of it: float64 (n, 11)."""
    tenths = track.reshape(len(track), 10, -1).mean(axis=2)
    return np.log10(np.column_stack([track.mean(axis=1), tenths]).astype(np.float64) + 1)


def read_features(folder: Path) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64], pd.Series]:
    """Read a hard set's files; return features by setting, int64 labels and chromosomes, a row a region."""
    openness = tuple(folder / name for name in DEPTH)
    signals = Signals(SignalPaths(folder / "genome.fa", openness, folder / "loops.bedpe"))
    table = read_labels(folder / "labels.bed", sizes=signals.fasta.sizes).table
    parts = []
    for start in range(0, len(table), CHUNK):
        wide: Wide = signals.read_wide(table.iloc[start : start + CHUNK], 0)
        assert wide.openness is not None
        assert wide.loops is not None
        counts, order = sequence_features(wide.codes)
        parts.append((counts, order, track_features(wide.openness), track_features(wide.loops)))
    counts, order, opened, looped = (np.concatenate(part) for part in zip(*parts, strict=True))
    settings = {
        "sequence, motifs counted": [counts],
        "sequence, order of pairs": [counts, order],
        "openness": [opened],
        "loops": [looped],
        "openness and loops": [opened, looped],
        "sequence and openness": [counts, order, opened],
        "all, motifs counted": [counts, opened, looped],
        "all": [counts, order, opened, looped],
    }
    features = {name: np.hstack(chosen) for name, chosen in settings.items()}
    return features, table["label"].to_numpy(np.int64), table["chrom"]


def main() -> None:
    """Print macro auROC and auPRC, and auPRC by class, of each choice of features."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="a folder of hard_set.py")
    parser.add_argument("--folds", type=int, default=5)
    given = parser.parse_args()
    features, labels, chrom = read_features(given.out)
    models = {
        "trees": HistGradientBoostingClassifier(max_iter=100, learning_rate=0.1, random_state=0),
        "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)),
    }
    print("| features | model | auROC | auPRC | " + " | ".join(CLASSES) + " |")
    print("|---" * (4 + len(CLASSES)) + "|")
    for name, x in features.items():
        for kind, model in models.items():
            p = cross_val_predict(
                model, x, labels, groups=chrom, cv=GroupKFold(given.folds), method="predict_proba"
            )
            by_class = auprc(labels, p)
            cells = [f"{v:.3f}" for v in (macro(auroc(labels, p)), macro(by_class), *by_class)]
            print(f"| {name} | {kind} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
