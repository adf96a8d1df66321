"""L2-SP: its closed form, what it leaves out, and its pull."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from medtl.methods.network.l2_sp import L2SP


def network() -> Any:
    torch.manual_seed(0)
    parts = {"conv1": nn.Conv2d(1, 2, 3), "bn1": nn.BatchNorm2d(2), "adaptation": nn.Linear(2, 3),
             "head": nn.Linear(3, 2)}
    holder = nn.ModuleDict(parts)
    return SimpleNamespace(parts=parts, parameters=holder.parameters)


def step(model: Any, own: nn.Module) -> Any:
    return SimpleNamespace(model=model, own=own)


def test_it_is_half_the_squared_distance_of_the_encoder_and_of_nothing_else() -> None:
    model, method = network(), L2SP(weight=0.6)
    own = method.build(SimpleNamespace(model=model))  # type: ignore[arg-type]
    assert float(method.penalty(step(model, own)).detach()) == 0.0
    with torch.no_grad():
        model.parts["conv1"].weight.add_(0.5)
        model.parts["bn1"].bias.add_(2.0)
        model.parts["head"].weight.add_(7.0)
        model.parts["bn1"].running_mean.add_(9.0)
    assert float(method.penalty(step(model, own)).detach()) == pytest.approx(0.3 * (18 * 0.25 + 2 * 4.0))
    assert float(method.diagnose(step(model, own))["distance"].detach()) == pytest.approx((18 * 0.25 + 2 * 4.0) ** 0.5)


def test_its_gradient_is_the_weight_times_the_difference_and_fresh_layers_shrink_only_if_asked() -> None:
    model = network()
    own = L2SP().build(SimpleNamespace(model=model))  # type: ignore[arg-type]
    with torch.no_grad():
        model.parts["conv1"].weight.add_(0.5)
    L2SP(weight=0.2).penalty(step(model, own)).backward()
    torch.testing.assert_close(model.parts["conv1"].weight.grad, torch.full((2, 1, 3, 3), 0.1))
    assert not model.parts["head"].weight.grad.any()
    model.parts["head"].weight.grad = None
    L2SP(weight=0.0, fresh=0.3).penalty(step(model, own)).backward()
    torch.testing.assert_close(model.parts["head"].weight.grad, 0.3 * model.parts["head"].weight.detach())
    assert list(own.parameters()) == []  # the start itself never moves


def test_frozen_parts_take_no_part() -> None:
    model = network()
    own = L2SP().build(SimpleNamespace(model=model))  # type: ignore[arg-type]
    for part in ("conv1", "bn1"):
        model.parts[part].requires_grad_(False).weight.data.add_(1.0)
    assert float(L2SP().penalty(step(model, own)).detach()) == 0.0
