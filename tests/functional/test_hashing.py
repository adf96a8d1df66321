"""Hash losses pair by pair, class shares from their definition, nearest codes by counting bits."""
from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from medtl.functional.hashing import class_shares, likeness_loss, nearest_codes, quantisation_loss


def draw(rows: int, width: int, *, seed: int) -> Tensor:
    return torch.tanh(torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)))


def test_the_hash_loss_equals_its_double_sum() -> None:
    codes, classes = draw(6, 5, seed=1), torch.tensor([0, 1, 0, 2, 1, 1])
    total = 0.0
    for i in range(6):
        for j in range(6):
            if i != j:
                inner = float(codes[i].double() @ codes[j].double())
                total -= (inner if classes[i] == classes[j] else 0.0) - math.log(1 + math.exp(inner))
    assert float(likeness_loss(codes, classes)) == pytest.approx(total / 30, rel=1e-5)
    assert float(likeness_loss(codes[:1], classes[:1])) == 0.0


def test_going_downhill_brings_classes_together_and_apart_from_others() -> None:
    codes, classes = draw(8, 6, seed=2).requires_grad_(), torch.tensor([0, 1] * 4)
    (slope,) = torch.autograd.grad(likeness_loss(codes, classes), codes)
    moved = (codes - 5.0 * slope).detach()
    within = classes[:, None] == classes[None, :]
    before, after = ((c @ c.T) for c in (codes.detach(), moved))
    assert (after[within].mean() - after[~within].mean()) > (before[within].mean() - before[~within].mean())


def test_quantisation_is_the_distance_to_signs_which_stand_still() -> None:
    codes = draw(3, 4, seed=3).requires_grad_()
    expected = sum(float((abs(v) - 1.0) ** 2) for row in codes.detach() for v in row) / 3
    value = quantisation_loss(codes)
    assert float(value.detach()) == pytest.approx(expected, rel=1e-5)
    (slope,) = torch.autograd.grad(value, codes)
    torch.testing.assert_close(slope, 2 * (codes - codes.sign()).detach() / 3)


def test_class_shares_are_their_definition() -> None:
    codes, stored = draw(4, 5, seed=4), torch.stack([draw(3, 5, seed=5 + c) for c in range(2)])
    shares = class_shares(codes, stored).exp()
    for i in range(4):
        sums = [sum(math.exp(float(codes[i] @ stored[c, k])) for k in range(3)) for c in range(2)]
        assert shares[i].tolist() == pytest.approx([s / sum(sums) for s in sums], rel=1e-5)


def test_nearest_codes_count_bits() -> None:
    others = torch.tensor([[1.0, 1, 1, 1], [1, 1, -1, -1], [0.2, 0.9, 0.8, -0.1]])
    order, distances = nearest_codes(torch.tensor([[0.3, 0.3, 0.3, -0.3]]), others, 3)
    assert order.tolist() == [[2, 0, 1]]
    assert distances.tolist() == [[0, 1, 1]]
