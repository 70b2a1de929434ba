"""`raycre demo`: the whole chain on a synthetic genome whose truth is known, and how much of it was found.

It knows the truth only to count at the end; the runs see what any user's runs see: files.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from raycre.config import PerturbConfig, PredictConfig, TrainConfig, make_config
from raycre.create.evaluation.names import AUPRC, AUROC, MACRO
from raycre.create.inference.cutoffs import CALLABLE
from raycre.create.layout import CLASSES
from raycre.creme.presets import paper_shuffles
from raycre.creme.tests import tile_tests
from raycre.demo.genome import DemoGenome, open_demo_genome, write_demo_genome
from raycre.engine.cluster import check_cluster, connected
from raycre.errors import ConfigError
from raycre.log import say
from raycre.store.elements import iter_elements, side_by_side
from raycre.store.parquet import read_parts, read_table
from raycre.workflows.jobs import check_kept
from raycre.workflows.perturb.run import run_creme
from raycre.workflows.predict.run import run_predict
from raycre.workflows.train.run import run_train

TRACK = 0  # the planted backbone's track that is counted
SHUFFLES = dict.fromkeys(paper_shuffles(), 2) | {"context": 10, "necessity": 3, "sufficiency": 3}
CHAIN = {"n_shuffles": SHUFFLES, "rounds": 3, "copies": 3}


def demo_configs(
    out: Path, genome: DemoGenome, seed: int
) -> tuple[TrainConfig, PredictConfig, PerturbConfig]:
    """Return the demo's three configurations: small widths and few epochs, the same code."""
    signals = {
        "fasta": genome.fasta,
        "openness": genome.openness,
        "loops": genome.loops,
        "blacklist": genome.blacklist,
    }
    train = {
        "run": {"name": "demo-train", "out": out / "train", "seed": seed},
        "inputs": {**signals, "labels": genome.labels},
        "model": {"size": "tiny"},
        "recipe": {
            "epochs": 14, "warmup_epochs": 0, "batch_size": 32, "learning_rate": 1e-3, "patience": 5,
            "ratios": [1, 1, 1, 1, 1], "eval_ratio": 1,
            "schedule": "constant", "stop_from": 0, "score_warmup": False,  # a demo may stop early
            # Bases of a random genome cannot be decoded. At the paper's weights their error, ten and a
            # hundred times that of the tracks, drives the twelve channels that decoders share to zero.
            "openness": 1.0, "loops": 1.0,
        },
    }  # fmt: skip
    predict = {
        "run": {"name": "demo-predict", "out": out / "predict", "seed": seed},
        "inputs": {**signals, "regions": genome.candidates},
        "model": {"checkpoint": out / "train"},
        "views": 2,
        "shard_size": 512,
    }
    perturb = {
        "run": {"name": "demo-creme", "out": out / "creme", "seed": seed},
        "inputs": {"fasta": genome.fasta, "gtf": genome.gtf, "genes": genome.genes},
        "model": {"backbone": "planted"},
        "tracks": "assay=CAGE",
        "tests": "pipeline",
        "create_run": out / "predict",
        "creme": CHAIN,
    }
    return (
        make_config(TrainConfig, train),
        make_config(PredictConfig, predict),
        make_config(PerturbConfig, perturb),
    )


def run_demo(out: Path, *, seed: int = 0) -> dict[str, Any]:
    """Write the genome (or take the one that is there), run the chain, and count what it found.

    Returns:
        Headline numbers, seconds of each stage and where the files are, ready for JSON.
    """
    check_kept(out, "--out")
    check_cluster()
    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        say(f"demo: {stage}")
        started = time.monotonic()
        result = work()
        seconds[stage] = round(time.monotonic() - started, 1)
        return result

    folder = out / "genome"
    make = open_demo_genome if folder.is_dir() else lambda path: write_demo_genome(path, seed=seed)
    genome = timed("genome", lambda: make(folder))
    train, predict, perturb = demo_configs(out, genome, seed)
    started = time.monotonic()
    with connected():
        seconds["ray"] = round(time.monotonic() - started, 1)
        timed("train", lambda: run_train(train))
        timed("predict", lambda: run_predict(predict))
        timed("creme", lambda: run_creme(perturb))
    report = timed("report", lambda: _write_report(out))
    seconds["all"] = round(time.monotonic() - started + seconds["genome"], 1)
    return {
        **score_training(out / "train"),
        **score_candidates(out / "predict", genome),
        **score_creme(out / "creme", genome),
        **score_chain(out / "creme", genome),
        "seconds": seconds,
        "files": {name: str(out / name) for name in ("genome", "train", "predict", "creme", *report)},
    }


