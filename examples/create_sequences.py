"""Write CREATE's published example arrays as the files that `raycre train` reads: FASTA and BED.

Every sequence becomes a contig of its own, because the example gives no coordinates. Knows no model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raycre.create.layout import CLASSES, WIDTH
from raycre.errors import FormatError, LabelError

LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)  # rows of the example's one-hot arrays, then no base


def letters_of(one_hot: NDArray[np.uint8]) -> list[str]:
    """Return the sequences of one-hot uint8 (n, 4, width); a column of zeros is N."""
    base = np.where(one_hot.any(axis=1), one_hot.argmax(axis=1), 4)
    return [row.tobytes().decode() for row in LETTERS[base]]


def main() -> None:
    """Read both arrays, check them, and write OUT/sequences.fa and OUT/labels.bed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seqs", type=Path, required=True, help="test_seqs.npy: one-hot (n, 4, 1000)")
    parser.add_argument("--labels", type=Path, required=True, help="test_labels.npy: integers 0-4 (n,)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    given = parser.parse_args()
    one_hot, labels = np.load(given.seqs), np.load(given.labels)
    if one_hot.shape != (len(labels), 4, WIDTH) or (one_hot.sum(axis=1) > 1).any():
        raise FormatError(f"not one-hot ({len(labels)}, 4, {WIDTH})", path=given.seqs, value=one_hot.shape)
    if not np.isin(labels, np.arange(len(CLASSES))).all():
        raise LabelError(f"a label is not 0-{len(CLASSES) - 1}", path=given.labels)
    names = [f"seq{i:04d}" for i in range(len(labels))]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "sequences.fa").write_text(
        "".join(f">{name}\n{letters}\n" for name, letters in zip(names, letters_of(one_hot), strict=True))
    )
    (given.out / "labels.bed").write_text(
        "".join(f"{name}\t0\t{WIDTH}\t{CLASSES[k]}\n" for name, k in zip(names, labels, strict=True))
    )
    no_base = int((~one_hot.any(axis=(1, 2))).sum())
    print(f"{len(labels):,} sequences, {no_base} of them without any base, in {given.out}")


if __name__ == "__main__":
    main()
