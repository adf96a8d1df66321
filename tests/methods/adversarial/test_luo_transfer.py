"""Luo's transfer: the stack of discriminators, and the semantic terms one by one."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from medtl.functional.semantics import similarities, similarity_entropy
from medtl.methods.adversarial.luo_transfer import LuoTransfer, Stack
from medtl.methods.base import Setting, Step


def draw(rows: int, width: int = 4, *, shift: float = 0.0, seed: int = 0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + shift


def test_each_level_sees_the_answer_of_the_one_before() -> None:
    stack = Stack((4, 2), 8, seed=1)
    first, second = draw(3), draw(3, 2)
    one, two = stack([first, second])
    torch.testing.assert_close(one, stack.levels[0](first))
    torch.testing.assert_close(two, stack.levels[1](torch.cat([second, one], dim=1)))
    assert torch.autograd.grad(two.sum(), list(stack.levels[0].parameters()))[0].any()


def test_one_step_of_each_player_moves_the_adversarys_loss_its_way(
    full_step: Callable[..., Step], setting_of: Callable[..., Setting]
) -> None:
    method = LuoTransfer(hidden=16, semantic=0.0)
    own, encoder = method.build(setting_of(4)), nn.Linear(4, 4)

    def loss() -> Tensor:
        s, t = encoder(draw(32, shift=2.0)), encoder(draw(32, seed=1))
        return method.penalty(full_step((s, s[:, :2]), (t, t[:, :2]), own=own))

    before = loss()
    on_own = torch.autograd.grad(before, list(own.parameters()), retain_graph=True)
    on_encoder = torch.autograd.grad(before, list(encoder.parameters()))
    with torch.no_grad():
        for parameter, slope in zip(own.parameters(), on_own, strict=True):
            parameter -= 0.01 * slope
        assert loss() < before
        for parameter, slope in zip(own.parameters(), on_own, strict=True):
            parameter += 0.01 * slope
        for parameter, slope in zip(encoder.parameters(), on_encoder, strict=True):
            parameter -= 0.01 * slope
        assert loss() > before


def test_the_semantic_terms_use_only_known_labels(full_step: Callable[..., Step]) -> None:
    method = LuoTransfer(temperature=0.3)
    source, target = (draw(5), draw(5, 2)), (draw(4, seed=1), draw(4, 2, seed=1))
    step = full_step(source, target)
    assert float(method.semantics(step)) == 0.0
    step = full_step(source, target, labels=[0.0, 1.0, 0.0, 1.0, 1.0])
    unsupervised = similarity_entropy(similarities(target[0], source[0], 0.3))
    torch.testing.assert_close(method.semantics(step), unsupervised)
    some = full_step(source, target, labels=[0.0, 1.0, 0.0, 1.0, 1.0], target_labels=[1.0, 0.0, 1.0, 0.0])
    assert some.pair.target is not None
    known = torch.tensor([[True], [True], [True], [False]])
    some = replace(some, pair=replace(some.pair, target=replace(some.pair.target, known=known)))
    centres = torch.stack([target[0][1], target[0][[0, 2]].mean(0)])
    expected = similarity_entropy(similarities(target[0][3:], source[0], 0.3))
    near = similarities(target[0][:3], centres, 0.3)
    expected = expected + functional.cross_entropy(near, torch.tensor([1, 0, 1]))
    expected = expected + similarity_entropy(similarities(target[0][3:], centres, 0.3))
    torch.testing.assert_close(method.semantics(some), expected)


def test_weight_scales_the_semantics_beside_the_adversary(full_step: Callable[..., Step]) -> None:
    own = Stack((4,), 8, seed=1)
    step = full_step((draw(5), draw(5, 2)), (draw(4, seed=1), draw(4, 2)), labels=[0.0] * 5, own=own)
    plain = LuoTransfer(layers=("features",), weight=0.0)
    gap = replace(plain, weight=2.0).penalty(step) - plain.penalty(step)
    torch.testing.assert_close(gap, 2.0 * 0.1 * plain.semantics(step))
    assert float(plain.diagnose(step)["features.accuracy"]) == pytest.approx(0.5, abs=0.5)
