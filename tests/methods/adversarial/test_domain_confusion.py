"""Domain confusion: the players' steps, the soft labels, and whose parameters a turn names."""
from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from medtl.functional.confusion import soft_label_loss, soft_labels
from medtl.methods.adversarial.domain_confusion import DomainConfusion
from medtl.methods.base import Setting, Step


def draw(rows: int, width: int = 4, *, shift: float = 0.0, seed: int = 0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + shift


@pytest.mark.parametrize("tells", ["role", "domain"])
def test_one_step_of_each_player_moves_the_discriminators_loss_its_way(
    tells: str, full_step: Callable[..., Step], setting_of: Callable[..., Setting]
) -> None:
    method = DomainConfusion(weight=1.0, hidden=16, tells=tells)  # type: ignore[arg-type]
    setting = setting_of(4)
    object.__setattr__(setting, "model", Network())
    own, encoder = method.build(setting), nn.Linear(4, 4)

    def step() -> Step:
        s, t = encoder(draw(32, shift=2.0)), encoder(draw(32, seed=1))
        return full_step((s, s[:, :2]), (t, t[:, :2]), own=own)

    def told() -> Tensor:
        now = step()
        return method.discriminator_loss(own, now.source.features.detach(), now.target.features.detach(), now.pair)

    optimizer = torch.optim.Adam(own.parameters(), lr=1e-2)
    start = told()
    for _ in range(20):
        optimizer.zero_grad()
        told().backward()
        optimizer.step()
    assert told() < start
    before, optimizer = told(), torch.optim.SGD(encoder.parameters(), lr=0.05)
    grads = [p.grad.clone() if p.grad is not None else None for p in own.parameters()]
    method.penalty(step()).backward()
    assert all(p.grad is None or torch.equal(p.grad, g) for p, g in zip(own.parameters(), grads, strict=True))
    optimizer.step()
    assert told() > before


class Network(nn.Module):
    feature_width = 4


def test_the_penalty_is_at_its_least_where_the_discriminator_shrugs(full_step: Callable[..., Step]) -> None:
    class Shrug(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 0.0 * x[:, :1]

    step = full_step((draw(5), draw(5, 2)), (draw(4), draw(4, 2)), own=Shrug())
    assert float(DomainConfusion(weight=2.0).penalty(step)) == pytest.approx(2 * math.log(2), rel=1e-6)


def test_labelled_targets_are_pulled_to_their_classes_soft_labels(full_step: Callable[..., Step]) -> None:
    class Shrug(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 0.0 * x[:, :1]

    source, target = (draw(6), draw(6, 2, seed=1)), (draw(3), draw(3, 2, seed=2))
    step = full_step(source, target, labels=[0.0, 1.0] * 3, target_labels=[1.0, 1.0, 0.0], own=Shrug())
    soft, present = soft_labels(source[1], torch.tensor([0, 1] * 3), 2.0)
    expected = 0.5 * soft_label_loss(target[1], torch.tensor([1, 1, 0]), soft, present, 2.0)
    torch.testing.assert_close(DomainConfusion(weight=0.0, soft_labels=0.5).penalty(step), expected)
    hidden = full_step(source, target, labels=[0.0, 1.0] * 3, own=Shrug())
    assert float(DomainConfusion(weight=0.0, soft_labels=0.5).penalty(hidden)) == 0.0


def test_the_procedure_moves_the_very_discriminator_that_the_penalty_reads(setting_of: Callable[..., Setting]) -> None:
    setting = setting_of(4)
    object.__setattr__(setting, "model", Network())
    method = DomainConfusion(discriminator_steps=2)
    own = method.build(setting)
    turn, main = next(method.stages(setting)).turns
    assert turn.moves[0] is own
    assert turn.steps == 2
    assert main.loss is None
