"""Joint adaptation network: the joint distribution of several layers made equal."""
from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.functional.joint import jmmd2
from medtl.functional.kernels import BANDWIDTHS
from medtl.methods.base import OPTIONS, Method, Step
from medtl.methods.mapping._between import Domains, between


@dataclass(frozen=True, config=OPTIONS)
class JAN(Method):
    """Adds the joint maximum mean discrepancy: the kernel is the product over layers of each layer's kernel.

    The layer `outputs` is read as scores (softmax, or sigmoids of several labels), as in the paper; the estimate is
    unbiased, the left out terms i = j being those of the product. Domains of different prevalence have different
    scores, which this method takes for a shift.

    Args:
        weight: factor of the penalty, at least 0.
        layers: whose joint distribution is aligned: `features`, `outputs`, or parts of the network.
        bandwidths: kernel widths as multiples of each layer's pooled mean squared distance.
        domains: `pooled` for source against target, `pairwise` for every site or scanner against every other.

    Reference:
        Long et al. 2017, "Deep Transfer Learning with Joint Adaptation Networks".
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features", "outputs")
    bandwidths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=10)] = BANDWIDTHS
    domains: Domains = "pooled"

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The aligned layers."""
        return self.layers

    def penalty(self, step: Step) -> Tensor:
        """Weight times JMMD²."""

        def distance(source: list[Tensor], target: list[Tensor]) -> Tensor:
            return jmmd2(source, target, self.bandwidths)

        return self.weight * between(step, self.layers, distance, self.domains, scores=True)
