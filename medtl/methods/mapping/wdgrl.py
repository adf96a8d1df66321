"""Wasserstein distance guided representation learning: a critic measures how far apart the features are."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from medtl.data.batches import Pair
from medtl.functional.wasserstein import critic_gap, gradient_penalty, points_between
from medtl.methods.base import MAIN, OPTIONS, Fit, Method, Setting, Stages, Step, Turn
from medtl.methods.discriminator import Discriminator
from medtl.methods.kept import Kept
from medtl.methods.opponents import PairFeatures, answer_of

_CRITICS = Kept()


@dataclass(frozen=True, config=OPTIONS)
class WDGRL(Method):
    """Adds the critic's estimate of the 1-Wasserstein distance between source and target features.

    Before each step of the network the critic takes several of its own, on detached features: it widens the gap of its
    mean scores while a penalty holds its gradient's norm near 1 at source, target and points on the lines between. The
    network lowers the gap without the penalty, the critic held still. The critic has neither sigmoid nor batch
    normalisation, and learns at the rate of new layers times `critic_rate`.

    Args:
        weight: factor of the distance in the network's loss, at least 0.
        hidden: units of each of the critic's two hidden layers.
        critic_steps: moves of the critic per move of the network.
        gradient_penalty: factor of the penalty in the critic's loss, above 0.
        critic_rate: factor of the critic's learning rate.

    Reference:
        Shen et al. 2018, "Wasserstein Distance Guided Representation Learning for Domain Adaptation", algorithm 1.
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    hidden: Annotated[int, Field(gt=0)] = 128
    critic_steps: Annotated[int, Field(gt=0)] = 5
    gradient_penalty: Annotated[float, Field(gt=0)] = 10.0
    critic_rate: Annotated[float, Field(gt=0)] = 1.0

    needs_target_images: ClassVar[bool] = True

    def build(self, setting: Setting) -> nn.Module:
        """The critic."""
        critic = Discriminator(setting.model.feature_width, self.hidden, 1, setting.rng("wdgrl"))
        return _CRITICS.put(setting.model, critic)

    def stages(self, setting: Setting) -> Stages:
        """One fit in which the critic moves before the network."""
        built = _CRITICS.take(setting.model)
        critic = built if built is not None else self.build(setting)
        features = PairFeatures(setting.model)

        def critic_loss(pair: Pair, progress: float) -> Tensor:
            return self.critic_loss(critic, *features(pair))

        turn = Turn("critic", (critic,), critic_loss, steps=self.critic_steps, rate=self.critic_rate)
        yield Fit("fit", setting.model, turns=(turn, MAIN), forwards=())
        return setting.model

    def critic_loss(self, critic: nn.Module, source: Tensor, target: Tensor) -> Tensor:
        """What the critic lowers: the gap with its sign turned, plus the gradient penalty.

        Args:
            critic: features to scores.
            source: features, (n, d), without gradient.
            target: features, (m, d), without gradient.
        """
        share = torch.rand(min(len(source), len(target)), 1).to(source.device)  # of the CPU's stream on every device
        with torch.autocast(source.device.type, enabled=False):
            source, target = source.float(), target.float()
            slope = gradient_penalty(critic, points_between(source, target, share))
            return self.gradient_penalty * slope - critic_gap(critic(source), critic(target))

    def penalty(self, step: Step) -> Tensor:
        """Weight times the gap, the critic held still."""
        assert step.own is not None
        gap = critic_gap(answer_of(step.own, step.source.features), answer_of(step.own, step.target.features))
        return self.weight * gap

    def diagnose(self, step: Step) -> Mapping[str, Tensor]:
        """The critic's estimate of the distance."""
        assert step.own is not None
        return {"distance": critic_gap(step.own(step.source.features), step.own(step.target.features))}
