"""The head of a regression: values in their own unit, learned in standard deviations from their mean."""
from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from medtl.functional.boosting.median import HALF


class ValueHead(nn.Module):
    """Mean + scale times a linear map; the two numbers are buffers, 0 and 1 until they are set.

    Args:
        features: width of the features.
        outputs: how many values.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int, outputs: int = 1) -> None:
        super().__init__()
        self.spec: dict[str, Any] = {"layer": "value", "features": features, "outputs": outputs}
        self.linear = nn.Linear(features, outputs)
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        """(n, d) to (n, outputs)."""
        values: Tensor = self.mean + self.scale * self.linear(features)
        return values


class MedianHead(nn.Module):
    """The weighted median of linear regressors: the smallest answer with at least half of the votes at or below it.

    Args:
        features: width of the features.
        learners: how many.
    """

    votes: Tensor

    def __init__(self, features: int, learners: int) -> None:
        super().__init__()
        self.spec: dict[str, Any] = {"layer": "median", "features": features, "learners": learners}
        self.linear = nn.Linear(features, learners)
        self.register_buffer("votes", torch.full((learners,), 1.0 / learners))

    def forward(self, features: Tensor) -> Tensor:
        """(n, d) to (n, 1), float32."""
        said = torch.nn.functional.linear(features.float(), self.linear.weight, self.linear.bias)
        ordered, order = torch.sort(said, dim=1)
        below = self.votes[order].cumsum(dim=1)
        place = (below < HALF).to(torch.int64).sum(dim=1, keepdim=True)
        return torch.gather(ordered, 1, place)


def fresh_values(head: ValueHead, features: int) -> ValueHead:
    """A head of another width for the same values, its linear map at a random start of the global generator."""
    fresh = ValueHead(features, head.linear.out_features)
    fresh.mean.copy_(head.mean)
    fresh.scale.copy_(head.scale)
    return fresh
