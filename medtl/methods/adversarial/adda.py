"""Adversarial discriminative domain adaptation: a target encoder that imitates a fixed source encoder."""
from __future__ import annotations

import copy
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.data.batches import Batch, Pair
from medtl.methods.base import OPTIONS, Fit, Method, Setting, Stages, Turn
from medtl.methods.discriminator import Discriminator, role_loss
from medtl.models.model import Model


@dataclass(frozen=True, config=OPTIONS)
class ADDA(Method):
    """Two stages: the source is learned; then a copy of its encoder learns to look like it to a discriminator.

    In the second stage the source encoder is fixed, batch statistics and dropout included, and the classifier is never
    updated. The encoder's loss has inverted labels (target called source), not a reversed gradient. That stage has no
    task loss, so nothing scores its epochs and the last one is kept; the target copy is what predicts everywhere.
    Below a frozen front, what moves is what the other methods leave moving.

    Args:
        epochs: of the second stage; the run's if left out.
        hidden: units of each of the discriminator's two hidden layers.
        encoder_rate: factor of the learning rate of the target encoder in the second stage.
        discriminator_rate: factor of that of new layers for the discriminator; as in the paper both players have the
            same rate, well below that of the first stage.

    Reference:
        Tzeng et al. 2017, "Adversarial Discriminative Domain Adaptation".
    """

    epochs: Annotated[int, Field(gt=0)] | None = None
    hidden: Annotated[int, Field(gt=0)] = 256
    encoder_rate: Annotated[float, Field(gt=0)] = 0.1
    discriminator_rate: Annotated[float, Field(gt=0)] = 0.1

    needs_target_images: ClassVar[bool] = True
    drops_penalties: ClassVar[bool] = True

    def stages(self, setting: Setting) -> Stages:
        """Fit the source, copy, then let discriminator and target encoder take turns."""
        source = setting.model
        yield Fit("source", source)
        target = copy.deepcopy(source)
        duel = _Duel(source, target, Discriminator(source.feature_width, self.hidden, 1, setting.rng("adda")))
        encoder = tuple(part for name, part in target.parts.items() if name != "head")
        yield Fit(
            "adapt",
            target,
            turns=(
                Turn("discriminator", (duel.discriminator,), duel.discriminator_loss, rate=self.discriminator_rate),
                Turn("encoder", encoder, duel.encoder_loss, rate=self.encoder_rate),
            ),
            frozen=(source, target.parts["head"]),
            target_labels=False,
            epochs=self.epochs,
            forwards=(source,),
        )
        return target


class _Duel:
    """Both losses of the second stage; the target is forwarded once per pair for the two of them."""

    def __init__(self, source: Model, target: Model, discriminator: Discriminator) -> None:
        self.source, self.target, self.discriminator = source, target, discriminator
        self._pair: Pair | None = None
        self._features = torch.empty(0)

    def discriminator_loss(self, pair: Pair, progress: float) -> Tensor:
        """Source is 1, target is 0; features carry no gradient."""
        with torch.no_grad():
            source = self.source.full(pair.source.images, _role(pair.source, 0)).features
        return role_loss(self.discriminator(source), self.discriminator(self._target(pair).detach()))

    def encoder_loss(self, pair: Pair, progress: float) -> Tensor:
        """Target called source."""
        return torch.nn.functional.softplus(-self.discriminator(self._target(pair))).mean()

    def _target(self, pair: Pair) -> Tensor:
        if self._pair is not pair:
            assert pair.target is not None
            self._pair = pair
            self._features = self.target.full(pair.target.images, _role(pair.target, 1)).features
        return self._features


def _role(batch: Batch, number: int) -> Tensor:
    """Which branch of domain-specific batch normalisation the rows take."""
    return torch.full_like(batch.domain, number)
