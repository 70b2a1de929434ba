"""Ways to call regions by several folds: what false positive rate each has on regions that no fold has seen.

    python benchmarks/hard_set.py hard --regions 20000 --seed 0          # train ten folds on it: RUN
    python benchmarks/hard_set.py held-out --regions 30000 --seed 1
    python benchmarks/hard_set.py calibration --regions 1000 --seed 2    # as 5 % that no fold trains on
    python benchmarks/ensemble_calls.py RUN held-out calibration --out OUT

Every way is to keep the rate of each class at 0.01. Probabilities are kept in OUT; a run that was cut off
goes on. The first table gives rate and sensitivity of each class (FPR / TPR) by its own cutoff, the second
those of calls, as a region is called one class. The last line says how far a calibration set goes astray: the
draw is cut into sets of that size, and each sets cutoffs for the rest.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from hard_set import DEPTH
from numpy.typing import NDArray

from raycre.create.inference.checkpoints import HELD_OUT, WEIGHTS, fold_folder
from raycre.create.inference.cutoffs import CALLABLE, MAX_FPR, cutoffs, ensemble_cutoffs
from raycre.create.inference.ensemble import Ensemble
from raycre.create.layout import CLASSES
from raycre.create.model.weight_files import read_model
from raycre.create.views import flank_of
from raycre.genome.features import SignalPaths, Signals
from raycre.genome.regions import read_labels
from raycre.store.files import write_atomic, write_json
from raycre.store.parquet import read_table

CHUNK = 512  # regions
ELEMENTS = CLASSES[:CALLABLE]
MEDIAN = "median of folds"
Floats = NDArray[np.floating]


class Draw(NamedTuple):
    """Labelled regions that no fold has seen: int64 (n,), and float32 (folds, n, 5)."""

    labels: NDArray[np.int64]
    probabilities: Floats


class HeldOut(NamedTuple):
    """Regions of a training by the fold that tests on them.

    labels: int64 (n,). pairs: float32 (n, 2, 5), of the fold that validates and of the one that tests.
    tested: int64 (n,), that fold's number.
    """

    labels: NDArray[np.int64]
    pairs: Floats
    tested: NDArray[np.int64]

    def validation(self, fold: int, n: int) -> tuple[NDArray[np.int64], Floats]:
        """Labels and probabilities of a fold's own validation regions."""
        mine = self.tested == (fold + 1) % n
        return self.labels[mine], self.pairs[mine, 0]


def read_draw(folder: Path) -> tuple[Signals, pd.DataFrame]:
    """Open a set that hard_set.py has written: its signals, and its labelled regions."""
    openness = tuple(folder / name for name in DEPTH)
    signals = Signals(SignalPaths(folder / "genome.fa", openness, folder / "loops.bedpe"))
    return signals, read_labels(folder / "labels.bed", sizes=signals.fasta.sizes).table


def predict_draw(run: Path, folder: Path, n_folds: int, n_views: int, out: Path) -> Draw:
    """Return what every fold says of a draw; read what an earlier call has kept."""
    signals, table = read_draw(folder)
    found = []
    for fold in range(n_folds):
        path = out / f"{folder.resolve().name}-fold={fold}.npy"
        if not path.is_file():
            model = read_model(fold_folder(run, fold) / WEIGHTS)
            one = Ensemble([model], np.full(len(CLASSES), np.nan), n_views)
            chunks = list(predict_chunks(one, signals, table))
            write_atomic(path, partial(save, np.concatenate(chunks)))
        found.append(np.load(path))
    return Draw(table["label"].to_numpy(np.int64), np.stack(found))


def predict_chunks(one: Ensemble, signals: Signals, table: pd.DataFrame) -> Iterator[Floats]:
    """Yield float32 (up to CHUNK, 5) in the order of the regions."""
    flank = flank_of(len(one.views.is_rc))
    for first in range(0, len(table), CHUNK):
        wide = signals.read_wide(table.iloc[first : first + CHUNK], flank)
        yield one.predict(*wide, first=first).mean


def save(array: Floats, path: Path) -> None:
    """Write an array under a name that need not end in .npy."""
    with path.open("wb") as handle:
        np.save(handle, array)


