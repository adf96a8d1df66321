"""Turns against the network: features that an opponent learns on, and its answers without touching it."""
from __future__ import annotations

import torch
from torch import Tensor, nn

from medtl.data.batches import Pair
from medtl.models import bn
from medtl.models.model import Model


class PairFeatures:
    """Features of a pair, without gradient and without leaving a trace in batch statistics; once per pair.

    Args:
        model: the network that is fitted, in whatever mode the fit has put it.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._pair: Pair | None = None
        self._features = (torch.empty(0), torch.empty(0))

    def __call__(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Features of the source, (n, d), and of the target, (m, d)."""
        if self._pair is not pair:
            assert pair.target is not None
            with torch.no_grad(), bn.untracked(self.model):
                source, target = self.model.pair(pair.source.images, pair.target.images)
            assert target is not None
            self._pair, self._features = pair, (source.features, target.features)
        return self._features


def answer_of(opponent: nn.Module, features: Tensor) -> Tensor:
    """What an opponent says of features, its own parameters held still: the gradient goes down only.

    Args:
        opponent: of the features.
        features: (n, d).

    Returns:
        As ``opponent`` returns.
    """
    still = {name: parameter.detach() for name, parameter in opponent.named_parameters()}
    answer: Tensor = torch.func.functional_call(opponent, still, (features,))
    return answer
