"""ADDA as a procedure, driven by hand: what it asks for, and what its losses move."""
from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medtl.data.batches import Batch, Pair
from medtl.methods.adversarial.adda import ADDA
from medtl.methods.base import Fit, Setting
from medtl.models.model import Outputs


class Network(nn.Module):
    """An encoder with dropout and a head, as ADDA sees them."""

    feature_width = 3

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
        self.head = nn.Linear(3, 2)
        self.forwards = 0

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder, "head": self.head}

    def full(self, images: Tensor, domain: Tensor | None = None) -> Outputs:
        self.forwards += 1
        features = self.encoder(images.flatten(1))
        return Outputs(features, {}, self.head(features))


def pair(seed: int = 0, shift: float = 1.0) -> Pair:
    draw = torch.Generator().manual_seed(seed)

    def batch(rows: int, offset: float) -> Batch:
        images = torch.randn(rows, 1, 1, 2, 2, generator=draw) + offset
        zeros = torch.zeros(rows, 1)
        domain = torch.zeros(rows, dtype=torch.long)
        return Batch(images, zeros, zeros.bool(), torch.ones(rows), domain, torch.arange(rows))

    return Pair(batch(6, 0.0), batch(5, shift))


@pytest.fixture
def setting() -> Any:
    torch.manual_seed(0)
    return SimpleNamespace(model=Network(), rng=lambda *names: 1)


def second_stage(setting: Setting, method: ADDA | None = None) -> tuple[Fit, Any]:
    stages = (method or ADDA(hidden=8)).stages(setting)
    first = next(stages)
    assert isinstance(first, Fit)
    assert first.model is setting.model
    assert len(first.turns) == 1
    assert first.turns[0].loss is None
    with torch.no_grad():
        setting.model.head.weight.fill_(0.25)  # as if the first stage had been fitted
    second = stages.send(None)
    assert isinstance(second, Fit)
    with pytest.raises(StopIteration) as end:
        stages.send(None)
    assert end.value.value is second.model
    return second, setting.model


def test_it_fits_the_source_and_then_a_copy_of_what_was_fitted(setting: Any) -> None:
    fit, source = second_stage(setting, ADDA(epochs=7, encoder_rate=0.5, discriminator_rate=0.2))
    assert fit.model is not source
    assert all(torch.equal(a, b) for a, b in zip(fit.model.parameters(), source.parameters(), strict=True))
    assert fit.epochs == 7
    assert source in fit.frozen
    assert fit.model.head in fit.frozen
    assert [turn.name for turn in fit.turns] == ["discriminator", "encoder"]
    assert [turn.rate for turn in fit.turns] == [0.2, 0.5]
    moved = {p for turn in fit.turns for module in turn.moves for p in module.parameters()}
    assert not moved & set(fit.model.head.parameters())
    assert not moved & set(source.parameters())
    assert not fit.target_labels
    assert all(turn.loss is not None for turn in fit.turns)


def test_losses_are_the_published_ones_with_inverted_labels(setting: Any) -> None:
    fit, source = second_stage(setting)
    source.eval()
    fit.model.eval()
    (discriminator,) = fit.turns[0].moves
    data = pair()
    with torch.no_grad():
        on_source = discriminator(source.full(data.source.images).features).double()[:, 0]
        on_target = discriminator(fit.model.full(data.target.images).features).double()[:, 0]
    told = [1 / (1 + math.exp(-z)) for z in on_source.tolist()], [1 / (1 + math.exp(-z)) for z in on_target.tolist()]
    expected = -0.5 * sum(map(math.log, told[0])) / 6 - 0.5 * sum(math.log(1 - p) for p in told[1]) / 5
    assert fit.turns[0].loss(data, 0.0).item() == pytest.approx(expected, rel=1e-5)
    assert fit.turns[1].loss(data, 0.0).item() == pytest.approx(-sum(map(math.log, told[1])) / 5, rel=1e-5)


def test_each_turn_moves_the_discriminators_loss_its_way(setting: Any) -> None:
    fit, source = second_stage(setting)
    source.eval()
    fit.model.eval()
    for turn, sign in ((fit.turns[0], -1), (fit.turns[1], +1)):
        parameters = [p for module in turn.moves for p in module.parameters()]
        before = fit.turns[0].loss(pair(), 0.0).item()
        slopes = torch.autograd.grad(turn.loss(pair(), 0.0), parameters, allow_unused=True)
        with torch.no_grad():
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter -= 0.05 * slope
        assert sign * (fit.turns[0].loss(pair(), 0.0).item() - before) > 0


def test_the_discriminators_turn_reaches_no_encoder_and_the_target_is_forwarded_once_for_both(setting: Any) -> None:
    fit, source = second_stage(setting)
    source.eval()
    data, before = pair(), fit.model.forwards
    loss = fit.turns[0].loss(data, 0.0)
    slopes = torch.autograd.grad(loss, [*fit.model.parameters(), *source.parameters()], allow_unused=True)
    assert slopes == (None,) * len(slopes)
    fit.turns[1].loss(data, 0.0)
    assert fit.model.forwards == before + 1
    fit.turns[1].loss(pair(), 0.0)
    assert fit.model.forwards == before + 2
