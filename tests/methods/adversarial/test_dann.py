"""DANN: who learns what, at which strength, and that it makes a shifted toy harder to tell apart."""
from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from medtl.functional.reversal import reversal_strength
from medtl.methods.adversarial.dann import DANN
from medtl.methods.base import Setting, Step


def draw(rows: int, *, shift: float = 0.0, seed: int = 0) -> Tensor:
    noise = torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed))
    return noise + shift * torch.tensor([1.0, 0, 0, 0])


@pytest.fixture(params=["role", "domain"])
def tells(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_one_step_of_each_player_moves_the_discriminators_loss_its_way(
    tells: str, step_of: Callable[..., Step], setting_of: Callable[..., Setting]
) -> None:
    method = DANN(hidden=16, tells=tells)  # type: ignore[arg-type]
    own = method.build(setting_of(4))
    encoder = nn.Linear(4, 4)

    def loss() -> Tensor:
        return method.penalty(step_of(encoder(draw(32, shift=2.0)), encoder(draw(32, seed=1)), own=own))

    before = loss()
    on_own = torch.autograd.grad(loss(), list(own.parameters()))
    on_encoder = torch.autograd.grad(loss(), list(encoder.parameters()))
    with torch.no_grad():
        for parameter, slope in zip(own.parameters(), on_own, strict=True):
            parameter -= 0.01 * slope
        assert loss() < before
        for parameter, slope in zip(own.parameters(), on_own, strict=True):
            parameter += 0.01 * slope
        for parameter, slope in zip(encoder.parameters(), on_encoder, strict=True):
            parameter -= 0.01 * slope
        assert loss() > before


def test_the_discriminator_learns_at_full_rate_whatever_the_weight(
    tells: str, step_of: Callable[..., Step], setting_of: Callable[..., Setting]
) -> None:
    own = DANN(hidden=8, tells=tells).build(setting_of(4))  # type: ignore[arg-type]
    features = draw(6, shift=1.0).requires_grad_()
    slopes = {}
    for weight in (0.0, 0.5, 2.0):
        method = DANN(weight=weight, hidden=8, tells=tells)  # type: ignore[arg-type]
        loss = method.penalty(step_of(features, draw(6, seed=1), own=own, progress=0.3))
        slopes[weight] = torch.autograd.grad(loss, [features, *own.parameters()])
    for weight in (0.0, 2.0):
        assert all(torch.equal(a, b) for a, b in zip(slopes[weight][1:], slopes[0.5][1:], strict=True))
    assert not slopes[0.0][0].any()
    torch.testing.assert_close(slopes[2.0][0], 4.0 * slopes[0.5][0])
    assert reversal_strength(0.3) > 0


def gaussians(rows: int, *, shift: float, seed: int) -> tuple[Tensor, Tensor]:
    """Two classes along one axis, the domain's shift along another."""
    labels = torch.arange(rows) % 2
    features = draw(rows, shift=shift, seed=seed)
    features[:, 1] += 3.0 * (2.0 * labels - 1.0)
    return features, labels


def held_out_a_distance(encoder: nn.Module) -> float:
    with torch.no_grad():
        source, target = (encoder(gaussians(400, shift=shift, seed=seed)[0]) for shift, seed in ((2.0, 1), (0.0, 2)))
        tests = [encoder(gaussians(400, shift=shift, seed=seed)[0]).numpy() for shift, seed in ((2.0, 3), (0.0, 4))]
    model = LogisticRegression().fit(torch.cat([source, target]).numpy(), [0] * 400 + [1] * 400)
    wrong = 0.5 * float(model.predict(tests[0]).mean() + (1 - model.predict(tests[1])).mean())
    return 2 * (1 - 2 * wrong)


def test_alignment_lowers_the_held_out_a_distance_of_two_gaussians(
    step_of: Callable[..., Step], setting_of: Callable[..., Setting]
) -> None:
    distances = {}
    for weight in (0.0, 1.0):
        method = DANN(weight=weight, hidden=16)
        own = method.build(setting_of(2))
        encoder, head = nn.Linear(4, 2, bias=False), nn.Linear(2, 2)
        with torch.no_grad():
            encoder.weight.copy_(torch.eye(4)[:2])
            head.weight.zero_()
        optimizer = torch.optim.Adam([
            {"params": [*encoder.parameters(), *head.parameters()], "lr": 1e-2},
            {"params": list(own.parameters()), "lr": 3e-2},
        ])
        for k in range(150):
            source, labels = gaussians(64, shift=2.0, seed=1000 + k)
            features = encoder(source)
            target = encoder(gaussians(64, shift=0.0, seed=5000 + k)[0])
            loss = nn.functional.cross_entropy(head(features), labels)
            loss = loss + method.penalty(step_of(features, target, own=own, progress=k / 150))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        distances[weight] = held_out_a_distance(encoder)
    assert distances[0.0] > 1.0
    assert distances[1.0] < 0.5


def test_diagnosis_is_the_balanced_accuracy(
    tells: str, step_of: Callable[..., Step], setting_of: Callable[..., Setting]
) -> None:
    class AlwaysSource(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.ones(len(x), 1) if tells == "role" else torch.tensor([[1.0, 0.0]]).expand(len(x), 2)

    method = DANN(tells=tells)  # type: ignore[arg-type]
    assert float(method.diagnose(step_of(draw(9), draw(3), own=AlwaysSource()))["accuracy"]) == 0.5
