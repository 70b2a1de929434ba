"""What tells the classes of the hard set apart, and where it is planted: functions of random generators.

Every number that makes the set hard stands at the top. It must not know files, readers or models.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from raycre.genome.classes import CLASSES

PAPER_COUNTS = (6_754, 10_528, 15_699, 18_631, 20_000)  # K562 (CREATE Methods, "Data collection"), as CLASSES
WIDTH, PITCH, JITTER, MARGIN = (
    1_000,
    1_500,
    200,
    5_000,
)  # bp: region, one to the next, play, chromosome's ends
NOISE = 0.02  # share of regions whose label is drawn anew

# No motif is another's reverse complement; by chance one comes every 130 kb (9 bp) or 520 kb (10 bp).
MOTIFS = {
    "A": "GATAAGACT", "B": "CAGGTGTCA", "E": "TGACTCAGC", "S": "GGAACAGTC", "P": "GCCCCGCCCA",
    "C": "CCACTAGGGG", "X": "TTCCGGAAT", "Y": "ATTTGCATG",
}  # fmt: skip
MUTATION = 0.01  # chance of each base of a site to be another
# A word is one site, or a pair of sites on one strand. Per class: chance that a region has it, fewest, most.
GAP = (3, 8)  # bp between the sites of a pair
WORDS = {
    "silencer": {"BA": (0.78, 4, 6), "S": (0.40, 2, 3)},
    "enhancer": {"AB": (0.78, 4, 6), "E": (0.40, 2, 3)},
    "promoter": {"P": (0.72, 3, 5)},
    "insulator": {"C": (0.72, 3, 5)},
    "background": {},
}
# Words that any region may have once, whatever its class.
STRAYS = {
    "A": 0.4, "B": 0.4, "E": 0.1, "S": 0.1, "P": 0.2, "C": 0.2, "AB": 0.04, "BA": 0.04, "X": 0.5, "Y": 0.5,
}  # fmt: skip
SLOT, FIRST_SLOT, N_SLOTS = 40, 60, 22  # bp, bp, words: apart, and inside under shifts of 20 bp
# Share of A and T turned into G or C: mean by class, and s.d. between regions of one class.
TILT = {"silencer": 0.06, "enhancer": 0.08, "promoter": 0.16, "insulator": 0.08, "background": 0.04}
TILT_SPREAD = 0.06

# Chance to be open; mean reads per 10 bp at the summit; s.d. of the bump of reads in bp.
OPEN = {
    "silencer": (0.60, 3.0, 150), "enhancer": (0.85, 4.0, 150), "promoter": (0.95, 8.0, 190),
    "insulator": (0.25, 4.0, 150), "background": (0.25, 4.0, 150),
}  # fmt: skip
OPEN_SPREAD, SUMMIT_PLAY = 0.7, 100  # s.d. of ln(reads) between regions; bp of the summit off the middle

LOOPS = {"silencer": 0.3, "enhancer": 1.2, "promoter": 1.8, "insulator": 3.5, "background": 0.3}  # mean
LOOPLESS = 0.10  # chance of a region to have none
ANCHOR, ANCHOR_PLAY = (600, 1_400), 150  # bp: width of an anchor, its centre off the region's


def place_regions(n: int, n_chromosomes: int, rng: Generator) -> tuple[pd.DataFrame, dict[str, int]]:
    """Lay n regions of shuffled classes on chromosomes.

    Returns:
        (regions, sizes): chrom, start, end (bp, 0-based half-open), planted (class), label (planted, but for
        NOISE); and bp of each chromosome.
    """
    share = np.array(PAPER_COUNTS) / sum(PAPER_COUNTS)
    counts = np.diff(np.rint(np.cumsum([0, *share]) * n).astype(np.int64))
    planted = rng.permutation(np.repeat(np.array(CLASSES, dtype=object), counts))
    noisy = rng.random(n) < NOISE
    label = np.where(noisy, rng.choice(np.array(CLASSES, dtype=object), size=n, p=share), planted)
    chroms, starts, sizes = [], [], {}
    for number, slots in enumerate(np.array_split(np.arange(n), n_chromosomes), start=1):
        chroms += [f"chr{number}"] * len(slots)
        play = rng.integers(0, JITTER + 1, size=len(slots))
        starts.append(MARGIN + PITCH * np.arange(len(slots)) + play)
        sizes[f"chr{number}"] = 2 * MARGIN + PITCH * len(slots)
    start = np.concatenate(starts)
    table = {"chrom": chroms, "start": start, "end": start + WIDTH, "planted": planted, "label": label}
    return pd.DataFrame(table), sizes


def draw_words(planted: pd.Series, rng: Generator) -> pd.DataFrame:
    """Draw each region's words: int64 (n, words), a column a word, how often it is written."""
    n = len(planted)
    counts = {word: (rng.random(n) < chance).astype(np.int64) for word, chance in STRAYS.items()}
    for label, words in WORDS.items():
        for word, (chance, fewest, most) in words.items():
            has = (planted == label).to_numpy() & (rng.random(n) < chance)
            counts[word] += has * rng.integers(fewest, most, endpoint=True, size=n)
    return pd.DataFrame(counts)


