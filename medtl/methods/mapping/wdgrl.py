"""Wasserstein distance guided representation learning: a critic measures how far apart the features are."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from medtl.methods.layers import layer_widths
from medtl.methods.opponents import PairFeatures, answer_of

_CRITICS = Kept()


@dataclass(frozen=True, config=OPTIONS)
class WDGRL(Method):
    """Adds a critic's estimate of the 1-Wasserstein distance between source and target features, per layer.

    Before each step of the network the critic takes several of its own, on detached features: it widens the gap of its
    mean scores while a penalty holds its gradient's norm near 1 at source, target and points on the lines between. The
    network lowers the gap without the penalty, the critic held still. The critic has neither sigmoid nor batch
    normalisation, and learns at the rate of new layers times `critic_rate`.

    Args:
        weight: factor of the distance in the network's loss, at least 0.
        layers: what is aligned, each by a critic of its own: `features` (the paper's), `outputs`, or parts of the
            network. Their distances are added up.
        hidden: units of each of the critic's two hidden layers.
        critic_steps: moves of the critic per move of the network.
        gradient_penalty: factor of the penalty in the critic's loss, above 0.
        critic_rate: factor of the critic's learning rate.

    Reference:
        Shen et al. 2018, "Wasserstein Distance Guided Representation Learning for Domain Adaptation", algorithm 1.
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features",)
    hidden: Annotated[int, Field(gt=0)] = 128
    critic_steps: Annotated[int, Field(gt=0)] = 5
    gradient_penalty: Annotated[float, Field(gt=0)] = 10.0
    critic_rate: Annotated[float, Field(gt=0)] = 1.0

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The aligned layers."""
        return self.layers

    def build(self, setting: Setting) -> nn.Module:
        """The critics."""
        critics = Critics(layer_widths(setting, self.layers), self.hidden, setting.rng("wdgrl"))
        return _CRITICS.put(setting.model, critics)

    def stages(self, setting: Setting) -> Stages:
        """One fit in which the critics move before the network."""
        built = _CRITICS.take(setting.model)
        critics = built if built is not None else self.build(setting)
        activations = PairFeatures(setting.model, self.layers)

        def loss(pair: Pair, progress: float) -> Tensor:
            source, target = activations(pair)
            assert isinstance(critics, Critics)
            terms = [self.critic_loss(*each) for each in zip(critics.levels, source, target, strict=True)]
            return torch.stack(terms).sum()

        turn = Turn("critic", (critics,), loss, steps=self.critic_steps, rate=self.critic_rate)
        yield Fit("fit", setting.model, turns=(turn, MAIN), forwards=())
        return setting.model

    def critic_loss(self, critic: nn.Module, source: Tensor, target: Tensor) -> Tensor:
        """What a critic lowers: the gap with its sign turned, plus the gradient penalty.

        Args:
            critic: of one layer, features to scores.
            source: features, (n, d), without gradient.
            target: features, (m, d), without gradient.
        """
        share = torch.rand(min(len(source), len(target)), 1).to(source.device)  # of the CPU's stream on every device
        with torch.autocast(source.device.type, enabled=False):
            source, target = source.float(), target.float()
            slope = gradient_penalty(critic, points_between(source, target, share))
            return self.gradient_penalty * slope - critic_gap(critic(source), critic(target))

    def penalty(self, step: Step) -> Tensor:
        """Weight times the sum over layers of the gap, the critics held still."""
        return self.weight * self._gap(step)

    def diagnose(self, step: Step) -> Mapping[str, Tensor]:
        """The critics' estimate of the distance."""
        return {"distance": self._gap(step)}

    def _gap(self, step: Step) -> Tensor:
        assert isinstance(step.own, Critics)
        gaps = [
            critic_gap(answer_of(critic, step.source.taps[layer]), answer_of(critic, step.target.taps[layer]))
            for critic, layer in zip(step.own.levels, self.layers, strict=True)
        ]
        return torch.stack(gaps).sum()


class Critics(nn.Module):
    """A critic per layer.

    Args:
        widths: of the layers.
        hidden: units of each hidden layer.
        seed: of the initial weights.
    """

    def __init__(self, widths: Sequence[int], hidden: int, seed: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(Discriminator(width, hidden, 1, seed + k) for k, width in enumerate(widths))
