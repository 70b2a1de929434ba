"""Trains the authors' CREATE on the folds of a raycre training, and scores it with the same metrics.

    git clone https://github.com/cuixj19/CREATE authors-create
    python -m venv authors-env && authors-env/bin/pip install torch scikit-learn numpy tqdm
    python benchmarks/train_reference.py --reference authors-create --python authors-env/bin/python \
        --run runs/full --out runs/reference [--fold 0 1 ...] [--epochs 20] [--warmup 2] [--ours runs/ours]

The run gives regions, folds, ratios, batch size, learning rate and sizes. The reference derives most widths
from one and has a fixed classifier: other sizes are refused, unless --sizes names some (signal=16 encoder2=32
...). OUT gets scores by fold and summary/metrics.parquet, which create_evidence.py reads. --ours trains
raycre's own model at the same sizes, in this process, into a second such folder.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from raycre.config import TrainConfig
from raycre.create.evaluation import metrics
from raycre.create.evaluation.names import MACRO
from raycre.create.fold_data import FoldData
from raycre.create.inputs import region_input
from raycre.create.model.create import Create
from raycre.create.model.sizes import SIZES, Sizes
from raycre.create.training.epoch import evaluate, start_fold, step_epoch
from raycre.create.training.recipe import Recipe
from raycre.create.views import both_strands
from raycre.errors import ConfigError, RaycreError
from raycre.store.files import read_json, write_json
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.schemas import METRICS
from raycre.workflows.train.fold import fold_data
from raycre.workflows.train.materialise import open_inputs
from raycre.workflows.train.plan import plan_of

NAMES = {"sequence": "seq", "openness": "open", "loops": "loop"}  # ours, the reference's
CHUNK = 2_000  # regions exported at a time


def read_order(run: Path) -> tuple[TrainConfig, Recipe]:
    """Return the configuration of a training and its recipe.

    Raises:
        ConfigError: a model that is not CREATE.
    """
    config = TrainConfig.model_validate(read_json(run / "run.json")["config"])
    if config.model.kind != Create.kind:
        raise ConfigError("the reference is CREATE; name a run of it", path=run, value=config.model.kind)
    return config, plan_of(config).recipe


def matched(config: TrainConfig, changes: list[str]) -> Sizes:
    """Return sizes that both programs can have: the run's with `changes` ("signal=16"), checked.

    `signal` decides `sequence` (twice) and `encoder3` (equal), as in the reference's driver. With changes,
    what the reference has fixed (classifier, dropouts, counts of a new codebook) is as it has it.

    Raises:
        ConfigError: sizes that the reference cannot have.
    """
    named, codebook = SIZES[config.model.size], config.model.codebook
    sizes = replace(
        named,
        codes=codebook.K or named.codes,
        splits=codebook.M or named.splits,
        update_ratio=codebook.mu or named.update_ratio,
    )
    kinds = {field.name: type(getattr(sizes, field.name)) for field in fields(Sizes)}
    for change in changes:
        name, _, value = change.partition("=")
        if kinds.get(name) not in (int, float) or not value:
            raise ConfigError(f"give NAME=VALUE; names are {', '.join(sorted(kinds))}", value=change)
        sizes = replace(sizes, **{name: kinds[name](value)})
    free = ("signal", "encoder2", "embedding", "decoder3", "decoder2", "codes", "splits", "update_ratio")
    wanted = Sizes(
        sequence=2 * sizes.signal,
        encoder3=sizes.signal,
        **{name: getattr(sizes, name) for name in free},
    )
    odd = [name for name in kinds if getattr(sizes, name) != getattr(wanted, name)]
    if odd and not changes:
        raise ConfigError(
            f"the reference has no such {', '.join(odd)}; name sizes for it (--sizes signal=16 encoder2=32 "
            "decoder3=24 decoder2=24 embedding=32 codes=50 splits=4) and give --ours to train ours at them",
            value=config.model.size,
        )
    return wanted


def export(data: FoldData, modalities: tuple[str, ...], folder: Path) -> None:
    """Write a fold as the arrays that the reference's load_data reads.

    seqs uint8 (n, 4, width); opens, loops float32 (n, 1, width): logarithms taken in float64 as in its
    preparation, and rounded as its loader rounds them; loop counts do not wrap at 255. Labels int64 (n,).
    """
    folder.mkdir(parents=True, exist_ok=True)
    sets = {"train": data.train, "valid": data.validation, "test": data.test}
    for part, rows in sets.items():
        np.save(folder / f"{part}_labels.npy", data.labels[rows])
        for name in modalities:
            chunks = [_wide(data, rows[start : start + CHUNK], name) for start in range(0, len(rows), CHUNK)]
            np.save(folder / f"{part}_{NAMES[name]}s.npy", np.concatenate(chunks))


def _wide(data: FoldData, rows: NDArray[np.int64], name: str) -> NDArray:
    """Return the model's input rows of one modality over the wide window: (rows, 4 or 1, width)."""
    codes = torch.from_numpy(data.codes[rows])
    openness, loops = (
        None if track is None else torch.from_numpy(track[rows].astype(np.float32))
        for track in (data.openness, data.loops)
    )
    if openness is not None and data.replicates > 1:
        openness = openness / data.replicates
    x = region_input(codes, openness, loops, (name,)).numpy()
    return x.astype(np.uint8) if name == "sequence" else x


