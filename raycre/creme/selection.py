"""What CREME chooses between its tests: genes by activity, contexts by class.

Functions of frames and arrays.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.creme.settings import PER_CLASS
from raycre.errors import InputError, RaycreError

TOP_GENES = 10_000  # per track; Methods, "Transcription start site selection"
CONTEXT_CLASSES = ("enhancing", "neutral", "silencing")  # in the order of the authors' tables
REFERENCE_STATE = 42  # the authors' random_state for contexts (DIVERGENCES 4)


class ActiveGenes(NamedTuple):
    """The TSSs to go on with.

    Attributes:
        rows: int64 (n,), positions in the table of candidates that are chosen on any track, ascending.
        member: bool (n, tracks), on which track each of them is.
        by_track: for each track int64 (at most `n`,), positions in the table by ascending activity, the order
            of the published lists.
    """

    rows: NDArray[np.int64]
    member: NDArray[np.bool_]
    by_track: tuple[NDArray[np.int64], ...]


def top_genes(
    table: pd.DataFrame, activity: NDArray[np.float64], n: int = TOP_GENES, compat: str = "fixed"
) -> ActiveGenes:
    """Take the highest TSS of every gene, and of these the `n` highest; track by track.

    "Top 10,000 unique genes": what makes a gene one, the text does not say. "reference" goes by gene_name as
    the authors' code does, so that loci that share a name are one gene (the copies of a pseudo-autosomal gene
    on X and Y, two genes both called by a family's name). "fixed" goes by gene_id, so that each locus is a
    gene. Of equal activities the earlier row ranks higher, under both; the authors' order of ties is that of
    an unstable sort and cannot be told.

    Args:
        table: candidate TSSs, a row each, with gene_id and gene_name (`genes.candidate_tss`).
        activity: float64 (rows, tracks), TSS activity of each.
        n: genes per track at most.
        compat: "fixed" or "reference".

    Raises:
        InputError: activities that are not those of the table, or an `n` below 1.
        RaycreError: an activity that is NaN or infinite.
    """
    if activity.ndim != 2 or len(activity) != len(table):
        raise InputError(f"{len(table):,} TSSs need activities (rows, tracks), got {activity.shape}")
    if n < 1:
        raise InputError("at least one gene must be taken", value=n)
    bad = np.flatnonzero(~np.isfinite(activity).all(axis=1))
    if bad.size:
        gene_id, values = table["gene_id"].iloc[bad[0]], activity[bad[0]].tolist()
        raise RaycreError(
            f"the model's TSS activity of {gene_id} is {values}; check the weights, and the dtype"
        )
    gene, _ = pd.factorize(table["gene_name" if compat == "reference" else "gene_id"])
    by_track = tuple(_highest(gene, activity[:, t], n) for t in range(activity.shape[1]))
    rows = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *by_track]))
    member = np.array([np.isin(rows, of_track) for of_track in by_track], dtype=bool)
    return ActiveGenes(rows, member.reshape(len(by_track), len(rows)).T, by_track)


def _highest(gene: NDArray[np.int64], activity: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Return the rows of the `n` highest genes by their highest TSS, ascending."""
    ranked = np.argsort(-activity, kind="stable")
    _, first = np.unique(gene[ranked], return_index=True)
    return ranked[np.sort(first)][:n][::-1]


def sample_contexts(
    classes: pd.DataFrame, n: int | None = PER_CLASS, seed: int = 0, compat: str = "fixed"
) -> NDArray[np.int64]:
    """Keep at most `n` genes of each context class on each track; all of a class that has no more.

    "fixed" keeps the `n` whose identity (seed, gene, track) has the smallest hash: which they are does not
    depend on the order of the rows, and further genes of a run change it only where they are drawn
    themselves. "reference" samples rows as the authors' code does (pandas, random_state 42), which depends
    on their order and not on `seed`; on their rows it gives their choice.

    Args:
        classes: a row per gene and track: gene (what tells its window from all others), track, call (from
            `context_classes`; others than `CONTEXT_CLASSES`, null included, are never kept).
        n: None keeps all, as the published selection of Borzoi does where the text says 200: it has 204
            enhancing contexts of K562 (DIVERGENCES 15).
        seed: the run's own, for "fixed".
        compat: "fixed" or "reference".

    Returns:
        int64 (kept,), positions of rows: ascending under "fixed"; under "reference" track by track and class
        by class, in the order drawn.

    Raises:
        InputError: a gene that is there twice on a track, or an `n` below 1.
    """
    if n is not None and n < 1:
        raise InputError("at least one context of a class must be kept", value=n)
    _refuse_repeats(classes, ["gene", "track"])
    call, track = classes["call"].to_numpy(), classes["track"].to_numpy()
    kept = []
    for t in dict.fromkeys(track.tolist()):
        for name in CONTEXT_CLASSES:
            rows = np.flatnonzero((track == t) & (call == name))
            if n is not None and len(rows) > n:
                if compat == "reference":
                    rows = pd.Series(rows).sample(n=n, random_state=REFERENCE_STATE).to_numpy()
                else:
                    rows = rows[order_by_hash(classes.iloc[rows], ["gene", "track"], seed)[:n]]
            kept.append(rows)
    sampled = np.concatenate([np.empty(0, dtype=np.int64), *kept])
    return sampled if compat == "reference" else np.sort(sampled)


def order_by_hash(table: pd.DataFrame, identity: list[str], seed: int) -> NDArray[np.int64]:
    """Return the order of rows by the hash of seed and identity, whatever order they come in: int64 (n,)."""
    columns = [table[column].tolist() for column in identity]
    hashes = [_hash(int(seed), *values) for values in zip(*columns, strict=True)]
    return np.argsort(np.array(hashes, dtype="S32"), kind="stable")


def _hash(*identity: object) -> str:
    return blake2b(repr(identity).encode(), digest_size=16).hexdigest()


def _refuse_repeats(table: pd.DataFrame, identity: list[str]) -> None:
    twice = table.duplicated(identity).to_numpy()
    if twice.any():
        row = table.iloc[int(np.argmax(twice))]
        raise InputError(
            f"{' and '.join(identity)} must be there once; drop the repeated row",
            value=tuple(str(row[column]) for column in identity),
        )
