"""Tiny run folders with known contents, written through the store, for the report. No Ray, no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from raycre.demo.genome import DemoGenome
from raycre.genome.classes import CLASSES
from raycre.report.page import write_report
from raycre.store.files import sha256_of, write_json
from raycre.store.parquet import as_table, write_table
from raycre.store.run import Run, open_run
from raycre.store.schemas import EFFECTS, FOLD_PREDICTIONS, METRICS, PREDICTIONS

SHA = "0123456789abcdef" * 4


def start_run(out: Path, verb: str, name: str = "tiny", **facts: Any) -> Run:
    """A run folder as the engine opens it, not finished."""
    config = {"inputs": {"fasta": "hg19.fa", "openness": ["a.bw", "b.bw"]}}
    science = {"sha256": {"inputs.fasta": SHA, "inputs.openness[1]": SHA[::-1]}}
    run = open_run(out, verb=verb, name=name, config=config, science=science, layout={})
    run.note(**facts)
    return run


def write_training(out: Path) -> Path:
    """Two folds of five test regions, one a class; fold 1 takes the silencer for an enhancer."""
    start_run(out, "train", regions={"read": 12, "dropped_by_the_blacklist": 2, "kept": 10})
    for fold in (0, 1):
        folder = out / "folds" / f"fold={fold}"
        p = 0.8 * np.eye(5) + 0.04
        if fold == 1:
            p[0] = p[1]
        rows = pd.DataFrame({"region_id": range(10), "set": ["test"] * 5 + ["validation"] * 5})
        rows["label"] = [*CLASSES, *["silencer"] * 5]
        for i, name in enumerate(CLASSES):
            rows[f"p_{name}"] = np.concatenate([p[:, i], np.full(5, 0.2)])
        write_table(folder / "predictions.parquet", as_table(rows, FOLD_PREDICTIONS))
        history = {"epoch": [0.0, 1.0, 2.0], "loss": [1.0, 3.0, 2.0], "auprc": [np.nan, 0.5, 0.75]}
        write_table(folder / "history.parquet", pa.table(history))
        thresholds = dict.fromkeys(CLASSES, 0.625)
        write_json(
            folder / "cutoffs.json",
            {"thresholds": thresholds, "best_epoch": 2, "epochs": 3},
        )
    return out


def write_metrics(out: Path, values: list[float]) -> None:
    rows = {"fold": range(len(values)), "class": "macro", "metric": "auprc", "value": values}
    write_table(out / "summary" / "metrics.parquet", as_table(pd.DataFrame(rows), METRICS))


def prediction_rows(calls: list[str], p: list[float], name: str = "peak") -> pd.DataFrame:
    """Regions with the given call and probability of it; the most probable class is the call."""
    rows = pd.DataFrame({"region_id": range(len(calls)), "call": calls, "call_argmax": calls})
    for c in CLASSES:
        rows[f"p_{c}"] = [v if call == c else (1 - v) / 4 for call, v in zip(calls, p, strict=True)]
        rows[f"sd_{c}"] = 0.125
    return rows.assign(
        chrom="chr1", start=1000 * rows["region_id"], end=1000 * rows["region_id"] + 1000, name=name,
        strand=".", source="x", score_margin=0.25, n_views=1, n_folds=1, model_sha256=SHA,
    )  # fmt: skip


def write_prediction(out: Path) -> Path:
    start_run(out, "predict").finish()
    rows = prediction_rows(["enhancer", "enhancer", "background"], [0.9, 0.7, 0.6])
    write_table(out / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    return out


def effect_rows(
    gene: str, test: str, effects: list[float], calls: list[str | None], **more: Any
) -> pd.DataFrame:
    """Effects of 5-kb tiles upstream of a + gene whose TSS is 100,000, nearest first."""
    n = len(effects)
    end = 97_500 - 5000 * np.arange(n)
    rows = {
        "run_id": "tiny", "test": test, "model": "planted", "assembly": "hg38.fa", "gene_id": f"ID-{gene}",
        "gene_name": gene, "tss": 100_000, "strand": "+", "tile_chrom": "chr7", "tile_start": end - 5000,
        "tile_end": end, "offset_start": 0, "offset_end": 5000, "distance": end - 102_500, "round": None,
        "copies": None, "track_id": 5111, "track_name": "CNhs12336", "assay": "CAGE", "biosample": "K562",
        "wt": 2.0, "control": None, "mutant": 1.0, "sd": 0.1, "n": 10, "effect": effects,
        "metric": "(wt-mutant)/wt", "call": calls, "context": None, "context_test": None, "context_n": None,
        "search": None, "context_gene_id": None, "context_tss": None, "create_calls": None,
    }  # fmt: skip
    return pd.DataFrame(rows | more)


def write_creme(out: Path, genes: dict[str, list[pd.DataFrame]], **facts: Any) -> Path:
    """A CREME run with these tables of effects for each gene."""
    label = facts.setdefault("model", "planted")
    start_run(out, "creme", **facts).finish()
    for number, tables in enumerate(genes.values()):
        for rows in tables:
            folder = out / "effects" / f"test={rows['test'].iloc[0]}" / f"model={label}"
            write_table(folder / f"part-{number:06d}.parquet", as_table(rows, EFFECTS))
    return out


def write_gene(out: Path, name: str = "GATA1", **facts: Any) -> Path:
    """One gene: enhancing context, an enhancer 5 kb upstream, a tile without a value 10 kb upstream."""
    context = effect_rows(name, "context", [0.975], ["enhancing"])
    tiles = effect_rows(name, "necessity", [0.5, np.nan], ["enhancer", None])
    return write_creme(out, {name: [context, tiles]}, **facts)


def page_of(tmp_path: Path, *runs: Path) -> str:
    out = tmp_path / "page.html"
    write_report(runs, out)
    return out.read_text()


def predict_truth(genome: DemoGenome, out: Path, missed: str = "") -> Path:
    """A prediction of the demo's candidates, in two parts: the truth, but for the element `missed`."""
    truth = genome.truth_candidates
    rows = prediction_rows(truth["label"].tolist(), [0.9] * len(truth))
    rows = rows.assign(**{column: truth[column].to_numpy() for column in ("chrom", "start", "end", "name")})
    rows.loc[rows["name"] == missed, ["call", "call_argmax"]] = "background"
    science = {"sha256": {"inputs.fasta": sha256_of(genome.fasta)}, "model_sha256": "x"}
    run = open_run(out, verb="predict", name="p", config={}, science=science, layout={})
    for shard, part in enumerate((rows[:100], rows[100:])):
        write_table(out / "predictions" / f"part-{shard:05d}.parquet", as_table(part, PREDICTIONS))
    run.finish(shards=2, failed_shards=0)
    return out
