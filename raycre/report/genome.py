"""What the genome view shows beside the runs' own tables: lengths, sequence, accessibility, loops, TSSs.

Only what lies at the shown loci goes into the page: the runs' genes and their most confident regions. Input
files are read where the run had them; what is not there any more is left out, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.errors import RaycreError
from raycre.genome.bigwig import is_bigwig
from raycre.genome.fasta import Fasta
from raycre.genome.gene_models import read_transcript_parts
from raycre.genome.gtf import read_genes
from raycre.genome.loops import read_anchors
from raycre.genome.tracks import Track
from raycre.report.columns import PackedTable, pack, pack_table
from raycre.report.rows import along_the_genome
from raycre.store.bucket_path import BucketPath
from raycre.store.places import file_of_run

FLANK, BIN = 10_000, 128  # bp about a region, bp of a bin of accessibility
MAX_SEQUENCE, MAX_ACCESSIBLE = 1_500_000, 12_000_000  # bp of all loci
MAX_LOOPS, MAX_SEQUENCES, MAX_GTF = 50_000, 500, 80_000_000  # the last in bytes of the file
MAX_MODELS = 5_000  # transcripts whose exons are drawn
_BASES = np.frombuffer(b"ACGTN", np.uint8)


@dataclass
class GenomeView:
    """What the genome view is made of.

    Attributes:
        sizes: bp of each sequence that something lies on.
        assembly: name of the FASTA.
        sequence: letters of the loci as FASTA with `@len=` (the form that igv.js reads), packed.
        tables: accessibility, loops, TSSs and gene models, packed; name -> table.
        titles: what stands at each of these tracks.
        left_out: what could not be shown, a sentence each.
    """

    sizes: dict[str, int]
    assembly: str
    sequence: str
    tables: dict[str, PackedTable] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def read_view(
    runs: Sequence[tuple[Path, Mapping[str, Any]]],
    shown: pd.DataFrame,
    loci: pd.DataFrame,
    genes: pd.DataFrame,
) -> GenomeView:
    """Read what runs of one assembly show along the genome.

    Args:
        runs: folders and run.json; their inputs are looked for in this order, the first of each kind is read.
        shown: chrom, end: everything that the runs' tables hold.
        loci: chrom, start, end: what is shown closely, the most telling first.
        genes: gene, chrom, tss, strand of the runs.
    """
    view = GenomeView({}, "", "")
    ends = shown.groupby("chrom")["end"].max()
    fasta = _first(runs, "fasta", view)
    lengths = dict(ends.astype(int))
    if fasta is not None:
        view.assembly = fasta.name
        lengths |= _try(view, "the sequence", lambda: _lengths(fasta)) or {}
    here = set(ends.index)
    kept = [name for name in lengths if ":" not in name and (name in here or len(lengths) <= MAX_SEQUENCES)]
    view.sizes = {name: int(lengths[name]) for name in kept}
    close = _merged(loci, view.sizes)
    letters = _try(view, "the sequence", lambda: _letters(fasta, close)) if fasta is not None else None
    view.sequence = pack(_fasta_text(view.sizes, letters or []).encode())
    for name, key, read in (("accessibility", "openness", _accessibility), ("loops", "loops", _loops)):
        path = _first(runs, key, view)
        found = None if path is None else _try(view, name, partial(read, path, view.sizes, close))
        if found is not None and path is not None:
            view.tables[name], title = found
            view.titles[name] = f"{name} ({path.name}{title})"
    gtf = _first(runs, "gtf", view)
    if gtf is not None and gtf.stat().st_size > MAX_GTF:
        view.left_out.append(
            f"Genes that no run perturbed are not shown: {gtf.name} is too large for a page."
        )
        gtf = None
    table = _try(view, "genes", lambda: _transcripts(gtf)) if gtf is not None else None
    tss = None if table is None else table[["gene", "chrom", "tss", "strand"]]
    every = pd.concat([part for part in (genes, tss) if part is not None and len(part)] or [genes])
    every = every[every["chrom"].isin(view.sizes)].drop_duplicates(["gene", "chrom", "tss"])
    if len(every):
        columns = {"gene": "gene", "chrom": "chromosome", "tss": "TSS", "strand": "strand"}
        view.tables["genes"] = pack_table("genes", along_the_genome(every, "tss"), columns, {})
        view.titles["genes"] = "transcription start sites" + (f" ({gtf.name})" if gtf is not None else "")
    if table is not None and gtf is not None:
        models = _try(view, "exons", lambda: _models(gtf, table, close))
        if models is not None and models.n:
            view.tables["models"] = models
            view.titles["models"] = f"genes ({gtf.name})"
        view.left_out += _too_many_models(table, close)
    return view


def _first(runs: Sequence[tuple[Path, Mapping[str, Any]]], key: str, view: GenomeView) -> Path | None:
    """Return the first run's file of a kind that is still on this disk; say which are not."""
    missing = []
    for run, record in runs:
        given = (record.get("config", {}).get("inputs") or {}).get(key)
        given = given[0] if isinstance(given, list) and given else given
        if not isinstance(given, str):
            continue
        path = file_of_run(run, record, given)
        if isinstance(path, BucketPath):
            missing.append(f"{given} is in a bucket, and is not brought for a page")
        elif path.is_file():
            return path
        else:
            missing.append(f"{given} is not where the run read it")
    if missing:
        named = {"openness": "accessibility", "gtf": "genes", "fasta": "the sequence"}.get(key, key)
        view.left_out.append(f"Not shown: {named}; {missing[0]}.")
    return None


