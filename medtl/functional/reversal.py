"""Gradient reversal: what a discriminator learns downhill, the features below it learn uphill."""
from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0] * -ctx.strength, None


def reverse_gradient(features: Tensor, strength: float) -> Tensor:
    """Identity forwards; backwards the gradient times minus ``strength``.

    What stands above it keeps its own gradient, whatever the strength.

    Args:
        features: any shape.
        strength: at least 0; 0 cuts the gradient.

    Returns:
        ``features``.

    Reference:
        Ganin & Lempitsky 2015, "Unsupervised Domain Adaptation by Backpropagation".
    """
    reversed_: Tensor = _Reversal.apply(features, strength)
    return reversed_


def reversal_strength(progress: float, gamma: float = 10.0) -> float:
    r"""The usual ramp of the reversal, :math:`2 / (1 + e^{-\gamma p}) - 1`.

    Args:
        progress: share of the planned steps that is done, in [0, 1].
        gamma: steepness, above 0.

    Returns:
        In [0, 1): 0 at the start.

    Reference:
        Ganin et al. 2016, "Domain-Adversarial Training of Neural Networks", the schedule of the image experiments.
    """
    return math.tanh(gamma * progress / 2.0)
