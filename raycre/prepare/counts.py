"""How many rows each step took and left, and how many the paper reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class StepCount(NamedTuple):
    """One number of one step: `item` is a class, a source, or class.what."""

    step: str
    item: str
    n: int


# CREATE, Methods, "Data collection" and Results, by cell line: (step, item) -> n.
_FINAL = ("silencer", "enhancer", "promoter", "insulator", "background")
PAPER: Mapping[str, Mapping[tuple[str, str], int]] = {
    cell: {
        **{("labels", f"{name}.final"): n for name, n in zip(_FINAL, final, strict=True)},
        ("candidates", "final"): candidates,
        ("read", "silencer.rows"): silencers,
    }
    for cell, final, candidates, silencers in (
        ("K562", (6_754, 10_528, 15_699, 18_631, 20_000), 270_259, 6_924),
        ("HepG2", (1_456, 11_407, 14_535, 15_650, 20_000), 232_456, 1_679),
    )
}
"""Silencers read: of the database's site (K562) and of another paper's data (HepG2), not of CREATE's."""


def beside_paper(counts: list[StepCount], cell: str | None) -> list[dict[str, object]]:
    """Return counts as rows: step, item, n, and paper, None where the paper says nothing."""
    paper = {name.casefold(): numbers for name, numbers in PAPER.items()}.get((cell or "").casefold(), {})
    return [{**count._asdict(), "paper": paper.get((count.step, count.item))} for count in counts]
