"""Joint transport against POT's cost, an assignment solver, and labels one pair at a time."""
from __future__ import annotations

import numpy as np
import ot
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from medtl.functional.transport import feature_costs, label_costs, transport_plan


def draw(rows: int, width: int = 4, *, seed: int) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def test_feature_costs_are_pots() -> None:
    source, target = draw(5, seed=1) + 100.0, draw(7, seed=2) + 100.0
    theirs = ot.dist(source.double().numpy(), target.double().numpy())
    np.testing.assert_allclose(feature_costs(source, target).numpy(), theirs, rtol=1e-3)


def test_the_plan_of_equal_batches_is_the_best_assignment() -> None:
    cost = draw(8, 8, seed=3).abs()
    plan = transport_plan(cost)
    rows, columns = linear_sum_assignment(cost.numpy())
    assert float((plan * cost).sum()) == pytest.approx(float(cost.numpy()[rows, columns].mean()), rel=1e-5)
    assert torch.equal(plan.argmax(dim=1), torch.from_numpy(columns))


def test_the_plan_has_equal_masses_and_pots_cost() -> None:
    cost = draw(4, 6, seed=4).abs().requires_grad_()
    plan = transport_plan(cost)
    assert not plan.requires_grad
    torch.testing.assert_close(plan.sum(dim=1), torch.full((4,), 0.25))
    torch.testing.assert_close(plan.sum(dim=0), torch.full((6,), 1 / 6))
    exact = ot.emd2(np.full(4, 1 / 4), np.full(6, 1 / 6), cost.detach().double().numpy())
    assert float((plan * cost).sum().detach()) == pytest.approx(exact, rel=1e-5)


def test_label_costs_are_the_tasks_losses_pair_by_pair() -> None:
    logits = draw(3, 4, seed=5)
    labels, known = torch.tensor([[2.0], [0.0]]), torch.tensor([[True], [False]])
    costs = label_costs(labels, known, logits, "multiclass")
    for j in range(3):
        loss = functional.cross_entropy(logits[j], torch.tensor(2))
        assert float(costs[0, j]) == pytest.approx(float(loss), rel=1e-5)
    assert not costs[1].any()
    several = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    seen = torch.tensor([[True, True, False, True], [False] * 4])
    costs = label_costs(several, seen, logits, "multilabel")
    expected = functional.binary_cross_entropy_with_logits(logits[1][seen[0]], several[0][seen[0]])
    assert float(costs[0, 1]) == pytest.approx(float(expected), rel=1e-5)
    assert not costs[1].any()
    value = label_costs(torch.tensor([[2.0]]), torch.tensor([[True]]), torch.tensor([[5.0]]), "regression")
    assert float(value) == 9.0
