"""RepeatMasker's output in its three formats says the same."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from raycre.errors import FormatError, RegionError
from raycre.genome.repeats import read_repeats

# Three repeats, 0-based: chr1 999-1200 LINE/L1, chr1 2000-2100 LTR?/ERVL, chr2 5-45 Simple_repeat.
UCSC = """#bin\tswScore\tmilliDiv\tmilliDel\tmilliIns\tgenoName\tgenoStart\tgenoEnd\t…
585\t463\t13\t6\t17\tchr1\t999\t1200\t-1000\t+\tL1MC\tLINE\tL1\t1\t200\t0\t1
585\t463\t13\t6\t17\tchr1\t2000\t2100\t-1000\t-\tMLT1\tLTR?\tERVL?\t1\t100\t0\t2
585\t463\t13\t6\t17\tchr2\t5\t45\t-1000\t+\t(CA)n\tSimple_repeat\tSimple_repeat\t1\t40\t0\t3
"""
OUT = """   SW   perc perc perc  query     position in query    matching  repeat        position in repeat
score   div. del. ins.  sequence  begin end   (left)   repeat    class/family  begin  end  (left)  ID

  463   1.3  0.6  1.7  chr1      1000  1200 (1000) +  L1MC      LINE/L1            1  200    (0)     1
  463   1.3  0.6  1.7  chr1      2001  2100 (1000) C  MLT1      LTR?/ERVL?       (0)  100      1     2 *
   63   1.3  0.6  1.7  chr2         6    45 (1000) +  (CA)n     Simple_repeat      1   40    (0)     3
"""
BED = "chr1\t999\t1200\tLINE/L1\nchr1\t2000\t2100\tLTR?/ERVL?\nchr2\t5\t45\tSimple_repeat\n"


BARE = "".join(line.split("\t", 1)[1] for line in UCSC.splitlines(keepends=True)[1:])


@pytest.mark.parametrize(
    ("text", "first"),
    [(UCSC, 2), (BARE, 1), (OUT, 4), (BED, 1), (OUT.replace("\n", "\r\n"), 4), (UCSC.replace("\n", "\r"), 2)],
    ids=["ucsc", "without title and bin", "out", "bed", "out of CR LF", "ucsc of CR"],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_the_formats_give_one_table(tmp_path: Path, text: str, first: int, packed: bool) -> None:
    path = tmp_path / "repeats"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    rows = read_repeats(path)
    assert rows[["chrom", "start", "end", "class", "family"]].to_numpy().tolist() == [
        ["chr1", 999, 1200, "LINE", "L1"],
        ["chr1", 2000, 2100, "LTR", "ERVL"],
        ["chr2", 5, 45, "Simple_repeat", "Simple_repeat"],
    ]
    assert rows["line"].tolist() == [first, first + 1, first + 2]


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (OUT.replace("1000  1200", "1O00  1200"), FormatError, r":4: '1O00': the start .* not an integer"),
        (
            OUT.replace("L1MC      LINE/L1            1  200    (0)     1", "L1MC"),
            FormatError,
            ":4: 10 columns",
        ),
        (UCSC.replace("999\t1200", "999\t900"), RegionError, ":2: 'chr1:999-900'"),
        ("chr1\t5\t9\n", FormatError, "needs 4"),
        ("There were no repetitive sequences detected in x\n", FormatError, "needs 4"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, text: str, kind: type[Exception], says: str) -> None:
    path = tmp_path / "repeats.txt"
    path.write_text(text)
    with pytest.raises(kind, match=says):
        read_repeats(path)
