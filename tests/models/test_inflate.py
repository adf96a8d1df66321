"""An inflated network answers as its 2D parent on equal slices, by both rules, and takes 2D checkpoints."""
from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from medtl.config.sections import ModelSection
from medtl.errors import ConfigError
from medtl.models.backbones.base import find
from medtl.models.build import build_model
from medtl.models.inflate import Rule, inflate, inflated_weight
from medtl.models.weights import load_weights
from medtl.tasks.classification import Classification

NAMES = ("resnet18", "efficientnet_lite0")


def picture(side: int = 64) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("rule", ["centre", "mean"])
@pytest.mark.parametrize("name", NAMES)
def test_equal_slices_give_the_parents_answer(name: str, rule: Rule) -> None:
    weights = "imagenet" if name == "efficientnet_lite0" else "none"
    parent = find(name)
    torch.manual_seed(0)
    net = parent.network()
    load_weights(net, parent, weights, None, print)
    net.eval()
    with torch.no_grad():
        flat = net(picture())
        deep = inflate(net, rule)(picture().unsqueeze(2).expand(-1, -1, 5, -1, -1))
    assert torch.allclose(deep, flat, atol=1e-5 * max(1.0, float(flat.abs().max())), rtol=1e-5)


def test_rules_keep_the_sum_of_a_kernel() -> None:
    weight = torch.rand(4, 3, 5, 5)
    for rule in ("centre", "mean"):
        assert torch.allclose(inflated_weight(weight, 3, rule).sum(dim=2), weight)
    assert torch.equal(inflated_weight(weight, 3, "centre")[:, :, 1], weight)
    assert not inflated_weight(weight, 3, "centre")[:, :, 0].any()


def test_neighbouring_slices_matter_to_the_mean_rule() -> None:
    net = inflate(timm.create_model("resnet18", num_classes=0), "mean").eval()
    volume = torch.rand(1, 3, 6, 32, 32)
    with torch.no_grad():
        assert not torch.allclose(net(volume), net(volume[:, :, [3, 0, 5, 1, 4, 2]]), atol=1e-4)


def test_a_checkpoint_of_the_parent_is_inflated_and_said(tmp_path: Path) -> None:
    parent = timm.create_model("resnet18", num_classes=0)
    save_file(parent.state_dict(), tmp_path / "flat.safetensors")
    said: list[str] = []
    section = ModelSection(backbone="inflated_resnet18", weights=str(tmp_path / "flat.safetensors"))
    model = build_model(section, task=Classification(label="nodule"), seed=0, say=said.append)
    assert torch.equal(model.encoder.net.conv1.weight[:, :, 1], parent.conv1.weight)  # type: ignore[union-attr, index]
    assert "conv1.weight: (64, 3, 7, 7) to (64, 3, 3, 7, 7)" in " ".join(said)


@pytest.mark.parametrize("name", ["inflated_vit_tiny_patch16_224", "inflated_convnext_atto"])
def test_what_is_no_plain_convolutional_network_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be inflated"):
        find(name).network()
