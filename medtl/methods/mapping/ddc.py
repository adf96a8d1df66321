"""Deep domain confusion: feature means of both domains brought together."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.functional.moments import mean_distance, standardised_mean_distance
from medtl.methods.base import OPTIONS, Method, Step
from medtl.methods.mapping._between import Domains, between


@dataclass(frozen=True, config=OPTIONS)
class DDC(Method):
    """Adds the distance of the feature means, which is the maximum mean discrepancy of the linear kernel.

    Two domains of equal mean and different spread pass for equal; `dan` sees the difference. The log has the distance
    of each layer over the spread within the domains, to choose layer and width by, as the paper does by the distance.

    Args:
        weight: factor of the penalty, at least 0.
        layers: what is aligned: `features` (the adaptation layer, as in the paper), `outputs`, or parts of the network.
        squared: the squared norm, as in the paper's loss, or the norm.
        domains: `pooled` for source against target, `pairwise` for every site or scanner against every other.

    Reference:
        Tzeng et al. 2014, "Deep Domain Confusion: Maximizing for Domain Invariance".
    """

    weight: Annotated[float, Field(ge=0)] = 0.25
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features",)
    squared: bool = True
    domains: Domains = "pooled"

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The aligned layers."""
        return self.layers

    def penalty(self, step: Step) -> Tensor:
        """Weight times the sum over layers of the (squared) distance of means."""
        return self.weight * torch.stack([self._distance(step, layer) for layer in self.layers]).sum()

    def diagnose(self, step: Step) -> Mapping[str, Tensor]:
        """How far source and target are apart on each layer, over the spread within them."""
        taps = step.source.taps, step.target.taps
        return {f"distance.{layer}": standardised_mean_distance(*(of[layer] for of in taps)) for layer in self.layers}

    def _distance(self, step: Step, layer: str) -> Tensor:
        def distance(source: list[Tensor], target: list[Tensor]) -> Tensor:
            norm = mean_distance(source[0], target[0])
            return norm.square() if self.squared else norm

        return between(step, (layer,), distance, self.domains)
