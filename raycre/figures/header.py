"""What a run is, from its run.json: warnings, state, versions, inputs, counts, what failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from raycre.figures.blocks import Block, Cell, Table, counted, shown
from raycre.genome.chromosomes import no_data
from raycre.genome.lifting import lifted_in_words
from raycre.store.parquet import read_table
from raycre.store.parts import current_parts, n_units
from raycre.store.run import inputs_of

RANDOM = "-RANDOM-WEIGHTS"  # how a model's label ends where its weights were not trained
_DIGITS = 12  # of a SHA-256; enough to tell files apart, run.json has all 64
_MAX_FAILURES = 50

# A unit of work is done when this exists.
_DONE = {
    "train": "folds/fold=*/cutoffs.json",
    "sweep": "sweep/*/folds/fold=*/cutoffs.json",
    "predict": "predictions/part-*.parquet",
}


def read_warnings(record: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know before any number of a run, a sentence or two each.

    Args:
        record: its run.json.
    """
    texts = []
    if is_random_run(record):
        texts.append(
            f"RANDOM WEIGHTS: {model_label(record)} is not a trained model. Its numbers show that the "
            "software runs and say nothing about biology."
        )
    if not record.get("finished"):
        texts.append("This run is not finished; what follows is what it has so far.")
    failed = record.get("failed_shards") or record.get("failed_units")
    if failed:
        texts.append(
            f"{counted(failed, 'unit')} of work failed for good, and what belongs to "
            f"{'it' if failed == 1 else 'them'} is missing here. Running again tries them again."
        )
    return texts + _unseen(record)


def read_bookkeeping(run: Path, record: Mapping[str, Any]) -> list[Block]:
    """Return how a run was made: state, versions, counts, inputs and what they were taken for.

    Raises:
        FormatError: a damaged plan.
    """
    blocks: list[Block] = [_read_facts(run, record), inputs_table(record)]
    if record.get("inputs_read"):
        readings = [[line] for line in record["inputs_read"]]
        blocks.append(Table("What the inputs were taken for.", ["reading"], readings))
    return blocks


def model_label(record: Mapping[str, Any]) -> str:
    """Return the label of the model that a run was made with, "" where it has none (CREATE)."""
    label = record.get("model") or record.get("identity", {}).get("model")
    return label if isinstance(label, str) else ""


def is_random_run(record: Mapping[str, Any]) -> bool:
    """Whether the run's weights were never trained."""
    return model_label(record).endswith(RANDOM) or record.get("trained") is False


def _read_facts(run: Path, record: Mapping[str, Any]) -> Table:
    seconds = [float(s) for s in record.get("seconds", [])]
    rows: list[list[Cell]] = [
        ["folder", str(run)],
        ["state", "finished" if record.get("finished") else "not finished"],
        [
            "time",
            f"{duration(sum(seconds))} in {counted(len(seconds), 'session')}"
            if seconds
            else "not known until it ends",
        ],
    ]
    plan = run / "plan.parquet"
    if plan.is_file():
        planned = read_table(plan)
        done = _passes_done(run, planned) if record["verb"] == "creme" else _n_done(run, record["verb"])
        rows.append(["units done", f"{done:,} of {planned.num_rows:,}"])
    if model_label(record):
        rows.append(["model", model_label(record)])
    if record.get("create_run"):
        joined = record["create_run"]
        rows.append(
            [
                "elements by CREATE",
                f"{joined['elements']:,} of {joined['regions']:,} regions, {joined['path']}{_lifted(joined)}",
            ]
        )
    rows += counts(record)
    versions = record.get("versions", {})
    rows.append(["versions", ", ".join(f"{name} {v}" for name, v in versions.items())])
    rows.append(["machine", ", ".join(str(v) for v in record.get("machine", {}).values())])
    rows.append(["identity of inputs and settings", str(record.get("digest", ""))[:_DIGITS]])
    return Table("Facts of the run.", ["", ""], rows)


def _lifted(joined: Mapping[str, Any]) -> str:
    """Say what became of regions that were of another assembly."""
    counts = joined.get("lift")
    return f"; lifted: {lifted_in_words(counts)}" if counts else ""


