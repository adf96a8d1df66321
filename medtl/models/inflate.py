"""2D convolutional networks made into 3D ones, which take the slices of a study as one volume.

Every kernel that looks at neighbours in the plane gets a depth of three slices; pools and strides leave the slices as
they are, so that a study of few slices is not halved away, and the last pool takes the mean over all of the volume. On
a stack of equal slices the 3D network answers as its 2D parent does, which is tried when one is built: a network that
does something else than convolve, normalise and pool is refused.

Reference:
    Carreira & Zisserman 2017, "Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset", section 2.4
    (weights repeated along the new axis and divided by its length: the rule ``mean`` here).
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from timm.layers import BatchNormAct2d, Conv2dSame, SelectAdaptivePool2d
from torch import Tensor, nn
from torch.nn import functional

from medtl.errors import ConfigError
from medtl.models.backbones.base import Backbone

Rule = Literal["centre", "mean"]
DEPTH = 3
"""Slices that an inflated kernel sees."""
AGREES = 1e-4
_TRY_PX, _TRY_SLICES = 64, 3


def inflated_weight(weight: Tensor, depth: int, rule: Rule) -> Tensor:
    """A kernel with a third axis.

    Args:
        weight: (out, in, k, k).
        depth: of the new axis, odd.
        rule: ``centre`` puts the kernel on the middle slice and zeros beside it; ``mean`` gives each slice an equal
            share.

    Returns:
        (out, in, depth, k, k).
    """
    if rule == "mean":
        return (weight / depth).unsqueeze(2).repeat(1, 1, depth, 1, 1)
    deep = weight.new_zeros(*weight.shape[:2], depth, *weight.shape[2:])
    deep[:, :, depth // 2] = weight
    return deep


class InflatedConv(nn.Conv3d):
    """A 2D convolution with a kernel of several slices, of stride 1 along them.

    Args:
        conv: the 2D one, with plain padding or with TensorFlow's.
        rule: for its weights. ``mean`` repeats the outermost slices beyond the ends of the volume, ``centre`` puts
            zeros there.
    """

    def __init__(self, conv: nn.Conv2d, rule: Rule) -> None:
        height, width = conv.kernel_size
        depth = DEPTH if max(height, width) > 1 else 1
        super().__init__(
            conv.in_channels, conv.out_channels, (depth, height, width), (1, conv.stride[0], conv.stride[1]),
            dilation=(1, conv.dilation[0], conv.dilation[1]), groups=conv.groups, bias=conv.bias is not None)
        self.rule: Rule = rule
        self.same = isinstance(conv, Conv2dSame)
        self.plane = (0, 0) if self.same else (int(conv.padding[0]), int(conv.padding[1]))
        with torch.no_grad():
            self.weight.copy_(inflated_weight(conv.weight, depth, rule))
            if conv.bias is not None and self.bias is not None:
                self.bias.copy_(conv.bias)

    def forward(self, volume: Tensor) -> Tensor:
        """(n, in, slices, h, w) to (n, out, slices, h', w')."""
        beyond = self.kernel_size[0] // 2
        if self.same:
            pads = [_same(volume.shape[-axis], self.kernel_size[-axis], self.stride[-axis], self.dilation[-axis])
                    for axis in (1, 2)]
            volume = functional.pad(volume, [side for total in pads for side in (total // 2, total - total // 2)])
        if self.rule == "mean" and beyond:
            volume = functional.pad(volume, (0, 0, 0, 0, beyond, beyond), mode="replicate")
            beyond = 0
        return functional.conv3d(
            volume, self.weight, self.bias, self.stride, (beyond, *self.plane), self.dilation, self.groups)


def _same(size: int, kernel: int, stride: int, dilation: int) -> int:
    """Pixels that TensorFlow pads in all along one side."""
    return max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)


class InflatedNorm(nn.BatchNorm3d):
    """A 2D batch normalisation over volumes, with the activation that timm puts into it.

    Args:
        norm: the 2D one.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.load_state_dict(norm.state_dict(), strict=False)
        self.drop: nn.Module = getattr(norm, "drop", nn.Identity())
        self.act: nn.Module = getattr(norm, "act", nn.Identity())

    def forward(self, volume: Tensor) -> Tensor:
        """(n, c, slices, h, w), unchanged in shape."""
        return self.act(self.drop(super().forward(volume)))  # type: ignore[no-any-return]


class VolumePool(nn.Module):
    """Mean over slices, rows and columns."""

    def forward(self, volume: Tensor) -> Tensor:
        """(n, c, slices, h, w) to (n, c)."""
        return volume.mean(dim=(2, 3, 4))


