"""A head per site over shared features, and one answer of them all."""
from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn


class SiteHeads(nn.Module):
    """Linear heads side by side. At inference one of them answers, or the mean of several.

    The mean of scores is taken for classes (its logarithm is the logit), of sigmoids for labels, of values for numbers.

    Args:
        features: width of the features.
        outputs: K of each head.
        heads: how many, in the order of ``Batch.domain``'s numbers.
        first: number of the first head that answers.
        last: number behind the last one; the mean of all of them where there are several.
        activation: ``softmax``, ``sigmoid`` or ``identity``.
    """

    def __init__(
        self, features: int, outputs: int, heads: int, first: int, last: int,
        activation: Literal["softmax", "sigmoid", "identity"],
    ) -> None:
        super().__init__()
        self.outputs, self.first, self.last, self.activation = outputs, first, last, activation
        self.spec: dict[str, Any] = {
            "layer": "site_heads", "features": features, "outputs": outputs, "heads": heads, "first": first,
            "last": last, "activation": activation,
        }
        self.linear = nn.Linear(features, heads * outputs)
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def each(self, features: Tensor) -> Tensor:
        """(n, d) to (n, heads, K)."""
        said: Tensor = self.linear(features).unflatten(1, (-1, self.outputs))
        return self.mean + self.scale * said if self.activation == "identity" else said

    def of(self, features: Tensor, domain: Tensor) -> Tensor:
        """Each study by the head of its own domain: (n, d) and (n,) to (n, K)."""
        return self.each(features)[torch.arange(len(features), device=features.device), domain]

    def forward(self, features: Tensor) -> Tensor:
        """(n, d) to (n, K), by the heads that answer."""
        some = self.each(features)[:, self.first: self.last]
        if self.last - self.first == 1:
            return some[:, 0]
        some = some.float()
        if self.activation == "softmax":
            return torch.log(torch.softmax(some, dim=2).mean(dim=1).clamp_min(1e-6))
        if self.activation == "sigmoid":
            share = torch.sigmoid(some).mean(dim=1).clamp(1e-6, 1.0 - 1e-6)
            return torch.log(share) - torch.log1p(-share)
        return some.mean(dim=1)
