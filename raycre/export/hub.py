"""A track hub of UCSC's browser: a hub.txt that names the data beside it, for a web server as it is."""

from __future__ import annotations

import re
from pathlib import Path

from raycre.errors import ConfigError
from raycre.export.big import check_ready, write_bigbed, write_biginteract, write_bigwig
from raycre.export.features import Arcs, Features, Intervals, Signal, colour_of
from raycre.export.options import Options
from raycre.store.files import write_atomic

SHORT, LONG = 17, 76  # characters of a label that the browser shows


def write_hub(found: Features, out: Path, options: Options) -> list[Path]:
    """Write hub/hub.txt and its bigBed, bigWig and bigInteract files.

    Raises:
        ConfigError: the assembly is not one that UCSC has, no e-mail address, or as `write_bigbed`.
    """
    if not found.assembly:
        raise ConfigError(
            "a hub is of an assembly that UCSC has, and the lengths of chromosomes tell none: give "
            "--assembly (hg38)"
        )
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", options.email):
        raise ConfigError(
            "UCSC wants an address in every hub, to ask about it: give --email", value=options.email or None
        )
    check_ready(found)
    folder = out / "hub"
    names: set[str] = set()
    intervals = {each.name: each for each in found.intervals()}
    signals = {each.name: each for each in found.signals()}
    beds, wigs = write_bigbed(found, folder, options), write_bigwig(found, folder, options)
    arcs = write_biginteract(found, folder)
    stanzas = [
        _stanza(path, "bigBed 9", intervals[path.stem], names, itemRgb="on", visibility="dense")
        for path in beds
    ]
    for path in wigs:
        signal = signals[path.stem]
        low, high = signal.rows["value"].min(), signal.rows["value"].max()
        colours = {"color": ",".join(map(str, signal.colour)), "altColor": colour_of("silencer")}
        stanzas.append(
            _stanza(path, f"bigWig {low:.6g} {high:.6g}", signal, names, **colours, visibility="full",
                    autoScale="on", maxHeightPixels="100:32:8", alwaysZero="on")
        )  # fmt: skip
    stanzas += [_stanza(path, "bigInteract", each, names, visibility="full") for each, path in arcs]
    head = _lines(
        hub=_word(found.name), shortLabel=_cut(found.name, SHORT),
        longLabel=_cut(f"raycre: {found.name}", LONG), useOneFile="on", email=options.email,
    )  # fmt: skip
    path = folder / "hub.txt"
    text = "\n".join([head, _lines(genome=found.assembly), *stanzas])
    write_atomic(path, lambda temporary: temporary.write_text(text))
    return [*beds, *wigs, *(file for _, file in arcs), path]


def _stanza(path: Path, kind: str, of: Intervals | Signal | Arcs, names: set[str], **more: str) -> str:
    name = base = _word(path.name.split(".bb")[0].removesuffix(".bw").removesuffix(".inter"))
    number = 1
    while name in names:
        number += 1
        name = f"{base}_{number}"
    names.add(name)
    labels = {"shortLabel": _cut(of.short, SHORT), "longLabel": _cut(of.label, LONG)}
    return _lines(track=name, bigDataUrl=path.name, type=kind, **labels, **more)


def _lines(**settings: str) -> str:
    return "".join(f"{key} {value}\n" for key, value in settings.items())


def _word(text: str) -> str:
    """A name as UCSC takes it: a letter first, then letters, digits and _."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
    return name if re.match(r"[A-Za-z]", name) else f"t_{name}"


def _cut(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
