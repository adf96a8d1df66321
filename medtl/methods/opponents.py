"""Turns against the network: features that an opponent learns on, and its answers without touching it."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from medtl.data.batches import Pair
from medtl.models import bn
from medtl.models.model import Model

Layers = tuple[Tensor, ...]
"""Activations of one batch, per layer."""


class PairFeatures:
    """Activations of a pair, without gradient and without leaving a trace in batch statistics; once per pair.

    Args:
        model: the network that is fitted, in whatever mode the fit has put it.
        layers: ``features``, ``outputs`` or parts of the network.
    """

    def __init__(self, model: Model, layers: Sequence[str] = ("features",)) -> None:
        self.model = model
        self.layers = tuple(layers)
        self._pair: Pair | None = None
        self._found: tuple[Layers, Layers] = ((), ())

    def __call__(self, pair: Pair) -> tuple[Layers, Layers]:
        """Per layer, activations of the source, (n, d_l), and of the target, (m, d_l)."""
        if self._pair is not pair:
            assert pair.target is not None
            with torch.no_grad(), bn.untracked(self.model):
                source, target = self.model.pair(pair.source.images, pair.target.images, self.layers)
            assert target is not None
            first, second = (tuple(said.taps[layer] for layer in self.layers) for said in (source, target))
            self._pair, self._found = pair, (first, second)
        return self._found


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
