"""The formats by name, with what each writes: for the command line, which imports none of their writers."""

from __future__ import annotations

EXPORTS = {
    "bed9": "calls, coloured by class, with score",
    "bigbed": "the same, indexed (needs the extra browser)",
    "bedgraph": "probabilities of classes; of CREME effects by gene and test",
    "bigwig": "the same, indexed",
    "bedpe-arcs": "CREME's called tiles tied to their gene's TSS",
    "tsv": "every table, all rows and columns",
    "igv-session": "calls, values and arcs, and a session that opens them in IGV",
    "ucsc-hub": "a track hub for UCSC's browser (needs the extra browser)",
}
