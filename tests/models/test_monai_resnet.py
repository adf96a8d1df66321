"""A MedicalNet checkpoint tells which variant it is of, and is loaded whole."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.networks.nets import resnet10, resnet18

from medtl.config.sections import ModelSection
from medtl.errors import ConfigError, WeightsError
from medtl.models import store
from medtl.models.backbones.base import find
from medtl.models.build import build_model
from medtl.models.monai_resnet import VolumeResNet, variant_of
from medtl.tasks.classification import Classification

TASK = Classification(label="nodule")
OPTIONS = {"spatial_dims": 3, "n_input_channels": 1, "feed_forward": False}


def written(folder: Path, net: torch.nn.Module) -> Path:
    """As MedicalNet writes them: wrapped, and every name behind ``module.``."""
    path = folder / "resnet_23dataset.pth"
    torch.save({"state_dict": {f"module.{name}": value for name, value in net.state_dict().items()}}, path)
    return path


@pytest.mark.parametrize(("make", "depth", "shortcut", "bias"), [
    (resnet10, 10, "B", False), (resnet10, 10, "B", True), (resnet18, 18, "A", False), (resnet18, 18, "B", True)])
def test_options_are_read_from_the_checkpoint(
    make: object, depth: int, shortcut: str, bias: bool, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    net = make(shortcut_type=shortcut, bias_downsample=bias, **OPTIONS).eval()  # type: ignore[operator]
    assert variant_of(net.state_dict()) == (depth, shortcut, bias)
    said: list[str] = []
    section = ModelSection(backbone=f"monai_resnet{depth}", weights=str(written(tmp_path, net)))
    model = build_model(section, task=TASK, seed=0, say=said.append)
    assert "left fresh" not in " ".join(said)
    volume = torch.rand(2, 4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(model.slice_features(volume)[:, 0], net((volume.transpose(1, 2) - 0.5) / 0.5), atol=1e-5)
        store.save(model, tmp_path / "saved")
        assert torch.equal(store.load(tmp_path / "saved")(volume), model(volume))


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, resnet10(**OPTIONS))
    with pytest.raises(WeightsError, match="write monai_resnet10"):
        build_model(ModelSection(backbone="monai_resnet18", weights=str(path)), task=TASK, seed=0)
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="no checkpoint of a 3D residual network"):
        build_model(ModelSection(backbone="monai_resnet18", weights=str(tmp_path / "other.pth")), task=TASK, seed=0)
    with pytest.raises(ConfigError, match="monai_resnet19"):
        find("monai_resnet19")


def test_shortcuts_without_weights_pass_the_gradient() -> None:
    net = VolumeResNet(18, "A", False).eval()
    for name, parameter in net.named_parameters():
        if name.startswith(("layer2.0.conv", "layer2.0.bn")):
            torch.nn.init.zeros_(parameter)  # only the shortcut is left
    volume = torch.rand(1, 3, 4, 32, 32, requires_grad=True)
    net(volume).sum().backward()
    assert volume.grad is not None
    assert float(volume.grad.abs().max()) > 0