def _n_done(run: Path, verb: str) -> int:
    return n_units(current_parts(run.glob(_DONE[verb])))


def _passes_done(run: Path, plan: pa.Table) -> int:
    """Units of forward passes with a part, or with nothing to do since earlier ones did it."""
    parts = {str(p.relative_to(run).with_suffix("")) for p in run.glob("passes/model=*/*/*.parquet")}
    parts = {name.split("/", 2)[2] for name in parts}
    units = zip(plan["unit"].to_pylist(), plan["to_do"].to_pylist(), strict=True)
    return sum(to_do == 0 or unit in parts for unit, to_do in units)


def duration(seconds: float) -> str:
    """Return seconds as people say them: 9.3 s, 8 min 10 s, 3 h 25 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s"


def counts(record: Mapping[str, Any]) -> list[list[Cell]]:
    """Return what the run counted: regions kept and dropped by rule, genes refused, units failed."""
    rows: list[list[Cell]] = []
    for rule, n in record.get("regions", {}).items():
        rows.append([f"regions {rule.replace('_', ' ')}", shown(n)])
    letters = record.get("ambiguous_letters", {})
    for words, regions, bases in (
        ("regions with N (bases)", "regions_with_n", "n_bases"),
        ("regions with other IUPAC ambiguity letters (bases)", "regions_with_iupac", "iupac_bases"),
    ):
        if regions in letters:
            rows.append([words, f"{shown(letters[regions])} ({shown(letters[bases])})"])
    if record.get("loops_read_as"):
        rows.append(["loops read as", record["loops_read_as"]])
    if "refused" in record:
        rows.append(["genes refused", shown(len(record["refused"]))])
    if "passes" in record:
        planned = shown(record["passes"].get("planned"))
        rows.append(["forward passes", f"{planned} known beforehand; searches choose more"])
    named = {
        "genes": "genes perturbed",
        "effects": "effects",
        "shards": "shards",
        "failed_shards": "shards failed",
        "failed_units": "units failed",
    }
    rows += [[words, shown(record[key])] for key, words in named.items() if isinstance(record.get(key), int)]
    return rows


def _unseen(record: Mapping[str, Any]) -> list[str]:
    """Say which inputs have no data where regions lie, and that an index was made again."""
    n = record.get("regions", {}).get("kept")
    texts = [f"{no_data(found, n).removeprefix('inputs.')}." for found in record.get("without_data", [])]
    return texts + ([f"{record['fasta_index']}."] if record.get("fasta_index") else [])


def inputs_table(record: Mapping[str, Any]) -> Table:
    """Return every input that run.json lists, with its path and the first digits of its SHA-256."""
    rows: list[list[Cell]] = [
        [item["input"].removeprefix("inputs."), item["path"], str(item["sha256"])[:_DIGITS]]
        for item in inputs_of(record)
    ]
    return Table(
        f"Inputs, with the first {_DIGITS} digits of their SHA-256.", ["input", "path", "SHA-256"], rows
    )


def read_losses(run: Path, record: Mapping[str, Any]) -> list[Block]:
    """Return the genes that were refused and the units that failed, each with its reason.

    Raises:
        FormatError: a damaged failures.parquet.
    """
    blocks: list[Block] = []
    refused = record.get("refused", [])
    if refused:
        rows = [[gene["gene_name"], gene["gene_id"], gene["reason"]] for gene in refused]
        blocks.append(Table("Genes refused.", ["gene", "id", "reason"], rows, tall=len(rows) > 24))
    path = run / "failures.parquet"
    if path.is_file():
        failed = read_table(path).to_pylist()
        rows = [[f["unit"], f["what"], f["attempts"], f["error"]] for f in failed[:_MAX_FAILURES]]
        more = f", the first {_MAX_FAILURES}" if len(failed) > _MAX_FAILURES else ""
        caption = f"Units that failed for good: {len(failed):,}{more}. Running again tries them again."
        blocks.append(Table(caption, ["unit", "what", "attempts", "error"], rows))
    return blocks


def config_text(record: Mapping[str, Any]) -> str:
    """Return the configuration as it was understood, as indented JSON."""
    return json.dumps(record.get("config", {}), indent=2)
