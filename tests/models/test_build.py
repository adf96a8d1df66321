"""Building: deterministic by seed, silent towards other random streams, errors with the nearest name."""
from __future__ import annotations

import pytest
import torch

from medtl.config.sections import ModelSection
from medtl.errors import ConfigError
from medtl.models.build import ADAPTATION_WIDTH, build_model
from medtl.models.model import Model
from medtl.tasks.classification import Classification

TASK = Classification(label="nodule")


def _build(seed: int = 0, needs: bool = False, **options: object) -> Model:
    return build_model(ModelSection(**{"backbone": "resnet18", "weights": "none", **options}),  # type: ignore[arg-type]
                       task=TASK, seed=seed, needs_adaptation=needs)


def test_the_seed_decides_and_nobody_elses_stream_moves() -> None:
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    first = _build()
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    second, third = _build(), _build(seed=1)
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.head.weight, third.head.weight)  # type: ignore[arg-type]


def test_a_change_of_one_component_leaves_the_start_of_the_others() -> None:
    mean, attention = _build(), _build(pooling="attention")
    assert torch.equal(mean.head.weight, attention.head.weight)  # type: ignore[arg-type]
    assert torch.equal(mean.encoder.net.conv1.weight, attention.encoder.net.conv1.weight)  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize(("needs", "given", "width"), [
    (False, None, 512), (True, None, ADAPTATION_WIDTH), (True, 0, 512), (True, 32, 32), (False, 16, 16)])
def test_when_there_is_an_adaptation_layer(needs: bool, given: int | None, width: int) -> None:
    model = _build(needs=needs, adaptation=given)
    assert model.feature_width == width
    assert ("adaptation" in model.parts) is (width != 512)


def test_an_unknown_backbone_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'efficientnet_lite0'"):
        _build(backbone="eficientnet_lite0")
    with pytest.raises(ConfigError, match="did you mean 'resnet18'"):
        _build(backbone="resnet_18")


def test_inputs_are_normalised_as_the_weights_expect() -> None:
    lite = _build(backbone="efficientnet_lite0").encoder
    assert lite.mean.unique().tolist() == lite.std.unique().tolist() == [0.5]
    assert _build().encoder.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
