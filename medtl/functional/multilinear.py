"""Features and predictions joined multiplicatively: in full, or at random where that would be too wide."""
from __future__ import annotations

import torch
from torch import Tensor


def multilinear(features: Tensor, scores: Tensor) -> Tensor:
    """The outer product of each row's features and scores.

    Args:
        features: (n, d).
        scores: (n, K).

    Returns:
        float32, (n, d K).

    Reference:
        Long et al. 2018, "Conditional Adversarial Domain Adaptation".
    """
    return (features.float()[:, :, None] * scores.float()[:, None, :]).flatten(1)


def randomized_multilinear(features: Tensor, scores: Tensor, of_features: Tensor, of_scores: Tensor) -> Tensor:
    r"""Its random stand-in, :math:`(R_f f) \odot (R_g g) / \sqrt{D}`.

    Inner products of these rows have those of the outer products as their expectation, if the entries of both matrices
    are independent with mean 0 and variance 1.

    Args:
        features: (n, d).
        scores: (n, K).
        of_features: R_f transposed, (d, D).
        of_scores: R_g transposed, (K, D).

    Returns:
        float32, (n, D).

    Reference:
        Long et al. 2018, "Conditional Adversarial Domain Adaptation", the randomized multilinear map.
    """
    with torch.autocast(features.device.type, enabled=False):
        joined: Tensor = (features.float() @ of_features) * (scores.float() @ of_scores)
        scaled: Tensor = joined / of_features.shape[1] ** 0.5
        return scaled
