"""Patches of several scales within a network: encoded and scored one by one, their scores taken together."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from medtl.models.backbones.base import Encoder


class Patched(Encoder):
    """An encoder, its network shared, over square patches of its images: (n, 1 or 3, h, w) to (n, patches * d).

    Scale s has patches of 1/s of the image's sides, half overlapping, (2 s - 1)² of them, each resized to the image's
    size. ``width`` is that of one patch.

    Args:
        encoder: of one image.
        spec: ``{"scales": [1, 2]}``.
    """

    def __init__(self, encoder: Encoder, spec: Mapping[str, Any]) -> None:
        nn.Module.__init__(self)
        self.__dict__.update({
            key: dict(value) if isinstance(value, dict) else value for key, value in vars(encoder).items()
        })
        self._whole = type(encoder).forward
        self.scales: tuple[int, ...] = tuple(spec["scales"])
        self.spec: dict[str, Any] = {"scales": list(self.scales)}

    @property
    def patches(self) -> int:
        """Of one image."""
        return sum((2 * scale - 1) ** 2 for scale in self.scales)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1 or 3, h, w) to (n, patches * d)."""
        cut = torch.stack(patches_of(images, self.scales), dim=1)  # (n, patches, c, h, w)
        said = self._whole(self, cut.flatten(0, 1))
        return said.reshape(images.shape[0], -1)


def patches_of(images: Tensor, scales: Sequence[int]) -> list[Tensor]:
    """Patches of images, each of the images' own size: (n, c, h, w) each.

    Args:
        images: (n, c, h, w).
        scales: of each, sides are 1/scale.
    """
    height, width = int(images.shape[-2]), int(images.shape[-1])
    found = []
    for scale in scales:
        if scale == 1:
            found.append(images)
            continue
        rows, columns = height // scale, width // scale
        for i in range(2 * scale - 1):
            for j in range(2 * scale - 1):
                top = i * (height - rows) // (2 * scale - 2)
                left = j * (width - columns) // (2 * scale - 2)
                part = images[..., top: top + rows, left: left + columns]
                found.append(functional.interpolate(part, size=(height, width), mode="bilinear", align_corners=False))
    return found


class ReluLayer(nn.Module):
    """A linear layer with ReLU, and dropout in training, over features of patches.

    Args:
        features: width of the features.
        width: of the result.
        dropout: share.
    """

    def __init__(self, features: int, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.spec: dict[str, Any] = {"layer": "relu_layer", "features": features, "width": width, "dropout": dropout}
        self.linear = nn.Linear(features, width)
        self.dropout = dropout

    def forward(self, features: Tensor) -> Tensor:
        """(..., d) to (..., width)."""
        value = torch.relu(self.linear(features))
        return functional.dropout(value, self.dropout, self.training) if self.dropout else value


class PatchScores(nn.Module):
    """Logits of a study from its patches: the logarithm of the mean of each class's probability to a power.

    A high power lets the surest patches decide, a power of 1 is their mean. Probabilities are softmax over classes.

    Args:
        features: width of a patch's features.
        outputs: K.
        power: of the probabilities.
    """

    def __init__(self, features: int, outputs: int, power: float) -> None:
        super().__init__()
        self.power = power
        self.spec: dict[str, Any] = {"layer": "patch_scores", "features": features, "outputs": outputs, "power": power}
        self.linear = nn.Linear(features, outputs)

    def each(self, features: Tensor) -> Tensor:
        """Logits of every patch, (n, patches, d) to (n, patches, K)."""
        return self.linear(features)  # type: ignore[no-any-return]

    def forward(self, features: Tensor) -> Tensor:
        """(n, patches, d) to (n, K), float32."""
        logs = torch.log_softmax(self.each(features).float(), dim=2)
        return torch.logsumexp(self.power * logs, dim=1) - torch.log(torch.tensor(float(features.shape[1])))
