"""A session of IGV: an XML file that opens all tracks of a run at once, on their genome."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from raycre.errors import ConfigError
from raycre.export.bed import write_bed9
from raycre.export.bedpe import write_arcs
from raycre.export.big import write_bigwig
from raycre.export.features import Features
from raycre.export.options import Options
from raycre.store.files import write_atomic

VERSION = "8"  # of sessions, since IGV 2.4


def write_session(found: Features, out: Path, options: Options) -> list[Path]:
    """Write the tracks and `igv_session.xml`, which names them by paths relative to itself.

    The genome is UCSC's name where the lengths of chromosomes tell it or the options say it, else the FASTA.

    Raises:
        ConfigError: neither is known.
    """
    genome = found.assembly or found.fasta
    if not genome:
        raise ConfigError(
            "the genome is not known, as the run's FASTA is not where it was: give --assembly (hg38)"
        )
    paths = [*write_bed9(found, out, options), *write_bigwig(found, out, options)]
    if list(found.arcs()):
        paths += write_arcs(found, out, options)
    session = ElementTree.Element("Session", genome=genome, version=VERSION, locus=_first(found))
    resources = ElementTree.SubElement(session, "Resources")
    for path in paths:
        ElementTree.SubElement(resources, "Resource", path=path.relative_to(out).as_posix())
    ElementTree.indent(session)
    text = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n' + ElementTree.tostring(
        session, encoding="unicode"
    )
    path = out / "igv_session.xml"
    write_atomic(path, lambda temporary: temporary.write_text(f"{text}\n"))
    return [*paths, path]


def _first(found: Features) -> str:
    """The place that a session opens at: the first item, which IGV counts from 1."""
    for track in found.intervals():
        if not track.rows.empty:
            row = track.rows.iloc[0]
            return f"{row['chrom']}:{row['start'] + 1}-{row['end']}"
    return "All"
