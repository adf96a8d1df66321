"""Weights for features and for source studies, found in turn."""
from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.biweighting import BiWeighting as Estimator
from medtl.functional.boosting.learners import Voter
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled, linear_learner, vote_head


@dataclass(frozen=True, config=OPTIONS)
class BIW(Boosted):
    """Learns the network, then weighs its features (those that tell classes and agree between domains count more) and
    the source studies (those like the target count more) in turn, and fits a linear head on both and the target.

    The paper's update could not be read; this form is ours.

    Args:
        strength: inverse penalty of the head.
        eps: added to each feature's gap between domains, in standard deviations.
        clip: studies' weights lie within [1 / clip, clip] before scaling.
        tolerance: largest change of a feature's weight that counts as none.
        steps: at most so many.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        After Wan et al. 2011, "Bi-Weighting Domain Adaptation for Cross-Language Text Classification".
    """

    strength: Annotated[float, Field(gt=0)] = 0.1
    eps: Annotated[float, Field(gt=0)] = 0.1
    clip: Annotated[float, Field(gt=1)] = 10.0
    tolerance: Annotated[float, Field(gt=0)] = 1e-3
    steps: Annotated[int, Field(ge=1)] = 50

    def boost(self, of: Labelled, seed: int) -> Boost:
        """One learner, its coordinates folded into its weights, and the weights of the source."""
        found = Estimator(
            linear_learner(self.strength), eps=self.eps, clip=self.clip, tolerance=self.tolerance, steps=self.steps
        ).fit(of.source, of.source_labels, of.target, of.target_labels)
        scale = np.where(np.isfinite(of.scale), of.scale, 0.0)
        raw = replace(of, mean=of.mean + found.mean_ * scale, scale=of.scale * found.scale_)
        return Boost(vote_head([Voter(found.learner_, 1.0, 0.0)], raw, "soft", found.features_), found.weights_)