def inflate(net: nn.Module, rule: Rule) -> nn.Module:
    """Makes a 2D network take volumes, in place.

    Args:
        net: (n, 3, h, w) to (n, d), of convolutions, batch normalisations, pools and what works on single values.
        rule: for its weights.

    Returns:
        The same network, its layers' names kept: (n, 3, slices, h, w) to (n, d).

    Raises:
        ConfigError: it has other layers, or does not answer as its 2D parent on equal slices.
    """
    training = net.training
    picture = torch.linspace(0.0, 1.0, 3 * _TRY_PX**2).reshape(1, 3, _TRY_PX, _TRY_PX)
    net.eval()
    with torch.no_grad():
        flat = net(picture)
        why = ""
        try:
            _inflate_children(net, rule)
            deep = net.eval()(picture.unsqueeze(2).repeat(1, 1, _TRY_SLICES, 1, 1))
            if deep.shape != flat.shape or not torch.allclose(deep, flat, AGREES, AGREES * float(flat.abs().max())):
                why = "its answer to equal slices is another"
        except (RuntimeError, TypeError, ValueError, IndexError, AssertionError) as error:
            why = str(error).splitlines()[0]
    if why:
        raise ConfigError(f"model.backbone: {type(net).__name__} cannot be inflated ({why}): choose a network of "
                          "convolutions, batch normalisations and pools, such as resnet18 or efficientnet_lite0")
    net.train(training)
    net.takes_volume = True  # type: ignore[assignment]
    return net


def _inflate_children(module: nn.Module, rule: Rule) -> None:
    for name, child in list(module.named_children()):
        grown = _grown(child, rule)
        if grown is None:
            _inflate_children(child, rule)
        else:
            module._modules[name] = grown


def _grown(module: nn.Module, rule: Rule) -> nn.Module | None:
    """The 3D form of one layer; None for a container, and for a layer that works on single values."""
    if isinstance(module, nn.Conv2d):
        if type(module) not in (nn.Conv2d, Conv2dSame) or isinstance(module.padding, str):
            raise ValueError(f"{type(module).__name__} is no plain convolution")
        return InflatedConv(module, rule)
    if isinstance(module, BatchNormAct2d | nn.BatchNorm2d):
        return InflatedNorm(module)
    if isinstance(module, nn.MaxPool2d):
        return nn.MaxPool3d(_flat(module.kernel_size, 1), _flat(module.stride, 1), _flat(module.padding, 0),
                            _flat(module.dilation, 1), ceil_mode=module.ceil_mode)
    if isinstance(module, nn.AvgPool2d):
        return nn.AvgPool3d(_flat(module.kernel_size, 1), _flat(module.stride, 1), _flat(module.padding, 0),
                            module.ceil_mode, module.count_include_pad, module.divisor_override)
    if isinstance(module, SelectAdaptivePool2d):
        if not module.pool_type:
            return nn.Identity()
        if module.pool_type not in ("avg", "fast", "fastavg"):
            raise ValueError(f"it pools by {module.pool_type!r}")
        return VolumePool()
    return None


def _flat(sides: Any, depth: int) -> tuple[int, int, int]:
    height, width = sides if isinstance(sides, tuple) else (sides, sides)
    return depth, int(height), int(width)


@dataclass(frozen=True)
class InflatedBackbone(Backbone):
    """Another backbone, inflated.

    Attributes:
        base: the 2D one.
        rule: for its weights.
    """

    base: Backbone | None = None
    rule: Rule = "centre"

    def network(self) -> nn.Module:
        """The base's network, its random start inflated: (n, 3, slices, h, w) to (n, d)."""
        assert self.base is not None
        return inflate(self.base.network(), self.rule)

    def rename(self, state: Mapping[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
        """As the base does."""
        assert self.base is not None
        return self.base.rename(state, net)

    def resized(self, state: Mapping[str, Tensor], net: nn.Module) -> tuple[dict[str, Tensor], tuple[str, ...]]:
        """Inflates the kernels of a 2D checkpoint; those of an inflated one stay."""
        own, grown, said = net.state_dict(), dict(state), []
        for name, value in state.items():
            wanted = list(own[name].shape) if name in own else []
            if value.ndim == 4 and len(wanted) == 5 and wanted[:2] + wanted[3:] == list(value.shape):
                grown[name] = inflated_weight(value, wanted[2], self.rule)
                said.append(f"{name}: {tuple(value.shape)} to {tuple(wanted)}")
        return grown, tuple(said)


def inflated(base: Backbone, rule: Rule = "centre") -> InflatedBackbone:
    """A backbone in 3D.

    Args:
        base: of a 2D network.
        rule: for its weights.
    """
    return InflatedBackbone(base.timm_name, base.mean, base.std, base.size, base.packaged, base=base, rule=rule)
