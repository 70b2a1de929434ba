"""Chains by hand: one shift, one inversion, a gap, two chains over one place; and what is no chain."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from raycre.errors import AssemblyError, FormatError
from raycre.genome.chains import read_chains
from raycre.genome.lift import lift, lift_regions

# chr7 moved by 1,000 with 50 bases lost at 400,000; 10 kb of chr8 turned round; 5 kb of chr7 also on chr9.
CHAIN = """chain 100 chr7 500000 + 0 500000 chr7 500950 + 1000 500950 1
400000 50 0
99950

chain 90 chr8 20000 + 0 10000 chr8 30000 - 5000 15000 2
10000

chain 80 chr7 500000 + 200000 205000 chr9 9000 + 0 5000 3
5000
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.chain"
    path.write_text(CHAIN)
    return path


def table(*rows: tuple[str, int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["chrom", "start", "end", "summit"])


def test_places_move_turn_and_are_lost_as_the_chain_says(path: Path) -> None:
    regions = table(
        ("chr7", 93_000, 94_000, 93_010),
        ("chr8", 100, 300, 110),  # base b is 25,000 - 1 - b of the forward strand
        ("chr7", 399_900, 400_100, 400_010),  # 50 of 200 bases have no block
        ("chr7", 399_000, 400_900, -1),  # 50 of 1,900: 97 %
        ("chr7", 201_000, 201_100, -1),
        ("chrM", 0, 10, -1),
    )
    found = lift(regions, read_chains(path))
    assert found["status"].tolist() == [
        "mapped", "mapped", "partially_deleted", "mapped", "duplicated", "deleted",
    ]  # fmt: skip
    assert found.loc[0, ["new_chrom", "new_start", "new_end", "new_summit"]].tolist() == [
        "chr7", 94_000, 95_000, 94_010,
    ]  # fmt: skip
    assert found.loc[1, ["new_start", "new_end", "new_strand", "new_summit"]].tolist() == [
        24_700, 24_900, "-", 24_889,
    ]  # fmt: skip
    assert found.loc[3, ["new_start", "new_end"]].tolist() == [400_000, 401_850]
    assert found["mapped_fraction"].tolist() == pytest.approx([1, 1, 0.75, 1_850 / 1_900, 1, 0])


def test_regions_on_a_turned_stretch_change_their_strand(path: Path) -> None:
    regions = table(("chr8", 0, 10, -1), ("chr7", 5, 9, 6)).assign(strand=["+", "-"], name=["a", "b"])
    left, counts, lost = lift_regions(regions, read_chains(path))
    assert left[["strand", "name", "summit"]].values.tolist() == [["-", "a", -1], ["-", "b", 1_006]]
    assert (counts["mapped"], len(lost)) == (2, 0)


def test_a_length_that_changes_by_more_than_the_setting_is_dropped(path: Path) -> None:
    regions = table(("chr7", 399_500, 400_500, -1))  # 50 of 1,000 bases go
    chains = read_chains(path)
    assert lift_regions(regions, chains, max_length_change=0.05).counts["mapped"] == 1
    found = lift_regions(regions, chains, max_length_change=0.04)
    assert (found.counts["length_changed"], found.lost["status"].tolist()) == (1, ["length_changed"])


def test_a_chain_of_another_assembly_is_refused(path: Path) -> None:
    chains = read_chains(path)
    chains.check_target({"chr7": 500_950, "chr1": 5})
    with pytest.raises(AssemblyError, match=r"leads to a chr7 of 500,950 bp, and the genome's has 7"):
        chains.check_target({"chr7": 7})
    with pytest.raises(AssemblyError, match="none of which is a chromosome"):
        chains.check_target({"1": 7})
    chains.check_source("anything: its chromosomes are of no known assembly")
    path.write_text("chain 1 chr7 159138663 + 0 9 chr7 9 + 0 9 1\n9\n")
    read_chains(path).check_source("hg19")
    with pytest.raises(AssemblyError, match="comes from hg19/GRCh37, not from hg38"):
        read_chains(path).check_source("hg38")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (CHAIN[: CHAIN.index("99950")], 1, "the file ends within the chain"),
        (CHAIN.replace("99950", "99949"), 3, "do not match"),
        (CHAIN.replace("400000 50 0", "400000 fifty 0"), 2, "damaged"),
        (CHAIN.replace("chain 90", "chian 90"), 5, "a line that is of no chain"),
        (CHAIN.replace("chr7 500000 + 200000", "chr7 600000 + 200000"), 8, "has 600,000 bp here"),
        (CHAIN.replace("chain 100 chr7 500000 +", "chain 100 chr7 500000 -"), 1, "must be +"),
        (CHAIN.replace(" 15000 2", ""), 5, "12 or 13 fields, this one 11"),
        (CHAIN.replace("chr8 20000", "chr8 9999"), 5, "leaves its chromosomes"),
    ],
)
def test_a_damaged_chain_is_named_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "bad.chain"
    path.write_text(text)
    with pytest.raises(FormatError, match=says) as error:
        read_chains(path)
    assert error.value.line == line
