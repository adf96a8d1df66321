"""Source studies weighted by a density ratio of the largest likelihood."""
from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.importance import ratio_coefficients
from medtl.functional.standardise import median_distance2, squared_distances, standardised
from medtl.functional.weighting import mean_one
from medtl.methods.base import OPTIONS, Method
from medtl.types import Table

LEAST = 1e-12
"""A likelihood below this is as bad as this."""
ROUGH = 1e-3
"""How much mean log likelihood a fit may miss while widths are compared."""


@dataclass(frozen=True, config=OPTIONS)
class KLIEP(Method):
    r"""Weighs source studies by p_target / p_source modelled as a sum of Gaussian kernels at target studies.

    The coefficients maximise the likelihood of the target under the ratio times the source. The kernel width is the one
    of `bandwidths` with the largest held-out likelihood over folds of target patients. Features are the initial ones,
    standardised; weights have mean 1. No label is read.

    Args:
        bandwidths: squared kernel widths to choose from, as multiples of the median squared distance.
        centres: at most so many kernels, at target studies evenly spaced in the order of the table.
        folds: of target patients, at least 2.

    Reference:
        Sugiyama et al. 2008, "Direct Importance Estimation for Covariate Shift Adaptation", figures 1 and 2.
    """

    bandwidths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (0.1, 0.3, 1.0, 3.0)
    centres: Annotated[int, Field(ge=1)] = 200
    folds: Annotated[int, Field(ge=2)] = 5

    needs_target_images: ClassVar[bool] = True

    def weigh(self, table: Table) -> NDArray[np.float32]:
        """Weights of the source rows, mean 1; target rows have 1."""
        is_source = table.is_source
        x = standardised(table.features)
        source, target = x[is_source], x[~is_source]
        fold = _patient_folds(table, np.flatnonzero(~is_source), self.folds)
        unit = 2.0 * median_distance2(source, target)
        widths = [unit * bandwidth for bandwidth in self.bandwidths]
        width = widths[0]
        if len(widths) > 1 and len(np.unique(fold)) > 1:
            width = max(widths, key=lambda w: self._likelihood(source, target, fold, w))
        weights = np.ones(len(table))
        weights[is_source] = self._ratio(source, target, source, width)
        scaled = mean_one(weights, is_source)
        scaled[~is_source] = 1.0
        return scaled

    def _ratio(
        self, source: NDArray[np.float64], target: NDArray[np.float64], at: NDArray[np.float64], width: float,
        tolerance: float = 1e-4,
    ) -> NDArray[np.float64]:
        """The ratio fitted on both domains, evaluated at rows."""
        chosen = np.unique(np.linspace(0, len(target) - 1, min(self.centres, len(target))).astype(np.int64))
        centres = target[chosen]

        def kernel(rows: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.exp(-squared_distances(rows, centres) / width)

        alpha = ratio_coefficients(kernel(target), kernel(source), tolerance=tolerance)
        ratio: NDArray[np.float64] = kernel(at) @ alpha
        return ratio

    def _likelihood(
        self, source: NDArray[np.float64], target: NDArray[np.float64], fold: NDArray[np.int64], width: float
    ) -> float:
        """Mean log ratio of target rows under a fit without their patient."""
        logs = np.zeros(len(target))
        for held_out in np.unique(fold):
            out = fold == held_out
            logs[out] = np.log(np.maximum(self._ratio(source, target[~out], target[out], width, ROUGH), LEAST))
        return float(logs.mean())


def _patient_folds(table: Table, rows: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """A fold per row, patients in order of appearance dealt out in turn."""
    dealt: dict[str, int] = {}
    return np.array(
        [dealt.setdefault(table.patient[i] or f"study {table.study[i]}", len(dealt) % folds) for i in rows],
        dtype=np.int64,
    )
