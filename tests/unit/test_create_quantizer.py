"""The split quantiser: nearest codes, moving averages worked out by hand, straight-through gradient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.create.layers.quantizer import SplitQuantizer, assign, ema_update


def test_nearest_code_wins_and_the_lowest_on_a_tie() -> None:
    codebook = torch.tensor([[0.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    latents = torch.tensor([[0.4, 0.0], [1.6, 5.0], [1.0, 1.0]])
    assert assign(latents, codebook).tolist() == [0, 1, 0]


@settings(max_examples=25)
@given(st.integers(0, 999), st.integers(1, 40), st.integers(1, 9))
def test_assignment_equals_the_smallest_written_out_distance(seed: int, n: int, k: int) -> None:
    torch.manual_seed(seed)
    latents = torch.randint(-9, 9, (n, 3)).float()
    codebook = torch.randint(-9, 9, (k, 3)).float()
    distance = (latents[:, None] - codebook[None]).square().sum(dim=2)
    assert assign(latents, codebook).tolist() == distance.argmin(dim=1).tolist()


def test_many_latents_are_assigned_as_few_are() -> None:
    torch.manual_seed(0)
    latents, codebook = torch.randn(40_000, 2), torch.randn(5, 2)
    codes = assign(latents, codebook)
    assert codes.shape == (40_000,)
    assert torch.equal(codes[-7:], assign(latents[-7:], codebook))


def test_one_moving_average_step_by_hand() -> None:
    # ratio 0.5, no smoothing: N = (2, 4)/2 + (2, 0)/2 = (2, 2); u = (2, 8)/2 + (6, 0)/2 = (4, 4).
    size, total, codebook = ema_update(
        torch.tensor([2.0, 4.0]), torch.tensor([[2.0], [8.0]]),
        torch.tensor([2.0, 0.0]), torch.tensor([[6.0], [0.0]]), ratio=0.5, smoothing=0.0,
    )  # fmt: skip
    assert size.tolist() == [2.0, 2.0]
    assert total.tolist() == [[4.0], [4.0]]
    assert codebook.tolist() == [[2.0], [2.0]]


def test_smoothing_lends_an_unused_code_a_share_and_keeps_the_total() -> None:
    # (4 + 1) / (4 + 2) · 4 = 10/3 and (0 + 1) / (4 + 2) · 4 = 2/3.
    size, *_ = ema_update(
        torch.tensor([4.0, 0.0]),
        torch.zeros(2, 1),
        torch.tensor([4.0, 0.0]),
        torch.zeros(2, 1),
        smoothing=1.0,
    )
    torch.testing.assert_close(size, torch.tensor([10 / 3, 2 / 3]))


def small_quantizer() -> SplitQuantizer:
    quantizer = SplitQuantizer(n_codes=2, splits=2, embedding=2)
    quantizer.codebook.copy_(torch.tensor([[0.0], [10.0]]))
    return quantizer.eval()


def test_vectors_are_cut_in_consecutive_pieces() -> None:
    output = small_quantizer()(torch.tensor([[[1.0, 9.0], [8.0, 2.0]]]))
    assert output.codes.tolist() == [[[0, 1], [1, 0]]]
    assert output.z_q.tolist() == [[[0.0, 10.0], [10.0, 0.0]]]
    assert output.commitment.item() == pytest.approx((1 + 1 + 4 + 4) / 4)
    assert output.perplexity.item() == pytest.approx(2.0)


def test_gradient_passes_to_the_latents_unchanged() -> None:
    z_e = torch.tensor([[[1.0, 9.0]]], requires_grad=True)
    (small_quantizer()(z_e).z_q * torch.tensor([3.0, -2.0])).sum().backward()
    assert z_e.grad is not None
    assert z_e.grad.tolist() == [[[3.0, -2.0]]]


def test_commitment_pulls_latents_to_codes_and_not_codes_to_latents() -> None:
    z_e = torch.tensor([[[1.0, 9.0]]], requires_grad=True)
    small_quantizer()(z_e).commitment.backward()
    assert z_e.grad is not None
    assert z_e.grad.tolist() == [[[1.0, -1.0]]]  # 2 (z - q) / 2 numbers


def test_codebook_stands_still_outside_training() -> None:
    quantizer = small_quantizer()
    before = quantizer.codebook.clone()
    quantizer(torch.rand(3, 2, 2))
    assert torch.equal(quantizer.codebook, before)


def test_training_uses_the_codebook_before_it_moves() -> None:
    quantizer = small_quantizer().train()
    output = quantizer(torch.tensor([[[4.0, 4.0]]]))
    assert output.z_q.tolist() == [[[0.0, 0.0]]]
    assert quantizer.codebook[0].item() != 0.0


def test_two_workers_that_add_up_their_counts_move_as_one() -> None:
    torch.manual_seed(0)
    together, alone = SplitQuantizer(5, 2, 4), SplitQuantizer(5, 2, 4)
    alone.load_state_dict(together.state_dict())
    z_e = torch.randn(6, 3, 4)
    halves = [z_e[:3], z_e[3:]]
    other = halves[1].reshape(-1, 2)
    codes = assign(other, together.codebook)

    def add_the_other_half(counts: torch.Tensor, sums: torch.Tensor) -> None:
        counts += torch.bincount(codes, minlength=5)
        sums.index_add_(0, codes, other)

    together.reduce = add_the_other_half
    together.train()(halves[0])
    alone.train()(z_e)
    torch.testing.assert_close(together.codebook, alone.codebook)


def test_a_positive_initial_count_keeps_unused_codes_in_place() -> None:
    torch.manual_seed(0)
    quantizer = SplitQuantizer(50, 1, 4, initial_count=1.0).train()
    before = quantizer.codebook.clone()
    z_e = torch.zeros(2, 2, 4)
    used = assign(z_e.reshape(-1, 4), before).unique()
    quantizer(z_e)
    unused = [code for code in range(50) if code not in used]
    torch.testing.assert_close(quantizer.codebook[unused], before[unused], rtol=1e-3, atol=1e-3)


def test_paper_start_throws_rarely_used_codes_far_away() -> None:
    torch.manual_seed(0)
    quantizer = SplitQuantizer(50, 1, 4).train()
    quantizer(torch.zeros(2, 2, 4))
    assert quantizer.codebook.abs().max() > 1e3
