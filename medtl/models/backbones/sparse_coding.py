"""A small network of filter banks at three scales: correlate, shrink, absolute value, pool."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from medtl.functional.sparse_coding import shrink
from medtl.models.backbones.base import Backbone

SIDES_PX = (5, 9, 17)
FILTERS = 32
CONTRAST_PX = 17


class Bank(nn.Module):
    """Filters of one scale and the thresholds of their answers: a picture to sparse codes in one step.

    Args:
        side: of the filters, odd.
        filters: how many.
    """

    def __init__(self, side: int, filters: int) -> None:
        super().__init__()
        self.filters = nn.Conv2d(1, filters, side, padding=side // 2, bias=False)
        self.threshold = nn.Parameter(torch.full((filters, 1, 1), 0.05))

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, filters, h, w)."""
        return shrink(self.filters(images), self.threshold.abs())


class SparseCodingNet(nn.Module):
    """Features of a picture: absolute codes of every filter, largest in each neighbourhood, mean over the picture.

    Its banks start at random; the method ``mscsc`` learns them without labels.
    """

    num_features = FILTERS * len(SIDES_PX)

    def __init__(self) -> None:
        super().__init__()
        self.banks = nn.ModuleList(Bank(side, FILTERS) for side in SIDES_PX)

    def prepare(self, images: Tensor) -> Tensor:
        """Grey pictures less their local mean: (n, 3, h, w) to (n, 1, h, w)."""
        grey = images.mean(dim=1, keepdim=True)
        local = functional.avg_pool2d(grey, CONTRAST_PX, stride=1, padding=CONTRAST_PX // 2, count_include_pad=False)
        return grey - local

    def codes(self, prepared: Tensor) -> list[Tensor]:
        """Codes of every scale, each (n, filters, h, w)."""
        return [bank(prepared) for bank in self.banks]

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) to (n, d)."""
        pooled = [functional.max_pool2d(codes.abs(), 4) for codes in self.codes(self.prepare(images))]
        return torch.cat([values.mean(dim=(2, 3)) for values in pooled], dim=1)


@dataclass(frozen=True)
class SparseCodingBackbone(Backbone):
    """Not of timm, and without pretrained weights."""

    def network(self) -> nn.Module:
        """A :class:`SparseCodingNet`, its random start from the global generator."""
        return SparseCodingNet()


SPARSE_CODING = SparseCodingBackbone(timm_name="sparse_coding", mean=(0.5,) * 3, std=(0.5,) * 3, size=128)
