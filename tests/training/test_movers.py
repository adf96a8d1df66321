"""Optimizer groups, rates and clipping."""
from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from toy_cohort import QUICK, small_model

from medtl.methods.base import MAIN, Turn
from medtl.training.device import open_device
from medtl.training.movers import Mover, schedule

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
    assert float((before[own.weight] - own.weight.detach()).norm()) == pytest.approx(SGD.clip_norm, rel=1e-3)
    free = Mover(MAIN, model, [own], replace(SGD, clip_norm=None), open_device(SGD))
    start = own.weight.detach().clone()
    free.move(1e3 * own.weight.sum(), FULL, 0.0)
    torch.testing.assert_close(start - own.weight.detach(), torch.full((2, 3), 1e3))


def test_accumulated_gradients_are_the_mean_and_the_last_group_may_be_short() -> None:
    whole, parts = small_model().eval(), small_model().eval()
    images = torch.rand(6, 1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    one = Mover(MAIN, whole, [], SGD, open_device(SGD))
    many = Mover(MAIN, parts, [], replace(SGD, accumulate=4), open_device(SGD), 6)
    moved = []
    for number in range(6):
        part = parts(images[number:number + 1])
        moved.append(many.move(part.square().mean(), FULL, 0.0, number))
        if number in (3, 5):
            one.move(whole(images[0 if number == 3 else 4:number + 1]).square().mean(), FULL, 0.0)
    assert moved == [False, False, False, True, False, True]
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_turns_that_share_parameters_keep_their_gradients_apart_while_they_gather() -> None:
    player = nn.Linear(2, 1, bias=False)
    section = replace(SGD, accumulate=2, clip_norm=None)
    turns = [Turn(name, (player,), lambda pair, progress: torch.zeros(())) for name in ("up", "down")]
    up, down = (Mover(turn, small_model(), [], section, open_device(section), 2) for turn in turns)
    start = player.weight.detach().clone()
    for number in range(2):
        up.move(-player.weight.sum(), FULL, 0.0, number)
        down.move(3 * player.weight.sum(), FULL, 0.0, number)
    torch.testing.assert_close(player.weight.detach(), start + 1 - 3)


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
