"""From the features of a study's slices to the features of the study, whatever the order of the slices."""
from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class MeanPooling(nn.Module):
    """Mean over slices."""

    def forward(self, slices: Tensor) -> Tensor:
        """(n, slices, d) to (n, d)."""
        return slices.mean(dim=1)


class MaxPooling(nn.Module):
    """Maximum over slices, per feature."""

    def forward(self, slices: Tensor) -> Tensor:
        """(n, slices, d) to (n, d)."""
        return slices.amax(dim=1)


class AttentionPooling(nn.Module):
    """Gated attention: a = softmax over slices of w'(tanh(V h) * sigmoid(U h)); the study is the sum of a h.

    Args:
        width: features per slice.
        hidden: width of V and U.

    Reference:
        Ilse, Tomczak & Welling 2018, "Attention-based deep multiple instance learning", equation 9.
    """

    def __init__(self, width: int, hidden: int = 128) -> None:
        super().__init__()
        self.value = nn.Linear(width, hidden)
        self.gate = nn.Linear(width, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def attention(self, slices: Tensor) -> Tensor:
        """Weights of the slices: (n, slices, d) to (n, slices), each row summing to 1."""
        gated = torch.tanh(self.value(slices)) * torch.sigmoid(self.gate(slices))
        return torch.softmax(self.score(gated).squeeze(-1), dim=1)

    def forward(self, slices: Tensor) -> Tensor:
        """(n, slices, d) to (n, d)."""
        return (self.attention(slices).unsqueeze(-1) * slices).sum(dim=1)


class PatchPooling(nn.Module):
    """No pooling: every patch of every slice stays, for a head that scores patches.

    Args:
        width: features of a patch.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, slices: Tensor) -> Tensor:
        """(n, slices, patches * d) to (n, slices * patches, d)."""
        return slices.reshape(slices.shape[0], -1, self.width)


def build_pooling(name: Literal["mean", "max", "attention", "patches"], width: int) -> nn.Module:
    """The pooling that the config (or, for ``patches``, a method) names, for features of this width."""
    if name == "patches":
        return PatchPooling(width)
    if name == "attention":
        return AttentionPooling(width)
    return MeanPooling() if name == "mean" else MaxPooling()
