"""ResNet-18 with its 2D ImageNet weights on the middle slice of 3D kernels, for volumes."""
from __future__ import annotations

from medtl.models.backbones.base import Backbone
from medtl.models.inflate import inflated

INFLATED_RESNET18 = inflated(Backbone("resnet18", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224))
