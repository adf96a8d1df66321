"""The network: parts, taps, pairs by treatment, for every registered backbone and for families of timm."""
from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from medtl import registry
from medtl.config.sections import ModelSection
from medtl.errors import ConfigError
from medtl.models import bn
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.tasks.classification import Classification

FAMILIES = ("resnet18", "convnext_atto", "vit_tiny_patch16_224", "densenet121", "regnetx_002", "mobilenetv3_small_050")
TREATMENTS: tuple[bn.Treatment, ...] = ("joint", "split", "dsbn", "adabn", "frozen")
BACKBONES = (*registry.names("backbones"), *FAMILIES)


def make(backbone: str = "resnet18", **options: object) -> Model:
    section = ModelSection(backbone=backbone, weights="none", **options)  # type: ignore[arg-type]
    return build_model(section, task=Classification(label="nodule"), seed=0)


def scans(n: int, seed: int = 0, slices: int = 2, size: int = 32) -> torch.Tensor:
    return torch.rand(n, slices, 1, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_parameter_and_statistic_is_in_exactly_one_part(backbone: str) -> None:
    model = make(backbone, pooling="attention", adaptation=8)
    owned = [id(t) for part in model.parts.values() for t in (*part.parameters(), *part.buffers())]
    assert len(owned) == len(set(owned))
    wanted = {id(p) for p in model.parameters()} | {
        id(b) for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) for b in m.buffers()}
    assert wanted <= set(owned)
    assert list(model.parts)[-3:] == ["pooling", "adaptation", "head"]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_taps_are_one_row_per_study_for_every_part(backbone: str) -> None:
    model = make(backbone)
    taps = [name for name in model.parts if name != "embeddings"]
    with torch.inference_mode():
        outputs = model.full(scans(3), taps=taps)
        assert torch.equal(outputs.outputs, model(scans(3)))
    assert set(outputs.taps) == {*taps, "features", "outputs"}
    assert all(tap.ndim == 2 and len(tap) == 3 for tap in outputs.taps.values())
    assert outputs.features.shape == (3, model.feature_width)
    assert torch.equal(outputs.taps["features"], outputs.features)


def test_names_follow_timm() -> None:
    lite, resnet, convnext = (list(make(b).parts) for b in ("efficientnet_lite0", "resnet18", "convnext_atto"))
    assert lite == ["conv_stem", "bn1", *(f"blocks.{i}" for i in range(7)), "conv_head", "bn2", "head"]
    assert resnet == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "head"]
    assert convnext == ["stem", *(f"stages.{i}" for i in range(4)), "encoder.head", "head"]
    assert next(iter(make("vit_tiny_patch16_224").parts)) == "embeddings"


def test_a_tap_is_the_mean_over_space_and_slices() -> None:
    model, images = make(), scans(2, slices=3)
    caught: list[torch.Tensor] = []
    handle = model.parts["layer2"].register_forward_hook(lambda m, i, o: caught.append(o))
    tap = model.full(images, taps=["layer2"]).taps["layer2"]
    handle.remove()
    expected = caught[0].reshape(2, 3, 128, -1).mean(dim=(1, 3))
    assert torch.allclose(tap, expected, atol=1e-6)


def test_an_unknown_tap_names_the_nearest_part() -> None:
    with pytest.raises(ConfigError, match="did you mean 'layer3'"):
        make().full(scans(2), taps=["layers3"])
    with pytest.raises(ConfigError, match="no activation of its own"):
        make("vit_tiny_patch16_224").full(scans(2), taps=["embeddings"])


def test_grey_scans_enter_as_three_equal_channels() -> None:
    model, grey = make(), scans(2)
    assert torch.equal(model(grey), model(grey.repeat(1, 1, 3, 1, 1)))


def test_the_study_does_not_depend_on_the_order_of_its_slices() -> None:
    model, images = make(pooling="attention"), scans(2, slices=4)
    assert torch.allclose(model(images), model(images[:, [2, 0, 3, 1]]), atol=1e-5)


