"""Logos of motifs: heights by hand, outlines within their place, the same SVG for the same motif."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.path import Path

from raycre.figures.logo import OUTLINES, bits_of, draw_logo, letters_of, logo_svg

MOTIF = np.array([[1.0, 0, 0, 0], [0.5, 0, 0.5, 0], [0.25, 0.25, 0.25, 0.25], [0.7, 0.1, 0.1, 0.1]])


def test_a_position_says_two_bits_less_its_entropy() -> None:
    entropy = -(0.7 * np.log2(0.7) + 0.3 * np.log2(0.1))
    assert bits_of(MOTIF) == pytest.approx([2, 1, 0, 2 - entropy])


def test_letters_are_stacked_by_their_share_and_the_largest_is_on_top() -> None:
    letters = list(letters_of(MOTIF))
    assert [letter.base for letter in letters[:3]] == ["A", "A", "G"]
    assert [letter.height for letter in letters[:3]] == pytest.approx([2, 0.5, 0.5])
    assert [letter.y for letter in letters[:3]] == pytest.approx([0, 0, 0.5])
    assert not [letter for letter in letters if 2 <= letter.x < 3]  # no letter where nothing is said
    last = [letter for letter in letters if letter.x >= 3]
    assert last[-1].base == "A"
    assert last[-1].y + last[-1].height == pytest.approx(bits_of(MOTIF)[3])


@pytest.mark.parametrize("base", OUTLINES)
def test_an_outline_fills_the_square_and_no_more(base: str) -> None:
    points = np.concatenate(OUTLINES[base])
    assert points.min(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert points.max(axis=0) == pytest.approx([1, 1], abs=1e-9)


def test_a_has_a_hole() -> None:
    def area(part: np.ndarray) -> float:
        x, y = part.T
        return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)

    outer, hole = OUTLINES["A"]
    assert area(outer) > 0 > area(hole)
    assert Path(outer).contains_points(hole).all()


def test_a_logo_is_drawn_from_0_to_2_bits() -> None:
    axes = Figure().subplots()
    draw_logo(axes, MOTIF)
    assert axes.get_ylim() == (0, 2)
    assert len(axes.patches) == len(list(letters_of(MOTIF)))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "2", "3", "4"]


def test_a_logo_by_itself_is_xml_that_names_the_motif() -> None:
    text = "".join(logo_svg("A<B & C", MOTIF))
    root = ElementTree.fromstring(text)
    title, *paths = list(root)
    assert title.text == "A<B & C: 0 to 2 bits"
    assert len(paths) == len(list(letters_of(MOTIF))) + 1  # and the axis
    assert text == "".join(logo_svg("A<B & C", MOTIF))
