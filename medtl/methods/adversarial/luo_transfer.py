"""Label-efficient transfer: an adversary over several layers, and similarities instead of shared classes."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from medtl.functional.confusion import as_classes
from medtl.functional.reversal import reversal_strength, reverse_gradient
from medtl.functional.semantics import prototypes, similarities, similarity_entropy
from medtl.methods.base import OPTIONS, Method, Setting, Step
from medtl.methods.discriminator import Discriminator, domain_loss, role_loss, roles, told_apart
from medtl.methods.kinds import CLASSES, only_for
from medtl.methods.layers import layer_widths
from medtl.models.model import Model


@dataclass(frozen=True, config=OPTIONS)
class LuoTransfer(Method):
    """Joins a stacked domain adversary and a semantic term that needs few target labels or none.

    The discriminator of each layer sees that layer and the answer of the one before; all stand on a reversed gradient.
    The semantic term pulls each unlabelled target study towards few labelled source studies (entropy of its
    similarities), each labelled one towards its class's mean of labelled target studies, and each unlabelled one
    towards few of these means. Means and similarities are within the batch. Classes that only one domain has disturb
    the adversary, not the semantic term.

    Args:
        weight: factor of both terms, at least 0: the largest strength of the reversal, and a factor of the semantics.
        semantic: factor of the semantic term beside the adversary.
        layers: of the stack, front to back: parts of the network, `features`, `outputs`.
        gamma: steepness of the reversal's ramp.
        hidden: units of each discriminator's two hidden layers.
        tells: `role` for source against target (one logit), or `domain` for every site or scanner from every other.
        temperature: τ of the similarities.
        normalise: compare directions of features; False is the plain inner product.

    Reference:
        Luo et al. 2017, "Label Efficient Learning of Transferable Representations across Domains and Tasks".
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    semantic: Annotated[float, Field(ge=0)] = 0.1
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features", "outputs")
    gamma: Annotated[float, Field(gt=0)] = 10.0
    hidden: Annotated[int, Field(gt=0)] = 128
    tells: Literal["role", "domain"] = "role"
    temperature: Annotated[float, Field(gt=0)] = 0.1
    normalise: bool = True

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The stack's layers, and the features."""
        return tuple(dict.fromkeys((*self.layers, "features")))

    def check(self, model: Model) -> tuple[str, ...]:
        """Prototypes need one class per study."""
        return only_for("luo_transfer with semantic", CLASSES, model) if self.semantic else ()

    def build(self, setting: Setting) -> nn.Module:
        """The stack of discriminators."""
        outputs = 1 if self.tells == "role" else len(setting.domains)
        return Stack(layer_widths(setting, self.layers), self.hidden, setting.rng("luo_transfer"), outputs)

    def penalty(self, step: Step) -> Tensor:
        """Losses of all discriminators, reversed beneath the layers, plus the semantic term."""
        strength = self.weight * reversal_strength(step.progress, self.gamma)
        said = self._said(step, strength)
        n, domain = len(step.source.features), _domains(step)
        role = self.tells == "role"
        losses = [role_loss(logits[:n], logits[n:]) if role else domain_loss(logits, domain) for logits in said]
        return torch.stack(losses).sum() + self.weight * self.semantic * self.semantics(step)

    def semantics(self, step: Step) -> Tensor:
        """The three semantic terms, added up; a term without its labels is 0."""
        assert step.pair.target is not None
        source, target = step.source.features, step.target.features
        of_source, _ = as_classes(step.pair.source.labels, step.pair.source.known)
        labelled, classes = as_classes(step.pair.target.labels, step.pair.target.known)
        free = target[torch.nonzero(~step.pair.target.known[:, 0])[:, 0]]
        total = 0.0 * target.float().sum()
        if len(of_source):
            total = total + similarity_entropy(self._similarities(free, source[of_source]))
        if len(labelled):
            centres, position = prototypes(target[labelled], classes)
            total = total + functional.cross_entropy(self._similarities(target[labelled], centres), position)
            total = total + similarity_entropy(self._similarities(free, centres))
        return total

    def diagnose(self, step: Step) -> Mapping[str, Tensor]:
        """Accuracy of each layer's discriminator on the batch, over all and per site, against chance."""
        domain = _domains(step)
        truth = domain if self.tells == "domain" else roles(len(step.source.features), len(domain), domain.device)
        return {
            f"{layer}.{key}": value
            for layer, logits in zip(self.layers, self._said(step, 0.0), strict=True)
            for key, value in told_apart(logits, truth, domain, step.domain_names).items()
        }

    def _similarities(self, rows: Tensor, others: Tensor) -> Tensor:
        return similarities(rows, others, self.temperature, self.normalise)

    def _said(self, step: Step, strength: float) -> list[Tensor]:
        assert step.own is not None
        seen = [torch.cat([step.source.taps[layer], step.target.taps[layer]]) for layer in self.layers]
        said: list[Tensor] = step.own([reverse_gradient(values, strength) for values in seen])
        return said


def _domains(step: Step) -> Tensor:
    assert step.pair.target is not None
    return torch.cat([step.pair.source.domain, step.pair.target.domain])


class Stack(nn.Module):
    """A discriminator per layer; each also sees the answer of the one before.

    Args:
        widths: of the layers, front to back.
        hidden: units of each hidden layer.
        seed: of the initial weights.
        outputs: of each, 1 for source against target, else the number of domains.
    """

    def __init__(self, widths: Sequence[int], hidden: int, seed: int, outputs: int = 1) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            Discriminator(width + outputs * (level > 0), hidden, outputs, seed + level)
            for level, width in enumerate(widths)
        )

    def forward(self, layers: Sequence[Tensor]) -> list[Tensor]:
        """Activations per layer, each (n, d_l), to logits per layer, each (n, outputs)."""
        said: list[Tensor] = []
        for level, values in zip(self.levels, layers, strict=True):
            said.append(level(torch.cat([values.float(), said[-1]], dim=1) if said else values))
        return said
