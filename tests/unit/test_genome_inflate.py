"""Blocks of zlib and gzip: the same bytes and the same errors, whichever library unpacks them."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.genome import inflate as module
from raycre.genome.inflate import GZIP, inflate


@given(st.binary(max_size=5_000), st.integers(0, 9), st.integers(1, 9_000))
def test_bytes_are_those_of_zlib(content: bytes, level: int, size: int) -> None:
    assert inflate(zlib.compress(content, level), size) == content
    assert inflate(gzip.compress(content, level), size, GZIP) == content


@pytest.mark.parametrize(
    "damage", [b"", b"x" * 40, zlib.compress(b"a" * 900)[:-1], zlib.compress(b"abc")[:-1] + b"!"]
)
def test_damage_is_zlibs_error(damage: bytes) -> None:
    with pytest.raises(zlib.error):
        inflate(damage, 1_000)


def test_without_the_faster_library_zlib_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_fast", zlib)
    assert inflate(zlib.compress(b"ACGT" * 100), 10) == b"ACGT" * 100
