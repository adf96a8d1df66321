"""LeNet-5: three convolutions and a full layer, for small pictures such as digits."""
from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from medtl.models.backbones.base import Backbone

SIDE_PX = 32
"""Smallest side that its three convolutions can take; smaller pictures are enlarged to it."""


class LeNetNet(nn.Module):
    """The layers of LeNet-5, with rectifiers and largest values where the paper has tanh and trained means.

    C5 is a convolution, as in the paper: of a picture larger than 32 pixels it makes a map, whose mean goes on.

    Reference:
        LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", section II.B.
    """

    num_features = 84

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2))
        self.conv2 = nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
        self.conv3 = nn.Sequential(nn.Conv2d(16, 120, 5), nn.ReLU())
        self.full = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(120, self.num_features), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) with equal channels to (n, 84)."""
        grey = images[:, :1]
        if min(grey.shape[-2:]) < SIDE_PX:
            sides = [max(side, SIDE_PX) for side in grey.shape[-2:]]
            grey = functional.interpolate(grey, sides, mode="bilinear", align_corners=False)
        return self.full(self.conv3(self.conv2(self.conv1(grey))))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class LeNetBackbone(Backbone):
    """Not of timm, and without pretrained weights."""

    def network(self) -> nn.Module:
        """A :class:`LeNetNet`, its random start from the global generator."""
        return LeNetNet()


LENET = LeNetBackbone(timm_name="lenet", mean=(0.5,) * 3, std=(0.5,) * 3, size=SIDE_PX)
