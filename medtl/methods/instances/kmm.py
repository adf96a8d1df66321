"""Source studies weighted so that their mean in a kernel's space is the target's."""
from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.kernel_mean_matching import kernel_mean_matching
from medtl.functional.standardise import median_distance2, squared_distances, standardised
from medtl.functional.weighting import mean_one
from medtl.methods.base import OPTIONS, Method
from medtl.types import Table


@dataclass(frozen=True, config=OPTIONS)
class KMM(Method):
    r"""Weighs source studies by kernel mean matching on standardised initial features.

    A Gaussian kernel whose squared width is `bandwidth` times the median squared distance of the pooled studies; then
    the weights minimise the distance of the kernel means, within [0, `bound`] and with a mean within 1 ± `slack`, and
    are scaled to mean 1. With few studies the kernel matrix is nearly singular and the paper's weights are spikes;
    `ridge`, which is ours, pulls each to 1. No label is read.

    Args:
        bound: largest weight, at least 1 (B of the paper).
        slack: how far the mean may be from 1; (√n − 1) / √n, the paper's choice, if left out.
        ridge: pull of each weight to 1 beside a kernel whose diagonal is 1; 0 is the paper.
        bandwidth: squared kernel width as a multiple of the median squared distance.

    Reference:
        Huang et al. 2006, "Correcting Sample Selection Bias by Unlabeled Data", eq. 12.
    """

    bound: Annotated[float, Field(ge=1)] = 10.0
    slack: Annotated[float, Field(ge=0)] | None = None
    ridge: Annotated[float, Field(ge=0)] = 1.0
    bandwidth: Annotated[float, Field(gt=0)] = 1.0

    needs_target_images: ClassVar[bool] = True

    def weigh(self, table: Table) -> NDArray[np.float32]:
        """Weights of the source rows, mean 1; target rows have 1."""
        is_source = table.is_source
        x = standardised(table.features)
        source, target = x[is_source], x[~is_source]
        width = 2.0 * self.bandwidth * median_distance2(source, target)
        n = len(source)
        found = kernel_mean_matching(
            np.exp(-squared_distances(source, source) / width),
            np.exp(-squared_distances(source, target) / width),
            bound=self.bound,
            ridge=self.ridge,
            slack=1.0 - 1.0 / np.sqrt(n) if self.slack is None else self.slack,
        )
        weights = np.ones(len(table))
        weights[is_source] = found
        scaled = mean_one(weights, is_source)
        scaled[~is_source] = 1.0
        return scaled
