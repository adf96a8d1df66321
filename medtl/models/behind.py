"""Layers that methods put between the features and the head: fixed maps and codes, described so that a stored network
can be built again.

A layer's ``spec`` is JSON-able and holds sizes only; its numbers are parameters and buffers, and are stored with the
network's. :func:`extend` puts layers into a network, :func:`build_layer` makes them again from their specs.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from medtl.models.patched import PatchScores, ReluLayer
from medtl.models.site_heads import SiteHeads
from medtl.models.values import MedianHead, ValueHead
from medtl.models.votes import NearestHead, VoteHead


class Affine(nn.Module):
    """A fixed affine map, x to A x + b; zero until it is set.

    Args:
        features: width of the features.
        width: of the result.
    """

    matrix: Tensor
    offset: Tensor

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.spec: dict[str, Any] = {"layer": "affine", "features": features, "width": width}
        self.register_buffer("matrix", torch.zeros(width, features))
        self.register_buffer("offset", torch.zeros(width))

    def forward(self, features: Tensor) -> Tensor:
        """(n, d) to (n, width), float32."""
        with _float32(features):
            return features.float() @ self.matrix.T + self.offset


class KernelProjection(nn.Module):
    r"""Gaussian kernel values with fixed landmarks, times fixed weights: :math:`k(x, L)\, W + c`.

    The kernel is exp(-γ |x - l|²) of features less ``mean`` over ``scale``.

    Args:
        features: width of the features, d.
        landmarks: how many rows L has.
        width: of the result.
    """

    mean: Tensor
    scale: Tensor
    gamma: Tensor
    landmarks: Tensor
    weights: Tensor
    offset: Tensor

    def __init__(self, features: int, landmarks: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.spec: dict[str, Any] = {
            "layer": "kernel_projection", "features": features, "landmarks": landmarks, "width": width
        }
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("gamma", torch.ones(()))
        self.register_buffer("landmarks", torch.zeros(landmarks, features))
        self.register_buffer("weights", torch.zeros(landmarks, width))
        self.register_buffer("offset", torch.zeros(width))

    def forward(self, features: Tensor) -> Tensor:
        """(n, d) to (n, width), float32."""
        with _float32(features):
            rows = (features.float() - self.mean) / self.scale
            norms = rows.square().sum(dim=1, keepdim=True) + self.landmarks.square().sum(dim=1)
            kernel = torch.exp(-self.gamma * (norms - 2.0 * rows @ self.landmarks.T).clamp_min(0.0))
            return kernel @ self.weights + self.offset


class Standardise(nn.Module):
    """Features less their means, times a factor each; 0 where a feature does not vary.

    Args:
        features: width of the features, and of the result.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = features
        self.spec: dict[str, Any] = {"layer": "standardise", "features": features}
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("factor", torch.ones(features))

    def forward(self, features: Tensor) -> Tensor:
        """(n, d) to (n, d), float32."""
        with _float32(features):
            return (features.float() - self.mean) * self.factor


class Hash(nn.Module):
    """Features to codes in (-1, 1): a linear layer and tanh.

    Args:
        features: width of the features.
        width: bits of the code.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.spec: dict[str, Any] = {"layer": "hash", "features": features, "width": width}
        self.linear = nn.Linear(features, width)

    def forward(self, features: Tensor) -> Tensor:
        """(n, d) to (n, bits)."""
        return torch.tanh(self.linear(features))


class CodeHead(nn.Module):
    r"""Logits by likeness to stored codes of each class, :math:`\log \sum_k \exp \langle u, u_k^c \rangle`.

    Their softmax is the share of each class among the stored codes, each counted by its likeness.

    Args:
        classes: number of classes.
        each: stored codes per class.
        width: bits of a code.
    """

    codes: Tensor

    def __init__(self, classes: int, each: int, width: int) -> None:
        super().__init__()
        self.spec: dict[str, Any] = {"layer": "codes", "classes": classes, "each": each, "width": width}
        self.register_buffer("codes", torch.zeros(classes, each, width))

    def forward(self, codes: Tensor) -> Tensor:
        """(n, bits) to (n, classes), float32."""
        classes, each, width = self.codes.shape
        with _float32(codes):
            likeness = codes.float() @ self.codes.reshape(classes * each, width).T
            return torch.logsumexp(likeness.reshape(-1, classes, each), dim=2)


def _float32(features: Tensor) -> AbstractContextManager[None]:
    """Full precision within it; nothing where it is not needed, so that exports are traced without it."""
    kind = features.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()


_KINDS: dict[str, type[nn.Module]] = {
    "affine": Affine, "kernel_projection": KernelProjection, "standardise": Standardise, "hash": Hash,
    "codes": CodeHead,
    "votes": VoteHead, "nearest": NearestHead, "value": ValueHead, "median": MedianHead,
    "site_heads": SiteHeads, "relu_layer": ReluLayer, "patch_scores": PatchScores,
}


def build_layer(spec: Mapping[str, Any]) -> nn.Module:
    """A layer of these sizes, its numbers not set.

    Args:
        spec: a layer's ``spec``.
    """
    sizes = dict(spec)
    return _KINDS[sizes.pop("layer")](**sizes)


def behind(adaptation: nn.Module | None, layers: Sequence[nn.Module]) -> nn.Module | None:
    """The adaptation layer with further layers behind it; names of the layers that were there stay.

    Args:
        adaptation: or None.
        layers: to come behind it.
    """
    if not layers:
        return adaptation
    before = [] if adaptation is None else list(adaptation.children())
    return nn.Sequential(*before, *layers)
