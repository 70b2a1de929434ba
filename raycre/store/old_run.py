"""What a run of each verb writes, and how an old run is taken out of its folder: file by file, nothing else.

A folder is a run's when raycre's own run.json says so. Only files that a run of its verb writes are removed,
and folders that are empty then. run.json is renamed first and removed last: what a removal that was cut off
leaves behind is no run that anything could read or go on with, and --fresh still knows it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeGuard

from raycre.errors import ConfigError, InputError, RunMismatchError
from raycre.store.bucket_path import BucketPath
from raycre.store.files import TEMPORARY_NAME, read_json
from raycre.store.lease import FOLDER, live_epochs
from raycre.store.ledger import is_mark
from raycre.store.location import path_of

RECORD, REMOVED = "run.json", "run.json.removed"  # the second one while a run is being removed

_ATTEMPTS = "attempts/*"
_JOURNAL = "journal/*.jsonl"
_COMMON = ("plan.parquet", "failures.parquet", _ATTEMPTS, _JOURNAL)
_MATERIALISED = tuple(
    f"inputs/{name}"
    for name in ("regions.parquet", "codes.npy", "openness.npy", "loops.npy", "label.npy", "fold.npy",
                 "divisors.json")
)  # fmt: skip
_FOLD = ("cutoffs.json", "best.safetensors", "last.pt", "history.parquet", "predictions.parquet",
         "progress.json", "error.json", "embeddings.parquet", "spectrum.parquet", "major_features.parquet",
         "reconstruction.parquet", "decoders.parquet", "zeroed.parquet", "codebook.parquet")  # fmt: skip
RAY_FOLDERS = f"train/{'[0-9a-f]' * 32}"  # Ray Train's own folders, of trainings that were cut off

WRITES: Mapping[str, tuple[str, ...]] = {
    "train": (
        *_COMMON,
        *_MATERIALISED,
        *(f"folds/fold=[0-9]*/{name}" for name in _FOLD),
        *(f"summary/{name}.parquet" for name in ("metrics", "curves", "confusion")),
        RAY_FOLDERS,
    ),
    "sweep": (*_COMMON, *_MATERIALISED, "summary/sweep.parquet", RAY_FOLDERS),
    "predict": (
        *_COMMON,
        "inputs/regions.parquet",
        "predictions/part-*.parquet",
        "codes/part-*.parquet",
        "summary/calls.parquet",
    ),
    "prepare": (
        _JOURNAL,
        "labels.parquet",
        "candidates.parquet",
        "train.yaml",
        "predict.yaml",
        "sources.yaml",
        *(f"summary/{name}.parquet" for name in ("counts", "labels_dropped", "lift", "lift_lost")),
    ),
    "creme": (
        *_COMMON,
        "inputs/genes.parquet",
        *(f"passes/model=*/*/{kind}-*.parquet" for kind in ("part", "chain")),
        "passes/model=*/*/chain-*/piece-*.parquet",
        "passes/model=*/*/peaks.parquet",
        "effects/test=*/model=*/part-*.parquet",
        *(f"summary/{name}.parquet" for name in ("calls", "activity", "elements", "sampled", "peaks")),
        # Of `raycre compare`, whose results go with the run that they are about.
        "summary/compare_*.parquet",
        "summary/compare_*/part-*.parquet",
        "summary/compare_fasta/*.fa",
    ),
    "annotate": (
        "failures.parquet",
        _ATTEMPTS,
        "inputs/regions.parquet",
        "annotate_*.parquet",
        "annotate_*/part-*.parquet",
        "files/*",
    ),
}
"""Verb -> patterns of the files that a run writes, below its folder; run.json itself is beside them, and the
lease while a run is under way, which whoever holds it takes away."""


@dataclass(frozen=True)
class OldRun:
    """A run that is in the way, as its run.json proves it.

    Attributes:
        out: the folder.
        record: its run.json, or what is left of it after a removal that was cut off.
        files: all else of it that there is; Ray Train's own folders count as files.
        inner: the runs of a sweep.
    """

    out: Path
    record: Path
    verb: str
    name: str
    files: tuple[Path, ...]
    inner: tuple[OldRun, ...] = ()

    @property
    def all_files(self) -> list[Path]:
        """Everything that `remove_run` removes."""
        return [self.record, *self.files, *(path for run in self.inner for path in run.all_files)]

    def __str__(self) -> str:
        """Say in a line what is removed, and what in the folder is left."""
        files = self.all_files
        size = _bytes_of(files, self.out)
        tops = sorted({path.relative_to(self.out).parts[0] for path in files})
        kept = sorted(_others(self.out, set(files)))
        left = f"; left as they are: {', '.join(kept[:5])}{', …' * (len(kept) > 5)}" if kept else ""
        return (
            f"the {self.verb} run {self.name!r} in {self.out}: {len(files):,} files, {size / 1e6:,.1f} MB "
            f"({', '.join(tops)}){left}"
        )


def _bytes_of(files: Iterable[Path], out: Path) -> int:
    if isinstance(out, BucketPath):
        sizes = out.sizes()
        return sum(sizes.get(str(path.relative_to(out)), 0) for path in files)
    return sum(path.lstat().st_size for path in files)


def files_of(out: Path, verb: str) -> list[Path]:
    """Return the files in `out` that have the names of what a run of `verb` writes."""
    if isinstance(out, BucketPath):
        fitting = out.glob_all([pattern for pattern in WRITES[verb] if pattern != RAY_FOLDERS])
        files = [path for path in fitting if not path.match(_ATTEMPTS) or is_mark(path)]
        if RAY_FOLDERS in WRITES[verb]:  # whatever lies in them
            top, _, name = RAY_FOLDERS.partition("/")
            files += [out / top / key for key in (out / top).listed() if fnmatchcase(key.split("/")[0], name)]
        return sorted(files)
    found: set[Path] = set()
    for pattern in WRITES[verb]:
        ours = {_ATTEMPTS: is_mark, RAY_FOLDERS: Path.is_dir}.get(pattern, _is_file)
        found |= {path for path in out.glob(pattern) if ours(path)}
    return sorted(found)


def leftovers(out: Path, verb: str) -> list[Path]:
    """Return what killed writers of a run of `verb` left beside their files; of no epoch that is alive."""
    if isinstance(out, BucketPath):
        return []  # an object is put under its own name
    folders = {Path(pattern).parent for pattern in WRITES[verb] if pattern != RAY_FOLDERS}
    live = live_epochs(out)
    names = {path: TEMPORARY_NAME.match(path.name) for f in folders for path in out.glob(f"{f}/.*")}
    return sorted(path for path, name in names.items() if name and name[1] not in live and _is_file(path))


def is_record(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is the run.json of a raycre run."""
    return (
        isinstance(value, dict)
        and value.get("verb") in WRITES
        and isinstance(value.get("identity"), dict)
        and re.fullmatch(r"[0-9a-f]{64}", str(value.get("digest"))) is not None
        and isinstance(value.get("versions"), dict)
        and "raycre" in value["versions"]
    )


