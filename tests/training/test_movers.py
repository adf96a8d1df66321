"""Optimizer groups, rates and clipping."""
from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from toy_cohort import QUICK, small_model

from medtl.methods.base import MAIN, Turn
from medtl.training.device import open_device
from medtl.training.movers import CLIP_NORM, Mover, schedule

SGD = replace(QUICK, optimizer="sgd", lr=1.0, weight_decay=0.0, schedule="constant")
FULL = dict.fromkeys(small_model().parts, 1.0)


def test_every_parameter_is_in_one_group_and_only_matrices_decay() -> None:
    model, own = small_model(), nn.Linear(3, 2)
    mover = Mover(MAIN, model, [own], replace(QUICK, weight_decay=0.3), open_device(QUICK))
    listed = [p for group in mover.optimizer.param_groups for p in group["params"]]
    assert len(listed) == len(set(listed))
    assert set(listed) == {*model.parameters(), *own.parameters()}
    for group in mover.optimizer.param_groups:
        assert group["weight_decay"] == (0.3 if group["params"][0].ndim > 1 else 0.0)
    assert {group["part"] for group in mover.optimizer.param_groups} == {*model.parts, ""}


def test_the_networks_and_the_others_gradients_are_clipped_apart() -> None:
    model, own = small_model(), nn.Linear(3, 2)
    mover = Mover(MAIN, model, [own], SGD, open_device(SGD))
    before = {p: p.detach().clone() for p in (*model.parameters(), *own.parameters())}
    loss = 1e-3 * model.head.weight.sum() + 1e6 * own.weight.sum()
    mover.move(loss, FULL, 0.0)
    step = before[model.head.weight] - model.head.weight.detach()
    torch.testing.assert_close(step, torch.full_like(step, 1e-3), rtol=1e-3, atol=0)  # not scaled down by the other
    assert float((before[own.weight] - own.weight.detach()).norm()) == pytest.approx(CLIP_NORM, rel=1e-3)


def test_a_turn_moves_its_players_and_nothing_else_at_its_rate() -> None:
    model, player = small_model(), nn.Linear(2, 1)
    turn = Turn("critic", (player,), lambda pair, progress: torch.zeros(()), rate=0.5)
    mover = Mover(turn, model, [], SGD, open_device(SGD))
    before = player.weight.detach().clone()
    mover.move(player.weight.sum() + model.head.weight.sum(), FULL, 0.0)
    torch.testing.assert_close(before - player.weight.detach(), torch.full((1, 2), 0.5))
    assert all(p.grad is None for p in model.parameters())


def test_pace_scales_the_rate_of_a_part() -> None:
    model = small_model()
    mover = Mover(MAIN, model, [], SGD, open_device(SGD))
    before = {name: model.parts[name].weight.detach().clone() for name in ("head", "conv1")}
    mover.move(model.head.weight.sum() + model.parts["conv1"].weight.sum() * 0.01, {**FULL, "head": 0.25}, 0.0)
    assert float((before["head"] - model.head.weight.detach()).mean()) == pytest.approx(0.25, rel=1e-4)
    assert float((before["conv1"] - model.parts["conv1"].weight.detach()).mean()) == pytest.approx(0.01, rel=1e-3)


def test_schedules_start_at_one_and_fall() -> None:
    for name in ("constant", "cosine", "inverse"):
        train = replace(QUICK, schedule=name)
        values = [schedule(train, p) for p in (0.0, 0.25, 0.5, 0.99)]
        assert values[0] == 1.0
        assert values == sorted(values, reverse=True)
    assert schedule(replace(QUICK, schedule="cosine"), 0.5) == pytest.approx(0.5)
    assert schedule(replace(QUICK, schedule="inverse"), 1.0) == pytest.approx(11**-0.75)
