"""Deep adaptation network: features of both domains with equal mean embeddings."""
from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.functional.discrepancy import mk_mmd2, mmd2
from medtl.functional.kernels import BANDWIDTHS
from medtl.functional.scalable import linear_time_mmd2, random_feature_mmd2
from medtl.methods.base import OPTIONS, Method, Step
from medtl.methods.mapping._between import Domains, between
from medtl.models.model import Model


@dataclass(frozen=True, config=OPTIONS)
class DAN(Method):
    """Adds the multi-kernel maximum mean discrepancy between source and target, on one or several layers.

    The penalty is `weight` times the sum over `layers` of the unbiased MMD² with Gaussian kernels whose widths are
    multiples of the pooled mean squared distance of the batch. Its expectation is zero once the domains agree, so a
    batch's value may be negative. A part's activations are compared after pooling to one row per study.

    For batches of thousands there are two estimates whose cost grows with the rows instead of with their square:
    `linear` uses disjoint pairs only and varies more, `random_features` replaces each kernel by random cosines and
    sines, drawn at every step. Both weigh kernels equally.

    Args:
        weight: factor of the penalty, at least 0.
        layers: what is aligned: `features`, `outputs`, or parts of the network.
        bandwidths: kernel widths as multiples of the pooled mean squared distance, at most 10.
        kernel_weights: `uniform`, or `quadratic` for the paper's program, solved for each batch and layer.

        estimate: `exact` double sums, or `linear` or `random_features` for large batches.
        random_features: frequencies of `random_features`.
        domains: `pooled` for source against target, `pairwise` for every site or scanner against every other.

    Reference:
        Long et al. 2015, "Learning Transferable Features with Deep Adaptation Networks".
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features",)
    bandwidths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=10)] = BANDWIDTHS
    kernel_weights: Literal["uniform", "quadratic"] = "uniform"
    estimate: Literal["exact", "linear", "random_features"] = "exact"
    random_features: Annotated[int, Field(gt=0)] = 512
    domains: Domains = "pooled"

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The aligned layers."""
        return self.layers

    def check(self, model: Model) -> tuple[str, ...]:
        """The quadratic program needs the whole kernel matrices."""
        if self.estimate == "exact" or self.kernel_weights == "uniform":
            return ()
        return (
            f"dan: kernel_weights quadratic needs estimate exact, found {self.estimate}; use uniform kernel_weights",
        )

    def penalty(self, step: Step) -> Tensor:
        """Weight times the sum over layers of MMD²."""
        terms = [between(step, (layer,), self._distance, self.domains) for layer in self.layers]
        return self.weight * torch.stack(terms).sum()

    def _distance(self, sources: list[Tensor], targets: list[Tensor]) -> Tensor:
        source, target = sources[0], targets[0]
        if self.estimate == "linear":
            return linear_time_mmd2(source, target, self.bandwidths)
        if self.estimate == "random_features":
            frequencies = torch.randn(source.shape[1], self.random_features).to(source.device)  # of the CPU's stream
            return random_feature_mmd2(source, target, frequencies, self.bandwidths)
        return (mk_mmd2 if self.kernel_weights == "quadratic" else mmd2)(source, target, self.bandwidths)
