"""What has been predicted of each gene: parts of forward passes, in a folder a gene.

A pass is known when a finished part of its gene holds it, whichever run of the folder wrote that part. Knows
no test and no model: a pass is a name, a prediction is an array.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.store.bucket_path import BucketPath
from raycre.store.files import TEMPORARY
from raycre.store.parquet import read_table, write_table
from raycre.store.schemas import PASSES

StoredPredictions = dict[str, NDArray[np.float32]]
"""pass key -> float32 (bins, tracks)."""

PEAKS_PART = "peaks"  # the part of a gene's folder that holds no passes
_NO_PASSES = (TEMPORARY, f"{PEAKS_PART}.")  # how names begin that hold none
LONGEST = (
    120  # characters of a folder's name without its hash; file systems allow 255 bytes, suffixes included
)
_KEPT = "kept_tracks"  # metadata key of a part: track ids, in the order of its predictions


def folder_of(gene_id: str, chrom: str, tss: int, strand: str) -> str:
    """Return the name of a gene's folder: readable, one for each TSS, and a name on every file system.

    Signs that a file system or a reader of Parquet folders takes for something else (/ = : and the like, and
    letters beyond ASCII) become "-", a dot or underscore in front is not the first letter (such names are
    hidden or passed over), and a long name is cut. A hash then tells such names apart; an id with small
    letters has one too, as some file systems do not tell these from capitals.
    """
    place = f"{chrom}_{tss}_{'plus' if strand == '+' else 'minus'}"
    name = f"{gene_id}_{place}"
    plain = re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)
    plain = plain if plain[0].isalnum() else f"gene{plain}"
    plain = plain if len(plain) <= LONGEST else f"{plain[: LONGEST - len(place) - 1]}_{place}"
    if plain == name and gene_id == gene_id.upper():
        return name
    return f"{plain[:LONGEST]}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:12]}"


def digest_of_names(names: Sequence[str]) -> str:
    """Return 12 hexadecimal digits that name a list of names."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class PassStore:
    """Parts of one model's passes.

    Attributes:
        root: folder of the model; a gene's folder lies in it.
        tracks: ids of the tracks that parts keep.
    """

    root: Path
    tracks: tuple[int, ...]

    def names(self) -> Callable[[str], set[str]]:
        """Return what says, of many genes, the names of the finished parts of one, without their suffix.

        In a bucket it is one listing, made now; on a disk each folder is looked at when it is asked for.
        """
        if not isinstance(self.root, BucketPath):
            return lambda folder: {path.stem for path in self.parts(folder)}
        held: dict[str, bytearray] = {}  # a million names as objects of their own would be 100 MB
        for key in self.root.iter_listed():
            folder, _, name = key.rpartition("/")
            if name.endswith(".parquet") and not name.startswith(_NO_PASSES):
                held.setdefault(folder, bytearray()).extend(f"{name.removesuffix('.parquet')}\n".encode())
        return lambda folder: set(held.get(folder, b"").decode().split("\n")) - {""}

    def parts(self, folder: str) -> list[Path]:
        """Return the finished parts of a gene, by name."""
        if isinstance(self.root, BucketPath):
            place = self.root / folder
            held = sorted(path.name for path in place.iterdir() if path.name.endswith(".parquet"))
            return [place / name for name in held if not name.startswith(_NO_PASSES)]
        try:
            with os.scandir(self.root / folder) as entries:
                names = sorted(e.name for e in entries if e.name.endswith(".parquet") and e.is_file())
        except FileNotFoundError:
            return []
        return [self.root / folder / name for name in names if not name.startswith(_NO_PASSES)]

    def peaks(self, folder: str) -> Path:
        """Return where it stands, or would stand, at which bins a gene's wild type peaks."""
        return self.root / folder / f"{PEAKS_PART}.parquet"

    def keys(self, folder: str) -> set[str]:
        """Return the passes of a gene that are known."""
        names = (read_table(path, ["pass"])["pass"].to_pylist() for path in self.parts(folder))
        return {name for part in names for name in part}

    def read(self, folder: str, tracks: Sequence[int]) -> StoredPredictions:
        """Return all that is known of a gene, for some of the kept tracks (ids)."""
        found: StoredPredictions = {}
        for path in self.parts(folder):
            found |= read_part(path, tracks)
        return found

    def find(self, folder: str, key: str, tracks: Sequence[int]) -> NDArray[np.float32]:
        """Return the prediction of one pass, float32 (bins, tracks).

        Raises:
            KeyError: it is not known.
        """
        for path in self.parts(folder):
            if key in read_table(path, ["pass"])["pass"].to_pylist():
                return read_part(path, tracks)[key]
        raise KeyError(key)

    def write(
        self,
        path: Path,
        gene_id: str,
        tss: int,
        predictions: Mapping[str, NDArray[np.float32]],
        metadata: Mapping[str, str],
    ) -> None:
        """Write one part, atomically."""
        rows = np.stack(list(predictions.values())) if predictions else np.empty((0, 1), np.float32)
        n, width = len(rows), rows[0].size if len(rows) else 1
        ends = np.arange(0, (n + 1) * width, width, dtype=np.int64)
        lists = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(rows.ravel()))
        table = pa.Table.from_arrays(
            [
                pa.array([gene_id] * n, pa.string()),
                pa.array([tss] * n, pa.int64()),
                pa.array(list(predictions), pa.string()),
                lists.cast(PASSES.field("prediction").type),
            ],
            schema=PASSES,
        )
        kept = {_KEPT: json.dumps(self.tracks)}
        write_table(path, table.replace_schema_metadata({**metadata, **kept}), once=True)


def read_part(path: Path, tracks: Sequence[int]) -> StoredPredictions:
    """Read the predictions of some tracks (ids), float32 (bins, tracks) each.

    Raises:
        FormatError: a damaged part, or one that does not keep these tracks.
    """
    table = read_table(path, ["pass", "prediction"])
    kept = json.loads((table.schema.metadata or {}).get(_KEPT.encode(), b"[]"))
    place = {track: i for i, track in enumerate(kept)}
    lacking = [track for track in tracks if track not in place]
    if lacking:
        raise FormatError(
            "the part does not keep this track; remove it and run again", path=path, value=lacking[0]
        )
    if not len(table):
        return {}
    values = table["prediction"].combine_chunks().flatten().to_numpy()
    chosen = values.reshape(len(table), -1, len(kept))[:, :, [place[t] for t in tracks]]
    return dict(zip(table["pass"].to_pylist(), chosen, strict=True))


def remove_folder(path: Path) -> None:
    """Remove a folder of pieces that are no longer needed, if it is there."""
    if isinstance(path, BucketPath):
        path.remove_tree()
    else:
        shutil.rmtree(path, ignore_errors=True)
