"""What is wrong with the files of `raycre prepare`: named with file, line and value, and nothing written."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyBigWig
import pytest
import yaml

from raycre.cli import main

SIZES = "chr1\t50000\nchr2\t40000\nchrX\t30000\n"
GOOD = "chr1\t1000\t1400\ta\t0\t+\n"
PEAK = "chr1\t1000\t1400\tp\t0\t.\t1.5\t2\t3\t200\n"
TITLE = "chrom1\tstart1\tend1\tchrom2\tstart2\tend2"
GTF = 'chr1\tx\tgene\t1001\t2000\t.\t+\t.\tgene_id "g";\n'
CHAIN = "chain 1 chr1 50000 + 0 50000 chr1 50000 + 0 50000 1\n50000\n"


PACKERS: tuple[Callable[[str], bytes], ...] = (
    str.encode,
    lambda text: gzip.compress(text.encode()),
    lambda text: bytes(pa.compress(text.encode(), "zstd", asbytes=True)),
)


class Bad(NamedTuple):
    """A file that cannot be read, and what the error says of it.

    name: of the file. content: its bytes. says: parts of the error's line. kind: of the source.
    """

    name: str
    content: bytes
    says: tuple[str, ...]
    kind: str = "peaks"


def text(name: str, content: str, *says: str, kind: str = "peaks") -> Bad:
    return Bad(name, content.encode(), says, kind)


def parquet(**columns: Any) -> bytes:
    packed = io.BytesIO()
    pd.DataFrame(columns).to_parquet(packed)
    return packed.getvalue()


def bcf(records: bytes, header: bytes = b"##fileformat=VCFv4.2\n##contig=<ID=chr1>\n#CHROM\n\0") -> bytes:
    return gzip.compress(b"BCF\x02\x02" + struct.pack("<I", len(header)) + header + records, mtime=0)


RECORD = struct.pack("<IIiii", 12, 0, 0, 99, 1)

CASES = [
    # columns
    text("two.bed", "chr1\t1000\n", "two.bed:1", "'chr1\\t1000'", "2 tab-separated columns"),
    text("spaces.bed", "chr1 1000 1400\n", "spaces.bed:1", "columns must be separated by tabs"),
    text("mixed.bed", GOOD + "chr1 5000 5400\n", "mixed.bed:2", "separated by tabs"),
    text("ragged.bed", GOOD + "chr1\t2\t3\n", "ragged.bed:2", "3 tab-separated columns", "first row has 6"),
    text("only-header.bed", "track name=x\n#chrom\tstart\tend\n", "no rows of BED"),
    text("blank.bed", "\n\n", "the file is empty"),
    text("empty.bed", "", "the file is empty"),
    text("long.bed", "chr1\t" + "9" * 10_000_000 + "\t1400\n", "long.bed:1", "10,000,002 characters"),
    text("line.bed", "x" * 10_000_000 + "\n", "line.bed:1", "1 tab-separated column"),
    text("cr.bed", "chr1\t1\t9\rchr1\tten\t9\r", "cr.bed:2", "'ten'"),
    text("crlf.bed", "chr1\t1\t9\r\nchr1\tten\t9\r\n", "crlf.bed:2", "'ten'"),
    text("bom.bed", "\ufeffchr1\tten\t9\n", "bom.bed:1", "'ten'"),
    # coordinates
    text("word.bed", GOOD + "chr1\tten\t1400\ta\t0\t+\n", "word.bed:2", "'ten'", "not an integer"),
    text("float.bed", "chr1\t10.5\t1400\n", "float.bed:1", "'10.5'", "not an integer"),
    text("comma.bed", "chr1\t1,000\t1,400\n", "comma.bed:1", "'1,000'", "not an integer"),
    text("negative.bed", "chr1\t-5\t1400\n", "negative.bed:1", "the start is negative"),
    text("back.bed", GOOD + "chr1\t1400\t1000\ta\t0\t+\n", "back.bed:2", "end is not past the start"),
    text("zero.bed", "chr1\t1000\t1000\n", "zero.bed:1", "the end is not past the start"),
    text("huge.bed", "chr1\t99999999999999999999\t1400\n", "huge.bed:1", "not an integer"),
    text("past.bed", GOOD + "chr1\t50000\t50100\ta\t0\t+\n", "past.bed:2", "past the end of chr1 (50,000)"),
    text("strand.bed", GOOD + "chr1\t1\t9\ta\t0\tplus\n", "strand.bed:2", "'plus'", "strand"),
    # chromosomes
    text("ensembl.bed", "1\t1000\t1400\n", "ensembl.bed:1", "'1'", "it has 'chr1'", "chrom_names: auto"),
    text("both.bed", "chr1\t1000\t1400\n2\t1000\t1400\n", "both.bed:2", "'2'", "chrom_names: auto"),
    text("refseq.bed", "NC_000001.10\t1000\t1400\n", "refseq.bed:1", "it has 'chr1'"),
    text("other.bed", GOOD + "chr9\t1\t9\ta\t0\t+\n", "other.bed:2", "'chr9'", "outside: drop leaves out"),
    text("none.bed", "scaffold_1\t1\t9\n", "none.bed:1", "no such chromosome in the genome"),
    # peaks
    text("a.narrowPeak", PEAK + PEAK.replace("1.5", "high"), "a.narrowPeak:2", "'high'", "is a number"),
    text("b.narrowPeak", PEAK + PEAK.replace("\t200", "\tmid"), "b.narrowPeak:2", "'mid'", "a summit"),
    text("c.narrowPeak", PEAK.replace("\t200", "\t400"), "c.narrowPeak:1", "outside its peak"),
    text("d.narrowPeak", PEAK + PEAK.replace("\t200", ""), "d.narrowPeak:2", "9 tab-separated columns"),
    # how it is packed
    Bad("cut.bed.gz", gzip.compress(GOOD.encode() * 900)[:-9], ("truncated or damaged",)),
    Bad("tail.bed.gz", gzip.compress(GOOD.encode()) + b"garbage", ("truncated or damaged",)),
    Bad("empty.bed.gz", gzip.compress(b""), ("the file is empty",)),
    Bad("twice.bed.gz", gzip.compress(gzip.compress(GOOD.encode())), ("gzip inside gzip", "unpack it once")),
    Bad("cut.bed.zst", pa.compress(GOOD.encode() * 900, "zstd", asbytes=True)[:-9], ("zstd data",)),
    Bad("bz.bed", bz2.compress(GOOD.encode()), ("bzip2", "bzip2 -d")),
    # what it is instead
    Bad("page.bed", b"<!DOCTYPE html><html>404</html>", ("web page", "get it again")),
    Bad("wide.bed", GOOD.encode("utf-16"), ("UTF-16", "iconv")),
    Bad("latin.bed", b"chr1\t1\t9\tcaf\xe9\n", ("latin.bed:1", "not UTF-8")),
    Bad("nul.bed", b"chr1\t1\t9\n\0\0\n", ("binary data",)),
    Bad("reads.bed", gzip.compress(b"BAM\x01" + bytes(60)), ("BAM", "bamCoverage")),
    text("seq.bed", ">chr1\nACGT\n", "FASTA"),
    text("macs.bed", "# This file is generated by MACS version 2\nchr\tstart\tend\n", "MACS2 table"),
    text("json.bed", '{"error": "not found"}\n', "JSON"),
    text("lfs.bed", "version https://git-lfs.github.com/spec/v1\noid x\n", "git-lfs", "git lfs pull"),
    # tables with a title
    text("t.csv", "chrom,start,end\nchr1,ten,20\n", "t.csv:2", "'ten'", "not an integer"),
    text("u.csv", "chrom,start,start,end\nchr1,1,1,2\n", "u.csv:1", "two columns have this name"),
    text("v.csv", 'chrom,start,end\nchr1,1,"2\nchr1,3,4\n', "v.csv:2", "quotes"),
    text("w.tsv", "chrom\tstart\tend\n", "no rows"),
    Bad("a.parquet", parquet(chrom=["chr1"], start=[1]), ("no column end",)),
    Bad("b.parquet", parquet(chrom=["chr1"], start=["one"], end=[2]), ("cannot be read as int64",)),
    Bad("c.parquet", parquet(chrom=["chr1", None], start=[1, 2], end=[2, 3]), ("c.parquet:2", "is null")),
    Bad("d.parquet", parquet(chrom=["chr1"], start=[1], end=[9])[:-7], ("truncated or damaged",)),
    Bad("e.parquet", parquet(chrom=["chr1"], start=[5], end=[2]), ("e.parquet:1", "is not past the start")),
    # signals
    text("a.bedGraph", "chr1\t0\t10\t1.5\nchr1\t10\t20\thigh\n", "a.bedGraph:2", "'high'"),
    text("b.bedGraph", "track type=bedGraph\nchr1\t0\t10\tinf\n", "b.bedGraph:2", "'inf'", "finite"),
    text("c.bedGraph", "track type=bedGraph\nchr1\t0\t10\n", "c.bedGraph:2", "3 columns"),
    Bad("a.bw", struct.pack("<I", 0x888FFC26) + bytes(100), ("the bigWig is truncated or damaged",)),
    Bad("b.bb", struct.pack("<I", 0x8789F2EB) + bytes(100), ("the bigBed is truncated or damaged",)),
    # pairs
    text("a.bedpe", "chr1\t1\t9\tchr1\tten\t30\n", "a.bedpe:1", "'ten'", kind="peaks"),
    text("b.bedpe", "chr1\t1\t9\tchr1\t30\t20\n", "b.bedpe:1", "end is not past the start"),
    text("c.bedpe", f"{TITLE}\nchr1\t1\tx\tchr1\t1\t2\n", "c.bedpe:2", "'x'"),
    # variants
    text("a.vcf", "##fileformat=VCFv4.2\nchr1\tx\t.\tA\tT\n", "a.vcf:2", "'x'", "position"),
    text("b.vcf", "##fileformat=VCFv4.2\nchr1\t0\t.\tA\tT\n", "b.vcf:2", "begin at 1"),
    text("c.vcf", "##fileformat=VCFv4.2\nchr1\t5\n", "c.vcf:2", "VCF needs 5"),
    Bad("a.bcf", bcf(RECORD[:-3]), ("a.bcf:1", "ends within this record")),
    Bad("b.bcf", bcf(struct.pack("<IIiii", 12, 0, 7, 99, 1)), ("b.bcf:1", "contig that the header does not")),
    Bad("c.bcf", bcf(b""), ("no records",)),
    # annotations
    text("a.gtf", GTF.replace("gene\t", "exon\t"), "no row of feature gene", "it has exon", kind="genes"),
    text("b.gtf", GTF + GTF.replace("1001", "x"), "b.gtf:2", "'x'", "not an integer", kind="genes"),
    text("c.gtf", GTF.replace("\t+\t", "\t~\t"), "c.gtf", "strand", kind="genes"),
    text("d.gtf", GTF, "no row of feature transcript", kind="promoters"),
    text("tss.bed", "chr1\t10\t20\ta\n", "tss.bed:1", "without a strand", kind="promoters"),
    text("bl.bed", "1\t10\t20\n", "bl.bed:1", "it has 'chr1'", kind="blacklist"),
    # genome and chain
    text("long.sizes", "chr1\tlong\n", "long.sizes:1", "'long'", "not an integer", kind="sizes"),
    text("twice.sizes", "chr1\t5\nchr1\t6\n", "twice.sizes:2", "given twice", kind="sizes"),
    text("cut.chain", CHAIN[: CHAIN.rindex("50000")], "cut.chain:1", "cut off after line", kind="chain"),
    text("odd.chain", CHAIN.replace("\n50000", "\n49999"), "odd.chain:2", "do not match", kind="chain"),
    text("other.chain", CHAIN.replace("chr1 50000 + 0 50000 1", "chr1 60000 + 0 50000 1"), "other.chain",
         "leads to a chr1 of 60,000 bp", kind="chain"),
    text("names.chain", CHAIN.replace("50000 chr1", "50000 1"), "none of which is", kind="chain"),
    text("bed.chain", GOOD, "bed.chain:1", "a line that is of no chain", kind="chain"),
]  # fmt: skip


def run(
    tmp_path: Path, sources: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], **more: Any
) -> tuple[int, str]:
    values = {"run": {"out": str(tmp_path / "out")}, "assembly": "toy", "sources": sources, **more}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(SystemExit) as ended:
        main(["prepare", "--config", str(tmp_path / "m.yaml")])
    return int(ended.value.code or 0), capsys.readouterr().err


def manifest(tmp_path: Path, **files: tuple[str, str]) -> list[dict[str, Any]]:
    """Sources of what is always there, and of files given as kind and content."""
    found = []
    for name, (kind, content) in {"sizes": ("sizes", SIZES), "good": ("peaks", GOOD), **files}.items():
        (tmp_path / f"{name}.txt").write_text(content)
        found.append({"name": name, "kind": kind, "path": str(tmp_path / f"{name}.txt")})
    return found


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_file_that_cannot_be_read_is_named_with_line_and_value(
    tmp_path: Path, case: Bad, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / case.name
    path.write_bytes(case.content)
    bad: dict[str, Any] = {"name": "bad", "kind": case.kind, "path": str(path)}
    sources = manifest(tmp_path)
    if case.kind == "sizes":
        sources = sources[1:]
    if case.kind == "chain":
        sources[1]["assembly"] = bad["assembly"] = "older"
    code, said = run(tmp_path, [*sources, bad], capsys, rules={"background": {"n": 0}})
    line = next(line for line in said.splitlines() if line.startswith("error: "))
    assert code == 2
    assert case.name in line or "sources" in line
    assert len(line) < 1_000  # also where the fault is a line of 10 MB
    for part in case.says:
        assert part in line, line
    assert not (tmp_path / "out").exists()


def test_the_table_has_enough_of_them() -> None:
    assert len(CASES) >= 60


def change(**values: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda sources: sources[1].update(values)


@pytest.mark.parametrize(
    ("edit", "more", "says"),
    [
        (change(sha256="0" * 64), {}, "its SHA-256 is"),
        (change(md5="0" * 32), {}, "its MD5 is"),
        (change(size=3), {}, "has 21 bytes, the published file 3"),
        (change(sha256="12"), {}, "takes 64 hexadecimal digits"),
        (change(kind="peak"), {}, "did you mean peaks"),
        (change(format="bde"), {}, "takes auto, bed"),
        (change(format="longrange"), {}, "column 4 of longrange is CHROM:START-END,SCORE"),
        (change(name="sizes"), {}, "two sources are called 'sizes'"),
        (change(path="absent.bed"), {}, "sources.good: no such file"),
        (change(path=None), {}, "sources without path and url; give the path of each. good"),
        (change(path=None, url="ftp://lab.org/a.bed"), {}, "takes an http(s) address"),
        (change(assembly="older"), {}, "add a source of kind chain with assembly: older"),
        (change(colour="red"), {}, "colour"),
        (change(), {"rules": {"background": {"chromosome": ["chr1"]}}}, "did you mean chromosomes"),
        (change(), {"rules": {"background": {"chromosomes": ["chr9"]}}}, "the genome has no such chromosome"),
        (change(), {"rules": {"lift": {"min_match": 1.5}}}, "takes a number above 0 and of at most 1"),
        (change(), {"assembly": None}, "assembly"),
        (change(kind="enhancers"), {}, "background without N needs a source of kind fasta"),
        (change(kind="loops", assembly="older"), {}, "it is not lifted"),
        (change(kind="blacklist"), {}, "no source of labels"),
        (change(kind="genes", min_score=5), {}, "min_score is of kind silencers"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(
    tmp_path: Path,
    edit: Callable[[list[dict[str, Any]]], None],
    more: dict[str, Any],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sources = manifest(tmp_path)
    edit(sources)
    code, said = run(tmp_path, sources, capsys, **more)
    assert (code, says in said) == (2, True), said
    assert not (tmp_path / "out").exists()


def test_sizes_of_a_known_assembly_by_another_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = manifest(tmp_path)
    (tmp_path / "sizes.txt").write_text("chr1\t249250621\n")
    code, said = run(tmp_path, sources, capsys, assembly="hg38")
    assert (code, "are those of hg19/GRCh37, and the run is of hg38" in said) == (2, True), said


def made(tmp_path: Path) -> pd.DataFrame:
    return pd.read_parquet(tmp_path / "out" / "candidates.parquet")


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n") * 1,
        GOOD.replace("\n", "\r"),
        "\ufeff" + GOOD,
        "browser position chr1\ntrack name=x\n# comment\n\n" + GOOD,
        GOOD.rstrip("\n"),
        GOOD * 3,
        "chrom,start,end,name\nchr1,1000,1400,a\n",
        '"chrom"\t"start"\t"end"\nchr1\t1000\t1400\n',
        "chr1\t1000\t1400\t" + "x" * 10_000_000 + "\n",
    ],
    ids=["CRLF", "CR", "BOM", "headers", "no last line end", "repeated", "CSV", "quoted title", "10-MB line"],
)
def test_what_other_programs_write_is_read(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = manifest(tmp_path)
    (tmp_path / "good.txt").write_bytes(content.encode())
    assert run(tmp_path, sources, capsys)[0] == 0
    found = made(tmp_path)
    assert found[["chrom", "start", "end"]].values.tolist() == [["chr1", 700, 1_700]]
    assert found["n"].tolist() == [content.count("chr1\t1000") or 1]


def test_rows_in_any_order_at_both_ends_are_windows_or_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "chr2\t39000\t40000\nchr1\t49400\t50600\nchr1\t49600\t50600\nchr1\t0\t1000\nchr1\t0\t999\n"
    code, said = run(tmp_path, manifest(tmp_path, ends=("peaks", rows)), capsys)
    assert (code, "2 rows end past their chromosome" in said) == (0, True), said
    counts = pd.read_parquet(tmp_path / "out" / "summary" / "counts.parquet").set_index(["step", "item"])["n"]
    assert counts["candidates", "clipped_dropped"] == 3
    assert made(tmp_path)[["chrom", "start"]].values.tolist() == [
        ["chr1", 0],
        ["chr1", 700],
        ["chr2", 39_000],
    ]


def test_names_in_another_style_are_taken_when_asked_for_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = manifest(tmp_path, other=("peaks", "1\t5000\t5400\nNC_000002.11\t5000\t5400\n"))
    code, said = run(tmp_path, sources, capsys, chrom_names="auto")
    assert (code, "chromosomes of 2 rows renamed (1 is chr1, NC_000002.11 is chr2)" in said) == (0, True)
    assert made(tmp_path)["chrom"].tolist() == ["chr1", "chr1", "chr2"]


def test_rows_off_the_genome_are_dropped_and_counted_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = manifest(tmp_path, other=("peaks", "chr9\t5000\t5400\nchr1\t60000\t60400\nchr2\t5000\t5400\n"))
    assert run(tmp_path, sources, capsys, outside="drop")[0] == 0
    counts = pd.read_parquet(tmp_path / "out" / "summary" / "counts.parquet").set_index(["step", "item"])["n"]
    assert counts["read", "other.off_the_genome_dropped"] == 2
    assert made(tmp_path)["source"].tolist() == ["good", "other"]


def bigwig(path: Path) -> None:
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", 50_000), ("chr2", 40_000)])
        file.addEntries(
            ["chr1"] * 3, [1_000, 1_200, 3_000], ends=[1_200, 1_400, 3_100], values=[1.0, 2.0, 0.0]
        )


def test_a_bigwigs_regions_are_its_runs_above_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = manifest(tmp_path)
    bigwig(tmp_path / "good.bw")
    sources[1]["path"] = str(tmp_path / "good.bw")
    assert run(tmp_path, sources, capsys)[0] == 0
    assert made(tmp_path)[["chrom", "start", "end"]].values.tolist() == [["chr1", 700, 1_700]]


def test_a_bcfs_variants_are_regions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = manifest(tmp_path)
    long = struct.pack("<IIiii", 12, 4, 0, 1_000, 400) + bytes(4)
    (tmp_path / "good.txt").write_bytes(bcf(struct.pack("<IIiii", 12, 0, 0, 9_999, 1) + long))
    assert run(tmp_path, sources, capsys)[0] == 0
    assert made(tmp_path)["start"].tolist() == [700, 9_499]


@pytest.mark.parametrize(
    ("name", "content", "starts"),
    [
        ("a.bedpe", "chr1\t1000\t1400\tchr1\t9000\t9400\tx\t5\n", [700, 8_700]),
        ("b.txt", f"{TITLE}\nchr1\t1000\t1400\tchr1\t9000\t9400\n", [700, 8_700]),
        ("c.txt", "chr1\t1000\t1400\t.\t-1\t-1\nchr1\t1000\t1400\tchr1\t9000\t9400\n", [700, 8_700]),
        ("d.txt", "chr1\t1000\t1400\tchr1:9000-9400,3\nchr1\t9000\t9400\tchr1:1000-1400,3\n", [700, 8_700]),
        (
            "e.interact",
            "chr1\t1000\t9400\tn\t0\t1.5\tx\t0\tchr1\t1000\t1400\ts\t+\tchr1\t9000\t9400\tt\t+\n",
            [700, 8_700],
        ),
        ("f.vcf", "##fileformat=VCFv4.2\nchr1\t2001\trs1\tACGT\tA\t.\t.\tX\n", [1_502]),
        ("g.vcf", "##fileformat=VCFv4.2\nchr1\t2001\t.\tA\t<DEL>\t.\t.\tSVTYPE=DEL;END=2400\n", [1_700]),
        ("h.gff3", "##gff-version 3\nchr1\tx\tgene\t1001\t1400\t.\t+\t.\tID=g\n", [700]),
        ("i.bed", "chr1\t1000\t1400\ta\t0\t+\t1000\t1400\t0\t1\t400,\t0,\n", [700]),
        ("j.gappedPeak", "chr1\t1000\t1400\ta\t0\t.\t1000\t1400\t0\t1\t400,\t0,\t1.5\t2\t3\n", [700]),
        ("k.broadPeak", "chr1\t1000\t1400\ta\t0\t.\t1.5\t2\t3\n", [700]),
        ("l.bedGraph", "chr1\t1000\t1200\t2\nchr1\t1200\t1400\t3\nchr1\t1400\t1500\t0\n", [700]),
        ("m.bed", "chr1\t1000\t1400\t17\n", [700]),
    ],
)  # fmt: skip
def test_every_format_gives_its_regions(
    tmp_path: Path, name: str, content: str, starts: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    for packed in PACKERS if name in ("i.bed", "f.vcf") else PACKERS[:1]:
        sources = manifest(tmp_path)
        (tmp_path / name).write_bytes(packed(content))
        sources[1]["path"] = str(tmp_path / name)
        code, said = run(tmp_path, sources, capsys, run={"out": str(tmp_path / "out"), "name": "x"})
        assert code == 0, said
        assert made(tmp_path)["start"].tolist() == starts
        for file in (
            "run.json",
            "candidates.parquet",
            "predict.yaml",
            "sources.yaml",
            "summary/counts.parquet",
        ):
            (tmp_path / "out" / file).unlink()


def test_files_may_be_given_by_options_and_a_manifest_or_options_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest(tmp_path)
    out, peaks = str(tmp_path / "out"), str(tmp_path / "good.txt")
    given = ["--out", out, "--assembly", "toy", "--sizes", str(tmp_path / "sizes.txt")]
    for arguments, code, says in (
        ([*given, "--peaks", f"ATAC={peaks}"], 0, "candidates: 1"),
        (["--out", out], 2, "give --config FILE, or --out, --assembly and the files by options"),
        (["--config", "m.yaml", "--peaks", peaks], 2, "--peaks beside --config"),
        (["--known", "mouse"], 2, "there are K562, HepG2"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["prepare", *arguments])
        assert (int(ended.value.code or 0), says in capsys.readouterr().err) == (code, True)
    assert made(tmp_path)["source"].tolist() == ["ATAC"]


def test_rows_of_a_low_score_are_left_out_when_asked_for_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "chr1\t1000\t1400\ta\t900\nchr1\t9000\t9400\tb\t100\nchr2\t9000\t9400\tc\t500\n"
    sources = manifest(tmp_path)
    (tmp_path / "good.txt").write_text(rows)
    sources[1]["min_score"] = 500
    assert run(tmp_path, sources, capsys)[0] == 0
    assert made(tmp_path)["name"].tolist() == ["a", "c"]
    counts = pd.read_parquet(tmp_path / "out" / "summary" / "counts.parquet").set_index(["step", "item"])["n"]
    assert counts["read", "good.below_min_score"] == 1
    science = json.loads((tmp_path / "out" / "run.json").read_text())["identity"]
    assert [key for key in science if "min_score" in key] == ["sources.good.min_score"]
    for content, says in (
        ("chr1\t1000\t1400\ta\thigh\n", "'high': the score (column 5) is not a number"),
        ("chr1\t1000\t1400\n", "BED with a score needs 5"),
        ("chrom\tstart\tend\nchr1\t1\t9\n", "no column score"),
        ("##fileformat=VCFv4.2\nchr1\t5\t.\tA\tC\n", "min_score is of BED, peaks and tables"),
    ):
        (tmp_path / "good.txt").write_text(content)
        code, said = run(tmp_path, sources, capsys, run={"out": str(tmp_path / "other")})
        assert (code, says in said) == (2, True), said
