"""Low-rank additions to frozen weights, merged into them when they have learned."""
from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """A weight W plus scale times B A, of its first axis against all others; zero at the start.

    Args:
        weight: W, (out, ...), frozen.
        rank: of B A, at least 1.
        scale: factor of B A.
    """

    def __init__(self, weight: Tensor, rank: int, scale: float) -> None:
        super().__init__()
        inner = weight[0].numel()
        self.shape, self.scale = tuple(weight.shape), scale
        self.down = nn.Parameter(torch.empty(rank, inner, device=weight.device))
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank, device=weight.device))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        """W + scale B A, of W's shape."""
        return weight + self.scale * (self.up @ self.down).reshape(self.shape).to(weight.dtype)


def adaptable(part: nn.Module, rank: int) -> list[nn.Module]:
    """Linear layers and ungrouped convolutions for which an addition of this rank is smaller than the weight."""
    found: list[nn.Module] = []
    for module in part.modules():
        grouped = getattr(module, "groups", 1) != 1
        weight = getattr(module, "weight", None)
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)) and not grouped and weight is not None:
            rows, inner = weight.shape[0], weight[0].numel()
            if rank * (rows + inner) < rows * inner:
                found.append(module)
    return found


def add(modules: Iterable[nn.Module], rank: int, scale: float) -> list[nn.Parameter]:
    """Puts a :class:`LowRank` on each module's weight, which is frozen; returns what learns.

    Args:
        modules: with a ``weight``.
        rank: of each addition.
        scale: of each addition.
    """
    learning: list[nn.Parameter] = []
    for module in modules:
        weight = module.weight
        assert isinstance(weight, Tensor)
        addition = LowRank(weight, rank, scale)
        parametrize.register_parametrization(module, "weight", addition)
        module.parametrizations.weight.original.requires_grad_(False)  # type: ignore[union-attr]
        learning += [addition.down, addition.up]
    return learning


def merge(modules: Iterable[nn.Module]) -> None:
    """Writes each addition into its weight; the modules are ordinary again."""
    for module in modules:
        parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