def train_reference(
    given: argparse.Namespace, modalities: tuple[str, ...], recipe: Recipe, sizes: Sizes, work: Path
) -> dict[str, Any]:
    """Train in `work`, which holds data/; return what it took. Scores are left as best_test_score.npy.

    Raises:
        RaycreError: the reference failed; its last words are given.
    """
    arguments = {
        "data_path": f"{work / 'data'}/",
        "multi": [NAMES[name] for name in modalities],
        "test_aug": recipe.eval_ratio,
        "train_aug": list(recipe.ratios),
        "stride": recipe.stride,
        "batch_size": recipe.batch_size,
        "enc_dims": [0, sizes.encoder2, sizes.encoder3],  # it works the first one out
        "dec_dims": [sizes.decoder3, sizes.decoder2],
        "embed_dim": sizes.embedding,
        "n_embed": sizes.codes,
        "split": sizes.splits,
        "ema": True,
        "e_loss_weight": recipe.weights.commitment,
        "mu": sizes.update_ratio,
        "open_loss_weight": recipe.weights.openness,
        "loop_loss_weight": recipe.weights.loops,
        "lr": recipe.learning_rate,
        "max_epoch": recipe.epochs,
        "pre_epoch": recipe.warmup_epochs,
        "seed": given.seed,
        "outdir": f"{work}/",
    }
    order = {
        "reference": str(given.reference.resolve()),
        "arguments": arguments,
        "threads": given.threads,
        "workers": given.workers,
        "result": str(work / "took.json"),
    }
    write_json(work / "order.json", order)
    driver = Path(__file__).with_name("reference_driver.py")
    with (work / "output.txt").open("w") as output:
        done = subprocess.run(
            [given.python, str(driver), str(work / "order.json")], stdout=output, stderr=output, check=False
        )
    if done.returncode:
        last = (work / "output.txt").read_text().strip().splitlines()[-1:]
        raise RaycreError(f"the reference failed: {last}; see {work / 'output.txt'}")
    return json.loads((work / "took.json").read_text())


def train_ours(
    data: FoldData, modalities: tuple[str, ...], recipe: Recipe, sizes: Sizes, fold: int, seed: int
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Train raycre's model on the same fold in this process; return test probabilities and what it took."""
    started = time.perf_counter()
    state = start_fold(fold, recipe, seed, lambda: Create(sizes, modalities))
    stop = False
    while not stop:
        stop = step_epoch(state, data, seed).stop
    took = {"seconds_training": time.perf_counter() - started, "best_epoch": state.best_epoch}
    # As in a run: only warm-up's scores, where the recipe has later epochs beat them, leave no best model.
    state.model.load_state_dict(state.best_model or state.model.state_dict())
    return evaluate(state.model, data, data.test, both_strands(recipe.eval_ratio, recipe.stride)), took


def record(out: Path, fold: int, labels: NDArray, scores: NDArray, took: dict[str, Any]) -> str:
    """Write a fold's metrics, and the summary over the folds that OUT has; return the fold's in a line."""
    found = metrics.table(labels, scores).assign(fold=fold)
    write_json(out / f"fold={fold}" / "took.json", took)
    write_table(out / f"fold={fold}" / "metrics.parquet", as_table(found, METRICS))
    parts = [read_table(path).to_pandas() for path in sorted(out.glob("fold=*/metrics.parquet"))]
    write_table(out / "summary" / "metrics.parquet", as_table(pd.concat(parts), METRICS))
    macro = found[found["class"] == MACRO].set_index("metric")["value"]
    scored = ", ".join(f"{m} {macro[m]:.3f}" for m in ("auroc", "auprc", "f1", "accuracy"))
    return f"{out.name}, fold {fold}: {scored}; {took['seconds_training']:.0f} s of training"


def main() -> None:
    """Train and score every fold asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path, required=True, help="a checkout of the authors' repository")
    parser.add_argument("--python", required=True, help="an interpreter that has torch, scikit-learn, tqdm")
    parser.add_argument("--run", type=Path, required=True, help="a folder of raycre train")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ours", type=Path, help="also train raycre at the same sizes, into this folder")
    parser.add_argument("--fold", type=int, nargs="+", help="all that the run has, if left out")
    parser.add_argument("--epochs", type=int, help="the run's, if left out")
    parser.add_argument("--warmup", type=int, help="the run's, if left out")
    parser.add_argument("--sizes", nargs="+", default=[], metavar="NAME=VALUE", help="changes to the run's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0, help="loading processes of the reference")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    config, recipe = read_order(given.run)
    warmup = recipe.warmup_epochs if given.warmup is None else given.warmup
    recipe = replace(recipe, epochs=given.epochs or recipe.epochs, warmup_epochs=warmup)
    sizes, modalities = matched(config, given.sizes), config.model.modalities
    arrays = open_inputs(given.run / "inputs")
    for out in filter(
        None, (given.out, given.ours)
    ):  # create_evidence.py sees by them that folds are the same
        (out / "inputs").mkdir(parents=True, exist_ok=True)
        for name in ("label", "fold"):
            shutil.copy(given.run / "inputs" / f"{name}.npy", out / "inputs")
    for fold in given.fold if given.fold is not None else range(config.folds.n):
        data = fold_data(arrays, fold, config.folds.n)
        work = given.out.resolve() / f"fold={fold}"
        export(data, modalities, work / "data")
        took = train_reference(given, modalities, recipe, sizes, work)
        shutil.rmtree(work / "data")
        scores = np.load(work / "best_test_score.npy")  # in the order of classes, as it sorts its labels
        print(record(given.out, fold, np.sort(data.labels[data.test]), scores, took), flush=True)
        if given.ours:
            scores, took = train_ours(data, modalities, recipe, sizes, fold, given.seed)
            print(record(given.ours, fold, data.labels[data.test], scores, took), flush=True)


if __name__ == "__main__":
    main()
