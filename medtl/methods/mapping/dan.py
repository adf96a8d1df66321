"""Deep adaptation network: features of both domains with equal mean embeddings."""
from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.functional.discrepancy import mk_mmd2, mmd2
from medtl.functional.kernels import BANDWIDTHS
from medtl.methods.base import OPTIONS, Method, Step


@dataclass(frozen=True, config=OPTIONS)
class DAN(Method):
    """Adds the multi-kernel maximum mean discrepancy between source and target, on one or several layers.

    The penalty is `weight` times the sum over `layers` of the unbiased MMD² with Gaussian kernels whose widths are
    multiples of the pooled mean squared distance of the batch. Its expectation is zero once the domains agree, so a
    batch's value may be negative. A part's activations are compared after pooling to one row per study.

    Args:
        weight: factor of the penalty, at least 0.
        layers: what is aligned: `features`, `outputs`, or parts of the network.
        bandwidths: kernel widths as multiples of the pooled mean squared distance, at most 10.
        kernel_weights: `uniform`, or `quadratic` for the paper's program, solved for each batch and layer.

    Reference:
        Long et al. 2015, "Learning Transferable Features with Deep Adaptation Networks", eq. 4-7.
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features",)
    bandwidths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=10)] = BANDWIDTHS
    kernel_weights: Literal["uniform", "quadratic"] = "uniform"

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The aligned layers."""
        return self.layers

    def penalty(self, step: Step) -> Tensor:
        """Weight times the sum over layers of MMD²."""
        distance = mk_mmd2 if self.kernel_weights == "quadratic" else mmd2
        terms = [
            distance(step.source.taps[layer], step.target.taps[layer], self.bandwidths) for layer in self.layers
        ]
        return self.weight * torch.stack(terms).sum()
