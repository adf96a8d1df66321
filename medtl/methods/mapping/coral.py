"""Deep CORAL: covariances of both domains brought together."""
from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.functional.moments import coral_distance
from medtl.methods.base import OPTIONS, Method, Step
from medtl.methods.mapping._between import Domains, between


@dataclass(frozen=True, config=OPTIONS)
class CORAL(Method):
    """Adds the squared Frobenius distance of the feature covariances, over 4 d².

    Means are not compared: `ddc` beside it does that. The closed form on finished features is `feature_coral`.

    Args:
        weight: factor of the penalty, at least 0. The paper tunes it so that both losses end up about equal.
        layers: what is aligned: `features`, `outputs` (the paper's classifier layer), or parts of the network.
        domains: `pooled` for source against target, `pairwise` for every site or scanner against every other.

    Reference:
        Sun & Saenko 2016, "Deep CORAL: Correlation Alignment for Deep Domain Adaptation", eq. 1.
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features",)
    domains: Domains = "pooled"

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The aligned layers."""
        return self.layers

    def penalty(self, step: Step) -> Tensor:
        """Weight times the sum over layers of the distance of covariances."""

        def distance(source: list[Tensor], target: list[Tensor]) -> Tensor:
            return coral_distance(source[0], target[0])

        terms = [between(step, (layer,), distance, self.domains) for layer in self.layers]
        return self.weight * torch.stack(terms).sum()
