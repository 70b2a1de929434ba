"""UCSC chains between two assemblies: how they are read, and what is wrong with a file that is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycre.errors import AssemblyError, FormatError
from raycre.genome.chromosomes import assembly_of
from raycre.genome.textfile import read_text, require_file, took

if TYPE_CHECKING:
    from pyliftover.chainfile import LiftOverChain


class Chain(NamedTuple):
    """Aligned blocks of one stretch of two assemblies.

    blocks: int64 (n, 2), start and end on the source chromosome, ascending and disjoint.
    target_start: int64 (n,), where each block begins on the target's strand.
    """

    blocks: NDArray[np.int64]
    target_start: NDArray[np.int64]
    target: str
    target_size: int
    strand: str

    def target_of(self, block: NDArray[np.int64], position: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where positions of the source, each in its block, are on the target's forward strand."""
        place: NDArray[np.int64] = self.target_start[block] + position - self.blocks[block, 0]
        return place if self.strand == "+" else self.target_size - 1 - place


@dataclass(frozen=True, eq=False)
class Chains:
    """A chain file.

    Attributes:
        path: the file.
        of: chains by source chromosome.
        source_sizes, target_sizes: bp of each chromosome that the file names.
    """

    path: Path
    of: Mapping[str, tuple[Chain, ...]]
    source_sizes: Mapping[str, int]
    target_sizes: Mapping[str, int]

    def check_target(self, sizes: Mapping[str, int]) -> None:
        """Refuse a chain that leads to another assembly than these chromosomes are of.

        Raises:
            AssemblyError: lengths disagree, or no chromosome is in both.
        """
        self._check("leads to", self.target_sizes, sizes)

    def check_source_sizes(self, sizes: Mapping[str, int]) -> None:
        """Refuse a chain that comes from another assembly than these chromosomes; as `check_target`."""
        self._check("comes from", self.source_sizes, sizes)

    def _check(self, way: str, own: Mapping[str, int], sizes: Mapping[str, int]) -> None:
        common = [name for name in own if name in sizes]
        found = assembly_of(own)
        hint = f"; the chain {way} {found}" if found else ""
        if not common:
            raise AssemblyError(
                f"the chain {way} {', '.join(list(own)[:5])}, none of which is a chromosome of the genome"
                f"{hint}; give the chain between the two assemblies",
                path=self.path,
            )
        for name in common:
            if own[name] != sizes[name]:
                raise AssemblyError(
                    f"the chain {way} a {name} of {own[name]:,} bp, and the genome's has {sizes[name]:,}"
                    f"{hint}; give the chain between the two assemblies",
                    path=self.path,
                    value=name,
                )

    def check_source(self, assembly: str) -> None:
        """Refuse a chain that comes from a known assembly of another name.

        Raises:
            AssemblyError: it does.
        """
        found = assembly_of(self.source_sizes)
        if found is not None and assembly.lower() not in found.lower().split("/"):
            raise AssemblyError(
                f"the chain comes from {found}, not from {assembly}; give the chain between the two",
                path=self.path,
                value=assembly,
            )


class _Lines:
    """Lines of a text for pyliftover, which reads them one by one; counts them."""

    def __init__(self, text: bytes) -> None:
        self._lines = iter(text.split(b"\n"))
        self.number, self.last, self.ended = 0, b"", False

    def readline(self) -> bytes:
        self.last = next(self._lines, b"\0")
        if self.last == b"\0":
            self.ended, self.last = True, b""
            return b""
        self.number += 1
        return self.last + b"\n"


def read_chains(path: str | Path) -> Chains:
    """Read a chain file of UCSC's, plain or compressed.

    Raises:
        MissingInputError: no such file.
        FormatError: not a chain file, truncated, or a chain whose numbers do not fit together; line is named.
    """
    path = require_file(path)
    lines = _Lines(read_text(path, "a chain file").rstrip(b"\n"))
    of: dict[str, list[Chain]] = {}
    source_sizes: dict[str, int] = {}
    target_sizes: dict[str, int] = {}
    while not lines.ended:
        header = lines.readline()
        if not header.strip() or header.startswith(b"#"):
            continue
        number = lines.number
        if not header.startswith(b"chain "):
            raise FormatError(
                "a line that is of no chain; a chain file has `chain SCORE NAME SIZE …` lines, each with its "
                "blocks below",
                path=path,
                line=number,
                value=_text(header),
            )
        chain = _read_chain(header, lines, path)
        for name, size, sizes in (
            (chain.source_name, chain.source_size, source_sizes),
            (chain.target_name, chain.target_size, target_sizes),
        ):
            if sizes.setdefault(name, size) != size:
                raise FormatError(
                    f"{name} has {size:,} bp here, {sizes[name]:,} in an earlier chain; get the file again",
                    path=path,
                    line=number,
                    value=_text(header),
                )
        blocks = np.array(chain.blocks, dtype=np.int64).reshape(-1, 3)
        inside = 0 <= chain.source_start <= chain.source_end <= chain.source_size
        inside &= 0 <= chain.target_start <= chain.target_end <= chain.target_size
        if not inside or (np.diff(blocks[:, 0]) < 0).any() or (blocks[:, 1] < blocks[:, 0]).any():
            raise FormatError(
                "the chain leaves its chromosomes, or its blocks go backwards; get the file again",
                path=path,
                line=number,
                value=_text(header),
            )
        of.setdefault(chain.source_name, []).append(
            Chain(
                np.ascontiguousarray(blocks[:, :2]),
                np.ascontiguousarray(blocks[:, 2]),
                chain.target_name,
                chain.target_size,
                chain.target_strand,
            )
        )
    if not of:
        raise FormatError("no chain in the file; get it again", path=path)
    n = sum(map(len, of.values()))
    found = [assembly_of(sizes) or "an unknown assembly" for sizes in (source_sizes, target_sizes)]
    took(path, f"{n:,} chains read, from {found[0]} to {found[1]}")
    return Chains(path, {name: tuple(each) for name, each in of.items()}, source_sizes, target_sizes)


def _read_chain(header: bytes, lines: _Lines, path: Path) -> LiftOverChain:
    from pyliftover.chainfile import LiftOverChain

    number = lines.number
    fields = header.split()
    if len(fields) not in (12, 13):
        raise FormatError(
            f"a chain's first line has 12 or 13 fields, this one {len(fields)}",
            path=path,
            line=number,
            value=_text(header),
        )
    try:
        return LiftOverChain(header, lines)
    except Exception as error:  # pyliftover raises Exception itself, and ValueError for what is no number
        if lines.ended:
            raise FormatError(
                "the file ends within the chain of this line: it was cut off after line "
                f"{lines.number}; get it again",
                path=path,
                line=number,
                value=_text(header),
            ) from error
        raise FormatError(
            f"the chain of line {number} is damaged ({_reason(error)}); get the file again",
            path=path,
            line=lines.number,
            value=_text(lines.last),
        ) from error


def _reason(error: Exception) -> str:
    return str(error).partition(" (chain")[0].partition(". (")[0]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()[:60]
