"""One table of several trainings: macro scores, what each loses against one of them, and by class.

    python benchmarks/create_evidence.py RUN RUN ... [--baseline full] [--out DIR]

A run is a folder of `raycre train` or of train_reference.py; its name is the setting's. It reads their
summary/metrics.parquet and knows nothing of how they were made.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.create.evaluation.comparison import compare
from raycre.create.evaluation.names import AUPRC, MACRO
from raycre.errors import ConfigError, MissingInputError, RunMismatchError
from raycre.genome.classes import CLASSES
from raycre.store.files import write_atomic, write_json
from raycre.store.parquet import read_table

METRICS = ("auroc", "auprc", "f1")
SAME = ("label", "fold")  # arrays of a run's inputs: equal in all runs, or folds cannot be paired


def _by_class(metrics: pd.DataFrame) -> pd.DataFrame:
    """Mean and population s.d. of auPRC over folds: setting, class, mean, sd, n_folds."""
    rows = metrics[(metrics["metric"] == AUPRC) & (metrics["class"] != MACRO)]
    grouped = rows.groupby(["setting", "class"], sort=False)["value"]
    return grouped.agg(mean="mean", sd=lambda v: v.std(ddof=0), n_folds="count").reset_index()


def read_settings(runs: list[Path]) -> pd.DataFrame:
    """Read the metrics of every run: setting (the folder's name), fold, class, metric, value.

    Raises:
        ConfigError: two folders of one name.
        MissingInputError, FormatError: a run without metrics.
    """
    names = [run.resolve().name for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError("two runs of this name; the name is the setting's", value=name)
    tables = [read_table(run / "summary" / "metrics.parquet").to_pandas() for run in runs]
    return pd.concat([t.assign(setting=n) for t, n in zip(tables, names, strict=True)], ignore_index=True)


def unpaired(runs: list[Path], baseline: Path) -> list[str]:
    """Return the runs of which it cannot be seen whether their folds are the baseline's.

    Raises:
        RunMismatchError: labels or folds are others: a test that pairs folds would be wrong.
    """
    unknown = []
    for run in runs:
        for name in SAME:
            mine, theirs = (folder / "inputs" / f"{name}.npy" for folder in (run, baseline))
            if not (mine.is_file() and theirs.is_file()):
                unknown.append(run.resolve().name)
                break
            if not np.array_equal(np.load(mine), np.load(theirs)):
                raise RunMismatchError(
                    f"its {name}s are not those of {baseline.resolve().name}: train all settings on the same "
                    "labels with the same seed and folds",
                    path=run,
                )
    return unknown


def markdown(found: pd.DataFrame, classes: pd.DataFrame, baseline: str) -> str:
    """Return both tables as text: one row a setting."""
    metrics = list(dict.fromkeys(found["metric"]))
    heads = [f"{m} | difference | p" for m in metrics]
    lines = [f"| setting | folds | {' | '.join(heads)} |", "|---" * (2 + 3 * len(metrics)) + "|"]
    for setting, rows in found.groupby("setting", sort=False):
        by_metric = rows.set_index("metric")
        cells = [str(setting), str(rows["n_folds"].max())]
        for metric in metrics:
            r = by_metric.loc[metric]
            plain = setting == baseline
            gain, p = ("", "") if plain else (f"{r['difference']:+.3f}", f"{r['p_value']:.2g}")
            cells += [f"{r['mean']:.3f} ± {r['sd']:.3f}", gain, p]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"Mean ± s.d. over folds; difference to `{baseline}` over common folds; p: one-sided paired Wilcoxon "
        f"signed-rank test that `{baseline}` is greater.",
        "",
        f"| auPRC | {' | '.join(CLASSES)} |",
        "|---" * (1 + len(CLASSES)) + "|",
    ]
    for setting, rows in classes.groupby("setting", sort=False):
        by_name = rows.set_index("class")
        cells = [f"{by_name.loc[c, 'mean']:.3f} ± {by_name.loc[c, 'sd']:.3f}" for c in CLASSES]
        lines.append(f"| {setting} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def collect(
    runs: list[Path], baseline: str | None = None, metrics: tuple[str, ...] = METRICS
) -> dict[str, Any]:
    """Return the tables: "comparison" and "by_class" (frames), "baseline", "folds_not_checked" (settings).

    Args:
        baseline: the setting held to be best; the first run's without a name.

    Raises:
        InputError: runs that cannot be compared.
    """
    every = read_settings(runs)
    names = {run.resolve().name: run for run in runs}
    baseline = baseline or next(iter(names))
    wanted = every[every["metric"].isin(metrics)]
    found = compare(wanted, baseline)
    if found.empty:
        raise MissingInputError(f"no metric of {', '.join(metrics)} in these runs", path=runs[0])
    return {
        "baseline": baseline,
        "comparison": found,
        "by_class": _by_class(every),
        "folds_not_checked": unpaired(runs, names[baseline]),
    }


def main() -> None:
    """Print the tables; with --out, also write evidence.md and evidence.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--baseline", help="the setting to compare with; the first run if left out")
    parser.add_argument("--metrics", nargs="+", default=list(METRICS))
    parser.add_argument("--out", type=Path, help="folder for evidence.md and evidence.json")
    given = parser.parse_args()
    tables = collect(given.runs, given.baseline, tuple(given.metrics))
    text = markdown(tables["comparison"], tables["by_class"], tables["baseline"])
    if tables["folds_not_checked"]:
        text += f"\nNot checked to be of the same folds: {', '.join(tables['folds_not_checked'])}.\n"
    print(text)
    if given.out:
        write_atomic(given.out / "evidence.md", lambda path: path.write_text(text))
        frames = {k: v.to_dict("records") if isinstance(v, pd.DataFrame) else v for k, v in tables.items()}
        write_json(given.out / "evidence.json", frames)


if __name__ == "__main__":
    main()
