"""What a reader sees first of a run: what was run on what, and its main numbers with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from raycre.figures.blocks import counted, share, shown
from raycre.figures.header import model_label
from raycre.report.rows import CALLED

_Z = 1.959964  # of a 95% interval
_NAMES = {"auroc": "auROC", "auprc": "auPRC", "accuracy": "accuracy", "f1": "F1"}
_MODELS = {"create": "CREATE"}


@dataclass(frozen=True)
class Headline:
    """The summary of a run: a sentence, and numbers (value, what it is, how sure it is)."""

    sentence: str
    numbers: list[tuple[str, str, str]]


def headline(
    record: Mapping[str, Any], rows: pd.DataFrame | None = None, genes: pd.DataFrame | None = None
) -> Headline:
    """Return what a run has found.

    Args:
        record: its run.json.
        rows: regions of a prediction, tiles of a CREME run, as `report.rows` has them.
        genes: of a CREME run.
    """
    sentence, numbers = _TOLD[record["verb"]](record, rows, genes)
    return Headline(sentence, numbers)


def interval(k: int, n: int) -> tuple[float, float]:
    """Return the 95% interval of a share, k of n, by Wilson's score (Wilson 1927, JASA 22:209)."""
    p, z2 = k / n, _Z * _Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def run_labels(names: list[str], folders: list[Path]) -> list[str]:
    """Return the runs' names, those that several have with as much of the folder as tells them apart."""
    labels = []
    for name, folder in zip(names, folders, strict=True):
        twins = [f for n, f in zip(names, folders, strict=True) if n == name and f is not folder]
        if not twins:
            labels.append(name)
            continue
        parts = folder.parts
        for depth in range(1, len(parts) + 1):
            tail = parts[-depth:]
            if all(twin.parts[-depth:] != tail for twin in twins):
                break
        same = sum(f == folder for f in folders[: len(labels)])
        labels.append(f"{name} ({'/'.join(tail)}{f', {same + 1}' if same else ''})")
    return labels


def _file(record: Mapping[str, Any], key: str) -> str:
    given = (record.get("config", {}).get("inputs") or {}).get(key)
    given = given if isinstance(given, list) else [given]
    return ", ".join(str(path).rstrip("/").rpartition("/")[2] for path in given if path)


def _from(record: Mapping[str, Any], *pairs: tuple[str, str]) -> str:
    """Return the inputs that a run has, each after its word: ' of a.fa, with b.bw'."""
    named = ((word, _file(record, key)) for word, key in pairs)
    return "".join(f" {word} {name}" for word, name in named if name)


_Told = tuple[str, list[tuple[str, str, str]]]


def _trained(record: Mapping[str, Any], rows: Any, genes: Any) -> _Told:
    model = record.get("config", {}).get("model") or {}
    kind = str(model.get("kind", "create")) if isinstance(model, dict) else str(model)
    regions = record.get("regions", {}).get("kept")
    folds = record.get("folds_done")
    sentence = (
        f"{_MODELS.get(kind, kind)} was trained on "
        f"{counted(regions, 'labelled region') if regions is not None else 'labelled regions'}"
        f"{_from(record, ('of', 'labels'), ('on', 'fasta'), ('with', 'openness'), ('and', 'loops'))}"
        + (f", in {counted(len(folds), 'fold')}." if folds else ".")
    )
    over = f"mean ± s.d. of {counted(len(folds), 'fold')}" if folds and len(folds) > 1 else "one fold"
    numbers = [
        (
            f"{value['mean']:.3f}" + (f" ± {value['sd']:.3f}" if folds and len(folds) > 1 else ""),
            f"{_NAMES[metric]} on held-out regions",
            over,
        )
        for metric, value in (record.get("metrics") or {}).items()
        if metric in _NAMES
    ]
    return sentence, numbers


