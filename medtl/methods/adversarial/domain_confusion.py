"""Domain confusion: a discriminator that learns, and features on which it must shrug."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from medtl.data.batches import Pair
from medtl.functional.confusion import as_classes, confusion_losses, soft_label_loss, soft_labels
from medtl.methods.base import MAIN, OPTIONS, Fit, Method, Setting, Stages, Step, Turn
from medtl.methods.discriminator import Discriminator, domain_loss, role_loss, roles, told_apart
from medtl.methods.kept import Kept
from medtl.methods.kinds import CLASSES, only_for
from medtl.methods.opponents import PairFeatures, answer_of
from medtl.models.model import Model

_DISCRIMINATORS = Kept()


@dataclass(frozen=True, config=OPTIONS)
class DomainConfusion(Method):
    """Alternates: the discriminator learns to tell domains apart; the network learns to make its answer uniform.

    Unlike a reversed gradient, the network's aim has an optimum where the domains look the same. Where target labels
    may be seen, each labelled target study is also pulled towards the softened predictions that source studies of its
    class get. These soft labels are means over the batch (the paper's are over the whole source), without gradient.

    Args:
        weight: factor λ of the confusion loss, at least 0.
        soft_labels: factor ν of the soft label loss, at least 0; without visible target labels it does nothing.
        temperature: τ of the softened predictions.
        hidden: units of each of the discriminator's two hidden layers.
        tells: `role` for source against target (one logit), or `domain` for every site or scanner from every other.
        discriminator_steps: moves of the discriminator per move of the network.

    Reference:
        Tzeng et al. 2015, "Simultaneous Deep Transfer Across Domains and Tasks".
    """

    weight: Annotated[float, Field(ge=0)] = 0.1
    soft_labels: Annotated[float, Field(ge=0)] = 0.1
    temperature: Annotated[float, Field(gt=0)] = 2.0
    hidden: Annotated[int, Field(gt=0)] = 256
    tells: Literal["role", "domain"] = "role"
    discriminator_steps: Annotated[int, Field(gt=0)] = 1

    needs_target_images: ClassVar[bool] = True

    def check(self, model: Model) -> tuple[str, ...]:
        """Soft labels need one class per study."""
        return only_for("domain_confusion with soft_labels", CLASSES, model) if self.soft_labels else ()

    def build(self, setting: Setting) -> nn.Module:
        """The discriminator."""
        outputs = 1 if self.tells == "role" else len(setting.domains)
        own = Discriminator(setting.model.feature_width, self.hidden, outputs, setting.rng("domain_confusion"))
        return _DISCRIMINATORS.put(setting.model, own)

    def stages(self, setting: Setting) -> Stages:
        """One fit in which discriminator and network take turns."""
        built = _DISCRIMINATORS.take(setting.model)
        own = built if built is not None else self.build(setting)
        features = PairFeatures(setting.model)

        def loss(pair: Pair, progress: float) -> Tensor:
            (source,), (target,) = features(pair)
            return self.discriminator_loss(own, source, target, pair)

        turn = Turn("discriminator", (own,), loss, steps=self.discriminator_steps)
        yield Fit("fit", setting.model, turns=(turn, MAIN), forwards=())
        return setting.model

    def discriminator_loss(self, discriminator: nn.Module, source: Tensor, target: Tensor, pair: Pair) -> Tensor:
        """Cross entropy of the domains, each counting equally.

        Args:
            discriminator: features to logits.
            source: features, (n, d), without gradient.
            target: features, (m, d), without gradient.
            pair: names the domains.
        """
        if self.tells == "role":
            return role_loss(discriminator(source), discriminator(target))
        return domain_loss(discriminator(torch.cat([source, target])), _domains(pair))

    def penalty(self, step: Step) -> Tensor:
        """Confusion and soft label loss, the discriminator held still."""
        assert step.own is not None
        confused = confusion_losses(answer_of(step.own, torch.cat([step.source.features, step.target.features])))
        n = len(step.source.features)
        penalty = self.weight * 0.5 * (confused[:n].mean() + confused[n:].mean())
        if not self.soft_labels:
            return penalty
        assert step.pair.target is not None
        rows, classes = as_classes(step.pair.source.labels, step.pair.source.known)
        soft, present = soft_labels(step.source.outputs[rows], classes, self.temperature)
        rows, classes = as_classes(step.pair.target.labels, step.pair.target.known)
        pulled = soft_label_loss(step.target.outputs[rows], classes, soft, present, self.temperature)
        return penalty + self.soft_labels * pulled

    def diagnose(self, step: Step) -> Mapping[str, Tensor]:
        """Accuracy of the discriminator on the batch, over all and per site, against chance."""
        assert step.own is not None
        logits, domain = step.own(torch.cat([step.source.features, step.target.features])), _domains(step.pair)
        truth = domain if self.tells == "domain" else roles(len(step.source.features), len(domain), logits.device)
        return told_apart(logits, truth, domain, step.domain_names)


def _domains(pair: Pair) -> Tensor:
    assert pair.target is not None
    return torch.cat([pair.source.domain, pair.target.domain])
