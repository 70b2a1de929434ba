"""The planted model against arithmetic done by hand; every expected number is derived in its test."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raycre.backbones import planted
from raycre.backbones.planted import MOTIFS, Planted, load_planted, motif_hits
from raycre.backbones.tracks import TRACK_COLUMNS
from raycre.errors import CheckpointError, ConfigError, InputError, TrackError

LENGTH = 65_536
Q = 255  # the bin left of the TSS; 100 bins (12,800 bp) from bin 155


def codes_of(text: str) -> Tensor:
    return torch.tensor(["ACGTN".index(base) for base in text], dtype=torch.uint8)


def reverse_complement(codes: Tensor) -> Tensor:
    return torch.where(codes == 4, codes, 3 - codes).flip(-1)


def sequence(*plants: tuple[str, int], length: int = LENGTH) -> Tensor:
    """uint8 (1, length) of As with (motif, bin) plants inside their bins; "-enhancer" is the other strand."""
    codes = torch.zeros((1, length), dtype=torch.uint8)
    used: dict[int, int] = {}
    for name, bin_ in plants:
        motif = codes_of(MOTIFS[name.lstrip("-")])
        start = 128 * bin_ + 20 * used.get(bin_, 0)
        used[bin_] = used.get(bin_, 0) + 1
        codes[0, start : start + 15] = reverse_complement(motif) if name.startswith("-") else motif
    return codes


def activity(*plants: tuple[str, int], bin_: int = Q, track: int = 0) -> float:
    return float(load_planted().read(sequence(*plants), [bin_], [track]))


def test_an_empty_sequence_has_activity_one() -> None:
    assert activity() == 1.0


def test_enhancer_hit_adds_twenty_times_its_decay() -> None:
    # 12,800 bp: exp(-12800 / 20000) = 0.5272924 and exp(-12800 / 40000) = 0.7261490
    assert activity(("enhancer", 155), track=0) == pytest.approx(1 + 20 * 0.5272924, rel=1e-6)
    assert activity(("enhancer", 155), track=1) == pytest.approx(1 + 20 * 0.7261490, rel=1e-6)


def test_enhancer_at_distance_zero_adds_twenty() -> None:
    assert activity(("enhancer", Q)) == 21.0


@pytest.mark.parametrize("name", ["silencer", "-silencer"])
def test_silencer_hit_lowers_activity_on_either_strand(name: str) -> None:
    assert activity((name, Q)) == 0.5  # 1 / (1 + 1)
    assert activity((name, 155)) == pytest.approx(1 / 1.5272924, rel=1e-6)


def test_hits_add_and_silencers_divide() -> None:
    # two enhancers and three silencers in the same bin as the output: (1 + 40) / (1 + 3)
    plants = [("enhancer", Q), ("-enhancer", Q), ("silencer", Q), ("silencer", Q), ("-silencer", Q)]
    assert activity(*plants) == 10.25


def test_promoter_hits_count_up_to_four_bins_away() -> None:
    assert activity(("promoter", Q - 4), ("-promoter", Q + 4)) == 3.0  # 1 + 2
    assert activity(("promoter", Q - 5), ("promoter", Q + 5)) == 1.0
    assert activity(("promoter", Q), ("enhancer", Q), ("silencer", Q)) == 21.0  # 2 x 21 / 2


def test_insulator_leaves_activity_alone() -> None:
    assert activity(("insulator", Q), ("-insulator", Q - 1)) == 1.0


def test_a_hit_lies_in_the_bin_of_its_eighth_base() -> None:
    model = load_planted()
    codes = torch.zeros((2, LENGTH), dtype=torch.uint8)
    start = 128 * 300
    codes[0, start - 7 : start + 8] = codes_of(MOTIFS["enhancer"])  # eighth base = first base of bin 300
    codes[1, start - 8 : start + 7] = codes_of(MOTIFS["enhancer"])  # eighth base = last base of bin 299
    out = model.read(codes, [299, 300], [0])[..., 0]
    assert out[0, 1] == 21.0
    assert out[1, 0] == 21.0
    assert out[0, 0] < 21.0
    assert out[1, 1] < 21.0


@pytest.mark.parametrize("position", range(15))
def test_n_anywhere_in_a_motif_breaks_it(position: int) -> None:
    codes = sequence(("enhancer", Q))
    codes[0, 128 * Q + position] = 4
    assert float(load_planted().read(codes, [Q], [0])) == 1.0


def test_all_n_matches_nothing() -> None:
    out = load_planted().read(torch.full((1, LENGTH), 4, dtype=torch.uint8), [0, Q, 511], [0, 1])
    assert torch.equal(out, torch.ones(1, 3, 2))


def test_two_enhancer_tiles_have_the_creme_effects_of_the_docstring() -> None:
    near, far = ("enhancer", Q - 80), ("enhancer", Q + 100)
    wt = activity(*[near] * 3, *[far] * 3)
    e_near, e_far = 60 * 0.5992962, 60 * 0.5272924  # exp(-10240 / 20000), exp(-12800 / 20000)
    assert wt == pytest.approx(1 + e_near + e_far, rel=1e-6)
    assert (wt - activity()) / wt == pytest.approx(67.59532 / 68.59532, rel=1e-6)  # context > 0.95
    necessity = (wt - activity(*[far] * 3)) / wt
    sufficiency = (activity(*[near] * 3) - activity()) / wt
    assert necessity == pytest.approx(35.957772 / 68.59532, rel=1e-6)
    assert sufficiency == pytest.approx(necessity, rel=1e-6)


def test_two_silencer_tiles_have_the_creme_effects_of_the_docstring() -> None:
    one, two = [("silencer", Q)] * 2, [("silencer", Q)] * 3
    wt = activity(*one, *two)
    assert wt == pytest.approx(1 / 6)
    assert (wt - activity()) / wt == pytest.approx(-5)  # -(2 + 3)
    assert (wt - activity(*two)) / wt == pytest.approx(-0.5)  # -2 / (1 + 3)
    assert (activity(*one) - activity()) / activity() == pytest.approx(-2 / 3)  # -2 / (1 + 2)


PLANTS = st.lists(
    st.tuples(st.sampled_from([*MOTIFS, *(f"-{m}" for m in MOTIFS)]), st.integers(0, 15)), max_size=6
)


@settings(max_examples=50)
@given(PLANTS)
def test_reverse_complement_turns_the_output_round(plants: list[tuple[str, int]]) -> None:
    model = Planted(seq_len=2_048)
    codes = sequence(*plants, length=2_048)
    bins = range(16)
    forward = model.read(codes, bins, [0, 1])
    assert torch.allclose(model.read(reverse_complement(codes), bins, [0, 1]).flip(1), forward, rtol=1e-6)


@settings(max_examples=50)
@given(PLANTS, st.lists(st.integers(0, 15), min_size=1), st.lists(st.integers(0, 1), min_size=1))
def test_wanted_bins_and_tracks_come_in_the_order_asked(
    plants: list[tuple[str, int]], bins: list[int], tracks: list[int]
) -> None:
    model = Planted(seq_len=2_048)
    codes = sequence(*plants, length=2_048)
    full = model.read(codes, range(16), [0, 1])
    assert torch.equal(model.read(codes, bins, tracks), full[:, bins][:, :, tracks])


def test_a_batch_gives_the_same_bits_as_one_sequence_at_a_time() -> None:
    model = load_planted()
    batch = torch.cat(
        [sequence(("enhancer", b), ("silencer", b + 40), ("promoter", Q)) for b in range(100, 108)]
    )
    single = torch.cat([model.read(row[None], model.tss_bins, [0, 1]) for row in batch])
    assert torch.equal(model.read(batch, model.tss_bins, [0, 1]), single)


def test_motif_hits_marks_the_centre_of_either_strand() -> None:
    text = "A" * 20 + MOTIFS["silencer"] + "A" * 20
    codes = codes_of(text)
    hits = motif_hits(torch.stack([codes, reverse_complement(codes)]))
    assert hits.shape == (2, 4, 55)
    assert hits.nonzero().tolist() == [[0, 1, 27], [1, 1, 27]]  # 20 + 7, and 54 - 27


def test_motifs_are_neither_palindromes_nor_parts_of_each_other() -> None:
    strands = {}
    for name, motif in MOTIFS.items():
        assert len(motif) == planted.MOTIF_LENGTH == 15
        strands[name] = motif
        strands[f"-{name}"] = motif[::-1].translate(str.maketrans("ACGT", "TGCA"))
    assert len(set(strands.values())) == 8
    # No two share even a stretch of 6 bases at their ends, so that planting one hardly ever makes another.
    for a in strands.values():
        for b in strands.values():
            assert all(a[-k:] != b[:k] for k in range(6, 15))


def test_the_contract_is_kept() -> None:
    model = load_planted()
    assert (model.name, model.seq_len, model.bin_size, model.n_bins) == ("planted", 65_536, 128, 512)
    assert model.tss_bins == (255, 256)  # the TSS, base 32,768, is the first of bin 256
    assert tuple(model.tracks.columns) == TRACK_COLUMNS
    assert model.tracks["description"].tolist() == ["CAGE:planted-A", "CAGE:planted-B"]
    assert model.tracks["track_id"].tolist() == [0, 1]
    assert model.trained
    assert not model.training
    assert model.read(sequence(), [Q], [0]).dtype == torch.float32


def test_the_hash_follows_the_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_planted().weights_sha256
    assert len(before) == 64
    assert load_planted().weights_sha256 == before
    monkeypatch.setattr(planted, "ENHANCER_WEIGHT", 21.0)
    assert load_planted().weights_sha256 != before


@pytest.mark.parametrize(
    ("codes", "bins", "tracks", "error", "message"),
    [
        (torch.zeros((1, 65_535), dtype=torch.uint8), [0], [0], InputError, "65,536 bp"),
        (torch.zeros((1, LENGTH)), [0], [0], InputError, "uint8 codes 0-4"),
        (torch.full((1, LENGTH), 5, dtype=torch.uint8), [0], [0], InputError, "uint8 codes 0-4"),
        (torch.zeros((1, LENGTH), dtype=torch.uint8), [512], [0], InputError, "bins 0-511"),
        (torch.zeros((1, LENGTH), dtype=torch.uint8), [0], [2], TrackError, "tracks 0-1"),
    ],
)
def test_a_call_that_cannot_be_answered_is_a_named_error(
    codes: torch.Tensor, bins: list[int], tracks: list[int], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_planted().read(codes, bins, tracks)


def test_weights_are_refused() -> None:
    with pytest.raises(CheckpointError, match="no weights to load"):
        load_planted("enformer.safetensors")


@pytest.mark.parametrize("seq_len", [0, -256, 128, 65_535])
def test_a_length_without_a_middle_between_bins_is_refused(seq_len: int) -> None:
    with pytest.raises(ConfigError, match="multiple of 256"):
        Planted(seq_len)