def _try(view: GenomeView, what: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (RaycreError, OSError) as error:
        view.left_out.append(f"Not shown: {what}; {error}")
        return None


def _lengths(fasta: Path) -> dict[str, int]:
    with Fasta(fasta) as opened:
        return dict(opened.sizes)


def _merged(loci: pd.DataFrame, sizes: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Return loci inside their chromosomes as intervals that do not overlap, up to `MAX_ACCESSIBLE` bp."""
    taken: dict[str, list[tuple[int, int]]] = {}
    total = 0
    for chrom, start, end in loci[["chrom", "start", "end"]].itertuples(index=False):
        if chrom not in sizes or total > MAX_ACCESSIBLE:
            continue
        start, end = max(0, int(start)), min(int(end), sizes[chrom])
        near = [old for old in taken.get(chrom, []) if old[0] <= end and start <= old[1]]
        start, end = min([start, *(o[0] for o in near)]), max([end, *(o[1] for o in near)])
        taken[chrom] = [old for old in taken.get(chrom, []) if old not in near] + [(start, end)]
        total += end - start - sum(b - a for a, b in near)
    return [
        (chrom, start, end) for chrom, mine in taken.items() for start, end in sorted(mine) if start < end
    ]


def _letters(fasta: Path, close: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, str]]:
    found, left = [], MAX_SEQUENCE
    with Fasta(fasta) as opened:
        for chrom, start, end in close:
            end = min(end, start + left)
            if end <= start:
                break
            codes = np.minimum(opened.read(chrom, start, end), 4)
            found.append((chrom, start, _BASES[codes].tobytes().decode()))
            left -= end - start
    return found


def _fasta_text(sizes: Mapping[str, int], letters: Sequence[tuple[str, int, str]]) -> str:
    """Return loci as FASTA; a sequence without a locus has one N, for its length."""
    lines = []
    for name, size in sizes.items():
        mine = [(start, text) for chrom, start, text in letters if chrom == name] or [(0, "N")]
        lines += [f">{name}:{start + 1}-{start + len(text)} @len={size}\n{text}\n" for start, text in mine]
    return "".join(lines)


def _accessibility(
    path: Path, sizes: Mapping[str, int], close: Sequence[tuple[str, int, int]]
) -> tuple[PackedTable, str]:
    if not is_bigwig(path) and path.stat().st_size > MAX_GTF:
        raise RaycreError(f"{path.name} is a text file too large for a page")
    tables = []
    with Track(path, sizes) as track:
        for chrom, start, end in close:
            starts = np.arange(start - start % BIN, end, BIN, dtype=np.int64)
            values = track.read_many([chrom] * len(starts), starts, BIN).mean(axis=1, dtype=np.float64)
            full = values > 0
            tables.append(pd.DataFrame({"chrom": chrom, "start": starts[full], "value": values[full]}))
    rows = pd.concat(tables) if tables else pd.DataFrame({"chrom": [], "start": [], "value": []})
    rows = rows.astype({"start": np.int64, "value": np.float64})
    columns = {"chrom": "chromosome", "start": "start", "value": "mean"}
    return pack_table("accessibility", rows, columns, {}), f", means of {BIN} bp at the shown places"


def _loops(
    path: Path, sizes: Mapping[str, int], close: Sequence[tuple[str, int, int]]
) -> tuple[PackedTable, str]:
    if is_bigwig(path):
        raise RaycreError(f"{path.name} is a bigWig, which has no pairs")
    anchors = read_anchors(path)
    first, second = (anchors.iloc[i::2].reset_index(drop=True) for i in (0, 1))
    rows = pd.DataFrame(
        {
            "chrom": first["chrom"], "start": first["start"], "end": first["end"],
            "start2": second["start"], "end2": second["end"],
        }
    )[(first["chrom"] == second["chrom"]) & first["chrom"].isin(list(sizes))]  # fmt: skip
    said = ""
    if len(rows) > MAX_LOOPS:
        said = f", those at the shown places of {len(rows):,}"
        inside = np.zeros(len(rows), np.bool_)
        for chrom, start, end in close:
            here = (rows["chrom"] == chrom) & (rows["start"] < end) & (rows["end2"] > start)
            inside |= here.to_numpy()
        rows = rows[inside][:MAX_LOOPS]
    names = {"chrom": "chromosome", "start": "start 1", "end": "end 1", "start2": "start 2", "end2": "end 2"}
    return pack_table("loops", along_the_genome(rows), names, {"start": "start", "end": "end"}), said


def _transcripts(gtf: Path) -> pd.DataFrame:
    """Return one transcript of each gene, the canonical one where it is tagged."""
    genes = read_genes(gtf)
    chosen = genes.sort_values("canonical", ascending=False, kind="stable").drop_duplicates("gene_id")
    columns = ["gene", "chrom", "start", "end", "tss", "strand", "transcript_id"]
    return chosen.rename(columns={"gene_name": "gene"})[columns]


def _models(gtf: Path, table: pd.DataFrame, close: Sequence[tuple[str, int, int]]) -> PackedTable:
    """Pack the exons of transcripts at the shown places: "start-end" each, with blanks between."""
    near = along_the_genome(_near(table, close)[:MAX_MODELS])
    parts = read_transcript_parts(gtf, set(zip(near["chrom"], near["transcript_id"], strict=True)))
    rows = []
    for row in near.itertuples(index=False):
        mine = parts.get((str(row.chrom), str(row.transcript_id)))
        if mine is not None:
            exons = " ".join(f"{start}-{end}" for start, end in mine.exons)
            coding = "" if mine.coding is None else "{}-{}".format(*mine.coding)
            rows.append((row.gene, row.chrom, row.start, row.end, row.strand, exons, coding))
    columns = {
        "gene": "gene", "chrom": "chromosome", "start": "start", "end": "end", "strand": "strand",
        "exons": "exons", "coding": "coding",
    }  # fmt: skip
    packed = pd.DataFrame(rows, columns=list(columns)).astype({"start": np.int64, "end": np.int64})
    return pack_table("models", packed, columns, {"start": "start", "end": "end"})


def _too_many_models(table: pd.DataFrame, close: Sequence[tuple[str, int, int]]) -> list[str]:
    n = len(_near(table, close))
    return [f"Exons are shown of {MAX_MODELS:,} of {n:,} genes."] if n > MAX_MODELS else []


def _near(table: pd.DataFrame, close: Sequence[tuple[str, int, int]]) -> pd.DataFrame:
    """Return the transcripts that reach into a shown place."""
    inside = np.zeros(len(table), np.bool_)
    for chrom, start, end in close:
        inside |= ((table["chrom"] == chrom) & (table["start"] < end) & (table["end"] > start)).to_numpy()
    return table[inside]
