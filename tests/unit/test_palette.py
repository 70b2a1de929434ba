"""The palette of classes: contrast to the page by WCAG, and distance for any colour vision."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from raycre.figures.canvas import COLOURS

PAGES = ("#ffffff", "#15171a")  # raycre/plots/sheet.py
# Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
VISIONS = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
CLASSES = [name for name in COLOURS if name != "neither"]  # which has the background's colour


def linear(colour: str) -> NDArray[np.float64]:
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    f = np.cbrt(to_xyz @ np.clip(rgb, 0, 1) / [0.95047, 1, 1.08883])  # of colours that are not near black
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", CLASSES)
def test_a_class_stands_out_from_the_page_by_three_to_one(name: str, page: str) -> None:
    high, low = sorted((luminance(COLOURS[name]), luminance(page)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3


@pytest.mark.parametrize("vision", VISIONS)
def test_classes_lie_apart_for_any_colour_vision(vision: str) -> None:
    seen = {name: lab(np.array(VISIONS[vision]) @ linear(COLOURS[name])) for name in CLASSES}
    apart = {(a, b): float(np.linalg.norm(seen[a] - seen[b])) for a, b in combinations(CLASSES, 2)}
    assert min(apart.values()) > 15, min(apart, key=lambda pair: apart[pair])
