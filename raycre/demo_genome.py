"""A small synthetic genome with planted grammar: every label, track, loop and CREME effect in it is known.

The truth is worked out here from scratch, windows of minus-strand genes included, so that it can convict the
readers and tests that it is compared with. It must not know those, nor any run or configuration.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from raycre.backbones.planted import MOTIF_LENGTH, MOTIFS, motif_hits
from raycre.errors import ConfigError, MissingInputError

CLASSES = ("silencer", "enhancer", "promoter", "insulator", "background")
CANDIDATE_MIX = (0.12, 0.14, 0.06, 0.13, 0.55)  # share of each class among candidates outside gene windows
WIDTH, PITCH, JITTER = 1_000, 1_200, 100  # bp: a region, one to the next, play; shifts of 20 bp never meet
MARGIN = 5_000  # bp without elements at a chromosome's ends and between gene windows

MISSING = 0.08  # chance that an element lacks its motifs, by itself its openness, by itself its loops
DECOY = 0.10  # chance that a background region holds one motif, by itself some openness
HITS = (4, 8)  # fewest and most motifs of an element
N_LOOPS = {"silencer": 0.2, "enhancer": 1.0, "promoter": 1.0, "insulator": 3.0, "background": 0.2}  # mean
OPEN_READS = {"silencer": 7.0, "enhancer": 7.0, "promoter": 15.0, "insulator": 4.0, "background": 4.0}
STRAY_READS = 0.3  # like OPEN_READS per 10-bp bin; those at the summit, these everywhere
OPEN_SPREAD = 0.5  # s.d. of the logarithm of the reads between regions of one class
OPEN_SD, TRACK_BIN = 150, 10  # bp: s.d. of the bump of reads, resolution

WINDOW, TILE = 65_536, 5_000  # bp: input of the planted backbone, CREME's tile
MIDDLE = WINDOW // 2  # where the TSS base lies in the model input
GENE_HITS = 6  # motif hits in every element of a gene
BODY = 2_400  # bp from the canonical TSS to the gene's end
UPSTREAM = 300  # bp by which a second transcript starts earlier: the gene's edge is not the canonical TSS
CHROMS = ("chr1", "chr2", "chr3")
# Row: a base, column: the next one. CG is rare, as in mammals.
TRANSITIONS = np.array(
    [[0.33, 0.17, 0.28, 0.22], [0.34, 0.26, 0.06, 0.34], [0.27, 0.21, 0.26, 0.26], [0.22, 0.20, 0.25, 0.33]]
)


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
class Gene:
    """A gene in the middle of its own window.

    Attributes:
        distal: class of its distal elements ("enhancer", "silencer"), "" without any.
        steps: their tiles, counted from the TSS tile in the direction of the gene.
        place: which window of its chromosome, from 0.
    """

    name: str
    chrom: str
    strand: str
    distal: str
    steps: tuple[int, ...]
    place: int

    def genomic(self, start: int, end: int) -> tuple[int, int]:
        """Turn an interval of the model input, which runs in gene direction, into one of the chromosome."""
        left = MARGIN + self.place * (WINDOW + MARGIN)
        return (
            (left + start, left + end) if self.strand == "+" else (left + WINDOW - end, left + WINDOW - start)
        )


GENES = (
    Gene("ENHA", "chr1", "+", "enhancer", (-3, 2), 0),
    Gene("SILA", "chr1", "-", "silencer", (-1, 2), 1),
    Gene("ENHB", "chr1", "-", "enhancer", (-1, 3), 2),
    Gene("SILB", "chr2", "+", "silencer", (-3, 1), 0),
    Gene("ENHC", "chr2", "+", "enhancer", (2, 4), 1),
    Gene("SILC", "chr3", "-", "silencer", (-2, -4), 0),
    Gene("NEUT", "chr3", "-", "", (), 1),
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
    tiles, of_genes = _place_gene_elements(rng)
    if n_labelled < len(CLASSES) or n_candidates < len(of_genes):
        least = f"{len(CLASSES)} labelled regions and {len(of_genes)} candidates"
        raise ConfigError(f"a synthetic genome has at least {least}", value=(n_labelled, n_candidates))
    elsewhere, sizes = _place_regions(n_labelled, n_candidates - len(of_genes), rng)
    regions = pd.concat([of_genes, elsewhere]).sort_values(["chrom", "start"], ignore_index=True)
    regions["loops"], loops = _draw_loops(regions, rng)
    sequences = {chrom: _draw_sequence(size, rng) for chrom, size in sizes.items()}
    for chrom, here in regions.groupby("chrom"):
        _plant_motifs(sequences[str(chrom)], here, rng)

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

    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
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


def _place_gene_elements(rng: Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Plan a promoter on every TSS and one element in each of a gene's tiles; returns (tiles, elements)."""
    tiles, elements = [], []
    for gene in GENES:
        promoter = gene.genomic(MIDDLE - WIDTH // 2, MIDDLE + WIDTH // 2)
        elements.append((gene.chrom, *promoter, "promoter", gene.name))
        for step in gene.steps:
            tile = MIDDLE - TILE // 2 + step * TILE
            inside = tile + int(rng.integers(500, TILE - WIDTH - 500))
            role = f"{gene.name}{step:+d}"
            elements.append((gene.chrom, *gene.genomic(inside, inside + WIDTH), gene.distal, role))
            sign = 1 if gene.distal == "enhancer" else -1
            place = (tile, tile + TILE, gene.chrom, *gene.genomic(tile, tile + TILE))
            tiles.append((gene.name, gene.strand, *place, sign, role))
    columns = ["gene_name", "strand", "offset_start", "offset_end", "chrom", "start", "end", "sign", "role"]
    table = pd.DataFrame(elements, columns=["chrom", "start", "end", "label", "role"])
    table = table.assign(hits=GENE_HITS, decoy="", reads=table["label"].map(OPEN_READS))
    return pd.DataFrame(tiles, columns=columns), table


def _place_regions(n_labelled: int, n_candidates: int, rng: Generator) -> tuple[pd.DataFrame, dict[str, int]]:
    """Plan the regions outside gene windows and what each lacks or pretends; returns (regions, sizes)."""
    n = n_labelled + n_candidates
    label = np.concatenate(
        [
            np.resize(np.array(CLASSES, dtype=object), n_labelled),
            rng.choice(np.array(CLASSES, dtype=object), size=n_candidates, p=CANDIDATE_MIX),
        ]
    )
    role = np.repeat(np.array(["labelled", "candidate"], dtype=object), [n_labelled, n_candidates])
    order = rng.permutation(n)
    regions = pd.DataFrame({"label": label[order], "role": role[order]})
    plain = (regions["label"] == "background").to_numpy()
    lacks_motifs, lacks_openness = rng.random((2, n)) < MISSING
    misleads, is_open = rng.random((2, n)) < DECOY
    regions["hits"] = np.where(plain | lacks_motifs, 0, rng.integers(*HITS, endpoint=True, size=n))
    regions["decoy"] = np.where(
        plain & misleads, rng.choice(np.array(CLASSES[:-1], dtype=object), size=n), ""
    )
    open_now = np.where(plain, is_open, ~lacks_openness)
    regions["reads"] = regions["label"].map(OPEN_READS) * open_now * rng.lognormal(0, OPEN_SPREAD, size=n)

    sizes, starts, chroms = {}, [], []
    for chrom, slots in zip(CHROMS, np.array_split(np.arange(n), len(CHROMS)), strict=True):
        first = MARGIN + sum(gene.chrom == chrom for gene in GENES) * (WINDOW + MARGIN)
        starts.append(first + PITCH * np.arange(len(slots)) + rng.integers(0, JITTER + 1, size=len(slots)))
        chroms.append(np.full(len(slots), chrom, dtype=object))
        sizes[chrom] = first + PITCH * len(slots) + MARGIN
    regions.insert(0, "chrom", np.concatenate(chroms))
    regions.insert(1, "start", np.concatenate(starts))
    regions.insert(2, "end", regions["start"] + WIDTH)
    return regions, sizes


def _draw_loops(regions: pd.DataFrame, rng: Generator) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Draw how many loops each region wants and tie them at random; returns (loops per region, BEDPE rows).

    Only regions of one chromosome are tied; an odd end, or one that would meet its own region, is dropped.
    """
    wanted = rng.poisson(regions["label"].map(N_LOOPS)) * (rng.random(len(regions)) >= MISSING)
    pairs = []
    for _, here in regions.groupby("chrom"):
        ends = rng.permutation(np.repeat(here.index.to_numpy(), wanted[here.index]))
        tied = np.sort(ends[: len(ends) // 2 * 2].reshape(-1, 2), axis=1)
        pairs.append(tied[tied[:, 0] != tied[:, 1]])
    both = np.concatenate(pairs)
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    anchors = regions[["chrom", "start", "end"]]
    sides = [anchors.iloc[both[:, side]].add_suffix(str(side + 1)).reset_index(drop=True) for side in (0, 1)]
    return np.bincount(both.ravel(), minlength=len(regions)), pd.concat(sides, axis=1)


def _draw_sequence(size: int, rng: Generator) -> NDArray[np.uint8]:
    """Draw uint8 (size,) codes 0-3 from a first-order Markov chain: 4,096 chains side by side, end to end."""
    cumulative = np.cumsum(TRANSITIONS, axis=1)[:, :3]
    steps = -(-size // 4_096)
    chains = np.empty((steps, 4_096), dtype=np.uint8)
    chains[0] = rng.integers(0, 4, size=4_096)
    for i in range(1, steps):
        chains[i] = (rng.random(4_096)[:, None] > cumulative[chains[i - 1]]).sum(axis=1)
    return chains.T.ravel()[:size].copy()


def _plant_motifs(codes: NDArray[np.uint8], regions: pd.DataFrame, rng: Generator) -> None:
    """Write every region's motifs into its chromosome's codes, in place, and break those made by chance."""
    motifs = {name: np.array(["ACGT".index(base) for base in MOTIFS[name]], np.uint8) for name in MOTIFS}
    planted = np.zeros(len(codes), dtype=bool)
    columns = (regions[column].tolist() for column in ("start", "label", "hits", "decoy"))
    for region_start, label, hits, decoy in zip(*columns, strict=True):
        names = [label] * hits + [decoy] * bool(decoy)
        # Places of 20 bp, 60 bp from the edges: motifs do not touch, and stay inside under a shift of 20 bp.
        places = region_start + 60 + 20 * rng.choice(44, size=len(names), replace=False)
        for name, start in zip(names, places + rng.integers(0, 5, size=len(names)), strict=True):
            motif = motifs[name]
            codes[start : start + MOTIF_LENGTH] = motif if rng.random() < 0.5 else 3 - motif[::-1]
            planted[start : start + MOTIF_LENGTH] = True
    while True:
        centres = motif_hits(torch.from_numpy(codes)[None])[0].any(dim=0).nonzero()[:, 0].numpy()
        bases = centres[:, None] + np.arange(MOTIF_LENGTH) - MOTIF_LENGTH // 2
        strays = bases[~planted[bases].all(axis=1)]
        if not len(strays):
            return
        breakable = strays[np.arange(len(strays)), np.argmin(planted[strays], axis=1)]
        codes[breakable] = (codes[breakable] + 1) % 4


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