def check_no_foreign(out: Path, verb: str) -> None:
    """Raise where a folder without run.json holds files that a run of `verb` would take for its own.

    Raises:
        RunMismatchError: it does, or an earlier removal was cut off there.
    """
    if (out / REMOVED).is_file():
        raise RunMismatchError(
            "an earlier --fresh was cut off while it removed the run in this folder; give --fresh again to "
            "finish that, or give the run another run.out",
            path=out,
        )
    foreign = [path for path in files_of(out, verb) if path.parent.name not in ("attempts", "journal")]
    if foreign:
        raise RunMismatchError(
            f"the folder has no run.json, but holds {foreign[0].relative_to(out)}"
            f"{f' and {len(foreign) - 1:,} more' if len(foreign) > 1 else ''}, which a {verb} run would take "
            "for its own (--fresh removes only what a run.json proves to be a run's); give the run another "
            "run.out, or move these files",
            path=out,
        )


def find_old(out: Path, verb: str) -> OldRun | None:
    """Return the run of `verb` that a folder holds; None where it holds no run.

    Raises:
        RunMismatchError: a run.json that raycre has not written, or one of another verb.
    """
    record = next((out / name for name in (RECORD, REMOVED) if (out / name).is_file()), None)
    if record is None:
        return None
    value = read_json(record)
    if not is_record(value):
        raise RunMismatchError(
            "is not the record of a raycre run, so nothing here is known to be one's; give the run another "
            "run.out",
            path=record,
        )
    if value["verb"] != verb:
        raise RunMismatchError(
            f"the folder holds a {value['verb']} run, and --fresh of {verb} removes only {verb} runs; give "
            "the run another run.out, or remove the folder by hand",
            path=out,
        )
    inner = list(_inner_runs(out)) if verb == "sweep" else []
    files = [*files_of(out, verb), *leftovers(out, verb)]
    return OldRun(out, record, verb, str(value.get("name")), tuple(files), tuple(inner))


