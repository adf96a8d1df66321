"""Sliced Wasserstein alignment: equal projections on every line."""
from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.functional.wasserstein import sliced_wasserstein2
from medtl.methods.base import OPTIONS, Method, Step
from medtl.methods.mapping._between import Domains, between


@dataclass(frozen=True, config=OPTIONS)
class SlicedWasserstein(Method):
    """Adds the mean squared 2-Wasserstein distance of the features' projections on random lines, drawn at every step.

    Its gradient moves every study towards one of the other domain, so it does not fade for far domains as a kernel
    does. On few studies it is biased upwards: even equal domains have a positive distance.

    Args:
        weight: factor of the penalty, at least 0.
        layers: what is aligned: `features`, `outputs`, or parts of the network.
        projections: lines per step.
        domains: `pooled` for source against target, `pairwise` for every site or scanner against every other.

    Reference:
        Bonneel et al. 2015, "Sliced and Radon Wasserstein Barycenters of Measures"; Lee et al. 2019, "Sliced
        Wasserstein Discrepancy for Unsupervised Domain Adaptation", which slices the outputs of two classifiers: to
        slice the features is our form.
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features",)
    projections: Annotated[int, Field(gt=0)] = 128
    domains: Domains = "pooled"

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The aligned layers."""
        return self.layers

    def penalty(self, step: Step) -> Tensor:
        """Weight times the sum over layers of the sliced distance."""

        def distance(source: list[Tensor], target: list[Tensor]) -> Tensor:
            directions = torch.randn(source[0].shape[1], self.projections).to(source[0].device)  # of the CPU's stream
            return sliced_wasserstein2(source[0], target[0], directions)

        terms = [between(step, (layer,), distance, self.domains) for layer in self.layers]
        return self.weight * torch.stack(terms).sum()
