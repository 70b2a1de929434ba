"""Motifs in MEME's text format (minimal or whole): HOCOMOCO, JASPAR and whatever MEME's tools write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.textfile import read_text, require_file, took

NSITES = 20.0  # what MEME takes where a matrix does not say its number of sites
_OFF_ONE = 0.02  # a row of frequencies adds up to 1, but for what was rounded away
_SETTING = re.compile(r"(\w+)=\s*(\S+)")


@dataclass(frozen=True, eq=False)
class Motif:
    """A motif.

    Attributes:
        name: as it stands behind MOTIF.
        other_name: what may stand behind that: JASPAR writes the factor there.
        frequencies: float64 (width, 4), of A, C, G, T.
        n_sites: sites that the frequencies were counted in.
        line: of its name in the file.
    """

    name: str
    other_name: str | None
    frequencies: NDArray[np.float64]
    n_sites: float
    line: int

    @property
    def factor(self) -> str:
        """The transcription factor: the other name, else the name up to its first dot (HOCOMOCO)."""
        return self.other_name or self.name.partition(".")[0]

    def __len__(self) -> int:
        return len(self.frequencies)


def read_meme(path: str | Path) -> list[Motif]:
    """Read the motifs of a file, in its order.

    Raises:
        MissingInputError: no such file.
        FormatError: not MEME's format, another alphabet than ACGT, no motif, one name twice, a motif without
            rows or of other rows than it says, a row that is no four frequencies that add up to 1.
    """
    path = require_file(path)
    text = read_text(path, "motifs in MEME format", takes=("FASTA",))  # JASPAR's own begins with >
    lines = text.decode("utf-8", "replace").split("\n")
    if not any(line.startswith("MEME version") for line in lines):
        raise FormatError(
            "no line 'MEME version …', so these are no motifs in MEME format; HOCOMOCO and JASPAR offer them "
            "(MEME's jaspar2meme and the like turn other formats into it)",
            path=path,
            line=1,
            value=lines[0][:60],
        )
    _check_alphabet(lines, path)
    motifs = list(_motifs(lines, path))
    if not motifs:
        raise FormatError("the file has no motif; get it again", path=path)
    seen: dict[str, int] = {}
    for motif in motifs:
        if motif.name in seen:
            raise FormatError(
                f"two motifs have this name, the other in line {seen[motif.name]}; rename or remove one",
                path=path,
                line=motif.line,
                value=motif.name,
            )
        seen[motif.name] = motif.line
    widths = [len(motif) for motif in motifs]
    took(path, f"{len(motifs):,} motifs in MEME format, {min(widths)} to {max(widths)} bp wide")
    return motifs


def _check_alphabet(lines: Sequence[str], path: Path) -> None:
    for number, line in enumerate(lines, start=1):
        if line.startswith("ALPHABET"):
            letters = line.partition("=")[2].strip() or line.removeprefix("ALPHABET").strip()
            dna = letters == "ACGT" or '"DNA"' in letters or letters.startswith("DNA")
            if not dna:
                raise FormatError(
                    "the motifs are of another alphabet than ACGT; give motifs of DNA",
                    path=path,
                    line=number,
                    value=letters,
                )
            return


def _motifs(lines: Sequence[str], path: Path) -> Iterator[Motif]:
    name: tuple[str, str | None, int] | None = None
    number = 0
    while number < len(lines):
        words = lines[number].split()
        number += 1
        if words and words[0] == "MOTIF":
            if name is not None:
                raise _no_rows(name, path)
            if len(words) < 2:
                raise FormatError("a motif without a name; write one behind MOTIF", path=path, line=number)
            name = words[1], words[2] if len(words) > 2 else None, number
        elif words and words[0] == "letter-probability":
            if name is None:
                raise FormatError("frequencies without a line MOTIF above them", path=path, line=number)
            rows, settings = [], dict(_SETTING.findall(lines[number - 1]))
            begun = number
            while number < len(lines) and re.match(r"\s*[0-9.+-]", lines[number]):
                rows.append(_row(lines[number], path, number + 1))
                number += 1
            yield _motif(name, rows, settings, path, begun)
            name = None
    if name is not None:
        raise _no_rows(name, path)


def _motif(
    name: tuple[str, str | None, int],
    rows: Sequence[Sequence[float]],
    settings: dict[str, str],
    path: Path,
    line: int,
) -> Motif:
    if settings.get("alength", "4") != "4":
        raise FormatError(
            "the matrix is of another alphabet than ACGT; give motifs of DNA",
            path=path,
            line=line,
            value=f"alength= {settings['alength']}",
        )
    if not rows:
        raise _no_rows(name, path)
    try:
        width, n_sites = int(settings.get("w", len(rows))), float(settings.get("nsites", NSITES))
    except ValueError:
        raise FormatError("w= or nsites= is no number", path=path, line=line, value=str(settings)) from None
    if width != len(rows):
        raise FormatError(
            f"{name[0]} says w= {width} and has {len(rows)} rows; the file is cut or edited, get it again",
            path=path,
            line=line,
        )
    if not n_sites > 0:
        raise FormatError("nsites= must be more than 0", path=path, line=line, value=settings["nsites"])
    return Motif(name[0], name[1], np.array(rows, dtype=np.float64), n_sites, name[2])


def _row(text: str, path: Path, line: int) -> list[float]:
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        values = []
    if len(values) != 4 or min(values) < 0 or not abs(sum(values) - 1) <= _OFF_ONE:
        raise FormatError(
            "not four frequencies (of A, C, G, T) that add up to 1; counts must be divided by their sum",
            path=path,
            line=line,
            value=text.strip()[:60],
        )
    return values


def _no_rows(name: tuple[str, str | None, int], path: Path) -> FormatError:
    return FormatError(
        "the motif has no rows of frequencies; remove it, or get the file again",
        path=path,
        line=name[2],
        value=name[0],
    )
