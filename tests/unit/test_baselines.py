"""The baselines' networks: sizes and lengths as published, inputs as described, and back from their files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.baselines import danq, kmers, parts
from raycre.create.baselines.danq import DanQ
from raycre.create.baselines.deepicsh import DeepIcsh, bin_widths
from raycre.create.baselines.deepsea import DeepSea
from raycre.create.baselines.es_transition import EsTransition
from raycre.create.layout import CLASSES, MODALITIES, WIDTH
from raycre.create.model.declaration import declared, rebuild
from raycre.create.model.network import Network
from raycre.create.model.weight_files import read_model, write_model
from raycre.create.names import BUILT_IN
from raycre.errors import CheckpointError, ConfigError, RaycreError

BASELINES = [kind for kind in BUILT_IN if kind != "create"]


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def tiny(kind: str, modalities: tuple[str, ...] | None = None) -> Network:
    torch.manual_seed(3)
    return declared(kind).make("tiny", modalities or declared(kind).reads, len(CLASSES)).eval()


def windows(modalities: tuple[str, ...], n: int = 3) -> Tensor:
    """Random input, with a few N."""
    random = np.random.default_rng(1)
    codes = torch.from_numpy(random.integers(0, 5, (n, WIDTH)))
    bases = F.one_hot(codes, 5)[:, :, :4].transpose(1, 2).float()
    tracks = torch.from_numpy(random.random((n, len(modalities) - 1, WIDTH), np.float32))
    return torch.cat([bases, tracks], dim=1)


def test_all_four_are_in_the_table() -> None:
    assert BASELINES == ["deepsea", "danq", "es-transition", "deepicsh"]


# Counts from the layers that the authors' sources give; the ES-transition-like one from our own plan.
def test_every_kind_that_a_configuration_may_name_can_be_built() -> None:
    assert [declared(name).name for name in BUILT_IN] == list(BUILT_IN)


@pytest.mark.parametrize(
    ("model", "given", "count"),
    [
        (DeepSea, {"hidden": 919, "outputs": 919}, 52_532_319),
        (DeepSea, {"outputs": 919}, 52_843_119),
        (DeepSea, {"hidden": 919}, 51_691_439),
        (DeepSea, {}, 51_996_755),
        (DanQ, {"outputs": 919}, 46_926_479),
        (DanQ, {}, 46_080_115),
        (EsTransition, {}, 3_865_725),
    ],
)
def test_published_sizes_have_the_published_number_of_parameters(
    model: Any, given: dict[str, int], count: int
) -> None:
    with torch.device("meta"):
        assert parameters(model(**given)) == count


def test_parameters_of_deepicsh_are_the_published_ones_beside_its_autoencoder() -> None:
    with torch.device("meta"):
        binary, ours = DeepIcsh(outputs=1), DeepIcsh()
    assert parameters(binary.autoencoder.encoder) == 273
    assert parameters(binary.autoencoder.decoder) == 282
    assert parameters(binary) - parameters(binary.autoencoder) == 2_075_522
    assert parameters(ours) - parameters(ours.autoencoder) == 2_076_038


def test_second_bias_of_danqs_lstm_is_held_at_zero() -> None:
    lstm = DanQ(channels=4, units=6, hidden=5).lstm
    held = {name: p for name, p in lstm.named_parameters() if not p.requires_grad}
    assert set(held) == {"bias_hh_l0", "bias_hh_l0_reverse"}
    assert not any(p.any() for p in held.values())
    # Gates stand in PyTorch's order: input, forget, cell, output.
    assert lstm.get_parameter("bias_ih_l0").tolist() == [0] * 6 + [1] * 6 + [0] * 12
    for gate in lstm.get_parameter("weight_hh_l0").chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(6), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("kind", "lengths"),
    [
        ("deepsea", [993, 248, 241, 60, 53]),
        ("danq", [975, 75]),
        ("es-transition", [993, 986, 246, 239, 232, 58, 51, 12]),
    ],
)
def test_layers_have_the_published_lengths(
    kind: str, lengths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    for module in (parts, danq):
        for name in ("convolve", "max_pool"):
            plain = getattr(module, name)

            def spy(*args: Any, plain: Any = plain) -> Tensor:
                y = plain(*args)
                seen.append(y.shape[1])
                return y

            monkeypatch.setattr(module, name, spy)
    model = tiny(kind)
    model.classify(windows(("sequence",), 1))
    assert seen == lengths


def test_deepsea_is_its_layers_one_after_the_other() -> None:
    model, x = tiny("deepsea"), windows(("sequence",))
    assert isinstance(model, DeepSea)
    y = x
    for conv, pool in zip(model.stack.convs, (4, 4, 1), strict=True):
        y = F.max_pool1d(F.relu(conv(y)), pool)
    expected = model.head(F.relu(model.hidden(y.transpose(1, 2).flatten(1))))
    torch.testing.assert_close(model.classify(x), expected, atol=1e-5, rtol=1e-5)


def test_danq_reads_the_motifs_from_both_ends() -> None:
    model, x = tiny("danq"), windows(("sequence",))
    assert isinstance(model, DanQ)
    motifs = F.max_pool1d(F.relu(model.conv(x)), 13).transpose(1, 2)
    order = model.lstm(motifs.contiguous())[0]
    assert order.shape == (3, 75, 64)
    expected = model.head(F.relu(model.hidden(order.flatten(1))))
    torch.testing.assert_close(model.classify(x), expected, atol=1e-5, rtol=1e-5)


def test_kmers_are_counted_as_a_loop_over_the_text_counts_them() -> None:
    x = windows(("sequence",))
    letters = ["".join("ACGTA"[i] for i in codes) for codes in _codes(x)]  # N counts as A
    found = kmers.kmer_counts(x)
    for row, text in zip(found, letters, strict=True):
        expected = Counter(text[i : i + 5] for i in range(WIDTH - 4))
        assert int(row.sum()) == 996
        assert {_kmer(place): int(row[place]) for place in row.nonzero()[:, 0].tolist()} == dict(expected)


def _codes(x: Tensor) -> list[list[int]]:
    return torch.where(x.any(dim=1), x.argmax(dim=1), 4).tolist()


def _kmer(place: int) -> str:
    return "".join("ACGT"[place // 4**i % 4] for i in (4, 3, 2, 1, 0))


def test_window_of_n_is_a_window_of_a() -> None:
    counts = kmers.kmer_counts(torch.zeros(1, 4, WIDTH))
    assert counts[0, 0] == 996
    assert counts.sum() == 996


def test_padding_keeps_lengths_and_puts_the_odd_zero_behind() -> None:
    conv = nn.Conv1d(1, 1, 8, bias=False)
    with torch.no_grad():
        conv.weight.zero_()[0, 0, 3] = 1  # three zeros before, four behind: tap 3 is the place itself
    x = torch.arange(1.0, 13).view(1, 1, 12)
    assert torch.equal(kmers.same(x, conv), x)


def test_autoencoder_is_its_layers_one_after_the_other() -> None:
    model, counts = kmers.AutoEncoder(2), torch.rand(3, 1024)
    (a, b), (c, d, e) = model.encoder, model.decoder
    pad, tanh = nn.ConstantPad1d((3, 4), 0.0), nn.Tanh()
    encoder = nn.Sequential(pad, a, tanh, nn.MaxPool1d(2), pad, b, tanh, nn.MaxPool1d(4))
    decoder = nn.Sequential(
        pad, c, tanh, nn.Upsample(scale_factor=2), pad, d, tanh, nn.Upsample(scale_factor=4), pad, e, tanh
    )
    code = encoder(counts[:, None])
    assert code.shape == (3, 1, 128)
    torch.testing.assert_close(model.encode(counts), code[:, 0])
    torch.testing.assert_close(model(counts), decoder(code)[:, 0])


def test_deepicsh_merges_28_rows_of_128() -> None:
    model = DeepIcsh(hidden=(8, 8, 8)).eval()
    assert model.merge(windows(MODALITIES)).shape == (3, 28, 128)


def test_attention_sums_to_one_over_the_signals() -> None:
    model = tiny("deepicsh")
    assert isinstance(model, DeepIcsh)
    weights = model.attend(torch.randn(3, 12, 16))
    assert weights.shape == (3, 12, 1)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3, 1))
    assert weights.std() > 0


def test_signals_are_means_of_equal_bins_openness_first() -> None:
    assert bin_widths(6) == [167, 166, 167, 167, 166, 167]
    assert sum(bin_widths(12)) == WIDTH
    model = DeepIcsh(row=8, hidden=(8, 8, 8))
    x = torch.zeros(1, 6, WIDTH)
    x[0, 4, 167:333] = 2.0  # the whole second bin of openness
    x[0, 5, 833:] = 3.0  # the whole last bin of loops
    x[0, 5, :83] = 1.67  # 83 of 167 bp of the first
    expected = [0, 2, 0, 0, 0, 0, 0.83, 0, 0, 0, 0, 3]
    torch.testing.assert_close(model.signals(x)[0], torch.tensor(expected, dtype=torch.float32))
    one_track = DeepIcsh(("sequence", "loops"), row=8, hidden=(8, 8, 8))
    assert one_track.signals(x[:, [0, 1, 2, 3, 5]])[0].tolist()[11] == 3
    assert one_track.merge(x[:, :5]).shape == (1, 28, 8)


def test_counts_are_divided_by_their_maximum_unless_wanted_raw() -> None:
    x = windows(MODALITIES)
    raw = DeepIcsh(row=8, hidden=(8, 8, 8), raw_counts=True).counts(x)
    scaled = DeepIcsh(row=8, hidden=(8, 8, 8)).counts(x)
    assert torch.equal(raw, kmers.kmer_counts(x[:, :4]))
    assert torch.equal(scaled.amax(dim=1), torch.ones(3))
    torch.testing.assert_close(scaled * raw.amax(dim=1, keepdim=True), raw)


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("size", ["small", "tiny"])
def test_smaller_sizes_give_five_logits(kind: str, size: str) -> None:
    model = declared(kind).make(size, declared(kind).reads, len(CLASSES)).eval()
    assert model.classify(windows(model.modalities)).shape == (3, len(CLASSES))
    with torch.device("meta"):
        assert 4 * parameters(model) < parameters(
            declared(kind).make("paper", declared(kind).reads, len(CLASSES))
        )


@pytest.mark.parametrize("kind", BASELINES)
def test_model_comes_back_from_its_file_and_its_description(kind: str, tmp_path: Path) -> None:
    model = tiny(kind)
    x = windows(model.modalities)
    logits = model.classify(x)
    again = rebuild(kind, json.loads(json.dumps(model.describe()))).eval()
    assert not torch.equal(again.classify(x), logits)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.classify(x), logits)
    write_model(tmp_path / "best.safetensors", model)
    read = read_model(tmp_path / "best.safetensors")
    assert read.kind == kind
    assert read.describe() == model.describe()
    assert torch.equal(read.classify(x), logits)


def test_description_without_sense_is_a_damaged_checkpoint() -> None:
    with pytest.raises(CheckpointError, match="description of the model is damaged"):
        rebuild("danq", {"modalities": ["sequence"], "heads": 3})


@pytest.mark.parametrize("kind", BASELINES[:3])
def test_sequence_models_refuse_tracks(kind: str) -> None:
    with pytest.raises(ConfigError, match=rf"{kind} reads the sequence alone"):
        declared(kind).make("tiny", MODALITIES, len(CLASSES))


@pytest.mark.parametrize("modalities", [("sequence",), ("openness",), ("openness", "loops")])
def test_deepicsh_needs_the_sequence_and_a_track(modalities: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="the sequence and at least one track"):
        declared("deepicsh").make("tiny", modalities, len(CLASSES))


@pytest.mark.parametrize("signals", [2, 7])
def test_signals_that_the_tracks_cannot_share_are_refused(signals: int) -> None:
    with pytest.raises(ConfigError, match=f"^{signals}: signals must be at least 4"):
        DeepIcsh(signals=signals)


@pytest.mark.parametrize("kind", BASELINES)
def test_input_of_another_shape_is_refused(kind: str) -> None:
    model = tiny(kind)
    with pytest.raises(RaycreError, match=r"takes \(n, \d, 1000\)"):
        model.classify(windows(model.modalities)[:, :, :999])


def test_stack_of_uneven_lists_is_refused() -> None:
    with pytest.raises(ConfigError, match="as many channels"):
        EsTransition(channels=(4, 4))
