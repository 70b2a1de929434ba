"""The synthetic genome as files, and its truth as tables beside them.

What is planted is `demo_grammar`'s; here it becomes FASTA, bigWig, GTF, BED and BEDPE, whole or not at all.
It must not know raycre's readers and tests, which it is there to convict, nor any run or configuration.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
from numpy.random import Generator
from numpy.typing import NDArray

from raycre.demo.grammar import (
    GENES,
    MIDDLE,
    WIDTH,
    draw_loops,
    draw_sequence,
    place_gene_elements,
    place_regions,
    plant_motifs,
)
from raycre.errors import ConfigError, MissingInputError
from raycre.genome.classes import CLASSES
from raycre.store.bucket_path import BucketPath

STRAY_READS = 0.3  # mean reads per 10 bp everywhere; those of an open region come on top
OPEN_SD, TRACK_BIN = 150, 10  # bp: s.d. of the bump of reads, resolution
BODY = 2_400  # bp from the canonical TSS to the gene's end
UPSTREAM = 300  # bp by which a second transcript starts earlier: the gene's edge is not the canonical TSS

FILES = (
    "genome.fa",
    "dnase_rep1.bw",
    "dnase_rep2.bw",
    "loops.bedpe",
    "genes.gtf",
    "genes.txt",
    "labels.bed",
    "candidates.bed",
    "blacklist.bed",
    "truth_labels.tsv",
    "truth_candidates.tsv",
    "truth_tiles.tsv",
)


@dataclass(frozen=True)
class DemoGenome:
    """Where the files lie, and the truth as tables (also beside them, as `truth_*.tsv`, read by no run).

    Coordinates are 0-based half-open, except inside the GTF.

    Attributes:
        openness: two replicates of read counts per 10 bp.
        truth_labels: chrom, start, end, name, label, hits (planted motifs of its class), decoy (class of a
            misleading motif, or ""), reads (expected at the summit), loops (anchors of loops over it).
        truth_candidates: the same columns, in the order of `candidates`, and blacklisted.
        truth_tiles: one row per planted tile: gene_name, strand, offset_start, offset_end (bases of the
            65,536-bp model input), chrom, start, end (of the tile, genomic), sign (+1 enhancer, -1 silencer),
            name (of the candidate inside).
    """

    folder: Path
    fasta: Path
    openness: tuple[Path, Path]
    loops: Path
    gtf: Path
    genes: Path
    labels: Path
    candidates: Path
    blacklist: Path
    truth_labels: pd.DataFrame
    truth_candidates: pd.DataFrame
    truth_tiles: pd.DataFrame


def write_demo_genome(
    out: Path, *, seed: int = 0, n_labelled: int = 1_000, n_candidates: int = 5_000
) -> DemoGenome:
    """Write the genome as the new folder `out`, whole or not at all; the same arguments give the same bytes.

    Args:
        n_labelled: labelled regions, as evenly over the five classes as can be.
        n_candidates: unlabelled regions, the genes' own elements among them.

    Raises:
        ConfigError: `out` is a file or a folder with something in it, or too few regions are asked for.
    """
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise ConfigError("a synthetic genome goes into a new folder: remove it or name another", path=out)
    rng = np.random.default_rng(seed)
    tiles, of_genes = place_gene_elements(rng)
    if n_labelled < len(CLASSES) or n_candidates < len(of_genes):
        least = f"{len(CLASSES)} labelled regions and {len(of_genes)} candidates"
        raise ConfigError(f"a synthetic genome has at least {least}", value=(n_labelled, n_candidates))
    elsewhere, sizes = place_regions(n_labelled, n_candidates - len(of_genes), rng)
    regions = pd.concat([of_genes, elsewhere]).sort_values(["chrom", "start"], ignore_index=True)
    regions["loops"], loops = draw_loops(regions, rng)
    sequences = {chrom: draw_sequence(size, rng) for chrom, size in sizes.items()}
    for chrom, here in regions.groupby("chrom"):
        plant_motifs(sequences[str(chrom)], here, rng)

    labelled = regions[regions["role"] == "labelled"].copy()
    candidates = regions[regions["role"] != "labelled"].copy()
    labelled.insert(3, "name", [f"region_{i:05d}" for i in range(len(labelled))])
    candidates.insert(3, "name", [f"candidate_{i:05d}" for i in range(len(candidates))])
    tiles["name"] = tiles.pop("role").map(dict(zip(candidates["role"], candidates["name"], strict=True)))
    free = candidates.index[candidates["role"] == "candidate"]
    hidden = rng.choice(free, size=min(5, len(free)), replace=False)
    candidates["blacklisted"] = candidates.index.isin(hidden)
    blacklist = candidates.loc[candidates["blacklisted"], ["chrom", "start", "end"]]
    blacklist = blacklist.assign(start=blacklist["start"] - 50, end=blacklist["end"] - 300)  # in part

    in_bucket = isinstance(out, BucketPath)
    if not in_bucket:
        out.parent.mkdir(parents=True, exist_ok=True)
    beside = None if in_bucket else out.parent
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=beside) as scratch:
        folder = Path(scratch) / out.name
        folder.mkdir()
        _write_fasta(folder / "genome.fa", sequences)
        for name in ("dnase_rep1.bw", "dnase_rep2.bw"):
            _write_openness(folder / name, sizes, regions, rng)
        _write_gtf(folder / "genes.gtf")
        (folder / "genes.txt").write_text("".join(f"{gene.name}\n" for gene in GENES))
        _write_table(folder / "loops.bedpe", loops, header=False)
        _write_table(folder / "labels.bed", _bed6(labelled, labelled["label"]), header=False)
        _write_table(folder / "candidates.bed", _bed6(candidates, candidates["name"]), header=False)
        _write_table(folder / "blacklist.bed", blacklist, header=False)
        _write_table(folder / "truth_labels.tsv", labelled.drop(columns="role"), header=True)
        _write_table(folder / "truth_candidates.tsv", candidates.drop(columns="role"), header=True)
        _write_table(folder / "truth_tiles.tsv", tiles, header=True)
        if isinstance(out, BucketPath):
            for name in FILES:  # in an order in which the last one says that all are there
                (out / name).put(folder / name)
        else:
            folder.replace(out)
    return open_demo_genome(out)


def open_demo_genome(folder: Path) -> DemoGenome:
    """Name the files of a genome that was written before, and read its truth.

    Raises:
        MissingInputError: one of its files is not there.
    """
    for name in FILES:
        if not (folder / name).is_file():
            raise MissingInputError(
                "no whole synthetic genome; remove the folder and write it anew", path=folder / name
            )
    # An element without a decoy has an empty text there, which is not a missing value.
    truth = [pd.read_csv(folder / name, sep="\t", keep_default_na=False) for name in FILES[-3:]]
    fasta, first, second, loops, gtf, genes, labels, candidates, blacklist = (folder / f for f in FILES[:-3])
    return DemoGenome(
        folder, fasta, (first, second), loops, gtf, genes, labels, candidates, blacklist, *truth
    )


def _write_fasta(path: Path, sequences: dict[str, NDArray[np.uint8]]) -> None:
    """Write codes as a FASTA of 80 bases a line."""
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    with path.open("wb") as handle:
        for chrom, codes in sequences.items():
            text = letters[codes].tobytes()
            handle.write(b">" + chrom.encode() + b"\n")
            handle.writelines(text[i : i + 80] + b"\n" for i in range(0, len(text), 80))


def _write_openness(path: Path, sizes: dict[str, int], regions: pd.DataFrame, rng: Generator) -> None:
    """Write one replicate: Poisson counts per 10 bp round a bump on every open region; zeros are left out."""
    around = np.arange(-3 * OPEN_SD // TRACK_BIN, 3 * OPEN_SD // TRACK_BIN + 1)
    bump = np.exp(-0.5 * (around * TRACK_BIN / OPEN_SD) ** 2)
    with pyBigWig.open(str(path), "w") as handle:
        handle.addHeader(list(sizes.items()))
        for chrom, size in sizes.items():
            here = regions[regions["chrom"] == chrom]
            rate = np.full(size // TRACK_BIN, STRAY_READS)
            summits = (here["start"].to_numpy() + WIDTH // 2) // TRACK_BIN
            np.add.at(rate, summits[:, None] + around, here["reads"].to_numpy()[:, None] * bump)
            counts = rng.poisson(rate)
            starts = np.flatnonzero(counts)
            handle.addEntries(
                [chrom] * len(starts),
                starts * TRACK_BIN,
                ends=(starts + 1) * TRACK_BIN,
                values=counts[starts].astype(np.float64),
            )


def _write_gtf(path: Path) -> None:
    """Write GENCODE-style rows (1-based, closed): a canonical transcript, and one with its TSS upstream."""
    rows = []
    for number, gene in enumerate(GENES, start=900_001):
        common = f'gene_id "ENSG{number:011d}.1"; gene_type "protein_coding"; gene_name "{gene.name}";'
        rows.append((gene, "gene", -UPSTREAM, BODY, common))
        for version, first, tags in ((1, 0, ' tag "Ensembl_canonical";'), (2, -UPSTREAM, "")):
            more = f'{common} transcript_id "ENST{number:011d}.{version}"; transcript_type "protein_coding";'
            tags = f' tag "basic";{tags}'
            rows.append((gene, "transcript", first, BODY, more + tags))
            rows.append((gene, "exon", first, 200, f"{more} exon_number 1;{tags}"))
            rows.append((gene, "exon", BODY - 600, BODY, f"{more} exon_number 2;{tags}"))
    with path.open("w") as handle:
        handle.write("##description: synthetic genes of the raycre demo\n##format: gtf\n")
        for gene, feature, first, stop, attributes in rows:
            start, end = gene.genomic(MIDDLE + first, MIDDLE + stop)
            fields = (gene.chrom, "RAYCRE", feature, start + 1, end, ".", gene.strand, ".", attributes)
            handle.write("\t".join(map(str, fields)) + "\n")


def _bed6(regions: pd.DataFrame, name: pd.Series) -> pd.DataFrame:
    """Columns of a BED6 file; neither score nor strand means anything here."""
    return regions[["chrom", "start", "end"]].assign(name=name, score=0, strand=".")


def _write_table(path: Path, table: pd.DataFrame, *, header: bool) -> None:
    """Write tab-separated rows."""
    table.to_csv(path, sep="\t", header=header, index=False, lineterminator="\n")
