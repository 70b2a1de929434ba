"""The choice of a CREME run in the report: its notes, genes that were dropped, genes that went on."""

from __future__ import annotations

from pathlib import Path

from raycre.figures.blocks import Block, Cell, Note, Table, counted
from raycre.store.files import read_json
from raycre.store.parquet import read_table


def read_choices(run: Path) -> list[Block]:
    """Read the notes of a CREME run, genes that peak elsewhere than at their TSS, and genes sampled.

    Raises:
        FormatError: a damaged table.
    """
    record = read_json(run / "run.json")
    blocks: list[Block] = [Note(note[:1].upper() + note[1:] + ".") for note in record.get("notes", [])]
    dropped = record.get("off_peak", [])
    if dropped:
        rows: list[list[Cell]] = [
            [gene["gene_name"], gene["gene_id"], ", ".join(map(str, gene["tracks"]))] for gene in dropped
        ]
        words = (
            f"{counted(len(rows), 'gene')} dropped on tracks where the wild type does not peak at the TSS."
        )
        blocks.append(Table(words, ["gene", "id", "tracks"], rows, tall=len(rows) > 24))
    path = run / "summary" / "sampled.parquet"
    return [*blocks, sampled_table(path)] if path.is_file() else blocks


def sampled_table(path: Path) -> Table:
    """Return how many genes of each context class and track a pipeline has gone on with.

    Args:
        path: of summary/sampled.parquet.

    Raises:
        FormatError: a damaged table.
    """
    table = read_table(path).to_pandas().fillna({"context": "unknown"})
    counts = table.groupby(["track_id", "context"])["sampled"].agg(["size", "sum"]).reset_index()
    rows: list[list[Cell]] = [
        [str(r["track_id"]), r["context"], int(r["size"]), int(r["sum"])] for r in counts.to_dict("records")
    ]
    return Table(
        "Genes that the pipeline went on with, by the class of their context on each track. Tests other than "
        "context have rows of these genes and tracks alone.",
        ["track", "context", "genes", "sampled"],
        rows,
        tall=len(rows) > 24,
    )