def check_reads_nothing(old: OldRun, reads: Mapping[str, Path]) -> None:
    """Raise where removing a run would remove what the new one reads.

    Args:
        reads: files and folders by their key in the configuration; symbolic links are followed.

    Raises:
        InputError: one of them is among the run's files, or holds some of them.
    """
    places = {key: {path.resolve(), path.parent.resolve() / path.name} for key, path in reads.items()}
    folders: dict[Path, Path] = {}
    for file in old.all_files:
        folder = folders.setdefault(file.parent, file.parent.resolve())
        for key, mine in places.items():
            if any(place in (folder / file.name, folder) or place in folder.parents for place in mine):
                raise InputError(
                    f"--fresh would remove this file, and {key} ({reads[key]}) reads it; nothing was "
                    "removed: give the run another run.out",
                    path=file,
                )


def paths_in(config: Mapping[str, Any], prefix: str = "") -> dict[str, Path]:
    """Return the values of a configuration that name something on this disk or in a bucket, by dotted key."""
    found: dict[str, Path] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= paths_in(value, f"{name}.")
        else:
            values = value if isinstance(value, list | tuple) else [value]
            for i, inner in enumerate(values):
                if isinstance(inner, Mapping):  # as of the sources of `prepare`
                    found |= paths_in(inner, f"{name}[{i}].")
            named = [_place(v) for v in values if isinstance(v, str | Path) and _exists(v)]
            found |= {f"{name}[{i}]" if i else name: path for i, path in enumerate(named)}
    return found


def remove_run(old: OldRun) -> None:
    """Remove a run's files, and folders that are empty then; never the run's folder itself.

    Raises:
        OSError: the system refuses; what is left is no run until --fresh has removed that, too.
    """
    marked = old.out / REMOVED
    old.record.replace(marked)  # takes no room, so that a full disk can be emptied
    for run in old.inner:
        remove_run(run)
        _remove_empty(run.out, old.out)
    if isinstance(old.out, BucketPath):
        old.out.remove(old.files)
        marked.unlink()
        return
    for path in old.files:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        _remove_empty(path.parent, old.out)
    _remove_empty(old.out / "attempts", old.out)  # of units that are all done
    marked.unlink()


def _inner_runs(out: Path) -> Iterator[OldRun]:
    """The runs of a sweep; what else is in its folder is left."""
    for folder in sorted(path for path in out.glob("sweep/*") if path.is_dir()):
        with suppress(InputError):
            if (run := find_old(folder, "train")) is not None:
                yield run


def _remove_empty(folder: Path, out: Path) -> None:
    """Remove `folder` and those above it, up to `out`, as far as they are empty."""
    here = Path.cwd()
    while folder != out and out in folder.parents and folder.resolve() != here:
        try:
            folder.rmdir()
        except OSError:  # not empty, or a link to a folder elsewhere
            return
        folder = folder.parent


def _others(out: Path, files: set[Path]) -> Iterator[str]:
    """Names in `out` of which something stays."""
    if isinstance(out, BucketPath):
        rest = {Path(name).parts for name in out.listed() if out / name not in files}
        yield from sorted({f"{p[0]}{'/' * (len(p) > 1)}" for p in rest if p[0] not in ("attempts", FOLDER)})
        return
    for entry in out.iterdir():
        inside = {Path(top, name) for top, folders, names in os.walk(entry) for name in (*folders, *names)}
        stay = {path for path in inside if path.is_symlink() or not path.is_dir()} or {entry}
        if entry.name not in ("attempts", FOLDER) and any(
            files.isdisjoint((path, *path.parents)) for path in stay
        ):
            yield f"{entry.name}{'/' * entry.is_dir()}"


def _is_file(path: Path) -> bool:
    return path.is_file() or path.is_symlink()


def _place(value: str | Path) -> Path:
    return value if isinstance(value, Path) else path_of(value)


def _exists(value: str | Path) -> bool:
    with suppress(OSError, ValueError, ConfigError):  # text that cannot be a path
        place = _place(value)
        # Of an object nobody asks: what is not there is not removed either.
        return isinstance(place, BucketPath) or (bool(str(value)) and place.exists())
    return False
