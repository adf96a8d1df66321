"""Heads that many linear learners, or stored neighbours, answer through; described like any layer of a method."""
from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from medtl.models.model import Model
from medtl.models.site_heads import SiteHeads
from medtl.models.values import MedianHead

FLOOR = 1e-6
"""Least share of a class, so that logits stay finite."""


class VoteHead(nn.Module):
    r"""Logits whose softmax is the weighted vote of linear learners: log of Σ_t vote_t · answer_t(x).

    An answer is the softmax of a learner's logits (``soft``), or 1 for the class of its largest (``hard``).

    Args:
        features: width of the features.
        classes: K.
        learners: T.
        vote: ``soft`` or ``hard``.
    """

    votes: Tensor

    def __init__(self, features: int, classes: int, learners: int, vote: Literal["soft", "hard"]) -> None:
        super().__init__()
        self.vote, self.classes = vote, classes
        self.spec: dict[str, Any] = {
            "layer": "votes", "features": features, "classes": classes, "learners": learners, "vote": vote
        }
        self.linear = nn.Linear(features, learners * classes)
        self.register_buffer("votes", torch.full((learners,), 1.0 / learners))

    def forward(self, features: Tensor) -> Tensor:
        """(n, d) to (n, K), float32."""
        said = torch.nn.functional.linear(features.float(), self.linear.weight, self.linear.bias)
        said = said.reshape(-1, self.votes.shape[0], self.classes)
        if self.vote == "soft":
            answers = torch.softmax(said, dim=2)
        else:
            answers = (said >= said.amax(dim=2, keepdim=True)).float()
        shares = (answers * self.votes[None, :, None]).sum(dim=1)
        return torch.log(shares.clamp_min(FLOOR))


class NearestHead(nn.Module):
    """Logits by the nearest stored neighbour of each class under a linear map: minus its squared distance over a scale.

    Args:
        features: width of the features, d.
        width: of the map.
        neighbours: how many are stored.
        classes: K.
    """

    matrix: Tensor
    offset: Tensor
    places: Tensor
    of_class: Tensor
    scale: Tensor

    def __init__(self, features: int, width: int, neighbours: int, classes: int) -> None:
        super().__init__()
        self.spec: dict[str, Any] = {
            "layer": "nearest", "features": features, "width": width, "neighbours": neighbours, "classes": classes
        }
        self.register_buffer("matrix", torch.zeros(width, features))
        self.register_buffer("offset", torch.zeros(width))
        self.register_buffer("places", torch.zeros(neighbours, width))
        self.register_buffer("of_class", torch.zeros(classes, neighbours))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        """(n, d) to (n, K), float32."""
        rows = features.float() @ self.matrix.T + self.offset
        squared = rows.square().sum(dim=1, keepdim=True) + self.places.square().sum(dim=1) - 2.0 * rows @ self.places.T
        far = (1.0 - self.of_class) * 1e12  # (classes, neighbours)
        nearest = (squared.clamp_min(0.0)[:, None, :] + far[None]).amin(dim=2)
        return -nearest / self.scale


def with_head(model: Model, head: VoteHead | NearestHead | MedianHead | SiteHeads) -> Model:
    """The same network with another head; everything else is shared, not copied.

    Args:
        model: left as it is.
        head: takes its features.
    """
    description = model.describe()
    description.pop("branch")
    description["head"] = head.spec
    device = next(model.parameters()).device
    return Model(
        model.encoder, model.pooling, model.adaptation, head.to(device), model.treatment, description
    ).eval()
