"""MONAI's 3D residual networks, as MedicalNet's checkpoints were trained with, their options read from the checkpoint.

A checkpoint fits only the variant that it is of: its depth, whether a shortcut that changes shape is a convolution (B)
or a pool with zeros (A), and whether that convolution has a bias. The file's names and shapes tell all three.

Reference:
    Chen, Ma & Zheng 2019, "Med3D: Transfer Learning for 3D Medical Image Analysis" (MedicalNet's weights).
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from monai.networks.nets.resnet import ResNet
from torch import Tensor, nn
from torch.nn import functional

from medtl.errors import ConfigError, WeightsError
from medtl.models.backbones.base import Backbone
from medtl.models.weights import read_checkpoint

BLOCKS: Mapping[int, tuple[int, int, int, int]] = {
    10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
BOTTLENECKS = frozenset({50, 101, 152, 200})
_NAME = re.compile(r"monai_resnet(\d+)(?:_([ab]))?(_bias)?")


class VolumeResNet(ResNet):  # type: ignore[misc]
    """MONAI's network without its classifier, grey volumes in three equal channels to features.

    Args:
        depth: 10 to 200.
        shortcut: A or B.
        bias: of shortcut B's convolutions.
    """

    takes_volume = True

    def __init__(self, depth: int, shortcut: str, bias: bool) -> None:
        bottleneck = depth in BOTTLENECKS
        super().__init__(
            "bottleneck" if bottleneck else "basic", list(BLOCKS[depth]), [64, 128, 256, 512], spatial_dims=3,
            n_input_channels=1, shortcut_type=shortcut, feed_forward=False, bias_downsample=bias)
        self.num_features = 2048 if bottleneck else 512

    def _downsample_basic_block(self, x: Tensor, planes: int, stride: int, spatial_dims: int = 3) -> Tensor:
        """Shortcut A; MONAI's own cuts the gradient off."""
        small = functional.avg_pool3d(x, kernel_size=1, stride=stride)
        return functional.pad(small, (0, 0, 0, 0, 0, 0, 0, planes - small.shape[1]))

    def forward(self, volume: Tensor) -> Tensor:
        """(n, 3, slices, h, w) with equal channels to (n, d)."""
        return super().forward(volume[:, :1])  # type: ignore[no-any-return]


@dataclass(frozen=True)
class MonaiResNet(Backbone):
    """A variant of MONAI's 3D residual network.

    Attributes:
        depth: number of layers, a key of ``BLOCKS``.
        shortcut: A or B.
        bias: of shortcut B's convolutions.
        stated: whether its name says shortcut and bias, so that no checkpoint changes them.
    """

    depth: int = 18
    shortcut: str = "A"
    bias: bool = False
    stated: bool = False

    def network(self) -> nn.Module:
        """Its random start is from the global generator: (n, 3, slices, h, w) to (n, d)."""
        return VolumeResNet(self.depth, self.shortcut, self.bias)

    def rename(self, state: Mapping[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
        """MedicalNet's names are MONAI's."""
        return dict(state)

    def suited(self, weights: str) -> Backbone:
        """The variant that a checkpoint is of.

        Raises:
            WeightsError: the file is of another depth, or of no such network.
        """
        path = Path(weights).expanduser()
        if weights in ("imagenet", "none") or not path.is_file():
            return self
        state = read_checkpoint(path, f"file {path.name}")
        found = variant_of(state)
        if found is None:
            raise WeightsError(f"weights file {path.name}: no checkpoint of a 3D residual network of MONAI or "
                               f"MedicalNet: it has {', '.join(list(state)[:3])}, …")
        depth, shortcut, bias = found
        if depth != self.depth:
            raise WeightsError(f"weights file {path.name}: of a network of depth {depth}, and model.backbone is "
                               f"monai_resnet{self.depth}; write monai_resnet{depth}")
        return self if self.stated else resnet(f"monai_resnet{depth}_{shortcut.lower()}{'_bias' * bias}")


def variant_of(state: Mapping[str, Tensor]) -> tuple[int, str, bool] | None:
    """Depth, shortcut and bias of the network that a checkpoint is of; None for a checkpoint of something else."""
    first = state.get("conv1.weight")
    if first is None or first.ndim != 5:
        return None
    counts = tuple(len({name.split(".")[1] for name in state if name.startswith(f"layer{k}.")}) for k in (1, 2, 3, 4))
    bottleneck = "layer1.0.conv3.weight" in state
    depth = next((d for d, blocks in BLOCKS.items() if blocks == counts and (d in BOTTLENECKS) == bottleneck), None)
    if depth is None:
        return None
    return depth, "B" if "layer2.0.downsample.0.weight" in state else "A", "layer2.0.downsample.0.bias" in state


def resnet(name: str) -> MonaiResNet:
    """The variant that a name states: ``monai_resnet18``, ``monai_resnet50_b``, ``monai_resnet10_b_bias``.

    Without a letter it is the one that MedicalNet published for this depth: A, without projections, for 18 and 34, else
    B; with a bias for 10 alone. A checkpoint then decides.

    Raises:
        ConfigError: no such network.
    """
    match = _NAME.fullmatch(name)
    depth = int(match.group(1)) if match else 0
    if match is None or depth not in BLOCKS:
        known = ", ".join(str(each) for each in BLOCKS)
        raise ConfigError(f"model.backbone: {name!r} is no network of MONAI; expected monai_resnet and one of {known}, "
                          "then _a or _b for the shortcut, then _bias, if no checkpoint tells")
    letter, bias = match.group(2), match.group(3) is not None
    if letter is None:
        shortcut, bias = ("A" if depth in (18, 34) else "B"), bias or depth == 10
    else:
        shortcut = letter.upper()
    return MonaiResNet(f"monai_resnet{depth}", (0.5,) * 3, (0.5,) * 3, 112, name=name, depth=depth, shortcut=shortcut,
                       bias=bias, stated=letter is not None)
