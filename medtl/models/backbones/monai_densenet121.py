"""MONAI's 3D DenseNet-121 for volumes, from a random start or a local checkpoint."""
from __future__ import annotations

from dataclasses import dataclass

from monai.networks.nets.densenet import DenseNet
from torch import Tensor, nn
from torch.nn import functional

from medtl.models.backbones.base import Backbone


class VolumeDenseNet(DenseNet):  # type: ignore[misc]
    """MONAI's network without its classifier, grey volumes in three equal channels to features."""

    takes_volume = True

    def __init__(self) -> None:
        super().__init__(spatial_dims=3, in_channels=1, out_channels=1)
        self.num_features = int(self.class_layers.out.in_features)
        del self.class_layers

    def forward(self, volume: Tensor) -> Tensor:
        """(n, 3, slices, h, w) with equal channels to (n, 1024)."""
        grey = volume[:, :1]
        least = [max(side, 32) for side in grey.shape[-3:]]  # five halvings, of which pools refuse an odd one
        if list(grey.shape[-3:]) != least:
            grey = functional.interpolate(grey, least, mode="trilinear", align_corners=False)
        return functional.relu(self.features(grey)).mean(dim=(2, 3, 4))


@dataclass(frozen=True)
class VolumeDenseNetBackbone(Backbone):
    """Not of timm, and without published weights."""

    def network(self) -> nn.Module:
        """Its random start is from the global generator."""
        return VolumeDenseNet()


MONAI_DENSENET121 = VolumeDenseNetBackbone("monai_densenet121", (0.5,) * 3, (0.5,) * 3, 96)
