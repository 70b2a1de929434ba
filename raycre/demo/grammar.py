"""The synthetic genome's grammar: which genes, elements, motifs, reads and loops are planted, and where.

The truth is worked out from scratch, windows of minus-strand genes included, so that it can convict the
readers and tests that it is compared with. It must not know those, nor files, nor any run or configuration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from raycre.backbones.planted import MOTIF_LENGTH, MOTIFS, motif_hits
from raycre.genome.classes import CLASSES

CANDIDATE_MIX = (0.12, 0.14, 0.06, 0.13, 0.55)  # share of each class among candidates outside gene windows
WIDTH, PITCH, JITTER = 1_000, 1_200, 100  # bp: a region, one to the next, play; shifts of 20 bp never meet
MARGIN = 5_000  # bp without elements at a chromosome's ends and between gene windows

MISSING = 0.08  # chance that an element lacks its motifs, by itself its openness, by itself its loops
DECOY = 0.10  # chance that a background region holds one motif, by itself some openness
HITS = (4, 8)  # fewest and most motifs of an element
N_LOOPS = {"silencer": 0.2, "enhancer": 1.0, "promoter": 1.0, "insulator": 3.0, "background": 0.2}  # mean
# Mean reads per 10 bp at the summit of an open region.
OPEN_READS = {"silencer": 7.0, "enhancer": 7.0, "promoter": 15.0, "insulator": 4.0, "background": 4.0}
OPEN_SPREAD = 0.5  # s.d. of the logarithm of the reads between regions of one class

WINDOW, TILE = 65_536, 5_000  # bp: input of the planted backbone, CREME's tile
MIDDLE = WINDOW // 2  # where the TSS base lies in the model input
GENE_HITS = 6  # motif hits in every element of a gene
CHROMS = ("chr1", "chr2", "chr3")
# Row: a base, column: the next one. CG is rare, as in mammals.
TRANSITIONS = np.array(
    [[0.33, 0.17, 0.28, 0.22], [0.34, 0.26, 0.06, 0.34], [0.27, 0.21, 0.26, 0.26], [0.22, 0.20, 0.25, 0.33]]
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


def place_gene_elements(rng: Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
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


def place_regions(n_labelled: int, n_candidates: int, rng: Generator) -> tuple[pd.DataFrame, dict[str, int]]:
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


def draw_loops(regions: pd.DataFrame, rng: Generator) -> tuple[NDArray[np.int64], pd.DataFrame]:
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


def draw_sequence(size: int, rng: Generator) -> NDArray[np.uint8]:
    """Draw uint8 (size,) codes 0-3 from a first-order Markov chain: 4,096 chains side by side, end to end."""
    cumulative = np.cumsum(TRANSITIONS, axis=1)[:, :3]
    steps = -(-size // 4_096)
    chains = np.empty((steps, 4_096), dtype=np.uint8)
    chains[0] = rng.integers(0, 4, size=4_096)
    for i in range(1, steps):
        chains[i] = (rng.random(4_096)[:, None] > cumulative[chains[i - 1]]).sum(axis=1)
    return chains.T.ravel()[:size].copy()


def plant_motifs(codes: NDArray[np.uint8], regions: pd.DataFrame, rng: Generator) -> None:
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
