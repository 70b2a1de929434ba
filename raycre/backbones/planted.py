"""A small deterministic model whose answers can be worked out by hand: it scores four planted motifs.

It makes CREME's result on the synthetic genome known beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from raycre.backbones.contract import Backbone, check_read
from raycre.errors import CheckpointError, ConfigError
from raycre.float64 import to_float64

# 15 bp: 100 shuffles of 65 kb hold 0.012 chance hits of a motif (2 x 65,536 x 100 / 4^15). One chance hit of
# an 11-mer in a few of them would already turn a neutral context into a silencing one.
MOTIFS = {
    "enhancer": "AGATAAGGTTGACTC",
    "silencer": "TTCAGCACCTCGGAC",
    "promoter": "AAGATGGCGTCCTGA",
    "insulator": "CCACTAGGGGCGCTA",
}
MOTIF_LENGTH = 15
BIN_SIZE = 128
BASE_ACTIVITY = 1.0  # of a promoter without enhancers
ENHANCER_WEIGHT = 20.0  # added per hit at distance 0, relative to the base activity
SILENCER_WEIGHT = 1.0  # per hit at distance 0, in the denominator
PROMOTER_REACH = 4  # bins on both sides in which a promoter hit counts for a bin
REACH_BP = {"planted-A": 20_000.0, "planted-B": 40_000.0}  # distance over which an effect falls to 1/e


class Planted(Backbone):
    """Activity from motif hits, additive in enhancers and divided by silencers.

    A hit is an exact match of a motif or of its reverse complement; N matches nothing. It counts in the
    128-bp bin of its 8th base, its centre, so the reverse complement of a sequence gives the same output
    with the bins turned round. With e, s, p = enhancer, silencer and promoter hits per bin, for output bin q
    and a track of reach r (20,000 bp for planted-A, 40,000 bp for planted-B):

        decay(b, q) = exp(-128 |b - q| / r)
        E = 20 sum_b e[b] decay(b, q)
        S =  1 sum_b s[b] decay(b, q)
        P = sum of p[b] over |b - q| <= 4
        y[q] = (1 + P) (1 + E) / (1 + S)

    Insulator motifs mark regions for CREATE and leave the activity alone. Two enhancer tiles that give E1
    and E2 at the TSS have context effect (E1 + E2) / (1 + E1 + E2) and necessity E1 / (1 + E1 + E2), which
    is also tile 1's sufficiency over WT; two silencer tiles have context effect -(S1 + S2), necessity
    -S1 / (1 + S2) and sufficiency over control -S1 / (1 + S1). The arithmetic is float64 inside, so that
    rounding in another order does not reach the float32 output.

    Args:
        seq_len: input length in bp, a multiple of 256; the output covers all of it.

    Raises:
        ConfigError: another seq_len.
    """

    shares_weights = True
    motif_words: Tensor

    def __init__(self, seq_len: int = 65_536) -> None:
        super().__init__()
        if seq_len <= 0 or seq_len % (2 * BIN_SIZE):
            raise ConfigError(
                f"planted reads a multiple of {2 * BIN_SIZE} bp, so that the TSS lies between two bins",
                value=seq_len,
            )
        self.name = "planted"
        self.seq_len = seq_len
        self.bin_size = BIN_SIZE
        self.n_bins = seq_len // BIN_SIZE
        self.trained = True  # its constants are the truth: nothing is left to train
        self.weights_sha256 = _constants_sha256()
        self.tracks = pd.DataFrame(
            {
                "track_id": range(len(REACH_BP)),
                "identifier": list(REACH_BP),
                "description": [f"CAGE:{biosample}" for biosample in REACH_BP],
                "assay": "CAGE",
                "biosample": list(REACH_BP),
            }
        )
        self.register_buffer("motif_words", _motif_words())
        self.reach_bp = torch.tensor(list(REACH_BP.values()), dtype=torch.float64)  # stays on the CPU

    def read(self, codes: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """Predict the wanted bins and tracks; see `Backbone.read` for shapes and errors."""
        check_read(self, codes, bins, tracks)
        hits = _hits(codes, self.motif_words)
        per_bin = to_float64(hits.unflatten(-1, (self.n_bins, self.bin_size)).sum(-1))  # (n, motifs, n_bins)
        enhancers, silencers, promoters, _ = per_bin.unbind(1)

        wanted = torch.tensor(list(bins), dtype=torch.int64, device=per_bin.device)
        apart = (torch.arange(self.n_bins, device=per_bin.device) - wanted[:, None]).abs()  # (bins, n_bins)
        reach = self.reach_bp[list(tracks)].to(per_bin.device)[:, None, None]
        decay = torch.exp(-self.bin_size * apart / reach)  # (tracks, bins, n_bins)

        enhancement = ENHANCER_WEIGHT * torch.einsum("nb,tqb->nqt", enhancers, decay)
        silencing = SILENCER_WEIGHT * torch.einsum("nb,tqb->nqt", silencers, decay)
        promoter = 1 + torch.einsum("nb,qb->nq", promoters, (apart <= PROMOTER_REACH).double())
        return (
            (promoter[..., None] * (BASE_ACTIVITY + enhancement) / (1 + silencing)).float().to(codes.device)
        )


def load_planted(weights: str | None = None, *, seq_len: int = 65_536) -> Planted:
    """Make the planted model, ready for inference.

    Raises:
        CheckpointError: `weights` is given; the model has none beyond its constants.
    """
    if weights is not None:
        raise CheckpointError("planted has no weights to load; leave model.weights out", value=weights)
    return Planted(seq_len).eval()


def load_registered(*, weights: str | None, head: str, track_table: Path | None) -> Planted:
    """Make the planted model as the registry asks for it; it has one head and brings its own tracks."""
    if track_table is not None:
        raise ConfigError("planted brings its own tracks; leave model.track_table out", path=track_table)
    return load_planted(weights)


def motif_hits(codes: Tensor) -> Tensor:
    """Mark the motifs of either strand at their centre base.

    Args:
        codes: uint8 (n, length), 0-3 = A, C, G, T and 4 = N.

    Returns:
        bool (n, 4, length), motifs in the order of `MOTIFS`; True at the 8th of a hit's 15 bases.
    """
    return _hits(codes, _motif_words().to(codes.device))


def _hits(codes: Tensor, motif_words: Tensor) -> Tensor:
    """`motif_hits` for words that already lie on the device of `codes`."""
    words = _words(codes)
    starts = torch.stack([(words == forward) | (words == reverse) for forward, reverse in motif_words], dim=1)
    return torch.nn.functional.pad(starts, (MOTIF_LENGTH // 2, MOTIF_LENGTH // 2))


def _words(codes: Tensor) -> Tensor:
    """Number every stretch of 15 bases in base 5, where N is a digit that no motif has.

    codes: uint8 (n, length); returns int64 (n, length - 14).
    """
    n_words = codes.shape[-1] - MOTIF_LENGTH + 1
    words = torch.zeros((*codes.shape[:-1], n_words), dtype=torch.int64, device=codes.device)
    for i in range(MOTIF_LENGTH):
        words.mul_(5).add_(codes[..., i : i + n_words])
    return words


def _motif_words() -> Tensor:
    """int64 (4, 2): the words of every motif and of its reverse complement."""
    forward = torch.tensor([["ACGT".index(base) for base in motif] for motif in MOTIFS.values()])
    reverse = 3 - forward.flip(-1)
    return torch.cat([_words(forward), _words(reverse)], dim=-1)


def _constants_sha256() -> str:
    """Hash of all that decides the output, in place of a hash of a weights' file."""
    constants = (
        MOTIFS,
        BIN_SIZE,
        BASE_ACTIVITY,
        ENHANCER_WEIGHT,
        SILENCER_WEIGHT,
        PROMOTER_REACH,
        REACH_BP,
    )
    return hashlib.sha256(repr(constants).encode()).hexdigest()