def _write_report(out: Path) -> list[str]:
    """Write report.html and return its name; without matplotlib the demo goes on and says what to install."""
    from raycre.report.page import write_report

    page = "report.html"
    try:
        write_report([out / name for name in ("train", "predict", "creme")], out / page)
    except ConfigError as error:
        say(f"demo: no report: {error}")
        return []
    return [page]


def score_training(run: Path) -> dict[str, str]:
    """Return macro auROC and auPRC of the test sets, mean and s.d. over folds."""
    rows = read_table(run / "summary" / "metrics.parquet").to_pandas()
    macro = rows[rows["class"] == MACRO]
    values = {m: macro.loc[macro["metric"] == m, "value"] for m in (AUROC, AUPRC)}
    return {
        f"held_out_{m}": f"{v.mean():.3f} ± {v.std(ddof=0):.3f} ({len(v)} folds)" for m, v in values.items()
    }


def score_candidates(run: Path, genome: DemoGenome) -> dict[str, str]:
    """Return how many candidates get their true class, and what the calls of each class find and mistake."""
    calls = read_parts(run / "predictions").merge(genome.truth_candidates[["name", "label"]], on="name")
    right = int((calls["call_argmax"] == calls["label"]).sum())
    found = {"candidates_classified_right": f"{right:,} of {len(calls):,} ({right / len(calls):.1%})"}
    for name in CLASSES[:CALLABLE]:
        called, true = calls["call"] == name, calls["label"] == name
        hits, mistakes = int((called & true).sum()), int((called & ~true).sum())
        found[f"{name}s_called"] = (
            f"{hits:,} of {int(true.sum()):,}, and {mistakes:,} of {int((~true).sum()):,} others "
            f"({mistakes / max(1, int((~true).sum())):.2%})"
        )
    return found


def score_creme(run: Path, genome: DemoGenome) -> dict[str, str]:
    """Return how many planted tiles both necessity and sufficiency call by their sign, and false calls."""
    parts = [read_table(path) for path in sorted(run.glob("effects/test=*/model=*/part-*.parquet"))]
    effects = pa.concat_tables(parts).to_pandas()
    tiles = effects[(effects["track_id"] == TRACK) & effects["test"].isin(["necessity", "sufficiency"])]
    key = ["gene_name", "tile_chrom", "tile_start", "tile_end"]
    calls = tiles.pivot_table(index=key, columns="test", values="call", aggfunc="first", observed=True)
    both = calls["necessity"].where(calls["necessity"] == calls["sufficiency"], "neither")
    truth = genome.truth_tiles.rename(
        columns={"chrom": "tile_chrom", "start": "tile_start", "end": "tile_end"}
    )
    planted = truth.set_index(key)["sign"].map({1: "enhancer", -1: "silencer"})
    found = both.reindex(planted.index)
    result = {}
    for kind in ("enhancer", "silencer"):
        wanted = planted == kind
        n = int((found[wanted] == kind).sum())
        result[f"planted_{kind}s_found"] = f"{n} of {int(wanted.sum())}"
    others = both.drop(planted.index, errors="ignore")
    result["other_tiles_called"] = f"{int((others != 'neither').sum())} of {len(others)}"
    return result


def score_chain(run: Path, genome: DemoGenome) -> dict[str, str]:
    """Return how many planted elements CREATE classes, and CREME calls in both tests of tiles, as planted."""
    elements = pd.concat(
        [side_by_side(rows, tile_tests()) for rows in iter_elements(run / "summary" / "elements.parquet")]
    )
    planted = genome.truth_tiles.assign(kind=genome.truth_tiles["sign"].map({1: "enhancer", -1: "silencer"}))
    mine = elements[elements["track_id"] == TRACK].merge(planted, on=["name", "gene_name"])
    # An element lies in its own tile; where a neighbour's edge shares some of it, that tile is not meant.
    mine = mine[mine["tile_start"] == mine["start_y"]]
    by_create = mine["create_call"] == mine["kind"]
    by_creme = mine["creme_call"] == mine["kind"]
    n = len(planted)
    return {
        "planted_elements_classified_by_create": f"{int(by_create.sum())} of {n}",
        "planted_elements_found_by_both": f"{int((by_create & by_creme).sum())} of {n}",
    }
