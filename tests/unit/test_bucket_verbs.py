"""Every verb with inputs and outputs in a bucket: it says and writes what it does on a disk.

Training, prediction, perturbation and sweeps are in `test_bucket_runs` and `test_bucket_training`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyBigWig
import pytest
import yaml

import raycre
from raycre.cli import main
from raycre.demo.genome import DemoGenome, write_demo_genome
from raycre.errors import ConfigError
from raycre.store.bucket_path import BucketPath
from raycre.store.location import location
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import PREDICTIONS
from tests.compared_runs import SIZES, gene_rows, two_genes, write_genome, write_run
from tests.conftest import perturb_values
from tests.figure_runs import write_perturbed
from tests.run_folders import prediction_rows, start_run
from tests.s3_server import BUCKET, S3, bucket_at, serve_s3

REGIONS = "chrom\tstart\tend\tname\tcall\nchr1\t0\t1000\ta\tsilencer\nchr1\t2000\t3000\tb\tbackground\n"
CONTACTS = "chr1\t100\t200\tchr1\t2100\t2200\nchr1\t900\t2001\tchr2\t5000\t6000\n"
MOTIF = (
    "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF X\nletter-probability matrix: alength= 4 w= 4 nsites= 50\n"
    + "0.97 0.01 0.01 0.01\n" * 4
)
CHANGING = re.compile(r'"(seconds|stamp|pid|since)": (\[[^\]]*\]|"[^"]*"|[0-9.]+)')
HEADINGS = "<(?:h[123]|figure|svg)[ >]"
TRACKS = "index\tidentifier\tdescription\n0\tCNhs1\tCAGE:K562\n1\tX\tDNASE:K562\n"

# Name -> arguments; ROOT is a folder on a disk, or one in a bucket.
COMMANDS: dict[str, str] = {
    "show": "show ROOT/creme --json",
    "show in words": "show ROOT/creme",
    "status": "status ROOT/predict --nodes ROOT/nodes.yaml --timeline ROOT/timeline.html",
    "report": "report ROOT/creme ROOT/predict --out ROOT/report.html --json",
    "export of predict": (
        "export ROOT/predict --bed9 --bedgraph --bigwig --tsv "
        "--sizes ROOT/chrom.sizes --out ROOT/files --json"
    ),
    "export of creme": "export ROOT/creme --bedpe-arcs --igv-session --sizes ROOT/chrom.sizes --json",
    "plot": "plot creme-2a ROOT/perturbed --track 5110 --out ROOT/figure.svg --json",
    "annotate files": "annotate contacts ROOT/c.bedpe --regions ROOT/regions.tsv --out ROOT/contacts --json",
    "annotate a bigWig": (
        "annotate conservation ROOT/mark.bw --regions ROOT/regions.tsv --out ROOT/cons --json"
    ),
    "annotate by parts": ("annotate motifs ROOT/m.meme --run ROOT/predict --fasta ROOT/genome.fa --json"),
    "annotate a creme run": (
        "annotate contacts ROOT/c.bedpe --run ROOT/creme --test necessity --out ROOT/tiles --json"
    ),
    "compare overlap": (
        "compare overlap ROOT/creme ROOT/known.bed --test necessity --out ROOT/overlap --json"
    ),
    "compare marks": "compare marks ROOT/creme X=ROOT/mark.bw --test necessity --out ROOT/marks --json",
    "compare fasta": "compare fasta ROOT/creme --test necessity --out ROOT/sequences --json",
    "prepare": (
        "prepare --out ROOT/prepared --assembly toy --sizes ROOT/chrom.sizes --peaks A=ROOT/peaks.bed "
        "--enhancers B=ROOT/known.bed --set rules.background.n=0 --json"
    ),
    "init": "init creme --fill ROOT/genome.fa --fill ROOT/genes.gtf -o ROOT/creme.yaml --json",
    "doctor": "doctor --config ROOT/run.yaml --json",
    "compact": "compact ROOT/predict --dry-run --json",
    "tracks": "tracks assay=CAGE --table ROOT/tracks.tsv --json",
    "a dry run": "creme config --config ROOT/run.yaml --dry-run --json",
}


def _checks(said: str) -> Any:
    checks = json.loads(said)["checks"]
    assert {each["status"] for each in checks} <= {"pass", "warn"}
    return sorted({(each["check"], each["about"]) for each in checks if each["check"] != "genome"})


SAID: dict[str, Callable[[str], Any]] = {
    "status": lambda said: said.splitlines()[0],
    "report": lambda said: json.loads(said)["runs"],
    "doctor": _checks,
    "a dry run": lambda said: json.loads(said).keys(),
}
"""Of what is said, what does not hang on times, room or the length of a path."""


@pytest.fixture(scope="module")
def folder(genome: DemoGenome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small runs and files on a disk."""
    base = tmp_path_factory.mktemp("files") / "root"
    base.mkdir()
    fasta = write_genome(base)
    context = gene_rows("A", "chr1", 8_000, "+", [0.99], ["enhancing"], test="context")
    write_run(base / "creme", fasta, [*two_genes(), context])
    write_perturbed(base / "perturbed")
    start_run(base / "predict", "predict").finish()
    rows = prediction_rows(["silencer", "enhancer", "background"], [0.9, 0.7, 0.6])
    write_table(base / "predict" / "predictions" / "part-00000.parquet", as_table(rows, PREDICTIONS))
    (base / "chrom.sizes").write_text("".join(f"{name}\t{size}\n" for name, size in SIZES.items()))
    (base / "regions.tsv").write_text(REGIONS)
    (base / "c.bedpe").write_text(CONTACTS)
    (base / "known.bed").write_text("chr1\t7000\t9000\tx\nchr2\t3000\t5000\ty\n")
    (base / "peaks.bed").write_text("chr1\t12000\t14000\nchr2\t9000\t9900\n")
    (base / "m.meme").write_text(MOTIF)
    (base / "nodes.yaml").write_text("- {name: small, price: 1, cpus: 2}\n")
    (base / "tracks.tsv").write_text(TRACKS)
    (base / "genes.gtf").write_text(
        'chr1\tx\ttranscript\t8001\t9000\t.\t+\t.\tgene_id "A.1"; gene_name "A"; transcript_id "A1";\n'
    )
    with pyBigWig.open(str(base / "mark.bw"), "w") as file:
        file.addHeader(list(SIZES.items()))
        for name, size in SIZES.items():
            file.addEntries(name, 0, values=[float(v % 7) for v in range(0, size, 100)], span=100, step=100)
    values = perturb_values(genome, base / "new", ("ENHA",)) | {"tests": ["context"]}
    for key, path in (("fasta", genome.fasta), ("gtf", genome.gtf)):
        (base / f"demo-{path.name}").write_bytes(path.read_bytes())
        values["inputs"][key] = str(base / f"demo-{path.name}")
    (base / "run.yaml").write_text(yaml.safe_dump(values))
    return base


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with serve_s3() as s3, bucket_at(s3):
        yield s3


