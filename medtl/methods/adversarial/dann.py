"""Domain-adversarial training by gradient reversal."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from medtl.functional.reversal import reversal_strength, reverse_gradient
from medtl.methods.base import OPTIONS, Method, Setting, Step
from medtl.methods.discriminator import Discriminator, domain_loss, role_loss, roles, told_apart


@dataclass(frozen=True, config=OPTIONS)
class DANN(Method):
    """A discriminator learns to read the domain off the features, which learn to be unreadable.

    Its cross entropy joins the loss beneath a gradient reversal of strength `weight` · (2 / (1 + exp(-`gamma` p)) - 1),
    p being the share of planned steps done: the discriminator always learns at full rate, the features against it at
    that strength. Each domain counts equally, whatever its share of the batch.

    Args:
        weight: largest strength of the reversal, at least 0.
        gamma: steepness of its ramp.
        hidden: units of each of the discriminator's two hidden layers.
        tells: `role` for source against target (one logit), or `domain` for every site or scanner from every other.

    Reference:
        Ganin et al. 2016, "Domain-Adversarial Training of Neural Networks".
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    gamma: Annotated[float, Field(gt=0)] = 10.0
    hidden: Annotated[int, Field(gt=0)] = 256
    tells: Literal["role", "domain"] = "role"

    needs_target_images: ClassVar[bool] = True

    def build(self, setting: Setting) -> nn.Module:
        """The discriminator."""
        outputs = 1 if self.tells == "role" else len(setting.domains)
        return Discriminator(setting.model.feature_width, self.hidden, outputs, setting.rng("dann"))

    def penalty(self, step: Step) -> Tensor:
        """The discriminator's loss, its gradient reversed beneath the features."""
        strength = self.weight * reversal_strength(step.progress, self.gamma)
        source = reverse_gradient(step.source.features, strength)
        target = reverse_gradient(step.target.features, strength)
        assert step.own is not None
        if self.tells == "role":
            return role_loss(step.own(source), step.own(target))
        return domain_loss(step.own(torch.cat([source, target])), _domains(step))

    def diagnose(self, step: Step) -> Mapping[str, Tensor]:
        """Accuracy of the discriminator on the batch, over all and per site, against chance."""
        assert step.own is not None
        logits, domain = step.own(torch.cat([step.source.features, step.target.features])), _domains(step)
        truth = domain if self.tells == "domain" else roles(len(step.source.features), len(domain), logits.device)
        return told_apart(logits, truth, domain, step.domain_names)


def _domains(step: Step) -> Tensor:
    assert step.pair.target is not None
    return torch.cat([step.pair.source.domain, step.pair.target.domain])