def read_held_out(run: Path, n: int) -> HeldOut:
    """Read what every fold of a training says of its validation and its test regions."""
    columns = [f"p_{c}" for c in CLASSES]
    tables = [read_table(fold_folder(run, k) / HELD_OUT).to_pandas() for k in range(n)]
    parts = []
    for k in range(n):
        before, here = (t.sort_values("region_id") for t in (tables[(k - 1) % n], tables[k]))
        validated, tested = before[before["set"] == "validation"], here[here["set"] == "test"]
        assert np.array_equal(validated["region_id"], tested["region_id"])
        labels = pd.Index(CLASSES).get_indexer(pd.Index(tested["label"]))
        pairs = np.stack([rows[columns].to_numpy(np.float32) for rows in (validated, tested)], axis=1)
        parts.append((labels, pairs, np.full(len(labels), k)))
    return HeldOut(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


class Rule(NamedTuple):
    """A way to call: float (n, 4) scores of a draw, float (4,) smallest score of a call."""

    scores: Floats
    least: Floats


def rules_of(held_out: HeldOut, draw: Draw, calibration: Draw) -> dict[str, Rule]:
    """Return every way to call the regions of a draw by all folds."""
    n = len(draw.probabilities)
    own = [held_out.validation(k, n) for k in range(n)]
    singles = np.stack([cutoffs(*rows).thresholds for rows in own])
    mean = draw.probabilities.mean(axis=0)[:, :CALLABLE]
    votes = (draw.probabilities >= singles[:, None]).sum(axis=0)[:, :CALLABLE]
    rates = np.stack(
        [rates_of(*rows, of_draw) for rows, of_draw in zip(own, draw.probabilities, strict=True)]
    )
    at_rate = np.full(CALLABLE, -MAX_FPR)
    joint = ensemble_cutoffs(held_out.labels, held_out.pairs, n).thresholds
    pairs = ensemble_cutoffs(held_out.labels, held_out.pairs, 2).thresholds
    set_apart = cutoffs(calibration.labels, calibration.probabilities.mean(axis=0)).thresholds
    oracle = cutoffs(draw.labels, draw.probabilities.mean(axis=0)).thresholds
    return {
        "1 mean probability, averaged cutoffs": Rule(mean, singles.mean(axis=0)[:CALLABLE]),
        "2 calls of folds, more than half": Rule(votes, np.full(CALLABLE, n // 2 + 1)),
        "2 calls of folds, half or more": Rule(votes, np.full(CALLABLE, (n + 1) // 2)),
        "3 validation FPR, arithmetic mean": Rule(-rates.mean(axis=0), at_rate),
        "3 validation FPR, geometric mean": Rule(-np.exp(np.log(rates).mean(axis=0)), at_rate),
        "3 validation FPR, harmonic mean": Rule(-1 / (1 / rates).mean(axis=0), at_rate),
        "3 validation FPR, median": Rule(-np.median(rates, axis=0), at_rate),
        f"4 calibration set of {len(calibration.labels):,}": Rule(mean, set_apart[:CALLABLE]),
        "5 held-out pairs, cutoffs of two": Rule(mean, pairs[:CALLABLE]),
        "5 held-out pairs, carried on to all folds": Rule(mean, joint[:CALLABLE]),
        "(cutoffs set on the draw itself)": Rule(mean, oracle[:CALLABLE]),
    }


def rates_of(labels: NDArray[np.int64], validation: Floats, scores: Floats) -> Floats:
    """Turn probabilities into the rates of false positives that cutoffs there have on validation regions.

    A rate is (r + 1) / (n + 1), with r of the n regions of other classes at or above the score: the chance of
    as high a score of a region of another class. Above all n it falls in a straight line, to 0 at 1.

    Args:
        labels: (n,), of validation regions.
        validation: (n, 5).
        scores: (m, 5).

    Returns:
        float64 (m, 4).
    """
    columns = []
    for label in range(CALLABLE):
        others = np.sort(validation[labels != label, label])
        n = len(others)
        rate = (n - np.searchsorted(others, scores[:, label], side="left") + 1) / (n + 1)
        room = max(1 - float(others[-1]), 1e-7)
        beyond = np.clip((1 - scores[:, label].astype(np.float64)) / room, 1e-6, 1)
        columns.append(np.where(scores[:, label] > others[-1], rate * beyond, rate))
    return np.column_stack(columns)


def passing(rule: Rule) -> NDArray[np.bool_]:
    """Whether regions reach the classes' cutoffs: bool (n, 4)."""
    return rule.scores >= rule.least


def called(rule: Rule) -> NDArray[np.bool_]:
    """Which class regions are called, one at most: bool (n, 4)."""
    margin = rule.scores - rule.least
    best = margin.argmax(axis=1)
    return (np.arange(CALLABLE) == best[:, None]) & (margin.max(axis=1) >= 0)[:, None]


def measured(positive: NDArray[np.bool_], labels: NDArray[np.int64]) -> Floats:
    """Return FPR and TPR by class: float64 (4, 2)."""
    return np.array(
        [[positive[labels != c, c].mean(), positive[labels == c, c].mean()] for c in range(CALLABLE)]
    )


def table_of(
    held_out: HeldOut, draw: Draw, calibration: Draw, take: Callable[[Rule], NDArray[np.bool_]]
) -> dict[str, Floats]:
    """Return FPR and TPR by class of every fold, of their median, and of every rule: float64 (4, 2)."""
    n = len(draw.probabilities)
    folds, exact = [], []
    for k in range(n):
        scores = draw.probabilities[k, :, :CALLABLE]
        own = cutoffs(*held_out.validation(k, n)).thresholds[:CALLABLE]
        here = cutoffs(draw.labels, draw.probabilities[k]).thresholds[:CALLABLE]
        folds.append(measured(take(Rule(scores, own)), draw.labels))
        exact.append(measured(take(Rule(scores, here)), draw.labels))
    rows = {f"fold {k}": found for k, found in enumerate(folds)}
    rows[MEDIAN] = np.median(folds, axis=0)
    rows["median of folds, cutoffs set on the draw itself"] = np.median(exact, axis=0)
    rules = rules_of(held_out, draw, calibration)
    return rows | {name: measured(take(rule), draw.labels) for name, rule in rules.items()}


def stray(draw: Draw, size: int) -> Floats:
    """Return the rates that cutoffs of calibration sets of `size` regions have on the rest: (sets, 4)."""
    mean = draw.probabilities.mean(axis=0)
    order = np.random.default_rng(0).permutation(len(mean))
    found = []
    for first in range(0, len(mean) - size + 1, size):
        here = np.zeros(len(mean), bool)
        here[order[first : first + size]] = True
        least = cutoffs(draw.labels[here], mean[here]).thresholds[:CALLABLE]
        found.append(measured(mean[~here, :CALLABLE] >= least, draw.labels[~here])[:, 0])
    return np.stack(found)


def markdown(rows: dict[str, Floats], labels: NDArray[np.int64]) -> str:
    """Return one table: a row a way, a column a class."""
    lines = [f"| | {' | '.join(ELEMENTS)} |", "|---" * (1 + CALLABLE) + "|"]
    for name, found in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{fpr:.4f} / {tpr:.3f}" for fpr, tpr in found) + " |")
    n = [(int((labels != c).sum()), int((labels == c).sum())) for c in range(CALLABLE)]
    errors = [
        f"± {error(MAX_FPR, others):.4f} / ± {error(tpr, own):.3f}"
        for (others, own), tpr in zip(n, rows[MEDIAN][:, 1], strict=True)
    ]
    lines.append(f"| standard error at 0.01, and at the median fold's TPR | {' | '.join(errors)} |")
    lines.append(f"| regions | {' | '.join(f'{others:,} / {own:,}' for others, own in n)} |")
    return "\n".join(lines) + "\n"


def error(rate: float, n: int) -> float:
    """Return the standard error of a share of n regions."""
    return float(np.sqrt(rate * (1 - rate) / n))


def main() -> None:
    """Print the tables, and write them to OUT."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a training of several folds")
    parser.add_argument("held_out", type=Path, help="a draw of hard_set.py with another seed")
    parser.add_argument("calibration", type=Path, help="a small draw with a third seed")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--views", type=int, default=2, help="as many as the training validated with")
    parser.add_argument("--folds", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    calibration, draw = (
        predict_draw(given.run, folder, given.folds, given.views, given.out)
        for folder in (given.calibration, given.held_out)
    )
    held_out = read_held_out(given.run, given.folds)
    texts, values = [], {}
    for name, take in {"by its own cutoff": passing, "of calls": called}.items():
        rows = table_of(held_out, draw, calibration, take)
        texts.append(f"FPR / TPR {name}\n\n{markdown(rows, draw.labels)}")
        values[name] = {key: found.tolist() for key, found in rows.items()}
    rates = stray(draw, len(calibration.labels))
    cells = " | ".join(
        f"{m:.4f} ± {s:.4f}" for m, s in zip(rates.mean(axis=0), rates.std(axis=0), strict=True)
    )
    texts.append(
        f"FPR by {len(rates)} calibration sets of {len(calibration.labels):,}, mean ± s.d.: {cells}\n"
    )
    text = "\n".join(texts)
    print(text)
    write_atomic(given.out / "ensemble_calls.md", lambda path: path.write_text(text))
    write_json(given.out / "ensemble_calls.json", values)


if __name__ == "__main__":
    main()
