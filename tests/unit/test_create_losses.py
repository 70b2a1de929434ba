"""Loss terms worked out by hand, and the two sums: the authors' code's and the paper's."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from raycre.create.model import losses
from raycre.create.model.create import Create
from raycre.create.model.loss_weights import AUTHORS_CODE
from raycre.create.model.output import Output
from raycre.create.model.sizes import SIZES
from tests.paper_weights import PAPER

LN2 = math.log(2)


def output(logits: torch.Tensor, recon: torch.Tensor, commitment: float = 0.0) -> Output:
    z = torch.zeros(len(logits), 1, 8)
    codes = torch.zeros(len(logits), 1, 2, dtype=torch.int64)  # D = 8 / 2 = 4
    return Output(logits, recon, z, z, codes, torch.tensor(commitment), torch.tensor(1.0))


def test_undecided_bases_cost_one_bit() -> None:
    bases = torch.eye(4).unsqueeze(0)
    assert losses.sequence_error(torch.zeros(1, 4, 4), bases).item() == pytest.approx(LN2)


def test_certain_and_wrong_base_stays_finite() -> None:
    error = losses.sequence_error(torch.full((1, 4, 1), -500.0), torch.ones(1, 4, 1))
    assert error.item() == pytest.approx(500.0)


def test_track_error_is_the_mean_square() -> None:
    assert losses.track_error(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 0.0]])).item() == 5.0


def test_encoder_error_sums_over_code_dimensions_where_the_paper_is_meant() -> None:
    assert losses.encoder_error(torch.tensor(0.5), 4, sum_code_dims=False).item() == 0.5
    assert losses.encoder_error(torch.tensor(0.5), 4, sum_code_dims=True).item() == 2.0


def test_class_error_is_divided_by_the_classes_where_the_paper_is_meant() -> None:
    logits, labels = torch.zeros(2, 5), torch.tensor([0, 4])
    assert losses.class_error(logits, labels, mean_over_classes=False).item() == pytest.approx(math.log(5))
    assert losses.class_error(logits, labels, mean_over_classes=True).item() == pytest.approx(math.log(5) / 5)


def test_focal_term_forgives_what_is_half_right() -> None:
    # Cross-entropy ln 2 at logit 0, probability of the truth 1/2: (1 - 1/2)² ln 2, silencer or not.
    assert losses.focal_silencer(torch.zeros(2, 5), torch.tensor([0, 3])).item() == pytest.approx(LN2 / 4)


def test_norm_penalty_adds_both_norms_of_each_tensor() -> None:
    tensors = [torch.tensor([3.0, -4.0]), torch.tensor([[2.0]])]
    assert losses.norm_penalty(tensors).item() == pytest.approx(1e-8 * (7 + 2) + 5e-7 * (5 + 2))


def test_focal_exponent_can_be_given() -> None:
    logits, labels = torch.zeros(2, 5), torch.tensor([0, 3])
    assert losses.focal_silencer(logits, labels, gamma=3.0).item() == pytest.approx(LN2 / 8)
    assert losses.focal_silencer(logits, labels, gamma=0.0).item() == pytest.approx(LN2)


def test_weights_of_the_norms_can_be_given() -> None:
    tensors = [torch.tensor([3.0, -4.0]), torch.tensor([[2.0]])]
    assert losses.norm_penalty(tensors, l1=1.0, l2=0.0).item() == 9
    assert losses.norm_penalty(tensors, l1=0.0, l2=1.0).item() == 7


@pytest.mark.parametrize("warming_up", [False, True])
def test_the_models_loss_is_the_weighted_sum_of_its_terms(warming_up: bool) -> None:
    torch.manual_seed(0)
    model = Create(SIZES["tiny"]).eval()
    x, labels = torch.rand(3, 6, 1000), torch.tensor([0, 1, 4])
    step = model.losses(x, labels, AUTHORS_CODE, warming_up)
    found = losses.terms(model(x), x, labels, model.modalities, AUTHORS_CODE, model.weight_tensors())
    rebuilt = found["sequence"] + 0.01 * found["openness"] + 0.1 * found["loops"] + 0.25 * found["commitment"]
    classified = found["cross_entropy"] + found["focal_silencer"] + 2 * found["norms"]
    expected = rebuilt if warming_up else 0.5 * rebuilt + classified
    assert step.total.item() == pytest.approx(expected.item(), rel=1e-6)


def hand_case() -> tuple[Output, torch.Tensor, torch.Tensor]:
    recon = torch.zeros(1, 6, 2)
    recon[:, 4], recon[:, 5] = 1.0, 2.0
    return output(torch.zeros(1, 5), recon, commitment=8.0), torch.zeros(1, 6, 2), torch.tensor([0])


def test_authors_total_by_hand() -> None:
    made, x, y = hand_case()
    modalities = ("sequence", "openness", "loops")
    found = losses.terms(made, x, y, modalities, AUTHORS_CODE, [torch.tensor([1.0])])
    recon = LN2 + 0.01 * 1 + 0.1 * 4
    expected = 0.5 * (recon + 0.25 * 8) + math.log(5) + LN2 / 4 + 2 * (1e-8 + 5e-7)
    assert losses.total(found, AUTHORS_CODE).item() == pytest.approx(expected)


def test_paper_total_by_hand() -> None:
    made, x, y = hand_case()
    found = losses.terms(made, x, y, ("sequence", "openness", "loops"), PAPER)
    assert set(found) == {"sequence", "openness", "loops", "commitment", "cross_entropy"}
    recon = LN2 + 0.01 * 1 + 0.1 * 4
    expected = recon + 0.25 * (8 * 4) + math.log(5) / 5  # eq. 6 sums over D = 4, eq. 10 divides by C = 5
    assert losses.total(found, PAPER).item() == pytest.approx(expected)


def test_warm_up_leaves_the_classes_out() -> None:
    made, x, y = hand_case()
    weights = replace(AUTHORS_CODE, reconstruction=1.0, classification=0.0)
    found = losses.terms(made, x, y, ("sequence", "openness", "loops"), weights)
    assert losses.total(found, weights).item() == pytest.approx(LN2 + 0.01 + 0.4 + 2.0)


def test_rows_are_told_apart_without_sequence() -> None:
    recon = torch.tensor([[[1.0], [3.0]]])
    found = losses.terms(
        output(torch.zeros(1, 5), recon), torch.zeros(1, 2, 1), torch.tensor([0]), ("openness", "loops"),
        PAPER,
    )  # fmt: skip
    assert (found["openness"].item(), found["loops"].item()) == (1.0, 9.0)


def test_the_term_of_silencers_has_its_own_weight() -> None:
    made, x, y = hand_case()
    weights = replace(AUTHORS_CODE, classification=3.0, focal_silencer=0.5, reconstruction=0.0, norms=0.0)
    found = losses.terms(made, x, y, ("sequence", "openness", "loops"), weights)
    assert losses.total(found, weights).item() == pytest.approx(3 * math.log(5) + 3 * 0.5 * LN2 / 4)


def test_a_latent_space_without_codes_has_no_dimensions_to_sum_over() -> None:
    made, x, y = hand_case()
    continuous = made._replace(codes=None)
    found = losses.terms(continuous, x, y, ("sequence", "openness", "loops"), PAPER)
    assert found["commitment"].item() == 8.0  # the mean, though the paper's weights sum over a code's
