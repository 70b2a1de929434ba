"""Puts the letters that an SVG uses into it, so that it looks the same where the font is not installed."""

from __future__ import annotations

import base64
import io
import re

_FAMILY = "DejaVu Sans"  # of all figures; matplotlib brings it
_TEXT = re.compile(r">([^<>]+)</(?:text|tspan)>")
_STYLE = '<style type="text/css">'


def embed_font(svg: str) -> str:
    """Return an SVG with the font's letters that its texts use, as WOFF; equal texts give equal bytes."""
    from html import unescape

    letters = sorted(set("".join(map(unescape, _TEXT.findall(svg)))) | {" "})
    face = f"@font-face{{font-family:'{_FAMILY}';src:url(data:font/woff;base64,{_subset(letters)})}}\n"
    return svg.replace(_STYLE, _STYLE + face, 1)  # matplotlib writes one style


def _subset(letters: list[str]) -> str:
    """The font with these letters alone, as base64."""
    from fontTools import subset
    from matplotlib.font_manager import findfont

    options = subset.Options(flavor="woff", drop_tables=["FFTM", "PfEd"], hinting=False)
    font = subset.load_font(findfont(_FAMILY), options)
    chosen = subset.Subsetter(options)
    chosen.populate(unicodes=[ord(letter) for letter in letters])
    chosen.subset(font)
    packed = io.BytesIO()
    subset.save_font(font, packed, options)
    font.close()
    return base64.b64encode(packed.getvalue()).decode()
