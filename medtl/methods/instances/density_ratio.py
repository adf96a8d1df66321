"""Source studies weighted by how much they look like the target, read off a classifier."""
from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass
from sklearn.linear_model import LogisticRegression

from medtl.functional.weighting import mean_one
from medtl.methods.base import OPTIONS, Method
from medtl.types import Table

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse penalties that the classifier chooses from, on standardised principal axes."""


@dataclass(frozen=True, config=OPTIONS)
class DensityRatio(Method):
    r"""Weighs each source study by an estimate of p_target(x) / p_source(x) at its initial features.

    A logistic regression tells target from source; its odds times n_source / n_target are the ratio. Each study's odds
    come from folds without its patient, and the penalty with the lowest held-out log loss is taken, so that a
    classifier that only remembers does not pass for a shift. The ratio is clipped to [1 / `clip`, `clip`], then scaled
    to mean 1. No label is read.

    Args:
        clip: largest ratio, above 1: a bound on the variance that single studies bring.
        folds: of patients, at least 2.

    Reference:
        Sugiyama et al. 2012, "Density Ratio Estimation in Machine Learning", section 4.1; Bickel et al. 2009,
        "Discriminative Learning Under Covariate Shift".
    """

    clip: Annotated[float, Field(gt=1)] = 10.0
    folds: Annotated[int, Field(ge=2)] = 5

    needs_target_images: ClassVar[bool] = True

    def weigh(self, table: Table) -> NDArray[np.float32]:
        """Weights of the source rows, mean 1; target rows have 1."""
        is_source = table.is_source
        axes = _principal_axes(table.features)
        odds = _held_out_odds(axes, ~is_source, _patient_folds(table, self.folds))
        ratio = odds * (is_source.sum() / max(1, (~is_source).sum()))
        weights = mean_one(np.clip(ratio, 1.0 / self.clip, self.clip), is_source)
        weights[~is_source] = 1.0
        return weights


def _principal_axes(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Standardised features in the basis of their own span: the same classifier from min(n, d) columns."""
    x = features.astype(np.float64)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6 * max(1.0, float(np.abs(x).max())))
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    axes: NDArray[np.float64] = u * s / np.sqrt(x.shape[1])  # rows have about unit length, whatever the width
    return axes


def _patient_folds(table: Table, folds: int) -> NDArray[np.int64]:
    """A fold per row: patients in order of appearance within their role, dealt out in turn."""
    dealt: dict[tuple[str, str], int] = {}
    counts = {"source": 0, "target": 0}
    fold = np.zeros(len(table), dtype=np.int64)
    for i, role in enumerate(table.role):
        who = (role, table.patient[i] or f"study {table.study[i]}")
        if who not in dealt:
            dealt[who] = counts[role] % folds
            counts[role] += 1
        fold[i] = dealt[who]
    return fold


def _held_out_odds(
    axes: NDArray[np.float64], is_target: NDArray[np.bool_], fold: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Odds of being target, of each row under a classifier that has not seen its patient."""
    share = float(is_target.mean())  # what a classifier that sees nothing would say, and must be beaten
    best_loss = -(share * np.log(share) + (1.0 - share) * np.log(1.0 - share))
    best = np.full(len(axes), share / (1.0 - share))
    for strength in STRENGTHS:
        logits = np.zeros(len(axes))
        for held_out in np.unique(fold):
            out = fold == held_out
            if len(np.unique(is_target[~out])) < 2:
                return best  # too few patients to tell anything: no shift is claimed
            model = LogisticRegression(C=strength * len(axes), max_iter=1000).fit(axes[~out], is_target[~out])
            logits[out] = model.decision_function(axes[out])
        loss = float(np.logaddexp(0.0, np.where(is_target, -logits, logits)).mean())
        if loss < best_loss:
            best_loss, best = loss, np.exp(np.clip(logits, -30.0, 30.0))
    return best