def write_words(
    codes: NDArray[np.uint8], starts: NDArray[np.int64], words: pd.DataFrame, rng: Generator
) -> None:
    """Write the words of regions into their chromosome's uint8 codes, in place, each in a slot of its own."""
    numbers = {
        name: np.array(["ACGT".index(base) for base in text], np.uint8) for name, text in MOTIFS.items()
    }
    names = np.array(words.columns, dtype=object)
    for start, counts in zip(starts, words.to_numpy(), strict=True):
        mine = np.repeat(names, counts)
        slots = rng.permutation(N_SLOTS)[: len(mine)]
        for word, slot in zip(mine, slots, strict=True):
            gap = rng.integers(0, 4, size=rng.integers(*GAP, endpoint=True), dtype=np.uint8)
            first, *second = (numbers[letter] for letter in word)
            sites = np.concatenate([first, gap, *second]) if second else first
            # A mutated base is one of the three others.
            wrong = rng.random(len(sites)) < MUTATION
            sites = (sites + wrong * rng.integers(1, 4, size=len(sites))).astype(np.uint8) % 4
            at = start + FIRST_SLOT + SLOT * slot + rng.integers(0, SLOT - len(sites), endpoint=True)
            codes[at : at + len(sites)] = sites if rng.random() < 0.5 else 3 - sites[::-1]


def tilt_bases(codes: NDArray[np.uint8], regions: pd.DataFrame, rng: Generator) -> None:
    """Turn some A and T of each region (start, end, planted) into G or C, in place."""
    means = regions["planted"].map(TILT).to_numpy(np.float64)
    shares = np.clip(rng.normal(means, TILT_SPREAD), 0, 1)
    for start, end, share in zip(regions["start"], regions["end"], shares, strict=True):
        here = codes[start:end]
        turned = (rng.random(len(here)) < share) & ((here == 0) | (here == 3))
        here[turned] = rng.integers(1, 3, size=int(turned.sum()), dtype=np.uint8)


def draw_openness(planted: pd.Series, rng: Generator) -> pd.DataFrame:
    """Draw reads per 10 bp at the summit (0: closed), spread and summit (bp off the middle) of regions."""
    n = len(planted)
    chance, reads, spread = (planted.map({c: OPEN[c][i] for c in CLASSES}).to_numpy(float) for i in range(3))
    is_open = rng.random(n) < chance
    reads = is_open * reads * rng.lognormal(0, OPEN_SPREAD, size=n)
    summit = rng.integers(-SUMMIT_PLAY, SUMMIT_PLAY + 1, size=n)
    return pd.DataFrame({"reads": reads, "spread": spread, "summit": summit})


def draw_loops(regions: pd.DataFrame, rng: Generator) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Tie regions of one chromosome at random; returns (loops over each region, BEDPE rows).

    An odd end, or one that would meet its own region, is dropped. Anchors do not reach a neighbour.
    """
    n = len(regions)
    wanted = rng.poisson(regions["planted"].map(LOOPS).to_numpy(float)) * (rng.random(n) >= LOOPLESS)
    pairs = []
    for _, here in regions.groupby("chrom", sort=False):
        ends = rng.permutation(np.repeat(here.index.to_numpy(), wanted[here.index]))
        tied = np.sort(ends[: len(ends) // 2 * 2].reshape(-1, 2), axis=1)
        pairs.append(tied[tied[:, 0] != tied[:, 1]])
    both = np.concatenate(pairs)
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    columns = {}
    for side, rows in enumerate(both.T, start=1):
        half = rng.integers(*ANCHOR, endpoint=True, size=len(rows)) // 2
        middle = regions["start"].to_numpy()[rows] + WIDTH // 2
        middle += rng.integers(-ANCHOR_PLAY, ANCHOR_PLAY + 1, size=len(rows))
        columns |= {f"chrom{side}": regions["chrom"].to_numpy()[rows], f"start{side}": middle - half}
        columns[f"end{side}"] = middle + half
    return np.bincount(both.ravel(), minlength=n), pd.DataFrame(columns)