@pytest.fixture(scope="module")
def root(folder: Path, server: S3) -> BucketPath:
    """The same in a bucket; where a text names the folder, it names the bucket."""
    found = location(f"s3://{BUCKET}/root")
    assert isinstance(found, BucketPath)
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes().replace(str(folder).encode(), str(found).encode())
            (found / str(path.relative_to(folder))).put(content)
    return found


def files_below(root: Path) -> dict[str, bytes]:
    if isinstance(root, BucketPath):
        return {name: (root / name).read_bytes() for name in root.listed()}
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def new_files(root: Path, before: dict[str, bytes]) -> dict[str, str | bytes]:
    """What is new or other than before, with neither the root's name nor what no two runs share."""
    found: dict[str, str | bytes] = {}
    for name, content in files_below(root).items():
        if before.get(name) == content or name.endswith((".fai", ".lock")) or "journal/" in name:
            continue
        try:
            text = CHANGING.sub("", content.decode().replace(str(root), "ROOT"))
            found[name] = re.sub(" +", " ", text)  # comments stand in a column
        except UnicodeDecodeError:
            found[name] = content
    return found


def said(command: str, root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main(command.replace("ROOT", str(root)).split())
    out, error = capsys.readouterr()
    assert "Traceback" not in error
    assert int(end.value.code or 0) == 0, error
    return CHANGING.sub("", out.replace(str(root), "ROOT"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_verb_does_in_a_bucket_what_it_does_on_a_disk(
    name: str,
    folder: Path,
    root: BucketPath,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    found: list[Any] = []
    for here in (folder, root):
        before = files_below(here)
        outcome = said(COMMANDS[name], here, capsys)
        found.append((outcome, new_files(here, before)))
    (disk, disk_files), (bucket, bucket_files) = found
    assert bucket_files.keys() == disk_files.keys()
    if name in SAID:
        disk, bucket = (SAID[name](each) for each in (disk, bucket))
    if name in ("status", "report"):  # of when the files were written; of a genome that is not brought for it
        for files in (disk_files, bucket_files):
            for key, page in files.items():
                files[key] = " ".join(re.findall("<(?:h[123]|figure|svg)[ >]", str(page)))
    assert bucket == disk
    assert [each for each in disk_files if bucket_files[each] != disk_files[each]] == []
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}  # no folder by the name of a URL
    writes = any(word in COMMANDS[name] for word in ("--out", "-o ", "export", "annotate", "--timeline"))
    assert bool(disk_files) == writes


def test_tables_of_a_run_in_a_bucket_are_read_from_python(folder: Path, root: BucketPath, server: S3) -> None:
    for here, there in ((folder / "creme", root / "creme"), (folder / "predict", root / "predict")):
        mine, theirs = raycre.open_run(here), raycre.open_run(str(there))
        assert theirs.tables == mine.tables != ()
        for name in mine.tables:
            assert theirs.table(name).arrow().equals(mine.table(name).arrow())
    run = raycre.open_run(str(root / "creme"))
    assert run.effects(gene_name="B").pandas(["effect"])["effect"].round(2).tolist()[:2] == [0.05, -0.6]
    assert len(run.effects(test="context")) == 1
    assert np.isclose(run.effects().lazy().collect()["wt"][0], 2.0) if _has("polars") else True


def test_a_figure_of_python_is_saved_into_a_bucket(root: BucketPath) -> None:
    run = raycre.open_run(str(root / "perturbed"))
    saved = run.plot(run.figures[0]).save(str(root / "one.svg"))
    assert saved == root / "one.svg"
    assert saved.read_bytes().startswith(b"<svg")


def test_a_run_with_many_parts_is_shown_with_few_requests(root: BucketPath, server: S3) -> None:
    for number in range(40):
        (root / "many" / "predictions" / f"part-{number:05d}.parquet").put(b"x")
    (root / "many" / "run.json").put((root / "predict" / "run.json").read_bytes())
    server.requests.clear()
    assert "predictions" in repr(raycre.open_run(str(root / "many")))
    assert server.requests["HEAD"] <= 3
    assert server.requests.total() <= 20


def test_a_cache_that_is_no_folder_is_refused_by_name(
    root: BucketPath, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("RAYCRE_CACHE", f"s3://AKIA:pl4nted@{BUCKET}/cache")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["tracks", "all", "--table", str(root / "tracks.tsv")])
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert "RAYCRE_CACHE is a folder on a disk of this machine" in error
    assert "pl4nted" not in error
    assert not list(tmp_path.iterdir())


def test_fresh_does_not_remove_what_the_new_run_reads_in_the_bucket(
    root: BucketPath, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    command = f"prepare --out {root}/again --assembly toy --sizes {root}/chrom.sizes"
    for peaks, more, code in (
        ("known.bed", "", 0),
        ("again/candidates.parquet", "--fresh", 2),
    ):
        with pytest.raises(SystemExit) as end:
            main(f"{command} --peaks P={root}/{peaks} {more}".split())
        error = capsys.readouterr().err
        assert int(end.value.code or 0) == code, error
    assert "--fresh would remove this file" in error
    assert (root / "again" / "candidates.parquet").is_file()


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def test_a_synthetic_genome_in_a_bucket_has_the_bytes_of_one_on_a_disk(
    root: BucketPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    there, here = (
        write_demo_genome(out / "demo", n_labelled=20, n_candidates=40) for out in (root, tmp_path)
    )
    assert files_below(there.folder) == files_below(here.folder) != {}
    assert there.truth_tiles.equals(here.truth_tiles)
    with pytest.raises(ConfigError, match="goes into a new folder"):
        write_demo_genome(root / "demo", n_labelled=20, n_candidates=40)
