"""An encoder that gives the mean and the spread of layers inside a network instead of its last features."""
from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from medtl.models.backbones.base import Encoder, part_names

Statistic = Literal["mean", "std"]
TRY_PX = 64


class Tapped(Encoder):
    """An encoder, its network shared, that answers otherwise: with mean and standard deviation over space (or
    tokens) of each channel of some layers, side by side.

    Args:
        encoder: the whole one, or one whose parts behind the last layer were cut off.
        layers: names of its parts.
        statistics: of each layer, in this order.
        widths: channels of each layer.
        cut: whether parts were cut off.
    """

    def __init__(
        self, encoder: Encoder, layers: Sequence[str], statistics: Sequence[Statistic], widths: Sequence[int], cut: bool
    ) -> None:
        nn.Module.__init__(self)
        self.__dict__.update({
            key: dict(value) if isinstance(value, dict) else value for key, value in vars(encoder).items()
        })
        self._whole = type(encoder).forward
        self.layers, self.statistics, self.widths = tuple(layers), tuple(statistics), tuple(widths)
        self.width = sum(widths) * len(self.statistics)
        self.spec: dict[str, Any] = {
            "layers": list(layers), "statistics": list(statistics), "widths": list(widths), "cut": cut
        }

    def forward(self, images: Tensor) -> Tensor:
        """Images as the encoder takes them, to (n, width): per layer its means, then its standard deviations.

        Raises:
            ValueError: a layer that gives no activation.
        """
        caught = activations(self, images, self.layers)
        values = [each for layer in self.layers for each in moments(*caught[layer], self.statistics)]
        return torch.cat(values, dim=1)


def activations(encoder: Encoder, images: Tensor, layers: Sequence[str]) -> dict[str, tuple[Tensor, tuple[int, ...]]]:
    """What layers give for images, and which of its axes are space or tokens.

    Raises:
        ValueError: a layer that gives no activation.
    """
    caught: dict[str, tuple[Tensor, tuple[int, ...]]] = {}
    parts = part_names(encoder.net)

    def catch(name: str) -> Any:
        def hook(part: nn.Module, _: Any, output: Any) -> None:
            value = output[0] if isinstance(output, tuple) else output
            caught[name] = value, _space(encoder, value, part)
        return hook

    handles = [parts[name].register_forward_hook(catch(name)) for name in layers if name in parts]
    try:
        if isinstance(encoder, Tapped):
            encoder._whole(encoder, images)
        else:
            encoder(images)
    finally:
        for handle in handles:
            handle.remove()
    missing = [name for name in layers if name not in caught]
    if missing:
        raise ValueError(f"{', '.join(missing)}: no activation of its own")
    return caught


def moments(activation: Tensor, space: tuple[int, ...], statistics: Sequence[Statistic]) -> list[Tensor]:
    """Mean and standard deviation over space, float32, each (n, channels); without space the latter is 0."""
    value = activation.float()
    if not space:
        flat = value.flatten(1)
        return [flat if name == "mean" else torch.zeros_like(flat) for name in statistics]
    mean = value.mean(dim=space, keepdim=True)
    found = []
    for name in statistics:
        if name == "mean":
            found.append(mean.flatten(1))
        else:
            found.append((value - mean).square().mean(dim=space).clamp_min(1e-12).sqrt().flatten(1))
    return found


def _space(encoder: Encoder, activation: Tensor, part: nn.Module) -> tuple[int, ...]:
    if activation.ndim == 5:
        return (2, 3, 4)
    if activation.ndim == 4:
        layout = getattr(part, "output_fmt", None) or getattr(encoder.net, "output_fmt", "NCHW")
        return (1, 2) if "NHWC" in str(getattr(layout, "value", layout)) else (2, 3)
    return (1,) if activation.ndim == 3 else ()


def tap(encoder: Encoder, layers: Sequence[str], statistics: Sequence[Statistic]) -> Tapped:
    """A copy of an encoder that gives these layers, without the parts behind the last of them where it runs so.

    Args:
        encoder: left as it is.
        layers: names of its parts, at least one.
        statistics: ``mean``, ``std`` or both.

    Raises:
        ValueError: a layer that is not there or gives no activation.
    """
    whole = copy.deepcopy(encoder)
    device = encoder.mean.device
    images = torch.linspace(0.0, 1.0, 2 * 3 * TRY_PX**2, device=device).reshape(2, 3, TRY_PX, TRY_PX)
    modes = [(module, module.training) for module in whole.modules()]
    whole.eval()
    with torch.no_grad():
        caught = activations(whole, images, layers)
        widths = [moments(*caught[layer], ("mean",))[0].shape[1] for layer in layers]
        plain = Tapped(whole, layers, statistics, widths, False)
        shorter = cut_behind(copy.deepcopy(whole), layers)
        short = Tapped(shorter, layers, statistics, widths, True)
        try:
            same = torch.equal(plain(images), short(images))
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError):
            same = False  # what follows cannot do without what was cut off
    chosen = short if same else plain
    if not same:
        for module, mode in modes:
            module.training = mode
    return chosen


def retap(encoder: Encoder, spec: dict[str, Any]) -> Tapped:
    """The encoder that a ``spec`` describes, around a whole one, which is changed.

    Args:
        encoder: newly built.
        spec: of a :class:`Tapped`.
    """
    inner = cut_behind(encoder, spec["layers"]) if spec["cut"] else encoder
    return Tapped(inner, spec["layers"], spec["statistics"], spec["widths"], bool(spec["cut"]))


def cut_behind(encoder: Encoder, layers: Sequence[str]) -> Encoder:
    """Puts nothing in the place of every part behind the last of these layers, in place."""
    names = list(part_names(encoder.net))
    last = max(names.index(layer) for layer in layers)
    for name in names[last + 1:]:
        if name == "embeddings":
            continue
        owner, _, child = name.removeprefix("encoder.").rpartition(".")
        setattr_child(encoder.net.get_submodule(owner) if owner else encoder.net, child, nn.Identity())
    return encoder


def setattr_child(owner: nn.Module, name: str, module: nn.Module) -> None:
    """Replaces a child, also one of a list."""
    owner._modules[name] = module


def layers_of(encoder: Encoder) -> tuple[str, ...]:
    """Names of the parts that give an activation, front to back."""
    names = [name for name in part_names(encoder.net) if name != "embeddings"]
    found: list[str] = []
    probe = copy.deepcopy(encoder).eval()
    images = torch.zeros(1, 3, TRY_PX, TRY_PX, device=encoder.mean.device)
    parts = part_names(probe.net)

    def note(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            value = output[0] if isinstance(output, tuple) else output
            if isinstance(value, Tensor) and value.ndim >= 2:
                found.append(name)
        return hook

    handles = [parts[name].register_forward_hook(note(name)) for name in names]
    with torch.no_grad():
        probe(images)
    for handle in handles:
        handle.remove()
    return tuple(name for name in names if name in found)
