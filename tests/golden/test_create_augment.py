"""Shifted and reverse-complemented views against the authors' code: group `aug` of metrics.npz, exactly.

Two things the authors' code does we refuse: windows cut short at the end of a source, and an even number of
shifts an odd stride apart, which it rounds to whole bp.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from raycre.create import inputs
from raycre.create import views as region_views
from raycre.create.layout import MODALITIES, ROWS, WIDTH
from raycre.errors import ConfigError
from tests.golden.create_fixture import Stored, groups, read

THEIRS = dict(zip(("seq", "open", "loop"), MODALITIES, strict=True))
N_BASES = ROWS["sequence"]


@pytest.fixture
def aug(shared: Path) -> Stored:
    (stored,) = groups(read(shared, "metrics.npz"), "stride").values()
    return stored


# Keys of each test below; together all keys of the group.
SPLITS, ROWS_RC, STARTS = r"split(\d+)/.+", r"rows_rc/(.+)", r"\w*length(\d+)_split(\d+)_first_pos"
WIDTHS, TOY = r"\w*length(\d+)_split(\d+)_widths", r"toy/.+"


def test_every_array_belongs_to_a_test(aug: Stored) -> None:
    known = (SPLITS, ROWS_RC, STARTS, WIDTHS, TOY, "stride")
    assert [key for key in aug if not any(re.fullmatch(pattern, key) for pattern in known)] == []


def refused(aug: Stored, ratio: int, keys: str) -> bool:
    """Whether the authors round the shifts of a ratio; if so, check that we do not."""
    stride = int(aug["stride"])
    if ratio % 2 or stride % 2 == 0:
        return False
    with pytest.raises(ConfigError, match="even stride"):
        region_views.both_strands(ratio, stride)
    aug.refuse(keys)
    return True


def wide_input(width: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes (N among them), openness and loops of one wide window: (1, width) each."""
    random = np.random.default_rng(seed)
    codes = torch.from_numpy(random.integers(0, N_BASES + 1, (1, width)).astype(np.uint8))
    openness, loops = (torch.from_numpy(random.random((1, width)).astype(np.float32)) for _ in range(2))
    return codes, openness, loops


def test_views_have_the_authors_shift_strand_and_rows(aug: Stored) -> None:
    stride = int(aug["stride"])
    ratios = sorted({int(match[1]) for _, match in aug.matches(SPLITS)})
    assert ratios
    for ratio in ratios:
        if refused(aug, ratio, rf"split{ratio}/.+"):
            continue
        offsets, is_rc = aug[f"split{ratio}/offset_bp"], aug[f"split{ratio}/is_rc"]
        views = region_views.both_strands(ratio, stride)
        np.testing.assert_array_equal(views.offsets, offsets)
        np.testing.assert_array_equal(views.is_rc, is_rc)
        margin = region_views.flank(ratio, stride)
        wide = wide_input(WIDTH + 2 * margin, ratio)
        rows = inputs.region_input(*wide, MODALITIES)[0]
        codes, openness, loops = (part.expand(len(offsets), -1) for part in wide)
        cut = inputs.view_input(codes, openness, loops, views, MODALITIES)
        for view, source_row in enumerate(aug[f"split{ratio}/source_row"]):
            expected = rows[source_row, margin + offsets[view] : margin + offsets[view] + WIDTH]
            torch.testing.assert_close(
                cut[view], expected.flip(1) if is_rc[view] else expected, rtol=0, atol=0
            )
    aug.all_compared(SPLITS)


def test_rows_of_a_reverse_complement_are_the_authors_for_any_modalities(aug: Stored) -> None:
    wide = wide_input(WIDTH, seed=0)
    back = region_views.Views(np.zeros(1, np.int64), np.ones(1, bool))
    found = list(aug.matches(ROWS_RC))
    assert found
    for key, match in found:
        modalities = tuple(THEIRS[name] for name in match[1].split("+"))
        rows = inputs.region_input(*wide, modalities)[0]
        turned = inputs.view_input(*wide, back, modalities)[0]
        torch.testing.assert_close(turned, rows[aug[key]].flip(1), rtol=0, atol=0)
    aug.all_compared(ROWS_RC)


def test_views_of_a_source_of_any_length_begin_where_the_authors_do(aug: Stored) -> None:
    stride = int(aug["stride"])
    for key, match in aug.matches(STARTS):
        length, ratio = int(match[1]), int(match[2])
        if not refused(aug, ratio, re.escape(key)):
            views = region_views.both_strands(ratio, stride)
            source = torch.arange(length).expand(len(views.offsets), -1)
            np.testing.assert_array_equal(inputs.cut_views(source, WIDTH, *views)[:, 0].numpy(), aug[key])
    aug.all_compared(STARTS)


def test_a_window_that_the_authors_cut_short_is_refused(aug: Stored) -> None:
    stride = int(aug["stride"])
    for key, match in aug.matches(WIDTHS):
        length, ratio = int(match[1]), int(match[2])
        if refused(aug, ratio, re.escape(key)):
            continue
        views = region_views.both_strands(ratio, stride)
        source = torch.arange(length).unsqueeze(0)
        for offset, is_rc, width in zip(*views, aug[key], strict=True):
            first = (length - WIDTH) // 2 + offset
            # Their slice is empty where it begins before the source, and short where it ends behind it.
            assert width == (min(WIDTH, length - first) if first >= 0 else 0)
            one = region_views.Views(np.array([offset]), np.array([is_rc]))
            if width == WIDTH:
                assert inputs.cut_views(source, WIDTH, *one).shape == (1, WIDTH)
                continue
            with pytest.raises(ConfigError, match="reaches past the window"):
                inputs.cut_views(source, WIDTH, *one)
    aug.all_compared(WIDTHS)


def test_augmented_windows_are_the_authors(aug: Stored) -> None:
    stride, ratios = int(aug["stride"]), aug["toy/ratios"].tolist()
    rounded = [refused(aug, ratio, TOY) for ratio in ratios]
    if any(rounded):
        return
    x, label = aug["toy/x"], aug["toy/label"]
    bases = x[:, :N_BASES]
    codes = np.where(bases.any(axis=1), bases.argmax(axis=1), N_BASES).astype(np.uint8)
    samples = region_views.training_samples(label, np.arange(len(x)), ratios, stride=stride)
    width = aug["toy/out_x"].shape[2]
    found = inputs.complement(
        inputs.cut_views(torch.from_numpy(codes[samples.rows]), width, *samples.views), samples.views.is_rc
    )
    one_hot = F.one_hot(found.long(), N_BASES + 1)[..., :N_BASES].transpose(1, 2)
    np.testing.assert_array_equal(label[samples.rows], aug["toy/out_label"])
    np.testing.assert_array_equal(one_hot.numpy(), aug["toy/out_x"][:, :N_BASES])
    for row in range(N_BASES, x.shape[1]):
        track = inputs.cut_views(torch.from_numpy(x[samples.rows, row]), width, *samples.views)
        np.testing.assert_array_equal(track.numpy(), aug["toy/out_x"][:, row])
    # The authors number regions within their class.
    of_class = {
        row: rank for kind in range(len(ratios)) for rank, row in enumerate(np.flatnonzero(label == kind))
    }
    np.testing.assert_array_equal([of_class[row] for row in samples.rows], aug["toy/out_data_id"])
    aug.all_compared(TOY)


def test_the_file_holds_nothing_else(shared: Path) -> None:
    stored = read(shared, "metrics.npz")
    known = {*groups(stored, "prob"), *groups(stored, "raw_prob"), *groups(stored, "stride")}
    assert {key.split("/")[0] for key in stored} == known