def _classified(record: Mapping[str, Any], rows: pd.DataFrame | None, genes: Any) -> _Told:
    n = 0 if rows is None else len(rows)
    folds = record.get("identity", {}).get("folds")
    checkpoint = str((record.get("config", {}).get("model") or {}).get("checkpoint", ""))
    by = checkpoint.rstrip("/").rpartition("/")[2]
    who = f"{counted(len(folds), 'fold')} of {by}" if isinstance(folds, list) and by else by or "The model"
    sentence = (
        f"{who} classified {counted(n, 'region')}"
        f"{_from(record, ('of', 'regions'), ('on', 'fasta'), ('with', 'openness'), ('and', 'loops'))}."
    )
    if rows is None or not n:
        return sentence, []
    rates = {c["class"]: c for c in record.get("cutoffs", []) if c.get("cutoff") is not None}
    counts = rows["call"].value_counts()
    numbers = []
    for name in (c for c in rates or counts.index if c != "background"):
        called = int(counts.get(name, 0))
        text = f"{share(called, n)} of regions"
        rate = rates.get(name, {})
        if rate.get("expected_fpr") is not None:
            others = n - called
            chance, error = rate["expected_fpr"] * others, (rate.get("standard_error") or 0) * others
            text += f"; of other classes up to {chance:,.0f}" + (f" ± {error:,.0f}" if error else "")
            text += " are expected among them"
        numbers.append((f"{called:,}", f"{name}s", text))
    background = int(counts.get("background", 0))
    if background:
        numbers.append((f"{background:,}", "background", f"{share(background, n)}: no cutoff reached"))
    return sentence, numbers


def _perturbed(record: Mapping[str, Any], rows: pd.DataFrame | None, genes: pd.DataFrame | None) -> _Told:
    n_genes = 0 if genes is None else genes["id"].nunique()
    tracks = 0 if genes is None else genes["track"].nunique()
    model = f"The model {model_label(record)}".rstrip()
    refused = len(record.get("refused", []))
    sentence = (
        f"{model} perturbed {counted(n_genes, 'gene')}"
        f"{_from(record, ('of', 'genes'), ('on', 'fasta'))}, read on {counted(tracks, 'track')}"
        + (f"; {counted(refused, 'gene')} refused" if refused else "")
        + "."
    )
    numbers: list[tuple[str, str, str]] = []
    if rows is None or genes is None or not len(rows):
        return sentence, numbers
    for test, mine in rows.groupby("test", sort=False):
        known = mine[mine["call"].isin([*CALLED, "neither"])]
        for call in CALLED if len(known) else ():
            k = int((known["call"] == call).sum())
            low, high = interval(k, len(known))
            sure = f"of {len(known):,}: {share(k, len(known))}, 95% interval {low:.1%} to {high:.1%}"
            numbers.append((f"{k:,}", f"{call} tiles by {test}", sure))
    called = genes.loc[genes["found"] == "some", "gene"].nunique()
    numbers.append((f"{called:,}", "genes with a called tile", f"of {genes['gene'].nunique():,}"))
    if rows["effect"].notna().any():
        top = rows.iloc[int(rows["effect"].abs().fillna(-1).to_numpy().argmax())]
        spread = f" ± {shown(float(top['sd']))} (s.d. over shuffles)" if pd.notna(top["sd"]) else ""
        place = f"{top['chrom']}:{top['start']:,}-{top['end']:,}"
        numbers.append((shown(float(top["effect"])), "strongest effect", f"{top['gene']}, {place}{spread}"))
    return sentence, numbers


def _swept(record: Mapping[str, Any], rows: Any, genes: Any) -> _Told:
    words = (
        [f"{counted(record['runs'], 'setting')} were trained"]
        if "runs" in record
        else ["Settings are trained"]
    )
    return words[0] + _from(record, ("on regions of", "labels"), ("on", "fasta")) + ".", []


def _prepared(record: Mapping[str, Any], rows: Any, genes: Any) -> _Told:
    numbers = [(f"{len(record['files']):,}", "files written", "")] if record.get("files") else []
    return "Labels, candidates and background were made from peaks and databases.", numbers


_TOLD: Mapping[str, Callable[[Mapping[str, Any], Any, Any], _Told]] = {
    "train": _trained,
    "sweep": _swept,
    "predict": _classified,
    "creme": _perturbed,
    "prepare": _prepared,
}
