"""Deep joint distribution optimal transport: features and labels transported together."""
from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.functional.transport import feature_costs, label_costs, transport_plan
from medtl.methods.base import OPTIONS, Method, Step


@dataclass(frozen=True, config=OPTIONS)
class DeepJDOT(Method):
    """Transports each source batch to its target batch at the least cost of features and labels, and lowers that cost.

    The cost of a pair is `features` times the squared distance of its features plus `labels` times the loss of the
    target's prediction under the source's label. The plan is exact (POT) and held still while the network moves.
    Each study must go somewhere: where prevalences differ, some go to the wrong class.

    Args:
        weight: factor of the whole penalty, at least 0.
        layers: whose squared distances are added up: `features` (the paper's), or parts of the network too.
        features: factor α of the squared distance of features.
        labels: factor λ of the label's loss.

    Reference:
        Damodaran et al. 2018, "DeepJDOT: Deep Joint Distribution Optimal Transport for Unsupervised Domain
        Adaptation".
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features",)
    features: Annotated[float, Field(ge=0)] = 0.001
    labels: Annotated[float, Field(ge=0)] = 0.1

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The layers of the cost."""
        return self.layers

    def penalty(self, step: Step) -> Tensor:
        """Weight times the cost of the optimal plan."""
        costs = [feature_costs(step.source.taps[layer], step.target.taps[layer]) for layer in self.layers]
        of_features = torch.stack(costs).sum(dim=0)
        batch = step.pair.source
        of_labels = label_costs(batch.labels, batch.known, step.target.outputs, step.task.kind)
        cost = self.features * of_features + self.labels * of_labels
        return self.weight * (transport_plan(cost) * cost).sum()
