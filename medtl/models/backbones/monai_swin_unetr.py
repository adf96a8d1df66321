"""The encoder of MONAI's SwinUNETR for volumes, from a random start or a local checkpoint of its encoder.

Reference:
    Hatamizadeh et al. 2022, "Swin UNETR: Swin Transformers for Semantic Segmentation of Brain Tumors in MRI Images".
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monai.networks.nets.swin_unetr import SwinTransformer
from torch import Tensor, nn
from torch.nn import functional

from medtl.models.backbones.base import Backbone

WIDTH = 48
_PREFIX = "swinViT."


class SwinEncoder(SwinTransformer):  # type: ignore[misc]
    """The four stages, their last output normalised and averaged over the volume."""

    takes_volume = True
    num_features: int

    def __init__(self) -> None:
        super().__init__(
            in_chans=1, embed_dim=WIDTH, window_size=(7, 7, 7), patch_size=(2, 2, 2), depths=(2, 2, 2, 2),
            num_heads=(3, 6, 12, 24), spatial_dims=3)
        self.num_features = 16 * WIDTH

    def forward(self, volume: Tensor) -> Tensor:
        """(n, 3, slices, h, w) with equal channels to (n, 768)."""
        x = self.pos_drop(self.patch_embed(volume[:, :1]))
        for stage in (self.layers1, self.layers2, self.layers3, self.layers4):
            x = stage[0](x.contiguous())
        tokens = x.flatten(2).transpose(1, 2)
        return functional.layer_norm(tokens, [tokens.shape[-1]]).mean(dim=1)


@dataclass(frozen=True)
class SwinBackbone(Backbone):
    """Not of timm, and without published weights."""

    def network(self) -> nn.Module:
        """Its random start is from the global generator."""
        return SwinEncoder()

    def resized(self, state: Mapping[str, Tensor], net: nn.Module) -> tuple[dict[str, Tensor], tuple[str, ...]]:
        """The encoder's own names, of a checkpoint of the whole network or of its encoder alone."""
        return {name.removeprefix(_PREFIX): value for name, value in state.items()}, ()


MONAI_SWIN_UNETR = SwinBackbone("monai_swin_unetr", (0.5,) * 3, (0.5,) * 3, 96)
