"""`raycre genome fetch` and sources with an address, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import yaml

from raycre.cli import main
from raycre.errors import ConfigError, FetchError
from raycre.genome.fasta import Fasta
from raycre.prepare.known import CELLS, known_manifest
from raycre.published import genomes
from raycre.published.cache import fetch
from raycre.published.genomes import GENOMES
from raycre.workflows.genomes import fasta_of, fetch_genome, list_genomes
from raycre.workflows.prepare import sources
from tests.http_server import Answer, Server, serve

SEQUENCE = "ACGTNNACGT" * 3_000
TEXT = ">chr1 one\n" + "\n".join(SEQUENCE[i : i + 60] for i in range(0, len(SEQUENCE), 60)) + "\n"
PACKED = gzip.compress(TEXT.encode(), mtime=0)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
    with serve(PACKED) as server:
        monkeypatch.setenv("RAYCRE_MIRROR", server.url)
        yield server


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> genomes.Genome:
    """hg19 with the checksums of what the server has."""
    known = GENOMES["hg19"]
    md5, sha256 = hashlib.md5(PACKED).hexdigest(), hashlib.sha256(TEXT.encode()).hexdigest()
    toy = replace(
        known,
        fasta=replace(known.fasta, md5=md5),
        others={"sizes": replace(known.others["sizes"], md5=md5)},
        unpacked_sha256=sha256,
    )
    monkeypatch.setitem(GENOMES, "hg19", toy)
    return toy


def test_a_genome_becomes_bgzip_with_an_index_and_is_fetched_once(
    server: Server, toy: genomes.Genome
) -> None:
    found = fetch_genome("hg19")
    path = fasta_of(toy)
    assert {row["file"]: row["was"] for row in found["files"]} == {"fasta": "fetched", "sizes": "fetched"}
    assert path.read_bytes()[:4] == b"\x1f\x8b\x08\x04"  # gzip with the extra field that bgzip has
    assert (path.with_name("hg19.fa.gz.fai").is_file(), path.with_name("hg19.fa.gz.gzi").is_file()) == (
        True,
        True,
    )
    with Fasta(path) as fasta:
        assert fasta.sizes == {"chr1": 30_000}
    n = len(server.paths)
    again = fetch_genome("hg19")
    assert ({row["was"] for row in again["files"]}, len(server.paths)) == ({"there"}, n)
    assert next(row for row in list_genomes()["genomes"] if row["name"] == "hg19")["fasta"] == "yes"


def test_a_download_that_was_cut_goes_on(server: Server, toy: genomes.Genome) -> None:
    server.answers = [Answer(), Answer(cut=60)]  # sizes, then the FASTA
    fetch_genome("hg19")
    assert server.ranges == [None, None, "bytes=60-"]


def test_another_file_at_the_address_is_refused(server: Server, toy: genomes.Genome) -> None:
    server.body = PACKED[:-1] + b"x"
    with pytest.raises(FetchError, match="its MD5 is"):
        fetch_genome("hg19")
    assert not fasta_of(toy).exists()


def test_a_text_that_is_not_the_published_one_leaves_no_fasta(
    server: Server, toy: genomes.Genome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GENOMES, "hg19", replace(toy, unpacked_sha256="0" * 64))
    with pytest.raises(FetchError, match="the SHA-256 of its text"):
        fetch_genome("hg19")
    assert not fasta_of(toy).exists()


def test_an_unknown_genome_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean"):
        fetch_genome("hg18")


def prepared(tmp_path: Path, url: str, **known: object) -> tuple[Path, int]:
    """Prepare candidates of one address; return the run folder and the exit code."""
    (tmp_path / "sizes").write_text("chr1\t30000\n")
    manifest = {
        "run": {"out": str(tmp_path / "out")},
        "assembly": "toy",
        "sources": [
            {"name": "sizes", "kind": "sizes", "path": str(tmp_path / "sizes")},
            {"name": "ATAC", "kind": "peaks", "url": url, **known},
        ],
    }
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(manifest))
    with pytest.raises(SystemExit) as ended:
        main(["prepare", "--config", str(tmp_path / "m.yaml"), "--json"])
    return tmp_path / "out", int(ended.value.code or 0)


PEAKS = b"chr1\t2000\t2400\tp1\nchr1\t9000\t9100\tp2\n"


def test_a_source_without_a_checksum_is_held_to_its_first_fetch(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.body = PEAKS
    out, code = prepared(tmp_path, "https://lab.org/peaks.bed")
    assert (code, server.paths) == (0, ["/peaks.bed"])
    (source,) = [s for s in json.loads((out / "run.json").read_text())["sources"] if s["name"] == "ATAC"]
    assert source["sha256"] == hashlib.sha256(PEAKS).hexdigest()
    assert source["address"] == "https://lab.org/peaks.bed"
    Path(source["path"]).unlink()
    server.body = PEAKS.replace(b"p1", b"q1")
    assert prepared(tmp_path, "https://lab.org/peaks.bed")[1] == 2
    assert "which was recorded" in capsys.readouterr().err


def test_a_source_that_is_not_what_the_manifest_says_leaves_nothing(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.body = PEAKS
    out, code = prepared(tmp_path, "https://lab.org/peaks.bed", md5="0" * 32)
    assert (code, out.exists()) == (2, False)
    said = capsys.readouterr().err
    assert "sources.ATAC: " in said
    assert "its MD5 is" in said


def test_a_download_that_is_cut_leaves_nothing_and_goes_on_with_the_next_run(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.body, server.answers = PEAKS, [Answer(cut=20), Answer(cut=0), Answer(cut=0)]
    monkeypatch.setattr(sources, "fetch", partial(fetch, tries=2, pause=0))
    out, code = prepared(tmp_path, "https://lab.org/peaks.bed")
    assert (code, out.exists()) == (2, False)
    assert "sources.ATAC: " in (said := capsys.readouterr().err)
    assert "the 20 bytes that came are kept, run again to go on" in said
    assert prepared(tmp_path, "https://lab.org/peaks.bed")[1] == 0
    assert server.ranges[-1] == "bytes=20-"


@pytest.mark.parametrize("cell", CELLS)
def test_the_known_manifests_hold_the_papers_fourteen_experiments(cell: str) -> None:
    from raycre.config import PrepareConfig, make_config

    config = make_config(PrepareConfig, yaml.safe_load(known_manifest(cell)))
    peaks = [source for source in config.sources if source.kind == "peaks"]
    assert len({source.name.partition("-")[0] for source in peaks}) == 14  # ATAC has several files
    assert all(source.seen for source in config.sources if source.url)
    assert {"silencers", "enhancers", "promoters", "insulators"} <= {source.kind for source in config.sources}


def test_addresses_are_those_of_the_sources_page(shared: Path) -> None:
    page = (shared / "SOURCES.md").read_text()
    rows = [row for cell in CELLS for row in yaml.safe_load(known_manifest(cell))["sources"]]
    addresses = [row["url"] for row in rows if "url" in row]
    assert len(addresses) > 40
    for address in addresses:
        folder, _, name = address.rpartition("/")
        assert any(part in page for part in (name, name.partition(".")[0], folder)), address


def test_checksums_and_sizes_are_those_of_the_sources_page(shared: Path) -> None:
    page = (shared / "SOURCES.md").read_text()
    rows = [row for cell in CELLS for row in yaml.safe_load(known_manifest(cell))["sources"]]
    held = [value for row in rows for key, value in row.items() if key in ("md5", "sha256", "size")]
    for genome in GENOMES.values():
        files = [genome.fasta, *genome.others.values()]
        held += [
            value for each in files for value in (each.md5, each.sha256, each.size, genome.unpacked_sha256)
        ]
    known = {f"{value:,}" if isinstance(value, int) else value for value in held if value is not None}
    assert len(known) > 15
    assert sorted(value for value in known if value not in page) == []
