"""A network cut at a boundary equals the whole, or says that it cannot be cut."""
from __future__ import annotations

import pytest
import torch
from torch import nn

from medtl.config.sections import ModelSection
from medtl.models.build import build_model
from medtl.models.front import WHOLE, boundary_of, front, splits_at, started_at
from medtl.models.model import Model
from medtl.tasks.classification import Classification


def network(backbone: str, *, bn: str = "joint") -> Model:
    section = ModelSection(backbone=backbone, weights="none", bn=bn, adaptation=4)  # type: ignore[arg-type]
    return build_model(section, task=Classification(label="x"), seed=0)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 2, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def test_the_boundary_is_the_last_part_of_the_front_that_stands_still() -> None:
    model = network("test_efficientnet")
    names = list(model.parts)
    assert boundary_of(model, ()) is None
    assert boundary_of(model, ("blocks.0", "blocks.1")) is None
    assert boundary_of(model, ("conv_stem", "bn1", "blocks.0", "blocks.2")) == "blocks.0"
    assert boundary_of(model, tuple(name for name in names if name not in ("adaptation", "head"))) == WHOLE
    assert boundary_of(model, tuple(names)) == WHOLE


@pytest.mark.parametrize("backbone", ["test_efficientnet", "test_resnet", "test_convnext"])
def test_front_and_rest_equal_the_whole_bit_for_bit_at_every_boundary(backbone: str, images: torch.Tensor) -> None:
    model = network(backbone)
    inner = [name for name in model.parts if name not in ("adaptation", "head")]
    cut = 0
    for boundary in [*inner, WHOLE]:
        if not splits_at(model, images, boundary):
            continue
        cut += 1
        with torch.no_grad():
            activations = front(model, images, boundary)
            expected = model.full(images, taps=inner[-1:])
            with started_at(model, boundary):
                got = model.full(activations, taps=inner[-1:] if boundary not in (inner[-1], WHOLE) else ())
            again = model.full(images)
        assert torch.equal(got.outputs, expected.outputs)
        assert torch.equal(again.outputs, expected.outputs)  # and the network is as it was
        for name in got.taps:
            assert torch.equal(got.taps[name], expected.taps[name])
    assert cut >= len(inner)


def test_gradients_of_the_rest_are_those_of_the_whole(images: torch.Tensor) -> None:
    model = network("test_efficientnet")
    for name in ("conv_stem", "bn1", "blocks.0"):
        model.parts[name].requires_grad_(False)

    def slopes(given: torch.Tensor) -> list[torch.Tensor]:
        model.zero_grad()
        model.full(given).outputs.square().sum().backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    whole = slopes(images)
    with torch.no_grad():
        activations = front(model, images, "blocks.0")
    with started_at(model, "blocks.0"):
        rest = slopes(activations)
    assert len(whole) == len(rest) > 0
    assert all(torch.equal(a, b) for a, b in zip(whole, rest, strict=True))


class Bypassing(nn.Module):
    """Its last block also sees what the first gave, so that it cannot be cut between them."""

    num_features = 4

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Conv2d(3 if k == 0 else 4, 4, 1) for k in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        early = self.first(x)
        return (self.third(self.second(early)) + early).mean(dim=(2, 3))


def test_a_network_that_cannot_be_cut_is_recognised(images: torch.Tensor) -> None:
    model = network("test_efficientnet")
    torch.manual_seed(0)
    model.encoder.net = Bypassing()
    model.head = nn.Linear(4, 2)
    model.adaptation = None
    assert splits_at(model, images, "first")
    assert not splits_at(model, images, "second")
    assert splits_at(model, images, WHOLE)


def test_chance_between_parts_is_not_cut_away(images: torch.Tensor) -> None:
    model = network("test_efficientnet")
    model.encoder.net.add_module("between", nn.Dropout(0.5))
    assert not splits_at(model, images, "blocks.0")
    assert splits_at(network("test_efficientnet"), images, "blocks.0")


def test_trying_leaves_modes_and_statistics_alone(images: torch.Tensor) -> None:
    model = network("test_efficientnet").train()
    model.parts["blocks.0"].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    splits_at(model, images, "blocks.1")
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
