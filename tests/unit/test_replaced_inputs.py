"""A file that is replaced between two runs of one process, or in mid-run, is never read for the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from raycre.demo.genome import DemoGenome
from raycre.errors import ChangedInputError
from raycre.genome.fasta import Fasta
from raycre.store.files import read_json, sha256_of
from raycre.store.parquet import read_parts
from raycre.workflows.perturb.run import run_creme
from raycre.workflows.predict import run as prediction
from tests.by_hand import write_training
from tests.conftest import perturb_config, predict_config
from tests.in_process import OneReplica, run_predict


@pytest.fixture
def own(genome: DemoGenome, tmp_path: Path) -> DemoGenome:
    """A copy of the genome that a test may spoil."""
    folder = tmp_path / "genome"
    shutil.copytree(genome.folder, folder)

    def moved(path: Path) -> Path:
        return folder / path.name

    first, second = map(moved, genome.openness)
    return replace(
        genome, folder=folder, fasta=moved(genome.fasta), openness=(first, second), loops=moved(genome.loops)
    )


def swap(path: Path, write: Callable[[Path], None]) -> None:
    """Replace a file as a download does: written beside it, renamed, with the times of the old one."""
    times = path.stat()
    new = path.with_name("new")
    write(new)
    shutil.os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))  # type: ignore[attr-defined]
    new.replace(path)


def other_bigwig(sizes: dict[str, int]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with pyBigWig.open(str(path), "w") as file:
            file.addHeader(list(sizes.items()))
            for chrom, size in sizes.items():
                file.addEntries([chrom], [0], ends=[size], values=[50.0])

    return write


def other_fasta(source: Path) -> Callable[[Path], None]:
    """The same records, each base the next of the alphabet: all positions stay, so the index still fits."""

    def write(path: Path) -> None:
        lines = source.read_text().split("\n")
        turn = str.maketrans("ACGT", "CGTA")
        path.write_text("\n".join(x if x.startswith(">") else x.translate(turn) for x in lines))

    return write


def probabilities(out: Path) -> np.ndarray:
    return read_parts(out / "predictions").filter(like="p_").to_numpy()


@pytest.mark.parametrize("what", ["openness", "fasta"])
def test_the_second_run_of_a_process_reads_what_it_hashed(own: DemoGenome, tmp_path: Path, what: str) -> None:
    checkpoint = write_training(tmp_path / "train", n=1)
    regions = own.candidates.read_text().splitlines(keepends=True)[:40]
    (tmp_path / "few.bed").write_text("".join(regions))
    few = replace(own, candidates=tmp_path / "few.bed")
    resources = {"replicas": 1}
    run_predict(predict_config(few, checkpoint, tmp_path / "first", resources=resources))
    path = own.openness[0] if what == "openness" else own.fasta
    write = other_bigwig(Fasta(own.fasta).sizes) if what == "openness" else other_fasta(own.fasta)
    swap(path, write)
    run_predict(predict_config(few, checkpoint, tmp_path / "second", resources=resources))
    shutil.copytree(own.folder, tmp_path / "elsewhere")  # a path that no worker has seen
    elsewhere = tmp_path / "elsewhere"
    moved = replace(
        few,
        fasta=elsewhere / own.fasta.name,
        openness=(elsewhere / own.openness[0].name, elsewhere / own.openness[1].name),
        loops=elsewhere / own.loops.name,
    )
    run_predict(predict_config(moved, checkpoint, tmp_path / "third", resources=resources))
    first, second, third = (probabilities(tmp_path / name) for name in ("first", "second", "third"))
    assert not np.array_equal(first, third)
    assert np.array_equal(second, third)
    key = "sha256.inputs.openness[0]" if what == "openness" else "sha256.inputs.fasta"
    assert read_json(tmp_path / "second" / "run.json")["identity"][key] == sha256_of(path)


def swapping(module: object, monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Call `do` once, when the driver has checked everything and is about to start its workers."""
    shown = module.progress  # type: ignore[attr-defined]

    @contextmanager
    def progress(*arguments: object) -> Iterator[Callable[[int], None]]:
        do()
        with shown(*arguments) as show:
            yield show

    monkeypatch.setattr(module, "progress", progress)


def test_a_prediction_whose_file_is_replaced_in_mid_run_stops_with_its_name(
    own: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = write_training(tmp_path / "train", n=1)
    write = other_bigwig(Fasta(own.fasta).sizes)
    swapping(prediction, monkeypatch, lambda: swap(own.openness[1], write))
    with pytest.raises(
        ChangedInputError, match=rf"{own.openness[1].name}: the file was replaced after the run"
    ):
        run_predict(predict_config(own, checkpoint, tmp_path / "run"))
    assert not list((tmp_path / "run").glob("predictions/*.parquet"))
    assert not read_json(tmp_path / "run" / "run.json")["finished"]


def test_a_prediction_whose_weights_are_replaced_in_mid_run_has_no_part_of_them(
    own: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, other = write_training(tmp_path / "train", n=1), write_training(tmp_path / "other", n=2)
    weights = "folds/fold={}/best.safetensors".format

    def swap() -> None:
        shutil.copy(other / weights(1), checkpoint / weights(0))

    swapping(prediction, monkeypatch, swap)
    with pytest.raises(Exception, match=r"best\.safetensors.*the file was replaced after the run"):
        run_predict(predict_config(own, checkpoint, tmp_path / "run"))
    assert not list((tmp_path / "run").glob("predictions/*.parquet"))


def test_a_perturbation_whose_genome_is_replaced_in_mid_run_stops_with_its_name(
    own: DemoGenome, tmp_path: Path
) -> None:
    class Swapping(OneReplica):
        """Is entered when the driver has checked everything and is about to start its workers."""

        def __enter__(self) -> OneReplica:
            swap(own.fasta, other_fasta(own.fasta))
            return super().__enter__()

    with pytest.raises(ChangedInputError, match=rf"{own.fasta.name}: the file was replaced after the run"):
        run_creme(perturb_config(own, tmp_path / "run", tests=["context"]), pool_of=Swapping)
    passes = list((tmp_path / "run").glob("passes/*/*/*.parquet"))
    assert not passes
    assert pd.isna(read_json(tmp_path / "run" / "run.json").get("passes", np.nan))
