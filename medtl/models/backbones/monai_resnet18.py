"""MONAI's 3D ResNet-18 for volumes; a local checkpoint of MedicalNet tells its variant."""
from __future__ import annotations

from medtl.models.monai_resnet import resnet

MONAI_RESNET18 = resnet("monai_resnet18")
