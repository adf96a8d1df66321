"""AlexNet in its one-column form, its layers named as torchvision names them, so that its checkpoints load."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from medtl.models.backbones.base import Backbone

SIDE_PX = 63
"""Smallest side that its pools can take; smaller pictures are enlarged to it."""


class AlexNetNet(nn.Module):
    """Five convolutions and two full layers; the classifier is left out.

    Reference:
        Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks", after Krizhevsky, Sutskever
        & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks".
    """

    num_features = 4096

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) to (n, 4096)."""
        if min(images.shape[-2:]) < SIDE_PX:
            sides = [max(side, SIDE_PX) for side in images.shape[-2:]]
            images = functional.interpolate(images, sides, mode="bilinear", align_corners=False)
        return self.classifier(torch.flatten(self.avgpool(self.features(images)), 1))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class AlexNetBackbone(Backbone):
    """Not of timm; its ImageNet weights come from a local file."""

    def network(self) -> nn.Module:
        """An :class:`AlexNetNet`, its random start from the global generator."""
        return AlexNetNet()


ALEXNET = AlexNetBackbone("alexnet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224)
