"""EfficientNet-Lite0 with its packaged 2D ImageNet weights on the middle slice of 3D kernels: no hub needed."""
from __future__ import annotations

from medtl.models.backbones.efficientnet_lite0 import EFFICIENTNET_LITE0
from medtl.models.inflate import inflated

INFLATED_EFFICIENTNET_LITE0 = inflated(EFFICIENTNET_LITE0)
