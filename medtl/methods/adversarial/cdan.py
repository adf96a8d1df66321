"""Conditional domain-adversarial training: the discriminator sees features together with predictions."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from medtl.functional.entropy import prediction_entropy
from medtl.functional.multilinear import multilinear, randomized_multilinear
from medtl.functional.reversal import reversal_strength, reverse_gradient
from medtl.methods.base import OPTIONS, Method, Setting, Step
from medtl.methods.discriminator import Discriminator, told_apart
from medtl.methods.kinds import only_for
from medtl.models.model import Model

WIDEST = 4096
"""Width of the outer product above which it is replaced by its random stand-in."""


@dataclass(frozen=True, config=OPTIONS)
class CDAN(Method):
    """A discriminator reads the domain off the outer product of features and detached scores, beneath a reversal.

    So the domains are compared class by class, as far as the predictions know the class. With `entropy` (CDAN+E) sure
    predictions count more: 1 + exp(-H), normalised within each domain. An outer product wider than 4,096 is replaced by
    a randomized one, whose matrices are fixed.

    Args:
        weight: largest strength of the reversal, at least 0.
        gamma: steepness of its ramp.
        hidden: units of each of the discriminator's two hidden layers.
        tells: `role` for source against target (one logit), or `domain` for every site or scanner from every other.
        entropy: weigh studies by how sure their prediction is.
        detach_entropy: hold these weights still. False is the original, which also sends the reversed gradient through
            them, so that predictions may be made less sure to fool the discriminator.
        random_width: width D of the randomized map.

    Reference:
        Long et al. 2018, "Conditional Adversarial Domain Adaptation".
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    gamma: Annotated[float, Field(gt=0)] = 10.0
    hidden: Annotated[int, Field(gt=0)] = 256
    tells: Literal["role", "domain"] = "role"
    entropy: bool = True
    detach_entropy: bool = True
    random_width: Annotated[int, Field(gt=0)] = 1024

    needs_target_images: ClassVar[bool] = True

    def check(self, model: Model) -> tuple[str, ...]:
        """A regression has no class scores to condition on."""
        return only_for("cdan", ("binary", "multiclass", "multilabel"), model)

    def build(self, setting: Setting) -> nn.Module:
        """The discriminator and, where the outer product is too wide, the random matrices."""
        outputs = 1 if self.tells == "role" else len(setting.domains)
        return Conditional(
            setting.model.feature_width, len(setting.task.score_names), self.hidden, outputs, self.random_width,
            setting.rng("cdan"),
        )

    def penalty(self, step: Step) -> Tensor:
        """The discriminator's loss, its gradient reversed beneath the features."""
        strength = self.weight * reversal_strength(step.progress, self.gamma)
        logits = self._logits(step, strength)
        domain = self._domains(step)
        losses = functional.softplus(torch.where(domain[:, None] == 1, -logits, logits))[:, 0] if (
            self.tells == "role") else functional.cross_entropy(logits, domain, reduction="none")
        return weighted_per_domain(losses, self._weights(step, strength), domain, max(2, logits.shape[1]))

    def diagnose(self, step: Step) -> Mapping[str, Tensor]:
        """Accuracy of the discriminator on the batch, over all and per site, against chance."""
        assert step.pair.target is not None
        domain = torch.cat([step.pair.source.domain, step.pair.target.domain])
        return told_apart(self._logits(step, 0.0), self._domains(step), domain, step.domain_names)

    def _logits(self, step: Step, strength: float) -> Tensor:
        assert step.own is not None
        features = reverse_gradient(torch.cat([step.source.features, step.target.features]), strength)
        scores = step.task.activate(torch.cat([step.source.outputs, step.target.outputs])).detach()
        logits: Tensor = step.own(features, scores)
        return logits

    def _weights(self, step: Step, strength: float) -> Tensor:
        outputs = torch.cat([step.source.outputs, step.target.outputs])
        if not self.entropy:
            return torch.ones(len(outputs), device=outputs.device)
        outputs = outputs.detach() if self.detach_entropy else reverse_gradient(outputs, strength)
        return 1.0 + torch.exp(-prediction_entropy(outputs, step.task.kind))

    def _domains(self, step: Step) -> Tensor:
        assert step.pair.target is not None
        source, target = step.pair.source.domain, step.pair.target.domain
        if self.tells == "domain":
            return torch.cat([source, target])
        return torch.cat([torch.ones_like(source), torch.zeros_like(target)])


class Conditional(nn.Module):
    """A discriminator over features joined with scores.

    Args:
        features: width d.
        scores: width K.
        hidden: units of each hidden layer.
        outputs: 1, or the number of domains.
        random_width: D, used where d K is above :data:`WIDEST`.
        seed: of the matrices and the initial weights.
    """

    of_features: Tensor | None
    of_scores: Tensor | None

    def __init__(self, features: int, scores: int, hidden: int, outputs: int, random_width: int, seed: int) -> None:
        super().__init__()
        wide = features * scores > WIDEST
        random = torch.Generator().manual_seed(seed)
        self.register_buffer("of_features", torch.randn(features, random_width, generator=random) if wide else None)
        self.register_buffer("of_scores", torch.randn(scores, random_width, generator=random) if wide else None)
        self.discriminator = Discriminator(random_width if wide else features * scores, hidden, outputs, seed)

    def forward(self, features: Tensor, scores: Tensor) -> Tensor:
        """(n, d) and (n, K) to logits, float32, (n, outputs)."""
        if self.of_features is None or self.of_scores is None:
            return self.discriminator(multilinear(features, scores))  # type: ignore[no-any-return]
        joined = randomized_multilinear(features, scores, self.of_features, self.of_scores)
        return self.discriminator(joined)  # type: ignore[no-any-return]


def weighted_per_domain(losses: Tensor, weights: Tensor, domain: Tensor, domains: int) -> Tensor:
    """Mean over the domains present of each domain's weighted mean.

    Args:
        losses: (n,).
        weights: positive, (n,).
        domain: int64, (n,), in [0, domains).
        domains: how many there are.
    """
    members = functional.one_hot(domain, domains).to(losses.dtype) * weights[:, None]  # (n, domains)
    mass = members.sum(dim=0)
    present = mass > 0
    means = (losses[:, None] * members).sum(dim=0) / torch.where(present, mass, torch.ones_like(mass))
    return means.sum() / present.sum()