def test_studies_do_not_see_each_other_in_eval_mode() -> None:
    model, images = make(pooling="attention", adaptation=4), scans(3)
    assert torch.allclose(model(images)[1:2], model(images[1:2]), atol=1e-5)


def test_slice_features_then_finish_is_the_forward() -> None:
    model, images = make(pooling="attention", adaptation=4), scans(2)
    assert torch.equal(model.finish(model.slice_features(images)).outputs, model(images))


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_pair_without_a_target_is_the_sources_forward(treatment: str) -> None:
    model = make(bn=treatment).train()
    alone = copy.deepcopy(model)
    outputs, none = model.pair(scans(4))
    assert none is None
    domain = torch.zeros(4, dtype=torch.long)
    assert torch.equal(outputs.outputs, alone.full(scans(4), domain=domain).outputs)


@pytest.mark.parametrize("treatment", ["split", "dsbn", "adabn", "frozen"])
def test_apart_the_sources_outputs_do_not_depend_on_the_target(treatment: str) -> None:
    model = make(bn=treatment).train()
    first, _ = copy.deepcopy(model).pair(scans(4), scans(3, seed=1))
    second, _ = copy.deepcopy(model).pair(scans(4), scans(5, seed=2) + 3)
    alone, _ = copy.deepcopy(model).pair(scans(4))
    assert torch.equal(first.outputs, second.outputs)
    assert torch.equal(first.outputs, alone.outputs)


def test_joint_is_one_forward_of_both() -> None:
    model = make(bn="joint").train()
    source, target = copy.deepcopy(model).pair(scans(4), scans(3, seed=1), taps=["layer1"])
    together = model.full(torch.cat([scans(4), scans(3, seed=1)]), taps=["layer1"])
    assert target is not None
    assert torch.equal(torch.cat([source.outputs, target.outputs]), together.outputs)
    assert torch.equal(torch.cat([source.taps["layer1"], target.taps["layer1"]]), together.taps["layer1"])
    other, _ = make(bn="joint").train().pair(scans(4), scans(3, seed=1) + 3)
    assert not torch.allclose(source.outputs, other.outputs)


@pytest.mark.parametrize(
    ("treatment", "moves"), [("split", True), ("dsbn", False), ("adabn", False), ("frozen", False)])
def test_whether_the_target_moves_the_sources_statistics(treatment: str, moves: bool) -> None:
    paired, alone = make(bn=treatment).train(), make(bn=treatment).train()
    paired.pair(scans(4), scans(4, seed=1) + 2)
    alone.pair(scans(4))
    name = "encoder.net.bn1.branches.0.running_mean" if treatment == "dsbn" else "encoder.net.bn1.running_mean"
    assert torch.equal(paired.state_dict()[name], alone.state_dict()[name]) is not moves


def test_domain_specific_inference_is_by_the_targets_branch_once_seen() -> None:
    model = make(bn="dsbn").train()
    model.pair(scans(4))
    assert model.branch == "source"
    model.pair(scans(4), scans(4, seed=1) + 2)
    assert model.branch == "target"
    model.eval()
    images = scans(3, seed=4)
    assert torch.equal(model(images), model.full(images, domain=torch.ones(3, dtype=torch.long)).outputs)
    assert not torch.allclose(model(images), model.full(images, domain=torch.zeros(3, dtype=torch.long)).outputs)
    assert make().branch == "single"


def test_the_targets_forward_draws_from_a_copy_of_the_random_state() -> None:
    model = make(bn="split").train()
    model.pooling = nn.Sequential(model.pooling, nn.Dropout(0.5))
    torch.manual_seed(3)
    model.pair(scans(4))
    after_alone = torch.rand(1)
    torch.manual_seed(3)
    model.pair(scans(4), scans(4, seed=1))
    assert torch.equal(torch.rand(1), after_alone)
